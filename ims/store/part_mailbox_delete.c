/* part_mailbox_delete — deletes what is left of a mailbox without notices, page by page; see part.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "ims/store/part_given.h"
#include "ims/store/part_mailbox_private.h"

/* Letters that do not know yet that their notices are gone take back what they state to it. */
static bool
only_pays(struct kv_txn *t, struct span key)
{
	struct span value;
	struct ims_mailbox_sender s;
	bool pays = key.p[0] == 'd' && kv_get(t, key, &value) &&
	    ims_mailbox_read_sender(value, &s) && s.paid != 0 && s.day == 0 &&
	    s.seen.notices == 0 && s.here.notices == 0;

	kv_pardon(t);
	return pays;
}

struct deletion {
	struct kv_txn *t;
	size_t most; /* at most MAILBOX_PAGE */
	struct kv_key key[MAILBOX_PAGE];
	size_t n;
	bool more;
};

static bool
del_some(void *arg, struct span key)
{
	struct deletion *x = arg;

	if (only_pays(x->t, key))
		return true;
	if (x->n == x->most) {
		x->more = true;
		return false;
	}
	x->key[x->n].n = 0;
	kv_key_add(&x->key[x->n++], key);
	return true;
}

/* Each domain's statement ends with its row.  A damaged row names its domain by the hash in the key. */
static void
delete_domain(struct kv_txn *t, struct ims_mailbox_is *m, struct span key)
{
	struct span hash = span_sub(key, 1, PART_HASH);
	struct kv_part sender = kv_part_of(PART_SENDER, hash),
		       group = ims_part_group_of(hash, kv_here(t));
	struct ims_mailbox_sender s;
	struct span value;

	if (kv_get(t, key, &value) && ims_mailbox_read_sender(value, &s)) {
		kv_del(t, key);
		s = (struct ims_mailbox_sender) { .domain = s.domain,
			.paid = s.paid,
			.in_group = s.in_group };
		ims_mailbox_put_sender(t, m, &s);
	} else {
		kv_pardon(t);
		kv_del(t, key);
		ims_mailbox_state_takes(t, m, &sender, (struct span) { 0 });
		ims_mailbox_state_takes(t, m, &group, (struct span) { 0 });
	}
}

/* A damaged notice does not say which letter it counts for.  Its entry in the seen set does: it comes before the notice
 * in the order of rows, so the letter is told while the notice is still there. */
static void
state_damaged(struct kv_txn *t, const struct ims_mailbox_is *m, struct span key)
{
	const size_t seen = 1 + PART_HASH + 8,
		     letter = seen + 1; /* "g" domain until, then "s" letter */
	const struct kv_part to = kv_part_of(PART_LETTER, span_sub(key, letter, ULID_BYTES));
	struct kv_fact f = { .what = FACT_NOTICE, .version.n = m->stated, .gone = true };
	struct kv_key name = { .n = 0 };
	struct ims_notice_record n;
	struct span value;
	struct err e;

	if (key.n <= letter + PART_LETTER_AT || !kv_get(t, key, &value) || value.n != 8 ||
	    ims_mailbox_notice(t, kv_key_u64(value, 0), &n, &e) ||
	    e.why == REFUSAL_no_such_number) {
		kv_pardon(t);
		return;
	}
	kv_pardon(t);
	kv_key_add(&name, span_sub(key, letter + ULID_BYTES, PART_SHORT));
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add(&name, value);
	f.name = kv_key_span(&name);
	kv_emit(t, &to, &f);
}

struct finding {
	uint64_t number;
	struct ims_given_name name;
	bool found;
};

static bool
find_given(void *arg, const struct kv_fact *f)
{
	struct finding *x = arg;
	struct err none;

	x->found = kv_key_u64(f->value, 0) == x->number &&
	    ims_given_fact_name_read(f->name, &x->name, &none);
	return !x->found;
}

/* One that came by SMTP has no such entry; what the mailbox was given names its letter. */
static void
state_damaged_given(struct kv_txn *t, const struct ims_mailbox_is *m, uint64_t number)
{
	struct finding x = { .number = number };
	struct kv_fact f = { .what = FACT_NOTICE, .version.n = m->stated, .gone = true };
	struct kv_key name = { .n = 0 };
	struct kv_part to;

	kv_each_fact(t, FACT_GIVEN, (struct span) { 0 }, (struct span) { 0 }, find_given, &x);
	kv_pardon(t);
	if (!x.found)
		return;
	to = ims_part_letter(&x.name.id);
	kv_key_add(&name, span_of(x.name.payer_hash, sizeof x.name.payer_hash));
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add_u64(&name, number);
	f.name = kv_key_span(&name);
	kv_emit(t, &to, &f);
}

static void
delete_row(struct kv_txn *t, struct ims_mailbox_is *m, const struct kv_key *k)
{
	struct span key = kv_key_span(k);

	if (key.p[0] == 'g')
		state_damaged(t, m, key);
	if (key.p[0] == 'n')
		state_damaged_given(t, m, kv_key_u64(key, 1));
	if (key.p[0] == 'd' && key.n == 1 + PART_HASH) {
		delete_domain(t, m, key);
		return;
	}
	kv_del(t, key);
	m->seen -= key.p[0] == 's' && m->seen > 0;
}

struct legible {
	struct kv_txn *t;
	bool found;
};

static bool
find_legible(void *arg, struct span key)
{
	struct legible *x = arg;
	struct ims_notice_record n;
	struct err none;

	x->found = ims_mailbox_notice(x->t, kv_key_u64(key, 1), &n, &none);
	kv_pardon(x->t);
	return !x->found;
}

/* A damaged notice cannot be dropped: it goes with the mailbox. */
static bool
has_legible(struct kv_txn *t)
{
	struct legible x = { .t = t };

	kv_each_key(t, SPAN_LIT("n"), SPAN_LIT("n"), find_legible, &x);
	return x.found;
}

bool
ims_mailbox_delete(struct kv_txn *t, void *ending, struct err *e)
{
	struct ims_ending *x = ending;
	struct deletion *all;
	struct ims_mailbox_is m;
	struct kv_part to;
	struct kv_fact f = { .what = FACT_LISTED, .gone = true };

	if (!ims_mailbox_is(t, &m, e))
		return false;
	if ((x->more = x->has_notices = has_legible(t)))
		return true;
	all = memory_new(sizeof *all);
	all->t = t;
	all->most = x->most;
	m.stated = kv_stamp(t);
	kv_each_key(t, (struct span) { 0 }, (struct span) { 0 }, del_some, all);
	for (size_t i = 0; i < all->n; i++)
		delete_row(t, &m, &all->key[i]);
	x->more = all->more;
	if (x->more) {
		ims_mailbox_put(t, &m);
	} else if (m.user[0] != '\0') {
		to = kv_dir_part(PART_MAILBOXES, span_str(m.user));
		f.name = span_str(m.user);
		f.version.n = m.stated;
		kv_emit(t, &to, &f);
		ims_look_at(t, (struct span) { 0 }, m.look_s, 0);
	}
	free(all);
	return true;
}
