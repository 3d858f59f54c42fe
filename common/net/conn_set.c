/* conn_set — the connections of one loop, by id; who was kicked; how much may be logged. */
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/net/conn_private.h"

struct conn_set {
	struct loop *loop;
	struct conn **bucket;
	size_t mask, count;
	uint64_t next_id;
	struct buf kicked; /* of uint64_t: ids; a call is posted while there are any */
	char scratch[CONN_READ_BYTES];
};

static void
release(void *p)
{
	struct conn_set *s = p;

	for (size_t i = 0; i <= s->mask; i++)
		while (s->bucket[i] != NULL)
			conn_free(s->bucket[i], false);
	free(s->bucket);
	buf_clear(&s->kicked);
	free(s);
}

struct conn_set *
conn_set_of(struct loop *l)
{
	struct conn_set *s = loop_local(l);

	if (s != NULL)
		return s;
	s = memory_new(sizeof *s);
	s->loop = l;
	s->mask = 63;
	s->bucket = memory_array(s->mask + 1, sizeof(struct conn *));
	/* A late answer of another loop's connection finds nothing here, but by chance. */
	random_bytes(&s->next_id, sizeof s->next_id);
	s->next_id >>= 16;
	loop_set_local(l, s, release);
	return s;
}

static void
grow(struct conn_set *s)
{
	size_t mask = s->mask * 2 + 1;
	struct conn **b = memory_array(mask + 1, sizeof(struct conn *));

	for (size_t i = 0; i <= s->mask; i++)
		while (s->bucket[i] != NULL) {
			struct conn *c = s->bucket[i];

			s->bucket[i] = c->next;
			c->next = b[c->id & mask];
			b[c->id & mask] = c;
		}
	free(s->bucket);
	s->bucket = b;
	s->mask = mask;
}

void
conn_set_add(struct conn *c)
{
	struct conn_set *s = c->set;

	if (++s->count > s->mask)
		grow(s);
	c->id = ++s->next_id;
	c->next = s->bucket[c->id & s->mask];
	s->bucket[c->id & s->mask] = c;
}

void
conn_set_remove(struct conn *c)
{
	struct conn **at = &c->set->bucket[c->id & c->set->mask];

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->set->count--;
}

struct conn *
conn_find(struct loop *l, uint64_t id)
{
	struct conn_set *s = conn_set_of(l);
	struct conn *c = s->bucket[id & s->mask];

	while (c != NULL && c->id != id)
		c = c->next;
	return c;
}

unsigned
conn_count(struct loop *l)
{
	return (unsigned)conn_set_of(l)->count;
}

static void
move_kicked(void *arg)
{
	struct conn_set *s = arg;
	struct buf ids = s->kicked;
	struct conn *c;

	s->kicked = (struct buf)BUF_INIT;
	for (size_t at = 0; at < ids.len; at += sizeof(uint64_t)) {
		if ((c = conn_find(s->loop, *(uint64_t *)(void *)(ids.data + at))) == NULL)
			continue;
		c->kicked = false;
		conn_move(c);
	}
	if (s->kicked.cap == 0) {
		buf_reset(&ids);
		s->kicked = ids;
	} else
		buf_clear(&ids);
}

void
conn_set_kick(struct conn *c)
{
	struct conn_set *s = c->set;

	if (c->kicked)
		return;
	c->kicked = true;
	if (s->kicked.len == 0)
		loop_post(s->loop, move_kicked, s);
	buf_add(&s->kicked, &c->id, sizeof c->id);
}

void
conn_drop_all(struct loop *l, const struct err *why)
{
	struct conn_set *s = conn_set_of(l);

	for (size_t i = 0; i <= s->mask; i++)
		for (struct conn *c = s->bucket[i]; c != NULL; c = c->next) {
			conn_say_end(c);
			conn_drop(c, why);
		}
}

char *
conn_set_scratch(struct conn_set *s)
{
	return s->scratch;
}
