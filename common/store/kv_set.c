/* kv_set — a skip list in an arena; see kv_set.h. */
#include "common/store/kv_set.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

#define CHUNK_BYTES      65536
#define CHUNK_KEPT_BYTES (1 << 20) /* a larger one is given back after its run */

/* An upper bound of what one row costs a B+ tree of any depth in use: a leaf and its parents are copied, and
 * they split or merge.  Rows of one partition share most of them. */
#define PAGES_A_ROW 8
#define PAGE_BYTES  4096

/* -- the arena ---------------------------------------------------------------------------------------- */

struct kv_chunk {
	struct kv_chunk *next;
	size_t size;
	_Alignas(16) char octets[];
};

static void
add_chunk(struct kv_set *s, size_t size)
{
	struct kv_chunk *c = memory_resize(NULL, 1, sizeof *c + size);

	c->next = s->chunks;
	c->size = size;
	s->chunks = c;
	s->chunk_used = 0;
	s->held += size;
}

static void *
room(struct kv_set *s, size_t n)
{
	char *at;

	n = (n + 15) & ~(size_t)15;
	if (s->chunks == NULL || s->chunks->size - s->chunk_used < n)
		add_chunk(s, n > CHUNK_BYTES / 4 ? n + CHUNK_BYTES : CHUNK_BYTES);
	at = s->chunks->octets + s->chunk_used;
	s->chunk_used += n;
	return at;
}

struct span
kv_set_copy(struct kv_set *s, struct span octets)
{
	char *to;

	if (octets.n == 0)
		return span_of("", 0);
	to = room(s, octets.n);
	memcpy(to, octets.p, octets.n);
	return span_of(to, octets.n);
}

static void
free_chunks(struct kv_chunk *c)
{
	while (c != NULL) {
		struct kv_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void
kv_set_reset(struct kv_set *s)
{
	size_t held = s->held;

	memset(s->first, 0, sizeof s->first);
	s->levels = 0;
	kv_set_settle(s);
	s->chunk_used = 0;
	if (s->chunks == NULL || (s->chunks->next == NULL && held <= CHUNK_KEPT_BYTES))
		return;
	free_chunks(s->chunks);
	s->chunks = NULL;
	s->held = 0;
	if (held <= CHUNK_KEPT_BYTES)
		add_chunk(s, held);
}

void
kv_set_settle(struct kv_set *s)
{
	s->run++;
	s->load = (struct kv_load) { 0 };
	buf_reset(&s->undo);
}

void
kv_set_clear(struct kv_set *s)
{
	free_chunks(s->chunks);
	buf_clear(&s->undo);
	*s = (struct kv_set) { 0 };
}

/* -- the list ------------------------------------------------------------------------------------------ */

int
kv_key_order(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* A shorter key is filled with zeros: heads that differ are in the order of their keys. */
static uint64_t
head_of(struct span key)
{
	uint64_t head = 0;

	if (key.n > 0)
		memcpy(&head, key.p, key.n < sizeof head ? key.n : sizeof head);
	return be64toh(head);
}

static bool
is_less(const struct kv_row *row, struct span key, uint64_t head)
{
	return row->head != head ? row->head < head : kv_key_order(row->key, key) < 0;
}

static struct kv_row *
seek(const struct kv_set *s, struct span key, struct kv_row *before[KV_SET_LEVELS])
{
	const uint64_t head = head_of(key);
	struct kv_row *at = NULL, *next = NULL;

	for (unsigned i = s->levels; i-- > 0;) {
		next = at == NULL ? s->first[i] : at->next[i];
		while (next != NULL && is_less(next, key, head)) {
			at = next;
			next = at->next[i];
		}
		if (before != NULL)
			before[i] = at;
	}
	return next;
}

static unsigned
draw_levels(struct kv_set *s)
{
	unsigned levels = 1;

	s->random = s->random * 6364136223846793005U + 1442695040888963407U;
	for (uint64_t bits = s->random >> 33; levels < KV_SET_LEVELS && (bits & 3) == 0; bits >>= 2)
		levels++;
	return levels;
}

static struct kv_row *
insert(struct kv_set *s, struct span key, struct kv_row *before[KV_SET_LEVELS])
{
	unsigned levels = draw_levels(s);
	struct kv_row *row = room(s, sizeof *row + levels * sizeof(void *));

	*row = (struct kv_row) {
		.head = head_of(key),
		.key = kv_set_copy(s, key),
		.state = KV_ROW_SAME,
	};
	for (; s->levels < levels; s->levels++)
		before[s->levels] = NULL;
	for (unsigned i = 0; i < levels; i++) {
		struct kv_row **link = before[i] == NULL ? &s->first[i] : &before[i]->next[i];

		row->next[i] = *link;
		*link = row;
	}
	row->prev = before[0];
	if (row->next[0] != NULL)
		row->next[0]->prev = row;
	return row;
}

const struct kv_row *
kv_set_from(const struct kv_set *s, struct span key)
{
	return seek(s, key, NULL);
}

const struct kv_row *
kv_set_find(const struct kv_set *s, struct span key)
{
	const struct kv_row *row = seek(s, key, NULL);

	return row != NULL && span_eq(row->key, key) ? row : NULL;
}

const struct kv_row *
kv_set_before(const struct kv_set *s, struct span key)
{
	struct kv_row *before[KV_SET_LEVELS] = { NULL };

	seek(s, key, before);
	return before[0];
}

const struct kv_row *
kv_set_first(const struct kv_set *s)
{
	return s->first[0];
}

const struct kv_row *
kv_set_next(const struct kv_row *row)
{
	return row->next[0];
}

/* -- changes ------------------------------------------------------------------------------------------- */

struct undo {
	struct kv_row *row;
	struct span value;
	enum kv_row_state state;
	uint64_t run;
};

struct kv_load
kv_load_of(struct span key, struct span value)
{
	return (struct kv_load) { key.n + value.n, PAGES_A_ROW + value.n / PAGE_BYTES };
}

static bool
counts(const struct kv_set *s, const struct kv_row *row)
{
	return row->state != KV_ROW_SAME && row->run == s->run;
}

/* to: what the row becomes. */
static void
set_row(struct kv_set *s, const struct undo *to)
{
	struct kv_row *row = to->row;
	struct kv_load load;

	if (counts(s, row)) {
		load = kv_load_of(row->key, row->value);
		s->load.octets -= load.octets;
		s->load.pages -= load.pages;
	}
	row->state = to->state;
	row->value = to->value;
	row->run = to->run;
	if (counts(s, row)) {
		load = kv_load_of(row->key, row->value);
		s->load.octets += load.octets;
		s->load.pages += load.pages;
	}
}

static void
change(struct kv_set *s, struct span key, enum kv_row_state state, struct span value)
{
	struct kv_row *before[KV_SET_LEVELS] = { NULL };
	struct kv_row *row = seek(s, key, before);
	struct undo u;

	if (row == NULL || !span_eq(row->key, key))
		row = insert(s, key, before);
	u = (struct undo) { row, row->value, row->state, row->run };
	buf_add(&s->undo, &u, sizeof u);
	set_row(s, &(struct undo) { row, value, state, s->run });
}

void
kv_set_put(struct kv_set *s, struct span key, struct span value)
{
	change(s, key, KV_ROW_PUT, kv_set_copy(s, value));
}

char *
kv_set_put_room(struct kv_set *s, struct span key, size_t n)
{
	char *value = room(s, n);

	change(s, key, KV_ROW_PUT, span_of(value, n));
	return value;
}

void
kv_set_del(struct kv_set *s, struct span key)
{
	change(s, key, KV_ROW_DELETED, (struct span) { 0 });
}

size_t
kv_set_mark(const struct kv_set *s)
{
	return s->undo.len;
}

size_t
kv_set_changes(const struct kv_set *s)
{
	return s->undo.len / sizeof(struct undo);
}

void
kv_set_undo(struct kv_set *s, size_t mark)
{
	while (s->undo.len > mark) {
		struct undo u;

		s->undo.len -= sizeof u;
		memcpy(&u, s->undo.data + s->undo.len, sizeof u);
		set_row(s, &u);
	}
}
