/* oms_old_scene — writes a store of an older version, row by row, as its programs did; after oms_store_scene.h. */
#ifndef TESTS_UNIT_OMS_OLD_SCENE_H
#define TESTS_UNIT_OMS_OLD_SCENE_H

#include <sys/stat.h>

#include "common/base/record.h"
#include "common/store/db.h"
#include "tests/unit/oms_store_scene.h"

enum { OLD_LETTER, OLD_BODY, OLD_DELIVERY, OLD_TOKEN, OLD_TABLES };

/* One of its letters, of alice@a.test, from alice@a.test. */
struct old_letter {
	unsigned char n; /* makes its id */
	size_t size;     /* inline */
	uint64_t price;
	const char *token;
	const char *peers[3]; /* each with one recipient, bob, who waits */
	const char *garbage;  /* this one's delivery is none */
	const char *file;     /* in bodies, with all octets; NULL: they are inline */
};

static inline struct ulid
old_id(unsigned n)
{
	return (struct ulid) { { 1, [14] = (unsigned char)(n >> 8), [15] = (unsigned char)n } };
}

static inline void
old_letter_record(struct buf *out, const struct old_letter *l, const struct ulid *id, uint32_t open)
{
	static const unsigned char digest[DIGEST_BYTES];
	int64_t now_s = clock_wall_ms() / 1000;

	put_u8(out, 2);
	put_bytes(out, id->b, ULID_BYTES);
	put_span(out, SPAN_LIT("alice@a.test"));
	put_span(out, SPAN_LIT("alice@a.test"));
	put_u64(out, (uint64_t)now_s);
	put_u64(out, (uint64_t)now_s + DAY);
	put_u64(out, l->size);
	put_bytes(out, digest, DIGEST_BYTES);
	put_u64(out, 10);
	put_bytes(out, digest, DIGEST_BYTES);
	put_span(out, span_str(l->token == NULL ? "" : l->token));
	put_span(out, span_str(l->file == NULL ? "" : l->file));
	put_u32(out, open);
	put_u8(out, 1);
	put_u64(out, 0);
	put_u64(out, l->price);
}

static inline void
old_delivery_record(struct buf *out, const struct ulid *id, const char *peer)
{
	static const unsigned char salt[STATEMENT_SALT_BYTES];
	char bob[64];

	snprintf(bob, sizeof bob, "bob@%s", peer);
	put_u8(out, 4);
	put_bytes(out, id->b, ULID_BYTES);
	put_span(out, SPAN_LIT("a.test"));
	put_span(out, span_str(peer));
	put_span(out, SPAN_LIT("a statement"));
	put_u64(out, 0);
	put_u64(out, 1000);
	put_u64(out, (uint64_t)(clock_wall_ms() / 1000 + DAY));
	for (int i = 0; i < 2; i++) /* handed_s, settles */
		put_u64(out, 0);
	put_u8(out, 0);
	for (int i = 0; i < 2; i++) /* sends, settled_sends */
		put_u64(out, 0);
	put_u16(out, 1);
	put_span(out, span_str(bob));
	put_bytes(out, salt, sizeof salt);
	put_u8(out, SUBMIT_WAITING);
	put_u64(out, 5);
	put_span(out, SPAN_LIT(""));
	put_span(out, SPAN_LIT(""));
	put_u8(out, 0);
}

struct old_write {
	struct db_write write;
	struct world *world;
	const struct old_letter *letter;
	struct ulid id;
};

static inline void
old_put(struct db_txn *t, unsigned table, const struct ulid *id, const char *rest,
    const struct buf *value)
{
	struct buf key = BUF_INIT;

	put_bytes(&key, id->b, ULID_BYTES);
	put_bytes(&key, rest, strlen(rest));
	db_put(t, table, buf_span(&key), buf_span(value));
	buf_clear(&key);
}

static inline void
old_token(struct db_txn *t, const char *token, const struct ulid *id)
{
	struct buf key = BUF_INIT, value = BUF_INIT;

	put_bytes(&key, "alice@a.test", sizeof "alice@a.test");
	put_bytes(&key, token, strlen(token));
	put_bytes(&value, id->b, ULID_BYTES);
	put_u64(&value, (uint64_t)(clock_wall_ms() / 1000 + DAY));
	db_put(t, OLD_TOKEN, buf_span(&key), buf_span(&value));
	buf_clear(&key);
	buf_clear(&value);
}

static inline void
old_file(const struct world *w, const struct old_letter *l)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/bodies", w->folder);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/bodies/%s", w->folder, l->file);
	assert_non_null(f = fopen(path, "w"));
	for (size_t i = 0; i < l->size; i++)
		assert_int_equal(fputc('b', f), 'b');
	assert_int_equal(fclose(f), 0);
}

static inline bool
old_apply(struct db_txn *t, void *arg, struct err *e)
{
	struct old_write *w = arg;
	const struct old_letter *l = w->letter;
	struct buf b = BUF_INIT;
	uint32_t open = 0;

	for (; open < 3 && l->peers[open] != NULL; open++) {
		buf_reset(&b);
		if (l->garbage != NULL && strcmp(l->garbage, l->peers[open]) == 0)
			buf_addf(&b, "no delivery");
		else
			old_delivery_record(&b, &w->id, l->peers[open]);
		old_put(t, OLD_DELIVERY, &w->id, l->peers[open], &b);
	}
	buf_reset(&b);
	old_letter_record(&b, l, &w->id, open);
	old_put(t, OLD_LETTER, &w->id, "", &b);
	buf_reset(&b);
	for (size_t i = 0; i < l->size && l->file == NULL; i++)
		put_u8(&b, 'b');
	if (l->file == NULL)
		old_put(t, OLD_BODY, &w->id, "", &b);
	if (l->token != NULL)
		old_token(t, l->token, &w->id);
	buf_clear(&b);
	return !db_fault(t, e);
}

static inline void
on_old_written(void *arg, const struct err *e)
{
	struct old_write *w = arg;

	assert_null(e);
	told(w->world);
	free(w);
}

/* The world is a bare one.  Writes `n` letters of each row; letter k of row i has the id old_id(row.n + k). */
static inline void
old_store(struct world *w, uint64_t size, const struct old_letter *rows, size_t n_rows, unsigned n)
{
	static const char *const tables[OLD_TABLES] = { "letter", "body", "delivery", "token" };
	struct db *d;
	struct err e;

	assert_true(db_open(w->folder, size, tables, OLD_TABLES, &d, &e));
	for (size_t i = 0; i < n_rows; i++)
		for (unsigned k = 0; k < n; k++) {
			struct old_write *x = memory_new(sizeof *x);

			if (rows[i].file != NULL)
				old_file(w, &rows[i]);
			x->world = w;
			x->letter = &rows[i];
			x->id = old_id(rows[i].n + k);
			x->write = (struct db_write) { .apply = old_apply,
				.done = on_old_written,
				.arg = x,
				.home = w->loop,
				.octets = rows[i].size + 2048 };
			w->waiting++;
			assert_true(db_write_take(d, &x->write, &e));
		}
	wait_all(w);
	db_close(&d);
}

#endif
