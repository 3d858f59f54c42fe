/* ims_store_scene — a store in a folder of its own, notifications for it, its calls one at a time;
 * after <cmocka.h>.
 */
#ifndef TESTS_UNIT_IMS_STORE_SCENE_H
#define TESTS_UNIT_IMS_STORE_SCENE_H

#include <dirent.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/pki/crl_set.h"
#include "ims/store/part.h"
#include "ims/store/store_kv.h"
#include "tests/temp.h"
#include "tests/unit/kv_engines.h"

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
	uint64_t size;            /* of the store; 0: SIZE */
	struct kv_memory *memory; /* what is its disk; NULL: it is in the folder */
	struct loop *loop;
	struct offload *offload;
	struct ims_store *store;
	int64_t now_s;
	unsigned waiting;
	enum refusal why;
	struct ims_letter leased;
	struct body_kept kept;
	uint64_t round; /* of what was kept last */
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
	struct ims_store_counts counts;
	void (*evidence)(struct world *w, const struct ims_kept *k);
};

/* -- worlds ------------------------------------------------------------------------------------- */

/* What was stated to others without awaiting it has arrived. */
static inline void
arrive(struct world *w)
{
	if (w->memory != NULL)
		kv_memory_settle(w->memory);
}

static inline void
reopen(struct world *w)
{
	uint64_t size = w->size ? w->size : SIZE;
	char bodies[128];
	struct err e;

	ims_store_close(&w->store);
	snprintf(bodies, sizeof bodies, "%s/store/bodies", w->folder);
	if (w->memory != NULL ? !ims_store_open_on(kv_memory_open(w->memory, &ims_schema), bodies,
				    size, w->offload, &w->store, &e)
			      : !ims_store_open(w->folder, size, w->offload, &w->store, &e))
		fail_msg("%s", e.text);
}

/* All but the store. */
static inline void
world_bare(struct world *w)
{
	struct err e;

	*w = (struct world) { .now_s = clock_wall_ms() / 1000 };
	temp_name(w->folder, sizeof w->folder, "tillcalled-ims-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	temp_in_memory(w->folder);
	assert_true(loop_new(&w->loop, &e));
	assert_true(offload_new(&w->offload, 1, &e));
	assert_true(offload_start(w->offload, &e));
}

/* The store may take so much. */
static inline void
world_sized(struct world *w, uint64_t size)
{
	char store[128];

	world_bare(w);
	w->size = size;
	w->memory = engine_memory(size);
	snprintf(store, sizeof store, "%s/store", w->folder);
	if (w->memory != NULL)
		assert_int_equal(mkdir(store, 0700), 0);
	reopen(w);
}

static inline void
world_of(struct world *w)
{
	world_sized(w, SIZE);
}

static inline void
world_clear(struct world *w)
{
	ims_store_close(&w->store);
	offload_stop(w->offload);
	loop_drain(w->loop);
	offload_free(&w->offload);
	loop_free(&w->loop);
	kv_memory_free(&w->memory);
	assert_int_equal(temp_remove(w->folder), 0);
}

/* Rows of the store, as a count of what has such a kind and begins so. */
enum table {
	MAILBOX,
	NOTICE,
	SEEN,
	UNTIL,
	SEEN_BY,
	DUE,
	KNOWN,
	NOTIFIED,
	LETTER,
	BODY,
	EVIDENCE,
	PAPER,
	PIECE, /* of the octets of a paper */
	SUM,   /* of what a sender takes */
	GIVEN_HEAD,
	GIVEN_TO
};

static const struct {
	unsigned kind;
	char what;
} table_rows[] = {
	[MAILBOX] = { PART_MAILBOX, 'r' },
	[NOTICE] = { PART_MAILBOX, 'n' },
	[SEEN] = { PART_MAILBOX, 's' },
	[UNTIL] = { PART_MAILBOX, 'u' },
	[SEEN_BY] = { PART_MAILBOX, 'g' },
	[DUE] = { PART_MAILBOX, 'h' },
	[KNOWN] = { PART_MAILBOX, 'd' },
	[NOTIFIED] = { PART_LETTER, 'o' },
	[LETTER] = { PART_LETTER, 'l' },
	[BODY] = { PART_LETTER, 'b' },
	[EVIDENCE] = { PART_LETTER, 'e' },
	[PAPER] = { PART_PAPER, 'r' },
	[PIECE] = { PART_PAPER, 'x' },
	[SUM] = { PART_SENDER, 'r' },
	[GIVEN_HEAD] = { PART_LETTER, 'h' },
	[GIVEN_TO] = { PART_LETTER, 'g' },
};

/* key: kind, name of the partition, key of the row. */
static inline bool
is_row_of(struct span key, enum table table)
{
	unsigned kind = (unsigned char)key.p[0];
	size_t at = 1 + ims_parts[kind < IMS_PARTS ? kind : 0].name_bytes;

	return kind == table_rows[table].kind && key.n > at && key.p[at] == table_rows[table].what;
}

struct row_count {
	enum table table;
	uint64_t n;
};

static inline void
count_row(void *arg, struct span key)
{
	struct row_count *c = arg;

	c->n += is_row_of(key, c->table);
}

static inline uint64_t
count_in_file(const char *folder, enum table table)
{
	struct row_count count = { table, 0 };
	char path[128];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *c;
	MDB_val k, v;
	int rc;

	snprintf(path, sizeof path, "%s/store", folder);
	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, 4) != 0 ||
	    mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0 ||
	    mdb_dbi_open(txn, "rows", 0, &dbi) != 0 || mdb_cursor_open(txn, dbi, &c) != 0)
		_exit(255);
	for (rc = mdb_cursor_get(c, &k, &v, MDB_FIRST); rc == 0;
	     rc = mdb_cursor_get(c, &k, &v, MDB_NEXT))
		count_row(&count, span_of(k.mv_data, k.mv_size));
	return count.n;
}

/* LMDB must not open a file twice in one process. */
static inline uint64_t
count_in_child(const char *folder, enum table table)
{
	uint64_t n = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		n = count_in_file(folder, table);
		_exit(write(ends[1], &n, sizeof n) == sizeof n ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &n, sizeof n), sizeof n);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return n;
}

static inline uint64_t
entries(struct world *w, enum table table)
{
	struct row_count count = { table, 0 };

	if (w->memory == NULL)
		return count_in_child(w->folder, table);
	arrive(w);
	kv_memory_each(w->memory, count_row, &count);
	return count.n;
}

static inline unsigned
files_in(const struct world *w, const char *folder)
{
	char path[128];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%s/%s", w->folder, folder);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Of bodies. */
static inline unsigned
files(const struct world *w)
{
	return files_in(w, "store/bodies");
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

/* It is good until the eighth call after this one. */
static inline const unsigned char *
digest_of(const char *text)
{
	static unsigned char digest[8][DIGEST_BYTES];
	static unsigned turn;
	unsigned char *d = digest[turn++ % 8];

	digest_sha256(span_str(text), d);
	return d;
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
		.chain_digest = digest_of(n->chain ? n->chain : "chain"),
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
	arrive(w);
	w->waiting++;
	ims_store_sweep(w->store, w->now_s + at_s, KEEP, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

/* Once those that no letter names any more are removed; no other is removed then. */
static inline unsigned
files_left(struct world *w)
{
	if (w->memory != NULL) /* what was stated to the letter had not arrived */
		sweep(w, 0);
	arrive(w);
	loop_drain(w->loop);
	offload_stop(w->offload);
	return files(w);
}

static inline enum refusal
drop(struct world *w, const char *user, uint64_t number)
{
	w->waiting++;
	ims_store_drop(w->store, user, number, false, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

/* -- operations on one partition ------------------------------------------------------------------ */

struct operation {
	void (*fn)(struct kv_txn *t);
	struct world *w;
	struct kv_op op;
};

static inline bool
apply_operation(struct kv_txn *t, void *arg, struct err *e)
{
	(void)e;
	((struct operation *)arg)->fn(t);
	return true;
}

static inline void
operation_done(void *arg, const struct err *e)
{
	on_done(((struct operation *)arg)->w, e);
}

static inline void
operate(struct world *w, struct kv_part part, void (*fn)(struct kv_txn *t))
{
	struct operation o = { .fn = fn,
		.w = w,
		.op = { .part = part,
		    .apply = apply_operation,
		    .done = operation_done,
		    .home = w->loop,
		    .octets = 1024 } };
	struct err e;

	o.op.arg = &o;
	w->waiting++;
	assert_true(kv_take(ims_store_kv(w->store), &o.op, &e));
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
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
	arrive(w);
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
	arrive(w);
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
	arrive(w);
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
on_counts(void *arg, const struct ims_store_counts *c, const struct err *e)
{
	struct world *w = arg;

	w->counts = *c;
	on_done(w, e);
}

static inline struct ims_store_counts
counts(struct world *w)
{
	arrive(w);
	w->waiting++;
	ims_store_counts(w->store, w->loop, on_counts, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return w->counts;
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
	arrive(w);
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

static inline void
on_kept_letter(void *arg, uint64_t round, const struct err *e)
{
	struct world *w = arg;

	w->round = round;
	on_done(w, e);
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
	ims_store_keep_take(w->store, l, &w->kept, w->loop, on_kept_letter, w);
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

/* Flips a bit in such a row of the closed store. */
static inline void
damage_at(const struct world *w, enum table table, unsigned index)
{
	char path[128];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *c;
	MDB_val k, v, changed;

	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_mapsize(env, SIZE), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
	assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "rows", 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &c), 0);
	do {
		assert_int_equal(mdb_cursor_get(c, &k, &v, MDB_NEXT), 0);
	} while (!is_row_of(span_of(k.mv_data, k.mv_size), table) || index-- > 0);
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
damage(const struct world *w, enum table table)
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
