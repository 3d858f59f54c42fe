/* store — the IMS's mailboxes: opening, reading, counting; see store.h. */
#include "ims/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/base/source.h"
#include "common/store/body_orphans.h"
#include "ims/store/store_job_private.h"
#include "ims/store/store_private.h"
#include "ims/store/store_share.h"

static const char *const tables[IMS_TABLES] = {
	[MAILBOX] = "mailbox",
	[NOTICE] = "notice",
	[SEEN] = "seen",
	[LETTER] = "letter",
	[BODY] = "body",
	[EVIDENCE] = "evidence",
	[PAPER] = "paper",
	[CITED] = "cited",
	[CHANGE] = "change",
	[UNTIL] = "until",
	[NOTIFIED] = "told",
	[PENDING_ACK] = "owed",
	[SHARE] = "share",
	[SENDER] = "sender",
	[DUE] = "due",
	[KEPT] = "kept",
	[KNOWN] = "known",
	[SEEN_BY] = "seenby",
};

/* -- opening ---------------------------------------------------------------------------------------- */

static bool
file_of(struct span record, char file[BODY_NAME_BYTES])
{
	struct ims_letter_record r;
	struct err e;

	if (!ims_letter_read(record, &r, &e))
		return false;
	memcpy(file, r.file, BODY_NAME_BYTES);
	return true;
}

bool
ims_store_open(const char *folder, uint64_t size, struct offload *o, struct ims_store **out,
    struct err *e)
{
	struct ims_store *s = memory_new(sizeof *s);
	char path[4096];

	random_bytes(&s->run, sizeof s->run);
	s->size = size;
	s->seen_max = size / IMS_STORE_SEEN_OCTETS;
	snprintf(path, sizeof path, "%s/bodies", folder);
	if (!db_open(folder, size, tables, IMS_TABLES, &s->db, e) ||
	    !bodies_open(path, size, o, &s->bodies, e) ||
	    !body_orphans_remove(s->bodies, s->db, LETTER, file_of, e)) {
		ims_store_close(&s);
		return false;
	}
	db_share(s->db, bodies_used, s->bodies);
	ims_store_upgrade(s);
	*out = s;
	return true;
}

void
ims_store_close(struct ims_store **s)
{
	if (*s == NULL)
		return;
	db_close(&(*s)->db);
	bodies_free(&(*s)->bodies);
	free(*s);
	*s = NULL;
}

struct db *
ims_store_db(struct ims_store *s)
{
	return s->db;
}

void
ims_store_seen_max(struct ims_store *s, uint64_t entries)
{
	s->seen_max = entries;
}

struct bodies *
ims_store_bodies(struct ims_store *s)
{
	return s->bodies;
}

/* -- reading a mailbox ---------------------------------------------------------------------------------- */

static void
fill_row(struct mailbox_notice *row, uint64_t number, const struct ims_notice_record *n,
    const struct ims_letter *l)
{
	*row = (struct mailbox_notice) {
		.number = number,
		.state = n->declined ? MAILBOX_DECLINED : l->state,
		.road = MAILBOX_SEALED,
		.id = n->id,
		.size = l->size,
		.received_s = n->received_s,
		.date_s = n->date_s,
		.hold_until_s = l->hold_until_s,
		.flags = n->flags,
		.has_digest = true,
	};
	memcpy(row->digest, l->digest, sizeof row->digest);
	span_copy(span_str(n->from), row->from, sizeof row->from);
	span_copy(span_str(n->to), row->to, sizeof row->to);
	span_copy(span_str(n->issuer), row->issuer, sizeof row->issuer);
	if (l->why != REFUSAL_NONE)
		span_copy(span_str(refusal_word(l->why)), row->word, sizeof row->word);
}

static bool
get_row(struct db_txn *t, struct ims_store *s, uint64_t number, const struct ims_notice_record *n,
    struct mailbox_notice *row, struct ims_letter *l, struct err *e)
{
	struct db_key k = ims_key_letter(&n->id, address_domain(span_str(n->from)));
	struct ims_letter_record r;

	if (!ims_letter_get(t, s, &k, &r, e))
		return false;
	*l = r.facts;
	/* Another of our domains may have been notified first; the fetch uses the domain of this notice. */
	domain_copy_span(&l->own_domain, address_domain(span_str(n->to)));
	fill_row(row, number, n, l);
	return true;
}

bool
ims_store_notice(struct ims_store *s, const char *user, uint64_t number, struct mailbox_notice *n,
    struct ims_letter *l, struct err *e)
{
	struct ims_notice_record record;
	struct db_txn *t;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	good = ims_notice_get(t, user, number, &record, e) &&
	    get_row(t, s, number, &record, n, l, e);
	db_read_end(&t);
	return good;
}

struct page {
	struct ims_notice_record *notice;
	uint64_t *number;
	size_t n;
	uint64_t after;
};

static bool
take_notice(void *arg, struct span key, struct span value)
{
	struct page *p = arg;
	struct err e;

	p->number[p->n] = ims_key_number(key);
	if (p->number[p->n] > p->after && ims_notice_read(value, &p->notice[p->n], &e))
		p->n++;
	return p->n <= ROW_PAGE_ROWS;
}

static void
write_page(struct db_txn *t, struct ims_store *s, const struct page *p, struct buf *page,
    bool *more)
{
	struct mailbox_notice row;
	struct ims_letter l;
	struct err e;
	size_t i = 0;

	for (; i < p->n && i < ROW_PAGE_ROWS && page->len < ROW_PAGE_BYTES; i++)
		if (get_row(t, s, p->number[i], &p->notice[i], &row, &l, &e))
			mailbox_notice_write(page, &row);
		else
			db_fault(t, &e); /* is logged; the page goes on without this notice */
	*more = i < p->n;
}

bool
ims_store_list(struct ims_store *s, const char *user, uint64_t after, struct buf *page, bool *more,
    struct err *e)
{
	struct db_key prefix = ims_key_user(user), from = ims_key_numbered(user, after);
	struct page p = { .after = after };
	struct db_txn *t;
	bool fault;

	if (!db_read(s->db, &t, e))
		return false;
	p.notice = memory_array(ROW_PAGE_ROWS + 1, sizeof *p.notice);
	p.number = memory_array(ROW_PAGE_ROWS + 1, sizeof *p.number);
	db_each(t, NOTICE, db_key_span(&from), db_key_span(&prefix), take_notice, &p);
	write_page(t, s, &p, page, more);
	fault = db_fault(t, e);
	db_read_end(&t);
	free(p.notice);
	free(p.number);
	return !fault;
}

bool
ims_store_body(struct ims_store *s, const struct ims_letter *l, struct source **out, struct err *e)
{
	struct db_key k = ims_key_letter(&l->id, domain_span(&l->from_domain));
	struct ims_letter_record r;
	struct db_txn *t;
	struct span body;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	good = ims_letter_get(t, s, &k, &r, e);
	if (good && r.facts.state != MAILBOX_HERE)
		good = err_set(e, REFUSAL_internal, "the letter is not here");
	if (good && r.file[0] != '\0')
		good = body_source(s->bodies, r.file, out, e);
	else if (good && db_get(t, BODY, db_key_span(&k), &body))
		*out = source_bytes(body);
	else if (good && !db_fault(t, e))
		good = err_set(e, REFUSAL_storage, "a body is missing");
	else
		good = false;
	db_read_end(&t);
	return good;
}

/* -- looking ---------------------------------------------------------------------------------------------- */

struct mailboxes {
	struct span after;
	size_t n, max;
	void (*fn)(void *arg, const char *user, uint64_t notices);
	void *arg;
};

static bool
take_mailbox(void *arg, struct span key, struct span value)
{
	struct mailboxes *m = arg;
	struct ims_mailbox_record r;
	char user[IMS_STORE_USER_BYTES];
	struct err e;

	if (span_eq(key, m->after) || !span_copy(key, user, sizeof user) ||
	    !ims_mailbox_read(value, &r, &e))
		return true;
	m->fn(m->arg, user, r.notices);
	return ++m->n < m->max;
}

bool
ims_store_mailboxes(struct ims_store *s, const char *after, size_t max,
    void (*fn)(void *arg, const char *user, uint64_t notices), void *arg, size_t *n, struct err *e)
{
	struct mailboxes m = { span_str(after == NULL ? "" : after), 0, max, fn, arg };
	struct db_txn *t;
	bool fault;

	if (!db_read(s->db, &t, e))
		return false;
	db_each(t, MAILBOX, m.after, (struct span) { 0 }, take_mailbox, &m);
	fault = db_fault(t, e);
	db_read_end(&t);
	*n = m.n;
	return !fault;
}

bool
ims_store_has_mailbox(struct ims_store *s, const char *user, uint64_t *notices, struct err *e)
{
	struct ims_mailbox_record m = { 0 };
	struct db_txn *t;
	struct span value;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	if (db_get(t, MAILBOX, span_str(user), &value))
		good = ims_mailbox_read(value, &m, e);
	else
		good = !db_fault(t, e) && err_word(e, REFUSAL_no_such_user);
	db_read_end(&t);
	if (good)
		*notices = m.notices;
	return good;
}

static bool
take_next(void *arg, struct span key, struct span value)
{
	struct page *p = arg;
	struct err e;

	p->number[0] = ims_key_number(key);
	p->n = p->number[0] > p->after && ims_notice_read(value, p->notice, &e);
	return p->n == 0;
}

/* Skips notices whose letters are damaged. */
bool
ims_store_next(struct ims_store *s, const char *user, uint64_t after, struct mailbox_notice *n,
    struct ims_letter *l, struct err *e)
{
	struct db_key prefix = ims_key_user(user), from;
	struct ims_notice_record record;
	uint64_t number = after;
	struct page p = { .notice = &record, .number = &number };
	struct db_txn *t;
	bool good = false;

	if (!db_read(s->db, &t, e))
		return false;
	do {
		p.n = 0;
		p.after = number;
		from = ims_key_numbered(user, number);
		db_each(t, NOTICE, db_key_span(&from), db_key_span(&prefix), take_next, &p);
		good = p.n > 0 && get_row(t, s, number, &record, n, l, e);
		if (p.n > 0 && !good)
			db_fault(t, e); /* is logged */
	} while (p.n > 0 && !good);
	if (!good && !db_fault(t, e))
		err_word(e, REFUSAL_no_such_number);
	db_read_end(&t);
	return good;
}

/* LMDB keeps these counts: reads no row. */
void
ims_store_counts(struct ims_store *s, struct ims_store_counts *out)
{
	struct db_counts c;
	struct db_txn *t;
	struct err e;

	db_counts(s->db, &c);
	*out = (struct ims_store_counts) { 0, 0, 0, c.writes, c.commits, c.used_bytes,
		c.size_bytes };
	if (!db_read(s->db, &t, &e))
		return;
	out->mailboxes = db_entries(t, MAILBOX);
	out->notices = db_entries(t, NOTICE);
	out->papers = db_entries(t, PAPER);
	db_read_end(&t);
}
