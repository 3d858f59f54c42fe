/* check_host — the name of this host and its address, asked of DNS; see check_host.h. */
#include "common/daemon/check_host.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/dns/dns.h"
#include "common/loop/loop.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"

struct asking {
	const struct conf_smtp *smtp;
	struct sockaddr_storage own; /* connect-from */
	char reverse[ADDRESS_REVERSE_BYTES];
	enum dns_type type; /* of the address */
	struct loop *loop;
	unsigned left; /* answers that are awaited */
	void (*fault)(void *arg, const struct err *why);
	void *arg;
};

static bool
is_own(const struct asking *a, struct span rdata)
{
	struct sockaddr_storage found;

	return dns_rdata_address(rdata, a->type, 0, &found) &&
	    address_same_host((const struct sockaddr *)&found, (const struct sockaddr *)&a->own);
}

static bool
is_name(const struct asking *a, struct span rdata)
{
	char name[DNS_NAME_BYTES];
	size_t at = 0;

	return dns_rdata_name(rdata, &at, name) &&
	    span_eq_nocase(span_str(name), domain_span(&a->smtp->name));
}

/* Where the first record leads; "nowhere": there is none. */
static void
where(const struct asking *a, const struct dns_answer *d, bool back, char out[DNS_NAME_BYTES])
{
	struct sockaddr_storage found;
	size_t at = 0;

	if (d->n > 0 && back && dns_rdata_name(d->rdata[0], &at, out))
		return;
	if (d->n > 0 && !back && dns_rdata_address(d->rdata[0], a->type, 0, &found))
		address_host(&found, out);
	else
		snprintf(out, DNS_NAME_BYTES, "nowhere");
}

/* DNS had no answer, so nothing is known. */
static void
cannot_tell(const struct asking *a, const struct dns_answer *d, const char *name)
{
	struct err e;

	(void)dns_err(d, name, &e);
	err_prefix(&e, "name of smtp: check again when DNS answers");
	a->fault(a->arg, &e);
}

static void
end_one(struct asking *a)
{
	if (--a->left == 0)
		loop_stop(a->loop);
}

static void
on_addresses(void *arg, const struct dns_answer *d)
{
	struct asking *a = arg;
	const char *name = a->smtp->name.text, *own = a->smtp->connect_from;
	char to[DNS_NAME_BYTES];
	bool found = false;
	struct err e;

	for (size_t i = 0; i < d->n; i++)
		found = found || is_own(a, d->rdata[i]);
	where(a, d, false, to);
	if (d->status == DNS_FAILED || d->status == DNS_BOGUS) {
		cannot_tell(a, d, name);
	} else if (!found) {
		err_set(&e, REFUSAL_config,
		    "name of smtp: %s leads to %s, not to connect-from %s: publish the record  %s. %s "
		    "%s  or write the name's own address as connect-from",
		    name, to, own, name, a->type == DNS_A ? "A" : "AAAA", own);
		a->fault(a->arg, &e);
	}
	end_one(a);
}

static void
on_names(void *arg, const struct dns_answer *d)
{
	struct asking *a = arg;
	const char *name = a->smtp->name.text;
	char to[DNS_NAME_BYTES];
	bool found = false;
	struct err e;

	for (size_t i = 0; i < d->n; i++)
		found = found || is_name(a, d->rdata[i]);
	where(a, d, true, to);
	if (d->status == DNS_FAILED || d->status == DNS_BOGUS) {
		cannot_tell(a, d, a->reverse);
	} else if (!found) {
		err_set(&e, REFUSAL_config,
		    "name of smtp: connect-from %s leads back to %s, not to %s: have the provider of "
		    "the address publish the record  %s. PTR %s.",
		    a->smtp->connect_from, to, name, a->reverse, name);
		a->fault(a->arg, &e);
	}
	end_one(a);
}

void
check_host_name(const struct conf_smtp *s, const char *resolver,
    void (*fault)(void *arg, const struct err *why), void *arg)
{
	struct asking a = { .smtp = s, .left = 2, .fault = fault, .arg = arg };
	struct dns *dns = NULL;
	struct err e;

	if (!address_scope_parse(span_str(s->connect_from), 0, &a.own))
		abort(); /* conf_keys.c let it through */
	a.type = a.own.ss_family == AF_INET ? DNS_A : DNS_AAAA;
	address_reverse(&a.own, a.reverse);
	if (!loop_new(&a.loop, &e)) {
		fault(arg, &e);
		return;
	}
	if (dns_new(&dns, a.loop, resolver, &e)) {
		dns_ask(dns, domain_span(&s->name), a.type, on_addresses, &a);
		dns_ask(dns, span_str(a.reverse), DNS_PTR, on_names, &a);
		loop_run(a.loop);
	} else {
		fault(arg, &e);
	}
	dns_free(&dns);
	loop_free(&a.loop);
}
