/* ims_store_scene — a store in a folder of its own, notifications for it, its calls one at a time;
 * after <cmocka.h>.
 */
#ifndef TESTS_UNIT_IMS_STORE_SCENE_H
#define TESTS_UNIT_IMS_STORE_SCENE_H

#include <dirent.h>
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/pki/crl_set.h"
#include "common/store/db.h"
#include "ims/store/store.h"
#include "ims/store/store_record.h"
#include "tests/certs.h"

#define SIZE       ((uint64_t)64 << 20)
#define DAY        ((int64_t)86400)
#define LIMIT      (90 * DAY)
#define KEEP       (30 * DAY)
#define BODY_BYTES (BODY_INLINE_BYTES + 1000)
#define WORLD_ROWS 100
#define WORLD_ACKS 150
#define BOB        "bob@b.test"
#define EVE        "eve@b.test"

struct world {
	char folder[64];
	uint64_t size; /* of the store; 0: SIZE */
	struct loop *loop;
	struct offload *offload;
	struct ims_store *store;
	int64_t now_s;
	unsigned waiting;
	enum refusal why;
	struct ims_letter leased;
	struct body_kept kept;
	/* answers */
	struct ims_row row, rows[WORLD_ROWS];
	size_t n_rows;
	bool more;
	struct source *body;
	struct ims_share sum;
	struct ims_ack acks[WORLD_ACKS];
	size_t n_acks;
	uint64_t notices;
	bool known;
	void (*evidence)(struct world *w, const struct ims_kept *k);
};

/* -- worlds ------------------------------------------------------------------------------------- */

static inline void
reopen(struct world *w)
{
	struct err e;

	ims_store_close(&w->store);
	if (!ims_store_open(w->folder, w->size ? w->size : SIZE, w->offload, &w->store, &e))
		fail_msg("%s", e.text);
}

/* All but the store. */
static inline void
world_bare(struct world *w)
{
	struct err e;

	*w = (struct world) { .now_s = clock_wall_ms() / 1000 };
	certs_folder(w->folder);
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 1, &e));
	assert_true(offload_start(w->offload, &e));
}

static inline void
world_of(struct world *w)
{
	world_bare(w);
	reopen(w);
}

static inline void
world_clear(struct world *w)
{
	ims_store_close(&w->store);
	offload_stop(w->offload);
	loop_drain(w->loop);
	offload_free(&w->offload);
	loop_free(&w->loop);
	certs_remove(w->folder);
}

static inline uint64_t
entries(struct world *w, unsigned table)
{
	struct db_txn *t;
	struct err e;
	uint64_t n;

	assert_true(db_read(ims_store_db(w->store), &t, &e));
	n = db_entries(t, table);
	db_read_end(&t);
	return n;
}

static inline unsigned
files(const struct world *w)
{
	char path[128];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%s/bodies", w->folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* -- notifications -------------------------------------------------------------------------------- */

struct notification {
	unsigned number; /* makes its id */
	const char *to;
	int64_t hold_s;    /* from now */
	int64_t at_s;      /* when it comes, from now */
	int64_t limit_s;   /* 0: LIMIT */
	const char *chain; /* NULL: "chain" */
	const char *crl;   /* NULL: none */
	uint64_t size;
	int64_t date_s;                       /* from now */
	const char *domain;                   /* of the sender; NULL: "a.test" */
	unsigned statements;                  /* in the batch: numbers from `number` on; 0: 1 */
	uint64_t sender_limit, mailbox_limit; /* 0: none */
	struct crl_octets facts;              /* of the CRL: its scope and so on */
};

static inline const char *
sender_of(const struct notification *n)
{
	return n->domain != NULL ? n->domain : "a.test";
}

static inline struct ulid
id_of(const struct world *w, unsigned number)
{
	unsigned char random[10] = { (unsigned char)number, (unsigned char)(number >> 8) };
	struct ulid id;

	ulid_make(&id, w->now_s * 1000, random);
	return id;
}

static inline void
write_statement(const struct world *w, const struct notification *n, unsigned number,
    struct buf *out)
{
	char from[300];
	struct statement st = {
		.from_domain = span_str(sender_of(n)),
		.recipient_domain = address_domain(span_str(n->to)),
		.date_s = w->now_s + n->date_s,
		.hold_until_s = w->now_s + n->hold_s,
		.size = n->size ? n->size : 1000,
		.id = id_of(w, number),
	};
	unsigned char hash[1][32], salt[16] = { 0 };
	struct err e;

	snprintf(from, sizeof from, "alice@%s", sender_of(n));
	st.from.whole = span_str(from);
	statement_hash(digest_sha256, salt, span_str(n->to), hash[0]);
	assert_true(statement_write(out, &st, hash, 1, &e));
}

static inline struct notify_batch *
batch_of(const struct world *w, const struct notification *n)
{
	struct notify_batch *b = notify_batch_new(1);
	struct notify_bounds bounds = {
		span_str(sender_of(n)),
		address_domain(span_str(n->to)),
		w->now_s + n->at_s,
		digest_sha256,
	};
	unsigned char salt[16] = { 0 }, digest[64][32];
	struct buf text = BUF_INIT, seal = BUF_INIT;
	unsigned all = n->statements > 0 ? n->statements : 1;
	struct err e;

	for (unsigned i = 0; i < all; i++) {
		buf_reset(&text);
		write_statement(w, n, n->number + i, &text);
		notify_batch_add_rcpt(b, span_str(n->to), salt, NULL);
		notify_batch_add_statement(b, NULL);
		buf_add(&b->octets, text.data, text.len);
		notify_batch_end_statement(b);
		digest_sha256(buf_span(&text), digest[i]);
	}
	assert_true(seal_write(&seal, bounds.peer, bounds.served, bounds.now_s, digest, all, &e));
	if (!notify_batch_seal(b, buf_span(&seal), SEAL_ECDSA_SHA256, SPAN_LIT("signature"),
		&bounds, &e))
		fail_msg("%s", e.text);
	notify_batch_judge(b, &bounds);
	assert_int_equal(b->n_open, all);
	buf_clear(&text);
	buf_clear(&seal);
	return b;
}

static inline void
stop(void *arg)
{
	struct world *w = arg;

	if (--w->waiting == 0)
		loop_stop(w->loop);
}

static inline void
wait_for(struct world *w)
{
	if (w->waiting > 0)
		loop_run(w->loop);
}

/* The mailbox has the address's own name.  The answer is that of the batch's last statement. */
static inline enum refusal
accept_one(struct world *w, const struct notification *n, enum notify_done *done)
{
	struct notify_batch *b = batch_of(w, n);
	char(*users)[IMS_STORE_USER_BYTES] = memory_array(b->n_entries, sizeof *users);
	static const char spf[64][IMS_STORE_SPF_BYTES] = { "pass" };
	struct crl_octets crl = n->facts;
	struct ims_evidence ev = {
		.chain = span_str(n->chain ? n->chain : "chain"),
		.crls = &crl,
		.n_crls = n->crl != NULL,
		.issuer = "CN=CA",
		.host = "192.0.2.1",
		.spf = spf,
		.received_s = w->now_s + n->at_s,
		.hold_limit_s = n->limit_s ? n->limit_s : LIMIT,
		.sender_limit = n->sender_limit,
		.mailbox_limit = n->mailbox_limit,
	};
	enum refusal why;

	crl.der = span_str(n->crl ? n->crl : "");
	digest_sha256(crl.der, crl.digest);
	for (size_t i = 0; i < b->n_entries; i++)
		snprintf(users[i], sizeof users[i], "%s", n->to);
	w->waiting++;
	ims_store_accept(w->store, b, (const char(*)[IMS_STORE_USER_BYTES])users, &ev, w->loop,
	    stop, w);
	wait_for(w);
	why = b->entries[b->n_entries - 1].why;
	*done = b->entries[b->n_entries - 1].done;
	notify_batch_free(&b);
	free(users);
	return why;
}

static inline enum notify_done
accepts(struct world *w, struct notification n)
{
	enum notify_done done;

	assert_int_equal(accept_one(w, &n, &done), REFUSAL_NONE);
	return done;
}

/* -- the other calls -------------------------------------------------------------------------------- */

static inline void
on_done(void *arg, const struct err *e)
{
	struct world *w = arg;

	w->why = e == NULL ? REFUSAL_NONE : e->why;
	stop(w);
}

static inline void
on_leased(void *arg, const struct ims_letter *l, const struct err *e)
{
	struct world *w = arg;

	if (l != NULL)
		w->leased = *l;
	on_done(w, e);
}

static inline void
on_kept(void *arg, struct body_kept *kept, const struct err *e)
{
	struct world *w = arg;

	if (e == NULL)
		w->kept = *kept;
	on_done(w, e);
}

static inline void
sweep(struct world *w, int64_t at_s)
{
	w->waiting++;
	ims_store_sweep(w->store, w->now_s + at_s, KEEP, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

static inline enum refusal
drop(struct world *w, const char *user, uint64_t number)
{
	w->waiting++;
	ims_store_drop(w->store, user, number, false, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

/* -- questions -------------------------------------------------------------------------------------- */

static inline void
on_found(void *arg, const struct ims_row *row, const struct err *e)
{
	struct world *w = arg;

	if (e == NULL)
		w->row = *row;
	on_done(w, e);
}

/* w->row is the notice. */
static inline enum refusal
find(struct world *w, const char *user, uint64_t number)
{
	w->waiting++;
	ims_store_notice(w->store, user, number, w->loop, on_found, w);
	wait_for(w);
	return w->why;
}

static inline struct ims_letter
letter(struct world *w, const char *user, uint64_t number)
{
	assert_int_equal(find(w, user, number), REFUSAL_NONE);
	assert_int_equal(w->row.number, number);
	return w->row.letter;
}

static inline void
on_listed(void *arg, const struct ims_row *rows, size_t n, bool more, const struct err *e)
{
	struct world *w = arg;

	w->n_rows = n;
	w->more = more;
	for (size_t i = 0; i < n && i < WORLD_ROWS; i++)
		w->rows[i] = rows[i];
	on_done(w, e);
}

/* w->rows has the page. */
static inline size_t
list(struct world *w, const char *user, uint64_t after)
{
	w->waiting++;
	ims_store_list(w->store, user, after, WORLD_ROWS, w->loop, on_listed, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return w->n_rows;
}

static inline void
on_body(void *arg, struct source *body, const struct err *e)
{
	struct world *w = arg;

	w->body = body;
	on_done(w, e);
}

/* w->body is the caller's. */
static inline enum refusal
body(struct world *w, const struct ims_letter *l)
{
	w->waiting++;
	ims_store_body(w->store, l, w->loop, on_body, w);
	wait_for(w);
	return w->why;
}

static inline void
on_evidence(void *arg, const struct ims_kept *k, const struct err *e)
{
	struct world *w = arg;

	if (e == NULL)
		w->evidence(w, k);
	on_done(w, e);
}

/* Gives it to w->evidence. */
static inline enum refusal
evidence(struct world *w, const char *user, uint64_t number,
    void (*look)(struct world *w, const struct ims_kept *k))
{
	w->evidence = look;
	w->waiting++;
	ims_store_evidence(w->store, user, number, w->loop, on_evidence, w);
	wait_for(w);
	return w->why;
}

static inline void
on_acks(void *arg, const struct ims_ack *rows, size_t n, bool more, const struct err *e)
{
	struct world *w = arg;

	w->n_acks = n;
	w->more = more;
	for (size_t i = 0; i < n; i++)
		w->acks[i] = rows[i];
	on_done(w, e);
}

/* w->acks has the first of those that follow. */
static inline size_t
list_acks(struct world *w, const struct ims_ack *after, size_t max)
{
	w->waiting++;
	ims_store_pending_acks(w->store, after, max, w->loop, on_acks, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return w->n_acks;
}

static inline void
on_known(void *arg, bool known)
{
	struct world *w = arg;

	w->known = known;
	stop(w);
}

static inline bool
knows(struct world *w, const char *user, const char *domain)
{
	w->waiting++;
	ims_store_knows(w->store, user, span_str(domain), w->loop, on_known, w);
	wait_for(w);
	return w->known;
}

static inline void
on_mailbox(void *arg, uint64_t notices, const struct err *e)
{
	struct world *w = arg;

	w->notices = notices;
	on_done(w, e);
}

static inline uint64_t
mailbox_notices(struct world *w, const char *user)
{
	w->waiting++;
	ims_store_has_mailbox(w->store, user, w->loop, on_mailbox, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return w->notices;
}

static inline void
on_share(void *arg, const struct ims_share *sum, const struct err *e)
{
	struct world *w = arg;

	w->sum = *sum;
	on_done(w, e);
}

static inline struct ims_share
share(struct world *w, const char *domain, const char *user)
{
	w->waiting++;
	ims_store_share(w->store, domain, user, w->loop, on_share, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return w->sum;
}

static inline enum refusal
lease(struct world *w, const char *user, uint64_t number)
{
	struct ims_letter l = letter(w, user, number);

	w->waiting++;
	ims_store_lease(w->store, &l, w->loop, on_leased, w);
	wait_for(w);
	return w->why;
}

static inline enum refusal
mark(struct world *w, const char *user, uint64_t number, unsigned set, unsigned cleared)
{
	w->waiting++;
	ims_store_mark(w->store, user, number, set, cleared, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

static inline enum refusal
decline(struct world *w, const char *user, uint64_t number)
{
	w->waiting++;
	ims_store_drop(w->store, user, number, true, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

static inline enum refusal
keep_of(struct world *w, const struct ims_letter *l, size_t size)
{
	struct body_in *in = ims_store_body_in(w->store, l, w->loop);
	char *octets = memory_new(size);

	body_add(in, span_of(octets, size));
	free(octets);
	w->waiting++;
	body_end_take(in, on_kept, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	w->waiting++;
	ims_store_keep_take(w->store, l, &w->kept, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

static inline enum refusal
keep(struct world *w, const struct ims_letter *l)
{
	return keep_of(w, l, BODY_BYTES);
}

static inline enum refusal
release(struct world *w, enum mailbox_state state, enum refusal why)
{
	w->waiting++;
	ims_store_release(w->store, &w->leased, state, why, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

/* Flips a bit in record number `nth` of a table of the closed store. */
static inline void
damage_at(const struct world *w, const char *table, unsigned nth)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *c;
	MDB_val k, v, changed;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_mapsize(env, SIZE), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 20), 0);
	assert_int_equal(mdb_env_open(env, w->folder, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &c), 0);
	assert_int_equal(mdb_cursor_get(c, &k, &v, MDB_FIRST), 0);
	while (nth-- > 0)
		assert_int_equal(mdb_cursor_get(c, &k, &v, MDB_NEXT), 0);
	changed = (MDB_val) { v.mv_size, memory_new(v.mv_size) };
	memcpy(changed.mv_data, v.mv_data, v.mv_size);
	((char *)changed.mv_data)[v.mv_size / 2] ^= 1;
	assert_int_equal(mdb_cursor_put(c, &k, &changed, MDB_CURRENT), 0);
	mdb_cursor_close(c);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	free(changed.mv_data);
}

static inline void
damage(const struct world *w, const char *table)
{
	damage_at(w, table, 0);
}

/* Bob has it, and it is here; number: also of his notice. */
static inline void
fetched(struct world *w, unsigned number)
{
	accepts(w, (struct notification) { .number = number, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(w, BOB, number), REFUSAL_NONE);
	assert_int_equal(keep(w, &w->leased), REFUSAL_NONE);
}

#endif
