/* hosts — A and AAAA of each host; see hosts_private.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/dns/hosts_private.h"
#include "common/text/address_scope.h"

struct hosts_question {
	struct hosts *hosts;
	struct dns_query *dns; /* NULL: answered */
	size_t host;
	enum dns_type type;
	bool has, secure; /* addresses; DNSSEC vouches for the answer */
};

void
hosts_begin(struct hosts *h, size_t n)
{
	h->n = n;
	h->one = memory_array(n, sizeof *h->one);
	h->vouched = true;
	h->unsure = false;
	h->ttl_s = UINT32_MAX;
	h->why.why = REFUSAL_NONE;
}

void
hosts_clear(struct hosts *h)
{
	for (size_t i = 0; h->question != NULL && i < 2 * h->n; i++)
		dns_cancel(&h->question[i].dns);
	free(h->question);
	free(h->one);
	h->question = NULL;
	h->one = NULL;
	h->n = 0;
}

static void
add_address(struct hosts *h, struct hosts_one *one, struct span rdata, enum dns_type type)
{
	struct sockaddr_storage a;

	if (!dns_rdata_address(rdata, type, one->port, &a))
		return;
	if (RULE(private_address) && !h->allow_private && !address_public((struct sockaddr *)&a)) {
		if (!h->unsure)
			err_set(&h->why, REFUSAL_private_address,
			    "%s: %s leads to an address that is not public", h->about, one->name);
		return;
	}
	if (*one->n < DNS_ADDRESSES_MAX)
		one->address[(*one->n)++] = a;
}

static void
take(struct hosts *h, struct hosts_one *one, struct hosts_question *q, const struct dns_answer *a)
{
	q->secure = a->secure;
	/* An absence counts, too: it may hide an address. */
	h->vouched = h->vouched && a->secure;
	if (a->alias != NULL)
		span_copy(span_str(a->alias), one->alias, sizeof one->alias);
	if (a->status == DNS_OK) {
		q->has = true;
		for (size_t i = 0; i < a->n; i++)
			add_address(h, one, a->rdata[i], q->type);
		if (a->ttl_s < h->ttl_s)
			h->ttl_s = a->ttl_s;
	} else if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		one->unsure = h->unsure = true;
		dns_err(a, one->name, &h->why);
	}
}

static void
answered(void *arg, const struct dns_answer *a)
{
	struct hosts_question *q = arg;
	struct hosts *h = q->hosts;

	q->dns = NULL;
	take(h, &h->one[q->host], q, a);
	if (--h->waiting > 0)
		return;
	for (size_t i = 0; i < h->n; i++) {
		const struct hosts_question *of = &h->question[2 * i];

		h->one[i].secure = (of[0].has || of[1].has) && (!of[0].has || of[0].secure) &&
		    (!of[1].has || of[1].secure);
	}
	free(h->question);
	h->question = NULL;
	h->done(h->arg);
}

void
hosts_ask(struct hosts *h)
{
	static const enum dns_type types[2] = { DNS_AAAA, DNS_A };

	h->waiting = 2 * h->n;
	h->question = memory_array(2 * h->n, sizeof *h->question);
	for (size_t i = 0; i < 2 * h->n; i++) {
		struct hosts_question *q = &h->question[i];

		*q = (struct hosts_question) { .hosts = h, .host = i / 2, .type = types[i % 2] };
		q->dns = dns_ask_about(h->dns, span_str(h->domain), h->peer,
		    span_str(h->one[i / 2].name), q->type, answered, q);
	}
}
