/* conn_set — the connections of one loop, by id, and those that are to be moved soon. */
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/net/conn_private.h"

struct conn_set {
	struct loop *loop;
	const struct conn_set_ops *ops;
	struct conn_entry **bucket;
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
			s->ops->free(s->bucket[i]);
	free(s->bucket);
	buf_clear(&s->kicked);
	free(s);
}

struct conn_set *
conn_set_of(struct loop *l, const struct conn_set_ops *ops)
{
	struct conn_set *s = loop_local(l);

	if (s != NULL)
		return s;
	s = memory_new(sizeof *s);
	s->loop = l;
	s->ops = ops;
	s->mask = 63;
	s->bucket = memory_array(s->mask + 1, sizeof(struct conn_entry *));
	/* Random, so that an id of another loop finds nothing here. */
	random_bytes(&s->next_id, sizeof s->next_id);
	s->next_id >>= 16;
	loop_set_local(l, s, release);
	return s;
}

static void
grow(struct conn_set *s)
{
	size_t mask = s->mask * 2 + 1;
	struct conn_entry **b = memory_array(mask + 1, sizeof(struct conn_entry *));

	for (size_t i = 0; i <= s->mask; i++)
		while (s->bucket[i] != NULL) {
			struct conn_entry *c = s->bucket[i];

			s->bucket[i] = c->next;
			c->next = b[c->id & mask];
			b[c->id & mask] = c;
		}
	free(s->bucket);
	s->bucket = b;
	s->mask = mask;
}

void
conn_set_add(struct conn_set *s, struct conn_entry *c)
{
	if (++s->count > s->mask)
		grow(s);
	c->id = ++s->next_id;
	c->next = s->bucket[c->id & s->mask];
	s->bucket[c->id & s->mask] = c;
}

void
conn_set_remove(struct conn_set *s, struct conn_entry *c)
{
	struct conn_entry **at = &s->bucket[c->id & s->mask];

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	s->count--;
}

struct conn_entry *
conn_set_find(struct conn_set *s, uint64_t id)
{
	struct conn_entry *c = s->bucket[id & s->mask];

	while (c != NULL && c->id != id)
		c = c->next;
	return c;
}

void
conn_set_each(struct conn_set *s, void (*fn)(struct conn_entry *c, void *arg), void *arg)
{
	for (size_t i = 0; i <= s->mask; i++)
		for (struct conn_entry *c = s->bucket[i]; c != NULL; c = c->next)
			fn(c, arg);
}

static void
move_kicked(void *arg)
{
	struct conn_set *s = arg;
	struct buf ids = s->kicked;
	struct conn_entry *c;

	s->kicked = (struct buf)BUF_INIT;
	for (size_t at = 0; at < ids.len; at += sizeof(uint64_t)) {
		if ((c = conn_set_find(s, *(uint64_t *)(void *)(ids.data + at))) == NULL)
			continue;
		c->kicked = false;
		s->ops->move(c);
	}
	if (s->kicked.cap == 0) {
		buf_reset(&ids);
		s->kicked = ids;
	} else
		buf_clear(&ids);
}

void
conn_set_kick(struct conn_set *s, struct conn_entry *c)
{
	if (c->kicked)
		return;
	c->kicked = true;
	if (s->kicked.len == 0)
		loop_post(s->loop, move_kicked, s);
	buf_add(&s->kicked, &c->id, sizeof c->id);
}

char *
conn_set_scratch(struct conn_set *s)
{
	return s->scratch;
}
