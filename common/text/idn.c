/* idn — the one door to libidn2; see idn.h. */
#include "common/text/idn.h"

#include <stdlib.h>
#include <string.h>

#include <idn2.h>

#include "common/text/address_scope.h"
#include "common/text/idn_script.h"

#define FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES)

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
	return true;
}

static bool
check_name(const char *name, struct err *e)
{
	struct span rest = span_str(name), label = { 0 };
	struct sockaddr_storage address;
	size_t labels = 0;

	if (RULE(address_literal) && address_scope_parse(rest, 0, &address))
		return err_set(e, REFUSAL_address_literal,
		    "an address stands where a domain belongs");
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

/* A -> U -> A gives the same name again. */
static bool
round_trip(const char *name, struct err *e)
{
	char *u = NULL, *again = NULL;
	bool same;

	same = idn2_to_unicode_8z8z(name, &u, 0) == IDN2_OK &&
	    idn2_lookup_u8((const uint8_t *)u, (uint8_t **)&again, FLAGS) == IDN2_OK &&
	    strcmp(name, again) == 0;
	idn2_free(u);
	idn2_free(again);
	if (RULE(bad_domain) && !same)
		return err_set(e, REFUSAL_bad_domain,
		    "the domain is no internationalized name (IDNA2008)");
	return true;
}

static bool
has_xn(const char *name)
{
	struct span rest = span_str(name);

	while (rest.n > 0)
		if (is_xn(span_cut(&rest, '.')))
			return true;
	return false;
}

/* Mapping by UTS #46, and Punycode. */
static bool
map(const char *text, struct domain *out, struct err *e)
{
	char *mapped = NULL;
	int fault = idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&mapped, FLAGS);
	bool ok = fault == IDN2_OK && span_copy(span_str(mapped), out->text, sizeof out->text);

	idn2_free(mapped);
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
		return err_set(e, REFUSAL_address_literal,
		    "an address stands where a domain belongs");
	if (!span_copy(domain, text, sizeof(text)))
		return err_set(e, REFUSAL_bad_domain, "the domain is too long, or holds a NUL");
	if (!is_ascii(domain)) {
		if (!map(text, out, e))
			return false;
	} else if (!span_copy(domain, out->text, sizeof out->text)) {
		return err_set(e, REFUSAL_bad_domain, "the domain is longer than 253 octets");
	}
	lower(out->text);
	return check_name(out->text, e) && (!has_xn(out->text) || round_trip(out->text, e));
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
