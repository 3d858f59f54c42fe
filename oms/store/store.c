/* store — the OMS's spool: opening it, and taking letters; see store.h. */
#include "oms/store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "common/store/body_orphans.h"
#include "oms/store/store_private.h"

static const char *const tables[OMS_TABLES] = {
	[LETTER] = "letter",
	[BODY] = "body",
	[DELIVERY] = "delivery",
	[DUE] = "due",
	[TOKEN] = "token",
	[OUTBOX] = "outbox",
	[END] = "end",
	[USER] = "user",
	[PEER] = "peer",
};

/* -- opening -------------------------------------------------------------------------------------- */

static bool
file_of(struct span record, char file[BODY_NAME_BYTES])
{
	struct oms_letter_record r;
	struct err e;

	if (!oms_letter_read(record, &r, &e))
		return false;
	memcpy(file, r.file, BODY_NAME_BYTES);
	return true;
}

static void
ask_records(void *arg, struct body_page *p)
{
	body_page_look(p, ((struct oms_store *)arg)->db, LETTER, file_of);
}

bool
oms_store_open(const char *folder, uint64_t size, struct offload *o, struct oms_store **out,
    struct err *e)
{
	struct oms_store *s = memory_new(sizeof *s);
	char path[4096];

	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->claims.lock, NULL);
	snprintf(path, sizeof path, "%s/bodies", folder);
	if (!db_open(folder, size, tables, OMS_TABLES, &s->db, e) ||
	    !bodies_open(path, size, o, &s->bodies, e)) {
		oms_store_close(&s);
		return false;
	}
	db_share(s->db, bodies_used, s->bodies);
	body_orphans_start(s->bodies, &(struct body_asker) { .ask = ask_records, .arg = s });
	*out = s;
	return true;
}

void
oms_store_close(struct oms_store **s)
{
	if (*s == NULL)
		return;
	body_orphans_stop((*s)->bodies);
	db_close(&(*s)->db);
	oms_store_drop(s);
}

struct oms_store *
oms_store_hold(struct oms_store *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
oms_store_drop(struct oms_store **sp)
{
	struct oms_store *s = *sp;

	*sp = NULL;
	if (atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	bodies_free(&s->bodies);
	pthread_mutex_destroy(&s->claims.lock); /* no claim is left: each holds the store */
	free(s);
}

bool
oms_write_take(struct oms_store *s, struct db_write *w, struct err *e)
{
	if (s->db == NULL)
		return err_word(e, REFUSAL_closing);
	return db_write_take(s->db, w, e);
}

struct bodies *
oms_store_bodies(struct oms_store *s)
{
	return s->bodies;
}

struct body_in *
oms_store_body(struct oms_store *s, const struct ulid *id, struct loop *l)
{
	unsigned char attempt[8];

	random_bytes(attempt, sizeof attempt);
	return body_begin(s->bodies, span_of(id->b, ULID_BYTES), span_of(attempt, sizeof attempt),
	    l);
}

/* -- taking a letter ---------------------------------------------------------------------------------- */

struct put {
	struct db_write write;
	struct oms_store *store;
	struct oms_letter_record letter;
	struct oms_user_limits most;
	struct buf body; /* inline octets */
	struct oms_delivery *deliveries;
	size_t n;
	struct ulid id; /* the answer */
	bool known;     /* the token came before */
	oms_store_put_done *done;
	void *arg;
};

bool
oms_token_read(struct span value, struct oms_token *token)
{
	struct reader r = reader_of(value);

	read_bytes(&r, token->id.b, ULID_BYTES);
	token->until_s = (int64_t)read_u64(&r);
	return reader_done(&r);
}

bool
oms_token_get(struct db_txn *t, const char *user, const char *token, int64_t now_s, struct ulid *id)
{
	struct db_key k = oms_key_named(user, span_str(token));
	struct oms_token known;
	struct span value;

	if (token[0] == '\0' || !db_get(t, TOKEN, db_key_span(&k), &value))
		return false;
	if (!oms_token_read(value, &known) || !oms_token_counts(&known, now_s))
		return false;
	*id = known.id;
	return true;
}

static void
put_token(struct db_txn *t, const struct put *p)
{
	struct db_key k = oms_key_named(p->letter.facts.user, span_str(p->letter.token));
	struct oms_token token = oms_token_of(&p->id, p->letter.facts.date_s);
	struct buf value = BUF_INIT;

	if (p->letter.token[0] == '\0')
		return;
	put_bytes(&value, token.id.b, ULID_BYTES);
	put_u64(&value, (uint64_t)token.until_s);
	db_put(t, TOKEN, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static bool
apply_put(struct db_txn *t, void *arg, struct err *e)
{
	struct put *p = arg;
	const struct oms_letter *l = &p->letter.facts;
	struct db_key k;

	if ((p->known = oms_token_get(t, l->user, p->letter.token, l->date_s, &p->id)))
		return true;
	if (db_fault(t, e) || !oms_user_add_letter(t, &p->letter, &p->most, e))
		return false;
	p->id = l->id;
	oms_letter_put(t, &p->letter);
	k = oms_key_id(&l->id);
	if (p->letter.file[0] == '\0')
		db_put(t, BODY, db_key_span(&k), buf_span(&p->body));
	for (size_t i = 0; i < p->n; i++)
		oms_delivery_put(t, &p->deliveries[i], 0);
	put_token(t, p);
	k = oms_key_named(l->user, span_of(l->id.b, ULID_BYTES));
	db_put(t, OUTBOX, db_key_span(&k), (struct span) { 0 });
	k = oms_key_end(l->hold_until_s, &l->id);
	db_put(t, END, db_key_span(&k), (struct span) { 0 });
	return !db_fault(t, e);
}

static void
put_done(void *arg, const struct err *e)
{
	struct put *p = arg;

	if (e != NULL || p->known)
		body_remove(p->store->bodies, p->letter.file);
	oms_store_drop(&p->store);
	p->done(p->arg, e == NULL ? &p->id : NULL, e);
	buf_clear(&p->body);
	for (size_t i = 0; i < p->n; i++)
		oms_delivery_clear(&p->deliveries[i]);
	free(p->deliveries);
	free(p);
}

static void
put_refused(void *arg)
{
	struct put *p = arg;

	assert(p != NULL);
	put_done(p, &p->write.why);
}

static void
copy_delivery(struct oms_delivery *to, const struct oms_delivery *from)
{
	*to = *from;
	to->statement = (struct buf)BUF_INIT;
	buf_add(&to->statement, from->statement.data, from->statement.len);
	to->recipients = memory_array(from->n_recipients + 1, sizeof *to->recipients);
	memcpy(to->recipients, from->recipients, from->n_recipients * sizeof *to->recipients);
}

static uint64_t
price_of(const struct oms_put *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_deliveries; i++)
		n += in->deliveries[i].n_recipients;
	return oms_letter_price(n);
}

void
oms_store_put_take(struct oms_store *s, const struct oms_put *in, struct loop *l,
    oms_store_put_done *done, void *arg)
{
	struct put *p = memory_new(sizeof *p);

	p->deliveries = memory_array(in->n_deliveries + 1, sizeof *p->deliveries);
	p->store = oms_store_hold(s);
	p->letter = (struct oms_letter_record) {
		.facts = in->letter,
		.life = { .open = (uint32_t)in->n_deliveries, .body = true },
		.price = price_of(in),
	};
	memcpy(p->letter.file, in->kept->name, sizeof p->letter.file);
	memcpy(p->letter.token, in->token, sizeof p->letter.token);
	p->most = in->most;
	if (p->letter.file[0] == '\0') {
		p->body = in->kept->octets;
		in->kept->octets = (struct buf)BUF_INIT;
	}
	body_kept_clear(in->kept);
	p->n = in->n_deliveries;
	for (size_t i = 0; i < p->n; i++)
		copy_delivery(&p->deliveries[i], &in->deliveries[i]);
	p->done = done;
	p->arg = arg;
	p->write = (struct db_write) {
		.apply = apply_put,
		.done = put_done,
		.arg = p,
		.home = l,
		.octets = p->body.len + 1024 * (p->n + 1),
	};
	if (!oms_write_take(s, &p->write, &p->write.why))
		loop_post(l, put_refused, p);
}
