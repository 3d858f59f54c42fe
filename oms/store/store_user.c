/* store_user — the OMS's spool: the partition of a user; see store_private.h. */
#include <string.h>

#include "common/base/memory.h"
#include "common/base/planted.h"
#include "oms/store/store_private.h"

#define VERSION_1 1
#define VERSION_2                                                                                  \
	2 /* the row of a letter has the whole name of its token; so have all of the sums' user */
#define SUMS_STAMPED_BYTES (1 + 4 * 8) /* an earlier build kept the directory's version, too */

/* -- sums ------------------------------------------------------------------------------------------- */

static bool
delete_row(void *arg, struct span key)
{
	kv_del(arg, key);
	return true;
}

/* Nothing is left of a user whose outbox is empty: tokens neither, of letters whose row could not be read. */
void
oms_sums_put(struct kv_txn *t, const struct oms_sums *s)
{
	struct buf value = BUF_INIT;

	if (s->listed == 0) {
		kv_del(t, SPAN_LIT("S"));
		kv_each_key(t, SPAN_LIT("T"), SPAN_LIT("T"), delete_row, t);
		return;
	}
	put_u8(&value, s->has_old_names ? VERSION_1 : VERSION_2);
	put_u64(&value, s->counts.letters);
	put_u64(&value, s->counts.octets);
	put_u64(&value, s->listed);
	kv_put(t, SPAN_LIT("S"), buf_span(&value));
	buf_clear(&value);
}

/* The user has letters, or has none any more. */
static void
tell_directory(struct kv_txn *t, bool gone)
{
	const struct kv_part *here = kv_here(t);
	const struct kv_part users = kv_dir_part(OMS_USERS, span_of(here->name, here->n));
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(here->name, here->n),
		.version = { .n = kv_stamp(t) },
		.gone = gone,
		.value = SPAN_LIT("here"),
	};

	kv_emit(t, &users, &f);
}

/* A letter has left the outbox. */
static void
save_without(struct kv_txn *t, struct oms_sums *s)
{
	s->listed -= s->listed > 0;
	if (s->listed == 0)
		tell_directory(t, true);
	oms_sums_put(t, s);
}

/* -- letters of the outbox ----------------------------------------------------------------------------- */

struct oms_token_name
oms_token_name(const char *token)
{
	struct oms_token_name name = { .n = 0 };
	unsigned char digest[DIGEST_BYTES];
	size_t n = strnlen(token, OMS_TOKEN_HEAD);

	if (n == 0)
		return name;
	digest_sha256(span_str(token), digest);
	name.n = OMS_TOKEN_BYTES;
	memcpy(name.b, token, n);
	memcpy(name.b + OMS_TOKEN_HEAD, digest, OMS_HASH_BYTES);
	return name;
}

/* As formats up to 2 named it. */
static struct oms_token_name
older_name(const struct oms_token_name *name)
{
	struct oms_token_name older = { .n = OMS_HASH_BYTES };

	memcpy(older.b, name->b + OMS_TOKEN_HEAD, OMS_HASH_BYTES);
	return older;
}

static struct kv_key
token_row(const struct oms_token_name *name)
{
	return oms_row('T', span_of(name->b, name->n));
}

static bool
read_token(struct kv_txn *t, const struct oms_token_name *name, struct oms_token *out)
{
	struct kv_key k = token_row(name);
	struct span value;
	struct reader r;

	if (name->n == 0 || !kv_get(t, kv_key_span(&k), &value))
		return false;
	*out = (struct oms_token) { .until_s = 0 };
	r = reader_of(value);
	read_bytes(&r, out->id.b, ULID_BYTES);
	out->until_s = (int64_t)read_u64(&r);
	return reader_done(&r);
}

/* True: the token is valid at now_s, and *id is its letter. */
bool
oms_token_get(struct kv_txn *t, const struct oms_sums *s, const struct oms_token_name *name,
    int64_t now_s, struct ulid *id)
{
	struct oms_token_name older = { .n = 0 };
	struct oms_token known;

	if (s->has_old_names && name->n > 0)
		older = older_name(name);
	if ((!read_token(t, name, &known) && !read_token(t, &older, &known)) ||
	    !oms_token_counts(&known, now_s))
		return false;
	*id = known.id;
	return true;
}

static void
put_token(struct kv_txn *t, const struct oms_token_name *name, const struct ulid *id,
    int64_t until_s)
{
	struct kv_key k = token_row(name);
	struct buf value = BUF_INIT;

	put_bytes(&value, id->b, ULID_BYTES);
	put_u64(&value, (uint64_t)until_s);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static void
put_row(struct kv_txn *t, const struct ulid *id, const struct oms_outbox_row *row)
{
	struct kv_key k = oms_row('O', span_of(id->b, ULID_BYTES));
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_2);
	put_u64(&value, row->size);
	put_u64(&value, row->price);
	put_bytes(&value, row->token.b, row->token.n);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static bool
read_row(struct span value, struct oms_outbox_row *row)
{
	static const unsigned char none[OMS_HASH_BYTES];
	struct reader r = reader_of(value);
	bool is_older = read_u8(&r) == VERSION_1;

	*row = (struct oms_outbox_row) { .size = read_u64(&r) };
	row->price = read_u64(&r);
	if (r.bad || r.rest.n > sizeof row->token.b)
		return false;
	row->token.n = (unsigned char)r.rest.n;
	read_bytes(&r, row->token.b, row->token.n);
	if (is_older && memcmp(row->token.b, none, sizeof none) == 0)
		row->token.n = 0;
	return true;
}

enum kept_row {
	ROW_NONE, /* the letter is not in the outbox, or there is a fault */
	ROW_READ,
	ROW_UNREADABLE, /* *row is zeros */
};

static enum kept_row
find_row(struct kv_txn *t, struct span id, struct oms_outbox_row *row)
{
	struct kv_key k = oms_row('O', id);
	struct span value;
	struct err e;
	bool there = kv_get(t, kv_key_span(&k), &value), damaged = !there && kv_fault(t, &e);

	if (there && read_row(value, row))
		return ROW_READ;
	*row = (struct oms_outbox_row) { .size = 0 };
	kv_pardon(t);
	return there || damaged ? ROW_UNREADABLE : ROW_NONE;
}

/* -- sums that are read ------------------------------------------------------------------------------------- */

struct recount {
	struct kv_txn *txn;
	struct oms_sums *sums;
};

/* The fact of an outcome has no more to say than that there is one.  A damaged one says that, too. */
static bool
is_outcome(struct kv_txn *t, struct span id)
{
	struct kv_fact f;
	struct err e;
	bool is = kv_get_fact(t, OMS_FACT, id, &f) || kv_fault(t, &e);

	kv_pardon(t);
	return is;
}

static bool
count_row(void *arg, struct span key)
{
	const struct recount *c = arg;
	const struct span id = span_sub(key, 1, key.n);
	struct oms_outbox_row row;
	bool over = is_outcome(c->txn, id);

	if (find_row(c->txn, id, &row) == ROW_NONE)
		return true;
	c->sums->listed++;
	c->sums->counts.letters += !over;
	c->sums->counts.octets += row.price + (over ? 0 : row.size);
	return true;
}

/* Sums that are damaged are made anew. */
static bool
recount(struct kv_txn *t, struct oms_sums *s, struct err *e)
{
	struct recount c = { t, s };

	kv_pardon(t);
	s->has_old_names = true; /* they may be */
	kv_each_key(t, SPAN_LIT("O"), SPAN_LIT("O"), count_row, &c);
	return !kv_fault(t, e);
}

bool
oms_sums_get(struct kv_txn *t, struct oms_sums *s, struct err *e)
{
	struct span value;
	struct reader r;
	struct err damaged;
	uint8_t version;

	*s = (struct oms_sums) { .listed = 0 };
	if (!kv_get(t, SPAN_LIT("S"), &value))
		return !kv_fault(t, &damaged) || recount(t, s, e);
	r = reader_of(value);
	version = read_u8(&r);
	if (version != VERSION_1 && version != VERSION_2)
		return oms_damaged(e);
	s->has_old_names = version == VERSION_1;
	s->counts.letters = read_u64(&r);
	s->counts.octets = read_u64(&r);
	s->listed = read_u64(&r);
	if (value.n == SUMS_STAMPED_BYTES)
		read_u64(&r);
	return reader_done(&r) || oms_damaged(e);
}

/* -- letters that come and go --------------------------------------------------------------------------- */

/* What a user's partition keeps of a letter. */
static void
add_letter(struct kv_txn *t, struct oms_sums *s, const struct oms_taking *p)
{
	const struct oms_letter *l = &p->letter.facts;
	const struct oms_outbox_row row = {
		.size = l->size,
		.price = p->letter.price,
		.token = p->token,
	};

	put_row(t, &l->id, &row);
	if (row.token.n > 0 && p->token_until_s > 0)
		put_token(t, &row.token, &l->id, p->token_until_s);
	if (s->listed++ == 0)
		tell_directory(t, false);
	oms_sums_put(t, s);
}

/* The row goes, and its token if that still means this letter. */
static void
drop_row(struct kv_txn *t, struct span id, const struct oms_outbox_row *row)
{
	struct kv_key k = oms_row('O', id);
	struct oms_token token;
	struct ulid letter;

	kv_del(t, kv_key_span(&k));
	memcpy(letter.b, id.p, ULID_BYTES);
	if (read_token(t, &row->token, &token) && oms_token_goes_with(&token, &letter)) {
		k = token_row(&row->token);
		kv_del(t, kv_key_span(&k));
	}
}

static void
state_letter_gone(struct kv_txn *t, const struct kv_part *letter)
{
	const struct kv_fact f = { .what = OMS_FACT, .version = { .n = 2 }, .gone = true };

	kv_emit(t, letter, &f);
}

/* A letter is over: its body counts no more.  gone: it is forgotten.  How much a row said that cannot be read is not
 * known: it counts until the sums are made anew. */
bool
oms_user_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	bool kept = !kv_was_damaged(t) && was == NULL; /* what is damaged said that it is over */
	struct oms_outbox_row row;
	struct oms_sums s;

	(void)arg;
	if (now->gone)
		state_letter_gone(t, from);
	if (now->name.n != ULID_BYTES || find_row(t, now->name, &row) == ROW_NONE)
		return !kv_fault(t, e); /* it was taken back, or forgotten */
	if (!oms_sums_get(t, &s, e))
		return false;
	oms_user_less(&s.counts, kept ? 1 : 0, (kept ? row.size : 0) + (now->gone ? row.price : 0));
	if (now->gone) {
		drop_row(t, now->name, &row);
		save_without(t, &s);
	} else {
		oms_sums_put(t, &s);
	}
	return true;
}

/* The value of the first statement has the letter, that of await_verdict is empty. */
static bool
states_again(const struct kv_fact *letter)
{
	return letter->value.n == 0;
}

/* There is no room for the letter: it was never kept.  What a repeat stated takes nothing back: the letter may be kept,
 * and only its fact be damaged.  Where it is not, its own statement is refused, too. */
bool
oms_user_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct span id = span_of(to->name, to->n);
	struct oms_outbox_row row;
	struct oms_sums s;

	(void)why;
	(void)arg;
	if (to->kind != OMS_LETTER || states_again(fact) || find_row(t, id, &row) == ROW_NONE)
		return !kv_fault(t, e);
	if (!oms_sums_get(t, &s, e))
		return false;
	oms_user_less(&s.counts, 1, row.size + row.price);
	drop_row(t, id, &row);
	save_without(t, &s);
	state_letter_gone(t, to);
	return true;
}

/* -- room in the outbox ----------------------------------------------------------------------------------- */

#define OUTCOMES_LOOK 64 /* that are looked at: some may be forgotten already */

struct oldest {
	struct kv_txn *txn;
	int64_t now_s;
	unsigned left;
	uint64_t nth; /* the oldest but so many */
	bool found;
	struct ulid id;
	struct oms_outbox_row row;
};

/* Outcomes come in the order of their ids, so the first that is still in the outbox is the oldest. */
static bool
is_oldest(void *arg, struct span id)
{
	struct oldest *o = arg;
	struct oms_token token;

	if (id.n != ULID_BYTES || !is_outcome(o->txn, id))
		return true;
	if (find_row(o->txn, id, &o->row) == ROW_NONE)
		return o->left-- > 0;
	memcpy(o->id.b, id.p, ULID_BYTES);
	o->found = !read_token(o->txn, &o->row.token, &token) ||
	    !oms_token_goes_with(&token, &o->id) || !oms_token_counts(&token, o->now_s);
	if (!o->found || o->nth == 0)
		return false;
	o->nth--;
	o->found = false;
	return true;
}

/* The oldest that may be forgotten, as may the nth before it. */
static bool
find_oldest(struct kv_txn *t, uint64_t nth, int64_t now_s, struct oldest *o)
{
	*o = (struct oldest) { .txn = t,
		.now_s = now_s,
		.left = OUTCOMES_LOOK,
		.nth = nth < OUTCOMES_LOOK ? nth : OUTCOMES_LOOK - 1 };
	kv_each_fact_name(t, OMS_FACT, SPAN_LIT(""), SPAN_LIT(""), is_oldest, o);
	return o->found;
}

bool
oms_outbox_judge(struct kv_txn *t, const struct oms_sums *s, const struct oms_user_limits *most,
    int64_t now_s, struct err *e)
{
	struct oldest o;
	uint64_t beyond = 0; /* letters that were taken, and have not made room yet */

	if (oms_outbox_has_room(s->listed, most))
		return true;
	while (beyond < OUTCOMES_LOOK && !oms_outbox_has_room(s->listed - beyond - 1, most))
		beyond++;
	return find_oldest(t, beyond, now_s, &o) || oms_outbox_full(most, e);
}

/* At most this many at once: an older version may have left more than the outbox lists now. */
#define FORGET_MAX 8

static void
make_room(struct kv_txn *t, struct oms_sums *s, const struct oms_user_limits *most, int64_t now_s)
{
	struct oldest o;

	for (int i = 0; i < FORGET_MAX && !oms_outbox_has_room(s->listed - 1, most); i++) {
		struct kv_part letter;

		if (!find_oldest(t, 0, now_s, &o))
			return;
		oms_user_less(&s->counts, 0, o.row.price);
		drop_row(t, span_of(o.id.b, ULID_BYTES), &o.row);
		s->listed -= s->listed > 0;
		letter = oms_part_letter(&o.id);
		state_letter_gone(t, &letter);
	}
}

/* -- taking a letter ------------------------------------------------------------------------------------ */

static void
state_letter(struct kv_txn *t, const struct ulid *id, struct span packed)
{
	const struct kv_part letter = oms_part_letter(id);
	const struct kv_fact f = { .what = OMS_FACT, .version = { .n = 1 }, .value = packed };

	kv_emit_awaited(t, &letter, &f);
}

/* The letter with this token may not be decided yet.  The same statement gets the same verdict; its value is of no
 * matter, because the letter has it already. */
static void
await_verdict(struct kv_txn *t, const struct ulid *id)
{
	if (!PLANTED(token_early))
		state_letter(t, id, (struct span) { 0 });
}

bool
oms_take_letter(struct kv_txn *t, void *arg, struct err *e)
{
	struct oms_taking *p = arg;
	const struct oms_letter *l = &p->letter.facts;
	struct oms_sums s;

	p->id = l->id;
	p->crowded = false;
	if (!oms_sums_get(t, &s, e))
		return false;
	if (!p->again && (p->known = oms_token_get(t, &s, &p->token, l->date_s, &p->id))) {
		await_verdict(t, &p->id);
		return true;
	}
	if (kv_fault(t, e) || (!p->again && !oms_outbox_judge(t, &s, &p->most, l->date_s, e)) ||
	    !oms_user_keep(&s.counts, l->size, p->letter.price, &p->most, e))
		return false;
	p->crowded = !oms_outbox_has_room(s.listed, &p->most);
	add_letter(t, &s, p);
	state_letter(t, &l->id, buf_span(&p->packed));
	return true;
}

bool
oms_outbox_trim(struct kv_txn *t, void *arg, struct err *e)
{
	const struct oms_taking *p = arg;
	struct oms_sums s;

	if (!oms_sums_get(t, &s, e))
		return false;
	make_room(t, &s, &p->most, p->letter.facts.date_s);
	oms_sums_put(t, &s);
	return true;
}

/* -- asking ------------------------------------------------------------------------------------------ */

struct user {
	struct kv_question question;
	struct oms_sums sums;
	struct err why; /* the sums cannot be read */
	oms_store_user_done *done;
	oms_store_knows_done *knows;
	void *arg;
};

static void
look_user(struct kv_txn *t, void *arg)
{
	struct user *u = arg;

	u->why.why = REFUSAL_NONE;
	oms_sums_get(t, &u->sums, &u->why);
}

static void
user_read(struct kv_question *q)
{
	struct user *u = (struct user *)q;

	q->why = u->why;
	kv_question_answer(q);
}

static void
tell_user(struct kv_question *q, const struct err *e)
{
	struct user *u = (struct user *)q;

	if (u->done != NULL)
		u->done(u->arg, &u->sums.counts, e);
	else
		u->knows(u->arg, e == NULL && u->sums.listed > 0, e);
}

static struct kv_question *
ask_user(struct user *u, struct oms_store *s, const char *user, struct loop *l)
{
	struct kv_part part = oms_part_user(user);

	u->question = (struct kv_question) { .next = user_read, .tell = tell_user };
	kv_question_begin(&u->question, &s->base, l);
	kv_question_look(&u->question, part, look_user, u);
	return &u->question;
}

struct kv_question *
oms_store_user(struct oms_store *s, const char *user, struct loop *l, oms_store_user_done *done,
    void *arg)
{
	struct user *u = memory_new(sizeof *u);

	u->done = done;
	u->arg = arg;
	return ask_user(u, s, user, l);
}

struct kv_question *
oms_store_knows_user(struct oms_store *s, const char *user, struct loop *l,
    oms_store_knows_done *done, void *arg)
{
	struct user *u = memory_new(sizeof *u);

	u->knows = done;
	u->arg = arg;
	return ask_user(u, s, user, l);
}

/* -- pages of the outbox ---------------------------------------------------------------------------------- */

static bool
take_id(void *arg, struct span key)
{
	struct oms_ids *x = arg;
	struct ulid id;

	if (key.n != 1 + ULID_BYTES)
		return true;
	memcpy(id.b, key.p + 1, ULID_BYTES);
	if (x->begun && !x->with && ulid_eq(&id, &x->from))
		return true;
	if (x->n == x->max) {
		x->more = true;
		return false;
	}
	x->id[x->n++] = id;
	return true;
}

void
oms_look_ids(struct kv_txn *t, void *ids)
{
	struct oms_ids *x = ids;
	struct kv_key from = oms_row('O', span_of(x->from.b, x->begun ? ULID_BYTES : 0));

	x->n = 0;
	x->more = false;
	kv_each_key(t, kv_key_span(&from), SPAN_LIT("O"), take_id, x);
}
