/* part_mailbox_expire — forgets what has ended in a mailbox, page by page; see part.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "ims/store/part_mailbox_private.h"

struct entries {
	size_t most;      /* at most MAILBOX_PAGE */
	int64_t before_s; /* 0: any */
	size_t at, skip;  /* octets before the time, before the entry's key */
	struct kv_key key[MAILBOX_PAGE];
	struct kv_key row[MAILBOX_PAGE]; /* that led to it */
	uint64_t number[MAILBOX_PAGE];   /* its value, where it has one */
	size_t n;
	bool more;
};

static bool
take_entry(void *arg, struct span key, struct span value)
{
	struct entries *x = arg;

	if (x->before_s != 0 && (int64_t)kv_key_u64(key, x->at) >= x->before_s)
		return false;
	if (x->n == x->most) {
		x->more = true;
		return false;
	}
	x->key[x->n].n = x->row[x->n].n = 0;
	x->number[x->n] = kv_key_u64(value, 0);
	kv_key_add(&x->row[x->n], key);
	kv_key_add(&x->key[x->n++], span_sub(key, x->skip, key.n));
	return true;
}

/* -- what has ended ------------------------------------------------------------------------------------------------ */

/* What it charged is not known, and stays until the mailbox goes. */
static void
forget_damaged(struct kv_txn *t, struct ims_mailbox_is *m, const struct entries *all, size_t i)
{
	ims_seen_due_by_itself(t, all->number[i],
	    (int64_t)kv_key_u64(kv_key_span(&all->row[i]), all->at));
	kv_del(t, kv_key_span(&all->row[i]));
	kv_del(t, kv_key_span(&all->key[i]));
	m->seen -= m->seen > 0;
}

/* Of the domain whose row "u" says that some may have ended.  It has a new row if entries are left. */
static void
expire_domain(struct kv_txn *t, struct ims_mailbox_is *m, const struct kv_key *row,
    struct entries *all)
{
	struct kv_key d = { .n = 0 }, by = { .n = 0 };
	struct ims_seen_record r;
	struct ims_mailbox_sender s = { .day = 0 };
	struct span value;
	bool known;

	kv_key_add_u8(&d, 'd');
	kv_key_add(&d, span_sub(kv_key_span(row), 1 + 8, row->n));
	kv_key_add_u8(&by, 'g');
	kv_key_add(&by, span_sub(kv_key_span(row), 1 + 8, row->n));
	known = kv_get(t, kv_key_span(&d), &value) && ims_mailbox_read_sender(value, &s);
	kv_pardon(t);
	kv_del(t, kv_key_span(row)); /* also one that names nothing */
	if (known && s.first_s == (int64_t)kv_key_u64(kv_key_span(row), 1))
		s.first_s = 0;
	all->n = 0;
	all->at = by.n;
	all->skip = by.n + 8;
	kv_each(t, kv_key_span(&by), kv_key_span(&by), take_entry, all);
	for (size_t i = 0; i < all->n; i++) {
		if (!ims_seen_find(t, &all->key[i], &r)) {
			forget_damaged(t, m, all, i);
			continue;
		}
		if (!known)
			s.domain = r.domain;
		known = true;
		ims_seen_del(t, m, kv_key_span(&all->key[i]), &r, &s);
	}
	all->most -= all->n;
	if (!known)
		return;
	ims_seen_move_first(t, &s, ims_mailbox_first_time(t, kv_key_span(&by), by.n));
	m->stated = kv_stamp(t);
	ims_mailbox_put_sender(t, m, &s);
}

/* A page of entries that have ended.  *more: others follow.  True: it had any. */
static bool
expire_entries(struct kv_txn *t, struct ims_mailbox_is *m, const struct ims_ending *x, bool *more)
{
	struct entries *rows = memory_new(sizeof *rows), *all = memory_new(sizeof *all);
	bool any;

	rows->most = all->most = x->most;
	rows->before_s = all->before_s = x->now_s;
	rows->at = 1;
	rows->skip = 1 + 8;
	kv_each(t, SPAN_LIT("u"), SPAN_LIT("u"), take_entry, rows);
	for (size_t i = 0; i < rows->n && all->most > 0; i++)
		expire_domain(t, m, &rows->row[i], all);
	*more = *more || rows->more || all->more || all->most == 0;
	any = rows->n > 0;
	free(rows);
	free(all);
	return any;
}

/* What was due is gone, or is due later: these name nothing that can be read. */
static bool
forget_due(struct kv_txn *t, const struct ims_ending *x, bool *more)
{
	struct entries *all = memory_new(sizeof *all);
	bool any;

	all->most = x->most;
	all->before_s = x->now_s - x->keep_s;
	all->at = 1;
	kv_each(t, SPAN_LIT("h"), SPAN_LIT("h"), take_entry, all);
	for (size_t i = 0; i < all->n; i++)
		kv_del(t, kv_key_span(&all->row[i]));
	*more = *more || all->more;
	any = all->n > 0;
	free(all);
	return any;
}

/* True: it moved. */
static bool
look_again(struct kv_txn *t, struct ims_mailbox_is *m, int64_t keep_s)
{
	int64_t until_s = ims_mailbox_first_time(t, SPAN_LIT("u"), 1),
		due_s = ims_mailbox_first_time(t, SPAN_LIT("h"), 1), was_s = m->look_s;

	due_s = due_s == 0 ? 0 : due_s + keep_s;
	m->look_s = until_s == 0 || (due_s != 0 && due_s < until_s) ? due_s : until_s;
	if (m->look_s != was_s)
		ims_look_at(t, (struct span) { 0 }, was_s, m->look_s);
	return m->look_s != was_s;
}

bool
ims_mailbox_expire(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct ims_mailbox_is m;
	bool any;

	x->more = false;
	if (!ims_mailbox_is(t, &m, e))
		return false;
	any = expire_entries(t, &m, x, &x->more);
	if (!x->entries_only) {
		any |= forget_due(t, x, &x->more);
		any |= look_again(t, &m, x->keep_s);
	}
	if (any)
		ims_mailbox_put(t, &m);
	return true;
}

/* -- a domain's entries -------------------------------------------------------------------------------------------- */

/* One that is damaged goes, too; what it charged is not known, and stays until the mailbox goes. */
static void
forget_entry(struct kv_txn *t, struct ims_mailbox_is *m, const struct kv_key *seen)
{
	struct ims_seen_record r;
	struct ims_mailbox_sender s;

	if (!ims_seen_find(t, seen, &r)) {
		kv_del(t, kv_key_span(seen));
		return;
	}
	m->stated = kv_stamp(t);
	ims_mailbox_get_sender(t, domain_span(&r.domain), &s);
	ims_seen_del(t, m, kv_key_span(seen), &r, &s);
	ims_mailbox_put_sender(t, m, &s);
}

/* Does the entry lead to a notice that can be read? */
static bool
has_notice(struct kv_txn *t, const struct kv_key *seen)
{
	struct ims_notice_record n;
	struct ims_seen_record r;
	struct err none;

	if (!ims_seen_find(t, seen, &r))
		return false;
	if (ims_mailbox_notice(t, r.number, &n, &none))
		return true;
	kv_pardon(t);
	return false;
}

bool
ims_mailbox_forget(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct kv_key prefix = ims_mailbox_key_of_domain('g', x->from_domain);
	struct entries *all;
	struct ims_mailbox_is m;

	if (!ims_mailbox_is(t, &m, e))
		return false;
	all = memory_new(sizeof *all);
	all->most = x->most;
	all->at = prefix.n;
	all->skip = prefix.n + 8;
	m.stated = kv_stamp(t);
	x->dropped = 0;
	x->next = x->after;
	kv_each(t, kv_key_span(&x->after), kv_key_span(&prefix), take_entry, all);
	for (size_t i = 0; i < all->n; i++) {
		kv_key_after(&x->next, kv_key_span(&all->row[i]));
		if (has_notice(t, &all->key[i]))
			continue;
		forget_entry(t, &m, &all->key[i]);
		kv_del(t, kv_key_span(&all->row[i])); /* also one that leads to nothing */
		x->dropped++;
	}
	x->more = all->more;
	free(all);
	if (x->dropped > 0)
		ims_mailbox_put(t, &m);
	return true;
}
