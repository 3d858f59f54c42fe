/* fields — reader of the signed texts' lines; see fields.h. */
#include "proto/fields.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/hex.h"

struct fields
fields_of(struct span text)
{
	return (struct fields) { text, NULL };
}

void
fields_fail(struct fields *f, const char *name)
{
	if (f->fault == NULL)
		f->fault = name;
	f->rest.n = 0;
}

static bool
at_field(const struct fields *f, const char *name)
{
	size_t n = strlen(name);

	return f->rest.n > n + 2 && memcmp(f->rest.p, name, n) == 0 && f->rest.p[n] == ':' &&
	    f->rest.p[n + 1] == ' ';
}

/* field = name ":" SP value CRLF */
struct span
fields_value(struct fields *f, const char *name)
{
	struct span rest;
	const char *end;

	if (f->fault != NULL || !at_field(f, name)) {
		fields_fail(f, name);
		return (struct span) { 0 };
	}
	rest = span_sub(f->rest, strlen(name) + 2, f->rest.n);
	end = memchr(rest.p, '\n', rest.n);
	if (end == NULL || end == rest.p || end[-1] != '\r') {
		fields_fail(f, name);
		return (struct span) { 0 };
	}
	f->rest = span_sub(rest, (size_t)(end + 1 - rest.p), rest.n);
	return (struct span) { rest.p, (size_t)(end - 1 - rest.p) };
}

struct span
fields_domain(struct fields *f, const char *name)
{
	struct span v = fields_value(f, name);

	if (!domain_is_canonical(v))
		fields_fail(f, name);
	return v;
}

int64_t
fields_date(struct fields *f, const char *name)
{
	int64_t s = 0;

	if (!clock_parse_date(fields_value(f, name), &s))
		fields_fail(f, name);
	return s;
}

uint64_t
fields_number(struct fields *f, const char *name, uint64_t most)
{
	uint64_t n = 0;

	if (!span_u64(fields_value(f, name), &n) || n > most)
		fields_fail(f, name);
	return n;
}

/* hash = "sha256:" 64( DIGIT / %x61-66 ) */
static bool
is_hash(struct span v, unsigned char out[FIELDS_HASH_BYTES])
{
	return v.n == FIELDS_HASH_VALUE && span_starts(v, SPAN_LIT("sha256:")) &&
	    hex_parse(span_sub(v, 7, v.n), out, FIELDS_HASH_BYTES);
}

void
fields_hash(struct fields *f, const char *name, unsigned char out[FIELDS_HASH_BYTES])
{
	if (!is_hash(fields_value(f, name), out))
		fields_fail(f, name);
}

struct span
fields_hash_lines(struct fields *f, const char *name, size_t *n)
{
	unsigned char octets[FIELDS_HASH_BYTES];
	struct span lines = f->rest;

	for (*n = 0; f->fault == NULL && at_field(f, name); (*n)++)
		fields_hash(f, name, octets);
	if (*n == 0)
		fields_fail(f, name);
	lines.n = f->fault == NULL ? (size_t)(f->rest.p - lines.p) : 0;
	return lines;
}

struct span
fields_hash_digits(struct span lines, size_t n, size_t i)
{
	size_t line = lines.n / n;

	return span_sub(lines, (i + 1) * line - 2 - 2 * FIELDS_HASH_BYTES, 2 * FIELDS_HASH_BYTES);
}

bool
fields_done(const struct fields *f, enum refusal why, struct err *e)
{
	if (f->fault != NULL)
		return err_set(e, why, "the field %s is missing, misplaced or malformed", f->fault);
	if (f->rest.n > 0)
		return err_set(e, why, "there is text after the last field");
	return true;
}
