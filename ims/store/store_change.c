/* store_change — marks, drops and declines one notice for its user; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "ims/policy/notice.h"
#include "ims/store/store_private.h"
#include "ims/store/store_seen.h"

struct change {
	struct db_write write;
	struct ims_store *store; /* valid until the write is applied */
	struct bodies *bodies;   /* valid until done, which may run after the store was closed */
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	int64_t now_s;
	unsigned set, cleared;      /* mark */
	bool declined;              /* drop */
	char file[BODY_NAME_BYTES]; /* of a body that no record names any more */
	ims_store_done *done;
	void *arg;
};

static void
refused(void *arg)
{
	struct change *c = arg;

	c->write.done(c, &c->write.why);
}

static void
changed(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL)
		body_remove(c->bodies, c->file);
	bodies_free(&c->bodies);
	c->done(c->arg, e);
	free(c);
}

static void
submit(struct ims_store *s, const struct change *what,
    bool (*apply)(struct db_txn *t, void *arg, struct err *e), struct loop *loop)
{
	struct change *c = memory_new(sizeof *c);

	*c = *what;
	c->store = s;
	c->bodies = bodies_ref(s->bodies);
	c->now_s = clock_wall_ms() / 1000;
	c->write = (struct db_write) {
		.apply = apply,
		.done = changed,
		.arg = c,
		.home = loop,
		.octets = 1024,
		.frees = true, /* a mark replaces a record, a drop deletes one */
	};
	if (!db_write_take(s->db, &c->write, &c->write.why))
		loop_post(loop, refused, c);
}

/* -- mark -------------------------------------------------------------------------------------------- */

static bool
apply_mark(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_notice_record n;
	struct ims_mailbox_record m;

	if (!ims_notice_get(t, c->user, c->number, &n, e) || !ims_mailbox_get(t, c->user, &m, e))
		return false;
	n.flags = ims_notice_flags(n.flags, c->set, c->cleared);
	ims_change_put(t, c->user, &m, c->number, &n.change);
	ims_notice_put(t, c->user, c->number, &n);
	ims_mailbox_put(t, c->user, &m);
	return !db_fault(t, e);
}

void
ims_store_mark(struct ims_store *s, const char *user, uint64_t number, unsigned set,
    unsigned cleared, struct loop *loop, ims_store_done *done, void *arg)
{
	struct change c = {
		.number = number,
		.set = set,
		.cleared = cleared,
		.done = done,
		.arg = arg,
	};

	span_copy(span_str(user), c.user, sizeof c.user);
	submit(s, &c, apply_mark, loop);
}

/* -- drop, decline -------------------------------------------------------------------------------------- */

/* Removes one reference.  With the last one deletes the letter and names the body's file in `file`. */
static void
unref_letter(struct db_txn *t, const struct db_key *k, struct ims_letter_record *l,
    char file[BODY_NAME_BYTES])
{
	if (l->refs == 0)
		return;
	if (l->refs > 1) {
		l->refs--;
		ims_letter_put(t, k, l);
		return;
	}
	memcpy(file, l->file, BODY_NAME_BYTES);
	db_del(t, LETTER, db_key_span(k));
	db_del(t, BODY, db_key_span(k));
	ims_evidence_del(t, k, domain_span(&l->facts.from_domain));
	ims_notified_del(t, k);
}

bool
ims_drop_get(struct db_txn *t, const struct ims_store *s, const char *user, uint64_t number,
    int64_t now_s, struct ims_dropping *d, struct err *e)
{
	if (!ims_notice_get(t, user, number, &d->notice, e) ||
	    !ims_mailbox_get(t, user, &d->mailbox, e))
		return false;
	d->letter_key = ims_key_letter(&d->notice.id, address_domain(span_str(d->notice.from)));
	if (ims_letter_get(t, s, &d->letter_key, now_s, &d->letter, e))
		return true;
	d->letter.refs = 0; /* the notice has no letter */
	return e->why == REFUSAL_no_such_number;
}

static enum ims_notice_is
is_of(const struct ims_notice_record *n)
{
	return n->declined ? IMS_NOTICE_DECLINED : IMS_NOTICE_OPEN;
}

/* A repeat of the notice will be answered as the sender is told now. */
static void
note_answer(struct db_txn *t, const struct ims_dropping *d)
{
	struct db_key seen = ims_key_seen(&d->letter_key, span_str(d->notice.to));

	enum ims_answered what = ims_notice_answered(is_of(&d->notice), d->letter.refs > 0,
	    d->letter.facts.state);

	if (what != IMS_ANSWERED_NOTHING)
		ims_seen_answered(t, &seen, what);
}

void
ims_drop_put(struct db_txn *t, const char *user, uint64_t number, struct ims_dropping *d,
    bool declined, char file[BODY_NAME_BYTES])
{
	struct ims_notice_record *n = &d->notice;
	bool less;
	enum ims_notice_is becomes = ims_notice_becomes(is_of(n),
	    declined ? IMS_NOTICE_IS_DECLINED : IMS_NOTICE_IS_DROPPED, &less);

	file[0] = '\0';
	if (d->letter.refs > 0 && less)
		ims_notified_less(t, &d->letter_key, &d->letter.facts,
		    address_domain(span_str(n->to)), declined);
	if (becomes != IMS_NOTICE_GONE) {
		n->declined = becomes == IMS_NOTICE_DECLINED;
		ims_change_put(t, user, &d->mailbox, number, &n->change);
		ims_notice_put(t, user, number, n);
	} else {
		note_answer(t, d);
		ims_notice_del(t, user, number, n);
		d->mailbox.notices -= d->mailbox.notices > 0;
		ims_change_del(t, user, &d->mailbox, n->change);
		unref_letter(t, &d->letter_key, &d->letter, file);
	}
	ims_mailbox_put(t, user, &d->mailbox);
}

static bool
apply_drop(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_dropping d;

	if (!ims_drop_get(t, c->store, c->user, c->number, c->now_s, &d, e))
		return false;
	ims_drop_put(t, c->user, c->number, &d, c->declined, c->file);
	return !db_fault(t, e);
}

void
ims_store_drop(struct ims_store *s, const char *user, uint64_t number, bool declined,
    struct loop *loop, ims_store_done *done, void *arg)
{
	struct change c = {
		.number = number,
		.declined = declined,
		.done = done,
		.arg = arg,
	};

	span_copy(span_str(user), c.user, sizeof c.user);
	submit(s, &c, apply_drop, loop);
}
