/* idn — the one door to libidn2; see idn.h. */
#include "common/text/idn.h"

#include <stdlib.h>
#include <string.h>

#include <idn2.h>

#include "common/base/utf8.h"
#include "common/text/address_scope.h"
#include "common/text/idn_script.h"

#define FLAGS      (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
#define FLAGS_STD3 (FLAGS | IDN2_USE_STD3_ASCII_RULES)

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool
is_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static bool
is_xn(struct span label)
{
	return label.n >= 4 && span_eq_nocase(span_sub(label, 0, 4), SPAN_LIT("xn--"));
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* label = let-dig [*(let-dig / "-") let-dig] */
static bool
check_label(struct span label, struct err *e)
{
	if (RULE(bad_domain) && (label.n == 0 || label.n > DOMAIN_LABEL_MAX))
		return err_set(e, REFUSAL_bad_domain,
		    "the domain has an empty label, or one over 63 octets");
	for (size_t i = 0; i < label.n; i++) {
		char c = label.p[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    (c == '-' && i > 0 && i + 1 < label.n);

		if (RULE(bad_domain) && !fine)
			return err_set(e, REFUSAL_bad_domain,
			    "the domain has other signs than letters, digits and inner hyphens");
	}
	if (RULE(bad_domain) && !is_xn(label) && label.n >= 4 && label.p[2] == '-' &&
	    label.p[3] == '-')
		return err_set(e, REFUSAL_bad_domain,
		    "a label has hyphens in places 3 and 4, and is no A-label");
	return true;
}

static bool
check_name(const char *name, struct err *e)
{
	struct span rest = span_str(name), label = { 0 };
	struct sockaddr_storage address;
	size_t labels = 0;

	if (RULE(address_literal) && address_scope_parse(rest, 0, &address))
		return err_set(e, REFUSAL_address_literal, "this is an address, not a domain");
	if (RULE(bad_domain) && (rest.n == 0 || rest.n > DOMAIN_MAX || name[rest.n - 1] == '.'))
		return err_set(e, REFUSAL_bad_domain,
		    "the domain is empty, over 253 octets, or ends in a dot");
	while (rest.n > 0) {
		label = span_cut(&rest, '.');
		labels++;
		if (!check_label(label, e))
			return false;
	}
	if (RULE(bad_domain) && labels < 2)
		return err_set(e, REFUSAL_bad_domain, "the domain has no dot");
	if (RULE(bad_domain) && is_digits(label))
		return err_set(e, REFUSAL_bad_domain, "the domain ends in a number");
	return true;
}

/* RFC 5893 section 2, rule 4: European and Arabic digits exclude each other in a label that is
 * written from right to left.  libidn2 checks the other rules.  A label with Arabic digits is
 * always such a label. */
static bool
mixes_digits(struct span u_label)
{
	bool european = false, arabic = false;
	uint32_t c;

	while (utf8_cut(&u_label, &c)) {
		european |= (c >= '0' && c <= '9') || (c >= 0x6f0 && c <= 0x6f9);
		arabic |= (c >= 0x660 && c <= 0x669) || (c >= 0x10d30 && c <= 0x10d39);
	}
	return european && arabic;
}

/* Does the A-label decode to a U-label that may be registered, and back to itself?  The mapping of
 * idn2_lookup would forgive what it decodes to, so the decoded label is not mapped. */
static bool
decodes(const char *a_label)
{
	char *u = NULL;
	uint8_t *again = NULL;
	bool ok;

	ok = idn2_to_unicode_8z8z(a_label, &u, 0) == IDN2_OK && !mixes_digits(span_str(u)) &&
	    idn2_register_u8((const uint8_t *)u, NULL, &again, 0) == IDN2_OK &&
	    strcmp(a_label, (const char *)again) == 0;
	idn2_free(u);
	idn2_free(again);
	return ok;
}

static bool
check_a_labels(const char *name, struct err *e)
{
	struct span rest = span_str(name);
	char label[DOMAIN_BYTES];

	while (rest.n > 0)
		if (span_copy(span_cut(&rest, '.'), label, sizeof label) &&
		    is_xn(span_str(label)) && RULE(bad_domain) && !decodes(label))
			return err_set(e, REFUSAL_bad_domain,
			    "the domain is no internationalized name (IDNA2008)");
	return true;
}

/* Mapping by UTS #46, and Punycode.  With its STD3 rules libidn2 drops the signs that they forbid,
 * so "b" U+FF20 ".test" would become b.test; without them these signs remain.  Where both results
 * agree, there was none. */
static bool
map(const char *text, struct domain *out, struct err *e)
{
	uint8_t *strict = NULL, *lax = NULL;
	int fault = idn2_lookup_u8((const uint8_t *)text, &strict, FLAGS_STD3);
	int again = idn2_lookup_u8((const uint8_t *)text, &lax, FLAGS);
	bool same = fault == IDN2_OK && again == IDN2_OK &&
	    strcmp((const char *)strict, (const char *)lax) == 0;
	bool ok = same && span_copy(span_str((const char *)strict), out->text, sizeof out->text);

	idn2_free(strict);
	idn2_free(lax);
	if (fault == IDN2_OK && !same)
		return err_set(e, REFUSAL_bad_domain,
		    "the domain has signs that no domain may hold");
	if (!ok)
		return err_set(e, REFUSAL_bad_domain, "the domain is no internationalized name: %s",
		    fault == IDN2_OK ? "too long" : idn2_strerror(fault));
	return true;
}

bool
idn_a_label(struct span domain, struct domain *out, struct err *e)
{
	char text[IDN_INPUT_MAX + 1];

	if (RULE(address_literal) && domain.n > 0 && domain.p[0] == '[')
		return err_set(e, REFUSAL_address_literal, "this is an address, not a domain");
	if (!span_copy(domain, text, sizeof(text)))
		return err_set(e, REFUSAL_bad_domain, "the domain is too long, or holds a NUL");
	if (!is_ascii(domain)) {
		if (!map(text, out, e))
			return false;
	} else if (!span_copy(domain, out->text, sizeof out->text)) {
		return err_set(e, REFUSAL_bad_domain, "the domain is longer than 253 octets");
	}
	lower(out->text);
	return check_name(out->text, e) && check_a_labels(out->text, e);
}

void
idn_display(const char *a_label, char *out, size_t cap)
{
	char *u = NULL;
	bool shown = false;

	if (idn2_to_unicode_8z8z(a_label, &u, 0) == IDN2_OK)
		shown = idn_script_single(span_str(u)) && span_copy(span_str(u), out, cap);
	idn2_free(u);
	if (!shown && !span_copy(span_str(a_label), out, cap) && cap > 0)
		out[0] = '\0';
}
