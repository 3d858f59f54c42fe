/* ims_truth — recounts what each sender's domain takes of an IMS's store, row by row, and compares that with the
 * sums that the store keeps; after <cmocka.h>.  Production never walks like this.
 */
#ifndef TESTS_IMS_TRUTH_H
#define TESTS_IMS_TRUTH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "ims/store/part.h"

struct truth_sum {
	struct domain domain;
	char user[IMS_STORE_USER_BYTES]; /* "": in the whole store */
	uint64_t notices, octets;
};

struct truth_letter {
	struct ulid id;
	struct domain from_domain;
	uint64_t notices;
};

struct truth {
	struct kv *kv;
	struct loop *loop;
	struct truth_sum *sums;
	size_t n;
	struct truth_letter *letters;
	size_t n_letters;
	size_t at; /* the letter that is looked at */
	bool counts_letters;
	/* of the partition that is looked at */
	char (*names)[IMS_STORE_USER_BYTES];
	size_t n_names;
	char user[IMS_STORE_USER_BYTES];
	uint64_t notices, seen, files;
};

/* -- reading ------------------------------------------------------------------------------------------------ */

static inline void *
truth_dup(const void *from, size_t n)
{
	return memcpy(memory_new(n + 1), from != NULL ? from : "", n);
}

/* What a look may change. */
static inline struct truth
truth_copy(const struct truth *t)
{
	struct truth copy = *t;

	copy.sums = truth_dup(t->sums, t->n * sizeof *t->sums);
	if (t->counts_letters)
		copy.letters = truth_dup(t->letters, t->n_letters * sizeof *t->letters);
	return copy;
}

static inline void
truth_free(struct truth *t)
{
	free(t->sums);
	if (t->counts_letters)
		free(t->letters);
}

/* It may run several times: each begins with what was counted before. */
struct truth_look {
	struct kv_look look;
	struct truth *truth, before;
	void (*fn)(struct kv_txn *t, struct truth *truth);
};

static inline void
truth_look_now(struct kv_txn *t, void *arg)
{
	struct truth_look *l = arg;
	struct err e;

	truth_free(l->truth);
	l->before.names = l->truth->names; /* these are added at the end */
	*l->truth = truth_copy(&l->before);
	l->fn(t, l->truth);
	if (kv_fault(t, &e))
		fail_msg("%s", e.text);
}

static inline void
truth_looked(void *arg, const struct err *e)
{
	assert_null(e);
	loop_stop(((struct truth_look *)arg)->truth->loop);
}

static inline void
truth_look_at(struct truth *t, struct kv_part part, void (*fn)(struct kv_txn *t, struct truth *))
{
	struct truth_look l = { .truth = t,
		.before = truth_copy(t),
		.fn = fn,
		.look = { .part = part,
		    .look = truth_look_now,
		    .done = truth_looked,
		    .home = t->loop } };

	l.look.arg = &l;
	kv_read(t->kv, &l.look);
	loop_run(t->loop);
	truth_free(&l.before);
}

static inline bool
truth_name(void *arg, const struct kv_fact *f)
{
	struct truth *t = arg;

	t->names = memory_resize(t->names, t->n_names + 1, sizeof *t->names);
	memset(t->names[t->n_names], 0, sizeof *t->names);
	assert_true(f->name.n < sizeof *t->names);
	memcpy(t->names[t->n_names++], f->name.p, f->name.n);
	return true;
}

static inline void
truth_shard(struct kv_txn *t, struct truth *truth)
{
	kv_each_fact(t, FACT_LISTED, (struct span) { 0 }, (struct span) { 0 }, truth_name, truth);
}

/* t->names has what the directory lists. */
static inline void
truth_list(struct truth *t, unsigned directory)
{
	t->n_names = 0;
	for (unsigned i = 0; i < KV_DIR_SHARDS; i++)
		truth_look_at(t, kv_dir_shard(directory, i), truth_shard);
}

/* -- what is there ------------------------------------------------------------------------------------------- */

static inline struct truth_sum *
truth_of(struct truth *t, struct span domain, const char *user)
{
	struct truth_sum *s;

	for (size_t i = 0; i < t->n; i++)
		if (domain_eq(&t->sums[i].domain, domain) && strcmp(t->sums[i].user, user) == 0)
			return &t->sums[i];
	t->sums = memory_resize(t->sums, t->n + 1, sizeof *t->sums);
	s = &t->sums[t->n++];
	memset(s, 0, sizeof *s);
	assert_true(domain_copy_span(&s->domain, domain));
	snprintf(s->user, sizeof s->user, "%s", user);
	return s;
}

static inline void
truth_add(struct truth *t, struct span domain, uint64_t octets, uint64_t notices)
{
	struct truth_sum *s = truth_of(t, domain, "");

	s->octets += octets;
	s->notices += notices;
}

static inline void
truth_of_letter(struct truth *t, const struct ulid *id, struct span from_domain)
{
	struct truth_letter *l;

	for (size_t i = 0; i < t->n_letters; i++)
		if (memcmp(&t->letters[i].id, id, sizeof *id) == 0 &&
		    domain_eq(&t->letters[i].from_domain, from_domain)) {
			t->letters[i].notices++;
			return;
		}
	t->letters = memory_resize(t->letters, t->n_letters + 1, sizeof *t->letters);
	l = &t->letters[t->n_letters++];
	*l = (struct truth_letter) { .id = *id, .notices = 1 };
	assert_true(domain_copy_span(&l->from_domain, from_domain));
}

/* Without evidence.  One of an older version is charged with what its rows took then. */
static inline uint64_t
truth_notice_takes(const struct ims_notice_record *n)
{
	uint64_t takes = ims_notice_takes(n);

	assert_true(n->charged >= n->charged_domain);
	if (n->charged == n->charged_domain)
		return takes;
	assert_true(n->charged_domain <= takes);
	return n->charged_domain;
}

static inline bool
truth_notice(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_notice_record n;
	struct truth_sum *s;
	struct span domain;
	struct err e;

	(void)key;
	assert_true(ims_notice_read(value, &n, &e));
	domain = ims_notice_payer(&n);
	truth_add(t, domain, truth_notice_takes(&n), 1);
	s = truth_of(t, domain, t->user);
	s->notices++;
	s->octets +=
	    n.charged; /* with the evidence that it brought; by SMTP with the whole letter */
	truth_of_letter(t, &n.id, domain);
	t->notices++;
	return true;
}

static inline bool
truth_seen(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_seen_record r;
	struct err e;

	(void)key;
	assert_true(ims_seen_read(value, &r, &e));
	if (r.domain.text[0] != '\0') /* else of an earlier version: nobody pays */
		truth_add(t, domain_span(&r.domain),
		    ims_seen_takes(span_str(r.user), domain_span(&r.domain)), 0);
	t->seen++;
	return true;
}

static inline bool
truth_count_row(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	++*(uint64_t *)arg;
	return true;
}

static inline uint64_t
truth_rows(struct kv_txn *t, char what)
{
	uint64_t n = 0;

	kv_each(t, span_of(&what, 1), span_of(&what, 1), truth_count_row, &n);
	return n;
}

/* Its rows, in all their orders, and its own count of notices. */
static inline void
truth_mailbox(struct kv_txn *t, struct truth *truth)
{
	struct ims_mailbox_is m;
	struct err e;

	truth->notices = truth->seen = 0;
	assert_true(ims_mailbox_is(t, &m, &e));
	assert_string_equal(m.user, truth->user);
	kv_each(t, SPAN_LIT("n"), SPAN_LIT("n"), truth_notice, truth);
	kv_each(t, SPAN_LIT("s"), SPAN_LIT("s"), truth_seen, truth);
	assert_int_equal(m.notices, truth->notices);
	assert_int_equal(m.seen, truth->seen);
	assert_int_equal(truth_rows(t, 'u') > 0, truth->seen > 0);
	assert_in_range(truth_rows(t, 'u'), 0, truth_rows(t, 'd'));
	assert_int_equal(truth_rows(t, 'g'), truth->seen);
}

static inline void
truth_paper(struct kv_txn *t, struct truth *truth)
{
	struct ims_paper_is p;
	struct buf octets = BUF_INIT;
	struct err e;

	assert_true(ims_paper_is(t, &p));
	assert_true(ims_paper_read(t, &octets, &e));
	if (p.payer.text[0] != '\0')
		truth_add(truth, domain_span(&p.payer), ims_takes(DIGEST_BYTES, octets.len), 0);
	buf_clear(&octets);
}

static inline bool
truth_letter_row(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_letter_record l;
	struct err e;

	(void)key;
	assert_true(ims_letter_read(value, &l, &e));
	t->files += l.file[0] != '\0';
	truth_add(t, domain_span(&l.facts.from_domain), l.takes, 0);
	for (size_t i = 0; i < t->n_letters; i++)
		if (memcmp(&t->letters[i].id, &l.facts.id, sizeof l.facts.id) == 0 &&
		    domain_eq(&t->letters[i].from_domain, domain_span(&l.facts.from_domain))) {
			assert_int_equal(l.refs, t->letters[i].notices);
			t->notices++;
			return true;
		}
	fail_msg("a letter of %s has no notice", l.facts.from_domain.text);
	return true;
}

struct truth_evidence {
	struct truth *truth;
	struct span from_domain;
};

static inline bool
truth_evidence_row(void *arg, struct span key, struct span value)
{
	struct truth_evidence *x = arg;

	(void)key;
	truth_add(x->truth, x->from_domain, ims_evidence_takes(value), 0);
	return true;
}

/* One letter of the partition. */
static inline void
truth_letter(struct kv_txn *t, struct truth *truth)
{
	struct truth_letter *l = &truth->letters[truth->at];
	struct truth_evidence x = { truth, domain_span(&l->from_domain) };
	struct kv_key row = { .n = 0 }, evidence = { .n = 0 };

	truth->notices = 0;
	kv_key_add_u8(&row, 'l');
	kv_key_add_hash(&row, x.from_domain, PART_SHORT);
	kv_each(t, kv_key_span(&row), kv_key_span(&row), truth_letter_row, truth);
	kv_key_add_u8(&evidence, 'e');
	kv_key_add_hash(&evidence, x.from_domain, PART_SHORT);
	kv_each(t, kv_key_span(&evidence), kv_key_span(&evidence), truth_evidence_row, &x);
}

/* -- the sums -------------------------------------------------------------------------------------------------- */

static inline void
truth_same(const struct truth_sum *s, const struct ims_share *sum)
{
	if (sum->octets != s->octets || sum->notices != s->notices)
		fail_msg("%s in '%s': the sum says %llu notices, %llu octets; there are %llu, %llu",
		    s->domain.text, s->user, (unsigned long long)sum->notices,
		    (unsigned long long)sum->octets, (unsigned long long)s->notices,
		    (unsigned long long)s->octets);
}

static inline void
truth_sums_here(struct kv_txn *t, struct truth *truth)
{
	struct ims_share sum;

	for (size_t i = 0; i < truth->n; i++)
		if (strcmp(truth->sums[i].user, truth->user) == 0) {
			ims_mailbox_share(t, domain_span(&truth->sums[i].domain), &sum);
			truth_same(&truth->sums[i], &sum);
		}
}

static inline void
truth_sum(struct kv_txn *t, struct truth *truth)
{
	struct ims_share sum;

	ims_sender_sum(t, &sum);
	truth_same(truth_of(truth, span_str(truth->user), ""), &sum);
}

/* Each sum is what a recount finds, and no sum is of nothing.  *files: how many letters are in files. */
static inline void
assert_sums_are_true(struct ims_store *s, struct loop *l, uint64_t *files)
{
	struct truth t = { .kv = ims_store_kv(s), .loop = l };
	unsigned char digest[DIGEST_BYTES];
	size_t listed = 0;

	truth_list(&t, PART_MAILBOXES);
	t.counts_letters = true; /* these are added meanwhile */
	for (size_t i = 0; i < t.n_names; i++) {
		memcpy(t.user, t.names[i], sizeof t.user);
		truth_look_at(&t, ims_part_mailbox(t.user), truth_mailbox);
		truth_look_at(&t, ims_part_mailbox(t.user), truth_sums_here);
	}
	t.counts_letters = false;
	truth_list(&t, PART_PAPERS);
	for (size_t i = 0; i < t.n_names; i++) {
		memcpy(digest, t.names[i], sizeof digest);
		truth_look_at(&t, ims_part_paper(digest), truth_paper);
	}
	for (t.at = 0; t.at < t.n_letters; t.at++) {
		truth_look_at(&t, ims_part_letter(&t.letters[t.at].id), truth_letter);
		assert_true(t.notices > 0);
	}
	truth_list(&t, PART_SENDERS);
	for (size_t i = 0; i < t.n_names; i++) {
		memcpy(t.user, t.names[i], sizeof t.user);
		truth_look_at(&t, ims_part_sender(span_str(t.user)), truth_sum);
	}
	for (size_t i = 0; i < t.n; i++)
		listed += t.sums[i].user[0] == '\0';
	assert_int_equal(listed, t.n_names); /* each domain that takes anything is listed */
	*files = t.files;
	free(t.sums);
	free(t.letters);
	free(t.names);
}

#endif
