/* oms_smtp_secure — what vouches for an MX host: the table of SPEC.md 18, cell by cell, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oms/smtp/smtp_secure.h"

#define COLUMNS 6

/* The columns of the table: what the CA's judgement says, and that of usage 2 and 3 (dane.h has that table). */
static const struct column {
	const char *name;
	enum refusal ca;
	enum dane_outcome usage2, usage3;
} columns[COLUMNS] = {
	{ "good", REFUSAL_NONE, DANE_MATCH_TA, DANE_MATCH_EE },
	{ "self-signed", REFUSAL_certificate_selfsigned, DANE_MISMATCH, DANE_MATCH_EE },
	{ "expired", REFUSAL_certificate_expired, DANE_MISMATCH, DANE_MATCH_EE },
	{ "revoked", REFUSAL_certificate_revoked, DANE_MATCH_TA, DANE_MATCH_EE },
	{ "other name", REFUSAL_certificate_name, DANE_MISMATCH, DANE_MATCH_EE },
	{ "no match", REFUSAL_NONE, DANE_MISMATCH, DANE_MISMATCH },
};

static enum dane_outcome
outcome(struct span usage, const struct column *c)
{
	if (span_eq(usage, SPAN_LIT("2")))
		return c->usage2;
	if (span_eq(usage, SPAN_LIT("3")))
		return c->usage3;
	assert_true(span_eq(usage, SPAN_LIT("none, 0, 1")));
	return DANE_NONE;
}

static void
cell(struct span usage, struct span set, const struct column *c, struct span want)
{
	struct smtp_secure_facts f = { .ca = c->ca,
		.revocation = c->ca,
		.dane = outcome(usage, c),
		.policy = span_starts(set, SPAN_LIT("MTA-STS")) };
	char text[64], said[64] = "goes";
	struct err e;

	snprintf(text, sizeof text, "%.*s", SPAN_FMT(set));
	f.mode = strstr(text, "report-only") != NULL ? CONF_REPORT_ONLY : CONF_ENFORCE;
	f.dane_mode = strstr(text, "enough") != NULL ? CONF_DANE_ENOUGH : CONF_DANE_BESIDES;
	if (!smtp_secure_goes(&f, "mx.b.test", &e))
		snprintf(said, sizeof said, "`%s`", refusal_word(e.why));
	if (!span_eq(want, span_str(said)))
		fail_msg("usage %.*s, %.*s, %s: %s, and SPEC.md says %.*s", SPAN_FMT(usage),
		    SPAN_FMT(set), c->name, said, SPAN_FMT(want));
	if (f.dane == DANE_NONE) { /* records that do not count are none */
		f.dane = DANE_UNUSABLE;
		assert_int_equal(smtp_secure_goes(&f, "mx.b.test", &e),
		    span_eq(want, SPAN_LIT("goes")));
	}
}

static void
row(char *line)
{
	struct span rest = span_str(line), usage, set;

	(void)span_cut(&rest, '|');
	usage = span_trim(span_cut(&rest, '|'));
	set = span_trim(span_cut(&rest, '|'));
	for (size_t i = 0; i < COLUMNS; i++)
		cell(usage, set, &columns[i], span_trim(span_cut(&rest, '|')));
}

static void
the_table(void **state)
{
	FILE *f = fopen("proto/SPEC.md", "r");
	unsigned rows = 0;
	char line[4096];
	bool inside = false;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "| TLSA usage", 12) == 0)
			inside = true;
		else if (inside && line[0] != '|')
			inside = false;
		else if (inside && strncmp(line, "|---", 4) != 0) {
			row(line);
			rows++;
		}
	}
	fclose(f);
	assert_int_equal(rows, 11);
}

/* A revoked certificate may have another name or have expired, too. */
static void
revoked_never(void **state)
{
	static const enum refusal words[] = { REFUSAL_certificate_revoked,
		REFUSAL_revocation_unknown };
	struct smtp_secure_facts f = { .ca = REFUSAL_certificate_name,
		.dane = DANE_MATCH_EE,
		.dane_mode = CONF_DANE_ENOUGH };
	struct err e;

	(void)state;
	assert_true(smtp_secure_goes(&f, "mx.b.test", &e));
	for (size_t i = 0; i < 2; i++) {
		f.revocation = words[i];
		f.mode = CONF_ENFORCE;
		assert_false(smtp_secure_goes(&f, "mx.b.test", &e));
		assert_int_equal(e.why, words[i]);
		f.mode = CONF_REPORT_ONLY;
		assert_false(smtp_secure_goes(&f, "mx.b.test", &e));
		assert_int_equal(e.why, words[i]);
	}
}

static void
what_is_said(void **state)
{
	struct smtp_secure_facts f = { .dane = DANE_NONE };
	char text[SMTP_SECURE_BYTES];

	(void)state;
	smtp_secure_reached(&f, text);
	assert_string_equal(text, "ca");
	smtp_secure_wanted(&f, text);
	assert_string_equal(text, "ca");
	f.policy = true;
	f.dane = DANE_MATCH_TA;
	smtp_secure_reached(&f, text);
	assert_string_equal(text, "ca+dane+sts");
	smtp_secure_wanted(&f, text);
	assert_string_equal(text, "ca+dane+sts");
	f = (struct smtp_secure_facts) { .ca = REFUSAL_certificate_name,
		.dane = DANE_MATCH_EE,
		.dane_mode = CONF_DANE_ENOUGH };
	smtp_secure_reached(&f, text);
	assert_string_equal(text, "dane");
	smtp_secure_wanted(&f, text);
	assert_string_equal(text, "dane");
	f = (struct smtp_secure_facts) { .ca = REFUSAL_certificate_name, .mode = CONF_REPORT_ONLY };
	smtp_secure_reached(&f, text);
	assert_string_equal(text, "tls");
	smtp_secure_wanted(&f, text);
	assert_string_equal(text, "tls");
}

static void
who_may_be_tried(void **state)
{
	const struct span text = SPAN_LIT("version: STSv1\r\nmode: enforce\r\nmx: *.b.test\r\n"
					  "max_age: 86400\r\n");
	struct sts_policy p;
	struct err e;

	(void)state;
	assert_true(sts_policy_parse(text, &p, &e));
	assert_true(smtp_secure_may_try("mx.b.test", TLSA_ABSENT, &p, &e));
	assert_false(smtp_secure_may_try("mx.c.test", TLSA_ABSENT, &p, &e));
	assert_int_equal(e.why, REFUSAL_sts_mismatch);
	p.mode = STS_TESTING;
	assert_true(smtp_secure_may_try("mx.c.test", TLSA_SECURE, &p, &e));
	assert_true(smtp_secure_may_try("mx.c.test", TLSA_INSECURE, NULL, &e));
	assert_false(smtp_secure_may_try("mx.c.test", TLSA_FAILED, NULL, &e));
	assert_int_equal(e.why, REFUSAL_tlsa_unknown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(revoked_never),
		cmocka_unit_test(what_is_said),
		cmocka_unit_test(who_may_be_tried),
	};

	return cmocka_run_group_tests_name("oms_smtp_secure", tests, NULL, NULL);
}
