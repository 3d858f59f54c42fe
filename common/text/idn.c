/* idn — the one door to libidn2; see idn.h. */
#include "common/text/idn.h"

#include <stdlib.h>
#include <string.h>

#include <idn2.h>

#include "common/base/utf8.h"
#include "common/text/idn_script.h"

#define FLAGS      (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
#define FLAGS_STD3 (FLAGS | IDN2_USE_STD3_ASCII_RULES)

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

/* Characters of the classes R, AL and AN of Unicode's bidirectional algorithm, as far as a
 * U-label holds them. */
static bool
is_right_to_left(uint32_t c)
{
	return (c >= 0x590 && c <= 0x8ff && !(c >= 0x6f0 && c <= 0x6f9)) ||
	    (c >= 0xfb1d && c <= 0xfdff) || (c >= 0xfe70 && c <= 0xfeff) ||
	    (c >= 0x10800 && c <= 0x10fff) || (c >= 0x1e800 && c <= 0x1efff);
}

/* RFC 5893 section 2: where one label is written from right to left, rule 1 holds for the others
 * too.  libidn2 checks each such label by itself.  A digit at the front of another label would
 * be shown on the far side of it. */
static bool
check_directions(const char *name, struct err *e)
{
	struct span rest, label;
	bool right_to_left = false, digit_first = false;
	char *u = NULL;
	uint32_t c;

	if (idn2_to_unicode_8z8z(name, &u, 0) != IDN2_OK)
		return err_set(e, REFUSAL_bad_domain, "the domain is no internationalized name");
	for (rest = span_str(u); rest.n > 0;) {
		label = span_cut(&rest, '.');
		for (bool first = true; utf8_cut(&label, &c); first = false) {
			right_to_left |= is_right_to_left(c);
			digit_first |= first &&
			    ((c >= '0' && c <= '9') || (c >= 0x6f0 && c <= 0x6f9) || c == 0x375 ||
				c == 0x30fb);
		}
	}
	idn2_free(u);
	if (RULE(bad_domain) && right_to_left && digit_first)
		return err_set(e, REFUSAL_bad_domain,
		    "the domain mixes directions of writing (RFC 5893)");
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
	char text[DOMAIN_BYTES];

	if (!domain_check(domain, e))
		return false;
	if (RULE(bad_domain) && !span_copy(domain, text, sizeof text))
		return err_set(e, REFUSAL_bad_domain, "the domain is too long");
	if (span_is_ascii(domain))
		memcpy(out->text, text, sizeof text);
	else if (!map(text, out, e))
		return false;
	lower(out->text);
	return domain_check(domain_span(out), e) && check_a_labels(out->text, e) &&
	    (strstr(out->text, "xn--") == NULL || check_directions(out->text, e));
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
