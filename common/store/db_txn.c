/* db_txn — gets, puts and deletes inside a transaction; readings; see db.h. */
#include <endian.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/db_private.h"

#define CRC_BYTES   4
#define STAMP_BITS  24
#define STAMP_FIRST (UINT64_C(1) << 52)

static MDB_val
val(struct span s)
{
	return (MDB_val) { s.n, (void *)s.p };
}

/* The CRC covers the key, so a value under a wrong key is noticed too. */
static void
crc_of(struct span key, struct span value, unsigned char out[CRC_BYTES])
{
	uint32_t crc = libdeflate_crc32(0, key.p, key.n);

	if (value.n > 0) /* it begins again for a NULL buffer */
		crc = libdeflate_crc32(crc, value.p, value.n);
	crc = htobe32(crc);

	memcpy(out, &crc, sizeof crc);
}

static bool
damaged(struct db_txn *t, unsigned table, struct span key)
{
	char name[2 * DB_KEY_MAX + 1];

	hex_str(name, key.p, key.n > DB_KEY_MAX ? DB_KEY_MAX : key.n);
	log_fact_of(SPAN_LIT("db"), LOG_ERROR, "db.damaged", "table=%u key=%s", table, name);
	t->damaged = true;
	t->rc = MDB_CORRUPTED;
	return false;
}

/* Strips and checks the CRC. */
static bool
open_value(struct db_txn *t, unsigned table, struct span key, const MDB_val *v, struct span *out)
{
	unsigned char want[CRC_BYTES];

	if (v->mv_size >= CRC_BYTES) {
		*out = span_of(v->mv_data, v->mv_size - CRC_BYTES);
		crc_of(key, *out, want);
		if (memcmp(want, out->p + out->n, CRC_BYTES) == 0)
			return true;
	}
	return damaged(t, table, key);
}

bool
db_get(struct db_txn *t, unsigned table, struct span key, struct span *value)
{
	MDB_val k = val(key), v;
	int rc;

	if (t->rc != 0)
		return false;
	rc = db_cursor_get(t, table, &k, &v);
	if (rc != 0) {
		t->rc = rc == MDB_NOTFOUND ? 0 : rc;
		return false;
	}
	return open_value(t, table, key, &v, value);
}

void
db_put(struct db_txn *t, unsigned table, struct span key, struct span value)
{
	MDB_val k = val(key), v = { value.n + CRC_BYTES, NULL };
	unsigned char *to;

	if (t->rc != 0)
		return;
	t->changes += !t->late;
	t->changed = true;
	t->rc = db_cursor_put(t, table, &k, &v);
	if (t->rc != 0)
		return;
	to = v.mv_data;
	if (value.n > 0)
		memcpy(to, value.p, value.n);
	crc_of(key, value, to + value.n);
}

void
db_del(struct db_txn *t, unsigned table, struct span key)
{
	MDB_val k = val(key);
	int rc;

	if (t->rc != 0)
		return;
	db_cursor_end(t);
	rc = mdb_del(t->txn, t->db->table[table], &k, NULL);
	if (rc == MDB_NOTFOUND)
		return;
	t->changes += !t->late;
	t->changed = true;
	t->rc = rc;
}

void
db_put_later(struct db_txn *t, size_t changes)
{
	t->changes += changes;
}

void
db_put_late(struct db_txn *t)
{
	const struct db_late *late = &t->db->late;

	t->late = true;
	if (late->put != NULL && t->rc == 0)
		late->put(t, late->arg);
	t->late = false;
}

bool
db_admit(struct db_txn *t, const struct db_load *load)
{
	struct db_load all = { t->load.writes + load->writes, t->load.octets + load->octets,
		t->load.pages + load->pages };

	t->postponed = t->load.writes > 0 &&
	    (all.writes > DB_BATCH_WRITES || all.octets > DB_BATCH_BYTES ||
		all.pages > DB_BATCH_PAGES);
	if (!t->postponed)
		t->load = all;
	return !t->postponed;
}

/* The transactions of a store are numbered, and each has a range of its own.  One that is tried again has its number
 * again, so it goes on after what it used.  All lie above any time in microseconds, which such numbers were once. */
uint64_t
db_stamp(struct db_txn *t)
{
	struct db *d = t->db;
	uint64_t least = STAMP_FIRST + ((uint64_t)mdb_txn_id(t->txn) << STAMP_BITS);

	d->stamp = d->stamp < least ? least : d->stamp + 1;
	return d->stamp;
}

bool
db_damaged(struct err *e)
{
	return err_set(e, REFUSAL_storage, "a stored record is damaged");
}

void
db_pardon(struct db_txn *t)
{
	if (t->damaged)
		t->rc = 0;
	t->damaged = false;
}

#define FILLER        3000                 /* octets that LMDB keeps in a page of their own */
#define CHANGE_OCTETS ((uint64_t)32 << 10) /* of pages that one change copies, at most about */

void
db_leave(struct db_txn *t, size_t octets)
{
	struct db *d = t->db;
	uint64_t above = d->allocated - db_disk_used(d); /* the last page of the last commit */
	unsigned char key[16];
	MDB_val k = { sizeof key, key }, v;

	if (t->rc != 0 || above >= t->changes * CHANGE_OCTETS + octets)
		return;
	t->trial = true;
	db_cursor_end(t);
	memset(key, 0xff, sizeof key);
	for (size_t i = 0; i < octets / 4096 && t->rc == 0; i++) {
		key[14] = (unsigned char)(i >> 8);
		key[15] = (unsigned char)i;
		v = (MDB_val) { FILLER, NULL };
		t->rc = mdb_put(t->txn, d->table[0], &k, &v, MDB_RESERVE);
	}
}

bool
db_fault(struct db_txn *t, struct err *e)
{
	if (t->rc == 0)
		return false;
	if (t->damaged) {
		db_damaged(e);
		if (t->reading)
			db_pardon(t);
	} else if (t->rc == MDB_MAP_FULL || t->rc == MDB_TXN_FULL) {
		err_word(e, REFUSAL_system_full);
	} else {
		err_set(e, REFUSAL_storage, "the store failed: %s", mdb_strerror(t->rc));
	}
	return true;
}

/* A reading skips a damaged entry, so that the rest can be seen; a write must stop. */
static bool
each_entry(struct db_txn *t, unsigned table, const MDB_val *k, const MDB_val *v,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct span key = span_of(k->mv_data, k->mv_size), value;

	if (open_value(t, table, key, v, &value))
		return fn(arg, key, value);
	if (!t->reading)
		return false;
	db_pardon(t);
	t->passed_over++;
	return true;
}

/* A fault that fn leaves ends it. */
static bool
each_key(struct db_txn *t, unsigned table, const MDB_val *k, const MDB_val *v,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	(void)table;
	(void)v;
	return fn(arg, span_of(k->mv_data, k->mv_size), (struct span) { 0 }) && t->rc == 0;
}

uint64_t
db_passed_over(const struct db_txn *t)
{
	return t->passed_over;
}

typedef bool give_entry(struct db_txn *t, unsigned table, const MDB_val *k, const MDB_val *v,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);

static void
walk(struct db_txn *t, unsigned table, struct span from, struct span prefix, give_entry *give,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct db_cursor own, *c;
	MDB_val k = val(from), v;
	int rc;

	if (t->rc != 0 || (t->rc = db_cursor_hold(t, table, &k, &own, &c)) != 0)
		return;
	rc = mdb_cursor_get(c->at, &k, &v, from.n > 0 ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0) {
		if (!span_starts(span_of(k.mv_data, k.mv_size), prefix))
			break;
		if (!give(t, table, &k, &v, fn, arg))
			break;
		rc = mdb_cursor_get(c->at, &k, &v, MDB_NEXT);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		t->rc = rc;
	db_cursor_release(c, &own);
}

void
db_each(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	walk(t, table, from, prefix, each_entry, fn, arg);
}

void
db_each_key(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	walk(t, table, from, prefix, each_key, fn, arg);
}

bool
db_next_key(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    struct span *key)
{
	MDB_cursor *c;
	MDB_val k = val(from), v;
	int rc;

	if (t->rc != 0 || (t->rc = mdb_cursor_open(t->txn, t->db->table[table], &c)) != 0)
		return false;
	rc = mdb_cursor_get(c, &k, &v, from.n > 0 ? MDB_SET_RANGE : MDB_FIRST);
	mdb_cursor_close(c);
	if (rc != 0 && rc != MDB_NOTFOUND)
		t->rc = rc;
	*key = span_of(k.mv_data, k.mv_size);
	return rc == 0 && span_starts(*key, prefix);
}

bool
db_prev_key(struct db_txn *t, unsigned table, struct span before, struct span prefix,
    struct span *key)
{
	MDB_cursor *c;
	MDB_val k = val(before), v;
	int rc;

	if (t->rc != 0 || before.n == 0 ||
	    (t->rc = mdb_cursor_open(t->txn, t->db->table[table], &c)) != 0)
		return false;
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	rc = mdb_cursor_get(c, &k, &v, rc == 0 ? MDB_PREV : MDB_LAST);
	mdb_cursor_close(c);
	if (rc != 0 && rc != MDB_NOTFOUND)
		t->rc = rc;
	*key = span_of(k.mv_data, k.mv_size);
	return rc == 0 && span_starts(*key, prefix);
}

/* Finds the entry before the first key that is greater than all keys with this prefix. */
bool
db_last(struct db_txn *t, unsigned table, struct span prefix, struct span *key, struct span *value)
{
	unsigned char beyond[DB_KEY_MAX];

	if (prefix.n >= sizeof beyond)
		return false;
	memset(beyond, 0xff, sizeof beyond);
	if (prefix.n > 0)
		memcpy(beyond, prefix.p, prefix.n);
	return db_prev_key(t, table, span_of(beyond, sizeof beyond), prefix, key) &&
	    db_get(t, table, *key, value);
}

uint64_t
db_entries(struct db_txn *t, unsigned table)
{
	MDB_stat stat;

	if (mdb_stat(t->txn, t->db->table[table], &stat) != 0)
		return 0;
	return stat.ms_entries;
}

/* -- reading ------------------------------------------------------------------------------------------ */

bool
db_read(struct db *d, struct db_txn **out, struct err *e)
{
	struct db_txn *t = memory_new(sizeof *t);
	int rc;

	t->db = d;
	t->reading = true;
	db_gate_enter(t);
	if ((rc = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &t->txn)) != 0) {
		db_gate_leave(t);
		free(t);
		return err_set(e, REFUSAL_storage, "the store cannot be read: %s",
		    mdb_strerror(rc));
	}
	*out = t;
	return true;
}

void
db_read_end(struct db_txn **t)
{
	if (*t == NULL)
		return;
	mdb_txn_abort((*t)->txn);
	db_gate_leave(*t);
	free(*t);
	*t = NULL;
}
