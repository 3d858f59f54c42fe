/* store_record — records and keys of the spool; see store_private.h. */
#include "oms/store/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"

#define VERSION_1 1
#define VERSION_2 2 /* a letter has its price, a delivery `tries` when it was settled */
#define VERSION_3 3 /* a delivery has sends and settled_sends */
#define VERSION_4 4 /* a recipient has whose words its text is */

/* -- keys --------------------------------------------------------------------------------------- */

struct db_key
oms_key_id(const struct ulid *id)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, id->b, ULID_BYTES);
	return k;
}

struct db_key
oms_key_delivery(const struct ulid *id, const char *peer)
{
	struct db_key k = oms_key_id(id);

	db_key_add(&k, peer, strlen(peer));
	return k;
}

struct db_key
oms_key_pair(const char *own, const char *peer)
{
	struct db_key names = { .n = 0 }, k = { .n = 0 };

	db_key_add_text(&names, own);
	db_key_add(&names, peer, strlen(peer));
	db_key_add_hash(&k, db_key_span(&names), 16);
	return k;
}

struct db_key
oms_key_due(const char *own, const char *peer, int64_t next_ms, const struct ulid *id)
{
	struct db_key pair = oms_key_pair(own, peer);

	return oms_key_due_of(&pair, next_ms, id);
}

struct db_key
oms_key_due_of(const struct db_key *pair, int64_t next_ms, const struct ulid *id)
{
	struct db_key k = *pair;

	db_key_add_u64(&k, (uint64_t)next_ms);
	db_key_add(&k, id->b, ULID_BYTES);
	return k;
}

struct db_key
oms_key_named(const char *name, struct span rest)
{
	struct db_key k = { .n = 0 };

	db_key_add_text(&k, name);
	db_key_add(&k, rest.p, rest.n);
	return k;
}

struct db_key
oms_key_end(int64_t at_s, const struct ulid *id)
{
	struct db_key k = { .n = 0 };

	db_key_add_u64(&k, (uint64_t)at_s);
	db_key_add(&k, id->b, ULID_BYTES);
	return k;
}

int64_t
oms_key_time(struct span key, size_t at)
{
	return (int64_t)db_key_u64(key, at);
}

/* -- records --------------------------------------------------------------------------------------- */

void
oms_letter_write(struct buf *out, const struct oms_letter_record *r)
{
	put_u8(out, VERSION_2);
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
}

bool
oms_letter_read(struct span value, struct oms_letter_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version == VERSION_1 || version == VERSION_2;

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
	if (version == VERSION_2)
		r->price = read_u64(&in);
	return (good && reader_done(&in)) || db_damaged(e);
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
	return !in->bad && r->state <= SUBMIT_BY_SMTP && r->by <= SUBMIT_SPEAKER_PEER;
}

void
oms_delivery_write(struct buf *out, const struct oms_delivery *d)
{
	put_u8(out, VERSION_4);
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
	put_u16(out, (uint16_t)d->n_recipients);
	for (size_t i = 0; i < d->n_recipients; i++)
		recipient_write(out, &d->recipients[i]);
}

/* In older records every attempt counts as sent, so that no letter is taken from a recipient who may not have
 * been meant. */
bool
oms_delivery_read(struct span value, struct oms_delivery *d, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version >= VERSION_1 && version <= VERSION_4;
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
	d->n_recipients = read_u16(&in);
	if (!good || d->n_recipients > SUBMIT_RECIPIENTS_MAX) {
		d->n_recipients = 0;
		return db_damaged(e);
	}
	buf_add(&d->statement, statement.p, statement.n);
	d->recipients = memory_array(d->n_recipients + 1, sizeof *d->recipients);
	for (size_t i = 0; i < d->n_recipients && good; i++)
		good = recipient_read(&in, version, &d->recipients[i]);
	if (good && reader_done(&in))
		return true;
	oms_delivery_clear(d);
	return db_damaged(e);
}

/* -- whole records -------------------------------------------------------------------------------------- */

bool
oms_letter_get(struct db_txn *t, const struct ulid *id, struct oms_letter_record *r, struct err *e)
{
	struct db_key k = oms_key_id(id);
	struct span value;

	if (!db_get(t, LETTER, db_key_span(&k), &value))
		return db_fault(t, e) ? false : err_word(e, REFUSAL_unknown_id);
	return oms_letter_read(value, r, e);
}

void
oms_letter_put(struct db_txn *t, const struct oms_letter_record *r)
{
	struct db_key k = oms_key_id(&r->facts.id);
	struct buf value = BUF_INIT;

	oms_letter_write(&value, r);
	db_put(t, LETTER, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

bool
oms_delivery_get(struct db_txn *t, const struct ulid *id, const char *peer, struct oms_delivery *d,
    struct err *e)
{
	struct db_key k = oms_key_delivery(id, peer);
	struct span value;

	if (!db_get(t, DELIVERY, db_key_span(&k), &value))
		return db_fault(t, e) ? false : err_word(e, REFUSAL_unknown_id);
	return oms_delivery_read(value, d, e);
}

void
oms_delivery_put(struct db_txn *t, const struct oms_delivery *d, int64_t was_ms)
{
	struct db_key k = oms_key_delivery(&d->id, d->peer.text), due;
	struct buf value = BUF_INIT;

	if (was_ms != 0 && was_ms != d->next_ms) {
		due = oms_key_due(d->own.text, d->peer.text, was_ms, &d->id);
		db_del(t, DUE, db_key_span(&due));
	}
	if (d->next_ms != 0 && was_ms != d->next_ms) {
		struct db_key names = oms_key_named(d->own.text, domain_span(&d->peer));

		due = oms_key_due(d->own.text, d->peer.text, d->next_ms, &d->id);
		db_put(t, DUE, db_key_span(&due), db_key_span(&names));
	}
	oms_delivery_write(&value, d);
	db_put(t, DELIVERY, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

bool
oms_letter_delivery_over(struct db_txn *t, const struct ulid *id, int64_t now_s,
    char file[BODY_NAME_BYTES], struct err *e)
{
	struct oms_letter_record r;
	struct db_key k = oms_key_id(id), end;

	file[0] = '\0';
	if (!oms_letter_get(t, id, &r, e))
		return false;
	if (oms_life_delivery_over(&r.life, now_s)) {
		if (!oms_user_drop_body(t, &r, e))
			return false;
		snprintf(file, BODY_NAME_BYTES, "%s", r.file);
		r.file[0] = '\0';
		db_del(t, BODY, db_key_span(&k));
		end = oms_key_end(r.life.forget_s, id);
		db_put(t, END, db_key_span(&end), (struct span) { 0 });
	}
	oms_letter_put(t, &r);
	return true;
}
