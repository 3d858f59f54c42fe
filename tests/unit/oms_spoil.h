/* oms_spoil — damages rows of a spool in the file of LMDB; after <cmocka.h>. */
#ifndef TESTS_UNIT_OMS_SPOIL_H
#define TESTS_UNIT_OMS_SPOIL_H

#include <limits.h>

#include <lmdb.h>

#include "tests/unit/oms_store_scene.h"

#define SPOIL_ALL  UINT_MAX
#define SPOIL_FACT 0xfe /* the first octet of the key of a fact; `what` follows */

/* The file, while the store is closed. */
struct spoil_file {
	MDB_env *env;
	MDB_txn *txn;
	MDB_cursor *rows;
};

static inline void
spoil_begin(struct world *w, struct spoil_file *f)
{
	char path[128];
	MDB_dbi rows;

	assert_null(w->memory);
	oms_store_close(&w->store);
	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_int_equal(mdb_env_create(&f->env), 0);
	assert_int_equal(mdb_env_set_maxdbs(f->env, 24), 0);
	assert_int_equal(mdb_env_set_mapsize(f->env, SIZE), 0);
	assert_int_equal(mdb_env_open(f->env, path, MDB_NOTLS, 0600), 0);
	assert_int_equal(mdb_txn_begin(f->env, NULL, 0, &f->txn), 0);
	assert_int_equal(mdb_dbi_open(f->txn, "rows", 0, &rows), 0);
	assert_int_equal(mdb_cursor_open(f->txn, rows, &f->rows), 0);
}

static inline void
spoil_end(struct world *w, struct spoil_file *f)
{
	mdb_cursor_close(f->rows);
	assert_int_equal(mdb_txn_commit(f->txn), 0);
	mdb_env_close(f->env);
	reopen(w);
}

static inline unsigned char
spoil_kind(const char *name)
{
	unsigned char kind = 0;

	while (strcmp(oms_schema.kinds[kind].name, name) != 0)
		assert_true(++kind < oms_schema.n);
	return kind;
}

/* Rows: of this kind, in partitions whose name begins with `name`, with keys that begin with `first` and go on with
 * `rest`. */
struct spoil {
	const char *kind;
	struct span name;
	unsigned char first;
	struct span rest;
	unsigned most; /* of each partition; 0: one */
};

static inline bool
spoil_is_meant(const struct spoil *s, struct span name, struct span key)
{
	struct span rest = span_sub(key, s->first == SPOIL_FACT ? 2 : 1, key.n);

	return span_starts(name, s->name) && (unsigned char)key.p[0] == s->first &&
	    span_starts(rest, s->rest);
}

static inline void
spoil_value(MDB_cursor *rows, MDB_val *k, MDB_val v)
{
	static unsigned char copy[1 << 16];

	assert_true(v.mv_size > 0 && v.mv_size <= sizeof copy);
	memcpy(copy, v.mv_data, v.mv_size);
	copy[v.mv_size - 1] ^= 1;
	v.mv_data = copy;
	assert_int_equal(mdb_cursor_put(rows, k, &v, MDB_CURRENT), 0);
}

/* Changes a bit of the value of each such row, and returns how many there are.  place: if it is not NULL, nothing is
 * changed, and it is the partition of the last one. */
static inline unsigned
spoil_rows(struct world *w, const struct spoil *s, struct kv_part *place)
{
	unsigned char kind = spoil_kind(s->kind);
	size_t name_bytes = oms_schema.kinds[kind].name_bytes;
	unsigned char last[KV_NAME_MAX] = { 0 };
	unsigned n = 0, here = 0;
	struct spoil_file f;
	MDB_val k = { 1, &kind }, v;
	int rc;

	spoil_begin(w, &f);
	for (rc = mdb_cursor_get(f.rows, &k, &v, MDB_SET_RANGE); rc == 0;
	     rc = mdb_cursor_get(f.rows, &k, &v, MDB_NEXT)) {
		struct span all = span_of(k.mv_data, k.mv_size);
		struct span name = span_sub(all, 1, name_bytes);

		if (*(unsigned char *)k.mv_data != kind)
			break;
		if (!spoil_is_meant(s, name, span_sub(all, 1 + name_bytes, all.n)))
			continue;
		here = n > 0 && memcmp(last, name.p, name_bytes) == 0 ? here + 1 : 1;
		memcpy(last, name.p, name_bytes);
		if (here > (s->most == 0 ? 1 : s->most))
			continue;
		n++;
		if (place != NULL)
			*place = kv_part_of(kind, name);
		else
			spoil_value(f.rows, &k, v);
	}
	spoil_end(w, &f);
	return n;
}

static inline unsigned
spoil(struct world *w, const struct spoil *s)
{
	return spoil_rows(w, s, NULL);
}

static inline struct span
spoil_id(const struct ulid *id)
{
	return span_of(id->b, ULID_BYTES);
}

#endif
