/* ims_share_scene — what the tests of shares, purges and papers of the IMS's store have in common; after <cmocka.h>. */
#ifndef TESTS_UNIT_IMS_SHARE_SCENE_H
#define TESTS_UNIT_IMS_SHARE_SCENE_H

#include "common/base/record.h"
#include "tests/ims_truth.h"
#include "tests/unit/ims_store_scene.h"

/* -- sums ----------------------------------------------------------------------------------------- */

static inline uint64_t
used(struct world *w)
{
	return counts(w).used_bytes;
}

/* The longest that a paper, and its charge, stays when no letter cites it any more. */
#define PAPERS (PAPER_KEEP_S + PAPER_SLACK_S + DAY)

/* The seen set and papers outlive the notices, and go when their time has come. */
static inline void
assert_nothing_is_left(struct world *w)
{
	assert_int_equal(entries(w, NOTICE), 0);
	sweep(w, 0); /* the clock goes back */
	sweep(w, LIMIT + PAPERS);
	for (unsigned t = NOTICE; t <= PAPER; t++)
		if (t != KNOWN && t != NOTIFIED && entries(w, (enum table)t) != 0)
			fail_msg("%llu rows in table %u",
			    (unsigned long long)entries(w, (enum table)t), t);
}

static inline void
assert_has_seal(struct world *w, const struct ims_kept *k)
{
	(void)w;
	assert_true(span_starts(buf_span(&k->seal), SPAN_LIT("Tillcalled-Seal: ")));
	assert_string_equal(k->alg, "ecdsa-sha256");
}

#define DOMAINS 3
#define USERS   3

static const char *const domains[DOMAINS] = { "a.test", "c.test", "d.test" };
static const char *const users[USERS] = { BOB, EVE, "carol@b.test" };

/* A recount finds each sum that has notices; that there are no others is seen by their total. */
static inline void
assert_true_sums(struct world *w)
{
	uint64_t notices = 0, files;

	assert_sums_are_true(w->store, w->loop, &files);
	for (size_t d = 0; d < DOMAINS; d++)
		for (size_t u = 0; u < USERS; u++)
			notices += share(w, domains[d], users[u]).notices;
	assert_int_equal(notices, entries(w, NOTICE));
}

/* -- freeing it ----------------------------------------------------------------------------------- */

struct purged {
	struct world *world;
	uint64_t notices, last;
	unsigned times;
};

static inline void
on_progress(void *arg, uint64_t notices)
{
	struct purged *p = arg;

	assert_true(notices > p->last);
	p->last = notices;
	p->times++;
}

static inline void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	struct purged *p = arg;

	assert_null(e);
	p->notices = notices;
	stop(p->world);
}

static inline struct purged
purge(struct world *w, const char *domain, const char *user, bool opened)
{
	struct purged p = { .world = w };
	struct ims_purge what = { domain, user, opened, w->loop, on_progress, on_purged, &p };

	arrive(w); /* a sender's mailboxes are known by what they have stated */
	w->waiting++;
	ims_store_purge(w->store, &what);
	wait_for(w);
	return p;
}

/* -- revocation lists -------------------------------------------------------------------------------- */

/* An issue of a CRL, in force from `this_s` to `next_s`, for the certificate with the serial number 7. */
static inline struct notification
under(unsigned number, const char *crl, const struct world *w, int64_t this_s, int64_t next_s)
{
	struct notification n = {
		.number = number,
		.to = BOB,
		.hold_s = 100 * DAY,
		.crl = crl,
		.facts = { .shared = true,
		    .this_s = w->now_s + this_s,
		    .next_s = w->now_s + next_s,
		    .serial = "\x02\x01\x07",
		    .serial_n = 3 },
	};

	memset(n.facts.scope, 's', sizeof n.facts.scope);
	return n;
}

#endif
