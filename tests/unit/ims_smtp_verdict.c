/* ims_smtp_verdict — the whole table: what is wrong with a sender, in each mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ims/smtp/smtp_verdict.h"

/* What may be wrong, a bit each, in the order in which it is said. */
enum wrong {
	LITERAL = 1,
	CERTIFICATE = 2,
	OTHER = 4, /* than a host's name */
	NAME = 8,
	SPF = 16,
	MX = 32,
	ALL = 63
};

static const enum refusal words[] = { REFUSAL_address_literal, REFUSAL_certificate_expired,
	REFUSAL_bad_ehlo, REFUSAL_ehlo_mismatch, REFUSAL_spf_fail, REFUSAL_no_mx };

static void
set(struct err *e, unsigned wrong, enum wrong bit, enum refusal why)
{
	e->why = REFUSAL_NONE;
	if ((wrong & bit) != 0)
		err_word(e, why);
}

static struct smtp_heard
heard(unsigned wrong)
{
	struct smtp_heard h = { .ehlo = (wrong & LITERAL) != 0 ? SMTP_NAME_LITERAL
		    : (wrong & OTHER) != 0                     ? SMTP_NAME_OTHER
							       : SMTP_NAME_HOST };

	set(&h.certificate, wrong, CERTIFICATE, REFUSAL_certificate_expired);
	set(&h.name, wrong, NAME, REFUSAL_ehlo_mismatch);
	set(&h.spf, wrong, SPF, REFUSAL_spf_fail);
	set(&h.mx, wrong, MX, REFUSAL_no_mx);
	return h;
}

/* Can be found together: a host has one name, and only a good certificate and a host's name are compared. */
static bool
is_possible(unsigned wrong)
{
	return ((wrong & LITERAL) == 0 || (wrong & OTHER) == 0) &&
	    ((wrong & NAME) == 0 || (wrong & (LITERAL | OTHER | CERTIFICATE)) == 0);
}

/* The reference: bits that refuse; the others mark. */
static unsigned
refusing(unsigned wrong, const struct smtp_modes *m)
{
	unsigned r = LITERAL;

	if (m->certificate == CONF_ENFORCE && !m->open && !(m->excepted && (wrong & SPF) == 0))
		r |= CERTIFICATE | OTHER | NAME;
	if (m->spf == CONF_ENFORCE && !m->open)
		r |= SPF;
	if (m->mx == CONF_ENFORCE && !m->open)
		r |= MX;
	return r;
}

static enum refusal
first_of(unsigned bits)
{
	for (int i = 0; i < 6; i++)
		if ((bits & 1u << i) != 0)
			return words[i];
	return REFUSAL_NONE;
}

static void
check(unsigned wrong, struct smtp_modes m)
{
	struct smtp_heard h = heard(wrong);
	struct err e = { .why = REFUSAL_NONE };
	enum smtp_verdict v = smtp_judge(&h, &m, &e);
	unsigned refuses = wrong & refusing(wrong, &m);

	if (refuses != 0) {
		assert_int_equal(v, SMTP_REFUSED);
		assert_int_equal(e.why, first_of(refuses));
	} else {
		assert_int_equal(v, wrong != 0 ? SMTP_MARKED : SMTP_ACCEPTED);
		assert_int_equal(e.why, first_of(wrong));
	}
}

static void
the_whole_table(void **state)
{
	(void)state;
	for (unsigned wrong = 0; wrong <= ALL; wrong++)
		for (unsigned mode = 0; is_possible(wrong) && mode < 32; mode++)
			check(wrong,
			    (struct smtp_modes) {
				.certificate = mode & 1 ? CONF_REPORT_ONLY : CONF_ENFORCE,
				.spf = mode & 2 ? CONF_REPORT_ONLY : CONF_ENFORCE,
				.mx = mode & 4 ? CONF_REPORT_ONLY : CONF_ENFORCE,
				.excepted = (mode & 8) != 0,
				.open = (mode & 16) != 0,
			    });
}

/* The table by its own words, so that the reference is not its only witness. */
static void
what_matters(void **state)
{
	struct smtp_modes strict = { .certificate = CONF_ENFORCE }, excepted = { .excepted = true },
			  open = { .open = true };
	struct smtp_heard h;
	struct err e;

	(void)state;
	h = heard(0);
	assert_int_equal(smtp_judge(&h, &strict, &e), SMTP_ACCEPTED);
	h = heard(NAME | SPF);
	assert_int_equal(smtp_judge(&h, &strict, &e), SMTP_REFUSED);
	assert_int_equal(e.why, REFUSAL_ehlo_mismatch);
	h = heard(CERTIFICATE);
	assert_int_equal(smtp_judge(&h, &excepted, &e), SMTP_MARKED);
	h = heard(CERTIFICATE | SPF);
	assert_int_equal(smtp_judge(&h, &excepted, &e), SMTP_REFUSED);
	assert_int_equal(e.why, REFUSAL_certificate_expired);
	h = heard(CERTIFICATE | SPF | MX);
	assert_int_equal(smtp_judge(&h, &open, &e), SMTP_MARKED);
	h = heard(LITERAL);
	assert_int_equal(smtp_judge(&h, &open, &e), SMTP_REFUSED);
	assert_int_equal(e.why, REFUSAL_address_literal);
}

static void
names_of_certificates(void **state)
{
	static const struct conf_pairs pairs = { 2,
		{ { "*.google.test", "smtp.gmail.test" }, { "mx.old.test", "old.test" } } };

	(void)state;
	assert_string_equal(smtp_certificate_name(&pairs, "a-1.google.test"), "smtp.gmail.test");
	assert_string_equal(smtp_certificate_name(&pairs, "mx.old.test"), "old.test");
	assert_string_equal(smtp_certificate_name(&pairs, "google.test"), "google.test");
	assert_string_equal(smtp_certificate_name(&pairs, "a.b.google.test"), "a.b.google.test");
	assert_string_equal(smtp_certificate_name(&pairs, "agoogle.test"), "agoogle.test");
	assert_string_equal(smtp_certificate_name(&pairs, ".google.test"), ".google.test");
	assert_string_equal(smtp_certificate_name(&pairs, ""), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_table),
		cmocka_unit_test(what_matters),
		cmocka_unit_test(names_of_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
