/* smtp_command — EHLO, MAIL and RCPT: what is read, and what is refused by which word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/smtp_command.h"

#define ALL                                                                                        \
	(SMTP_OFFER_SIZE | SMTP_OFFER_8BITMIME | SMTP_OFFER_SMTPUTF8 | SMTP_OFFER_REQUIRETLS |     \
	    SMTP_OFFER_AUTH)

static void
verbs_are_read_in_any_case(void **state)
{
	static const char *const verbs[] = { "EHLO", "MAIL" };
	struct span args;

	(void)state;
	assert_int_equal(smtp_command_verb(SPAN_LIT("ehLO a.test"), verbs, 2, &args), 0);
	assert_true(span_eq(args, SPAN_LIT("a.test")));
	assert_int_equal(smtp_command_verb(SPAN_LIT("MAIL"), verbs, 2, &args), 1);
	assert_int_equal(args.n, 0);
	assert_int_equal(smtp_command_verb(SPAN_LIT("mail  FROM:<>  "), verbs, 2, &args), 1);
	assert_true(span_eq(args, SPAN_LIT(" FROM:<>")));
	assert_int_equal(smtp_command_verb(SPAN_LIT("MAILS"), verbs, 2, &args), -1);
	assert_int_equal(smtp_command_verb(SPAN_LIT(""), verbs, 2, &args), -1);
	assert_int_equal(smtp_command_verb(SPAN_LIT("  "), verbs, 2, &args), -1);
}

static void
a_host_says_its_name(void **state)
{
	static const struct {
		const char *in;
		enum smtp_name_kind kind;
		const char *host;
	} names[] = {
		{ "MX.A.test", SMTP_NAME_HOST, "mx.a.test" },
		{ "[192.0.2.1]", SMTP_NAME_LITERAL, "" },
		{ "[IPv6:2001:db8::1]", SMTP_NAME_LITERAL, "" },
		{ "192.0.2.1", SMTP_NAME_LITERAL, "" },
		{ "localhost", SMTP_NAME_OTHER, "" },
		{ "my_pc.a.test", SMTP_NAME_OTHER, "" },
		{ "a..test", SMTP_NAME_OTHER, "" },
	};
	struct smtp_name name;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_true(smtp_command_name(span_str(names[i].in), NULL, &name, &e));
		assert_int_equal(name.kind, names[i].kind);
		if (name.kind == SMTP_NAME_HOST)
			assert_string_equal(name.host.text, names[i].host);
		assert_true(span_eq(name.as_came, span_str(names[i].in)));
	}
	assert_false(smtp_command_name(SPAN_LIT(""), NULL, &name, &e));
	assert_int_equal(e.why, REFUSAL_bad_syntax);
	assert_false(smtp_command_name(SPAN_LIT("a.test b.test"), NULL, &name, &e));
	assert_int_equal(e.why, REFUSAL_bad_syntax);
}

static struct smtp_mail
mail(const char *args)
{
	struct smtp_mail m;
	struct err e = { 0 };

	if (!smtp_command_mail(span_str(args), ALL, &m, &e))
		fail_msg("%s: %s", args, e.text);
	return m;
}

static void
mail_has_parameters(void **state)
{
	struct smtp_mail m = mail("FROM:<a@b.test>");

	(void)state;
	assert_true(m.size == 0 && !m.eight_bit && !m.utf8 && !m.require_tls);
	m = mail("from:<> SIZE=0");
	assert_int_equal(m.from.kind, SMTP_PATH_NULL);
	m = mail("FROM:<a@b.test> size=00010 BODY=8bitmime SMTPUTF8 REQUIRETLS AUTH=<>");
	assert_true(m.size == 10 && m.eight_bit && m.utf8 && m.require_tls);
	assert_false(mail("FROM:<a@b.test> BODY=7BIT").eight_bit);
	assert_true(mail("FROM:<a@b.test> SIZE=18446744073709551614").size == UINT64_MAX - 1);
	assert_true(mail("FROM:<a@b.test> SIZE=18446744073709551615").size == UINT64_MAX);
	assert_true(mail("FROM:<a@b.test> SIZE=18446744073709551616").size == UINT64_MAX);
	assert_true(mail("FROM:<a@b.test> SIZE=99999999999999999999").size == UINT64_MAX);
	assert_true(mail("FROM:<j\xc3\xb6rg@b.test> SMTPUTF8").utf8);
	assert_true(mail("FROM:<\"> SIZE=1\"@b.test>").size == 0);
}

static void
mail_refused(const char *args, unsigned offered, enum refusal why)
{
	struct smtp_mail m;
	struct err e = { 0 };

	if (smtp_command_mail(span_str(args), offered, &m, &e))
		fail_msg("%s: taken", args);
	if (e.why != why)
		fail_msg("%s: %s", args, e.text);
}

static void
what_was_not_offered_is_refused(void **state)
{
	static const char *const one_each[] = { "SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "REQUIRETLS",
		"AUTH=<>" };

	(void)state;
	for (size_t i = 0; i < sizeof one_each / sizeof one_each[0]; i++) {
		char args[64];

		snprintf(args, sizeof args, "FROM:<a@b.test> %s", one_each[i]);
		mail_refused(args, ALL & ~(1u << i), REFUSAL_bad_parameter);
		mail(args);
		snprintf(args, sizeof args, "FROM:<a@b.test> %s %s", one_each[i], one_each[i]);
		mail_refused(args, ALL, REFUSAL_bad_parameter);
	}
	mail_refused("FROM:<a@b.test> RET=HDRS", ALL, REFUSAL_bad_parameter);
	mail_refused("FROM:<a@b.test> X", ALL, REFUSAL_bad_parameter);
	mail_refused("FROM:<j\xc3\xb6rg@b.test>", ALL, REFUSAL_bad_parameter);
}

static void
malformed_parameters_are_refused(void **state)
{
	static const char *const values[] = { "SIZE", "SIZE=x", "SIZE=-1",
		"SIZE=123456789012345678901", "BODY", "BODY=BINARYMIME", "SMTPUTF8=1",
		"REQUIRETLS=yes", "AUTH" };
	static const char *const forms[] = { "FROM:<a@b.test>SIZE=1", "FROM:<a@b.test>  SIZE=1",
		"FROM:<a@b.test> -X", "FROM:<a@b.test> SIZE=", "FROM:<a@b.test> =1",
		"FROM:<a@b.test> SIZE=1=1", "FROM:<a@b.test>x", "FROM: <a@b.test>",
		"FROM <a@b.test>", "<a@b.test>", "TO:<a@b.test>", "" };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		char args[64];

		snprintf(args, sizeof args, "FROM:<a@b.test> %s", values[i]);
		mail_refused(args, ALL, REFUSAL_bad_parameter);
	}
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct smtp_mail m;
		struct err e = { 0 };

		assert_false(smtp_command_mail(span_str(forms[i]), ALL, &m, &e));
		if (e.why != REFUSAL_bad_syntax && e.why != REFUSAL_bad_address)
			fail_msg("%s: %s", forms[i], e.text);
	}
}

static void
rcpt_has_a_path(void **state)
{
	struct smtp_path to;
	struct err e = { 0 };

	(void)state;
	assert_true(smtp_command_rcpt(SPAN_LIT("to:<a@b.test>"), &to, &e));
	assert_true(span_eq(to.local, SPAN_LIT("a")));
	assert_true(smtp_command_rcpt(SPAN_LIT("TO:<postmaster>"), &to, &e));
	assert_int_equal(to.kind, SMTP_PATH_POSTMASTER);
	assert_false(smtp_command_rcpt(SPAN_LIT("TO:<>"), &to, &e));
	assert_int_equal(e.why, REFUSAL_bad_address);
	assert_false(smtp_command_rcpt(SPAN_LIT("TO:<a@b.test> NOTIFY=NEVER"), &to, &e));
	assert_int_equal(e.why, REFUSAL_bad_parameter);
	assert_false(smtp_command_rcpt(SPAN_LIT("TO:<a@b.test>\t"), &to, &e));
	assert_int_equal(e.why, REFUSAL_bad_syntax);
	assert_false(smtp_command_rcpt(SPAN_LIT("TO:<a@[192.0.2.1]>"), &to, &e));
	assert_int_equal(e.why, REFUSAL_address_literal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_are_read_in_any_case),
		cmocka_unit_test(a_host_says_its_name),
		cmocka_unit_test(mail_has_parameters),
		cmocka_unit_test(what_was_not_offered_is_refused),
		cmocka_unit_test(malformed_parameters_are_refused),
		cmocka_unit_test(rcpt_has_a_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
