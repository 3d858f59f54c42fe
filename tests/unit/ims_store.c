/* ims_store — notices, what was seen, leases and bodies, what is owed, evidence, what time does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/text/digest.h"
#include "ims/store/store.h"

#define SIZE  ((uint64_t)64 << 20)
#define DAY   86400
#define LIMIT (90 * DAY)
#define KEEP  (30 * DAY)

struct world {
	char folder[64];
	struct ims_store *store;
	struct loop *loop;
	struct offload *offload;
	unsigned waiting;
	int64_t now_s;
};

static void
told(struct world *w)
{
	if (--w->waiting == 0)
		loop_stop(w->loop);
}

static void
wait_all(struct world *w)
{
	if (w->waiting > 0)
		loop_run(w->loop);
}

static void
reopen(struct world *w)
{
	struct err e;

	ims_store_close(&w->store);
	if (!ims_store_open(w->folder, SIZE, w->offload, &w->store, &e))
		fail_msg("%s", e.text);
}

static void
world_init(struct world *w)
{
	struct err e;

	*w = (struct world) { .folder = "/tmp/tillcalled-ims-XXXXXX",
		.now_s = clock_wall_ms() / 1000 };
	assert_non_null(mkdtemp(w->folder));
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 2, &e) && offload_start(w->offload, &e));
	reopen(w);
}

static void
world_clear(struct world *w)
{
	char command[128];

	offload_free(&w->offload);
	loop_drain(w->loop);
	ims_store_close(&w->store);
	loop_free(&w->loop);
	snprintf(command, sizeof command, "rm -r %s", w->folder);
	assert_int_equal(system(command), 0);
}

static unsigned
files(const struct world *w)
{
	char path[128];
	unsigned n = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "%s/bodies", w->folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void
wait_for_files(const struct world *w, unsigned n)
{
	for (int i = 0; i < 500 && files(w) != n; i++)
		usleep(10000);
	assert_int_equal(files(w), n);
}

/* -- announcing ------------------------------------------------------------------------------- */

struct letter {
	struct ulid id;
	const char *own; /* "b.test" (NULL) */
	uint64_t size;
	int64_t date_s, hold_until_s;
};

static struct letter
letter_of(const struct world *w, uint64_t size)
{
	struct letter l = { .size = size,
		.date_s = w->now_s - 5,
		.hold_until_s = w->now_s + 30 * DAY };
	unsigned char random[10];

	random_bytes(random, sizeof random);
	ulid_make(&l.id, w->now_s * 1000, random);
	return l;
}

static void
content(uint64_t size, struct buf *out)
{
	memset(buf_room(out, (size_t)size), 'b', (size_t)size);
	out->len += (size_t)size;
}

/* As the engine gives it over: one statement, one entry for each of `to` ("bob carol"). */
static struct notify_batch *
batch_of(const struct letter *l, const char *to)
{
	struct notify_batch *b = memory_new(sizeof *b);
	struct statement *st = memory_new(sizeof *st);
	struct buf octets = BUF_INIT;
	struct span rest = span_str(to);
	const char *own = l->own != NULL ? l->own : "b.test";

	content(l->size, &octets);
	st->kind = STATEMENT_NOTIFICATION;
	st->id = l->id;
	st->date_s = l->date_s;
	st->hold_until_s = l->hold_until_s;
	st->size = l->size;
	digest_sha256(buf_span(&octets), st->digest);
	buf_clear(&octets);
	buf_addf(&b->octets, "statement to %s until %lld", to, (long long)l->hold_until_s);
	st->text = SPAN_LIT("a statement");
	st->from = (struct address) { SPAN_LIT("alice@a.test"), SPAN_LIT("alice"),
		SPAN_LIT("a.test") };
	st->from_domain = SPAN_LIT("a.test");
	st->recipient_domain = span_str(own);
	b->statements = st;
	b->digests = memory_array(1, sizeof *b->digests);
	digest_sha256(buf_span(&b->octets), b->digests[0]);
	b->n_statements = 1;
	b->seal.text = SPAN_LIT("a seal");
	b->alg = SEAL_ECDSA_SHA256;
	b->signature = SPAN_LIT("a signature");
	b->entries = memory_array(16, sizeof *b->entries);
	while (rest.n > 0) {
		struct span local = span_cut(&rest, ' ');
		char *address = memory_new(64);

		snprintf(address, 64, "%.*s@%s", SPAN_FMT(local), own);
		b->entries[b->n_entries++] = (struct notify_entry) { .address = span_str(address) };
	}
	b->n_open = b->n_entries;
	return b;
}

/* "noticed known id-conflict", by entry; frees the batch. */
static const char *
answers(struct notify_batch *b)
{
	static char out[512];

	out[0] = '\0';
	for (size_t i = 0; i < b->n_entries; i++) {
		const struct notify_entry *n = &b->entries[i];

		assert_true(n->judged);
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i == 0 ? "" : " ",
		    n->why != REFUSAL_NONE        ? refusal_word(n->why)
			: n->done == NOTIFY_KNOWN ? "known"
						  : "noticed");
		free((void *)(uintptr_t)n->address.p);
	}
	notify_batch_free(&b);
	return out;
}

static void
on_accepted(void *arg)
{
	told(arg);
}

static const char *
announce(struct world *w, const struct letter *l, const char *to)
{
	struct notify_batch *b = batch_of(l, to);
	char users[16][IMS_STORE_USER_BYTES];
	static const char spf[1][IMS_STORE_SPF_BYTES] = { "pass v=spf1 -all" };
	struct ims_evidence ev = {
		.chain = SPAN_LIT("a chain"),
		.issuer = "CN=A CA",
		.host = "192.0.2.1",
		.spf = spf,
		.received_s = w->now_s,
		.hold_limit_s = LIMIT,
	};

	for (size_t i = 0; i < b->n_entries; i++)
		assert_true(span_copy(b->entries[i].address, users[i], sizeof users[i]));
	w->waiting++;
	ims_store_accept(w->store, b, (const char(*)[IMS_STORE_USER_BYTES])users, &ev, w->loop,
	    on_accepted, w);
	wait_all(w);
	return answers(b);
}

/* -- operations, at once ----------------------------------------------------------------------- */

struct outcome {
	struct world *world;
	enum refusal why;
	struct ims_letter letter;
};

static void
on_done(void *arg, const struct err *e)
{
	struct outcome *o = arg;

	o->why = e == NULL ? REFUSAL_NONE : e->why;
	told(o->world);
}

static void
on_leased(void *arg, const struct ims_letter *l, const struct err *e)
{
	struct outcome *o = arg;

	if (e == NULL)
		o->letter = *l;
	on_done(arg, e);
}

static struct ims_letter
look(struct world *w, const char *user, uint64_t number, struct mailbox_notice *n)
{
	struct mailbox_notice ignored;
	struct ims_letter l;
	struct err e;

	if (!ims_store_notice(w->store, user, number, n != NULL ? n : &ignored, &l, &e))
		fail_msg("%s %llu: %s", user, (unsigned long long)number, e.text);
	return l;
}

static enum refusal
lease(struct world *w, const struct ims_letter *l, struct ims_letter *out)
{
	struct outcome o = { .world = w };

	w->waiting++;
	ims_store_lease(w->store, l, w->loop, on_leased, &o);
	wait_all(w);
	*out = o.letter;
	return o.why;
}

static enum refusal
release(struct world *w, const struct ims_letter *l, enum mailbox_state state, enum refusal why)
{
	struct outcome o = { .world = w };

	w->waiting++;
	ims_store_release(w->store, l, state, why, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

static void
on_kept(void *arg, struct spool_kept *kept, const struct err *e)
{
	assert_null(e);
	*(struct spool_kept *)arg = *kept;
}

static enum refusal
keep(struct world *w, const struct ims_letter *l)
{
	struct outcome o = { .world = w };
	struct spool_in *in = spool_begin(ims_store_spool(w->store));
	struct spool_kept kept = { .size = UINT64_MAX };
	struct buf octets = BUF_INIT;

	content(l->size, &octets);
	spool_add(in, buf_span(&octets));
	buf_clear(&octets);
	spool_end_take(in, w->loop, on_kept, &kept);
	for (int i = 0; i < 1000 && kept.size == UINT64_MAX; i++) {
		loop_drain(w->loop);
		usleep(1000);
	}
	assert_int_equal(kept.size, l->size);
	w->waiting++;
	ims_store_keep_take(w->store, l, &kept, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

/* Leased and kept, as a fetch does it. */
static void
fetch(struct world *w, const char *user, uint64_t number)
{
	struct ims_letter l = look(w, user, number, NULL), leased;

	assert_int_equal(lease(w, &l, &leased), REFUSAL_NONE);
	assert_int_equal(leased.state, MAILBOX_FETCHING);
	assert_int_equal(keep(w, &leased), REFUSAL_NONE);
}

static enum refusal
drop(struct world *w, const char *user, uint64_t number, bool declined)
{
	struct outcome o = { .world = w };

	w->waiting++;
	ims_store_drop(w->store, user, number, declined, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

static enum refusal
mark(struct world *w, const char *user, uint64_t number, unsigned set, unsigned cleared)
{
	struct outcome o = { .world = w };

	w->waiting++;
	ims_store_mark(w->store, user, number, set, cleared, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

static void
sweep(struct world *w, int64_t now_s)
{
	struct outcome o = { .world = w };

	w->waiting++;
	ims_store_sweep(w->store, now_s, KEEP, w->loop, on_done, &o);
	wait_all(w);
	assert_int_equal(o.why, REFUSAL_NONE);
}

/* "DONE b.test" and so on, of all that is owed. */
static const char *
owed(struct world *w)
{
	static char out[1024];
	struct ims_ack o, *after = NULL;
	struct err e;
	size_t n;

	out[0] = '\0';
	for (;;) {
		assert_true(ims_store_pending_acks(w->store, after, &o, 1, &n, &e));
		if (n == 0)
			return out;
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s %s", out[0] ? ", " : "",
		    o.declined ? "DECLINE" : "DONE", o.own_domain);
		assert_string_equal(o.from_domain, "a.test");
		after = &o;
	}
}

static void
pay(struct world *w, bool late)
{
	struct outcome out = { .world = w };
	struct ims_ack o;
	struct err e;
	size_t n;

	assert_true(ims_store_pending_acks(w->store, NULL, &o, 1, &n, &e));
	assert_int_equal(n, 1);
	if (late)
		o.round--;
	w->waiting++;
	ims_store_acked(w->store, &o, w->loop, on_done, &out);
	wait_all(w);
	assert_int_equal(out.why, REFUSAL_NONE);
}

static unsigned
count_rows(struct buf *page)
{
	unsigned n = 0;

	for (size_t i = 0; i < page->len; i++)
		n += page->data[i] == '\n';
	buf_clear(page);
	return n;
}

static uint64_t
octets_of(struct source *s)
{
	char b[65536];
	uint64_t at = 0;
	ssize_t n;

	while ((n = s->read(s, at, b, sizeof b)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(b[i], 'b');
		at += (uint64_t)n;
	}
	s->free(s);
	return at;
}

/* -- tests --------------------------------------------------------------------------------------- */

static void
a_notice_is_there_after_a_restart(void **state)
{
	struct world w;
	struct letter l;
	struct mailbox_notice n;
	struct ims_store_counts c;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 1000);
	assert_string_equal(announce(&w, &l, "bob carol"), "noticed noticed");
	reopen(&w);
	look(&w, "bob@b.test", 1, &n);
	assert_int_equal(n.state, MAILBOX_HELD);
	assert_string_equal(n.from, "alice@a.test");
	assert_string_equal(n.to, "bob@b.test");
	assert_string_equal(n.issuer, "CN=A CA");
	assert_int_equal(n.size, 1000);
	assert_int_equal(n.date_s, l.date_s);
	assert_int_equal(n.received_s, w.now_s);
	assert_int_equal(n.hold_until_s, l.hold_until_s);
	look(&w, "carol@b.test", 1, NULL);
	ims_store_counts(w.store, &c);
	assert_int_equal(c.mailboxes, 2);
	assert_int_equal(c.notices, 2);
	world_clear(&w);
}

static void
a_repeat_is_known_and_shown_once(void **state)
{
	struct world w;
	struct letter l, other;
	struct ims_store_counts c;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 1000);
	assert_string_equal(announce(&w, &l, "bob"), "noticed");
	assert_string_equal(announce(&w, &l, "bob"), "known");
	assert_string_equal(announce(&w, &l, "bob carol"), "known noticed");
	reopen(&w);
	assert_string_equal(announce(&w, &l, "carol bob"), "known known");
	ims_store_counts(w.store, &c);
	assert_int_equal(c.notices, 2);
	other = l;
	other.size = 1001;
	assert_string_equal(announce(&w, &other, "bob dave"), "id-conflict id-conflict");
	other = l;
	other.date_s++;
	assert_string_equal(announce(&w, &other, "bob"), "id-conflict");
	/* also when the notice is gone */
	assert_int_equal(drop(&w, "bob@b.test", 1, false), REFUSAL_NONE);
	assert_int_equal(drop(&w, "carol@b.test", 1, false), REFUSAL_NONE);
	assert_string_equal(announce(&w, &l, "bob"), "known");
	ims_store_counts(w.store, &c);
	assert_int_equal(c.notices, 0);
	world_clear(&w);
}

static void
a_promise_may_only_move_later(void **state)
{
	struct world w;
	struct letter l, later, sooner, far;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 1000);
	announce(&w, &l, "bob");
	later = sooner = far = l;
	later.hold_until_s += 10 * DAY;
	sooner.hold_until_s -= 10 * DAY;
	far.hold_until_s += 1000 * DAY;
	assert_string_equal(announce(&w, &later, "bob"), "known");
	assert_int_equal(look(&w, "bob@b.test", 1, NULL).hold_until_s, later.hold_until_s);
	assert_string_equal(announce(&w, &sooner, "bob"), "known");
	assert_int_equal(look(&w, "bob@b.test", 1, NULL).hold_until_s, later.hold_until_s);
	/* what was seen is remembered until the later end */
	sweep(&w, l.hold_until_s + 60);
	assert_string_equal(announce(&w, &later, "bob"), "known");
	assert_string_equal(announce(&w, &far, "bob"), "known");
	assert_int_equal(look(&w, "bob@b.test", 1, NULL).hold_until_s, w.now_s + LIMIT);
	world_clear(&w);
}

static void
what_was_seen_is_forgotten_in_time(void **state)
{
	struct world w;
	struct letter l, longer;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 1000);
	longer = letter_of(&w, 1000);
	longer.hold_until_s += DAY;
	announce(&w, &l, "bob");
	announce(&w, &longer, "bob");
	sweep(&w, l.hold_until_s - 60);
	assert_string_equal(announce(&w, &l, "bob"), "known");
	sweep(&w, l.hold_until_s + 60);
	assert_string_equal(announce(&w, &longer, "bob"), "known");
	look(&w, "bob@b.test", 1, NULL); /* the notice stays */
	world_clear(&w);
}

static void
numbers_are_never_given_twice(void **state)
{
	struct world w;
	struct letter l;
	struct mailbox_notice n;
	struct ims_letter il;
	struct err e;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 3; i++) {
		l = letter_of(&w, 10);
		announce(&w, &l, "bob");
	}
	assert_int_equal(drop(&w, "bob@b.test", 3, false), REFUSAL_NONE);
	assert_int_equal(drop(&w, "bob@b.test", 3, false), REFUSAL_no_such_number);
	reopen(&w);
	l = letter_of(&w, 10);
	announce(&w, &l, "bob");
	look(&w, "bob@b.test", 4, &n);
	assert_true(ulid_eq(&n.id, &l.id));
	assert_false(ims_store_notice(w.store, "bob@b.test", 3, &n, &il, &e));
	assert_int_equal(e.why, REFUSAL_no_such_number);
	assert_false(ims_store_notice(w.store, "bob@b.tes", 1, &n, &il, &e));
	assert_int_equal(mark(&w, "bob@b.test", 3, 1, 0), REFUSAL_no_such_number);
	world_clear(&w);
}

static void
marks_stay(void **state)
{
	struct world w;
	struct letter l;
	struct mailbox_notice n;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 10);
	announce(&w, &l, "bob carol");
	assert_int_equal(mark(&w, "bob@b.test", 1, MAILBOX_SEEN | MAILBOX_FLAGGED, 0),
	    REFUSAL_NONE);
	assert_int_equal(mark(&w, "bob@b.test", 1, MAILBOX_ANSWERED, MAILBOX_FLAGGED),
	    REFUSAL_NONE);
	reopen(&w);
	look(&w, "bob@b.test", 1, &n);
	assert_int_equal(n.flags, MAILBOX_SEEN | MAILBOX_ANSWERED);
	look(&w, "carol@b.test", 1, &n);
	assert_int_equal(n.flags, 0);
	world_clear(&w);
}

static void
one_fetch_at_a_time_by_a_fenced_lease(void **state)
{
	struct world w;
	struct letter l;
	struct ims_letter il, first, second;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob carol");
	il = look(&w, "bob@b.test", 1, NULL);
	assert_int_equal(lease(&w, &il, &first), REFUSAL_NONE);
	assert_int_equal(first.state, MAILBOX_FETCHING);
	assert_int_equal(look(&w, "carol@b.test", 1, NULL).state, MAILBOX_FETCHING);
	assert_int_equal(lease(&w, &il, &second), REFUSAL_fetch_running);
	/* a restart makes the lease void at once */
	reopen(&w);
	assert_int_equal(look(&w, "bob@b.test", 1, NULL).state, MAILBOX_HELD);
	assert_int_equal(lease(&w, &il, &second), REFUSAL_NONE);
	assert_true(second.fence > first.fence);
	assert_int_equal(keep(&w, &first), REFUSAL_fetch_running);
	assert_int_equal(release(&w, &first, MAILBOX_GONE, REFUSAL_gone), REFUSAL_fetch_running);
	assert_int_equal(keep(&w, &second), REFUSAL_NONE);
	assert_int_equal(look(&w, "bob@b.test", 1, NULL).state, MAILBOX_HERE);
	/* who asks then is told so */
	assert_int_equal(lease(&w, &il, &second), REFUSAL_NONE);
	assert_int_equal(second.state, MAILBOX_HERE);
	world_clear(&w);
}

static void
a_letter_given_back_says_why(void **state)
{
	struct world w;
	struct letter l;
	struct ims_letter il, leased;
	struct mailbox_notice n;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob");
	il = look(&w, "bob@b.test", 1, NULL);
	lease(&w, &il, &leased);
	assert_int_equal(release(&w, &leased, MAILBOX_HELD, REFUSAL_NONE), REFUSAL_NONE);
	lease(&w, &il, &leased);
	assert_int_equal(release(&w, &leased, MAILBOX_BAD_SEAL, REFUSAL_broken_promise),
	    REFUSAL_NONE);
	reopen(&w);
	look(&w, "bob@b.test", 1, &n);
	assert_int_equal(n.state, MAILBOX_BAD_SEAL);
	assert_string_equal(n.word, "broken-promise");
	world_clear(&w);
}

static void
a_body_lives_as_long_as_its_notices(void **state)
{
	static const uint64_t sizes[] = { 1000, 300000 };
	struct world w;
	struct letter l;
	struct ims_letter il;
	struct source *s;
	struct err e;

	(void)state;
	world_init(&w);
	for (unsigned i = 0; i < 2; i++) {
		l = letter_of(&w, sizes[i]);
		announce(&w, &l, "bob carol");
		fetch(&w, "bob@b.test", i + 1);
		reopen(&w);
		assert_int_equal(files(&w), i);
		il = look(&w, "carol@b.test", i + 1, NULL);
		assert_int_equal(il.state, MAILBOX_HERE);
		assert_true(ims_store_body(w.store, &il, &s, &e));
		assert_int_equal(octets_of(s), sizes[i]);
		assert_int_equal(drop(&w, "bob@b.test", i + 1, false), REFUSAL_NONE);
		assert_true(ims_store_body(w.store, &il, &s, &e));
		assert_int_equal(octets_of(s), sizes[i]);
		assert_int_equal(drop(&w, "carol@b.test", i + 1, false), REFUSAL_NONE);
		assert_false(ims_store_body(w.store, &il, &s, &e));
		wait_for_files(&w, 0);
	}
	world_clear(&w);
}

static void
a_letter_dropped_while_it_is_fetched_is_not_kept(void **state)
{
	struct world w;
	struct letter l;
	struct ims_letter il, leased;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 300000);
	announce(&w, &l, "bob");
	il = look(&w, "bob@b.test", 1, NULL);
	lease(&w, &il, &leased);
	assert_int_equal(drop(&w, "bob@b.test", 1, false), REFUSAL_NONE);
	assert_int_equal(keep(&w, &leased), REFUSAL_no_such_number);
	wait_for_files(&w, 0);
	assert_string_equal(owed(&w), "");
	world_clear(&w);
}

static void
done_is_owed_until_it_was_answered(void **state)
{
	struct world w;
	struct letter l, at_c;

	(void)state;
	world_init(&w);
	l = at_c = letter_of(&w, 100);
	at_c.own = "c.test";
	announce(&w, &l, "bob carol");
	announce(&w, &at_c, "dave");
	assert_string_equal(owed(&w), "");
	fetch(&w, "bob@b.test", 1);
	reopen(&w);
	assert_int_equal(strlen(owed(&w)), strlen("DONE b.test, DONE c.test"));
	pay(&w, false);
	pay(&w, false);
	assert_string_equal(owed(&w), "");
	/* whoever is told later has it too, and so has who is told again: the sender may not know */
	assert_string_equal(announce(&w, &l, "erin"), "noticed");
	assert_string_equal(owed(&w), "DONE b.test");
	assert_string_equal(announce(&w, &l, "erin"), "known");
	pay(&w, true); /* an answer to what was said before that */
	assert_string_equal(owed(&w), "DONE b.test");
	pay(&w, false);
	assert_string_equal(owed(&w), "");
	world_clear(&w);
}

/* However many of our domains were told of the letter: none is left out. */
static void
done_is_owed_to_each_of_our_domains(void **state)
{
	char own[100][16];
	struct world w;
	struct letter l;
	struct ims_ack o[150];
	struct err e;
	size_t n;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob");
	for (int i = 0; i < 100; i++) {
		snprintf(own[i], sizeof own[i], "d%d.test", i);
		l.own = own[i];
		announce(&w, &l, "bob");
	}
	fetch(&w, "bob@b.test", 1);
	assert_true(ims_store_pending_acks(w.store, NULL, o, 150, &n, &e));
	assert_int_equal(n, 101);
	world_clear(&w);
}

/* A copy that is here no more must be fetched again: the sender may not be told that we have it. */
static void
a_letter_that_is_announced_anew_owes_nothing(void **state)
{
	struct world w;
	struct letter l;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob");
	fetch(&w, "bob@b.test", 1);
	drop(&w, "bob@b.test", 1, false);
	assert_string_equal(owed(&w), "DONE b.test");
	assert_string_equal(announce(&w, &l, "carol"), "noticed");
	assert_int_equal(look(&w, "carol@b.test", 1, NULL).state, MAILBOX_HELD);
	assert_string_equal(owed(&w), "");
	world_clear(&w);
}

static void
decline_is_owed_when_nobody_wants_it(void **state)
{
	struct world w;
	struct letter l;
	struct mailbox_notice n;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob carol");
	assert_int_equal(drop(&w, "bob@b.test", 1, true), REFUSAL_NONE);
	look(&w, "bob@b.test", 1, &n);
	assert_int_equal(n.state, MAILBOX_DECLINED);
	look(&w, "carol@b.test", 1, &n);
	assert_int_equal(n.state, MAILBOX_HELD);
	assert_string_equal(owed(&w), "");
	assert_int_equal(drop(&w, "bob@b.test", 1, true), REFUSAL_NONE); /* not counted twice */
	assert_string_equal(owed(&w), "");
	assert_int_equal(drop(&w, "carol@b.test", 1, false), REFUSAL_NONE);
	assert_string_equal(owed(&w), "DECLINE b.test");
	/* somebody else there is told: then it is wanted again */
	announce(&w, &l, "dave");
	assert_string_equal(owed(&w), "");
	assert_int_equal(drop(&w, "dave@b.test", 1, true), REFUSAL_NONE);
	assert_string_equal(owed(&w), "DECLINE b.test");
	/* what is dropped without a word tells the sender nothing */
	pay(&w, false);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob");
	assert_int_equal(drop(&w, "bob@b.test", 2, false), REFUSAL_NONE);
	assert_string_equal(owed(&w), "");
	world_clear(&w);
}

static void
evidence_stands_beside_the_notice(void **state)
{
	struct world w;
	struct letter l, later;
	struct ims_kept k;
	struct err e;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 100);
	announce(&w, &l, "bob carol");
	later = l;
	later.hold_until_s += DAY;
	announce(&w, &later, "bob dave");
	for (int i = 0; i < 3; i++) {
		static const char *const users[] = { "bob@b.test", "carol@b.test", "dave@b.test" };

		assert_true(ims_store_evidence(w.store, users[i], 1, &k, &e));
		assert_true(span_eq(buf_span(&k.statement), SPAN_LIT("a statement")));
		assert_true(span_eq(buf_span(&k.seal), SPAN_LIT("a seal")));
		assert_true(span_eq(buf_span(&k.signature), SPAN_LIT("a signature")));
		assert_true(span_eq(buf_span(&k.chain), SPAN_LIT("a chain")));
		assert_true(span_eq(buf_span(&k.spf), SPAN_LIT("pass v=spf1 -all")));
		assert_string_equal(k.alg, "ecdsa-sha256");
		assert_string_equal(k.host, "192.0.2.1");
		assert_int_equal(k.received_s, w.now_s);
		ims_kept_clear(&k);
		assert_int_equal(drop(&w, users[i], 1, false), REFUSAL_NONE);
		assert_false(ims_store_evidence(w.store, users[i], 1, &k, &e));
		assert_int_equal(e.why, REFUSAL_no_such_number);
	}
	world_clear(&w);
}

static void
a_list_comes_in_pages(void **state)
{
	struct world w;
	struct letter l;
	struct buf page = BUF_INIT;
	struct err e;
	unsigned n, all = 0;
	bool more = true;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 130; i++) {
		l = letter_of(&w, 10);
		announce(&w, &l, i % 2 == 0 ? "bob" : "bob bobby");
	}
	while (more) {
		assert_true(ims_store_list(w.store, "bob@b.test", all, &page, &more, &e));
		n = count_rows(&page);
		assert_in_range(n, 1, ROW_PAGE_ROWS);
		all += n;
	}
	assert_int_equal(all, 130);
	assert_true(ims_store_list(w.store, "bob@b.test", 130, &page, &more, &e));
	assert_int_equal(page.len, 0);
	assert_true(ims_store_list(w.store, "nobody@b.test", 0, &page, &more, &e));
	assert_int_equal(page.len, 0);
	world_clear(&w);
}

static void
answers_may_come_after_the_end(void **state)
{
	struct world w;
	struct letter l;
	struct outcome o[4] = { { .world = &w }, { .world = &w }, { .world = &w },
		{ .world = &w } };
	struct ims_letter il;

	(void)state;
	world_init(&w);
	l = letter_of(&w, 300000);
	announce(&w, &l, "bob");
	fetch(&w, "bob@b.test", 1);
	il = look(&w, "bob@b.test", 1, NULL);
	w.waiting = 5;
	ims_store_lease(w.store, &il, w.loop, on_leased, &o[0]);
	ims_store_mark(w.store, "bob@b.test", 1, 1, 0, w.loop, on_done, &o[1]);
	ims_store_drop(w.store, "bob@b.test", 1, false, w.loop, on_done, &o[2]);
	ims_store_sweep(w.store, w.now_s + 500 * DAY, KEEP, w.loop, on_done, &o[3]);
	ims_store_close(&w.store);
	loop_drain(w.loop);
	assert_int_equal(w.waiting, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(o[i].why, REFUSAL_NONE);
	wait_for_files(&w, 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_notice_is_there_after_a_restart),
		cmocka_unit_test(a_repeat_is_known_and_shown_once),
		cmocka_unit_test(a_promise_may_only_move_later),
		cmocka_unit_test(what_was_seen_is_forgotten_in_time),
		cmocka_unit_test(numbers_are_never_given_twice),
		cmocka_unit_test(marks_stay),
		cmocka_unit_test(one_fetch_at_a_time_by_a_fenced_lease),
		cmocka_unit_test(a_letter_given_back_says_why),
		cmocka_unit_test(a_body_lives_as_long_as_its_notices),
		cmocka_unit_test(a_letter_dropped_while_it_is_fetched_is_not_kept),
		cmocka_unit_test(done_is_owed_until_it_was_answered),
		cmocka_unit_test(done_is_owed_to_each_of_our_domains),
		cmocka_unit_test(a_letter_that_is_announced_anew_owes_nothing),
		cmocka_unit_test(decline_is_owed_when_nobody_wants_it),
		cmocka_unit_test(evidence_stands_beside_the_notice),
		cmocka_unit_test(a_list_comes_in_pages),
		cmocka_unit_test(answers_may_come_after_the_end),
	};

	return cmocka_run_group_tests_name("ims_store", tests, NULL, NULL);
}
