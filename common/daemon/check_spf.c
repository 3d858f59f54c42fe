/* check_spf — one verdict, waited for; see check_spf.h. */
#include "common/daemon/check_spf.h"

#include <string.h>

#include "common/loop/loop.h"
#include "common/text/address_scope.h"

struct run {
	struct check_spf *check;
	struct loop *loop;
};

static void
judged(void *arg, const struct spf_verdict *v)
{
	struct run *r = arg;

	r->check->verdict = *v;
	span_copy(span_sub(span_str(v->why), 0, sizeof(r->check->why) - 1), r->check->why,
	    sizeof(r->check->why));
	r->check->verdict.why = r->check->why;
	buf_add(&r->check->record, v->record.p, v->record.n);
	r->check->verdict.record = buf_span(&r->check->record);
	loop_stop(r->loop);
}

bool
check_spf_run(struct check_spf *c, const char *resolver, const char *ip, const char *helo,
    const char *from, struct err *e)
{
	struct run r = { .check = c };
	struct sockaddr_storage address;
	struct dns *dns = NULL;
	struct spf *spf = NULL;
	bool ok;

	memset(c, 0, sizeof(*c));
	if (!address_scope_parse(span_str(ip), 0, &address))
		return err_set(e, REFUSAL_usage, "\"%s\" is no IP address", ip);
	if (!loop_new(&r.loop, e))
		return false;
	ok = dns_new(&dns, r.loop, resolver, e);
	if (ok) {
		spf_new(&spf, r.loop, dns);
		spf_check(spf, (struct sockaddr *)&address, span_str(helo), span_str(from), judged,
		    &r);
		loop_run(r.loop);
	}
	spf_free(&spf);
	dns_free(&dns);
	loop_free(&r.loop);
	return ok;
}

void
check_spf_clear(struct check_spf *c)
{
	buf_clear(&c->record);
	memset(c, 0, sizeof(*c));
}
