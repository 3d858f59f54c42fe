/* tlsa — which records count: by what DNSSEC vouches for on the way to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/tlsa.h"
#include "tests/unit/dns_fake.h"

/* What a question is answered with; the digit of `alias` is where the answer's CNAMEs lead. */
enum said { NO, YES, NO_SIGNED, YES_SIGNED, SERVFAIL, BOGUS };

struct row {
	const char *what;
	enum said aaaa, a;
	const char *alias;        /* of the addresses; NULL: none */
	enum said cname;          /* asked only if the addresses are not secure */
	enum said of_alias, host; /* TLSA of each */
	enum tlsa_status want;
	const char *base; /* TLSA_SECURE */
	unsigned asked;   /* questions after the addresses */
};

struct outcome {
	unsigned calls;
	enum tlsa_status status;
	enum refusal why;
	char base[DNS_NAME_BYTES];
	size_t n;
};

static void
found(void *arg, const struct tlsa *t, const struct err *why)
{
	struct outcome *o = arg;

	o->calls++;
	o->status = t->status;
	o->why = why == NULL ? REFUSAL_NONE : why->why;
	o->n = t->n;
	if (t->base != NULL)
		snprintf(o->base, sizeof o->base, "%s", t->base);
	assert_int_equal(t->n > 0, t->status == TLSA_SECURE);
}

static void
say(struct dns_query *q, enum said s, const char *alias)
{
	static const char octets[16] = "\3\1\1x";
	const struct span record = { octets, q->type == DNS_A ? 4 : q->type == DNS_AAAA ? 16 : 10 };
	bool is = s == YES || s == YES_SIGNED;

	fake_answer(q,
	    &(struct dns_answer) { .status = is ? DNS_OK
		    : s == SERVFAIL             ? DNS_FAILED
		    : s == BOGUS                ? DNS_BOGUS
						: DNS_NODATA,
		.secure = s == NO_SIGNED || s == YES_SIGNED,
		.alias = alias,
		.rdata = &record,
		.n = is,
		.ttl_s = 60 });
}

static void
answer(struct dns_query *q, const struct row *r)
{
	if (q->type == DNS_AAAA || q->type == DNS_A) {
		assert_string_equal(q->name, "mx.test");
		say(q, q->type == DNS_A ? r->a : r->aaaa, r->alias);
	} else if (q->type == DNS_CNAME) {
		assert_string_equal(q->name, "mx.test");
		say(q, r->cname, NULL);
	} else {
		bool own = strcmp(q->name, "_25._tcp.mx.test") == 0;

		assert_true(own || strcmp(q->name, "_25._tcp.far.test") == 0);
		assert_int_equal(q->type, DNS_TLSA);
		say(q, own ? r->host : r->of_alias, NULL);
	}
}

static struct outcome
outcome_of(const struct row *r)
{
	struct dns *d = fake_new();
	struct outcome o = { 0 };

	tlsa_find(d, "d.test", "mx.test", 25, found, &o);
	assert_int_equal(d->n, 2);
	for (size_t i = 0; i < d->n; i++)
		answer(&d->query[i], r);
	assert_int_equal(o.calls, 1);
	if (d->n != r->asked + 2)
		fail_msg("%s: %zu questions", r->what, d->n);
	fake_free(d);
	return o;
}

/* clang-format off */
static const struct row rows[] = {
	{ "signed", NO_SIGNED, YES_SIGNED, NULL, NO, NO, YES_SIGNED, TLSA_SECURE, "mx.test", 1 },
	{ "both families", YES_SIGNED, YES_SIGNED, NULL, NO, NO, YES_SIGNED, TLSA_SECURE, "mx.test", 1 },
	{ "proved absent", NO_SIGNED, YES_SIGNED, NULL, NO, NO, NO_SIGNED, TLSA_ABSENT, "", 1 },
	{ "records in an unsigned zone", NO_SIGNED, YES_SIGNED, NULL, NO, NO, YES, TLSA_INSECURE, "", 1 },
	{ "absence in an unsigned zone", NO_SIGNED, YES_SIGNED, NULL, NO, NO, NO, TLSA_INSECURE, "", 1 },
	{ "records that fail", NO_SIGNED, YES_SIGNED, NULL, NO, NO, SERVFAIL, TLSA_FAILED, "", 1 },
	{ "records that are bogus", NO_SIGNED, YES_SIGNED, NULL, NO, NO, BOGUS, TLSA_FAILED, "", 1 },
	{ "unsigned address", NO, YES, NULL, NO, NO, YES_SIGNED, TLSA_INSECURE, "", 0 },
	{ "one address unsigned", YES, YES_SIGNED, NULL, NO, NO, YES_SIGNED, TLSA_INSECURE, "", 0 },
	{ "no address", NO_SIGNED, NO_SIGNED, NULL, NO, NO, YES_SIGNED, TLSA_INSECURE, "", 0 },
	{ "one family fails", SERVFAIL, YES_SIGNED, NULL, NO, NO, YES_SIGNED, TLSA_SECURE, "mx.test", 1 },
	{ "one fails, the other is absent", SERVFAIL, NO_SIGNED, NULL, NO, NO, YES_SIGNED, TLSA_FAILED, "", 0 },
	{ "addresses bogus", BOGUS, BOGUS, NULL, NO, NO, YES_SIGNED, TLSA_FAILED, "", 0 },
	{ "alias with records", NO_SIGNED, YES_SIGNED, "far.test", NO, YES_SIGNED, YES_SIGNED, TLSA_SECURE, "far.test", 1 },
	{ "alias without: the host's", NO_SIGNED, YES_SIGNED, "far.test", NO, NO_SIGNED, YES_SIGNED, TLSA_SECURE, "mx.test", 2 },
	{ "neither", NO_SIGNED, YES_SIGNED, "far.test", NO, NO_SIGNED, NO_SIGNED, TLSA_ABSENT, "", 2 },
	{ "the alias's fail", NO_SIGNED, YES_SIGNED, "far.test", NO, SERVFAIL, YES_SIGNED, TLSA_FAILED, "", 1 },
	{ "signed alias to an unsigned zone", NO, YES, "far.test", YES_SIGNED, YES_SIGNED, YES_SIGNED, TLSA_SECURE, "mx.test", 2 },
	{ "the same, no records", NO, YES, "far.test", YES_SIGNED, YES_SIGNED, NO_SIGNED, TLSA_ABSENT, "", 2 },
	{ "unsigned alias", NO, YES, "far.test", YES, YES_SIGNED, YES_SIGNED, TLSA_INSECURE, "", 1 },
	{ "alias bogus", NO, YES, "far.test", BOGUS, YES_SIGNED, YES_SIGNED, TLSA_FAILED, "", 1 },
};
/* clang-format on */

static void
ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome o = outcome_of(&rows[i]);

		if (o.status != rows[i].want || strcmp(o.base, rows[i].base) != 0)
			fail_msg("%s: status %d of \"%s\"", rows[i].what, (int)o.status, o.base);
		assert_int_equal(o.why,
		    o.status == TLSA_FAILED ? REFUSAL_tlsa_unknown : REFUSAL_NONE);
	}
}

static void
given_up(void **state)
{
	struct dns *d = fake_new();
	struct outcome o = { 0 };
	struct tlsa_query *q = tlsa_find(d, "d.test", "mx.test", 25, found, &o);

	(void)state;
	tlsa_cancel(&q);
	assert_null(q);
	for (size_t i = 0; i < 2; i++)
		assert_null(d->query[i].done);
	q = tlsa_find(d, "d.test", "mx.test", 25, found, &o);
	answer(&d->query[2], &rows[0]);
	answer(&d->query[3], &rows[0]);
	assert_int_equal(d->n, 5);
	tlsa_cancel(&q);
	assert_null(d->query[4].done);
	assert_int_equal(o.calls, 0);
	fake_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways),
		cmocka_unit_test(given_up),
	};

	return cmocka_run_group_tests_name("tlsa", tests, NULL, NULL);
}
