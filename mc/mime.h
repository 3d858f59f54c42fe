/* mime — what a letter says: the only door to GMime.
 *
 * A letter is read from a file within bounds (bounds.h, and those below); what lies behind them
 * is not looked at and `hit` or `too_deep` says so: the letter itself stays whole for --raw.
 * All text that comes out is UTF-8 by the letter's word, and foreign: out.h sanitises it.
 *
 * Trust:  every octet is the sender's.
 * Owner:  mime_clear frees what mime_read filled.
 */
#ifndef MC_MIME_H
#define MC_MIME_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "mc/bounds.h"

#define MIME_DEPTH_MAX  100
#define MIME_PARTS_MAX  1000
#define MIME_TEXT_BYTES (4 * 1024 * 1024) /* shown of a letter; --raw has the rest */

struct mime_part {
	struct buf name; /* empty: it has none */
	struct buf type; /* "application/pdf" */
	uint64_t octets; /* decoded */
};

struct mime_letter {
	struct buf from, to, cc, subject, message_id; /* empty: absent */
	struct buf from_address;                      /* the first of From */
	size_t n_from;
	bool has_date;
	int64_t date_s;
	struct buf text;
	bool text_cut, from_html, too_deep;
	enum bounds_hit hit;
	struct mime_part *parts; /* what is not shown as text: attachments */
	size_t n_parts;
};

void mime_start(void); /* once, before any other */
void mime_stop(void);

/* The letter in a file, from its first octet on.  False: no_input. */
bool mime_read(struct mime_letter *l, int fd, struct err *e);
/* Header fields alone, as a summary has them; nothing but the first block of fields is set. */
void mime_read_header(struct mime_letter *l, struct span header);
void mime_clear(struct mime_letter *l);

/* Each address of a field's value (groups are opened); `each` returns false to stop, which makes
 * the whole false with *e as `each` set it.  A value of no addresses is bad_address. */
bool mime_addresses(struct span value, bool (*each)(void *arg, const char *address, struct err *e),
    void *arg, struct err *e);

#endif
