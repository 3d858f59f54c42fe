/* db_cursor — the cursors of a writer's transaction: LMDB looks for a key from where one is.
 *
 * Writes look for keys of a few kinds, again and again near the last one of that kind.  A kind is the first octet of a
 * key.  A cursor that has the page of a key needs no look at the pages above it.
 */
#include "common/store/db_private.h"

static int
place(struct db_txn *t, struct db_cursor *c, unsigned table)
{
	if (c->at != NULL && c->table == table)
		return 0;
	if (c->at != NULL)
		mdb_cursor_close(c->at);
	c->at = NULL;
	c->table = table;
	return mdb_cursor_open(t->txn, t->db->table[table], &c->at);
}

static void
leave(struct db_cursor *c)
{
	if (c->at != NULL)
		mdb_cursor_close(c->at);
	c->at = NULL;
}

static void
leave_near(struct db_txn *t)
{
	for (size_t i = 0; i < DB_NEAR && t->looks; i++)
		leave(&t->near[i]);
	t->looks = false;
}

void
db_cursor_end(struct db_txn *t)
{
	leave_near(t);
	leave(&t->put);
}

int
db_cursor_put(struct db_txn *t, unsigned table, MDB_val *key, MDB_val *value)
{
	int rc;

	leave_near(t);
	if ((rc = place(t, &t->put, table)) != 0)
		return rc;
	return mdb_cursor_put(t->put.at, key, value, MDB_RESERVE);
}

static struct db_cursor *
near(struct db_txn *t, const MDB_val *key)
{
	const unsigned char *first = key->mv_data;

	return &t->near[key->mv_size > 0 ? *first % DB_NEAR : 0];
}

int
db_cursor_get(struct db_txn *t, unsigned table, MDB_val *key, MDB_val *value)
{
	struct db_cursor *c = near(t, key);
	int rc;

	if (t->reading || c->held || key->mv_size == 0)
		return mdb_get(t->txn, t->db->table[table], key, value);
	t->looks = true;
	if ((rc = place(t, c, table)) != 0)
		return rc;
	return mdb_cursor_get(c->at, key, value, MDB_SET);
}

int
db_cursor_hold(struct db_txn *t, unsigned table, const MDB_val *key, struct db_cursor *own,
    struct db_cursor **out)
{
	struct db_cursor *c = near(t, key);
	int rc;

	*own = (struct db_cursor) { .at = NULL };
	*out = t->reading || c->held ? own : c;
	t->looks = !t->reading;
	if ((rc = place(t, *out, table)) == 0)
		(*out)->held = true;
	return rc;
}

void
db_cursor_release(struct db_cursor *c, struct db_cursor *own)
{
	c->held = false;
	if (c == own)
		leave(c);
}
