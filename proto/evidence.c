/* evidence — see evidence.h. */
#include "proto/evidence.h"

#include <string.h>

#include "common/base/base64.h"
#include "common/base/clock.h"
#include "common/base/hex.h"

#define PEM_LINE       64 /* characters */
#define DIGEST         "Digest: sha256:"
#define DIGEST_LINE    (sizeof DIGEST - 1 + 2 * STATEMENT_HASH_BYTES + 1)
#define STATEMENT_NAME "TILLCALLED STATEMENT"

/* -- writing ---------------------------------------------------------------------------------- */

/* The domain's owner chose the record's octets: escapes all that could end the line or harm a terminal. */
static void
add_escaped(struct buf *out, struct span s, size_t most)
{
	size_t start = out->len;

	for (size_t i = 0; i < s.n && out->len - start + 4 <= most; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c > 0x7e || c == '\\')
			buf_addf(out, "\\x%02x", c);
		else
			buf_add(out, s.p + i, 1);
	}
}

static void
add_pem(struct buf *out, const char *name, struct span octets)
{
	struct buf text = BUF_INIT;
	struct span rest, line;

	base64_add(&text, octets.p, octets.n);
	buf_addf(out, "-----BEGIN %s-----\n", name);
	for (rest = buf_span(&text); rest.n > 0; rest = span_sub(rest, line.n, rest.n)) {
		line = span_sub(rest, 0, PEM_LINE);
		buf_addf(out, "%.*s\n", SPAN_FMT(line));
	}
	buf_addf(out, "-----END %s-----\n", name);
	buf_clear(&text);
}

static void
add_digest(struct buf *out, struct span text, statement_sha256_fn *sha256)
{
	unsigned char digest[STATEMENT_HASH_BYTES];

	sha256(text, digest);
	buf_addf(out, "%s", DIGEST);
	hex_add(out, digest, sizeof digest);
	buf_addf(out, "\n");
}

void
evidence_write(struct buf *out, const struct evidence *v, statement_sha256_fn *sha256)
{
	size_t start = out->len;
	char date[CLOCK_DATE_BYTES];

	clock_date(v->received_s, date);
	buf_addf(out, "Tillcalled-Evidence: 1\nReceived: %s\nAddress: ", date);
	add_escaped(out, v->address, EVIDENCE_ADDRESS_MAX);
	buf_addf(out, "\nSPF: ");
	add_escaped(out, v->spf, EVIDENCE_SPF_MAX);
	buf_addf(out, "\n");
	add_pem(out, STATEMENT_NAME, v->statement);
	add_pem(out, "CMS", v->cms);
	add_digest(out, span_sub(buf_span(out), start, out->len), sha256);
}

/* -- reading ---------------------------------------------------------------------------------- */

static bool
bad(struct err *e, const char *what)
{
	return err_set(e, REFUSAL_bad_syntax, "not an evidence file: %s", what);
}

/* name ": " text LF */
static bool
field(struct span *rest, const char *name, size_t most, struct span *value, struct err *e)
{
	struct span line = span_cut(rest, '\n');
	size_t n = strlen(name);

	if (!span_starts(line, span_str(name)) ||
	    !span_starts(span_sub(line, n, line.n), SPAN_LIT(": ")))
		return bad(e, name);
	*value = span_sub(line, n + 2, line.n);
	for (size_t i = 0; i < value->n; i++)
		if (value->p[i] < 0x20 || value->p[i] > 0x7e)
			return bad(e, name);
	return (value->n > 0 && value->n <= most) || bad(e, name);
}

static bool
is_mark(struct span line, const char *which, const char *name)
{
	char mark[64];
	size_t n = 0;
	struct span parts[] = { SPAN_LIT("-----"), span_str(which), SPAN_LIT(" "), span_str(name),
		SPAN_LIT("-----") };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; n += parts[i++].n)
		memcpy(mark + n, parts[i].p, parts[i].n);
	return span_eq(line, span_of(mark, n));
}

/* begin LF *( 64base64char LF ) 1*64base64char LF end LF; appends the octets */
static bool
pem(struct span *rest, const char *name, struct buf *octets, struct err *e)
{
	struct buf text = BUF_INIT;
	struct span line = span_cut(rest, '\n');
	size_t last = PEM_LINE;
	bool good = is_mark(line, "BEGIN", name);

	while (good && rest->n > 0 && !is_mark(line = span_cut(rest, '\n'), "END", name)) {
		good = last == PEM_LINE && line.n > 0 && line.n <= PEM_LINE;
		last = line.n;
		buf_add(&text, line.p, line.n);
	}
	good = good && text.len > 0 && is_mark(line, "END", name) &&
	    base64_parse(buf_span(&text), octets);
	buf_clear(&text);
	return good || bad(e, name);
}

static bool
is_whole(struct span text, struct span *head, statement_sha256_fn *sha256, struct err *e)
{
	struct buf want = BUF_INIT;
	bool same;

	if (text.n > EVIDENCE_MAX_BYTES || text.n < DIGEST_LINE)
		return bad(e, "too short or too long");
	*head = span_sub(text, 0, text.n - DIGEST_LINE);
	add_digest(&want, *head, sha256);
	same = span_eq(span_sub(text, head->n, DIGEST_LINE), buf_span(&want));
	buf_clear(&want);
	return same ||
	    err_set(e, REFUSAL_bad_syntax,
		"its digest does not match: it was changed or "
		"is incomplete");
}

bool
evidence_parse(struct span text, struct evidence *v, struct buf *octets,
    statement_sha256_fn *sha256, struct err *e)
{
	struct span rest, version, received;
	size_t cut;

	*v = (struct evidence) { .received_s = 0 };
	buf_reset(octets);
	if (!is_whole(text, &rest, sha256, e) ||
	    !field(&rest, "Tillcalled-Evidence", 1, &version, e) ||
	    !field(&rest, "Received", CLOCK_DATE_BYTES, &received, e) ||
	    !field(&rest, "Address", EVIDENCE_ADDRESS_MAX, &v->address, e) ||
	    !field(&rest, "SPF", EVIDENCE_SPF_MAX, &v->spf, e) ||
	    !pem(&rest, STATEMENT_NAME, octets, e))
		return false;
	cut = octets->len;
	if (!pem(&rest, "CMS", octets, e))
		return false;
	v->statement = span_sub(buf_span(octets), 0, cut);
	v->cms = span_sub(buf_span(octets), cut, octets->len);
	if (version.p[0] != '1' || !clock_parse_date(received, &v->received_s) || rest.n > 0)
		return bad(e, "version, date, or text after the end");
	return true;
}
