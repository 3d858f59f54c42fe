/* answered — which peers answered lately; see answered.h. */
#include "oms/queue/answered.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#define ANSWERED_S       86400
#define ANSWERED_RENEW_S 3600 /* between two records of it */

enum attempt_class
answered_class(const struct oms_peer *p, uint64_t tries)
{
	int64_t now_s = clock_wall_ms() / 1000;
	bool answered = p->answered_s > now_s - ANSWERED_S - ANSWERED_RENEW_S;

	if (tries == 0)
		return answered ? ATTEMPT_FIRST_ANSWERED : ATTEMPT_FIRST;
	return answered ? ATTEMPT_AGAIN_ANSWERED : ATTEMPT_AGAIN;
}

struct note {
	struct oms_store *store;
	struct domain peer;
	struct loop *loop;
	int64_t now_s;
};

static void
recorded(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_fact_of(SPAN_LIT("store"), LOG_WARN, "notify.store", "word=%s text=%s",
		    refusal_word(e->why), log_str(e->text));
}

static void
looked(void *arg, const struct oms_peer *p, const struct err *e)
{
	struct note *n = arg;

	if (e == NULL && (p->answered_s < n->now_s - ANSWERED_RENEW_S || p->answered_s > n->now_s))
		oms_store_answered(n->store, n->peer.text, n->now_s, n->loop, recorded, NULL);
	free(n);
}

void
answered_note(struct oms_store *s, const char *peer, struct loop *l)
{
	struct note *n = memory_new(sizeof *n);

	*n = (struct note) {
		.store = s,
		.peer = domain_copy(peer),
		.loop = l,
		.now_s = clock_wall_ms() / 1000,
	};
	oms_store_peer(s, peer, l, looked, n);
}
