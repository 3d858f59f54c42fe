/* fields — reader of the signed texts' lines: "Name: value" CRLF, each in its one place.
 *
 * Sticky: after the first fault every call is a no-op and gives an empty or zero value; the
 *         caller asks once, at the end, with fields_done.
 * Spec:   SPEC.md "Statements", "Seals".
 * Owner:  values borrow from the text.
 */
#ifndef PROTO_FIELDS_H
#define PROTO_FIELDS_H

#include "common/base/address.h"
#include "common/base/err.h"

#define FIELDS_HASH_BYTES 32
#define FIELDS_HASH_VALUE (sizeof "sha256:" - 1 + 2 * FIELDS_HASH_BYTES)

struct fields {
	struct span rest;
	const char *fault; /* name of the first malformed field; NULL: none */
};

struct fields fields_of(struct span text);
/* The value of the next line, whose field is `name`. */
struct span fields_value(struct fields *f, const char *name);
/* Marks the field as malformed, unless another one is marked. */
void fields_fail(struct fields *f, const char *name);

struct span fields_domain(struct fields *f, const char *name); /* canonical */
int64_t fields_date(struct fields *f, const char *name);
uint64_t fields_number(struct fields *f, const char *name, uint64_t most);
void fields_hash(struct fields *f, const char *name, unsigned char out[FIELDS_HASH_BYTES]);
/* All the lines "name: sha256:HEX" that come next, unchanged, and how many.  All have the
 * same length, so fields_hash_digits finds the i-th. */
struct span fields_hash_lines(struct fields *f, const char *name, size_t *n);
/* Digits of the i-th of such lines. */
struct span fields_hash_digits(struct span lines, size_t n, size_t i);

/* Nothing is left and nothing was wrong.  False: *e has `why`. */
bool fields_done(const struct fields *f, enum refusal why, struct err *e);

#endif
