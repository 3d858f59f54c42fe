/* kv_key — see kv_key.h. */
#include "common/store/kv_key.h"

#include <endian.h>
#include <string.h>

#include "common/base/record.h"

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

#define REMEMBERED 32  /* names */
#define NAME_MOST  256 /* octets of one that is remembered */

struct remembered {
	size_t n;
	char name[NAME_MOST];
	unsigned char digest[DIGEST_BYTES];
};

static size_t
place_of(struct span name)
{
	uint32_t sum = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < name.n; i++)
		sum = (sum ^ (unsigned char)name.p[i]) * 16777619U;
	return (sum ^ sum >> 16) % REMEMBERED;
}

/* An operation names the same users and domains as those before it. */
const unsigned char *
kv_key_hash(struct span name, unsigned char room[DIGEST_BYTES])
{
	static _Thread_local struct remembered all[REMEMBERED];
	struct remembered *r;

	if (name.n == 0 || name.n > sizeof r->name) {
		digest_sha256(name, room);
		return room;
	}
	r = &all[place_of(name)];
	if (r->n != name.n || memcmp(r->name, name.p, name.n) != 0) {
		digest_sha256(name, r->digest);
		memcpy(r->name, name.p, name.n);
		r->n = name.n;
	}
	return r->digest;
}

void
kv_key_add_hash(struct kv_key *k, struct span s, size_t n)
{
	unsigned char room[DIGEST_BYTES];

	kv_key_add(k, span_of(kv_key_hash(s, room), n < sizeof room ? n : sizeof room));
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
