/* row — one line of a listing, "word key=value key=value": written, and read from a payload.
 *
 * Spec:   SPEC.md "Rows".  A value is printable UTF-8 in which a space is "%20" and "%" is "%25":
 *         nothing in it can end the value, the line or the payload, and each has one form.
 * Form:   unknown words and keys are ignored, so that later versions may add some.  A key that
 *         occurs twice, or a malformed value, is a fault of the row.
 * Owner:  a row that is read borrows from its line.
 * Trust:  when read, every octet is the peer's.
 */
#ifndef PROTO_ROW_H
#define PROTO_ROW_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/ulid.h"

#define ROW_PAGE_ROWS  100           /* letters or notices on one page */
#define ROW_PAGE_BYTES (48 * 1024)   /* a page that is fuller than this ends (at a whole letter) */
#define ROW_PAGE_MAX   (1024 * 1024) /* octets; a client takes no larger page */
#define ROW_FIELDS_MAX 32

/* -- writing ------------------------------------------------------------------------------- */

struct row_writer {
	struct buf *out;
	size_t start;
};

struct row_writer row_begin(struct buf *out, const char *word);
/* Octets that are not printable UTF-8 become "?"; a value that does not fit into the line is cut, or
 * left out with its key, so write the longest text last. */
void row_text(struct row_writer *w, const char *key, struct span value);
/* The same; a value that does not fit as a whole is left out. */
void row_whole(struct row_writer *w, const char *key, struct span value);
void row_u64(struct row_writer *w, const char *key, uint64_t value);
void row_date(struct row_writer *w, const char *key, int64_t wall_s); /* 0: left out */
void row_id(struct row_writer *w, const char *key, const struct ulid *id);
void row_end(struct row_writer *w);
void row_more(struct buf *page); /* the row "more": further pages follow */

/* -- reading ------------------------------------------------------------------------------- */

struct row {
	struct span word;
	struct span keys[ROW_FIELDS_MAX], values[ROW_FIELDS_MAX];
	size_t n;
	const char *fault; /* key of the first malformed value */
};

/* A whole line without CRLF.  False: bad_reply. */
bool row_parse(struct row *r, struct span line, struct err *e);

/* Each gives "" or 0 where the key is missing; sticky: row_done says whether all were
 * well-formed. */
bool row_has(const struct row *r, const char *key);
void row_read_text(struct row *r, const char *key, char *dst, size_t cap);
uint64_t row_read_u64(struct row *r, const char *key);
int64_t row_read_date(struct row *r, const char *key);
void row_read_id(struct row *r, const char *key, struct ulid *id); /* missing: a fault */
/* Index in a list of names that ends with NULL; an unknown or missing one: a fault, 0. */
int row_read_name(struct row *r, const char *key, const char *const *names);
void row_fail(struct row *r, const char *key);     /* the caller finds it wrong */
bool row_done(const struct row *r, struct err *e); /* false: bad_reply */

/* Cuts a payload that arrives in pieces into rows.  `kept` holds the beginning of a line, at most
 * LINE_MAX_BYTES.  False: *e is set by `each` or is bad_reply. */
bool row_feed(struct buf *kept, struct span piece,
    bool (*each)(void *arg, struct row *r, struct err *e), void *arg, struct err *e);

#endif
