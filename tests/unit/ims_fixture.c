/* A store of the IMS that an earlier commit wrote (tests/fixtures/make): all that users, peers and operators
 * see of it is what the list beside it says, and its notices end as they would have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/refusal.h"
#include "ims/mailbox/mailbox_row.h"
#include "tests/fixture.h"
#include "tests/unit/ims_store_scene.h"
#include "tests/unit/source_scene.h"

#define T0      INT64_C(4000000000) /* when it was made, by its own clock */
#define LETTERS 100                 /* and each twentieth has two more under its seal */

static const char *const mailboxes[] = { "bob@b.test", "dora@b.test 2", "eve@b.test",
	"carol@c.test" };
static const char *const senders[] = { "a.test", "d.test", "xn--bcher-kva.test", "e.test", "f.test",
	"old.test", "g.test" };

#define N(table) (sizeof(table) / sizeof(table)[0])

static int64_t
after_t0(int64_t at_s)
{
	return at_s == 0 ? 0 : at_s - T0;
}

/* -- a notice ------------------------------------------------------------------------------------------------ */

/* What is here is its digest's, and octets of zero. */
static void
body_is_good(struct world *w, const struct ims_letter *l)
{
	struct buf all = BUF_INIT;
	char piece[65536];
	unsigned char digest[DIGEST_BYTES];
	ssize_t n;

	assert_int_equal(body(w, l), REFUSAL_NONE);
	while ((n = source_read(w->body, w->loop, all.len, piece, sizeof piece, NULL)) > 0)
		buf_add(&all, piece, (size_t)n);
	w->body->free(w->body);
	assert_int_equal(all.len, l->size);
	digest_sha256(buf_span(&all), digest);
	assert_memory_equal(digest, l->digest, DIGEST_BYTES);
	buf_clear(&all);
}

static struct buf *evidence_out;

static void
evidence_found(struct world *w, const struct ims_kept *k)
{
	struct buf *out = evidence_out;

	(void)w;
	buf_addf(out, "    statement %s", fixture_digest(buf_span(&k->statement)));
	buf_addf(out, " seal %s", fixture_digest(buf_span(&k->seal)));
	assert_true(span_eq(buf_span(&k->signature), SPAN_LIT("signature")));
	assert_string_equal(k->alg, "ecdsa-sha256");
	assert_string_equal(k->host, "192.0.2.1");
	assert_true(span_starts(buf_span(&k->spf), SPAN_LIT("pass")));
	buf_addf(out, " spf %zu, '%.*s' '%.*s' at %lld\n", k->spf.len, (int)k->chain.len,
	    k->chain.data, (int)k->crls.len, k->crls.data, (long long)after_t0(k->received_s));
}

static void
evidence_row(struct world *w, const char *user, uint64_t number, struct buf *out)
{
	enum refusal why;

	evidence_out = out;
	if ((why = evidence(w, user, number, evidence_found)) != REFUSAL_NONE)
		buf_addf(out, "    no evidence: %s\n", refusal_word(why));
}

struct seen_states {
	bool state[MAILBOX_BAD_SEAL + 1];
	unsigned flags;
};

static void
notice_row(struct world *w, const char *user, const struct ims_row *listed,
    struct seen_states *seen, struct buf *out)
{
	struct mailbox_notice made = mailbox_row(listed), *n = &made;
	char id[ULID_END_BYTES];
	struct ims_letter l = letter(w, user, n->number);

	assert_memory_equal(&w->row, listed, sizeof w->row);
	assert_string_equal(n->issuer, "CN=Authority of tests");
	assert_true(n->has_digest);
	assert_memory_equal(n->digest, l.digest, DIGEST_BYTES);
	ulid_end(&n->id, id);
	buf_addf(out, "  %llu %s %s %s to %s: %llu octets, at %lld dated %lld held %lld",
	    (unsigned long long)n->number, mailbox_state_name(n->state), id, n->from, n->to,
	    (unsigned long long)n->size, (long long)after_t0(n->received_s),
	    (long long)after_t0(n->date_s), (long long)after_t0(n->hold_until_s));
	if (n->flags != 0)
		buf_addf(out, " flags %u", n->flags);
	if (n->word[0] != '\0')
		buf_addf(out, " %s", n->word);
	buf_addf(out, "\n");
	if (n->state == MAILBOX_HERE)
		body_is_good(w, &l);
	evidence_row(w, user, n->number, out);
	seen->state[n->state] = true;
	seen->flags |= n->flags;
}

static void
mailbox_rows(struct world *w, const char *user, struct seen_states *seen, struct buf *out)
{
	uint64_t notices = mailbox_notices(w, user), after = 0;

	buf_addf(out, "mailbox %s: %llu notices\n", user, (unsigned long long)notices);
	do {
		struct ims_row *rows;
		size_t n = list(w, user, after);
		bool more = w->more;

		rows = memory_array(n + 1, sizeof *rows);
		memcpy(rows, w->rows, n * sizeof *rows);
		for (size_t i = 0; i < n; i++, notices--)
			notice_row(w, user, &rows[i], seen, out);
		after = n > 0 ? rows[n - 1].number : after;
		free(rows);
		w->more = more;
	} while (w->more);
	assert_int_equal(notices, 0);
}

/* -- what peers and operators see ------------------------------------------------------------------------------ */

static void
ack_rows(struct world *w, struct buf *out)
{
	struct ims_ack last, *after = NULL;

	do {
		list_acks(w, after, 8);
		for (size_t i = 0; i < w->n_acks; i++) {
			const struct ims_ack *a = &w->acks[i];
			char id[ULID_END_BYTES];

			ulid_end(&a->id, id);
			buf_addf(out, "ack %s of %s by %s: %s round %llu until %lld\n", id,
			    a->from_domain.text, a->own_domain.text,
			    a->declined ? "DECLINE" : "DONE", (unsigned long long)a->round,
			    (long long)after_t0(a->until_s));
			last = *a;
			after = &last;
		}
	} while (w->more);
}

static void
share_row(struct world *w, const char *domain, const char *user, struct buf *out)
{
	struct ims_share s = share(w, domain, user);

	buf_addf(out, "share of %s in %s: %llu notices, %llu octets\n", domain, user ? user : "all",
	    (unsigned long long)s.notices, (unsigned long long)s.octets);
}

static void
sender_rows(struct world *w, struct buf *out)
{
	for (size_t d = 0; d < N(senders); d++) {
		share_row(w, senders[d], NULL, out);
		for (size_t m = 0; m < N(mailboxes); m++) {
			share_row(w, senders[d], mailboxes[m], out);
			buf_addf(out, "known to %s: %d\n", mailboxes[m],
			    knows(w, mailboxes[m], senders[d]));
		}
	}
}

struct listing {
	struct world *w;
	struct buf *out;
};

static void
mailboxes_listed(void *arg, const struct ims_mailbox *rows, size_t n, bool more,
    const struct err *e)
{
	struct listing *l = arg;

	for (size_t i = 0; i < n; i++)
		buf_addf(l->out, "listed %s %llu\n", rows[i].user,
		    (unsigned long long)rows[i].notices);
	assert_int_equal(n, N(mailboxes));
	assert_false(more);
	on_done(l->w, e);
}

static void
senders_listed(void *arg, const struct ims_sender *rows, size_t n, bool more, const struct err *e)
{
	struct listing *l = arg;

	for (size_t i = 0; i < n; i++)
		buf_addf(l->out, "listed %s %llu\n", rows[i].domain.text,
		    (unsigned long long)rows[i].sum.notices);
	assert_false(more);
	on_done(l->w, e);
}

static void
listed_rows(struct world *w, struct buf *out)
{
	struct listing l = { w, out };

	w->waiting++;
	ims_store_mailboxes(w->store, "", 100, w->loop, mailboxes_listed, &l);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	w->waiting++;
	ims_store_senders(w->store, "", 100, w->loop, senders_listed, &l);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

/* -- repeats ------------------------------------------------------------------------------------------------------- */

/* An address, as the sender writes it, and its mailbox. */
static const struct {
	const char *address, *owner;
} recipients[] = {
	{ "bob@b.test", "bob@b.test" },
	{ "dora@b.test", "dora@b.test 2" },
	{ "postmaster@b.test", "eve@b.test" },
	{ "carol@c.test", "carol@c.test" },
};

/* The statement of letter n as its sender repeats it to one recipient, word for word but for the others. */
static struct notify_batch *
repeat_of(unsigned n, const char *to, uint64_t size)
{
	const char *domain = n >= 97 && n < LETTERS ? "old.test" : senders[n % 5];
	struct notify_batch *b = notify_batch_new(1);
	struct notify_bounds bounds = { span_str(domain), address_domain(span_str(to)), T0 + DAY,
		digest_sha256 };
	struct statement st = { .from_domain = span_str(domain),
		.recipient_domain = address_domain(span_str(to)),
		.date_s = T0 + n,
		.hold_until_s = T0 + 30 * DAY + n,
		.size = size,
		.summary_size = 64 };
	unsigned char hash[1][32], salt[16] = { 0 }, digest[1][32],
				   random[10] = { [8] = 9, [9] = (unsigned char)n };
	struct buf text = BUF_INIT, seal = BUF_INIT;
	char from[100], *zeros = memory_new(size);
	struct err e;

	ulid_make(&st.id, (T0 + n) * 1000, random);
	snprintf(from, sizeof from, "%s@%s", n % 2 ? "alice" : "anna", domain);
	st.from.whole = span_str(from);
	digest_sha256(span_of(zeros, size), st.digest);
	digest_sha256(span_of(zeros, 64), st.summary_digest);
	free(zeros);
	statement_hash(digest_sha256, salt, span_str(to), hash[0]);
	assert_true(statement_write(&text, &st, hash, 1, &e));
	notify_batch_add_rcpt(b, span_str(to), salt, NULL);
	notify_batch_add_statement(b, NULL);
	buf_add(&b->octets, text.data, text.len);
	notify_batch_end_statement(b);
	digest_sha256(buf_span(&text), digest[0]);
	assert_true(seal_write(&seal, bounds.peer, bounds.served, bounds.now_s, digest, 1, &e));
	assert_true(notify_batch_seal(b, buf_span(&seal), SEAL_ECDSA_SHA256, SPAN_LIT("signature"),
	    &bounds, &e));
	notify_batch_judge(b, &bounds);
	assert_int_equal(b->n_open, 1);
	buf_clear(&text);
	buf_clear(&seal);
	return b;
}

static enum refusal
repeated(struct world *w, unsigned n, size_t recipient, uint64_t size, enum notify_done *done)
{
	struct notify_batch *b = repeat_of(n, recipients[recipient].address, size);
	static const char spf[1][IMS_STORE_SPF_BYTES] = { "pass" };
	char users[1][IMS_STORE_USER_BYTES];
	struct ims_evidence ev = { .chain = SPAN_LIT("another chain"),
		.issuer = "CN=Authority of tests",
		.host = "192.0.2.1",
		.spf = spf,
		.received_s = T0 + DAY,
		.hold_limit_s = LIMIT };
	enum refusal why;

	snprintf(users[0], sizeof users[0], "%s", recipients[recipient].owner);
	w->waiting++;
	ims_store_accept(w->store, b, (const char(*)[IMS_STORE_USER_BYTES])users, &ev, w->loop,
	    stop, w);
	wait_for(w);
	why = b->entries[0].why;
	*done = b->entries[0].done;
	notify_batch_free(&b);
	return why;
}

/* Which recipients the repeat of a letter makes a notice for: those who never had one.  A repeat with another
 * size is refused. */
static void
repeat_rows(struct world *w, struct buf *out)
{
	for (unsigned n = 0; n < LETTERS; n++) {
		uint64_t size = n % 20 == 4 ? 140000 : 500;

		buf_addf(out, "repeat %u:", n);
		for (size_t i = 0; i < N(recipients); i++) {
			enum notify_done done;

			assert_int_equal(repeated(w, n, i, size, &done), REFUSAL_NONE);
			buf_addf(out, " %s", done == NOTIFY_KNOWN ? "known" : "new");
			assert_int_equal(repeated(w, n, i, size + 1, &done), REFUSAL_id_conflict);
		}
		buf_addf(out, "\n");
	}
}

/* -- the tests ------------------------------------------------------------------------------------------------------ */

static void
old_world(struct world *w)
{
	world_bare(w);
	fixture_unpack("ims", w->folder);
	reopen(w);
}

static void
all_rows(struct world *w, struct seen_states *seen, struct buf *out)
{
	for (size_t i = 0; i < N(mailboxes); i++)
		mailbox_rows(w, mailboxes[i], seen, out);
	listed_rows(w, out);
	ack_rows(w, out);
	sender_rows(w, out);
	buf_addf(out, "files: %u\n", files(w));
}

static void
what_is_seen_is_what_the_list_says(void **state)
{
	static const enum mailbox_state possible[] = { MAILBOX_HELD, MAILBOX_HERE, MAILBOX_GONE,
		MAILBOX_DECLINED, MAILBOX_RECALLED,
		MAILBOX_BAD_SEAL }; /* a lease ends with the process */
	struct seen_states seen = { .flags = 0 };
	struct buf out = BUF_INIT;
	struct world w;

	(void)state;
	old_world(&w);
	all_rows(&w, &seen, &out);
	for (size_t i = 0; i < N(possible); i++)
		if (!seen.state[possible[i]])
			fail_msg("no notice is %s", mailbox_state_name(possible[i]));
	assert_int_equal(seen.flags, MAILBOX_SEEN | MAILBOX_ANSWERED | MAILBOX_FLAGGED);
	repeat_rows(&w, &out);
	buf_addf(&out, "after the repeats\n");
	ack_rows(&w, &out);
	fixture_same("ims", buf_span(&out));
	buf_clear(&out);
	world_clear(&w);
}

static void
it_opens_again(void **state)
{
	struct seen_states seen = { .flags = 0 };
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct world w;

	(void)state;
	old_world(&w);
	all_rows(&w, &seen, &first);
	reopen(&w);
	all_rows(&w, &seen, &second);
	assert_true(first.len > 0 && span_eq(buf_span(&first), buf_span(&second)));
	buf_clear(&first);
	buf_clear(&second);
	world_clear(&w);
}

struct purged {
	struct world *world;
	uint64_t notices;
};

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	struct purged *p = arg;

	assert_null(e);
	p->notices = notices;
	stop(p->world);
}

static uint64_t
purge(struct world *w, const char *domain)
{
	struct purged p = { .world = w };
	const struct ims_purge purge = { .from_domain = domain,
		.opened = true,
		.loop = w->loop,
		.done = on_purged,
		.arg = &p };

	w->waiting++;
	ims_store_purge(w->store, &purge);
	wait_for(w);
	return p.notices;
}

/* Whatever a sender has here is found and goes: its sums end at zero. */
static void
senders_go_whole(void **state)
{
	struct ims_share s;
	struct world w;

	(void)state;
	old_world(&w);
	for (size_t d = 0; d < N(senders); d++) {
		s = share(&w, senders[d], NULL);
		assert_int_equal(purge(&w, senders[d]), s.notices);
		s = share(&w, senders[d], NULL);
		assert_int_equal(s.octets, 0);
		assert_int_equal(s.notices, 0);
	}
	offload_stop(w.offload);
	assert_int_equal(files(&w), 0);
	world_clear(&w);
}

/* Notices that nobody opened go, and no repeat is known any more; what is here stays. */
static void
its_notices_end(void **state)
{
	struct buf out = BUF_INIT;
	struct seen_states seen = { .flags = 0 };
	struct world w;

	(void)state;
	old_world(&w);
	w.now_s = T0;
	sweep(&w, LIMIT + KEEP + 60 * DAY);
	for (size_t i = 0; i < N(mailboxes); i++)
		mailbox_rows(&w, mailboxes[i], &seen, &out);
	for (size_t i = 0; i < N(seen.state); i++)
		if (seen.state[i] != (i == MAILBOX_HERE))
			fail_msg("%s: %d", mailbox_state_name((enum mailbox_state)i),
			    seen.state[i]);
	buf_clear(&out);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_seen_is_what_the_list_says),
		cmocka_unit_test(it_opens_again),
		cmocka_unit_test(senders_go_whole),
		cmocka_unit_test(its_notices_end),
	};

	return cmocka_run_group_tests_name("ims_fixture", tests, NULL, NULL);
}
