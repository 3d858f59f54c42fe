/* ims_keeping — what the IMS's store keeps, and for how long: repeats, promises that move, evidence,
 * changes, leases; past damage, and past the store's own end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/svc/loop.h"
#include "common/svc/offload.h"
#include "ims/store_record.h"
#include "tests/certs.h"

#define SIZE	((uint64_t)64 << 20)
#define DAY	((int64_t)86400)
#define LIMIT	(90 * DAY)
#define BODY_BYTES	(SPOOL_INLINE_BYTES + 1000)

struct world {
	char			 folder[64];
	struct loop		*loop;
	struct offload		*offload;
	struct ims_store	*store;
	int64_t			 now_s;
	unsigned		 waiting;
	enum refusal		 why;
	struct ims_letter	 leased;
	struct spool_kept	 kept;
};

/* -- worlds ------------------------------------------------------------------------------------- */

static void
reopen(struct world *w)
{
	struct err	 e;

	ims_store_close(&w->store);
	if (!ims_store_open(w->folder, SIZE, w->offload, &w->store, &e))
		fail_msg("%s", e.text);
}

static void
world_of(struct world *w)
{
	struct err	 e;

	*w = (struct world){ .now_s = clock_wall_ms() / 1000 };
	certs_folder(w->folder);
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 1, &e));
	assert_true(offload_start(w->offload, &e));
	reopen(w);
}

static void
world_clear(struct world *w)
{
	ims_store_close(&w->store);
	offload_free(&w->offload);
	loop_drain(w->loop);
	loop_free(&w->loop);
	certs_remove(w->folder);
}

static uint64_t
entries(struct world *w, unsigned table)
{
	struct db_txn	*t;
	struct err	 e;
	uint64_t	 n;

	assert_true(db_read(w->store->db, &t, &e));
	n = db_entries(t, table);
	db_read_end(&t);
	return n;
}

static unsigned
files(const struct world *w)
{
	char		 path[128];
	struct dirent	*d;
	unsigned	 n = 0;
	DIR		*dir;

	snprintf(path, sizeof path, "%s/bodies", w->folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* -- notifications -------------------------------------------------------------------------------- */

struct notification {
	unsigned	 number;	/* makes its id */
	const char	*to;
	int64_t		 hold_s;	/* from now */
	int64_t		 at_s;		/* when it comes, from now */
	int64_t		 limit_s;	/* 0: LIMIT */
	const char	*chain;		/* NULL: "chain" */
	uint64_t	 size;
};

static struct ulid
id_of(const struct world *w, unsigned number)
{
	unsigned char	 random[10] = { (unsigned char)number };
	struct ulid	 id;

	ulid_make(&id, w->now_s * 1000, random);
	return id;
}

static void
write_statement(const struct world *w, const struct notification *n, struct buf *out)
{
	struct statement	 st = {
		.from.whole = SPAN_LIT("alice@a.test"), .from_domain = SPAN_LIT("a.test"),
		.recipient_domain = SPAN_LIT("b.test"), .date_s = w->now_s,
		.hold_until_s = w->now_s + n->hold_s, .size = n->size ? n->size : 1000,
		.id = id_of(w, n->number),
	};
	unsigned char		 hash[1][32], salt[16] = { 0 };
	struct err		 e;

	statement_hash(digest_sha256, salt, span_str(n->to), hash[0]);
	assert_true(statement_write(out, &st, hash, 1, &e));
}

static struct notify_batch *
batch_of(const struct world *w, const struct notification *n)
{
	struct notify_batch	*b = notify_batch_new(1);
	struct notify_bounds	 bounds = {
		SPAN_LIT("a.test"), SPAN_LIT("b.test"), w->now_s + n->at_s, digest_sha256,
	};
	unsigned char		 salt[16] = { 0 }, digest[1][32];
	struct buf		 text = BUF_INIT, seal = BUF_INIT;
	struct err		 e;

	write_statement(w, n, &text);
	notify_batch_add_rcpt(b, span_str(n->to), salt, NULL);
	notify_batch_add_statement(b, NULL);
	buf_add(&b->octets, text.data, text.len);
	notify_batch_end_statement(b);
	digest_sha256(buf_span(&text), digest[0]);
	assert_true(seal_write(&seal, bounds.peer, bounds.served, bounds.now_s, digest, 1, &e));
	if (!notify_batch_seal(b, buf_span(&seal), SEAL_ECDSA_SHA256, SPAN_LIT("signature"), &bounds,
	    &e))
		fail_msg("%s", e.text);
	notify_batch_judge(b, &bounds);
	assert_int_equal(b->n_open, 1);
	buf_clear(&text);
	buf_clear(&seal);
	return b;
}

static void
stop(void *arg)
{
	struct world	*w = arg;

	if (--w->waiting == 0)
		loop_stop(w->loop);
}

static void
wait_for(struct world *w)
{
	if (w->waiting > 0)
		loop_run(w->loop);
}

/* The mailbox has the address's own name. */
static enum refusal
accept_one(struct world *w, const struct notification *n, enum notify_done *done)
{
	struct notify_batch	*b = batch_of(w, n);
	char			(*users)[256] = memory_array(1, sizeof *users);
	struct ims_evidence	 ev = {
		.chain = span_str(n->chain ? n->chain : "chain"), .issuer = "CN=CA",
		.host = "192.0.2.1", .spf = "pass", .received_s = w->now_s + n->at_s,
		.hold_limit_s = n->limit_s ? n->limit_s : LIMIT,
	};
	enum refusal		 why;

	snprintf(users[0], sizeof users[0], "%s", n->to);
	w->waiting++;
	ims_store_accept(w->store, b, (const char (*)[256])users, &ev, w->loop, stop, w);
	wait_for(w);
	why = b->entries[0].why;
	*done = b->entries[0].done;
	notify_batch_free(&b);
	free(users);
	return why;
}

static enum notify_done
accepts(struct world *w, struct notification n)
{
	enum notify_done	 done;

	assert_int_equal(accept_one(w, &n, &done), REFUSAL_NONE);
	return done;
}

/* -- the other calls -------------------------------------------------------------------------------- */

static void
on_done(void *arg, const struct err *e)
{
	struct world	*w = arg;

	w->why = e == NULL ? REFUSAL_NONE : e->why;
	stop(w);
}

static void
on_leased(void *arg, const struct ims_letter *l, const struct err *e)
{
	struct world	*w = arg;

	if (l != NULL)
		w->leased = *l;
	on_done(w, e);
}

static void
on_kept(void *arg, struct spool_kept *kept, const struct err *e)
{
	struct world	*w = arg;

	if (e == NULL)
		w->kept = *kept;
	on_done(w, e);
}

static void
sweep(struct world *w, int64_t at_s)
{
	w->waiting++;
	ims_store_sweep(w->store, w->now_s + at_s, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

static enum refusal
drop(struct world *w, const char *user, uint64_t number)
{
	w->waiting++;
	ims_store_drop(w->store, user, number, false, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

static struct ims_letter
letter(struct world *w, const char *user, uint64_t number)
{
	struct mailbox_notice	 n;
	struct ims_letter	 l;
	struct err		 e;

	if (!ims_store_notice(w->store, user, number, &n, &l, &e))
		fail_msg("%s", e.text);
	assert_int_equal(n.number, number);
	return l;
}

static enum refusal
lease(struct world *w, const char *user, uint64_t number)
{
	struct ims_letter	 l = letter(w, user, number);

	w->waiting++;
	ims_store_lease(w->store, &l, w->loop, on_leased, w);
	wait_for(w);
	return w->why;
}

static enum refusal
keep(struct world *w, const struct ims_letter *l)
{
	struct spool_in	*in = spool_begin(ims_store_spool(w->store));
	char		*octets = memory_new(BODY_BYTES);

	spool_add(in, span_of(octets, BODY_BYTES));
	free(octets);
	w->waiting++;
	spool_end_take(in, w->loop, on_kept, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	w->waiting++;
	ims_store_keep_take(w->store, l, &w->kept, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

static enum refusal
release(struct world *w, enum mailbox_state state, enum refusal why)
{
	w->waiting++;
	ims_store_release(w->store, &w->leased, state, why, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

/* -- repeats ------------------------------------------------------------------------------------------ */

#define BOB	"bob@b.test"
#define EVE	"eve@b.test"

static void
a_promise_that_moved_is_remembered(void **state)
{
	struct notification	 n = { .number = 1, .to = BOB, .hold_s = 10 * DAY };
	struct world		 w;

	(void)state;
	world_of(&w);
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	n.hold_s = 20 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 20 * DAY);
	assert_int_equal(entries(&w, UNTIL), 1);
	sweep(&w, 11 * DAY);
	n.at_s = 11 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	n.hold_s = 15 * DAY;		/* never to earlier */
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 20 * DAY);
	sweep(&w, 21 * DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	assert_int_equal(entries(&w, UNTIL), 0);
	assert_int_equal(entries(&w, NOTICE), 1);
	world_clear(&w);
}

/* Each recipient's memory moves with the promise, not only the first one's. */
static void
each_recipient_remembers(void **state)
{
	struct notification	 bob = { .number = 1, .to = BOB, .hold_s = 10 * DAY },
				 eve = { .number = 1, .to = EVE, .hold_s = 10 * DAY };
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, bob);
	accepts(&w, eve);
	bob.hold_s = eve.hold_s = 20 * DAY;
	assert_int_equal(accepts(&w, bob), NOTIFY_KNOWN);
	assert_int_equal(accepts(&w, eve), NOTIFY_KNOWN);
	sweep(&w, 11 * DAY);
	bob.at_s = eve.at_s = 11 * DAY;
	assert_int_equal(accepts(&w, eve), NOTIFY_KNOWN);
	assert_int_equal(accepts(&w, bob), NOTIFY_KNOWN);
	world_clear(&w);
}

/* We cut the promise to our limit; its repeats come as long as the sender's own lasts. */
static void
a_cut_promise_is_known_as_long_as_it_is_repeated(void **state)
{
	struct notification	 n = { .number = 1, .to = BOB, .hold_s = 30 * DAY,
				    .limit_s = 5 * DAY };
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 5 * DAY);
	sweep(&w, 6 * DAY);
	n.at_s = 6 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	sweep(&w, 31 * DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	world_clear(&w);
}

static void
nobody_is_remembered_for_ever(void **state)
{
	struct notification	 n = { .number = 1, .to = BOB, .hold_s = 10000 * DAY };
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	sweep(&w, IMS_STORE_SEEN_S - DAY);
	assert_int_equal(entries(&w, SEEN), 1);
	sweep(&w, IMS_STORE_SEEN_S + DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	assert_int_equal(entries(&w, UNTIL), 0);
	world_clear(&w);
}

/* Told to one more, and for longer, after it was gone for the first. */
static void
what_is_promised_again_is_held_again(void **state)
{
	struct notification	 bob = { .number = 1, .to = BOB, .hold_s = 10 * DAY },
				 eve = { .number = 1, .to = EVE, .hold_s = 20 * DAY };
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, bob);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(release(&w, MAILBOX_GONE, REFUSAL_gone), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_GONE);
	assert_int_equal(accepts(&w, eve), NOTIFY_NOTICED);
	assert_int_equal(letter(&w, EVE, 1).state, MAILBOX_HELD);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 20 * DAY);
	world_clear(&w);
}

/* -- what goes with the last notice ---------------------------------------------------------------------- */

static void
evidence_goes_with_its_letter(void **state)
{
	struct notification	 one = { .number = 1, .to = BOB, .hold_s = DAY },
				 two = { .number = 2, .to = BOB, .hold_s = DAY };
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, one);
	accepts(&w, two);
	assert_int_equal(entries(&w, EVIDENCE), 2);
	assert_int_equal(entries(&w, CHAIN), 1);
	one.hold_s = 2 * DAY;
	one.chain = "another";
	assert_int_equal(accepts(&w, one), NOTIFY_KNOWN);
	assert_int_equal(entries(&w, EVIDENCE), 2);
	assert_int_equal(entries(&w, CHAIN), 2);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(entries(&w, EVIDENCE), 1);
	assert_int_equal(entries(&w, CHAIN), 1);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_no_such_number);
	for (unsigned t = NOTICE; t < IMS_TABLES; t++)
		if (t != SEEN && t != UNTIL)
			assert_int_equal(entries(&w, t), 0);
	assert_int_equal(accepts(&w, two), NOTIFY_KNOWN);	/* dropped is dropped */
	assert_int_equal(entries(&w, NOTICE), 0);
	world_clear(&w);
}

static void
changes_are_as_many_as_notices(void **state)
{
	struct world	 w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification){ .number = 1, .to = BOB, .hold_s = DAY });
	accepts(&w, (struct notification){ .number = 2, .to = BOB, .hold_s = DAY });
	for (int i = 0; i < 20; i++) {
		w.waiting++;
		ims_store_mark(w.store, BOB, 1, MAILBOX_SEEN, 0, w.loop, on_done, &w);
		wait_for(&w);
		assert_int_equal(w.why, REFUSAL_NONE);
	}
	assert_int_equal(entries(&w, CHANGE), 2);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(entries(&w, CHANGE), 1);
	world_clear(&w);
}

/* -- leases ------------------------------------------------------------------------------------------------- */

/* Also where we were up again within the second in which it was taken. */
static void
a_lease_ends_with_the_process(void **state)
{
	struct ims_letter	 before;
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification){ .number = 1, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_fetch_running);
	before = w.leased;
	reopen(&w);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_true(w.leased.fence > before.fence);
	assert_int_equal(keep(&w, &before), REFUSAL_fetch_running);
	assert_int_equal(keep(&w, &w.leased), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE);
	assert_int_equal(keep(&w, &w.leased), REFUSAL_fetch_running);
	offload_stop(w.offload);
	assert_int_equal(files(&w), 1);
	world_clear(&w);
}

static void
without_a_lease_nothing_is_kept(void **state)
{
	struct ims_letter	 l;
	struct world		 w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification){ .number = 1, .to = BOB, .hold_s = DAY });
	l = letter(&w, BOB, 1);
	assert_int_equal(keep(&w, &l), REFUSAL_fetch_running);
	offload_stop(w.offload);
	assert_int_equal(files(&w), 0);
	world_clear(&w);
}

/* -- the store's end, and damage ------------------------------------------------------------------------------ */

static void
fetched(struct world *w, unsigned number)
{
	accepts(w, (struct notification){ .number = number, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(w, BOB, number), REFUSAL_NONE);
	assert_int_equal(keep(w, &w->leased), REFUSAL_NONE);
}

/* What was asked for before the end is done, and says so, after it. */
static void
answers_may_come_after_the_end(void **state)
{
	struct world	 w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	assert_int_equal(files(&w), 1);
	w.waiting = 3;
	ims_store_drop(w.store, BOB, 1, false, w.loop, on_done, &w);
	ims_store_sweep(w.store, w.now_s, w.loop, on_done, &w);
	ims_store_drop(w.store, BOB, 7, false, w.loop, on_done, &w);
	ims_store_close(&w.store);
	loop_drain(w.loop);
	assert_int_equal(w.waiting, 0);
	assert_int_equal(w.why, REFUSAL_no_such_number);
	offload_stop(w.offload);
	assert_int_equal(files(&w), 0);
	world_clear(&w);
}

/* Turns an octet of the first record of a table, behind the store's back. */
static void
damage(const struct world *w, const char *table)
{
	MDB_env		*env;
	MDB_txn		*txn;
	MDB_dbi		 dbi;
	MDB_cursor	*c;
	MDB_val		 k, v, changed;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_mapsize(env, SIZE), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 20), 0);
	assert_int_equal(mdb_env_open(env, w->folder, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &c), 0);
	assert_int_equal(mdb_cursor_get(c, &k, &v, MDB_FIRST), 0);
	changed = (MDB_val){ v.mv_size, memory_new(v.mv_size) };
	memcpy(changed.mv_data, v.mv_data, v.mv_size);
	((char *)changed.mv_data)[v.mv_size / 2] ^= 1;
	assert_int_equal(mdb_cursor_put(c, &k, &changed, MDB_CURRENT), 0);
	mdb_cursor_close(c);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	free(changed.mv_data);
}

/* A letter that cannot be read: the others are shown, it is never taken for one that is not there,
 * and its body is not swept away. */
static void
a_damaged_letter_spoils_no_other(void **state)
{
	struct notification	 n = { .number = 1, .to = EVE, .hold_s = DAY };
	enum notify_done	 done;
	struct buf		 page = BUF_INIT;
	struct world		 w;
	struct err		 e;
	bool			 more;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= 3; i++)
		fetched(&w, i);
	ims_store_close(&w.store);
	damage(&w, "letter");
	reopen(&w);
	assert_int_equal(files(&w), 3);
	assert_true(ims_store_list(w.store, BOB, 0, &page, &more, &e));
	buf_add(&page, "", 1);
	assert_non_null(strstr(page.data, "notice n=2 state=here"));
	assert_non_null(strstr(page.data, "notice n=3 state=here"));
	assert_null(strstr(page.data, "notice n=1 "));
	assert_false(more);
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_storage);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_storage);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	buf_clear(&page);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(a_promise_that_moved_is_remembered),
		cmocka_unit_test(each_recipient_remembers),
		cmocka_unit_test(a_cut_promise_is_known_as_long_as_it_is_repeated),
		cmocka_unit_test(nobody_is_remembered_for_ever),
		cmocka_unit_test(what_is_promised_again_is_held_again),
		cmocka_unit_test(evidence_goes_with_its_letter),
		cmocka_unit_test(changes_are_as_many_as_notices),
		cmocka_unit_test(a_lease_ends_with_the_process),
		cmocka_unit_test(without_a_lease_nothing_is_kept),
		cmocka_unit_test(answers_may_come_after_the_end),
		cmocka_unit_test(a_damaged_letter_spoils_no_other),
	};

	return cmocka_run_group_tests_name("ims_keeping", tests, NULL, NULL);
}
