/* conf_keys — the table of configuration keys, and the forms of their values.
 *
 * Used by conf.c and the daemons' reload, and by the test that holds the table against itself.  The
 * parser, the checks, the effective configuration and the manual all read these rows.
 */
#ifndef COMMON_CONF_CONF_KEYS_H
#define COMMON_CONF_CONF_KEYS_H

#include "common/conf/conf.h"

/* From CONF_OMS on in the order of enum conf_role_index. */
enum conf_section { CONF_ROOT, CONF_DOMAIN, CONF_OMS, CONF_IMS, CONF_SECTIONS };

enum conf_type {
	CONF_INT,
	CONF_TIME,
	CONF_SIZE,
	CONF_BOOL,
	CONF_PATH,
	CONF_USER,
	CONF_RESOLVER,
	CONF_LEVEL,
	CONF_LISTENS,
	CONF_ADDRESS
};

struct conf_key {
	enum conf_section section;
	const char *name;
	enum conf_type type;
	size_t offset;        /* in struct conf; for CONF_DOMAIN in struct conf_domain */
	const char *fallback; /* "" : empty; NULL: must be given */
	int64_t min, max;     /* of numbers, in the key's unit; min of CONF_LISTENS: the port */
	const char *help;
	bool late; /* in force from the next start on; else from a reload on */
};

extern const struct conf_key conf_keys[];                   /* ended by a row without a name */
extern const char *const conf_section_names[CONF_SECTIONS]; /* "" for CONF_ROOT */

/* Checks `text` and stores it into the struct at `base` (CONF_LISTENS: adds it).  False: *e is
 * config and says what is wrong and how it is written. */
bool conf_key_set(const struct conf_key *k, void *base, const char *text, struct err *e);
/* Gives the struct at `base` the value of the one at `old`.  False: it has it already. */
bool conf_key_keep(const struct conf_key *k, void *base, const void *old);
/* The value as it is written in a file; times and sizes in the largest unit that divides them. */
void conf_key_print(const struct conf_key *k, const void *base, struct buf *out);

#endif
