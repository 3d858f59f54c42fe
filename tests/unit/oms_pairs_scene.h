/* oms_pairs_scene — pairs and queues of the OMS's spool, read in pages; after <cmocka.h>. */
#ifndef TESTS_UNIT_OMS_PAIRS_SCENE_H
#define TESTS_UNIT_OMS_PAIRS_SCENE_H

#include <fcntl.h>

#include "common/store/kv_question.h"
#include "tests/unit/oms_store_scene.h"

struct pairs {
	char peers[128 * 1024]; /* "b.test c.test " */
	int64_t first_ms;       /* of the last one */
	size_t n;               /* different ones */
	size_t entries;
};

static inline void
add_pair(struct pairs *p, const struct oms_pair *one)
{
	char name[300];

	assert_string_equal(one->own.text, "a.test");
	snprintf(name, sizeof name, " %s ", one->peer.text);
	if (strstr(p->peers, name) == NULL) {
		assert_true(strlen(p->peers) + strlen(name) < sizeof p->peers);
		strcat(p->peers, name);
		p->n++;
	}
	p->first_ms = one->first_ms;
	p->entries++;
}

/* All pairs, read in pages of `max`; one with several letters may come several times. */
static inline const struct pairs *
pairs(struct world *w, size_t max)
{
	static struct pairs p;
	struct oms_pair page[64];
	struct oms_pair_cursor at = { .begun = false };
	struct asked a;

	p = (struct pairs) { .n = 0 };
	do {
		a = ask_pairs(w->store, w->loop, &at, max, page);
		at = a.next;
		for (size_t i = 0; i < a.n; i++)
			add_pair(&p, &page[i]);
	} while (!at.ended);
	return &p;
}

static inline void
is_of_its_letter(void *arg, const struct oms_listed *x)
{
	assert_int_equal(x->n, 1);
	assert_true(ulid_eq(&x->letter.id, &x->deliveries[0].id));
	++*(unsigned *)arg;
}

/* In pages of `max`; how many deliveries, and *pages. */
static inline unsigned
walk_queue(struct world *w, size_t max, unsigned *pages)
{
	unsigned n = 0;

	ask_queue(w->store, w->loop, max, is_of_its_letter, &n, pages);
	return n;
}

#endif
