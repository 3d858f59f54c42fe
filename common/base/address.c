/* address — mailbox addresses and domains; see address.h. */
#include "common/base/address.h"

#include <string.h>

#include "common/base/ascii.h"
#include "common/base/utf8.h"

/* -- local parts ---------------------------------------------------------------------------- */

/* atext of RFC 5322, and any printable character outside ASCII (RFC 6531 3.3) */
static size_t
atext(struct span s)
{
	size_t n = utf8_printable(s);

	if (n == 1 && !ascii_is_alnum(s.p[0]) && strchr("!#$%&'*+-/=?^_`{|}~", s.p[0]) == NULL)
		return 0;
	return n;
}

/* dot-string = 1*atext *( "." 1*atext ) */
bool
address_is_dot_string(struct span s)
{
	bool atom = false;
	size_t n;

	for (size_t i = 0; i < s.n; i += n) {
		n = 1;
		if (s.p[i] == '.' && !atom)
			return false;
		if (s.p[i] != '.' && (n = atext(span_sub(s, i, s.n))) == 0)
			return false;
		atom = s.p[i] != '.';
	}
	return atom;
}

static bool
check_local(struct span s, struct err *e)
{
	if (RULE(bad_address) && s.n > ADDRESS_LOCAL_MAX)
		return err_set(e, REFUSAL_bad_address, "the local part is longer than %d octets",
		    ADDRESS_LOCAL_MAX);
	if (RULE(bad_address) && !address_is_dot_string(s))
		return err_set(e, REFUSAL_bad_address, "the local part is not words with dots");
	return true;
}

/* -- domains ---------------------------------------------------------------------------------- */

/* R-LDH labels of RFC 5890 2.3.1 are not used, but for "xn--". */
static bool
is_reserved(struct span label)
{
	return label.n >= 4 && (unsigned char)label.p[0] < 0x80 &&
	    (unsigned char)label.p[1] < 0x80 && label.p[2] == '-' && label.p[3] == '-' &&
	    !span_eq_nocase(span_sub(label, 0, 2), SPAN_LIT("xn"));
}

/* label = let-dig [ *61( let-dig / "-" ) let-dig ] */
static bool
check_label(struct span label, struct err *e)
{
	if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return err_set(e, REFUSAL_bad_domain, "a label is empty or has an outer hyphen");
	if (is_reserved(label))
		return err_set(e, REFUSAL_bad_domain,
		    "a label has hyphens in places 3 and 4, and is no A-label");
	if (label.n > DOMAIN_LABEL_MAX)
		return err_set(e, REFUSAL_bad_domain, "a label is longer than %d octets",
		    DOMAIN_LABEL_MAX);
	return true;
}

/* Letters, digits, hyphens and dots, and whatever is not ASCII. */
static bool
check_characters(struct span domain, bool *ascii, struct err *e)
{
	size_t n;

	*ascii = true;
	for (size_t i = 0; i < domain.n; i += n) {
		char c = domain.p[i];

		n = utf8_printable(span_sub(domain, i, domain.n));
		*ascii = *ascii && n == 1;
		if (n == 0 || (n == 1 && !ascii_is_alnum(c) && c != '-' && c != '.'))
			return err_set(e, REFUSAL_bad_domain,
			    "a domain cannot have the %s \"%.*s\"", n == 0 ? "octet" : "character",
			    n == 0 ? 1 : (int)n, domain.p + i);
	}
	return true;
}

/* "[" begins a literal; hexadecimal digits and at least two colons are an IPv6 address without
 * its brackets. */
static bool
is_literal(struct span s)
{
	size_t colons = 0;

	if (s.n > 0 && s.p[0] == '[')
		return true;
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);

		colons += s.p[i] == ':';
		if (s.p[i] != ':' && s.p[i] != '.' && !(c >= 'a' && c <= 'f') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9'))
			return false;
	}
	return colons >= 2;
}

/* No top-level domain is a number; 192.0.2.1 is an address in a domain's clothes. */
static bool
is_number(struct span label)
{
	for (size_t i = 0; i < label.n; i++)
		if (label.p[i] < '0' || label.p[i] > '9')
			return false;
	return true;
}

/* domain = label 1*( "." label ).  Where a character is not ASCII, the labels are known only once
 * it has been mapped: it may be another form of a dot. */
bool
domain_check(struct span domain, struct err *e)
{
	struct span rest = domain, label = { 0 };
	size_t labels = 0;
	bool ascii;

	if (RULE(address_literal) && is_literal(domain))
		return err_word(e, REFUSAL_address_literal);
	if (RULE(bad_domain) && (domain.n == 0 || domain.n > DOMAIN_MAX))
		return err_set(e, REFUSAL_bad_domain, "a domain has 1 to %d octets", DOMAIN_MAX);
	if (!check_characters(domain, &ascii, e) && RULE(bad_domain))
		return false;
	if (!ascii)
		return true;
	if (RULE(bad_domain) && domain.p[domain.n - 1] == '.')
		return err_set(e, REFUSAL_bad_domain, "the domain ends in a dot");
	for (; rest.n > 0; labels++) {
		label = span_cut(&rest, '.');
		if (RULE(bad_domain) && !check_label(label, e))
			return false;
	}
	if (RULE(bad_domain) && labels < 2)
		return err_set(e, REFUSAL_bad_domain, "the domain has no dot");
	if (RULE(address_literal) && is_number(label))
		return err_word(e, REFUSAL_address_literal);
	return true;
}

/* The same grammar without upper case and without what is not ASCII, in one pass: it is asked
 * of every recipient of every statement. */
bool
domain_is_canonical(struct span domain)
{
	size_t label = 0, dots = 0, digits = 0;

	if (domain.n == 0 || domain.n > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < domain.n; i++) {
		char c = domain.p[i];

		if (c == '.') {
			if (label == 0 || domain.p[i - 1] == '-')
				return false;
			label = digits = 0;
			dots++;
			continue;
		}
		if (!ascii_is_alnum(c) && (c != '-' || label == 0))
			return false;
		if ((c >= 'A' && c <= 'Z') || ++label > DOMAIN_LABEL_MAX)
			return false;
		if (label == 4 && is_reserved(span_sub(domain, i - 3, 4)))
			return false;
		digits += c >= '0' && c <= '9';
	}
	return dots > 0 && label > 0 && digits < label && domain.p[domain.n - 1] != '-';
}

static bool
has_idn(struct span domain)
{
	struct span rest = domain;

	for (size_t i = 0; i < domain.n; i++)
		if ((unsigned char)domain.p[i] >= 0x80)
			return true;
	while (rest.n > 0) {
		struct span label = span_cut(&rest, '.');

		if (span_eq_nocase(span_sub(label, 0, 4), SPAN_LIT("xn--")))
			return true;
	}
	return false;
}

static bool
copy_lower(struct domain *out, struct span domain)
{
	if (!span_copy(domain, out->text, sizeof out->text))
		return false;
	for (char *c = out->text; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	return true;
}

bool
domain_parse(struct span domain, domain_a_label_fn *a_label, struct domain *out, struct err *e)
{
	if (!domain_check(domain, e))
		return false;
	if (has_idn(domain)) {
		if (RULE(bad_domain) && a_label == NULL)
			return err_set(e, REFUSAL_bad_domain, "only plain ASCII domains here");
		return a_label != NULL && a_label(domain, out, e);
	}
	return copy_lower(out, domain);
}

bool
domain_set(struct domain *out, struct span domain)
{
	if (copy_lower(out, domain) && domain_is_canonical(domain_span(out)))
		return true;
	*out = (struct domain) { 0 };
	return false;
}

bool
domain_copy_span(struct domain *out, struct span canonical)
{
	return span_copy(canonical, out->text, sizeof out->text);
}

struct domain
domain_copy(const char *canonical)
{
	struct domain d;

	domain_copy_span(&d, span_str(canonical));
	return d;
}

struct span
domain_span(const struct domain *d)
{
	return span_str(d->text);
}

bool
domain_eq(const struct domain *d, struct span canonical)
{
	return span_eq(domain_span(d), canonical);
}

/* -- addresses ---------------------------------------------------------------------------------- */

/* address = dot-string "@" domain, at most 254 octets */
static bool
split(struct span s, struct address *a, struct err *e)
{
	struct span rest = s, local = span_cut(&rest, '@');

	if (RULE(bad_address) && s.n > ADDRESS_MAX)
		return err_set(e, REFUSAL_bad_address, "the address is longer than %d octets",
		    ADDRESS_MAX);
	if (RULE(bad_address) && local.n == s.n)
		return err_set(e, REFUSAL_bad_address, "the address has no @");
	*a = (struct address) { s, local, rest };
	return check_local(local, e);
}

struct span
address_domain(struct span address)
{
	struct span rest = address;

	span_cut(&rest, '@');
	return rest;
}

bool
address_parse(struct span s, struct address *a, struct err *e)
{
	return split(s, a, e) && domain_check(a->domain, e);
}

bool
address_parse_path(struct span s, struct address *a, struct err *e)
{
	if (RULE(bad_address) && (s.n < 2 || s.p[0] != '<' || s.p[s.n - 1] != '>'))
		return err_set(e, REFUSAL_bad_address, "the address is not in < >");
	return address_parse(span_sub(s, 1, s.n > 2 ? s.n - 2 : 0), a, e);
}

bool
address_parse_canonical(struct span s, struct address *a, struct err *e)
{
	if (!split(s, a, e))
		return false;
	if (RULE(bad_domain) && !domain_is_canonical(a->domain))
		return domain_check(a->domain, e) &&
		    err_set(e, REFUSAL_bad_domain, "the domain is not in lower-case A-labels");
	return true;
}

bool
address_canonical(const struct address *a, domain_a_label_fn *a_label, char out[ADDRESS_STR_BYTES],
    struct err *e)
{
	struct domain domain;
	size_t n;

	if (!domain_parse(a->domain, a_label, &domain, e))
		return false;
	n = strlen(domain.text);
	if (RULE(bad_address) && a->local.n + 1 + n > ADDRESS_MAX)
		return err_set(e, REFUSAL_bad_address, "the address is longer than %d octets",
		    ADDRESS_MAX);
	memcpy(out, a->local.p, a->local.n);
	out[a->local.n] = '@';
	memcpy(out + a->local.n + 1, domain.text, n + 1);
	return true;
}
