/* A store of the IMS that an earlier commit wrote (tests/fixtures/make): all that users, peers and operators
 * see of it is what the list beside it says, and its notices end as they would have.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/refusal.h"
#include "common/store/body_orphans.h"
#include "common/store/db.h"
#include "common/store/db_key.h"
#include "ims/mailbox/mailbox_row.h"
#include "tests/fixture.h"
#include "tests/ims_truth.h"
#include "tests/unit/ims_store_scene.h"
#include "tests/unit/source_scene.h"

#define LETTERS 100 /* and each twentieth has two more under its seal */

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

static int
compare_lines(const void *a, const void *b)
{
	struct span x = *(const struct span *)a, y = *(const struct span *)b;
	int way = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return way != 0 ? way : (x.n > y.n) - (x.n < y.n);
}

/* What has no order comes in that of the text: the lines from `at` on. */
static void
sort_lines(struct buf *out, size_t at)
{
	struct buf sorted = BUF_INIT;
	struct span rest = span_sub(buf_span(out), at, out->len), *lines;
	size_t n = 0;

	lines = memory_array(rest.n + 1, sizeof *lines);
	while (rest.n > 0)
		lines[n++] = span_cut(&rest, '\n');
	qsort(lines, n, sizeof *lines, compare_lines);
	for (size_t i = 0; i < n; i++) {
		buf_add(&sorted, lines[i].p, lines[i].n);
		buf_add(&sorted, "\n", 1);
	}
	assert_int_equal(sorted.len, out->len - at);
	memcpy(out->data + at, sorted.data, sorted.len);
	buf_clear(&sorted);
	free(lines);
}

/* -- what peers and operators see ------------------------------------------------------------------------------ */

static void
ack_rows(struct world *w, struct buf *out)
{
	struct ims_ack last, *after = NULL;
	size_t at = out->len;

	do {
		list_acks(w, after, 8);
		for (size_t i = 0; i < w->n_acks; i++) {
			const struct ims_ack *a = &w->acks[i];
			char id[ULID_END_BYTES];

			ulid_end(&a->id, id);
			buf_addf(out, "ack %s of %s by %s: %s until %lld\n", id,
			    a->from_domain.text, a->own_domain.text,
			    a->declined ? "DECLINE" : "DONE", (long long)after_t0(a->until_s));
			last = *a;
			after = &last;
		}
	} while (w->more);
	sort_lines(out, at);
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
	size_t at = out->len;

	w->waiting++;
	ims_store_mailboxes(w->store, "", 100, w->loop, mailboxes_listed, &l);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	w->waiting++;
	ims_store_senders(w->store, "", 100, w->loop, senders_listed, &l);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	sort_lines(out, at);
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
		.chain_digest = digest_of("another chain"),
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

/* -- the files of bodies ------------------------------------------------------------------------------------- */

#define OLD_ORPHAN "0123456789abcdef0123456789abcdef"

static bool
has_old(const struct world *w)
{
	return fixture_has(w->folder, "bodies") || fixture_has(w->folder, "data.mdb") ||
	    fixture_has(w->folder, "lock.mdb") || fixture_has(w->folder, "held");
}

static void
wait_for_orphans(struct world *w)
{
	for (int i = 0; i < 10000 && !body_orphans_over(ims_store_bodies(w->store)); i++)
		usleep(1000);
	assert_true(body_orphans_over(ims_store_bodies(w->store)));
}

/* Each name leads to its letter; so its orphans are found. */
static void
all_have_keys(const struct world *w)
{
	unsigned char key[BODY_KEY_MAX];
	char path[128];
	struct dirent *d;
	size_t n;
	DIR *dir;

	snprintf(path, sizeof path, "%s/store/bodies", w->folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			assert_true(body_name_key(d->d_name, key, &n) && n == PART_LETTER_AT);
	closedir(dir);
}

/* Those that letters name get names with keys, and stay; the others go with the old folder. */
static void
its_files_get_new_names(void **state)
{
	struct world w;
	unsigned n;

	(void)state;
	world_bare(&w);
	fixture_unpack("ims", w.folder);
	n = files_in(&w, "bodies");
	fixture_orphan(w.folder, OLD_ORPHAN);
	reopen(&w);
	wait_for_orphans(&w);
	assert_true(n > 0);
	assert_int_equal(files(&w), n);
	all_have_keys(&w);
	assert_true(
	    fixture_has(w.folder, "bodies/" OLD_ORPHAN) && fixture_has(w.folder, "data.mdb"));
	reopen(&w);
	assert_false(has_old(&w));
	wait_for_orphans(&w);
	assert_int_equal(files(&w), n);
	world_clear(&w);
}

/* -- a migration that is killed ------------------------------------------------------------------------------ */

/* A process of its own: opens the store, which migrates it, and closes it, or just ends.  It is a program anew,
 * because ThreadSanitizer does not follow a child that makes threads after a fork. */
static void
open_and_end(const char *folder, bool closes)
{
	struct offload *o;
	struct ims_store *store;
	struct err e;

	if (!offload_new(&o, 1, &e) || !offload_start(o, &e) ||
	    !ims_store_open(folder, SIZE, o, &store, &e))
		_exit(1);
	if (closes)
		ims_store_close(&store);
	_exit(0);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static pid_t
begin_process(const char *folder, const char *how)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	execl("/proc/self/exe", "ims_fixture", folder, how, NULL);
	_exit(1);
}

/* Negative: it is not killed.  True: it had come to its end. */
static bool
killed_after(const char *folder, int64_t us)
{
	pid_t pid = begin_process(folder, "close");
	int status;

	if (us >= 0) {
		usleep((useconds_t)us);
		kill(pid, SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* At 50 moments, from its beginning to what comes after its end: whatever is left, the next start has all. */
static void
a_kill_loses_nothing_of_a_migration(void **state)
{
	enum { MOMENTS = 50 };
	struct buf first = BUF_INIT, last = BUF_INIT;
	struct seen_states seen = { .flags = 0 };
	unsigned killed = 0;
	int64_t whole_us;
	struct world w;

	(void)state;
	old_world(&w);
	all_rows(&w, &seen, &first);
	world_clear(&w);
	world_bare(&w);
	fixture_unpack("ims", w.folder);
	whole_us = now_us();
	assert_true(killed_after(w.folder, -1));
	whole_us = now_us() - whole_us;
	assert_false(has_old(&w));
	world_clear(&w);
	for (int i = 0; i < MOMENTS; i++) {
		world_bare(&w);
		fixture_unpack("ims", w.folder);
		killed += !killed_after(w.folder, whole_us * i / MOMENTS);
		killed_after(w.folder, whole_us * (MOMENTS - i) / MOMENTS); /* the next one too */
		reopen(&w);
		wait_for_orphans(&w);
		buf_reset(&last);
		all_rows(&w, &seen, &last);
		assert_true(first.len > 0 && span_eq(buf_span(&first), buf_span(&last)));
		all_have_keys(&w);
		reopen(&w);
		assert_false(has_old(&w) || fixture_has(w.folder, "store.new"));
		world_clear(&w);
	}
	assert_true(killed > MOMENTS / 4);
	buf_clear(&first);
	buf_clear(&last);
}

/* A second process that starts meanwhile would remove what the first one makes: whoever has not locked the old store
 * touches nothing. */
static void
a_migration_is_left_alone_by_another_process(void **state)
{
	struct fixture_other other;
	struct world w;
	struct err e;

	(void)state;
	world_bare(&w);
	fixture_unpack("ims", w.folder);
	fixture_other_begin(&other, w.folder);
	assert_false(ims_store_open(w.folder, SIZE, w.offload, &w.store, &e));
	assert_int_equal(e.why, REFUSAL_config);
	fixture_other_end(&other);
	reopen(&w);
	assert_true(mailbox_notices(&w, BOB) > 0);
	world_clear(&w);
}

/* A start that fails after the migration is no stop in order: the old store stays. */
static void
an_old_store_outlives_a_start_that_fails(void **state)
{
	char bodies[128], aside[128];
	struct world w;
	struct err e;
	int status;
	pid_t pid;

	(void)state;
	world_bare(&w);
	fixture_unpack("ims", w.folder);
	snprintf(bodies, sizeof bodies, "%s/store/bodies", w.folder);
	snprintf(aside, sizeof aside, "%s/aside", w.folder);
	pid = begin_process(w.folder, "end");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(fixture_has(w.folder, "data.mdb"));
	assert_int_equal(rename(bodies, aside), 0);
	close(open(bodies, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_false(ims_store_open(w.folder, SIZE, w.offload, &w.store, &e));
	assert_true(fixture_has(w.folder, "data.mdb"));
	assert_int_equal(unlink(bodies), 0);
	assert_int_equal(rename(aside, bodies), 0);
	reopen(&w);
	assert_true(mailbox_notices(&w, BOB) > 0);
	world_clear(&w);
}

/* The size that is configured is no bound: what was there is there. */
static void
a_store_that_is_too_large_opens(void **state)
{
	struct world w;

	(void)state;
	world_bare(&w);
	fixture_unpack("ims", w.folder);
	w.size = 1 << 16;
	reopen(&w);
	assert_true(mailbox_notices(&w, BOB) > 0);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	world_clear(&w);
}

/* -- an older version's deleted mailbox --------------------------------------------------------------------------- */

#define DELETED "dora@b.test 2"

static bool
delete_mailbox(struct db_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	db_del(t, 0, SPAN_LIT(DELETED));
	for (uint64_t number = 1; number <= LETTERS; number++) {
		struct db_key k = { .n = 0 };

		db_key_add_text(&k, DELETED);
		db_key_add_u64(&k, number);
		db_del(t, 1, db_key_span(&k));
	}
	return true;
}

/* What was remembered for it neither makes it again nor counts against a sender. */
static void
a_deleted_mailbox_stays_deleted(void **state)
{
	static const char *const tables[] = { "mailbox", "notice" };
	struct db_write write = { .apply = delete_mailbox, .done = on_done, .octets = 4096 };
	struct world w;
	struct err e;
	uint64_t in_files;
	struct db *d;

	(void)state;
	world_bare(&w);
	fixture_unpack("ims", w.folder);
	assert_true(db_open(w.folder, SIZE, tables, N(tables), &d, &e));
	write.arg = &w;
	write.home = w.loop;
	w.waiting++;
	assert_true(db_write_take(d, &write, &e));
	wait_for(&w);
	assert_int_equal(w.why, REFUSAL_NONE);
	db_close(&d);
	reopen(&w);
	w.waiting++;
	ims_store_has_mailbox(w.store, DELETED, w.loop, on_mailbox, &w);
	wait_for(&w);
	assert_int_equal(w.why, REFUSAL_no_such_user);
	assert_int_equal(counts(&w).mailboxes, N(mailboxes) - 1);
	assert_sums_are_true(w.store, w.loop, &in_files);
	wait_for_orphans(&w);
	assert_int_equal(files(&w), in_files);
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

/* Whatever a sender has here is found and goes: its sums end at zero, once its papers have had their time. */
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
		assert_int_equal(share(&w, senders[d], NULL).notices, 0);
	}
	sweep(&w, PAPER_KEEP_S + PAPER_SLACK_S + DAY);
	for (size_t d = 0; d < N(senders); d++)
		assert_int_equal(share(&w, senders[d], NULL).octets, 0);
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

/* The store was swept until then. */
static void
put_cursor(struct kv_txn *t)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u64(&k, (uint64_t)T0 / EXPIRY_S);
	kv_key_add_u64(&k, 0);
	kv_put(t, SPAN_LIT("c"), kv_key_span(&k));
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
	operate(&w, kv_part_of(PART_EXPIRY, SPAN_LIT("\0\0\0\0\0")), put_cursor);
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
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_seen_is_what_the_list_says),
		cmocka_unit_test(its_files_get_new_names),
		cmocka_unit_test(it_opens_again),
		cmocka_unit_test(senders_go_whole),
		cmocka_unit_test(its_notices_end),
		cmocka_unit_test(a_kill_loses_nothing_of_a_migration),
		cmocka_unit_test(a_migration_is_left_alone_by_another_process),
		cmocka_unit_test(an_old_store_outlives_a_start_that_fails),
		cmocka_unit_test(a_store_that_is_too_large_opens),
		cmocka_unit_test(a_deleted_mailbox_stays_deleted),
	};

	if (argc == 3)
		open_and_end(argv[1], strcmp(argv[2], "close") == 0);
	return cmocka_run_group_tests_name("ims_fixture", tests, NULL, NULL);
}
