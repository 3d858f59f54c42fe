/* store_purge — drops notices by time, by sender, or with their mailbox; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "ims/policy/notice.h"
#include "ims/store/store_seen.h"
#include "ims/store/store_share.h"
#include "ims/store/store_work_private.h"

/* -- one notice ----------------------------------------------------------------------------------------- */

/* False: its records are damaged; the work skips it. */
static bool
get(struct db_txn *t, const struct ims_work *w, const char *user, uint64_t number,
    struct ims_dropping *d)
{
	struct err e;

	if (ims_drop_get(t, w->store, user, number, w->now_s, d, &e))
		return true;
	db_pardon(t);
	return false;
}

static void
drop(struct db_txn *t, const char *user, uint64_t number, struct ims_dropping *d,
    struct ims_work_done *done)
{
	char *file = done->file[done->n_files];

	ims_drop_put(t, user, number, d, false, file);
	done->n_files += file[0] != '\0';
	done->notices++;
}

static struct db_key
no_prefix(const struct ims_work *w)
{
	(void)w;
	return (struct db_key) { .n = 0 };
}

static int64_t
time_of(struct span key)
{
	return (int64_t)db_key_u64(key, 0);
}

/* -- repeats whose time has come ------------------------------------------------------------------------ */

static bool
is_refused_by_now(const struct ims_work *w, struct span key)
{
	return time_of(key) < w->now_s;
}

static bool
user_of_seen(struct db_txn *t, const struct ims_work *w, struct span key,
    char user[IMS_STORE_USER_BYTES])
{
	struct ims_seen_record r;
	struct span value;
	struct err e;

	(void)w;
	if (ims_key_seen_in(key).n == 0 || !db_get(t, SEEN, ims_key_seen_in(key), &value) ||
	    !ims_seen_read(value, &r, &e))
		return false;
	return span_copy(span_str(r.user), user, IMS_STORE_USER_BYTES);
}

static void
forget(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	struct span key = db_key_span(&row->key);

	(void)w;
	(void)done;
	ims_seen_del(t, ims_key_seen_in(key));
	db_del(t, UNTIL, key); /* also where the entry is damaged */
}

/* Repeats are refused as hold_expired by now.  The notices stay. */
static const struct ims_work_kind seen = {
	.table = UNTIL,
	.prefix = no_prefix,
	.within = is_refused_by_now,
	.user = user_of_seen,
	.change = forget,
};

/* -- notices whose time has come ------------------------------------------------------------------------ */

static bool
is_due(const struct ims_work *w, struct span key)
{
	return time_of(key) < w->now_s - w->keep_s;
}

static bool
user_of_due(struct db_txn *t, const struct ims_work *w, struct span key,
    char user[IMS_STORE_USER_BYTES])
{
	uint64_t number;

	(void)t;
	(void)w;
	return ims_key_notice(key, 8, user, &number);
}

static void
end_notice(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	uint64_t number = ims_key_number(db_key_span(&row->key));
	const struct ims_letter *l;
	struct ims_dropping d;
	int64_t due_s = 0;

	if (row->user[0] == '\0' || !get(t, w, row->user, number, &d)) {
		db_del(t, DUE, db_key_span(&row->key));
		return;
	}
	l = d.letter.refs > 0 ? &d.letter.facts : NULL;
	switch (ims_notice_end(l, w->now_s, w->keep_s, &due_s)) {
	case IMS_NOTICE_STAYS:
	case IMS_NOTICE_LATER:
		ims_notice_due(t, row->user, number, &d.notice, due_s);
		break;
	case IMS_NOTICE_GOES:
		drop(t, row->user, number, &d, done);
		break;
	}
}

static const struct ims_work_kind due = {
	.table = DUE,
	.prefix = no_prefix,
	.within = is_due,
	.user = user_of_due,
	.change = end_notice,
};

struct swept {
	ims_store_done *done;
	void *arg;
};

static void
sweep_done(void *arg, uint64_t notices, const struct err *e)
{
	struct swept *s = arg;

	(void)notices;
	s->done(s->arg, e);
	free(s);
}

void
ims_store_sweep(struct ims_store *s, int64_t now_s, int64_t keep_s, struct loop *loop,
    ims_store_done *done, void *arg)
{
	static const struct ims_work_kind *const kinds[] = { &seen, &due, NULL };
	struct ims_work *w = ims_work_new(s, kinds);
	struct swept *swept = memory_new(sizeof *swept);

	*swept = (struct swept) { done, arg };
	w->now_s = now_s;
	w->keep_s = keep_s;
	w->loop = loop;
	w->done = sweep_done;
	w->arg = swept;
	ims_work_start_take(w);
}

/* -- a sender's notices, in all mailboxes or in one ----------------------------------------------------- */

static struct db_key
of_sender(const struct ims_work *w)
{
	struct db_key prefix = ims_key_domain(domain_span(&w->from_domain));

	if (w->user[0] != '\0')
		db_key_add_text(&prefix, w->user);
	return prefix;
}

static bool
user_of_sender(struct db_txn *t, const struct ims_work *w, struct span key,
    char user[IMS_STORE_USER_BYTES])
{
	uint64_t number;

	(void)t;
	(void)w;
	return ims_key_notice(key, IMS_DOMAIN_HASH, user, &number);
}

static void
drop_of_sender(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	uint64_t number = ims_key_number(db_key_span(&row->key));
	struct ims_dropping d;

	if (row->user[0] != '\0' && get(t, w, row->user, number, &d) &&
	    ims_notice_is_purged(d.letter.refs > 0, d.letter.facts.state, w->opened))
		drop(t, row->user, number, &d, done);
}

static const struct ims_work_kind sender = {
	.table = SENDER,
	.prefix = of_sender,
	.user = user_of_sender,
	.change = drop_of_sender,
};

static struct db_key
of_remembered(const struct ims_work *w)
{
	return ims_key_seen_by(domain_span(&w->from_domain), w->user[0] == '\0' ? NULL : w->user);
}

/* Does the entry's notice lie in its mailbox? */
static bool
has_notice(struct db_txn *t, struct span entry, const struct ims_seen_record *r)
{
	struct ims_notice_record n;
	struct db_key letter;
	struct err e;

	if (!ims_notice_get(t, r->user, r->number, &n, &e)) {
		db_pardon(t);
		return false;
	}
	letter = ims_key_letter(&n.id, address_domain(span_str(n.from)));
	return span_starts(entry, db_key_span(&letter));
}

static void
forget_without_notice(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	struct ims_seen_record r;
	struct db_key entry;
	struct span value;
	struct err e;

	(void)w;
	(void)done;
	db_key_copy(&entry, ims_key_seen_in(db_key_span(&row->key)));
	if (entry.n > 0 && ims_get_spared(t, SEEN, &entry, &value) &&
	    ims_seen_read(value, &r, &e) && has_notice(t, db_key_span(&entry), &r))
		return;
	ims_seen_del(t, db_key_span(&entry));
	db_del(t, SEEN_BY, db_key_span(&row->key)); /* also where the entry is damaged */
}

/* Forgets notices that are gone; the sender's share is free again. */
static const struct ims_work_kind remembered = {
	.table = SEEN_BY,
	.prefix = of_remembered,
	.user = user_of_seen,
	.change = forget_without_notice,
};

/* -- a whole mailbox ------------------------------------------------------------------------------------- */

static struct db_key
of_mailbox(const struct ims_work *w)
{
	return ims_key_user(w->user);
}

static bool
its_user(struct db_txn *t, const struct ims_work *w, struct span key,
    char user[IMS_STORE_USER_BYTES])
{
	(void)t;
	(void)key;
	return span_copy(span_str(w->user), user, IMS_STORE_USER_BYTES);
}

static void
drop_and_forget(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	uint64_t number = ims_key_number(db_key_span(&row->key));
	struct ims_dropping d;
	struct db_key entry;

	if (!get(t, w, w->user, number, &d))
		return;
	entry = ims_key_seen(&d.letter_key, span_str(d.notice.to));
	ims_seen_del(t, db_key_span(&entry));
	drop(t, w->user, number, &d, done);
}

static void
forget_sender(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	(void)w;
	(void)done;
	db_del(t, KNOWN, db_key_span(&row->key));
}

static struct db_key
of_record(const struct ims_work *w)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, w->user, strlen(w->user));
	return k;
}

/* A new mailbox of this name starts at number 1. */
static void
delete_record(struct db_txn *t, const struct ims_work *w, const struct ims_work_row *row,
    struct ims_work_done *done)
{
	(void)w;
	(void)done;
	db_del(t, MAILBOX, db_key_span(&row->key));
}

static const struct ims_work_kind notices = {
	.table = NOTICE,
	.prefix = of_mailbox,
	.user = its_user,
	.change = drop_and_forget,
};
static const struct ims_work_kind known = {
	.table = KNOWN,
	.prefix = of_mailbox,
	.user = its_user,
	.change = forget_sender,
};
static const struct ims_work_kind record = {
	.table = MAILBOX,
	.prefix = of_record,
	.alone = true,
	.user = its_user,
	.change = delete_record,
};

void
ims_store_purge(struct ims_store *s, const struct ims_purge *p)
{
	static const struct ims_work_kind *const of_domain[] = { &sender, &remembered, NULL };
	static const struct ims_work_kind *const of_user[] = { &notices, &known, &record, NULL };
	struct ims_work *w = ims_work_new(s, p->from_domain != NULL ? of_domain : of_user);

	if (p->from_domain != NULL)
		w->from_domain = domain_copy(p->from_domain);
	if (p->user != NULL)
		span_copy(span_str(p->user), w->user, sizeof w->user);
	w->opened = p->opened;
	w->now_s = clock_wall_ms() / 1000;
	w->loop = p->loop;
	w->progress = p->progress;
	w->done = p->done;
	w->arg = p->arg;
	ims_work_start_take(w);
}
