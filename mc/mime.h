/* mime — reads a letter with GMime: header fields, text, parts.
 *
 * A letter is read from a file within bounds (bounds.h, and those below); the rest is not
 * parsed, and `hit` or `too_deep` says so; --raw still has the whole letter.  All text
 * that comes out is UTF-8 (charset.h; octets that could not be read stay as they are) without
 * fillers (visible.h), and foreign: out.h sanitises it.
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
#define MIME_TEXT_BYTES (4 * 1024 * 1024) /* of text that are shown; --raw has the rest */
#define MIME_HTML_BYTES MIME_TEXT_BYTES   /* of HTML that are parsed */

struct mime_part {
	struct buf name; /* empty: it has none */
	struct buf type; /* "application/pdf" */
	uint64_t octets; /* decoded */
};

struct mime_letter {
	struct buf from, to, cc, subject, message_id; /* empty: absent */
	struct buf from_address, from_name;           /* of the first in the first From */
	size_t n_from;                                /* addresses in all From fields */
	bool has_date;
	int64_t date_s;
	struct buf text;
	bool from_html;
	bool no_words;           /* HTML of which no text came */
	bool text_cut, too_deep; /* beyond a bound */
	bool lost;               /* octets of the text could not be read */
	bool damaged;            /* parts could not be told apart */
	enum bounds_hit hit;
	struct mime_part *parts; /* those with a name, and what is not shown as text */
	size_t n_parts;
};

void mime_start(void); /* once, before any other */
void mime_stop(void);

/* The letter in a file, from its first octet on.  False: no_input. */
bool mime_read(struct mime_letter *l, int fd, struct err *e);
/* Reads header fields alone, as a summary has them; sets only the first block of members. */
void mime_read_header(struct mime_letter *l, struct span header);
/* Whether `text` is all that the letter says in words. */
bool mime_is_complete(const struct mime_letter *l);
void mime_clear(struct mime_letter *l);

#endif
