/* spf_macro — macro strings; see spf_macro.h. */
#include "common/spf/spf_macro.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/base/ascii.h"

#define PARTS_MAX  1000000 /* more digits mean no more */
#define TAIL_KEEP  (2 * DNS_NAME_BYTES)
#define TAIL_BYTES (8 * DNS_NAME_BYTES)

/* -- grammar ----------------------------------------------------------------------------------- */

/* transformers = *DIGIT [ "r" ]; a number is not zero */
static bool
cut_transformers(struct span *s, struct spf_macro *m)
{
	bool digits = false;

	while (s->n > 0 && ascii_is_digit(s->p[0])) {
		digits = true;
		if (m->parts < PARTS_MAX)
			m->parts = m->parts * 10 + (unsigned)(s->p[0] - '0');
		*s = span_sub(*s, 1, s->n);
	}
	if (digits && m->parts == 0)
		return false;
	if (s->n > 0 && (s->p[0] == 'r' || s->p[0] == 'R')) {
		m->reverse = true;
		*s = span_sub(*s, 1, s->n);
	}
	return true;
}

/* macro-expand = "%{" macro-letter transformers *delimiter "}" (after "%{") */
static bool
cut_braces(struct span *s, struct spf_macro *m)
{
	size_t n = 0;

	if (s->n == 0 || !ascii_is_alpha(s->p[0]))
		return false;
	m->escape = s->p[0] >= 'A' && s->p[0] <= 'Z';
	m->letter = (char)(s->p[0] | 0x20);
	if (!span_has(SPAN_LIT("slodiphcrtv"), m->letter))
		return false;
	*s = span_sub(*s, 1, s->n);
	if (!cut_transformers(s, m))
		return false;
	while (n < s->n && span_has(SPAN_LIT(".-+,/_="), s->p[n]))
		n++;
	m->delimiters = span_sub(*s, 0, n);
	if (n >= s->n || s->p[n] != '}')
		return false;
	*s = span_sub(*s, n + 1, s->n);
	return true;
}

bool
spf_macro_next(struct span *rest, struct spf_macro *m)
{
	char c = rest->p[0];

	memset(m, 0, sizeof(*m));
	*rest = span_sub(*rest, 1, rest->n);
	if (c != '%') {
		m->literal[0] = c;
		return c >= 0x21 && c <= 0x7e;
	}
	if (rest->n == 0)
		return false;
	c = rest->p[0];
	*rest = span_sub(*rest, 1, rest->n);
	switch (c) {
	case '{':
		return cut_braces(rest, m);
	case '%':
		m->literal[0] = '%';
		return true;
	case '_':
		m->literal[0] = ' ';
		return true;
	case '-':
		memcpy(m->literal, "%20", 4);
		return true;
	default:
		return false;
	}
}

bool
spf_macro_string_valid(struct span s, bool exp_text)
{
	struct spf_macro m;

	while (s.n > 0) {
		if (!spf_macro_next(&s, &m))
			return false;
		if (!exp_text && m.letter != 0 && span_has(SPAN_LIT("crt"), m.letter))
			return false;
	}
	return true;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool
toplabel_valid(struct span s)
{
	bool telling = false;

	if (s.n == 0 || !ascii_is_alnum(s.p[0]) || !ascii_is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		telling = telling || !ascii_is_digit(s.p[i]);
	}
	return telling;
}

bool
spf_macro_domain_valid(struct span s)
{
	struct span rest = s, tail = s; /* literals after the last macro */
	struct spf_macro m;
	size_t dot;

	if (s.n == 0 || !spf_macro_string_valid(s, false))
		return false;
	while (rest.n > 0) {
		bool macro = rest.p[0] == '%';

		if (!spf_macro_next(&rest, &m))
			return false;
		if (macro)
			tail = rest;
	}
	if (tail.n == 0)
		return true; /* ends in a macro-expand */
	if (tail.p[tail.n - 1] == '.')
		tail.n--;
	for (dot = tail.n; dot > 0 && tail.p[dot - 1] != '.'; dot--)
		;
	return dot > 0 && toplabel_valid(span_sub(tail, dot, tail.n));
}

bool
spf_macro_has(struct span s, char letter)
{
	struct spf_macro m;

	while (s.n > 0)
		if (spf_macro_next(&s, &m) && m.letter == letter)
			return true;
	return false;
}

/* -- expansion --------------------------------------------------------------------------------- */

/* The end of a text that grows. */
struct tail {
	char octets[TAIL_BYTES];
	size_t n;
};

static void
tail_add(struct tail *t, char c)
{
	if (t->n == TAIL_BYTES) {
		memmove(t->octets, t->octets + TAIL_BYTES - TAIL_KEEP, TAIL_KEEP);
		t->n = TAIL_KEEP;
	}
	t->octets[t->n++] = c;
}

/* RFC 3986 unreserved stays. */
static void
tail_add_value(struct tail *t, struct span s, bool escape)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!escape || ascii_is_alnum(s.p[i]) || (c != 0 && strchr("-._~", c) != NULL)) {
			tail_add(t, s.p[i]);
			continue;
		}
		tail_add(t, '%');
		tail_add(t, hex[c >> 4]);
		tail_add(t, hex[c & 15]);
	}
}

static size_t
count_parts(struct span s, struct span delimiters)
{
	size_t n = 1;

	for (size_t i = 0; i < s.n; i++)
		n += span_has(delimiters, s.p[i]);
	return n;
}

/* All parts of s but the first `skip`, joined by dots. */
static void
tail_add_forwards(struct tail *t, struct span s, struct span delimiters, size_t skip, bool escape)
{
	for (size_t i = 0; i < s.n; i++) {
		bool cut = span_has(delimiters, s.p[i]);

		if (skip > 0)
			skip -= cut;
		else if (cut)
			tail_add(t, '.');
		else
			tail_add_value(t, span_sub(s, i, 1), escape);
	}
}

/* All parts of s but the last `skip`, the last of them first, joined by dots. */
static void
tail_add_backwards(struct tail *t, struct span s, struct span delimiters, size_t skip, bool escape)
{
	size_t end = s.n, start;

	for (;; end = start - 1) {
		for (start = end; start > 0 && !span_has(delimiters, s.p[start - 1]); start--)
			;
		if (skip > 0) {
			skip--;
		} else {
			tail_add_value(t, span_sub(s, start, end - start), escape);
			if (start > 0)
				tail_add(t, '.');
		}
		if (start == 0)
			return;
	}
}

/* Split, reversed, cut to the right-hand parts, joined by dots. */
static void
tail_add_parts(struct tail *t, struct span value, const struct spf_macro *m)
{
	struct span delimiters = m->delimiters.n > 0 ? m->delimiters : SPAN_LIT(".");
	size_t n = count_parts(value, delimiters);
	size_t skip = m->parts > 0 && m->parts < n ? n - m->parts : 0;

	if (m->reverse)
		tail_add_backwards(t, value, delimiters, skip, m->escape);
	else
		tail_add_forwards(t, value, delimiters, skip, m->escape);
}

#define ADDRESS_TEXT 64

/* i: dotted quad, or the 32 nibbles parted by dots. */
static struct span
address_text(const struct sockaddr_storage *a, char out[ADDRESS_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	if (a->ss_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, out, ADDRESS_TEXT);
		return span_str(out);
	}
	for (size_t i = 0; i < 16; i++) {
		unsigned char c = ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr[i];

		out[n++] = hex[c >> 4];
		out[n++] = '.';
		out[n++] = hex[c & 15];
		out[n++] = '.';
	}
	return span_of(out, n - 1);
}

static void
tail_add_letter(struct tail *t, const struct spf_macro *m, struct spf_macro_env *env)
{
	char text[ADDRESS_TEXT], sender[1024];
	struct span value = { "", 0 };

	switch (m->letter) {
	case 's':
		env->used_local = true;
		value = span_of(sender, 0);
		if (env->local.n + 1 + env->sender_domain.n <= sizeof(sender)) {
			memcpy(sender, env->local.p, env->local.n);
			sender[env->local.n] = '@';
			memcpy(sender + env->local.n + 1, env->sender_domain.p,
			    env->sender_domain.n);
			value.n = env->local.n + 1 + env->sender_domain.n;
		}
		break;
	case 'l':
		env->used_local = true;
		value = env->local;
		break;
	case 'o':
		value = env->sender_domain;
		break;
	case 'd':
		value = env->domain;
		break;
	case 'i':
		value = address_text(&env->client, text);
		break;
	case 'p':
		value = env->validated;
		break;
	case 'h':
		env->used_helo = true;
		value = env->helo;
		break;
	case 'v':
		value = env->client.ss_family == AF_INET ? SPAN_LIT("in-addr") : SPAN_LIT("ip6");
		break;
	default:
		break; /* c, r, t: not in a domain-spec */
	}
	tail_add_parts(t, value, m);
}

void
spf_macro_expand(struct span spec, struct spf_macro_env *env, char out[DNS_NAME_BYTES])
{
	struct tail t;
	struct spf_macro m;
	size_t start = 0;

	t.n = 0;
	out[0] = '\0';
	while (spec.n > 0) {
		if (!spf_macro_next(&spec, &m))
			return;
		if (m.letter != 0)
			tail_add_letter(&t, &m, env);
		else
			tail_add_value(&t, span_str(m.literal), false);
	}
	if (t.n > 0 && t.octets[t.n - 1] == '.')
		t.n--;
	while (t.n - start > DNS_NAME_MAX) {
		while (start < t.n && t.octets[start] != '.')
			start++;
		if (start++ >= t.n)
			return;
	}
	/* A NUL can come from the local part or HELO; no name holds one. */
	if (!span_copy(span_of(t.octets + start, t.n - start), out, DNS_NAME_BYTES))
		out[0] = '\0';
}
