/* dial — to one of the hosts that a domain designates; see dial.h. */
#include "common/net/dial.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/text/address_scope.h"

struct hop { /* one address of one target */
	struct sockaddr_storage address;
	size_t target;
	char host[DNS_NAME_BYTES];
};

struct dial {
	struct dial_to to;
	char domain[DNS_NAME_BYTES], own[DNS_NAME_BYTES], from[64];
	struct designation_query *finding;
	struct hop *hops;
	size_t n, next;
	bool whole;
	int64_t until_ms; /* the loop's time when the DNS answer runs out */
	dial_ready *ready;
	void *arg;
};

static void
keep_hops(struct dial *d, const struct designation *found)
{
	size_t n = 0;

	for (size_t i = 0; i < found->n; i++)
		n += found->targets[i].n;
	d->hops = memory_array(n, sizeof *d->hops);
	for (size_t i = 0; i < found->n; i++) {
		for (size_t k = 0; k < found->targets[i].n; k++) {
			struct hop *h = &d->hops[d->n++];

			h->address = found->targets[i].address[k];
			h->target = i;
			snprintf(h->host, sizeof h->host, "%s", found->targets[i].host);
		}
	}
}

static void
found_all(void *arg, const struct designation *found, const struct err *why)
{
	struct dial *d = arg;
	int64_t ms = (int64_t)found->ttl_s * 1000;

	d->finding = NULL;
	d->whole = found->whole;
	d->until_ms = loop_now_ms(d->to.loop) + (ms < DIAL_FRESH_MS ? DIAL_FRESH_MS : ms);
	if (why == NULL)
		keep_hops(d, found);
	d->ready(d->arg, found, why);
}

struct dial *
dial_new(const struct dial_to *to, dial_ready *ready, void *arg)
{
	struct dial *d = memory_new(sizeof *d);

	d->to = *to;
	snprintf(d->domain, sizeof d->domain, "%s", to->domain);
	snprintf(d->own, sizeof d->own, "%s", to->own);
	snprintf(d->from, sizeof d->from, "%s", to->from == NULL ? "" : to->from);
	d->ready = ready;
	d->arg = arg;
	d->finding = designation_find(to->dns, to->service, d->domain, NULL, to->allow_private,
	    found_all, d);
	return d;
}

void
dial_free(struct dial **dp)
{
	struct dial *d = *dp;

	if (d == NULL)
		return;
	if (d->finding != NULL)
		designation_cancel(&d->finding);
	free(d->hops);
	free(d);
	*dp = NULL;
}

struct conn *
dial_next(struct dial *d, const struct conn_events *events, void *role)
{
	struct conn_target to;

	if (dial_is_over(d))
		return NULL;
	to = (struct conn_target) {
		.kind = TLS_TO_PEER,
		.address = (const struct sockaddr *)&d->hops[d->next++].address,
		.own = d->own,
		.domain = d->domain,
		.alpn = d->to.alpn,
		.from = d->from,
		.timeout_ms = d->to.timeout_ms,
		.limit = d->to.limit,
		.backs_off = d->to.backs_off,
	};
	return conn_connect(d->to.loop, &to, d->to.tls, events, role);
}

bool
dial_is_over(const struct dial *d)
{
	return d->next == d->n;
}

static in_port_t
port_of(const struct sockaddr *a)
{
	return a->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
					: ((const struct sockaddr_in *)a)->sin_port;
}

static bool
is_at(const struct hop *h, const struct sockaddr *address)
{
	const struct sockaddr *own = (const struct sockaddr *)&h->address;

	return address_same_host(own, address) && port_of(own) == port_of(address);
}

const struct sockaddr *
dial_address(const struct dial *d)
{
	return (const struct sockaddr *)&d->hops[d->next - 1].address;
}

bool
dial_is_next(const struct dial *d, const struct sockaddr *address)
{
	return !dial_is_over(d) && is_at(&d->hops[d->next], address);
}

bool
dial_names(const struct dial *d, const struct sockaddr *address)
{
	for (size_t i = 0; i < d->n; i++)
		if (is_at(&d->hops[i], address))
			return true;
	return false;
}

void
dial_skip(struct dial *d)
{
	d->next++;
}

size_t
dial_target(const struct dial *d)
{
	return d->next == 0 ? 0 : d->hops[d->next - 1].target;
}

bool
dial_is_whole(const struct dial *d)
{
	return d->whole;
}

const char *
dial_host(const struct dial *d)
{
	return d->next == 0 ? "-" : d->hops[d->next - 1].host;
}

bool
dial_is_stale(const struct dial *d, int64_t now_ms)
{
	return now_ms >= d->until_ms;
}
