/* store_purge — drops notices by time, by sender, or with their mailbox; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/record.h"
#include "ims/policy/notice.h"
#include "ims/store/store_job_private.h"
#include "ims/store/store_seen.h"
#include "ims/store/store_share.h"

/* -- a page of keys ----------------------------------------------------------------------------------- */

struct page {
	struct db_key *key;
	size_t n, max;
	struct span after;
	int64_t before_s; /* keys begin with a time before this; INT64_MAX: any key */
	bool more;
};

static bool
take_key(void *arg, struct span key, struct span value)
{
	struct page *p = arg;
	struct reader r = reader_of(key);

	(void)value;
	if (p->before_s != INT64_MAX && (int64_t)read_u64(&r) >= p->before_s)
		return false;
	if (span_eq(key, p->after))
		return true;
	if (p->n == p->max) {
		p->more = true;
		return false;
	}
	db_key_copy(&p->key[p->n++], key);
	return true;
}

/* The rows of `table` that follow j->at.  The caller frees p->key. */
static void
read_page(struct db_txn *t, struct ims_job *j, enum ims_table table, struct span prefix,
    int64_t before_s, struct page *p)
{
	struct span from = j->at.n > 0 ? db_key_span(&j->at) : prefix;

	*p = (struct page) { .before_s = before_s, .after = db_key_span(&j->at), .max = j->rows };
	p->key = memory_array(j->rows, sizeof *p->key);
	db_each(t, table, from, prefix, take_key, p);
	j->staged.more = p->more;
	if (p->n > 0)
		j->staged.at = p->key[p->n - 1];
}

/* -- one notice ----------------------------------------------------------------------------------------- */

/* False: its records are damaged; the job skips it. */
static bool
get(struct db_txn *t, struct ims_job *j, const char *user, uint64_t number, struct ims_dropping *d)
{
	struct err e;

	if (ims_drop_get(t, j->store, user, number, j->now_s, d, &e))
		return true;
	db_pardon(t);
	return false;
}

static void
drop(struct db_txn *t, struct ims_job *j, const char *user, uint64_t number, struct ims_dropping *d)
{
	char *file = j->staged.file[j->staged.n_files];

	ims_drop_put(t, user, number, d, false, file);
	j->staged.n_files += file[0] != '\0';
	j->staged.notices++;
}

/* -- by time -------------------------------------------------------------------------------------- */

/* Forgets repeats, which are refused as hold_expired by now.  The notices stay. */
static bool
page_of_seen(struct db_txn *t, struct ims_job *j, struct err *e)
{
	struct page p;

	(void)e;
	read_page(t, j, UNTIL, (struct span) { 0 }, j->now_s, &p);
	for (size_t i = 0; i < p.n; i++) {
		ims_seen_del(t, span_sub(db_key_span(&p.key[i]), 8, DB_KEY_MAX));
		db_del(t, UNTIL, db_key_span(&p.key[i])); /* also where the entry is damaged */
	}
	free(p.key);
	return true;
}

static void
end_notice(struct db_txn *t, struct ims_job *j, const char *user, uint64_t number,
    struct ims_dropping *d)
{
	const struct ims_letter *l = d->letter.refs > 0 ? &d->letter.facts : NULL;
	int64_t due_s = 0;

	switch (ims_notice_end(l, j->now_s, j->keep_s, &due_s)) {
	case IMS_NOTICE_STAYS:
	case IMS_NOTICE_LATER:
		ims_notice_due(t, user, number, &d->notice, due_s);
		break;
	case IMS_NOTICE_GOES:
		drop(t, j, user, number, d);
		break;
	}
}

static bool
page_of_due(struct db_txn *t, struct ims_job *j, struct err *e)
{
	char user[IMS_STORE_USER_BYTES];
	struct ims_dropping d;
	uint64_t number;
	struct page p;

	(void)e;
	read_page(t, j, DUE, (struct span) { 0 }, j->now_s - j->keep_s, &p);
	for (size_t i = 0; i < p.n; i++) {
		if (!ims_key_notice(db_key_span(&p.key[i]), 8, user, &number) ||
		    !get(t, j, user, number, &d))
			db_del(t, DUE, db_key_span(&p.key[i]));
		else
			end_notice(t, j, user, number, &d);
	}
	free(p.key);
	return true;
}

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
	static ims_job_page *const pages[] = { page_of_seen, page_of_due, NULL };
	struct ims_job *j = ims_job_new(s, pages);
	struct swept *swept = memory_new(sizeof *swept);

	*swept = (struct swept) { done, arg };
	j->now_s = now_s;
	j->keep_s = keep_s;
	j->loop = loop;
	j->done = sweep_done;
	j->arg = swept;
	ims_job_start_take(j);
}

/* -- a sender's notices, in all mailboxes or in one ----------------------------------------------------- */

static bool
page_of_sender(struct db_txn *t, struct ims_job *j, struct err *e)
{
	struct db_key prefix = ims_key_domain(domain_span(&j->from_domain));
	char user[IMS_STORE_USER_BYTES];
	struct ims_dropping d;
	uint64_t number;
	struct page p;

	(void)e;
	if (j->user[0] != '\0')
		db_key_add(&prefix, j->user, strlen(j->user) + 1);
	read_page(t, j, SENDER, db_key_span(&prefix), INT64_MAX, &p);
	for (size_t i = 0; i < p.n; i++)
		if (ims_key_notice(db_key_span(&p.key[i]), IMS_DOMAIN_HASH, user, &number) &&
		    get(t, j, user, number, &d) &&
		    ims_notice_is_purged(d.letter.refs > 0, d.letter.facts.state, j->opened))
			drop(t, j, user, number, &d);
	free(p.key);
	return true;
}

/* Does the entry's notice lie in its mailbox? */
static bool
has_notice(struct db_txn *t, struct span seen, const struct ims_seen_record *r)
{
	struct ims_notice_record n;
	struct db_key letter;
	struct err e;

	if (!ims_notice_get(t, r->user, r->number, &n, &e)) {
		db_pardon(t);
		return false;
	}
	letter = ims_key_letter(&n.id, address_domain(span_str(n.from)));
	return span_starts(seen, db_key_span(&letter));
}

/* Forgets notices that are gone; the sender's share is free again. */
static bool
page_of_remembered(struct db_txn *t, struct ims_job *j, struct err *e)
{
	struct db_key prefix = ims_key_seen_by(domain_span(&j->from_domain),
			  j->user[0] == '\0' ? NULL : j->user),
		      seen;
	struct ims_seen_record r;
	struct span value;
	struct page p;

	read_page(t, j, SEEN_BY, db_key_span(&prefix), INT64_MAX, &p);
	for (size_t i = 0; i < p.n; i++) {
		db_key_copy(&seen, ims_key_seen_in(db_key_span(&p.key[i])));
		if (ims_get_spared(t, SEEN, &seen, &value) && ims_seen_read(value, &r, e) &&
		    has_notice(t, db_key_span(&seen), &r))
			continue;
		ims_seen_del(t, db_key_span(&seen));
		db_del(t, SEEN_BY, db_key_span(&p.key[i])); /* also where the entry is damaged */
	}
	free(p.key);
	return true;
}

/* -- a whole mailbox ------------------------------------------------------------------------------------- */

static void
forget_seen(struct db_txn *t, const struct ims_dropping *d)
{
	struct db_key seen = ims_key_seen(&d->letter_key, span_str(d->notice.to));

	ims_seen_del(t, db_key_span(&seen));
}

static bool
page_of_mailbox(struct db_txn *t, struct ims_job *j, struct err *e)
{
	struct db_key prefix = ims_key_user(j->user);
	struct ims_dropping d;
	struct page p;

	(void)e;
	read_page(t, j, NOTICE, db_key_span(&prefix), INT64_MAX, &p);
	for (size_t i = 0; i < p.n; i++) {
		uint64_t number = ims_key_number(db_key_span(&p.key[i]));

		if (get(t, j, j->user, number, &d)) {
			forget_seen(t, &d);
			drop(t, j, j->user, number, &d);
		}
	}
	free(p.key);
	return true;
}

/* The domains that the mailbox has had mail of. */
static bool
page_of_known(struct db_txn *t, struct ims_job *j, struct err *e)
{
	struct db_key prefix = ims_key_user(j->user);
	struct page p;

	(void)e;
	read_page(t, j, KNOWN, db_key_span(&prefix), INT64_MAX, &p);
	for (size_t i = 0; i < p.n; i++)
		db_del(t, KNOWN, db_key_span(&p.key[i]));
	free(p.key);
	return true;
}

/* A new mailbox of this name starts at number 1. */
static bool
page_of_record(struct db_txn *t, struct ims_job *j, struct err *e)
{
	(void)e;
	db_del(t, MAILBOX, span_str(j->user));
	return true;
}

void
ims_store_purge(struct ims_store *s, const struct ims_purge *p)
{
	static ims_job_page *const sender[] = { page_of_sender, page_of_remembered, NULL };
	static ims_job_page *const mailbox[] = { page_of_mailbox, page_of_known, page_of_record,
		NULL };
	struct ims_job *j = ims_job_new(s, p->from_domain != NULL ? sender : mailbox);

	if (p->from_domain != NULL)
		j->from_domain = domain_copy(p->from_domain);
	if (p->user != NULL)
		span_copy(span_str(p->user), j->user, sizeof j->user);
	j->opened = p->opened;
	j->now_s = clock_wall_ms() / 1000;
	j->loop = p->loop;
	j->progress = p->progress;
	j->done = p->done;
	j->arg = p->arg;
	ims_job_start_take(j);
}
