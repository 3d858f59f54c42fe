/* A store of the OMS that an earlier commit wrote (tests/fixtures/make): all that users and peers see of it
 * is what the list beside it says, and its letters end as they would have.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/refusal.h"
#include "tests/fixture.h"
#include "tests/unit/oms_killed.h"
#include "tests/unit/oms_store_scene.h"

#define LETTERS 100

static const char *const users[] = { "alice@a.test", "bob@a.test", "carol@a.test 2", "dora@c.test",
	"eve@a.test" };
static const char *const owns[] = { "a.test", "c.test" };
static const char *const peers[] = { "b.test", "d.test", "xn--bcher-kva.test", "e.test" };

#define N(table) (sizeof(table) / sizeof(table)[0])

/* -- what is seen without a change ------------------------------------------------------------------------- */

/* Times are seconds since T0. */
static void
recipient_row(const struct oms_delivery *d, const struct oms_recipient *r, struct buf *out)
{
	buf_addf(out, "    %s %s at %lld tries %llu", r->address, submit_state_name(r->state),
	    (long long)(r->since_s - T0), (unsigned long long)d->tries);
	if (r->state == SUBMIT_WAITING && d->next_ms >= 1000)
		buf_addf(out, " next %lld", (long long)(d->next_ms / 1000 - T0));
	if (r->word[0] != '\0')
		buf_addf(out, " %s %s: %s", r->word, submit_speaker_name(r->by), r->text);
	buf_addf(out, "\n");
}

struct outbox_rows {
	struct buf *out;
	struct ulid last;
};

static void
outbox_row(void *arg, const struct oms_listed *x)
{
	struct outbox_rows *o = arg;
	char id[ULID_END_BYTES];

	o->last = x->letter.id;
	ulid_end(&x->letter.id, id);
	buf_addf(o->out, "  %s from %s: %llu octets, at %lld until %lld\n", id, x->letter.from,
	    (unsigned long long)x->letter.size, (long long)(x->letter.date_s - T0),
	    (long long)(x->letter.hold_until_s - T0));
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->deliveries[i].n_recipients; k++)
			recipient_row(&x->deliveries[i], &x->deliveries[i].recipients[k], o->out);
}

static void
outbox_rows(struct world *w, const char *user, struct buf *out)
{
	struct outbox_rows o = { .out = out };
	struct oms_user_counts c = ask_user(w->store, w->loop, user);
	struct asked a = { .more = true, .each = outbox_row, .each_arg = &o };
	bool begun = false;

	buf_addf(out, "user %s: %llu letters, %llu octets\n", user, (unsigned long long)c.letters,
	    (unsigned long long)c.octets);
	while (a.more) {
		struct ulid after = o.last;

		a.answers = 0;
		oms_store_outbox(w->store, user, begun ? &after : NULL, w->loop, on_list_asked, &a);
		assert_true(await(&a, w->loop));
		begun = true;
	}
}

struct queue_rows {
	struct buf *out;
	unsigned letters;
	struct ulid last;
	bool in_state[SUBMIT_BY_SMTP + 1];
};

/* What an operator sees, and what the next events are judged by. */
static void
queue_row(void *arg, const struct oms_listed *x)
{
	const struct oms_letter *l = &x->letter;
	const struct oms_delivery *d = &x->deliveries[0];
	struct queue_rows *q = arg;
	char id[ULID_END_BYTES];

	q->letters += !ulid_eq(&l->id, &q->last); /* a letter's come one after the other */
	q->last = l->id;
	ulid_end(&l->id, id);
	buf_addf(q->out, "queue %s %s", id, d->peer.text);
	buf_addf(q->out, " tries=%llu next=%lld", (unsigned long long)d->tries,
	    (long long)(d->next_ms == 0 ? 0 : d->next_ms - T0 * 1000));
	buf_addf(q->out, " handed=%d settles=%llu declined=%d", d->handed_s >= T0,
	    (unsigned long long)d->settles, d->declined);
	buf_addf(q->out, " sends=%llu settled=%lld", (unsigned long long)d->sends,
	    (long long)d->settled_sends);
	buf_addf(q->out, " %s", fixture_digest(buf_span(&d->statement)));
	buf_addf(q->out, " %s\n", fixture_digest(span_of((const char *)l->digest, DIGEST_BYTES)));
	for (size_t i = 0; i < d->n_recipients; i++)
		q->in_state[d->recipients[i].state] = true;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The store gives them in an order of its own; the list has them by letter and domain. */
static void
queue_rows(struct world *w, struct queue_rows *q)
{
	struct buf *sorted = q->out, rows = BUF_INIT;
	char *line[1000], *rest;
	unsigned pages;
	size_t n = 0;

	q->out = &rows;
	ask_queue(w->store, w->loop, 7, queue_row, q, &pages);
	q->out = sorted;
	buf_add(&rows, "", 1);
	for (char *at = strtok_r(rows.data, "\n", &rest); at != NULL;
	     at = strtok_r(NULL, "\n", &rest)) {
		assert_true(n < N(line));
		line[n++] = at;
	}
	qsort(line, n, sizeof line[0], by_text);
	for (size_t i = 0; i < n; i++)
		buf_addf(sorted, "%s\n", line[i]);
	buf_clear(&rows);
}

static void
due_rows(struct world *w, const char *own, const char *peer, struct buf *out)
{
	const struct oms_due_query q = { .own = own,
		.peer = peer,
		.now_ms = INT64_MAX,
		.latest_ms = INT64_MAX,
		.max = OMS_STORE_DUE_PAGE };
	struct oms_delivery d[OMS_STORE_DUE_PAGE];
	struct oms_due_query first = q;
	size_t n = ask_due(w->store, w->loop, &q, d).n;

	assert_true(n < OMS_STORE_DUE_PAGE);
	first.max = 0;
	assert_int_equal(ask_due(w->store, w->loop, &first, NULL).first_ms,
	    n > 0 ? d[0].next_ms : 0);
	buf_addf(out, "due from %s to %s: %zu\n", own, peer, n);
	for (size_t i = 0; i < n; i++) {
		char id[ULID_END_BYTES];

		ulid_end(&d[i].id, id);
		buf_addf(out, "  %s %lld\n", id, (long long)(d[i].next_ms - T0 * 1000));
		oms_delivery_clear(&d[i]);
	}
}

static size_t
index_of(const char *const *names, size_t n, const struct domain *d)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], d->text) == 0)
			return i;
	fail_msg("%s", d->text);
	return 0;
}

/* How many pairs of domains have something due.  One with several letters may come several times. */
static unsigned
pairs(struct world *w)
{
	bool seen[N(owns)][N(peers)] = { { false } };
	struct oms_pair page[4];
	struct oms_pair_cursor at = { .begun = false };
	unsigned all = 0;

	while (!at.ended) {
		struct asked a = ask_pairs(w->store, w->loop, &at, N(page), page);

		for (size_t i = 0; i < a.n; i++) {
			bool *x = &seen[index_of(owns, N(owns), &page[i].own)]
				       [index_of(peers, N(peers), &page[i].peer)];

			all += !*x;
			*x = true;
		}
		at = a.next;
	}
	return all;
}

static void
peer_rows(struct world *w, struct buf *out)
{
	for (size_t i = 0; i < N(peers); i++) {
		struct oms_peer p = ask_peer(w->store, w->loop, peers[i]).peer;

		buf_addf(out, "peer %s: until %lld, answered %lld\n", peers[i],
		    (long long)p.until_s, (long long)p.answered_s);
	}
}

/* -- what is seen by asking for it --------------------------------------------------------------------------- */

/* A letter with a token that is known is the earlier one. */
static void
token_rows(struct world *w, const char *user, struct buf *out)
{
	for (unsigned i = 0; i < LETTERS; i++) {
		char token[20], text[ULID_END_BYTES];
		const struct oms_claim_query q = { user, token, 10, 1, { .letters = 0 } };
		struct asked a;
		struct ulid id;

		snprintf(token, sizeof token, "token-%u", i);
		a = ask_claim(w->store, w->loop, &q);
		assert_int_equal(a.e.why, REFUSAL_NONE);
		if (a.claim != NULL) {
			oms_claim_free(&a.claim);
			continue;
		}
		assert_int_equal(put(w,
				     &(struct letter) { .token = token, .size = 10, .user = user },
				     &id),
		    REFUSAL_NONE);
		ulid_end(&id, text);
		buf_addf(out, "token %s %s: %s\n", user, token, text);
	}
}

/* What each domain gets when it asks for the letter. */
static void
served_rows(struct world *w, unsigned i, struct buf *out)
{
	struct ulid id = fixture_id(i);
	char text[ULID_END_BYTES];

	ulid_end(&id, text);
	buf_addf(out, "served %s:", text);
	for (size_t p = 0; p < N(peers); p++) {
		struct outcome o = { .world = w };

		w->waiting++;
		oms_store_hand_out(w->store, &id, peers[p], w->loop, on_handed, &o);
		wait_all(w);
		if (o.why == REFUSAL_NONE) {
			assert_int_equal(octets_of(w, o.source), o.size); /* each of them a 'b' */
			buf_addf(out, " %llu", (unsigned long long)o.size);
		} else {
			buf_addf(out, " %s", refusal_word(o.why));
		}
	}
	buf_addf(out, "\n");
}

/* -- the files of bodies ------------------------------------------------------------------------------------- */

#define OLD_ORPHAN "0123456789abcdef0123456789abcdef"

/* Each name leads to its letter; so its orphans are found. */
static void
all_have_keys(const struct world *w)
{
	unsigned char key[BODY_KEY_MAX];
	char path[128];
	struct dirent *d;
	size_t n;
	DIR *dir;

	snprintf(path, sizeof path, "%s/bodies", w->folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			assert_true(body_name_key(d->d_name, key, &n) && n == ULID_BYTES);
	closedir(dir);
}

/* -- the tests ---------------------------------------------------------------------------------------------- */

static void
old_world(struct world *w)
{
	world_bare(w);
	fixture_unpack("oms", w->folder);
	reopen(w);
}

static void
what_is_seen_is_what_the_list_says(void **state)
{
	struct buf out = BUF_INIT;
	struct queue_rows q = { .out = &out };
	struct world w;

	(void)state;
	old_world(&w);
	for (size_t i = 0; i < N(users); i++)
		outbox_rows(&w, users[i], &out);
	queue_rows(&w, &q);
	assert_int_equal(q.letters, LETTERS);
	for (size_t i = 0; i < N(q.in_state); i++)
		if (!q.in_state[i])
			fail_msg("no recipient is %s", submit_state_name((enum submit_state)i));
	for (size_t o = 0; o < N(owns); o++)
		for (size_t i = 0; i < N(peers); i++)
			due_rows(&w, owns[o], peers[i], &out);
	buf_addf(&out, "pairs: %u\n", pairs(&w));
	peer_rows(&w, &out);
	buf_addf(&out, "files: %u\n", files(&w));
	for (size_t i = 0; i < N(users); i++)
		token_rows(&w, users[i], &out);
	for (unsigned i = 0; i < LETTERS; i++)
		served_rows(&w, i, &out);
	fixture_same("oms", buf_span(&out));
	buf_clear(&out);
	world_clear(&w);
}

/* Those that letters name get names with keys, and stay; the others go with the old folder. */
static void
its_files_get_new_names(void **state)
{
	struct world w;
	unsigned n;

	(void)state;
	world_bare(&w);
	fixture_unpack("oms", w.folder);
	n = files(&w);
	fixture_orphan(w.folder, OLD_ORPHAN);
	reopen(&w);
	wait_for_orphans(&w);
	assert_true(n > 0);
	assert_int_equal(files(&w), n);
	all_have_keys(&w);
	assert_true(
	    fixture_has(w.folder, "bodies.old/" OLD_ORPHAN) && fixture_has(w.folder, "data.mdb"));
	reopen(&w);
	assert_false(fixture_has(w.folder, "bodies.old") || fixture_has(w.folder, "bodies.new") ||
	    fixture_has(w.folder, "data.mdb"));
	wait_for_orphans(&w);
	assert_int_equal(files(&w), n);
	world_clear(&w);
}

/* The second opening finds what the first one left. */
static void
it_opens_again(void **state)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct queue_rows q[2] = { { .out = &first }, { .out = &second } };
	struct world w;

	(void)state;
	old_world(&w);
	assert_int_equal(ask_counts(w.store, w.loop).commits,
	    0); /* it is of today's format at once */
	queue_rows(&w, &q[0]);
	reopen(&w);
	queue_rows(&w, &q[1]);
	assert_true(first.len > 0 && span_eq(buf_span(&first), buf_span(&second)));
	buf_clear(&first);
	buf_clear(&second);
	world_clear(&w);
}

static unsigned
letters_kept(struct world *w)
{
	unsigned n = 0;

	for (size_t i = 0; i < N(users); i++)
		n += (unsigned)ask_user(w->store, w->loop, users[i]).letters;
	return n;
}

static void
its_letters_end(void **state)
{
	struct oms_store_counts counts;
	struct world w;

	(void)state;
	old_world(&w);
	assert_true(letters_kept(&w) > 0 && files(&w) > 0);
	sweep(&w, T0 + 30 * DAY + 1);
	assert_int_equal(letters_kept(&w), 0);
	wait_for_files(&w, 0);
	assert_int_equal(pairs(&w), 0);
	counts = ask_counts(w.store, w.loop);
	assert_true(counts.letters > 0); /* outcomes */
	sweep(&w, T0 + 61 * DAY);
	counts = ask_counts(w.store, w.loop);
	assert_int_equal(counts.letters, 0);
	for (size_t i = 0; i < N(users); i++) {
		assert_int_equal(ask_user(w.store, w.loop, users[i]).octets, 0);
		assert_false(ask_knows(w.store, w.loop, users[i]));
	}
	world_clear(&w);
}

/* -- a migration that is killed ----------------------------------------------------------------------------- */

/* At 50 moments, from its beginning to what comes after its end: whatever is left, the next start has all. */
static void
a_kill_loses_nothing_of_a_migration(void **state)
{
	enum { MOMENTS = 50 };
	struct buf first = BUF_INIT, last = BUF_INIT;
	struct queue_rows q[2] = { { .out = &first }, { .out = &last } };
	unsigned killed = 0;
	unsigned n_files;
	int64_t whole_us;
	struct world w;

	(void)state;
	old_world(&w);
	queue_rows(&w, &q[0]);
	n_files = files(&w);
	world_clear(&w);
	world_bare(&w);
	fixture_unpack("oms", w.folder);
	whole_us = now_us();
	assert_true(killed_after(w.folder, -1));
	whole_us = now_us() - whole_us;
	world_clear(&w);
	for (int i = 0; i < MOMENTS; i++) {
		world_bare(&w);
		fixture_unpack("oms", w.folder);
		killed += !killed_after(w.folder, whole_us * i / MOMENTS);
		killed_after(w.folder, whole_us * (MOMENTS - i) / MOMENTS); /* the next one too */
		reopen(&w);
		buf_reset(&last);
		queue_rows(&w, &q[1]);
		assert_true(first.len > 0 && span_eq(buf_span(&first), buf_span(&last)));
		wait_for_orphans(&w);
		assert_int_equal(files(&w), n_files);
		all_have_keys(&w);
		reopen(&w);
		assert_false(fixture_has(w.folder, "bodies.old") ||
		    fixture_has(w.folder, "bodies.new") || fixture_has(w.folder, "data.mdb"));
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
	fixture_unpack("oms", w.folder);
	fixture_other_begin(&other, w.folder);
	assert_false(oms_store_open(w.folder, SIZE, w.offload, &w.store, &e));
	assert_int_equal(e.why, REFUSAL_config);
	fixture_other_end(&other);
	reopen(&w);
	assert_true(letters_kept(&w) > 0);
	world_clear(&w);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_seen_is_what_the_list_says),
		cmocka_unit_test(its_files_get_new_names),
		cmocka_unit_test(it_opens_again),
		cmocka_unit_test(its_letters_end),
		cmocka_unit_test(a_kill_loses_nothing_of_a_migration),
		cmocka_unit_test(a_migration_is_left_alone_by_another_process),
	};

	if (argc == 2)
		open_and_close(argv[1], SIZE);
	return cmocka_run_group_tests_name("oms_fixture", tests, NULL, NULL);
}
