/* dmarc — records, where they are looked for, and what becomes of a letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dkim/dmarc.h"
#include "tests/unit/dns_world.h"

/* clang-format off */
#define N DMARC_P_NONE
#define Q DMARC_P_QUARANTINE
#define R DMARC_P_REJECT

static const struct {
	const char *text;
	bool good;
	struct dmarc_record want;
} records[] = {
	{ "v=DMARC1; p=none", true, { N, N, 100, false, false } },
	{ "v=DMARC1;p=reject;", true, { R, R, 100, false, false } },
	{ "v = DMARC1 ; p = Reject ; sp=quarantine; pct=20; adkim=s; aspf=s; rua=mailto:a@b.test", true, { R, Q, 20, true, true } },
	{ "v=DMARC1; p=quarantine; adkim=r; aspf=r; fo=1:d; rf=afrf; ri=86400; x=", true, { Q, Q, 100, false, false } },
	{ "v=DMARC1; p=reject; pct=101", true, { R, R, 100, false, false } },
	{ "v=DMARC1; p=reject; pct=0", true, { R, R, 0, false, false } },
	{ "v=DMARC1; p=reject; what", true, { R, R, 100, false, false } },
	{ "v=DMARC1; sp=none; p=reject", true, { R, N, 100, false, false } },
	{ "v=DMARC1; p=none; p=reject", true, { N, N, 100, false, false } },
	{ "v=DMARC1; p=perhaps; rua=mailto:a@b.test", true, { N, N, 100, false, false } },
	{ "v=DMARC1; p=reject; sp=perhaps; rua=mailto:a@b.test", true, { N, N, 100, false, false } },
	{ "v=DMARC1; rua=https://b.test, mailto:a@b.test", true, { N, N, 100, false, false } },
	{ "v=DMARC1; p=reject; sp=perhaps", false, { 0 } },
	{ "v=DMARC1; p=perhaps; rua=x", false, { 0 } },
	{ "v=DMARC1", false, { 0 } },
	{ "v=DMARC1; ", false, { 0 } },
	{ "v=dmarc1; p=reject", false, { 0 } },
	{ "v=DMARC2; p=reject", false, { 0 } },
	{ "p=reject; v=DMARC1", false, { 0 } },
	{ "v=DMARC1 p=reject", false, { 0 } },
	{ "v=spf1 -all", false, { 0 } },
	{ "", false, { 0 } },
};

static const char zone[] =
	"_dmarc.own.test. TXT \"v=DMARC1; p=reject; sp=none\"\n"
	"_dmarc.mail.own.test. TXT \"v=DMARC1; p=quarantine\"\n"
	"_dmarc.halves.test. TXT \"v=DMA\" \"RC1; p=rej\" \"ect\"\n"
	"_dmarc.two.test. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.two.test. TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.a.two.test. TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.a.two.test. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.beside.test. TXT \"v=spf1 -all\"\n"
	"_dmarc.beside.test. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.spf.own.test. TXT \"v=spf1 -all\"\n"
	"_dmarc.empty.test. TXT \"v=DMARC1\"\n"
	"_dmarc.failing.test. CNAME _dmarc.failing.test.\n"
	"_dmarc.co.uk. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.shop.co.uk. TXT \"v=DMARC1; p=quarantine\"\n";

static const struct {
	const char *from;
	enum dmarc_status status;
	const char *at;
	enum dmarc_policy domain;
} looked_up[] = {
	{ "own.test", DMARC_FOUND, "own.test", R },
	{ "a.b.own.test", DMARC_FOUND, "own.test", R },
	{ "mail.own.test", DMARC_FOUND, "mail.own.test", Q },
	{ "a.mail.own.test", DMARC_FOUND, "own.test", R },
	{ "spf.own.test", DMARC_FOUND, "own.test", R },
	{ "halves.test", DMARC_FOUND, "halves.test", R },
	{ "beside.test", DMARC_FOUND, "beside.test", R },
	{ "two.test", DMARC_ABSENT, "", N },
	{ "a.two.test", DMARC_ABSENT, "", N },
	{ "empty.test", DMARC_ABSENT, "", N },
	{ "none.test", DMARC_ABSENT, "", N },
	{ "a.none.test", DMARC_ABSENT, "", N },
	{ "failing.test", DMARC_FAILED, "", N },
	{ "www.shop.co.uk", DMARC_FOUND, "shop.co.uk", Q },
	{ "else.co.uk", DMARC_ABSENT, "", N },
};

/* What the one signature says; SIGNED by its result and domain. */
#define NO_SIGNATURE { 0, 0, { "" }, "", 0, false, "" }, 0
#define SIGNED(result, domain) { result, 0, { domain }, "", 0, false, "" }, 1

static const struct {
	const char *what, *from, *spf;
	struct dkim_verdict verdict;
	size_t n;
	struct dmarc_record record;
	const char *at; /* NULL: no record */
	unsigned draw;
	enum dmarc_result result;
	enum dmarc_action action;
} judged[] = {
	{ "SPF of the same domain", "own.test", "own.test", NO_SIGNATURE, { R, R, 100, true, true }, "own.test", 0, DMARC_PASS, DMARC_ACCEPT },
	{ "SPF of a domain below", "own.test", "bounce.own.test", NO_SIGNATURE, { R, R, 100, false, false }, "own.test", 0, DMARC_PASS, DMARC_ACCEPT },
	{ "the same, strict", "own.test", "bounce.own.test", NO_SIGNATURE, { R, R, 100, false, true }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "SPF of another", "own.test", "list.test", NO_SIGNATURE, { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "SPF of another below a suffix", "a.co.uk", "b.co.uk", NO_SIGNATURE, { R, R, 100, false, false }, "a.co.uk", 0, DMARC_FAIL, DMARC_REJECT },
	{ "a name that ends alike", "own.test", "xown.test", NO_SIGNATURE, { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "neither", "own.test", NULL, NO_SIGNATURE, { Q, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_QUARANTINE },
	{ "neither, p=none", "own.test", NULL, NO_SIGNATURE, { N, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_ACCEPT },
	{ "a signature", "own.test", NULL, SIGNED(DKIM_PASS, "own.test"), { R, R, 100, true, true }, "own.test", 0, DMARC_PASS, DMARC_ACCEPT },
	{ "a signature of the domain above", "a.own.test", NULL, SIGNED(DKIM_PASS, "own.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_PASS, DMARC_ACCEPT },
	{ "the same, strict", "a.own.test", NULL, SIGNED(DKIM_PASS, "own.test"), { R, R, 100, true, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "a signature of a suffix", "shop.co.uk", NULL, SIGNED(DKIM_PASS, "co.uk"), { R, R, 100, false, false }, "shop.co.uk", 0, DMARC_FAIL, DMARC_REJECT },
	{ "a list's signature", "own.test", "list.test", SIGNED(DKIM_PASS, "list.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "a list's signature, and SPF", "own.test", "own.test", SIGNED(DKIM_FAIL, "own.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_PASS, DMARC_ACCEPT },
	{ "a signature that fails", "own.test", NULL, SIGNED(DKIM_FAIL, "own.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "one that policy refuses", "own.test", NULL, SIGNED(DKIM_POLICY, "own.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "one with a fault", "own.test", NULL, SIGNED(DKIM_PERMERROR, "own.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "one that is not known", "own.test", NULL, SIGNED(DKIM_TEMPERROR, "own.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_TEMPERROR, DMARC_LATER },
	{ "one that is not known, p=none", "own.test", NULL, SIGNED(DKIM_TEMPERROR, "own.test"), { N, R, 100, false, false }, "own.test", 0, DMARC_TEMPERROR, DMARC_ACCEPT },
	{ "another's that is not known", "own.test", NULL, SIGNED(DKIM_TEMPERROR, "list.test"), { R, R, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "sp", "a.own.test", NULL, NO_SIGNATURE, { R, Q, 100, false, false }, "own.test", 0, DMARC_FAIL, DMARC_QUARANTINE },
	{ "p where it has its own record", "a.own.test", NULL, NO_SIGNATURE, { R, Q, 100, false, false }, "a.own.test", 0, DMARC_FAIL, DMARC_REJECT },
	{ "pct, drawn", "own.test", NULL, NO_SIGNATURE, { R, R, 20, false, false }, "own.test", 19, DMARC_FAIL, DMARC_REJECT },
	{ "pct, not drawn", "own.test", NULL, NO_SIGNATURE, { R, R, 20, false, false }, "own.test", 20, DMARC_FAIL, DMARC_QUARANTINE },
	{ "pct, not drawn, quarantine", "own.test", NULL, NO_SIGNATURE, { Q, Q, 20, false, false }, "own.test", 99, DMARC_FAIL, DMARC_ACCEPT },
	{ "pct, not drawn, none", "own.test", NULL, NO_SIGNATURE, { N, N, 20, false, false }, "own.test", 99, DMARC_FAIL, DMARC_ACCEPT },
	{ "no record", "own.test", NULL, NO_SIGNATURE, { R, R, 100, false, false }, NULL, 0, DMARC_NONE, DMARC_ACCEPT },
};
/* clang-format on */

static void
parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		struct dmarc_record r, want = records[i].want;
		bool good = dmarc_parse(span_str(records[i].text), &r);

		if (good != records[i].good ||
		    (good &&
			(r.domain != want.domain || r.subdomains != want.subdomains ||
			    r.percent != want.percent || r.strict_dkim != want.strict_dkim ||
			    r.strict_spf != want.strict_spf)))
			fail_msg("\"%s\": p %s sp %s pct %u", records[i].text,
			    dmarc_policy_text(r.domain), dmarc_policy_text(r.subdomains),
			    r.percent);
	}
}

struct heard {
	struct loop *loop;
	struct dmarc_found found;
	enum refusal why;
	unsigned calls;
};

static void
found(void *arg, const struct dmarc_found *f, const struct err *why)
{
	struct heard *h = arg;

	h->found = *f;
	h->why = why == NULL ? REFUSAL_NONE : why->why;
	h->calls++;
	loop_stop(h->loop);
}

static void
looking_up(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, zone);
	for (size_t i = 0; i < sizeof looked_up / sizeof looked_up[0]; i++) {
		struct heard h = { .loop = w.loop };

		dmarc_find(w.dns, &(struct dkim_about) { "", NULL }, looked_up[i].from, found, &h);
		assert_int_equal(h.calls, 0);
		loop_run(w.loop);
		assert_int_equal(h.calls, 1);
		if (h.found.status != looked_up[i].status ||
		    strcmp(h.found.at.text, looked_up[i].at) != 0 ||
		    h.found.record.domain != looked_up[i].domain)
			fail_msg("%s: status %d at \"%s\"", looked_up[i].from, (int)h.found.status,
			    h.found.at.text);
		assert_int_equal(h.why,
		    h.found.status == DMARC_FAILED ? REFUSAL_dns_failed : REFUSAL_NONE);
	}
	world_close(&w);
}

static void
given_up(void **state)
{
	struct world w;
	struct heard h = { 0 };
	struct dmarc_query *q;

	(void)state;
	world_open(&w, zone);
	q = dmarc_find(w.dns, &(struct dkim_about) { "", NULL }, "own.test", found, &h);
	dmarc_cancel(&q);
	assert_null(q);
	loop_stop(w.loop);
	loop_run(w.loop);
	assert_int_equal(h.calls, 0);
	world_close(&w);
}

static void
judging(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
		struct dmarc_found f = { .status = judged[i].at == NULL ? DMARC_ABSENT
									: DMARC_FOUND,
			.record = judged[i].record,
			.at = domain_copy(judged[i].at == NULL ? "" : judged[i].at) };
		struct dmarc_facts facts = { judged[i].from, judged[i].spf, &judged[i].verdict,
			judged[i].n, judged[i].draw };
		struct dmarc_judgement j = dmarc_judge(&f, &facts);

		if (j.result != judged[i].result || j.action != judged[i].action)
			fail_msg("%s: %s, action %d", judged[i].what, dmarc_result_text(j.result),
			    (int)j.action);
		f.status = DMARC_FAILED;
		j = dmarc_judge(&f, &facts);
		assert_int_equal(j.result, DMARC_TEMPERROR);
		assert_int_equal(j.action, DMARC_LATER);
	}
}

/* One good signature among others is enough. */
static void
several(void **state)
{
	const struct dkim_verdict v[3] = { { .result = DKIM_FAIL, .domain = { "own.test" } },
		{ .result = DKIM_PASS, .domain = { "list.test" } },
		{ .result = DKIM_PASS, .domain = { "own.test" } } };
	const struct dmarc_found f = { DMARC_FOUND, { R, R, 100, true, true }, { "own.test" } };

	(void)state;
	for (size_t n = 0; n <= 3; n++)
		assert_int_equal(dmarc_judge(&f,
				     &(struct dmarc_facts) { "own.test", NULL, v, n, 0 })
				     .result,
		    n == 3 ? DMARC_PASS : DMARC_FAIL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(looking_up),
		cmocka_unit_test(given_up),
		cmocka_unit_test(judging),
		cmocka_unit_test(several),
	};

	return cmocka_run_group_tests_name("dmarc", tests, NULL, NULL);
}
