/* kv_key — see kv_key.h. */
#include "common/store/kv_key.h"

#include <endian.h>
#include <string.h>

#include "common/base/record.h"
#include "common/text/digest.h"

void
kv_key_add(struct kv_key *k, struct span s)
{
	size_t room = sizeof k->b - k->n;

	if (s.n > room)
		s.n = room;
	if (s.n > 0)
		memcpy(k->b + k->n, s.p, s.n);
	k->n += s.n;
}

void
kv_key_add_u8(struct kv_key *k, unsigned v)
{
	unsigned char octet = (unsigned char)v;

	kv_key_add(k, span_of(&octet, 1));
}

void
kv_key_add_u64(struct kv_key *k, uint64_t v)
{
	uint64_t b = htobe64(v);

	kv_key_add(k, span_of(&b, sizeof b));
}

void
kv_key_add_text(struct kv_key *k, struct span s)
{
	kv_key_add(k, s);
	kv_key_add_u8(k, 0);
}

void
kv_key_add_hash(struct kv_key *k, struct span s, size_t n)
{
	unsigned char digest[DIGEST_BYTES];

	digest_sha256(s, digest);
	kv_key_add(k, span_of(digest, n < sizeof digest ? n : sizeof digest));
}

struct span
kv_key_span(const struct kv_key *k)
{
	return span_of(k->b, k->n);
}

void
kv_key_after(struct kv_key *k, struct span key)
{
	k->n = 0;
	kv_key_add_text(k, key);
}

uint64_t
kv_key_u64(struct span key, size_t at)
{
	struct reader r = reader_of(span_sub(key, at, 8));

	return read_u64(&r);
}

struct span
kv_key_text(struct span key, size_t at)
{
	struct span rest = span_sub(key, at, key.n);

	return span_cut(&rest, '\0');
}
