/* daemon_workers — the tools of each worker's thread; see daemon.h. */
#include <stdlib.h>

#include "common/auth/signin.h"
#include "common/base/memory.h"
#include "common/daemon/daemon_private.h"
#include "common/dns/dns.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/spf/spf_home.h"

bool
daemon_workers_begin(struct daemon *d, struct err *e)
{
	unsigned n = workers_count(d->workers);
	struct dns *dns[WORKERS_MAX];
	struct spf_home *spf[WORKERS_MAX];

	d->worker = memory_array(n, sizeof *d->worker);
	for (unsigned i = 0; i < n; i++) {
		struct daemon_worker *w = &d->worker[i];

		w->loop = workers_loop(d->workers, i);
		w->desk = signin_desk_new(w->loop, d->accounts, d->share);
		if (!dns_new(&w->dns, w->loop, d->conf->resolver, e))
			return false;
		dns_set_share(w->dns, d->share);
		dns[i] = w->dns;
	}
	spf_homes_new(d->workers, dns, spf);
	for (unsigned i = 0; i < n; i++)
		d->worker[i].spf = spf[i];
	return true;
}

void
daemon_workers_end(struct daemon *d)
{
	for (unsigned i = 0; d->worker != NULL && i < workers_count(d->workers); i++) {
		struct daemon_worker *w = &d->worker[i];

		if (w->spf != NULL)
			spf_home_free(&w->spf);
		if (w->dns != NULL)
			dns_free(&w->dns);
		signin_desk_free(&w->desk);
		if (w->loop != NULL)
			loop_drain(w->loop);
	}
	free(d->worker);
	d->worker = NULL;
}
