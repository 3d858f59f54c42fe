/* store_letter — the OMS's spool: the partition of a letter; see store_private.h. */
#include <stdio.h>
#include <string.h>

#include "oms/store/store_private.h"

#define PACKED_BYTES 1000   /* most letters, besides the body */
#define PACKED_AGAIN 0x8000 /* with the count of deliveries: the letter was kept before */

/* Of an outcome: the letter is over, then it is forgotten. */
#define OUTCOME_OVER      1
#define OUTCOME_FORGOTTEN 2

/* -- what a letter states ------------------------------------------------------------------------------- */

static void
state_due(struct kv_txn *t, const struct ulid *id, const struct oms_due_fact *due, uint64_t version)
{
	const struct kv_part queue = oms_part_queue(due->own.text, due->peer.text, id);
	struct buf value = BUF_INIT;
	struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(id->b, ULID_BYTES),
		.version = { .n = version },
		.gone = due->next_ms == 0,
	};

	oms_due_write(&value, due);
	f.value = buf_span(&value);
	if (due->awaited)
		kv_emit_awaited(t, &queue, &f);
	else
		kv_emit(t, &queue, &f);
	buf_clear(&value);
}

static void
state_when_due(struct kv_txn *t, struct oms_stored *s, bool awaited)
{
	const struct oms_delivery *d = &s->d;
	const struct oms_due_fact due = { d->next_ms, d->tries, awaited, false, d->own, d->peer };

	state_due(t, &d->id, &due, ++s->version);
	s->due_ms = d->next_ms;
}

static void
state_end(struct kv_txn *t, struct oms_letter_record *r, bool awaited, bool judged)
{
	const int64_t at_s = oms_letter_end_s(r);
	const struct kv_part expiry = oms_part_expiry(at_s, &r->facts.id);
	struct buf value = BUF_INIT;
	struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(r->facts.id.b, ULID_BYTES),
		.version = { .n = ++r->version },
	};

	put_u64(&value, (uint64_t)at_s);
	if (judged)
		put_u8(&value, judged);
	f.value = buf_span(&value);
	if (awaited)
		kv_emit_awaited(t, &expiry, &f);
	else
		kv_emit(t, &expiry, &f);
	buf_clear(&value);
}

void
oms_end_gone(struct kv_txn *t, const struct kv_part *expiry, const struct ulid *id,
    uint64_t version)
{
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(id->b, ULID_BYTES),
		.version = { .n = version },
		.gone = true,
	};

	kv_emit_awaited(t, expiry, &f);
}

static void
state_end_gone(struct kv_txn *t, const struct oms_letter_record *r)
{
	const struct kv_part expiry = oms_part_expiry(oms_letter_end_s(r), &r->facts.id);
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(r->facts.id.b, ULID_BYTES),
		.version = { .n = r->version + 1 },
		.gone = true,
	};

	kv_emit(t, &expiry, &f);
}

static void
state_outcome(struct kv_txn *t, const struct oms_letter_record *r)
{
	const struct kv_part user = oms_part_user(r->facts.user);
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(r->facts.id.b, ULID_BYTES),
		.version = { .n = OUTCOME_OVER },
		.value = SPAN_LIT("over"),
	};

	kv_emit(t, &user, &f);
}

static bool
delete_row(void *arg, struct span key)
{
	kv_del(arg, key);
	return true;
}

static void
delete_rows(struct kv_txn *t)
{
	kv_del(t, SPAN_LIT("L"));
	kv_del(t, SPAN_LIT("B"));
	kv_each_key(t, SPAN_LIT("D"), SPAN_LIT("D"), delete_row, t);
}

static void
state_forgotten(struct kv_txn *t, const struct ulid *id, const char *user, bool awaited)
{
	const struct kv_part to = oms_part_user(user);
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(id->b, ULID_BYTES),
		.version = { .n = OUTCOME_FORGOTTEN },
		.gone = true,
	};

	if (awaited)
		kv_emit_awaited(t, &to, &f);
	else
		kv_emit(t, &to, &f);
}

void
oms_letter_forget(struct kv_txn *t, const struct ulid *id, const char *user)
{
	delete_rows(t);
	state_forgotten(t, id, user, true);
}

int64_t
oms_letter_end_s(const struct oms_letter_record *r)
{
	return r->life.body ? r->facts.hold_until_s : r->life.forget_s;
}

/* -- rows ------------------------------------------------------------------------------------------------- */

bool
oms_letter_get(struct kv_txn *t, struct oms_letter_record *r, struct err *e)
{
	struct span value;

	if (!kv_get(t, SPAN_LIT("L"), &value))
		return kv_fault(t, e) ? false : err_word(e, REFUSAL_unknown_id);
	return oms_letter_read(value, r, e);
}

void
oms_letter_put(struct kv_txn *t, const struct oms_letter_record *r)
{
	struct buf value = BUF_INIT;

	buf_room(&value, PACKED_BYTES);
	oms_letter_write(&value, r);
	kv_put(t, SPAN_LIT("L"), buf_span(&value));
	buf_clear(&value);
}

bool
oms_stored_read(struct span value, struct oms_stored *s, struct err *e)
{
	struct reader in = reader_of(value);

	s->due_ms = (int64_t)read_u64(&in);
	s->version = read_u64(&in);
	if (in.bad)
		return oms_damaged(e);
	return oms_delivery_read(in.rest, &s->d, e);
}

bool
oms_stored_get(struct kv_txn *t, const char *peer, struct oms_stored *s, struct err *e)
{
	struct kv_key k = oms_row('D', span_str(peer));
	struct span value;

	if (!kv_get(t, kv_key_span(&k), &value))
		return kv_fault(t, e) ? false : err_word(e, REFUSAL_unknown_id);
	return oms_stored_read(value, s, e);
}

void
oms_stored_put(struct kv_txn *t, struct oms_stored *s, bool awaited)
{
	struct kv_key k = oms_row('D', domain_span(&s->d.peer));
	struct buf value = BUF_INIT;

	if (s->d.next_ms != s->due_ms)
		state_when_due(t, s, awaited);
	buf_room(&value, PACKED_BYTES);
	put_u64(&value, (uint64_t)s->due_ms);
	put_u64(&value, s->version);
	oms_delivery_write(&value, &s->d);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

struct each {
	struct kv_txn *txn;
	bool (*fn)(void *arg, struct oms_stored *s);
	void *arg;
};

/* One that cannot be read keeps no other from being given. */
static bool
give_stored(void *arg, struct span key)
{
	const struct each *x = arg;
	struct oms_stored s;
	struct span value;
	struct err e;

	if (kv_get(x->txn, key, &value) && oms_stored_read(value, &s, &e))
		return x->fn(x->arg, &s);
	kv_pardon(x->txn);
	return true;
}

void
oms_each_stored(struct kv_txn *t, bool (*fn)(void *arg, struct oms_stored *s), void *arg)
{
	struct each x = { t, fn, arg };

	kv_each_key(t, SPAN_LIT("D"), SPAN_LIT("D"), give_stored, &x);
}

bool
oms_letter_delivery_over(struct kv_txn *t, int64_t now_s, bool awaited, char file[BODY_NAME_BYTES],
    struct err *e)
{
	struct oms_letter_record r;

	if (!oms_letter_get(t, &r, e))
		return false;
	if (oms_life_delivery_over(&r.life, now_s)) {
		snprintf(file, BODY_NAME_BYTES, "%s", r.file);
		r.file[0] = '\0';
		kv_del(t, SPAN_LIT("B"));
		state_outcome(t, &r);
		state_end(t, &r, awaited, false);
	}
	oms_letter_put(t, &r);
	return true;
}

/* -- as its user states it ------------------------------------------------------------------------------- */

void
oms_letter_pack(struct buf *out, const struct oms_letter_record *r, struct span body,
    const struct oms_delivery *d, size_t n, bool again)
{
	struct buf record = BUF_INIT;

	buf_room(out, PACKED_BYTES + body.n);
	buf_room(&record, PACKED_BYTES);
	oms_letter_write(&record, r);
	put_span(out, buf_span(&record));
	put_span(out, body);
	put_u16(out, (uint16_t)(n | (again ? PACKED_AGAIN : 0)));
	for (size_t i = 0; i < n; i++) {
		buf_reset(&record);
		oms_delivery_write(&record, &d[i]);
		put_span(out, buf_span(&record));
	}
	buf_clear(&record);
}

/* Its octets are put as they came: they were written by oms_delivery_write. */
static bool
unpack_delivery(struct kv_txn *t, struct span octets, bool again, struct err *e)
{
	struct oms_due_fact due;
	struct ulid id;
	struct buf value = BUF_INIT;
	struct kv_key k;

	if (!oms_delivery_due(octets, &id, &due))
		return oms_damaged(e);
	due.awaited = true;
	due.judged = !again;
	if (due.next_ms != 0)
		state_due(t, &id, &due, 1);
	buf_room(&value, octets.n + 16);
	put_u64(&value, (uint64_t)due.next_ms);
	put_u64(&value, due.next_ms != 0);
	put_bytes(&value, octets.p, octets.n);
	k = oms_row('D', domain_span(&due.peer));
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
	return true;
}

static bool
unpack_deliveries(struct kv_txn *t, struct reader *in, bool *again, struct err *e)
{
	uint16_t n = read_u16(in);

	*again = (n & PACKED_AGAIN) != 0;
	n &= PACKED_AGAIN - 1;
	for (uint16_t i = 0; i < n; i++)
		if (!unpack_delivery(t, read_span(in), *again, e))
			return false;
	return reader_done(in) || oms_damaged(e);
}

/* The user has forgotten it.  If it was forgotten here first, nothing is left to do. */
static void
leave_outbox(struct kv_txn *t)
{
	struct oms_letter_record r;
	struct err e;

	if (oms_letter_get(t, &r, &e)) {
		state_end_gone(t, &r);
		state_forgotten(t, &r.facts.id, r.facts.user, false);
	}
	kv_pardon(t);
	delete_rows(t);
}

/* Its fact is damaged, and it is stated again: the record says that it was kept, since what is refused leaves none. */
static bool
is_kept(struct kv_txn *t, const struct kv_fact *again, struct err *e)
{
	struct oms_letter_record r;

	return (again->value.n == 0 && oms_letter_get(t, &r, e)) || oms_damaged(e);
}

/* The letter begins; its record has the version of its first end already.  gone: its user has forgotten it. */
bool
oms_letter_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct reader in = reader_of(now->value);
	struct oms_letter_record r;
	struct span record, body;
	bool again;

	(void)from;
	(void)arg;
	if (was == NULL && kv_was_damaged(t) && !now->gone)
		return is_kept(t, now, e);
	if (now->gone)
		leave_outbox(t);
	if (now->gone || was != NULL)
		return true;
	record = read_span(&in);
	if (!oms_letter_read(record, &r, e))
		return false;
	body = read_span(&in);
	if (r.life.body && r.file[0] == '\0' && (body.n > 0 || r.facts.size == 0))
		kv_put(t, SPAN_LIT("B"), body);
	if (!unpack_deliveries(t, &in, &again, e))
		return false;
	if (!r.life.body)
		state_outcome(t, &r);
	r.version = OMS_VERSION_FIRST - 1;
	state_end(t, &r, true, !again);
	kv_put(t, SPAN_LIT("L"), record);
	kv_keep(t, SPAN_LIT(""));
	return true;
}

static bool
take_back_due(void *arg, struct oms_stored *s)
{
	if (s->due_ms != 0) {
		s->d.next_ms = 0;
		state_when_due(arg, s, false);
	}
	oms_delivery_clear(&s->d);
	return true;
}

/* What a new letter was to be found by has no room for it: there is no letter. */
bool
oms_letter_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct oms_letter_record r;

	(void)why;
	(void)arg;
	if (to->kind == OMS_USER || fact->gone || fact->version.n != 1)
		return true;
	if (!oms_letter_get(t, &r, e))
		return e->why == REFUSAL_unknown_id; /* it was taken back for another one */
	oms_each_stored(t, take_back_due, t);
	state_end_gone(t, &r);
	delete_rows(t);
	return true;
}
