/* store_record — names and records of the spool; see store_private.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

#define VERSION_1 1
#define VERSION_2 2 /* a letter has its price, a delivery `tries` when it was settled */
#define VERSION_3 3 /* a letter has its version, a delivery has sends and settled_sends */
#define VERSION_4 4 /* a recipient has whose words its text is; a letter, how it came */
#define VERSION_5                                                                                  \
	5 /* a delivery has its road, a recipient when and to which SMTP server it was given */

/* -- names --------------------------------------------------------------------------------------- */

struct kv_part
oms_part_letter(const struct ulid *id)
{
	return kv_part_of(OMS_LETTER, span_of(id->b, ULID_BYTES));
}

struct kv_part
oms_part_user(const char *user)
{
	return kv_part_hash(OMS_USER, span_str(user), OMS_HASH_BYTES);
}

struct kv_part
oms_part_peer(const char *domain)
{
	return kv_part_hash(OMS_PEER, span_str(domain), OMS_HASH_BYTES);
}

void
oms_pair_hash(const char *own, const char *peer, unsigned char hash[OMS_HASH_BYTES])
{
	struct kv_key names = { .n = 0 };
	struct kv_part p;

	kv_key_add_text(&names, span_str(own));
	kv_key_add(&names, span_str(peer));
	p = kv_part_hash(0, kv_key_span(&names), OMS_HASH_BYTES);
	memcpy(hash, p.name, OMS_HASH_BYTES);
}

static unsigned char
shard_of(const struct ulid *id, unsigned shards)
{
	uint64_t second = (uint64_t)ulid_wall_ms(id) >> 10;
	unsigned one = id->b[ULID_BYTES - 1] % OMS_SHARDS_AT_ONCE;

	return (unsigned char)((second * OMS_SHARDS_AT_ONCE + one) % shards);
}

struct kv_part
oms_part_queue(const char *own, const char *peer, const struct ulid *id)
{
	unsigned char name[OMS_QUEUE_BYTES];

	oms_pair_hash(own, peer, name);
	name[OMS_HASH_BYTES] = shard_of(id, OMS_QUEUE_SHARDS);
	return kv_part_of(OMS_QUEUE, span_of(name, sizeof name));
}

struct kv_part
oms_part_queues(const unsigned char queue[OMS_QUEUE_BYTES])
{
	unsigned char name[OMS_QUEUE_BYTES];

	memcpy(name, queue, sizeof name);
	name[OMS_HASH_BYTES] %= OMS_QUEUE_GROUPS;
	return kv_dir_part(OMS_QUEUES, span_of(name, sizeof name));
}

struct kv_part
oms_part_expiry(int64_t at_s, const struct ulid *id)
{
	struct kv_key name = { .n = 0 };

	kv_key_add_u64(&name, (uint64_t)(at_s / 60));
	kv_key_add_u8(&name, shard_of(id, OMS_EXPIRY_SHARDS));
	return kv_part_of(OMS_EXPIRY, kv_key_span(&name));
}

struct kv_key
oms_row(char letter, struct span rest)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, (unsigned char)letter);
	kv_key_add(&k, rest);
	return k;
}

bool
oms_damaged(struct err *e)
{
	return err_set(e, REFUSAL_storage, "a stored record cannot be read");
}

/* -- records --------------------------------------------------------------------------------------- */

/* How a letter came. */
#define LETTER_NULL_SENDER   1
#define LETTER_BY_SUBMISSION 2

void
oms_letter_write(struct buf *out, const struct oms_letter_record *r)
{
	put_u8(out, VERSION_4);
	put_bytes(out, r->facts.id.b, ULID_BYTES);
	put_span(out, span_str(r->facts.user));
	put_span(out, span_str(r->facts.from));
	put_u64(out, (uint64_t)r->facts.date_s);
	put_u64(out, (uint64_t)r->facts.hold_until_s);
	put_u64(out, r->facts.size);
	put_bytes(out, r->facts.digest, DIGEST_BYTES);
	put_u64(out, r->facts.summary_size);
	put_bytes(out, r->facts.summary_digest, DIGEST_BYTES);
	put_span(out, span_str(r->token));
	put_span(out, span_str(r->file));
	put_u32(out, r->life.open);
	put_u8(out, r->life.body);
	put_u64(out, (uint64_t)r->life.forget_s);
	put_u64(out, r->price);
	put_u64(out, r->version);
	put_u8(out,
	    (uint8_t)((r->facts.null_sender ? LETTER_NULL_SENDER : 0) |
		(r->facts.by_submission ? LETTER_BY_SUBMISSION : 0)));
}

bool
oms_letter_read(struct span value, struct oms_letter_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version >= VERSION_1 && version <= VERSION_4;
	uint8_t came = 0;

	*r = (struct oms_letter_record) { 0 };
	read_bytes(&in, r->facts.id.b, ULID_BYTES);
	read_str(&in, r->facts.user, sizeof r->facts.user);
	read_str(&in, r->facts.from, sizeof r->facts.from);
	r->facts.date_s = (int64_t)read_u64(&in);
	r->facts.hold_until_s = (int64_t)read_u64(&in);
	r->facts.size = read_u64(&in);
	read_bytes(&in, r->facts.digest, DIGEST_BYTES);
	r->facts.summary_size = read_u64(&in);
	read_bytes(&in, r->facts.summary_digest, DIGEST_BYTES);
	read_str(&in, r->token, sizeof r->token);
	read_str(&in, r->file, sizeof r->file);
	r->life.open = read_u32(&in);
	r->life.body = read_u8(&in) != 0;
	r->life.forget_s = (int64_t)read_u64(&in);
	if (version >= VERSION_2)
		r->price = read_u64(&in);
	if (version >= VERSION_3)
		r->version = read_u64(&in);
	if (version >= VERSION_4)
		came = read_u8(&in);
	r->facts.null_sender = (came & LETTER_NULL_SENDER) != 0;
	r->facts.by_submission = (came & LETTER_BY_SUBMISSION) != 0;
	return (good && reader_done(&in)) || oms_damaged(e);
}

static void
recipient_write(struct buf *out, const struct oms_recipient *r)
{
	put_span(out, span_str(r->address));
	put_bytes(out, r->salt, sizeof r->salt);
	put_u8(out, (uint8_t)r->state);
	put_u64(out, (uint64_t)r->since_s);
	put_span(out, span_str(r->word));
	put_span(out, span_str(r->text));
	put_u8(out, (uint8_t)r->by);
	put_u64(out, (uint64_t)r->given_s);
	put_span(out, domain_span(&r->host));
	put_span(out, span_str(r->secured));
}

static bool
recipient_read(struct reader *in, uint8_t version, struct oms_recipient *r)
{
	read_str(in, r->address, sizeof r->address);
	read_bytes(in, r->salt, sizeof r->salt);
	r->state = (enum submit_state)read_u8(in);
	r->since_s = (int64_t)read_u64(in);
	read_str(in, r->word, sizeof r->word);
	read_str(in, r->text, sizeof r->text);
	if (version >= VERSION_4)
		r->by = (enum submit_speaker)read_u8(in);
	if (version >= VERSION_5) {
		r->given_s = (int64_t)read_u64(in);
		read_str(in, r->host.text, sizeof r->host.text);
		read_str(in, r->secured, sizeof r->secured);
	}
	return !in->bad && r->state <= SUBMIT_BY_SMTP && r->by <= SUBMIT_SPEAKER_PEER;
}

void
oms_delivery_write(struct buf *out, const struct oms_delivery *d)
{
	put_u8(out, VERSION_5);
	put_bytes(out, d->id.b, ULID_BYTES);
	put_span(out, domain_span(&d->own));
	put_span(out, domain_span(&d->peer));
	put_span(out, buf_span(&d->statement));
	put_u64(out, d->tries);
	put_u64(out, (uint64_t)d->next_ms);
	put_u64(out, (uint64_t)d->hold_until_s);
	put_u64(out, (uint64_t)d->handed_s);
	put_u64(out, d->settles);
	put_u8(out, d->declined);
	put_u64(out, d->sends);
	put_u64(out, d->settled_sends);
	put_u8(out, (uint8_t)d->road);
	put_u16(out, (uint16_t)d->n_recipients);
	for (size_t i = 0; i < d->n_recipients; i++)
		recipient_write(out, &d->recipients[i]);
}

bool
oms_delivery_due(struct span value, struct ulid *id, struct oms_due_fact *out)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);

	*out = (struct oms_due_fact) { .next_ms = 0 };
	read_bytes(&in, id->b, ULID_BYTES);
	read_str(&in, out->own.text, sizeof out->own.text);
	read_str(&in, out->peer.text, sizeof out->peer.text);
	read_span(&in); /* the statement */
	out->tries = read_u64(&in);
	out->next_ms = (int64_t)read_u64(&in);
	return version >= VERSION_1 && version <= VERSION_5 && !in.bad;
}

/* In older records every attempt counts as sent, so that no letter is taken from a recipient who may not have
 * been meant. */
bool
oms_delivery_read(struct span value, struct oms_delivery *d, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version >= VERSION_1 && version <= VERSION_5;
	struct span statement;

	*d = (struct oms_delivery) { 0 };
	read_bytes(&in, d->id.b, ULID_BYTES);
	read_str(&in, d->own.text, sizeof d->own.text);
	read_str(&in, d->peer.text, sizeof d->peer.text);
	statement = read_span(&in);
	d->tries = read_u64(&in);
	d->next_ms = (int64_t)read_u64(&in);
	d->hold_until_s = (int64_t)read_u64(&in);
	d->handed_s = (int64_t)read_u64(&in);
	d->settles = read_u64(&in);
	d->declined = read_u8(&in) != 0;
	d->sends = version < VERSION_3 ? d->tries : read_u64(&in);
	d->settled_sends = version == VERSION_1 ? UINT64_MAX : read_u64(&in);
	if (version >= VERSION_5)
		d->road = (enum oms_road)read_u8(&in);
	d->n_recipients = read_u16(&in);
	if (!good || d->n_recipients > SUBMIT_RECIPIENTS_MAX || d->road > OMS_ROAD_SMTP) {
		d->n_recipients = 0;
		return oms_damaged(e);
	}
	buf_add(&d->statement, statement.p, statement.n);
	d->recipients = memory_array(d->n_recipients + (d->n_recipients == 0),
	    sizeof *d->recipients);
	for (size_t i = 0; i < d->n_recipients && good; i++)
		good = recipient_read(&in, version, &d->recipients[i]);
	if (good && reader_done(&in))
		return true;
	oms_delivery_clear(d);
	return oms_damaged(e);
}

/* -- facts ------------------------------------------------------------------------------------------------ */

#define DUE_AWAITED 1
#define DUE_JUDGED  2

void
oms_due_write(struct buf *out, const struct oms_due_fact *f)
{
	put_u64(out, (uint64_t)f->next_ms);
	put_u64(out, f->tries);
	put_u8(out, (uint8_t)((f->awaited ? DUE_AWAITED : 0) | (f->judged ? DUE_JUDGED : 0)));
	put_span(out, domain_span(&f->own));
	put_span(out, domain_span(&f->peer));
}

/* stamped: an earlier build wrote a time in microseconds, too. */
static bool
due_read(struct span value, bool stamped, struct oms_due_fact *f)
{
	struct reader r = reader_of(value);
	uint8_t how;

	*f = (struct oms_due_fact) { .next_ms = (int64_t)read_u64(&r) };
	f->tries = read_u64(&r);
	if (stamped)
		read_u64(&r);
	how = read_u8(&r);
	f->awaited = (how & DUE_AWAITED) != 0;
	f->judged = (how & DUE_JUDGED) != 0;
	read_str(&r, f->own.text, sizeof f->own.text);
	read_str(&r, f->peer.text, sizeof f->peer.text);
	return reader_done(&r) && domain_span(&f->own).n > 0 && domain_span(&f->peer).n > 0;
}

bool
oms_due_read(struct span value, struct oms_due_fact *f)
{
	return due_read(value, false, f) || due_read(value, true, f);
}
