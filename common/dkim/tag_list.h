/* tag_list — "tag=value; tag=value", the form of DKIM signatures, DKIM keys and DMARC records.
 *
 * Spec:   RFC 6376 3.2; values may have UTF-8 (RFC 8616).  DMARC's records (RFC 7489 6.4) have this form too.
 * Rules:  a name is there at most once; a list with a fault anywhere is none.  At most TAGS_MAX tags.
 * Trust:  every octet is a stranger's.
 */
#ifndef COMMON_DKIM_TAG_LIST_H
#define COMMON_DKIM_TAG_LIST_H

#include "common/base/buf.h"

#define TAGS_MAX 64

struct tag {
	struct span name,
	    value; /* without blanks at either end; the value may have blanks and folds inside */
};

/* Borrows the text. */
struct tag_list {
	struct tag tag[TAGS_MAX];
	size_t n;
};

bool tag_list_parse(struct span text, struct tag_list *out);
/* NULL: it is not there.  Names are compared with case. */
const struct tag *tag_list_find(const struct tag_list *l, const char *name);

/* Is `word` one of the words of a value with colons between them?  Blanks around words do not count, nor does
 * case. */
bool tag_has_word(struct span value, const char *word);
/* Appends the octets that a value says in base64; blanks do not count, and "=" at the end may be missing. */
bool tag_base64(struct span value, struct buf *out);

#endif
