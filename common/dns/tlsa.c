/* tlsa — addresses, perhaps a CNAME, then TLSA; see tlsa.h. */
#include "common/dns/tlsa.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/dns/hosts_private.h"

struct tlsa_query {
	struct dns *dns;
	char domain[DNS_NAME_BYTES], host[DNS_NAME_BYTES];
	char base[DNS_NAME_BYTES]; /* whose records are asked for */
	bool last;                 /* there is no other name to ask for after it */
	uint16_t port;
	struct hosts hosts;
	struct sockaddr_storage address[DNS_ADDRESSES_MAX];
	size_t n;
	struct dns_query *asked; /* CNAME or TLSA */
	tlsa_done *done;
	void *arg;
};

static void
query_free(struct tlsa_query *q)
{
	hosts_clear(&q->hosts);
	dns_cancel(&q->asked);
	free(q);
}

static void
finish(struct tlsa_query *q, const struct tlsa *t)
{
	q->done(q->arg, t, NULL);
	query_free(q);
}

static void
without(struct tlsa_query *q, enum tlsa_status status, uint32_t ttl_s)
{
	finish(q, &(struct tlsa) { .status = status, .ttl_s = ttl_s });
}

/* e: why an answer is missing.  Without it nothing tells a host without DANE from one whose records an attacker
 * holds back. */
static void
fail(struct tlsa_query *q, const struct err *e)
{
	struct err why;

	if (!RULE(tlsa_unknown)) {
		without(q, TLSA_INSECURE, 0);
		return;
	}
	err_set(&why, REFUSAL_tlsa_unknown, "whether %s has TLSA records is not known: %s", q->host,
	    e->text);
	q->done(q->arg, &(struct tlsa) { .status = TLSA_FAILED }, &why);
	query_free(q);
}

/* -- the records ------------------------------------------------------------------------------- */

static void ask(struct tlsa_query *q, const char *base);

static void
absent(struct tlsa_query *q, const struct dns_answer *a)
{
	if (q->last) {
		without(q, a->secure ? TLSA_ABSENT : TLSA_INSECURE, a->ttl_s);
		return;
	}
	q->last = true;
	ask(q, q->host);
}

static void
answered(void *arg, const struct dns_answer *a)
{
	struct tlsa_query *q = arg;
	struct err e;

	q->asked = NULL;
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		dns_err(a, q->base, &e);
		fail(q, &e);
	} else if (a->status == DNS_OK && a->secure) {
		finish(q,
		    &(struct tlsa) { .status = TLSA_SECURE,
			.base = q->base,
			.records = a->rdata,
			.n = a->n,
			.ttl_s = a->ttl_s });
	} else {
		absent(q, a);
	}
}

static void
ask(struct tlsa_query *q, const char *base)
{
	char name[DNS_NAME_BYTES + 16];

	span_copy(span_str(base), q->base, sizeof q->base);
	snprintf(name, sizeof name, "_%u._tcp.%s", (unsigned)q->port, base);
	q->asked = dns_ask_about(q->dns, span_str(q->domain), NULL, span_str(name), DNS_TLSA,
	    answered, q);
}

/* -- the way to them --------------------------------------------------------------------------- */

/* The addresses are not secure; is the host's own zone?  Then its own name counts. */
static void
cname_answered(void *arg, const struct dns_answer *a)
{
	struct tlsa_query *q = arg;
	struct err e;

	q->asked = NULL;
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		dns_err(a, q->host, &e);
		fail(q, &e);
	} else if (a->status == DNS_OK && a->secure) {
		q->last = true;
		ask(q, q->host);
	} else {
		without(q, TLSA_INSECURE, a->ttl_s);
	}
}

static void
addresses_found(void *arg)
{
	struct tlsa_query *q = arg;
	const struct hosts_one *one = &q->hosts.one[0];

	if (q->n == 0 && one->unsure)
		fail(q, &q->hosts.why);
	else if (one->secure) {
		q->last = one->alias[0] == '\0';
		ask(q, q->last ? q->host : one->alias);
	} else if (one->alias[0] != '\0') {
		q->asked = dns_ask_about(q->dns, span_str(q->domain), NULL, span_str(q->host),
		    DNS_CNAME, cname_answered, q);
	} else {
		without(q, TLSA_INSECURE, q->n > 0 ? q->hosts.ttl_s : 0);
	}
}

/* -- asking ------------------------------------------------------------------------------------ */

struct tlsa_query *
tlsa_find(struct dns *dns, const char *domain, const char *host, uint16_t port, tlsa_done *done,
    void *arg)
{
	struct tlsa_query *q = memory_new(sizeof *q);

	q->dns = dns;
	q->port = port;
	q->done = done;
	q->arg = arg;
	span_copy(span_str(domain), q->domain, sizeof q->domain);
	span_copy(span_str(host), q->host, sizeof q->host);
	/* Nobody connects to these addresses, so private ones may be among them. */
	q->hosts = (struct hosts) { .dns = dns,
		.domain = q->domain,
		.about = q->domain,
		.allow_private = true,
		.done = addresses_found,
		.arg = q };
	hosts_begin(&q->hosts, 1);
	q->hosts.one[0] = (struct hosts_one) { .name = q->host,
		.port = port,
		.address = q->address,
		.n = &q->n };
	hosts_ask(&q->hosts);
	return q;
}

void
tlsa_cancel(struct tlsa_query **q)
{
	if (*q != NULL)
		query_free(*q);
	*q = NULL;
}
