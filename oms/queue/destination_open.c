/* destination_open — makes a destination with its session, and frees both; see destination.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/kv_question.h"
#include "oms/queue/destination_private.h"

static void
due(void *arg)
{
	destination_pump(arg);
}

void
destination_free(struct destination **dp)
{
	struct destination *d = *dp;

	destination_end_attempt(d);
	kv_question_drop(&d->question);
	kv_question_drop(&d->memory);
	notify_session_free(&d->session);
	destination_free_smtp(d);
	loop_timer_free(&d->timer);
	while (d->sealings != NULL)
		destination_drop_sealing(d, d->sealings);
	free(d);
	*dp = NULL;
}

struct destination *
destination_new(struct oms_worker *w, struct attempts *attempts, const char *own, const char *peer)
{
	struct notify_session_place place = {
		.loop = w->loop,
		.dns = w->dns,
		.tls = w->oms->tls,
		.limit = daemon_limit(w->oms->daemon),
		.own = own,
		.peer = peer,
	};
	struct destination *d = memory_new(sizeof *d);

	d->own = domain_copy(own);
	d->peer = domain_copy(peer);
	d->worker = w;
	d->attempts = attempts;
	d->session = notify_session_new(&place, &destination_session_ops, d);
	d->timer = loop_timer_new(w->loop, due, d);
	return d;
}
