/* publication — two SRV questions at once; see publication.h. */
#include "common/dns/publication.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/dns/designation.h"

struct lookup {
	struct publication_query *query;
	struct dns_query *dns; /* NULL: answered */
	char name[DNS_NAME_BYTES + 32];
};

struct publication_query {
	publication_done *done;
	void *arg;
	struct lookup lookups[2];
	size_t waiting;
	struct err why; /* REFUSAL_NONE: every answer so far is certain */
};

static void
query_free(struct publication_query *q)
{
	for (size_t i = 0; i < 2; i++)
		dns_cancel(&q->lookups[i].dns);
	free(q);
}

static void
finish(struct publication_query *q, bool published)
{
	q->done(q->arg, published, published || q->why.why == REFUSAL_NONE ? NULL : &q->why);
	query_free(q);
}

/* rdata = priority weight port target; the root is no server */
static bool
names_server(struct span rdata)
{
	char host[DNS_NAME_BYTES];
	size_t at = 6;

	return rdata.n > at && dns_rdata_name(rdata, &at, host) && host[0] != '\0';
}

static void
answered(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	struct publication_query *q = l->query;

	l->dns = NULL;
	q->waiting--;
	for (size_t i = 0; a->status == DNS_OK && i < a->n; i++)
		if (names_server(a->rdata[i])) {
			finish(q, true);
			return;
		}
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		dns_err(a, l->name, &q->why);
	if (q->waiting == 0)
		finish(q, false);
}

struct publication_query *
publication_find(struct dns *dns, const char *domain, const struct sockaddr *peer,
    publication_done *done, void *arg)
{
	static const char *const services[2] = { DESIGNATION_FETCH, DESIGNATION_NOTIFY };
	struct publication_query *q = memory_new(sizeof *q);

	q->done = done;
	q->arg = arg;
	q->why.why = REFUSAL_NONE;
	q->waiting = 2;
	for (size_t i = 0; i < 2; i++) {
		struct lookup *l = &q->lookups[i];

		l->query = q;
		snprintf(l->name, sizeof l->name, "%s.%s", services[i], domain);
		l->dns = dns_ask_about(dns, span_str(domain), peer, span_str(l->name), DNS_SRV,
		    answered, l);
	}
	return q;
}

bool
publication_counts(const char *domain, bool published, const struct err *why, struct err *e)
{
	if (!RULE(certificate_name) || published)
		return true;
	if (why != NULL) {
		*e = *why;
		return false;
	}
	return err_set(e, REFUSAL_certificate_name,
	    "the certificate names %s by its label alone, and %s publishes neither " DESIGNATION_FETCH
	    " nor " DESIGNATION_NOTIFY,
	    domain, domain);
}

void
publication_cancel(struct publication_query **qp)
{
	if (*qp != NULL)
		query_free(*qp);
	*qp = NULL;
}
