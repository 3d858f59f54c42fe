/* part — the partitions of an IMS's store; see part.h. */
#include "ims/store/part.h"

#include <string.h>

static struct kv_part
part_by_hash(enum ims_part kind, struct span name)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_hash(&k, name, PART_HASH);
	return kv_part_of(kind, kv_key_span(&k));
}

struct kv_part
ims_part_mailbox(const char *user)
{
	return part_by_hash(PART_MAILBOX, span_str(user));
}

struct kv_part
ims_part_letter(const struct ulid *id)
{
	return kv_part_of(PART_LETTER, span_of(id->b, ULID_BYTES));
}

struct kv_key
ims_letter_key(const struct ulid *id, struct span from_domain)
{
	struct kv_key k = { .n = 0 };

	kv_key_add(&k, span_of(id->b, ULID_BYTES));
	kv_key_add_hash(&k, from_domain, PART_SHORT);
	return k;
}

bool
ims_part_of_file(const char *file, struct kv_part *part, unsigned char domain_hash[PART_SHORT])
{
	unsigned char key[BODY_KEY_MAX];
	size_t n;

	if (!body_name_key(file, key, &n) || n != PART_LETTER_AT)
		return false;
	*part = kv_part_of(PART_LETTER, span_of(key, (size_t)ULID_BYTES));
	memcpy(domain_hash, key + ULID_BYTES, PART_SHORT);
	return true;
}

struct kv_part
ims_part_acks(struct span from_domain)
{
	return part_by_hash(PART_ACKS, from_domain);
}

struct kv_part
ims_part_sender(struct span from_domain)
{
	return part_by_hash(PART_SENDER, from_domain);
}

struct kv_part
ims_part_group(struct span domain_hash, unsigned shard)
{
	struct kv_key name = { .n = 0 };

	kv_key_add(&name, span_sub(domain_hash, 0, PART_HASH));
	kv_key_add_u8(&name, (unsigned char)shard);
	return kv_part_of(PART_GROUP, kv_key_span(&name));
}

struct kv_part
ims_part_group_of(struct span domain_hash, const struct kv_part *mailbox)
{
	return ims_part_group(domain_hash, mailbox->name[PART_HASH - 1] % GROUP_SHARDS);
}

struct kv_part
ims_part_paper(const unsigned char digest[DIGEST_BYTES])
{
	return kv_part_of(PART_PAPER, span_of(digest, (size_t)DIGEST_BYTES));
}

/* Letters of one second are in one shard, where the order of ids puts them side by side; a name of another kind is a
 * hash. */
static unsigned
shard_of(const struct kv_part *thing)
{
	unsigned octet = thing->kind == PART_LETTER ? thing->name[4] / 4U
						    : thing->name[thing->n - 1];

	return octet % EXPIRY_SHARDS;
}

struct kv_part
ims_part_expiry(int64_t at_s, const struct kv_part *thing)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u64(&k, (uint64_t)(at_s / EXPIRY_S));
	kv_key_add_u8(&k, shard_of(thing));
	return kv_part_of(PART_EXPIRY, span_sub(kv_key_span(&k), 4, 5));
}

/* Ids may be numbered, so their last octets are mixed. */
int64_t
ims_spread_s(const struct kv_part *thing, int64_t over_s)
{
	uint64_t last = kv_key_u64(span_of(thing->name, thing->n), thing->n - 8U);

	return (int64_t)((last * 0x9e3779b97f4a7c15U >> 16) % (uint64_t)over_s);
}

static void
emit_look(struct kv_txn *t, struct span within, int64_t at_s, bool gone)
{
	const struct kv_part *here = kv_here(t);
	struct kv_part to = ims_part_expiry(at_s, here);
	struct kv_key name = { .n = 0 };
	struct kv_fact f = { .what = FACT_LOOK, .version.n = kv_stamp(t), .gone = gone };

	kv_key_add_u8(&name, here->kind);
	kv_key_add(&name, span_of(here->name, here->n));
	kv_key_add(&name, within);
	f.name = kv_key_span(&name);
	kv_emit(t, &to, &f);
}

void
ims_look_at(struct kv_txn *t, struct span within, int64_t was_s, int64_t at_s)
{
	if (was_s / EXPIRY_S == at_s / EXPIRY_S)
		return;
	if (was_s != 0)
		emit_look(t, within, was_s, true);
	if (at_s != 0)
		emit_look(t, within, at_s, false);
}
