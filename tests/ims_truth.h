/* ims_truth — recounts what each sender's domain takes of an IMS's store, row by row, and compares that with the
 * sums that the store keeps; after <cmocka.h>.  Production never walks like this.
 */
#ifndef TESTS_IMS_TRUTH_H
#define TESTS_IMS_TRUTH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/store/db.h"
#include "ims/store/store_record.h"
#include "ims/store/store_seen.h"
#include "ims/store/store_share.h"

struct truth_sum {
	char domain[DOMAIN_BYTES];
	char user[IMS_STORE_USER_BYTES]; /* "": in the whole store */
	uint64_t notices, octets;
};

struct truth_mailbox {
	char user[IMS_STORE_USER_BYTES];
	uint64_t notices, seen; /* entries of the seen set */
};

struct truth {
	struct db_txn *t;
	struct truth_sum *sums;
	size_t n;
	struct truth_mailbox *mailboxes;
	size_t n_mailboxes;
	uint64_t notices, seen, seen_sums, files;
};

static inline struct truth_sum *
truth_of(struct truth *t, struct span domain, const char *user)
{
	struct truth_sum *s;

	for (size_t i = 0; i < t->n; i++)
		if (span_eq(span_str(t->sums[i].domain), domain) &&
		    strcmp(t->sums[i].user, user) == 0)
			return &t->sums[i];
	t->sums = memory_resize(t->sums, t->n + 1, sizeof *t->sums);
	s = &t->sums[t->n++];
	memset(s, 0, sizeof *s);
	assert_true(span_copy(domain, s->domain, sizeof s->domain));
	snprintf(s->user, sizeof s->user, "%s", user);
	return s;
}

static inline struct truth_mailbox *
truth_mailbox_of(struct truth *t, const char *user)
{
	struct truth_mailbox *m;

	for (size_t i = 0; i < t->n_mailboxes; i++)
		if (strcmp(t->mailboxes[i].user, user) == 0)
			return &t->mailboxes[i];
	t->mailboxes = memory_resize(t->mailboxes, t->n_mailboxes + 1, sizeof *t->mailboxes);
	m = &t->mailboxes[t->n_mailboxes++];
	memset(m, 0, sizeof *m);
	snprintf(m->user, sizeof m->user, "%s", user);
	return m;
}

static inline bool
truth_notice(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_notice_record n;
	struct truth_sum *s;
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	struct err e;

	assert_true(ims_notice_read(value, &n, &e));
	assert_true(ims_key_notice(key, 0, user, &number));
	s = truth_of(t, address_domain(span_str(n.from)), "");
	s->notices++;
	s->octets += n.charged_domain;
	s = truth_of(t, address_domain(span_str(n.from)), user);
	s->notices++;
	s->octets += n.charged;
	truth_mailbox_of(t, user)->notices++;
	t->notices++;
	return true;
}

static inline bool
truth_evidence(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct reader r = reader_of(span_sub(value, value.n - 4, 4));
	struct ims_letter_record l;
	struct span letter;
	struct err e;

	assert_true(db_get(t->t, LETTER, span_sub(key, 0, 24), &letter));
	assert_true(ims_letter_read(letter, &l, &e));
	truth_of(t, domain_span(&l.facts.from_domain), "")->octets += read_u32(&r);
	return true;
}

static inline bool
truth_paper(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct reader r = reader_of(value);
	struct span payer, paper;

	(void)read_u8(&r);
	payer = read_span(&r);
	truth_of(t, payer, "")->octets += read_u64(&r);
	assert_true(db_get(t->t, PAPER, span_sub(key, 1, DIGEST_BYTES), &paper));
	assert_true(paper.n > 0);
	return true;
}

static inline bool
truth_seen(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_seen_record r;
	struct span row;
	struct db_key k, until;
	struct err e;

	assert_true(ims_seen_read(value, &r, &e));
	assert_true(
	    r.indexed && r.charged == ims_seen_takes(span_str(r.user), domain_span(&r.domain)));
	db_key_copy(&k, key);
	until = ims_key_until(r.until_s, &k);
	assert_true(db_get(t->t, UNTIL, db_key_span(&until), &row));
	truth_of(t, domain_span(&r.domain), "")->octets += r.charged;
	truth_mailbox_of(t, r.user)->seen++;
	t->seen++;
	return true;
}

static inline bool
truth_seen_sum(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_share sum;
	char user[IMS_STORE_USER_BYTES];

	assert_true(ims_share_read(value, &sum));
	assert_true(span_copy(span_sub(key, 1 + 8, key.n), user, sizeof user));
	truth_mailbox_of(t, user)->seen -= sum.notices;
	t->seen_sums += sum.notices;
	return true;
}

/* Its file is counted; whether its notices are is found out by its references. */
static inline bool
truth_letter(void *arg, struct span key, struct span value)
{
	struct truth *t = arg;
	struct ims_letter_record l;
	struct err e;

	(void)key;
	assert_true(ims_letter_read(value, &l, &e));
	assert_true(l.refs > 0);
	t->files += l.file[0] != '\0';
	return true;
}

static inline void
truth_is_kept(struct truth *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct truth_sum *s = &t->sums[i];
		struct span domain = span_str(s->domain);
		struct db_key k = s->user[0] == '\0' ? ims_key_share(domain)
						     : ims_key_share_in(s->user, domain);
		struct ims_share sum;

		ims_share_get(t->t, &k, &sum);
		if (sum.octets != s->octets || sum.notices != s->notices)
			fail_msg(
			    "%s in '%s': the sum says %llu notices, %llu octets; there are %llu, %llu",
			    s->domain, s->user, (unsigned long long)sum.notices,
			    (unsigned long long)sum.octets, (unsigned long long)s->notices,
			    (unsigned long long)s->octets);
	}
	for (size_t i = 0; i < t->n_mailboxes; i++) {
		const struct truth_mailbox *m = &t->mailboxes[i];
		struct ims_mailbox_record r;
		struct err e;

		if (m->notices > 0) {
			assert_true(ims_mailbox_get(t->t, m->user, &r, &e));
			assert_int_equal(r.notices, m->notices);
		}
		assert_int_equal(m->seen, 0);
	}
}

static inline void
truth_each(struct truth *t, unsigned table, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value))
{
	db_each(t->t, table, prefix, prefix, fn, t);
}

/* Each sum is what a recount finds, and no sum is of nothing.  *files: how many letters are in files. */
static inline void
assert_sums_are_true(struct db *d, uint64_t *files)
{
	const struct span all = { 0 };
	struct truth t = { .n = 0 };
	struct err e;

	assert_true(db_read(d, &t.t, &e));
	truth_each(&t, NOTICE, all, truth_notice);
	truth_each(&t, EVIDENCE, all, truth_evidence);
	truth_each(&t, KEPT, SPAN_LIT("p"), truth_paper);
	truth_each(&t, SEEN, all, truth_seen);
	truth_each(&t, SHARE, SPAN_LIT("s"), truth_seen_sum);
	truth_each(&t, LETTER, all, truth_letter);
	assert_int_equal(db_passed_over(t.t), 0); /* damaged rows */
	truth_is_kept(&t);
	assert_int_equal(db_entries(t.t, SENDER), t.notices);
	assert_int_equal(db_entries(t.t, UNTIL), t.seen);
	assert_int_equal(db_entries(t.t, SEEN_BY), t.seen);
	assert_int_equal(t.seen_sums, t.seen);
	db_read_end(&t.t);
	*files = t.files;
	free(t.sums);
	free(t.mailboxes);
}

#endif
