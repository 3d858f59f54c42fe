/* notifier — the pairs of domains that have something due, and waking them; see notifier.h. */
#include "oms/notify/notifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "oms/notify/destination.h"
#include "oms/store/store.h"

#define PAIRS_PAGE 64 /* pairs of domains read at once */

struct pair {
	struct pair *next;
	struct line *line;
};

struct notifier {
	struct oms_worker *worker;
	struct pair *pairs;
	size_t n_pairs;
};

/* -- pairs ------------------------------------------------------------------------------------------------ */

static void
drop_pair(struct notifier *n, struct pair **at)
{
	struct pair *p = *at;

	*at = p->next;
	line_free(&p->line);
	free(p);
	n->n_pairs--;
}

/* Users may name any number of domains: those with nothing to say are forgotten. */
static void
forget_quiet(struct notifier *n)
{
	struct pair **at = &n->pairs;

	while (*at != NULL)
		if (line_has_nothing((*at)->line))
			drop_pair(n, at);
		else
			at = &(*at)->next;
}

static struct pair *
pair_new(struct notifier *n, const char *own, const char *peer)
{
	struct pair *p = memory_new(sizeof *p);

	p->line = line_new(n->worker, own, peer);
	p->next = n->pairs;
	n->pairs = p;
	n->n_pairs++;
	return p;
}

/* -- waking ------------------------------------------------------------------------------------------------ */

struct wake {
	struct notifier *notifier;
	char own[DOMAIN_BYTES], peer[DOMAIN_BYTES];
};

static void
woken(void *arg)
{
	struct wake *w = arg;
	struct pair *p = w->notifier->pairs;

	while (p != NULL && !line_is_for(p->line, w->own, w->peer))
		p = p->next;
	if (p == NULL && w->notifier->n_pairs >= NOTIFIER_LINES)
		forget_quiet(w->notifier);
	if (p == NULL)
		p = pair_new(w->notifier, w->own, w->peer);
	line_wake(p->line);
	free(w);
}

void
notifier_wake(struct oms *o, const char *own, const char *peer)
{
	unsigned home = workers_home(o->workers, span_str(own), span_str(peer));
	struct wake *w;
	struct err e;

	if (!daemon_open_for_work(o->daemon, &e))
		return; /* what is due is found at the next start */
	w = memory_new(sizeof *w);
	w->notifier = o->worker[home].notifier;
	snprintf(w->own, sizeof w->own, "%s", own);
	snprintf(w->peer, sizeof w->peer, "%s", peer);
	loop_post(o->worker[home].loop, woken, w);
}

bool
notifier_begin(struct oms *o, struct err *e)
{
	struct oms_pair page[PAIRS_PAGE];
	struct oms_pair_cursor at = { .begun = false };
	size_t n;

	do {
		if (!oms_store_pairs(o->store, &at, page, PAIRS_PAGE, &n, e))
			return false;
		for (size_t i = 0; i < n; i++)
			notifier_wake(o, page[i].own, page[i].peer);
	} while (!at.ended);
	return true;
}

struct notifier *
notifier_new(struct oms_worker *w)
{
	struct notifier *n = memory_new(sizeof *n);

	n->worker = w;
	return n;
}

/* The store is closed by now, and has answered for every batch it had. */
void
notifier_free(struct notifier **np)
{
	struct notifier *n = *np;

	if (n == NULL)
		return;
	while (n->pairs != NULL)
		drop_pair(n, &n->pairs);
	free(n);
	*np = NULL;
}
