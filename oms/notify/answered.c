/* answered — which peers answered lately; see answered.h. */
#include "oms/notify/answered.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "oms/store/store.h"

#define ANSWERED_S       86400
#define ANSWERED_RENEW_S 3600 /* between two records of it */

enum attempt_class
answered_class(struct oms_store *s, const char *peer, uint64_t tries)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct oms_peer p;
	struct err e;
	bool answered = oms_store_peer(s, peer, &p, &e) &&
	    p.answered_s > now_s - ANSWERED_S - ANSWERED_RENEW_S;

	if (tries == 0)
		return answered ? ATTEMPT_FIRST_ANSWERED : ATTEMPT_FIRST;
	return answered ? ATTEMPT_AGAIN_ANSWERED : ATTEMPT_AGAIN;
}

static void
recorded(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_fact_of(SPAN_LIT("store"), LOG_WARN, "notify.store", "word=%s text=%s",
		    refusal_word(e->why), log_str(e->text));
}

void
answered_note(struct oms_store *s, const char *peer, struct loop *l)
{
	int64_t now_s = clock_wall_ms() / 1000;
	struct oms_peer p;
	struct err e;

	if (oms_store_peer(s, peer, &p, &e) &&
	    (p.answered_s < now_s - ANSWERED_RENEW_S || p.answered_s > now_s))
		oms_store_answered(s, peer, now_s, l, recorded, NULL);
}
