/* dkim_signature — see dkim_signature.h. */
#include "common/dkim/dkim_signature.h"

#include <string.h>

#include "common/base/ascii.h"
#include "common/dkim/tag_list.h"
#include "common/text/idn.h"

#define NUMBER_MAX 12 /* digits of t= and x= (RFC 6376 3.5) */

const char *
dkim_alg_text(enum dkim_alg a)
{
	return a == DKIM_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256";
}

/* -- tags -------------------------------------------------------------------------------------- */

static struct span
value_of(const struct tag_list *l, const char *name)
{
	const struct tag *t = tag_list_find(l, name);

	return t == NULL ? (struct span) { "", 0 } : t->value;
}

/* sig-d-tag = %x64 [FWS] "=" [FWS] domain-name */
static bool
parse_domain(struct span s, struct domain *out)
{
	struct err e;

	if (idn_a_label(s, out, &e))
		return true;
	out->text[0] = '\0';
	return false;
}

/* selector = sub-domain *( "." sub-domain ).  What follows it makes a domain of one label, too. */
static bool
parse_selector(struct span s, char out[DKIM_SELECTOR_BYTES])
{
	char name[DOMAIN_BYTES + 2];
	struct domain d;

	if (s.n == 0 || s.n > DOMAIN_MAX - 2)
		return false;
	memcpy(name, s.p, s.n);
	memcpy(name + s.n, ".d", 2);
	if (!domain_set(&d, span_of(name, s.n + 2)) && !parse_domain(span_of(name, s.n + 2), &d))
		return false;
	return span_copy(span_sub(domain_span(&d), 0, strlen(d.text) - 2), out,
	    DKIM_SELECTOR_BYTES);
}

static bool
parse_alg(struct span s, enum dkim_alg *out)
{
	*out = span_eq_nocase(s, SPAN_LIT("rsa-sha256")) ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256;
	return *out == DKIM_RSA_SHA256 || span_eq_nocase(s, SPAN_LIT("ed25519-sha256"));
}

static bool
parse_one_canon(struct span s, enum canon *out)
{
	*out = span_eq_nocase(s, SPAN_LIT("relaxed")) ? CANON_RELAXED : CANON_SIMPLE;
	return *out == CANON_RELAXED || span_eq_nocase(s, SPAN_LIT("simple"));
}

/* sig-c-tag-alg ["/" sig-c-tag-alg]; simple where a part is missing */
static bool
parse_canon(struct span s, struct dkim_signature *out)
{
	bool both = span_has(s, '/');
	struct span header = span_cut(&s, '/');

	return (header.n == 0 && !both) ||
	    (parse_one_canon(header, &out->header_canon) &&
		(!both || parse_one_canon(s, &out->body_canon)));
}

/* 1*12DIGIT; leading zeros are allowed */
static bool
parse_time(struct span s, uint64_t *out)
{
	while (s.n > 1 && s.p[0] == '0')
		s = span_sub(s, 1, s.n);
	return s.n <= NUMBER_MAX && span_u64(s, out);
}

static bool
parse_times(const struct tag_list *l, struct dkim_signature *out)
{
	const struct tag *t = tag_list_find(l, "t"), *x = tag_list_find(l, "x");
	uint64_t signed_s = 0;

	return (t == NULL || parse_time(t->value, &signed_s)) &&
	    (x == NULL || (parse_time(x->value, &out->expires_s) && out->expires_s > signed_s));
}

/* sig-l-tag = 1*76DIGIT; no body is as long as a number that does not fit */
static bool
parse_length(const struct tag_list *l, struct dkim_signature *out)
{
	const struct tag *t = tag_list_find(l, "l");
	struct span s;

	out->has_length = t != NULL;
	if (t == NULL)
		return true;
	s = t->value;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	while (s.n > 1 && s.p[0] == '0')
		s = span_sub(s, 1, s.n);
	if (!span_u64(s, &out->length))
		out->length = UINT64_MAX;
	return s.n > 0 && s.n <= 76;
}

/* hdr-name *( [FWS] ":" [FWS] hdr-name ); From must be among them */
static enum dkim_word
parse_names(struct span names)
{
	size_t n = 1;

	for (size_t i = 0; i < names.n; i++)
		n += names.p[i] == ':';
	return names.n == 0 || n > DKIM_NAMES_MAX ? DKIM_form
	    : !tag_has_word(names, "from")        ? DKIM_from
						  : DKIM_good;
}

/* [ Local-part ] "@" domain-name; nothing where the tag is missing */
static enum dkim_word
parse_identity(const struct tag_list *l, struct dkim_signature *out)
{
	const struct tag *t = tag_list_find(l, "i");
	struct domain d;
	size_t n, below;
	const char *at;

	out->same_domain = true;
	if (t == NULL)
		return DKIM_good;
	at = memrchr(t->value.p, '@', t->value.n);
	if (at == NULL)
		return DKIM_form;
	n = (size_t)(at - t->value.p) + 1;
	if (!parse_domain(span_sub(t->value, n, t->value.n), &d))
		return DKIM_form;
	n = strlen(out->domain.text);
	below = strlen(d.text);
	out->same_domain = strcmp(d.text, out->domain.text) == 0;
	return out->same_domain ||
		(below > n && d.text[below - n - 1] == '.' &&
		    strcmp(d.text + below - n, out->domain.text) == 0)
	    ? DKIM_good
	    : DKIM_identity;
}

static bool
parse_octets(struct span s, unsigned char *dst, size_t least, size_t most, size_t *n)
{
	struct buf b = BUF_INIT;
	bool ok = s.n <= 4 * most && tag_base64(s, &b) && b.len >= least && b.len <= most;

	if (ok)
		memcpy(dst, b.data, b.len);
	*n = b.len;
	buf_clear(&b);
	return ok;
}

static enum dkim_word
parse_rest(const struct tag_list *l, struct dkim_signature *out)
{
	const struct tag *q = tag_list_find(l, "q");
	enum dkim_word w;
	size_t n;

	if (!parse_canon(value_of(l, "c"), out))
		return DKIM_canon;
	if (q != NULL && !tag_has_word(q->value, "dns/txt"))
		return DKIM_query;
	out->b = value_of(l, "b");
	if (!parse_octets(out->b, out->value, 1, sizeof out->value, &out->value_n) ||
	    !parse_octets(value_of(l, "bh"), out->body_digest, DIGEST_BYTES, DIGEST_BYTES, &n) ||
	    !parse_times(l, out) || !parse_length(l, out))
		return DKIM_form;
	out->names = value_of(l, "h");
	w = parse_names(out->names);
	return w == DKIM_good ? parse_identity(l, out) : w;
}

enum dkim_word
dkim_signature_parse(const struct header_field *f, struct dkim_signature *out)
{
	struct tag_list l;
	bool named;

	memset(out, 0, sizeof *out);
	if (!tag_list_parse(f->value, &l))
		return DKIM_form;
	named = parse_domain(value_of(&l, "d"), &out->domain) &&
	    parse_selector(value_of(&l, "s"), out->selector);
	if (!span_eq(value_of(&l, "v"), SPAN_LIT("1")))
		return tag_list_find(&l, "v") == NULL ? DKIM_form : DKIM_version;
	if (!named || tag_list_find(&l, "a") == NULL)
		return DKIM_form;
	if (!parse_alg(value_of(&l, "a"), &out->alg))
		return DKIM_algorithm;
	return parse_rest(&l, out);
}

/* -- the header that is signed ----------------------------------------------------------------- */

/* The lowest field of that name that was not taken before. */
static const struct header_field *
take(const struct header_field *fields, size_t n, bool *taken, struct span name)
{
	while (n-- > 0)
		if (!taken[n] && span_eq_nocase(fields[n].name, name)) {
			taken[n] = true;
			return &fields[n];
		}
	return NULL;
}

/* The field without what it says by b=, and without the blanks around that. */
static void
add_own(const struct dkim_signature *s, const struct header_field *own, struct buf *out)
{
	struct buf without = BUF_INIT;
	size_t before = (size_t)(s->b.p - own->whole.p), after = before + s->b.n;
	struct span rest;
	struct header_field f;

	while (ascii_is_space(own->whole.p[before - 1]))
		before--;
	while (after < own->whole.n && ascii_is_space(own->whole.p[after]))
		after++;
	buf_add(&without, own->whole.p, before);
	buf_add(&without, own->whole.p + after, own->whole.n - after);
	rest = buf_span(&without);
	if (header_field_next(&rest, &f) == HEADER_FIELD)
		canon_field(s->header_canon, &f, out);
	buf_clear(&without);
}

void
dkim_signature_header_digest(const struct dkim_signature *s, const struct header_field *own,
    const struct header_field *fields, size_t n, bool *scratch, unsigned char out[DIGEST_BYTES])
{
	struct span names = s->names;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		scratch[i] = fields[i].whole.p == own->whole.p;
	while (names.n > 0) {
		const struct header_field *f = take(fields, n, scratch,
		    span_trim_folds(span_cut(&names, ':')));

		if (f == NULL)
			continue;
		canon_field(s->header_canon, f, &text);
		buf_add(&text, "\r\n", 2);
	}
	add_own(s, own, &text);
	digest_sha256(buf_span(&text), out);
	buf_clear(&text);
}
