/* form — what a part of a letter says about itself, and its text in UTF-8.
 *
 * Part of mime.c.
 *
 * Trust:  every octet is the sender's.
 * Owner:  form_clear frees what form_read filled.
 */
#ifndef MC_FORM_PRIVATE_H
#define MC_FORM_PRIVATE_H

#include <gmime/gmime.h>

#include "common/base/buf.h"

struct form {
	GMimeContentType *type;
	GMimeContentDisposition *disposition; /* NULL: none */
	bool plain, html, text, attached;
};

/* The value of the n-th field of a name, as it came; NULL: there are not so many. */
const char *form_field(GMimeObject *o, const char *name, int n);

/* `charset`: of names in raw octets, where the part itself names none.
 * Text is to be shown where it is, with a name or without, unless the part says `attached`. */
void form_read(struct form *f, GMimeObject *o, struct span charset);
void form_clear(struct form *f);
const char *form_name(const struct form *f); /* of the file; NULL: none */
/* Whether a parameter of Content-Type has that value, in any case. */
bool form_says(const struct form *f, const char *name, const char *value);
/* Adds the part's text in UTF-8, from at most `most` octets of it; *cut: there are more.  False:
 * some octets could not be read. */
bool form_text(const struct form *f, GMimePart *p, struct buf *out, size_t most, bool *cut);

#endif
