/* sts — any octets as an MTA-STS policy and as TXT records: bounded, and what is accepted means one thing.
 *
 * The first octet chooses: a policy, or TXT records, each after two octets with its length.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/address.h"
#include "common/base/buf.h"
#include "common/sts/sts_policy.h"

#define RECORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Each line that begins with "mx:" names its host, and nothing else does. */
static void
each_mx(const struct sts_policy *p)
{
	struct span rest = p->text;
	struct domain d;
	struct err e;
	bool any = false;

	while (rest.n > 0) {
		struct span value = span_trim(span_cut(&rest, '\n')), name = span_cut(&value, ':');
		char host[DOMAIN_BYTES + 2] = "x";

		if (!span_eq(name, SPAN_LIT("mx")))
			continue;
		any = true;
		value = span_trim(value);
		must(domain_set(&d,
		    span_starts(value, SPAN_LIT("*.")) ? span_sub(value, 2, value.n) : value));
		must(span_copy(value, host + (value.p[0] == '*'), DOMAIN_BYTES));
		host[0] = value.p[0] == '*' ? 'x' : host[0];
		must(sts_policy_allows(p, host, &e));
	}
	must(any || p->mode == STS_NONE);
	must(any || !sts_policy_allows(p, "mx.a.test", &e));
}

static void
policy(struct span in)
{
	struct sts_policy p, again;
	struct err e = { 0 };
	struct buf longer = BUF_INIT;

	if (!sts_policy_parse(in, &p, &e)) {
		must(e.why == REFUSAL_bad_reply);
		return;
	}
	must(in.n <= STS_TEXT_MAX && p.max_age_s <= STS_AGE_MAX_S && p.mode <= STS_ENFORCE);
	each_mx(&p);
	if (in.n + 20 > STS_TEXT_MAX)
		return;
	/* Lines that are added at its end change nothing. */
	buf_add(&longer, in.p, in.n);
	buf_addf(&longer, "\nmode: enforce\nx: y");
	must(sts_policy_parse(buf_span(&longer), &again, &e));
	must(again.mode == p.mode && again.max_age_s == p.max_age_s);
	buf_clear(&longer);
}

static void
records(struct span in)
{
	struct span rdata[RECORDS + 1];
	char id[STS_ID_BYTES], second[STS_ID_BYTES];
	size_t n = 0;
	bool ok;

	while (in.n > 0 && n < RECORDS) {
		size_t most = (size_t)(uint8_t)in.p[0] << 8 | (in.n > 1 ? (uint8_t)in.p[1] : 0);

		rdata[n] = span_sub(in, 2, most);
		in = span_sub(in, rdata[n++].n + 2, in.n);
	}
	ok = sts_record_read(rdata, n, id);
	must(ok == (id[0] != '\0'));
	for (const char *c = id; *c != '\0'; c++)
		must((*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'));
	rdata[n] = SPAN_LIT("\x0dv=STSv1; id=1");
	must(!ok || !sts_record_read(rdata, n + 1, second));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);

	if (n == 0 || data[0] % 2 == 0)
		policy(span_sub(in, 1, in.n));
	else
		records(span_sub(in, 1, in.n));
	return 0;
}
