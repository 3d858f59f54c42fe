/* ulid — a letter's id: 48 bits of time and 80 random bits, as 26 Crockford base-32 digits.
 *
 * The random bits are fresh for each id and never counted up.  Knowing one id does not help to guess
 * another: a fetch names a letter by its id.  Ids sort by the millisecond they were made in.
 * Spec: SPEC.md "Ids"; upper case only, one form.
 */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include "common/base/span.h"

#define ULID_BYTES     16
#define ULID_DIGITS    26
#define ULID_STR_BYTES (ULID_DIGITS + 1)
#define ULID_END_BYTES 10

struct ulid {
	unsigned char b[ULID_BYTES]; /* big endian: memcmp sorts by time */
};

void ulid_make(struct ulid *u, int64_t wall_ms, const unsigned char random[10]);
void ulid_new(struct ulid *u); /* of now, with random bits of the kernel's */
void ulid_str(const struct ulid *u, char out[ULID_STR_BYTES]);
/* Its last eight digits, the form that people see: "YWFK-3ABC". */
void ulid_end(const struct ulid *u, char out[ULID_END_BYTES]);
bool ulid_parse(struct span s, struct ulid *u);
int64_t ulid_wall_ms(const struct ulid *u);
bool ulid_eq(const struct ulid *a, const struct ulid *b);

#endif
