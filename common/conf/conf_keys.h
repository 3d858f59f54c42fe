/* conf_keys — the table of configuration keys, and the forms of their values.
 *
 * conf.c, the daemons' reload and the test that checks the table use it.  The parser, the checks, the
 * effective configuration and the manual all read these rows.
 */
#ifndef COMMON_CONF_CONF_KEYS_H
#define COMMON_CONF_CONF_KEYS_H

#include "common/conf/conf.h"

/* From CONF_OMS on in the order of enum conf_role_index. */
enum conf_section {
	CONF_ROOT,
	CONF_DOMAIN,
	CONF_PEER,
	CONF_SMTP,
	CONF_OMS,
	CONF_IMS,
	CONF_SECTIONS
};

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
	CONF_ADDRESS,
	CONF_HOST, /* struct domain */
	CONF_URL,
	CONF_MAIL,  /* an address of mail, in canonical form */
	CONF_MAILS, /* struct conf_mails */
	CONF_PAIRS, /* struct conf_pairs, of any words */
	CONF_USERS, /* struct conf_pairs, of logins of this machine and addresses of mail */
	CONF_ROAD,  /* of SMTP outward */
	CONF_LOGIN,
	/* one of a few words; each is an enum of conf.h */
	CONF_MODE,
	CONF_DANE,
	CONF_OPEN,
	CONF_SWITCH
};

struct conf_section_row {
	const char *name; /* "" for CONF_ROOT */
	bool titled;      /* may appear often, each time with another title */
	size_t given;     /* else: the bool in struct conf that says whether it is in the file */
};

struct conf_key {
	enum conf_section section;
	const char *name;
	enum conf_type type;
	size_t offset; /* in struct conf; for a titled section in the struct of its title */
	const char
	    *fallback;    /* "": empty; NULL: must be given.  Of CONF_LISTENS: NULL, or "none" */
	int64_t min, max; /* of numbers, in the key's unit; min of CONF_LISTENS: the port */
	const char *help;
	bool late; /* takes effect at the next start; else at a reload */
};

extern const struct conf_key conf_keys[]; /* ended by a row without a name */
extern const struct conf_section_row conf_sections[CONF_SECTIONS];

const struct conf_key *conf_key_of_listener(enum conf_listener l);

/* May it have several values?  Then each is added, and "" as fallback means that there is none. */
bool conf_key_is_list(const struct conf_key *k);

/* Checks `text` and stores it into the struct at `base` (a list: adds it).  False: *e is
 * config, with the fault and the right form. */
bool conf_key_set(const struct conf_key *k, void *base, const char *text, struct err *e);
/* Copies the value from the struct at `old` to the one at `base`.  False: it was the same. */
bool conf_key_keep(const struct conf_key *k, void *base, const void *old);
/* The value as it is written in a file; times and sizes in the largest unit that divides them. */
void conf_key_print(const struct conf_key *k, const void *base, struct buf *out);

#endif
