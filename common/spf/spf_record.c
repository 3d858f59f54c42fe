/* spf_record — the grammar of SPF records; see spf_record.h. */
#include "common/spf/spf_record.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/spf/spf_macro.h"

#define VERSION_BYTES 6

static const struct mechanism {
	const char *name;
	enum spf_kind kind;
	bool may_domain, must_domain, may_cidr;
} mechanisms[] = {
	{ "all", SPF_ALL, false, false, false },
	{ "include", SPF_INCLUDE, true, true, false },
	{ "a", SPF_A, true, false, true },
	{ "mx", SPF_MX, true, false, true },
	{ "ptr", SPF_PTR, true, false, false },
	{ "exists", SPF_EXISTS, true, true, false },
};

static bool
fault(struct err *e, struct span term, const char *what)
{
	return err_set(e, REFUSAL_spf_permerror, "\"%.*s\": %s", term.n > 80 ? 80 : (int)term.n,
	    term.p, what);
}

bool
spf_record_is(struct span text)
{
	return span_eq_nocase(span_sub(text, 0, VERSION_BYTES), SPAN_LIT("v=spf1")) &&
	    (text.n == VERSION_BYTES || text.p[VERSION_BYTES] == ' ');
}

/* 1*DIGIT without leading zero, at most `most` */
static bool
parse_bits(struct span s, uint8_t most, uint8_t *out)
{
	uint64_t n;

	if (!span_u64(s, &n) || n > most)
		return false;
	*out = (uint8_t)n;
	return true;
}

static size_t
trailing_digits(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[s.n - 1 - n] >= '0' && s.p[s.n - 1 - n] <= '9')
		n++;
	return n;
}

/* dual-cidr-length = [ "/" bits4 ] [ "//" bits6 ], cut from the end, because a domain-spec never ends
 * in a slash and digits */
static bool
cut_dual_cidr(struct span *s, struct spf_term *t)
{
	size_t digits = trailing_digits(*s);

	if (digits > 0 && s->n >= digits + 2 && s->p[s->n - digits - 1] == '/' &&
	    s->p[s->n - digits - 2] == '/') {
		if (!parse_bits(span_sub(*s, s->n - digits, digits), 128, &t->bits6))
			return false;
		s->n -= digits + 2;
		digits = trailing_digits(*s);
	}
	if (digits > 0 && s->n >= digits + 1 && s->p[s->n - digits - 1] == '/') {
		if (!parse_bits(span_sub(*s, s->n - digits, digits), 32, &t->bits4))
			return false;
		s->n -= digits + 1;
	}
	return true;
}

/* After the name of such a mechanism: [ ":" domain-spec ] [ dual-cidr-length ] */
static bool
parse_arguments(struct spf_term *t, const struct mechanism *m, struct span s)
{
	if (m->may_cidr && !cut_dual_cidr(&s, t))
		return false;
	if (s.n == 0)
		return !m->must_domain;
	if (!m->may_domain || s.p[0] != ':')
		return false;
	t->domain = span_sub(s, 1, s.n);
	return spf_macro_domain_valid(t->domain);
}

/* ip4 = "ip4" ":" ip4-network [ "/" bits ], ip6 likewise */
static bool
parse_network(struct spf_term *t, int family, uint8_t *bits, struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct span address;
	bool slash;

	if (s.n == 0 || s.p[0] != ':')
		return false;
	s = span_sub(s, 1, s.n);
	slash = span_has(s, '/');
	address = span_cut(&s, '/');
	return span_copy(address, text, sizeof(text)) && inet_pton(family, text, t->address) == 1 &&
	    (!slash || parse_bits(s, family == AF_INET ? 32 : 128, bits));
}

/* directive = [ qualifier ] mechanism */
static bool
parse_directive(struct spf_term *t, struct span s)
{
	struct span name;
	size_t n = 0;

	*t = (struct spf_term) { .qualifier = '+', .bits4 = 32, .bits6 = 128 };
	if (span_has(SPAN_LIT("+-?~"), s.p[0])) {
		t->qualifier = s.p[0];
		s = span_sub(s, 1, s.n);
	}
	while (n < s.n && s.p[n] != ':' && s.p[n] != '/')
		n++;
	name = span_sub(s, 0, n);
	s = span_sub(s, n, s.n);
	if (span_eq_nocase(name, SPAN_LIT("ip4"))) {
		t->kind = SPF_IP4;
		return parse_network(t, AF_INET, &t->bits4, s);
	}
	if (span_eq_nocase(name, SPAN_LIT("ip6"))) {
		t->kind = SPF_IP6;
		return parse_network(t, AF_INET6, &t->bits6, s);
	}
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		if (!span_eq_nocase(name, span_str(mechanisms[i].name)))
			continue;
		t->kind = mechanisms[i].kind;
		return parse_arguments(t, &mechanisms[i], s);
	}
	return false;
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), in front of "="; 0: no modifier */
static size_t
modifier_name(struct span s)
{
	size_t n = 0;

	for (; n < s.n; n++) {
		char c = s.p[n];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (c == '=')
			return n;
		if (!alpha &&
		    (n == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')))
			return 0;
	}
	return 0;
}

static bool
parse_known_modifier(struct span *field, struct span term, struct span value, struct err *e)
{
	if (field->n > 0)
		return fault(e, term, "this modifier may occur only once");
	if (!spf_macro_domain_valid(value))
		return fault(e, term, "no domain-spec");
	*field = value;
	return true;
}

static bool
parse_modifier(struct spf_record *r, struct span term, size_t name_n, struct err *e)
{
	struct span name = span_sub(term, 0, name_n), value = span_sub(term, name_n + 1, term.n);

	if (span_eq_nocase(name, SPAN_LIT("redirect")))
		return parse_known_modifier(&r->redirect, term, value, e);
	if (span_eq_nocase(name, SPAN_LIT("exp")))
		return parse_known_modifier(&r->exp, term, value, e);
	if (!spf_macro_string_valid(value, true))
		return fault(e, term, "a macro is malformed");
	return true;
}

static bool
parse_term(struct spf_record *r, struct span term, struct err *e)
{
	size_t name_n = modifier_name(term);

	if (term.n > SPF_TERM_MAX)
		return fault(e, term, "a term is too long");
	if (name_n > 0)
		return parse_modifier(r, term, name_n, e);
	if (r->n == SPF_RECORD_TERMS_MAX)
		return fault(e, term, "too many terms");
	if (!parse_directive(&r->terms[r->n], term))
		return fault(e, term, "no mechanism of RFC 7208, or its arguments are malformed");
	r->n++;
	return true;
}

/* Counts the terms by their spaces, so that memory is allocated once. */
static size_t
most_terms(struct span s)
{
	size_t n = 1;

	for (size_t i = 1; i < s.n; i++)
		n += s.p[i - 1] == ' ' && s.p[i] != ' ';
	return n < SPF_RECORD_TERMS_MAX ? n : SPF_RECORD_TERMS_MAX;
}

/* record = version *( 1*SP term ) *SP */
bool
spf_record_parse(struct spf_record *r, struct span text, struct err *e)
{
	struct span rest = span_sub(text, VERSION_BYTES, text.n);

	memset(r, 0, sizeof(*r));
	r->terms = memory_array(most_terms(rest), sizeof(*r->terms));
	while (rest.n > 0) {
		struct span term = span_cut(&rest, ' ');

		if (term.n > 0 && !parse_term(r, term, e)) {
			spf_record_clear(r);
			return false;
		}
	}
	return true;
}

void
spf_record_clear(struct spf_record *r)
{
	free(r->terms);
	memset(r, 0, sizeof(*r));
}
