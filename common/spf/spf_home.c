/* spf_home — see spf_home.h.
 *
 * The asking worker makes a question and from then on touches only `cancelled`.  The home worker
 * fills in the verdict and sends it back.  The asking worker frees the question.
 */
#include "common/spf/spf_home.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/spf/spf_guard.h"
#include "common/text/address_scope.h"

struct hub {
	atomic_uint refs;
	struct workers *workers;
	struct spf_home *home[WORKERS_MAX]; /* NULL: freed, at the end, when there is one thread */
};

struct spf_home {
	struct hub *hub;
	unsigned index;
	struct spf *spf;
	LIST_HEAD(under_way, spf_asked) under_way; /* here */
};

struct spf_asked {
	struct hub *hub;
	unsigned from, home;
	bool cancelled;
	struct sockaddr_storage address;
	struct buf helo, mail_from;
	spf_done *done;
	void *arg;
	struct spf_query *query;
	LIST_ENTRY(spf_asked) link;
	struct spf_verdict verdict;
	struct buf why, record;
};

static void
hub_unref(struct hub *h)
{
	if (atomic_fetch_sub(&h->refs, 1) == 1)
		free(h);
}

static void
asked_free(struct spf_asked *a)
{
	buf_clear(&a->helo);
	buf_clear(&a->mail_from);
	buf_clear(&a->why);
	buf_clear(&a->record);
	hub_unref(a->hub);
	free(a);
}

/* -- where it was asked, again -------------------------------------------------------------------- */

static void
deliver(void *arg)
{
	struct spf_asked *a = arg;

	if (!a->cancelled && a->hub->home[a->from] != NULL)
		a->done(a->arg, &a->verdict);
	asked_free(a);
}

/* -- at home ---------------------------------------------------------------------------------------- */

static void
judged(void *arg, const struct spf_verdict *v)
{
	struct spf_asked *a = arg;

	LIST_REMOVE(a, link);
	a->verdict = *v;
	buf_add(&a->why, v->why, strlen(v->why) + 1);
	if (v->record.n > 0)
		buf_add(&a->record, v->record.p, v->record.n);
	a->verdict.why = a->why.data;
	a->verdict.record = buf_span(&a->record);
	loop_post(workers_loop(a->hub->workers, a->from), deliver, a);
}

static void
arrived(void *arg)
{
	struct spf_asked *a = arg;
	struct spf_home *h = a->hub->home[a->home];

	if (h == NULL) {
		asked_free(a);
		return;
	}
	LIST_INSERT_HEAD(&h->under_way, a, link);
	a->query = spf_check(h->spf, (const struct sockaddr *)&a->address, buf_span(&a->helo),
	    buf_span(&a->mail_from), judged, a);
}

/* -- asking ----------------------------------------------------------------------------------------- */

static struct span
judged_domain(struct span helo, struct span mail_from)
{
	for (size_t i = mail_from.n; i > 0; i--)
		if (mail_from.p[i - 1] == '@')
			return span_sub(mail_from, i, mail_from.n);
	return mail_from.n > 0 ? mail_from : helo;
}

struct spf_asked *
spf_home_check(struct spf_home *h, const struct sockaddr *address, struct span helo,
    struct span mail_from, spf_done *done, void *arg)
{
	struct spf_asked *a = memory_new(sizeof *a);

	/* One octet more than the limit keeps too long input too long. */
	helo = span_sub(helo, 0, SPF_SENDER_MAX + 1);
	mail_from = span_sub(mail_from, 0, 2 * SPF_SENDER_MAX);
	atomic_fetch_add(&h->hub->refs, 1);
	a->hub = h->hub;
	a->from = h->index;
	a->home = workers_home(h->hub->workers, SPAN_LIT(""), judged_domain(helo, mail_from));
	address_unmap(address, &a->address);
	buf_add(&a->helo, helo.p, helo.n);
	buf_add(&a->mail_from, mail_from.p, mail_from.n);
	a->done = done;
	a->arg = arg;
	loop_post(workers_loop(h->hub->workers, a->home), arrived, a);
	return a;
}

void
spf_home_cancel(struct spf_asked **ap)
{
	if (*ap != NULL)
		(*ap)->cancelled = true;
	*ap = NULL;
}

uint64_t
spf_home_evaluations(const struct spf_home *h)
{
	return spf_evaluations(h->spf);
}

/* -- life ------------------------------------------------------------------------------------------- */

void
spf_homes_new(struct workers *w, struct dns *const *dns, struct spf_home **out)
{
	struct hub *hub = memory_new(sizeof *hub);
	unsigned n = workers_count(w);

	hub->workers = w;
	atomic_init(&hub->refs, n);
	for (unsigned i = 0; i < n; i++) {
		struct spf_home *h = memory_new(sizeof *h);

		h->hub = hub;
		h->index = i;
		LIST_INIT(&h->under_way);
		spf_new(&h->spf, workers_loop(w, i), dns[i]);
		hub->home[i] = out[i] = h;
	}
}

void
spf_home_free(struct spf_home **hp)
{
	struct spf_home *h = *hp;
	struct spf_asked *a;

	*hp = NULL;
	if (h == NULL)
		return;
	h->hub->home[h->index] = NULL;
	spf_free(&h->spf);
	while ((a = LIST_FIRST(&h->under_way)) != NULL) {
		LIST_REMOVE(a, link);
		asked_free(a);
	}
	hub_unref(h->hub);
	free(h);
}
