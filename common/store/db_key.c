/* db_key — see db_key.h. */
#include "common/store/db_key.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/record.h"
#include "common/text/digest.h"

void
db_key_add(struct db_key *k, const void *p, size_t n)
{
	if (n > sizeof k->b - k->n)
		abort();
	if (n > 0)
		memcpy(k->b + k->n, p, n);
	k->n += n;
}

void
db_key_add_u64(struct db_key *k, uint64_t v)
{
	unsigned char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)(v >> (56 - 8 * i));
	db_key_add(k, b, sizeof b);
}

void
db_key_add_text(struct db_key *k, const char *s)
{
	db_key_add(k, s, strlen(s) + 1);
}

void
db_key_add_hash(struct db_key *k, struct span s, size_t n)
{
	unsigned char digest[DIGEST_BYTES];

	digest_sha256(s, digest);
	db_key_add(k, digest, n);
}

struct span
db_key_span(const struct db_key *k)
{
	return span_of(k->b, k->n);
}

uint64_t
db_key_u64(struct span key, size_t at)
{
	struct reader r = reader_of(span_sub(key, at, 8));

	return read_u64(&r);
}

void
db_key_copy(struct db_key *k, struct span key)
{
	k->n = 0;
	db_key_add(k, key.p, key.n);
}

bool
db_key_take_first(void *db_key, struct span key, struct span value)
{
	(void)value;
	db_key_copy(db_key, key);
	return false;
}
