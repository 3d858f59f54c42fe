/* html — the words of an HTML text, for a terminal; see html.h. */
#include "mc/html.h"

#include <string.h>

struct page {
	struct span rest;
	struct buf *out;
	size_t start; /* of the text, in out */
	int breaks;   /* line ends due before the next word */
	bool space;   /* a space due before the next word */
	bool pre;
	struct span link; /* href of the open <a> */
	size_t link_at;   /* where its words begin */
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-';
}

static void
words(struct page *p, const char *s, size_t n)
{
	if (p->out->len > p->start)
		for (int i = 0; i < p->breaks; i++)
			buf_add(p->out, "\n", 1);
	if (p->space && p->breaks == 0 && p->out->len > p->start)
		buf_add(p->out, " ", 1);
	p->breaks = 0;
	p->space = false;
	buf_add(p->out, s, n);
}

static void
add_utf8(struct page *p, uint64_t c)
{
	char u[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd, n = 3;
	for (size_t i = n; i-- > 1; c >>= 6)
		u[i] = (char)(0x80 | (c & 0x3f));
	u[0] = (char)(n == 1 ? c : ((0xf00u >> n) & 0xf0u) | c);
	words(p, u, n);
}

static bool
numeric(struct span name, uint64_t *c)
{
	bool hex = name.n > 1 && (name.p[1] == 'x' || name.p[1] == 'X');
	size_t i = hex ? 2 : 1;

	if (i >= name.n)
		return false;
	for (*c = 0; i < name.n; i++) {
		char d = name.p[i];
		int v = d >= '0' && d <= '9'      ? d - '0'
		    : hex && d >= 'a' && d <= 'f' ? d - 'a' + 10
		    : hex && d >= 'A' && d <= 'F' ? d - 'A' + 10
						  : -1;

		if (v < 0)
			return false;
		if (*c <= 0x10ffff)
			*c = *c * (hex ? 16 : 10) + (uint64_t)v;
	}
	*c = *c == 0 ? 0xfffd : *c;
	return true;
}

/* "&" stands in front of p->rest; without a known entity it is a plain one. */
static void
entity(struct page *p)
{
	static const struct {
		const char *name;
		uint64_t c;
	} known[] = {
		{ "amp", '&' },
		{ "lt", '<' },
		{ "gt", '>' },
		{ "quot", '"' },
		{ "apos", '\'' },
		{ "nbsp", 0xa0 },
		{ "copy", 0xa9 },
		{ "reg", 0xae },
		{ "euro", 0x20ac },
		{ "ndash", 0x2013 },
		{ "mdash", 0x2014 },
		{ "hellip", 0x2026 },
		{ "bull", 0x2022 },
		{ "lsquo", 0x2018 },
		{ "rsquo", 0x2019 },
		{ "ldquo", 0x201c },
		{ "rdquo", 0x201d },
		{ "laquo", 0xab },
		{ "raquo", 0xbb },
		{ "auml", 0xe4 },
		{ "ouml", 0xf6 },
		{ "uuml", 0xfc },
		{ "Auml", 0xc4 },
		{ "Ouml", 0xd6 },
		{ "Uuml", 0xdc },
		{ "szlig", 0xdf },
		{ "eacute", 0xe9 },
		{ "egrave", 0xe8 },
		{ "agrave", 0xe0 },
		{ "ccedil", 0xe7 },
		{ "middot", 0xb7 },
		{ "times", 0xd7 },
		{ "deg", 0xb0 },
	};
	size_t n = 0;
	struct span name;
	uint64_t c = 0;

	while (n < p->rest.n && n < 12 && (is_name(p->rest.p[n]) || p->rest.p[n] == '#'))
		n++;
	name = span_sub(p->rest, 0, n);
	if (n == p->rest.n || p->rest.p[n] != ';') {
		words(p, "&", 1);
		return;
	}
	if (n == 0 || name.p[0] != '#' || !numeric(name, &c))
		for (size_t i = 0; i < sizeof known / sizeof known[0] && c == 0; i++)
			if (span_eq(name, span_str(known[i].name)))
				c = known[i].c;
	if (c == 0) {
		words(p, "&", 1);
		return;
	}
	p->rest = span_sub(p->rest, n + 1, p->rest.n);
	if (c == 0xa0)
		p->space = true;
	else
		add_utf8(p, c);
}

/* The value of attribute `name` among a tag's octets; empty where there is none. */
static struct span
attribute(struct span tag, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n < tag.n; i++) {
		struct span v;
		char quote;

		if (!is_space(i == 0 ? 'x' : tag.p[i - 1]) || tag.p[i + n] != '=' ||
		    !span_eq_nocase(span_sub(tag, i, n), span_str(name)))
			continue;
		v = span_sub(tag, i + n + 1, tag.n);
		quote = v.n > 0 && (v.p[0] == '"' || v.p[0] == '\'') ? v.p[0] : ' ';
		if (quote != ' ')
			v = span_sub(v, 1, v.n);
		return span_cut(&v, quote);
	}
	return span_sub(tag, 0, 0);
}

static void
link_end(struct page *p)
{
	struct span shown = span_sub(buf_span(p->out), p->link_at, p->out->len);
	struct span href = span_sub(p->link, 0, HTML_LINK_BYTES);

	p->link = span_str("");
	while (shown.n > 0 && is_space(shown.p[0]))
		shown = span_sub(shown, 1, shown.n);
	if (href.n == 0 || href.p[0] == '#' || span_eq(shown, href) ||
	    (span_starts(href, SPAN_LIT("mailto:")) && span_eq(shown, span_sub(href, 7, href.n))))
		return;
	p->space = true;
	words(p, "<", 1);
	buf_add(p->out, href.p, href.n);
	buf_add(p->out, ">", 1);
}

/* Skips to the end tag of an element whose content is not text. */
static void
skip_element(struct page *p, struct span name)
{
	for (size_t i = 0; i + name.n + 1 < p->rest.n; i++)
		if (p->rest.p[i] == '<' && p->rest.p[i + 1] == '/' &&
		    span_eq_nocase(span_sub(p->rest, i + 2, name.n), name)) {
			p->rest = span_sub(p->rest, i, p->rest.n);
			return;
		}
	p->rest = span_sub(p->rest, p->rest.n, 0);
}

static bool
is_one_of(struct span name, const char *list)
{
	struct span rest = span_str(list);

	while (rest.n > 0)
		if (span_eq_nocase(span_cut(&rest, ' '), name))
			return true;
	return false;
}

static void
element(struct page *p, struct span name, struct span tag, bool end)
{
	int breaks = is_one_of(name, "p h1 h2 h3 h4 h5 h6 blockquote table ul ol pre hr") ? 2
	    : is_one_of(name, "div tr li dt dd section article header footer title")      ? 1
											  : 0;

	if (breaks > p->breaks)
		p->breaks = breaks;
	if (is_one_of(name, "br") && p->breaks < 3)
		p->breaks++;
	if (is_one_of(name, "td th"))
		p->space = true;
	if (is_one_of(name, "pre"))
		p->pre = !end;
	if (is_one_of(name, "li") && !end)
		words(p, "* ", 2);
	if (is_one_of(name, "a")) {
		if (p->link.n > 0)
			link_end(p);
		p->link = end ? span_str("") : attribute(tag, "href");
		p->link_at = p->out->len;
	}
	if (!end && is_one_of(name, "script style head template"))
		skip_element(p, name);
}

static bool
begins_tag(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '!' || c == '?';
}

/* "<" stands in front of p->rest. */
static void
markup(struct page *p)
{
	bool end = p->rest.n > 0 && p->rest.p[0] == '/';
	struct span tag;
	size_t n = 0, from = end ? 1 : 0;
	char quote = 0;

	if (span_starts(p->rest, SPAN_LIT("!--"))) {
		for (n = 3;
		     n < p->rest.n && !span_starts(span_sub(p->rest, n, 3), SPAN_LIT("-->"));)
			n++;
		p->rest = span_sub(p->rest, n + 3, p->rest.n);
		return;
	}
	if (from >= p->rest.n || !begins_tag(p->rest.p[from])) {
		words(p, "<", 1);
		return;
	}
	for (; n < p->rest.n && (quote != 0 || p->rest.p[n] != '>'); n++) {
		char c = p->rest.p[n];

		if (quote != 0)
			quote = c == quote ? 0 : quote;
		else if ((c == '"' || c == '\'') && n > 0 && p->rest.p[n - 1] == '=')
			quote = c;
	}
	tag = span_sub(p->rest, from, n - from);
	p->rest = span_sub(p->rest, n + 1, p->rest.n);
	for (n = 0; n < tag.n && is_name(tag.p[n]);)
		n++;
	element(p, span_sub(tag, 0, n), tag, end);
}

void
html_text(struct span html, struct buf *out)
{
	struct page p = { .rest = html, .out = out, .start = out->len };

	while (p.rest.n > 0) {
		char c = p.rest.p[0];

		p.rest = span_sub(p.rest, 1, p.rest.n);
		if (c == '<')
			markup(&p);
		else if (c == '&')
			entity(&p);
		else if (p.pre && c == '\n')
			p.breaks++;
		else if (is_space(c) && !(p.pre && c == ' '))
			p.space = true;
		else
			words(&p, &c, 1);
	}
	if (p.link.n > 0)
		link_end(&p);
	if (out->len > p.start)
		buf_add(out, "\n", 1);
}
