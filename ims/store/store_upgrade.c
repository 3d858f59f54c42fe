/* store_upgrade — converts a store of an earlier version, once, when it is opened.
 *
 * A notice of version 1 has no rows in SENDER and DUE and is not charged, and the evidence of its letter
 * contains the seal's text.  Each page converts some notices and the evidence of their letters.  An entry of
 * the seen set of version 1 has no row in SEEN_BY and is not charged.  It is charged to its domain where a
 * notice still tells which domain that is.  After a crash or on a full disk the next opening does the rest.
 * Records of all versions can be read meanwhile.
 */
#include <semaphore.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/db_pages.h"
#include "ims/store/store_private.h"
#include "ims/store/store_seen.h"
#include "ims/store/store_share.h"

#define PAGE_ROWS 200 /* rows a write, at most */

struct upgrade;

/* Applies one page.  May run several times for the same page, so it changes only `staged`.  Sets staged.more where
 * rows are left. */
typedef bool upgrade_page(struct db_txn *t, struct upgrade *j, struct err *e);

struct upgrade {
	struct ims_store *store;
	upgrade_page *const *pages; /* kinds of pages, one after the other; ends with NULL */
	int64_t now_s;
	size_t rows;      /* that this page may have */
	struct db_key at; /* the last row of the page before this one */
	uint64_t notices; /* converted so far */
	struct {
		bool more;
		struct db_key at;
		uint64_t notices;
	} staged;
	struct db_pages run;
	sem_t over;
};

struct old {
	struct db_key *key;
	size_t n, max;
	struct span after;
};

static bool
take_old(void *arg, struct span key, struct span value)
{
	struct old *o = arg;
	struct ims_notice_record n;
	struct err e;

	if (span_eq(key, o->after) || !ims_notice_read(value, &n, &e) || n.indexed)
		return true;
	db_key_copy(&o->key[o->n++], key);
	return o->n < o->max;
}

static bool
take_old_seen(void *arg, struct span key, struct span value)
{
	struct old *o = arg;
	struct ims_seen_record r;
	struct err e;

	if (span_eq(key, o->after) || !ims_seen_read(value, &r, &e) || r.indexed)
		return true;
	db_key_copy(&o->key[o->n++], key);
	return o->n < o->max;
}

static void
upgrade_notice(struct db_txn *t, struct upgrade *j, const struct db_key *key)
{
	char user[IMS_STORE_USER_BYTES];
	struct ims_dropping d;
	uint64_t number, evidence = 0;
	struct db_key k;
	struct err e;

	if (!ims_key_notice(db_key_span(key), 0, user, &number))
		return;
	if (!ims_drop_get(t, j->store, user, number, j->now_s, &d, &e)) {
		db_pardon(t);
		return;
	}
	k = ims_key_statement(&d.letter_key, address_domain(span_str(d.notice.to)),
	    d.notice.statement);
	if (!ims_evidence_upgrade(t, &d.letter_key, address_domain(span_str(d.notice.from)), &k,
		&evidence, &e))
		db_pardon(t);
	ims_notice_add(t, user, number, &d.notice,
	    d.letter.refs > 0 ? d.letter.facts.hold_until_s : j->now_s, evidence);
	j->staged.notices++;
}

/* The From domain of an entry, whose key has but its digest: a notice of that domain tells it. */
static void
find_domain(struct db_txn *t, const struct db_key *seen, struct domain *domain)
{
	struct span hash = span_sub(db_key_span(seen), ULID_BYTES, 8);
	struct db_key first = { .n = 0 };
	char user[IMS_STORE_USER_BYTES];
	struct ims_notice_record n;
	uint64_t number;
	struct err e;

	db_each(t, SENDER, hash, hash, db_key_take_first, &first);
	if (!ims_key_notice(db_key_span(&first), IMS_DOMAIN_HASH, user, &number))
		return;
	if (ims_notice_get(t, user, number, &n, &e))
		span_copy(address_domain(span_str(n.from)), domain->text, sizeof domain->text);
	else
		db_pardon(t);
}

static void
upgrade_seen(struct db_txn *t, struct upgrade *j, const struct db_key *key)
{
	struct ims_seen_record r;
	struct span value;
	struct err e;

	(void)j;
	if (!ims_get_spared(t, SEEN, key, &value) || !ims_seen_read(value, &r, &e))
		return;
	find_domain(t, key, &r.domain);
	ims_seen_add(t, key, &r);
}

/* Reads keys in a reading of its own: a damaged record would end the write. */
static bool
page_of(struct db_txn *t, struct upgrade *j, enum ims_table table,
    bool (*take)(void *arg, struct span key, struct span value),
    void (*upgrade)(struct db_txn *t, struct upgrade *j, const struct db_key *key), struct err *e)
{
	struct old o = { .after = db_key_span(&j->at), .max = j->rows };
	struct db_txn *reading;

	if (!db_read(j->store->db, &reading, e))
		return false;
	o.key = memory_array(j->rows, sizeof *o.key);
	db_each(reading, table, o.after, (struct span) { 0 }, take, &o);
	db_read_end(&reading);
	for (size_t i = 0; i < o.n; i++)
		upgrade(t, j, &o.key[i]);
	j->staged.more = o.n == j->rows;
	if (o.n > 0)
		j->staged.at = o.key[o.n - 1];
	free(o.key);
	return true;
}

static bool
page_of_old(struct db_txn *t, struct upgrade *j, struct err *e)
{
	return page_of(t, j, NOTICE, take_old, upgrade_notice, e);
}

static bool
page_of_old_seen(struct db_txn *t, struct upgrade *j, struct err *e)
{
	return page_of(t, j, SEEN, take_old_seen, upgrade_seen, e);
}

static bool
apply_page(struct db_txn *t, void *arg, size_t rows, struct err *e)
{
	struct upgrade *j = arg;

	j->rows = rows;
	j->staged.more = false;
	j->staged.at = j->at;
	j->staged.notices = 0;
	return (*j->pages)(t, j, e) && !db_fault(t, e);
}

static bool
follow_up(void *arg)
{
	struct upgrade *j = arg;

	j->notices += j->staged.notices;
	j->at = j->staged.at;
	if (!j->staged.more) {
		j->pages++;
		j->at.n = 0;
	}
	return *j->pages != NULL;
}

static void
upgraded(void *arg, const struct err *e)
{
	struct upgrade *j = arg;

	if (e != NULL)
		log_fact(LOG_WARN, "store.upgrade", "notices=%llu word=%s cure=%s",
		    (unsigned long long)j->notices, refusal_word(e->why),
		    log_str("the rest follows when the store is opened again"));
	else if (j->notices > 0)
		log_fact(LOG_INFO, "store.upgrade", "notices=%llu", (unsigned long long)j->notices);
	sem_post(&j->over);
}

/* Each converted notice has a row in SENDER, each converted entry of SEEN one in SEEN_BY. */
static bool
is_new(struct ims_store *s)
{
	struct db_txn *t;
	struct err e;
	bool same;

	if (!db_read(s->db, &t, &e))
		return true;
	same = db_entries(t, SENDER) == db_entries(t, NOTICE) &&
	    db_entries(t, SEEN_BY) == db_entries(t, SEEN);
	db_read_end(&t);
	return same;
}

void
ims_store_upgrade(struct ims_store *s)
{
	static upgrade_page *const pages[] = { page_of_old, page_of_old_seen, NULL };
	struct upgrade *j;

	if (is_new(s))
		return;
	j = memory_new(sizeof *j);
	j->store = s;
	j->pages = pages;
	j->now_s = clock_wall_ms() / 1000;
	j->run = (struct db_pages) {
		.apply = apply_page,
		.follow = follow_up,
		.done = upgraded,
		.arg = j,
		.most = PAGE_ROWS,
	};
	sem_init(&j->over, 0, 0);
	db_pages_take(s->db, &j->run);
	while (sem_wait(&j->over) != 0)
		continue;
	sem_destroy(&j->over);
	free(j);
}
