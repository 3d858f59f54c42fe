/* span — a borrowed, not NUL-terminated, run of octets.
 *
 * Owner:  whoever made the octets; a span never frees.
 * Lives:  as long as the thing it points into (for a protocol request: until the handler
 *         returns).  Copy what must outlive that.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *p;
	size_t n;
};

#define SPAN_LIT(s) ((struct span) { (s), sizeof(s) - 1 })
#define SPAN_FMT(s) (int)(s).n, (s).p /* for "%.*s"; n <= INT_MAX */

struct span span_str(const char *s);
struct span span_of(const void *p, size_t n);
bool span_eq(struct span a, struct span b);
bool span_eq_nocase(struct span a, struct span b); /* ASCII only */
bool span_starts(struct span s, struct span prefix);
bool span_has(struct span s, char c);
bool span_is_ascii(struct span s);

/* Without blanks, tabs and CR at either end. */
struct span span_trim(struct span s);
/* The same, and without LF: what is left has no folds at either end. */
struct span span_trim_folds(struct span s);

/* The octets of `s` from `from` on, at most `n`; both are clamped to what is there. */
struct span span_sub(struct span s, size_t from, size_t n);

/* Cut *rest at the first `sep`: returns what precedes it and moves *rest past it.  Without a
 * separator the whole of *rest is returned and *rest is empty. */
struct span span_cut(struct span *rest, char sep);

/* 1*19DIGIT without leading zero (or "0" itself), so that each number has one form. */
bool span_u64(struct span s, uint64_t *out);

/* For hash tables.  A table whose keys are chosen by strangers gives a secret seed (random_bytes). */
uint64_t span_hash(struct span s, uint64_t seed);

/* Copies into dst[cap] with a NUL; false, and dst empty, where it does not fit or holds a NUL. */
bool span_copy(struct span s, char *dst, size_t cap);

#endif
