/* canon — see canon.h. */
#include "common/dkim/canon.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"

#define HELD 4096

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* -- fields ------------------------------------------------------------------------------------ */

static void
add_lower(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];

		buf_add(out, &c, 1);
	}
}

/* Folds go, runs of blanks become one space, those at either end go. */
static void
add_evened(struct buf *out, struct span s)
{
	bool blank = false, any = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n') {
			i++;
			continue;
		}
		if (is_blank(s.p[i])) {
			blank = true;
			continue;
		}
		if (blank && any)
			buf_add(out, " ", 1);
		buf_add(out, &s.p[i], 1);
		blank = false;
		any = true;
	}
}

void
canon_field(enum canon how, const struct header_field *f, struct buf *out)
{
	if (how == CANON_SIMPLE) {
		buf_add(out, f->whole.p, f->whole.n);
		return;
	}
	add_lower(out, f->name);
	buf_add(out, ":", 1);
	add_evened(out, f->value);
}

/* -- bodies ------------------------------------------------------------------------------------ */

struct canon_body {
	enum canon how;
	struct digest *digest;
	uint64_t octets;
	uint64_t lines; /* CRLFs that came and did not count yet: they may be the body's end */
	bool cr;        /* the last octet was a CR */
	bool blank;     /* relaxed: blanks came that may be the line's end */
	size_t held;
	char hold[HELD];
};

struct canon_body *
canon_body_new(enum canon how)
{
	struct canon_body *c = memory_new(sizeof *c);

	c->how = how;
	c->digest = digest_new();
	return c;
}

static void
flush(struct canon_body *c)
{
	digest_add(c->digest, span_of(c->hold, c->held));
	c->octets += c->held;
	c->held = 0;
}

static void
put(struct canon_body *c, const char *p, size_t n)
{
	if (n > HELD - c->held)
		flush(c);
	if (n > HELD) {
		digest_add(c->digest, span_of(p, n));
		c->octets += n;
		return;
	}
	memcpy(c->hold + c->held, p, n);
	c->held += n;
}

/* What was held back is inside the body, since something comes after it. */
static void
put_held_back(struct canon_body *c)
{
	for (; c->lines > 0; c->lines--)
		put(c, "\r\n", 2);
	if (c->blank)
		put(c, " ", 1);
	c->blank = false;
}

static void
put_run(struct canon_body *c, const char *p, size_t n)
{
	put_held_back(c);
	put(c, p, n);
}

/* How many octets from the first on neither end a line nor are evened out. */
static size_t
run_length(const struct canon_body *c, struct span s)
{
	const char *cr;
	size_t n = 0;

	if (c->how == CANON_SIMPLE) {
		cr = memchr(s.p, '\r', s.n);
		return cr == NULL ? s.n : (size_t)(cr - s.p);
	}
	while (n < s.n && !is_blank(s.p[n]) && s.p[n] != '\r')
		n++;
	return n;
}

void
canon_body_add(struct canon_body *c, struct span s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n;

		if (c->cr && s.p[i] == '\n') {
			c->cr = c->blank = false;
			c->lines++;
			i++;
			continue;
		}
		if (c->cr)
			put_run(c, "\r", 1);
		c->cr = s.p[i] == '\r';
		if (c->cr || (c->how == CANON_RELAXED && is_blank(s.p[i]))) {
			c->blank = c->blank || !c->cr;
			i++;
			continue;
		}
		n = run_length(c, span_sub(s, i, s.n));
		put_run(c, s.p + i, n);
		i += n;
	}
}

void
canon_body_end(struct canon_body *c, unsigned char digest[DIGEST_BYTES], uint64_t *octets)
{
	if (c->cr)
		put_run(c, "\r", 1);
	if (c->octets + c->held > 0 || c->how == CANON_SIMPLE)
		put(c, "\r\n", 2);
	flush(c);
	digest_end(c->digest, digest);
	*octets = c->octets;
}

void
canon_body_free(struct canon_body **c)
{
	if (*c == NULL)
		return;
	digest_free(&(*c)->digest);
	free(*c);
	*c = NULL;
}
