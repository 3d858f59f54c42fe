/* sts_policy — TXT records and policies, good and malformed, and which hosts a policy names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/sts/sts_policy.h"

/* -- TXT --------------------------------------------------------------------------------------- */

/* Each text as one string of TXT; "|" begins another string of the same record. */
static bool
reads(const char *const *texts, size_t n, char id[STS_ID_BYTES])
{
	struct buf b[4] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	struct span rdata[4] = { 0 };
	bool ok;

	for (size_t i = 0; i < n; i++) {
		struct span rest = span_str(texts[i]);

		while (rest.n > 0) {
			struct span part = span_cut(&rest, '|');
			unsigned char length = (unsigned char)part.n;

			buf_add(&b[i], &length, 1);
			buf_add(&b[i], part.p, part.n);
		}
		rdata[i] = buf_span(&b[i]);
	}
	ok = sts_record_read(rdata, n, id);
	for (size_t i = 0; i < n; i++)
		buf_clear(&b[i]);
	return ok;
}

static void
records(void **state)
{
	static const struct {
		const char *text, *id; /* NULL: no policy */
	} rows[] = {
		{ "v=STSv1; id=20160831085700Z;", "20160831085700Z" },
		{ "v=STSv1;id=1", "1" },
		{ "v=STSv1 \t; \tid=a1 ; ", "a1" },
		{ "v=STSv1; a=b; id=7; c.d-e_f=<!>", "7" },
		{ "v=STSv1; id=1; id=2", "1" },
		{ "v=ST|Sv1; i|d=12|34", "1234" },
		{ "v=STSv1; id=01234567890123456789012345678901",
		    "01234567890123456789012345678901" },
		{ "v=STSv1; id=012345678901234567890123456789012", NULL },
		{ "v=STSv1; id=", NULL },
		{ "v=STSv1; id=a-b", NULL },
		{ "v=STSv1; id=1 2", NULL },
		{ "v=STSv1; ID=1", NULL },
		{ "v=STSv1;", NULL },
		{ "v=STSv1", NULL },
		{ "v=STSv1; ; id=1", NULL },
		{ "v=STSv1; id=1; =b", NULL },
		{ "v=STSv1; id=1; a", NULL },
		{ "v=STSv1; id=1; a=", NULL },
		{ "v=STSv1; id=1; a=b=c", NULL },
		{ "v=STSv1; id=1; _a=b", NULL },
		{ "v=STSv1; id=1; a=\xc3\xa4", NULL },
		{ " v=STSv1; id=1", NULL },
		{ "V=STSv1; id=1", NULL },
		{ "v=STSv10; id=1", NULL },
		{ "id=1; v=STSv1", NULL },
		{ "v=spf1 -all", NULL },
		{ "", NULL },
	};
	char id[STS_ID_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool ok = reads(&rows[i].text, 1, id);

		if (ok != (rows[i].id != NULL) || strcmp(id, ok ? rows[i].id : "") != 0)
			fail_msg("%s: \"%s\"", rows[i].text, id);
	}
}

static void
exactly_one_record(void **state)
{
	static const char *const two[] = { "v=STSv1; id=1", "v=STSv1; id=1" };
	static const char *const other[] = { "v=spf1 -all", "v=STSv1; id=9", "anything" };
	static const char *const half[] = { "v=STSv1; id=1", "v=STSv1; bad" };
	static const struct span cut[] = { { "\5v=S", 4 }, { "\x0dv=STSv1; id=3", 14 } };
	char id[STS_ID_BYTES];

	(void)state;
	assert_false(reads(two, 2, id));
	assert_true(reads(other, 3, id));
	assert_string_equal(id, "9");
	assert_false(reads(half, 2, id));
	assert_false(reads(NULL, 0, id));
	assert_true(sts_record_read(cut, 2, id));
	assert_false(sts_record_read(cut, 1, id));
	assert_string_equal(id, "");
}

/* -- policies ---------------------------------------------------------------------------------- */

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 604800\n"

static void
policies(void **state)
{
	static const struct {
		const char *text;
		enum sts_mode mode;
		uint32_t age_s;
	} good[] = {
		{ HEAD "mx: mail.d.test\n", STS_ENFORCE, 604800 },
		{ "version: STSv1\r\nmode: testing\r\nmx: *.d.test\r\nmax_age: 1\r\n", STS_TESTING,
		    1 },
		{ "mx: a.d.test\nmax_age: 0\nmode: enforce\nversion: STSv1", STS_ENFORCE, 0 },
		{ "version:STSv1 \nmode:\tnone\nmax_age: 86400", STS_NONE, 86400 },
		{ HEAD "mx: a.d.test\nfuture-field: \xc3\xa4 b: c\n", STS_ENFORCE, 604800 },
		{ "\n" HEAD "\n  \nmx: a.d.test\n\n", STS_ENFORCE, 604800 },
		/* what comes twice: the first counts */
		{ HEAD "mode: none\nmax_age: x\nversion: STSv2\nmx: a.d.test\n", STS_ENFORCE,
		    604800 },
		{ "version: STSv1\nmode: none\nmax_age: 31557601\n", STS_NONE, STS_AGE_MAX_S },
		{ "version: STSv1\nmode: none\nmax_age: 9999999999\n", STS_NONE, STS_AGE_MAX_S },
		{ "version: STSv1\nmode: none\nmax_age: 0000000007\n", STS_NONE, 7 },
	};
	static const char *const bad[] = {
		"",
		HEAD,
		"mode: enforce\nmax_age: 1\nmx: a.d.test\n",
		"version: STSv1\nmax_age: 1\nmx: a.d.test\n",
		"version: STSv1\nmode: enforce\nmx: a.d.test\n",
		"version: STSv2\nmode: none\nmax_age: 1\n",
		"version: stsv1\nmode: none\nmax_age: 1\n",
		"Version: STSv1\nmode: none\nmax_age: 1\n",
		"version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a.d.test\n",
		"version: STSv1\nmode: none\nmax_age: 1d\n",
		"version: STSv1\nmode: none\nmax_age: -1\n",
		"version: STSv1\nmode: none\nmax_age: 10000000000\n",
		"version: STSv1\nmode: none\nmax_age:\n",
		HEAD "mx: a.d.test\nno colon\n",
		HEAD "mx: a.d.test\n: nothing\n",
		HEAD "mx: a.d.test\n-a: b\n",
		HEAD "mx: a.d.test\na: \x01\n",
		HEAD "mx: a.d.test\na: \xc3\n",
		HEAD "mx: a.d.test\nversion: STSv1\rmode: none\n",
		HEAD "mx: *\n",
		HEAD "mx: *.*.d.test\n",
		HEAD "mx: a.*.test\n",
		HEAD "mx: *a.d.test\n",
		HEAD "mx: a.d.test, b.d.test\n",
		HEAD "mx: 192.0.2.1\n",
		HEAD "mx:\n",
		"<html>not found</html>",
	};
	struct sts_policy p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (!sts_policy_parse(span_str(good[i].text), &p, &e))
			fail_msg("%s: %s", good[i].text, e.text);
		assert_int_equal(p.mode, good[i].mode);
		assert_int_equal(p.max_age_s, good[i].age_s);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (sts_policy_parse(span_str(bad[i]), &p, &e))
			fail_msg("%s", bad[i]);
		assert_int_equal(e.why, REFUSAL_bad_reply);
	}
	assert_false(
	    sts_policy_parse(span_of("version: STSv1\nmode: none\nmax_age: 1\na: \0\n", 43), &p,
		&e));
}

static void
at_most_64_kib(void **state)
{
	struct buf b = BUF_INIT;
	struct sts_policy p;
	struct err e;

	(void)state;
	buf_addf(&b, HEAD "mx: last.d.test\n");
	while (b.len < STS_TEXT_MAX)
		buf_addf(&b, "\n");
	assert_true(sts_policy_parse(buf_span(&b), &p, &e));
	assert_true(sts_policy_allows(&p, "last.d.test", &e));
	buf_addf(&b, "\n");
	assert_false(sts_policy_parse(buf_span(&b), &p, &e));
	buf_clear(&b);
}

static void
hosts(void **state)
{
	static const char text[] = HEAD
	    "mx: mail.d.test\r\nmx: *.Backup.d.test\nmx: xn--bcher-kva.test\n";
	static const char *const named[] = { "mail.d.test", "MAIL.D.test", "a.backup.d.test",
		"xn--bcher-kva.test" };
	static const char *const others[] = { "backup.d.test", "a.b.backup.d.test", "d.test",
		"amail.d.test", "mail.d.test.test", "*.backup.d.test.x", "" };
	struct sts_policy p;
	struct err e;

	(void)state;
	assert_true(sts_policy_parse(span_str(text), &p, &e));
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (!sts_policy_allows(&p, named[i], &e))
			fail_msg("%s: %s", named[i], e.text);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (sts_policy_allows(&p, others[i], &e))
			fail_msg("%s", others[i]);
		assert_int_equal(e.why, REFUSAL_sts_mismatch);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(exactly_one_record),
		cmocka_unit_test(policies),
		cmocka_unit_test(at_most_64_kib),
		cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests_name("sts_policy", tests, NULL, NULL);
}
