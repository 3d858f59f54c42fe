/* store_user — the OMS's spool: the sums of each user; see store.h. */
#include "common/base/memory.h"
#include "common/base/record.h"
#include "oms/store/store_private.h"

#define VERSION_1 1

/* -- sums ------------------------------------------------------------------------------------------- */

bool
oms_user_get(struct db_txn *t, const char *user, struct oms_user_counts *c, struct err *e)
{
	struct span value;
	struct reader r;

	*c = (struct oms_user_counts) { 0 };
	if (!db_get(t, USER, span_str(user), &value))
		return !db_fault(t, e);
	r = reader_of(value);
	if (read_u8(&r) != VERSION_1)
		return db_damaged(e);
	c->letters = read_u64(&r);
	c->octets = read_u64(&r);
	return reader_done(&r) || db_damaged(e);
}

static void
user_put(struct db_txn *t, const char *user, const struct oms_user_counts *c)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_u64(&value, c->letters);
	put_u64(&value, c->octets);
	if (c->letters > 0 || c->octets > 0)
		db_put(t, USER, span_str(user), buf_span(&value));
	else
		db_del(t, USER, span_str(user));
	buf_clear(&value);
}

bool
oms_user_add_letter(struct db_txn *t, const struct oms_letter_record *r,
    const struct oms_user_limits *most, struct err *e)
{
	struct oms_user_counts c;

	if (!oms_user_get(t, r->facts.user, &c, e) ||
	    !oms_user_keep(&c, r->facts.size, r->price, most, e))
		return false;
	user_put(t, r->facts.user, &c);
	return !db_fault(t, e);
}

static bool
subtract(struct db_txn *t, const char *user, uint64_t letters, uint64_t octets, struct err *e)
{
	struct oms_user_counts c;

	if (!oms_user_get(t, user, &c, e))
		return false;
	oms_user_less(&c, letters, octets);
	user_put(t, user, &c);
	return !db_fault(t, e);
}

bool
oms_user_drop_body(struct db_txn *t, const struct oms_letter_record *r, struct err *e)
{
	return subtract(t, r->facts.user, 1, r->facts.size, e);
}

bool
oms_user_drop_outcome(struct db_txn *t, const struct oms_letter_record *r, struct err *e)
{
	return r->price == 0 || subtract(t, r->facts.user, 0, r->price, e);
}

/* -- asking ------------------------------------------------------------------------------------------ */

struct user {
	struct oms_question question;
	char user[OMS_STORE_USER_BYTES];
	struct oms_user_counts counts;
	bool known;
	oms_store_user_done *done;
	oms_store_knows_done *knows;
	void *arg;
};

static bool
look_user(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct user *u = (struct user *)q;

	return oms_user_get(t, u->user, &u->counts, e);
}

static void
tell_user(struct oms_question *q, const struct err *e)
{
	struct user *u = (struct user *)q;

	u->done(u->arg, &u->counts, e);
}

static struct user *
user_new(const char *user, void *arg)
{
	struct user *u = memory_new(sizeof *u);

	span_copy(span_str(user), u->user, sizeof u->user);
	u->arg = arg;
	return u;
}

struct oms_question *
oms_store_user(struct oms_store *s, const char *user, struct loop *l, oms_store_user_done *done,
    void *arg)
{
	struct user *u = user_new(user, arg);

	u->question = (struct oms_question) { .look = look_user, .tell = tell_user };
	u->done = done;
	return oms_ask(&u->question, s, l);
}

static bool
found_one(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return false;
}

static bool
look_knows(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct user *u = (struct user *)q;
	struct db_key prefix = oms_key_named(u->user, (struct span) { 0 });

	(void)e;
	u->known = false;
	db_each(t, OUTBOX, db_key_span(&prefix), db_key_span(&prefix), found_one, &u->known);
	return true;
}

static void
tell_knows(struct oms_question *q, const struct err *e)
{
	struct user *u = (struct user *)q;

	u->knows(u->arg, u->known, e);
}

struct oms_question *
oms_store_knows_user(struct oms_store *s, const char *user, struct loop *l,
    oms_store_knows_done *done, void *arg)
{
	struct user *u = user_new(user, arg);

	u->question = (struct oms_question) { .look = look_knows, .tell = tell_knows };
	u->knows = done;
	return oms_ask(&u->question, s, l);
}
