/* html — the words of an HTML text, for a terminal; see html.h. */
#include "mc/html.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mc/html_tree_private.h"
#include "mc/visible.h"

#define PRESCAN_BYTES 4096 /* in which a meta element names the character set */
#define LISTS_MAX     32   /* numbered lists in each other; items of deeper ones have no number */

/* -- words -------------------------------------------------------------------------------------- */

struct list {
	const GumboNode *node;
	long number; /* of the next item */
};

struct page {
	struct buf *out;
	size_t start;          /* of the text, in out */
	int breaks;            /* line ends due before the next word */
	bool space;            /* a space due before the next word */
	unsigned pre;          /* how many elements deep in text whose blanks count */
	const GumboNode *link; /* the open <a> with a target */
	size_t link_at;        /* where its words begin */
	unsigned silent;       /* how many elements deep in what is not text */
	bool all;              /* also what a browser hides */
	size_t item_at; /* in out, where a list's item begins that has no words yet; 0: none */
	struct list lists[LISTS_MAX];
	size_t n_lists; /* open ones that have numbers */
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static void
words(struct page *p, const char *s, size_t n)
{
	if (p->item_at > 0 && p->item_at == p->out->len) { /* beside its number */
		p->breaks = 0;
		p->space = false;
	}
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
text(struct page *p, const char *s)
{
	struct buf seen = BUF_INIT;
	struct span rest;
	uint32_t c = 0;
	size_t n;

	visible_add(&seen, span_str(s));
	for (rest = buf_span(&seen); rest.n > 0; rest = span_sub(rest, n, rest.n)) {
		n = visible_utf8(rest, &c);
		n += n == 0;
		if (p->pre > 0 && rest.p[0] == '\n')
			p->breaks++;
		else if (c == 0xa0 ||
		    (is_space(rest.p[0]) && !(p->pre > 0 && (c == ' ' || c == '\t'))))
			p->space = true;
		else
			words(p, rest.p, n);
	}
	buf_clear(&seen);
}

/* -- links -------------------------------------------------------------------------------------- */

static const char *
attribute(const GumboNode *node, const char *name)
{
	const GumboAttribute *a = gumbo_get_attribute(&node->v.element.attributes, name);

	return a == NULL ? "" : a->value;
}

/* A blank, or what could be taken for the end of a target that is shown as <...>. */
static bool
ends_target(uint32_t c)
{
	return c <= ' ' || c == '<' || c == '>' || c == '"' || visible_is_blank(c);
}

/* A target as a browser reads it: without line ends and TAB, without blanks around it, and with those
 * within in percent signs. */
static void
target(struct buf *out, const char *href)
{
	struct span rest = span_str(href);
	uint32_t c = 0;

	while (rest.n > 0 && (unsigned char)rest.p[0] <= ' ')
		rest = span_sub(rest, 1, rest.n);
	while (rest.n > 0 && (unsigned char)rest.p[rest.n - 1] <= ' ')
		rest.n--;
	for (size_t n; rest.n > 0; rest = span_sub(rest, n, rest.n)) {
		n = visible_utf8(rest, &c);
		if (n == 1 && (c == '\t' || c == '\r' || c == '\n'))
			continue;
		if (n == 0 || !ends_target(c)) {
			n += n == 0;
			buf_add(out, rest.p, n);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)rest.p[i]);
	}
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":"; other targets lead nowhere in a letter. */
static size_t
scheme_length(struct span s)
{
	size_t n = 0;

	while (n < s.n &&
	    ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
		(n > 0 && strchr("0123456789+-.", s.p[n]) != NULL && s.p[n] != '\0')))
		n++;
	return n > 0 && n < s.n && s.p[n] == ':' ? n + 1 : 0;
}

/* Whether the host is within the first `most` octets. */
static bool
host_within(struct span s, size_t most)
{
	size_t n = scheme_length(s);

	while (n < s.n && (s.p[n] == '/' || s.p[n] == '\\'))
		n++;
	while (n < s.n && strchr("/\\?#", s.p[n]) == NULL)
		n++;
	return n < most;
}

static void
link_end(struct page *p)
{
	struct span shown = span_sub(buf_span(p->out), p->link_at, p->out->len), whole;
	struct buf href = BUF_INIT;
	int breaks = p->breaks;

	target(&href, attribute(p->link, "href"));
	whole = buf_span(&href);
	p->link = NULL;
	while (shown.n > 0 && is_space(shown.p[0]))
		shown = span_sub(shown, 1, shown.n);
	if (scheme_length(whole) > 0 && !span_eq(shown, whole) &&
	    !(span_starts(whole, SPAN_LIT("mailto:")) &&
		span_eq(shown, span_sub(whole, 7, whole.n)))) {
		p->space = true;
		if (shown.n > 0)
			p->breaks = 0; /* beside its words, whatever ended after them */
		words(p, "<", 1);
		if (whole.n <= HTML_LINK_BYTES)
			buf_add(p->out, whole.p, whole.n);
		else if (host_within(whole, HTML_LINK_BYTES))
			buf_addf(p->out, "%.*s...", HTML_LINK_BYTES, whole.p);
		else
			buf_addf(p->out, "a link that is too long to be shown");
		buf_add(p->out, ">", 1);
		p->breaks = shown.n > 0 ? breaks : 0;
	}
	buf_clear(&href);
}

/* -- elements ----------------------------------------------------------------------------------- */

static int
breaks_of(GumboTag tag)
{
	switch (tag) {
	case GUMBO_TAG_P:
	case GUMBO_TAG_H1:
	case GUMBO_TAG_H2:
	case GUMBO_TAG_H3:
	case GUMBO_TAG_H4:
	case GUMBO_TAG_H5:
	case GUMBO_TAG_H6:
	case GUMBO_TAG_BLOCKQUOTE:
	case GUMBO_TAG_TABLE:
	case GUMBO_TAG_UL:
	case GUMBO_TAG_OL:
	case GUMBO_TAG_DL:
	case GUMBO_TAG_FIGURE:
	case GUMBO_TAG_PRE:
	case GUMBO_TAG_HR:
		return 2;
	case GUMBO_TAG_DIV:
	case GUMBO_TAG_TR:
	case GUMBO_TAG_LI:
	case GUMBO_TAG_DT:
	case GUMBO_TAG_DD:
	case GUMBO_TAG_SECTION:
	case GUMBO_TAG_ARTICLE:
	case GUMBO_TAG_HEADER:
	case GUMBO_TAG_FOOTER:
	case GUMBO_TAG_CENTER:
	case GUMBO_TAG_CAPTION:
	case GUMBO_TAG_FORM:
	case GUMBO_TAG_FIELDSET:
	case GUMBO_TAG_ADDRESS:
	case GUMBO_TAG_NAV:
	case GUMBO_TAG_MAIN:
	case GUMBO_TAG_ASIDE:
	case GUMBO_TAG_FIGCAPTION:
	case GUMBO_TAG_DETAILS:
	case GUMBO_TAG_SUMMARY:
	case GUMBO_TAG_HGROUP:
	case GUMBO_TAG_LEGEND:
	case GUMBO_TAG_MENU:
	case GUMBO_TAG_DIR:
	case GUMBO_TAG_OPTGROUP:
		return 1;
	default:
		return 0;
	}
}

/* Whether a browser shows it as a box or a cell of its own, in the line. */
static bool
is_apart(GumboTag tag)
{
	switch (tag) {
	case GUMBO_TAG_TD:
	case GUMBO_TAG_TH:
	case GUMBO_TAG_BUTTON:
	case GUMBO_TAG_INPUT:
	case GUMBO_TAG_OPTION:
	case GUMBO_TAG_SELECT:
	case GUMBO_TAG_TEXTAREA:
	case GUMBO_TAG_AREA:
	case GUMBO_TAG_AUDIO:
	case GUMBO_TAG_VIDEO:
	case GUMBO_TAG_CANVAS:
	case GUMBO_TAG_OBJECT:
	case GUMBO_TAG_NOSCRIPT:
		return true;
	default:
		return false;
	}
}

static bool
is_text_element(GumboTag tag)
{
	return tag != GUMBO_TAG_HEAD && tag != GUMBO_TAG_DATALIST && tag != GUMBO_TAG_SCRIPT &&
	    tag != GUMBO_TAG_STYLE && tag != GUMBO_TAG_TITLE && tag != GUMBO_TAG_TEMPLATE &&
	    tag != GUMBO_TAG_IFRAME;
}

/* Moves past blanks at the front and returns the rest without those at its end. */
static struct span
trimmed(struct span s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Whether its style has display: none, or it has the attribute `hidden`. */
static bool
is_hidden(const GumboNode *node)
{
	struct span style = span_str(attribute(node, "style"));
	bool hidden = gumbo_get_attribute(&node->v.element.attributes, "hidden") != NULL;

	while (style.n > 0 && !hidden) {
		struct span value = span_cut(&style, ';'), name = span_cut(&value, ':');

		value = trimmed(span_cut(&value, '!'));
		hidden = span_eq_nocase(trimmed(name), SPAN_LIT("display")) &&
		    span_eq_nocase(value, SPAN_LIT("none"));
	}
	return hidden;
}

static bool
is_shown(const struct page *p, const GumboNode *node)
{
	return is_text_element(node->v.element.tag) && (p->all || !is_hidden(node));
}

static void
element_edge(struct page *p, GumboTag tag)
{
	int breaks = breaks_of(tag);

	if (breaks > p->breaks)
		p->breaks = breaks;
	p->space = p->space || is_apart(tag);
}

/* -- lists, buttons and numbers above the line -------------------------------------------------- */

static void
list_begin(struct page *p, const GumboNode *node)
{
	long start = strtol(attribute(node, "start"), NULL, 10);
	const GumboAttribute *a = gumbo_get_attribute(&node->v.element.attributes, "start");

	if (p->n_lists < LISTS_MAX)
		p->lists[p->n_lists++] = (struct list) { .node = node,
			.number = a == NULL ? 1 : start };
}

static void
list_end(struct page *p, const GumboNode *node)
{
	if (p->n_lists > 0 && p->lists[p->n_lists - 1].node == node)
		p->n_lists--;
}

/* An item has the number that a browser shows; "*" where the list has none or counts down. */
static void
item_begin(struct page *p, const GumboNode *node)
{
	struct list *list = p->n_lists > 0 ? &p->lists[p->n_lists - 1] : NULL;
	const char *value = attribute(node, "value");
	char number[32];

	if (list == NULL || list->node != node->parent ||
	    gumbo_get_attribute(&list->node->v.element.attributes, "reversed") != NULL) {
		words(p, "* ", 2);
		return;
	}
	if (*value != '\0')
		list->number = strtol(value, NULL, 10);
	snprintf(number, sizeof number, "%ld. ", list->number);
	list->number += list->number < LONG_MAX;
	words(p, number, strlen(number));
}

/* What a browser writes on a button. */
static void
input(struct page *p, const GumboNode *node)
{
	const char *type = attribute(node, "type");

	if (strcasecmp(type, "submit") == 0 || strcasecmp(type, "button") == 0 ||
	    strcasecmp(type, "reset") == 0)
		text(p, attribute(node, "value"));
	else if (strcasecmp(type, "image") == 0)
		text(p, attribute(node, "alt"));
}

/* A number or one letter above the line is a power (2^10), which must not join what it is a power
 * of; other text is as well in the line (1st). */
static void
lift(struct page *p, const GumboNode *node)
{
	const GumboVector *children = &node->v.element.children;
	const GumboNode *first = children->length > 0 ? children->data[0] : NULL;
	const char *s = first != NULL && first->type == GUMBO_NODE_TEXT ? first->v.text.text : "";
	uint32_t c = 0;
	size_t n = *s == '\0' ? 0 : visible_utf8(span_str(s), &c);
	bool number = c == '+' || c == '-' || c == 0x2212 || (c >= '0' && c <= '9');

	if (p->out->len > p->start && p->breaks == 0 && !p->space &&
	    (number || (n == 1 && s[1] == '\0' && c > ' ' && strchr("*.,;:!?)'\"", *s) == NULL)))
		words(p, "^", 1);
}

static void
element_begin(struct page *p, const GumboNode *node)
{
	GumboTag tag = node->v.element.tag;

	p->silent += !is_shown(p, node);
	if (p->silent > 0)
		return;
	element_edge(p, tag);
	if (tag == GUMBO_TAG_BR && p->breaks < 3)
		p->breaks++;
	p->pre += tag == GUMBO_TAG_PRE || tag == GUMBO_TAG_TEXTAREA;
	if (tag == GUMBO_TAG_OL)
		list_begin(p, node);
	if (tag == GUMBO_TAG_LI) {
		item_begin(p, node);
		p->item_at = p->out->len;
	}
	if (tag == GUMBO_TAG_INPUT)
		input(p, node);
	if (tag == GUMBO_TAG_SUP)
		lift(p, node);
	if (tag == GUMBO_TAG_Q)
		words(p, "\"", 1);
	if ((tag == GUMBO_TAG_A || tag == GUMBO_TAG_AREA) && p->link == NULL &&
	    attribute(node, "href")[0] != '\0') {
		p->link = node;
		p->link_at = p->out->len;
	}
	if (tag == GUMBO_TAG_IMG || tag == GUMBO_TAG_AREA)
		text(p, attribute(node, "alt"));
}

static void
element_end(struct page *p, const GumboNode *node)
{
	GumboTag tag = node->v.element.tag;

	if (p->silent > 0) {
		p->silent -= !is_shown(p, node);
		return;
	}
	if (tag == GUMBO_TAG_Q)
		words(p, "\"", 1);
	if (p->link == node)
		link_end(p);
	if (tag == GUMBO_TAG_LI)
		p->item_at = 0;
	if (tag == GUMBO_TAG_OL)
		list_end(p, node);
	p->pre -= tag == GUMBO_TAG_PRE || tag == GUMBO_TAG_TEXTAREA;
	element_edge(p, tag);
}

/* -- the tree ----------------------------------------------------------------------------------- */

static void
visit(struct page *p, const GumboNode *node)
{
	if (node->type == GUMBO_NODE_ELEMENT)
		element_begin(p, node);
	else if (p->silent > 0)
		return;
	else if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE ||
	    node->type == GUMBO_NODE_CDATA)
		text(p, node->v.text.text);
}

static void
leave(void *arg, const GumboNode *node)
{
	if (node->type == GUMBO_NODE_ELEMENT)
		element_end(arg, node);
}

static void
add_page(struct page *p, const GumboNode *document)
{
	for (const GumboNode *n = document; n != NULL; n = html_tree_next(n, leave, p))
		visit(p, n);
}

bool
html_text(struct span html, struct buf *out)
{
	struct page p = { .out = out, .start = out->len };
	struct html_tree *tree = html_tree_new(html);
	const GumboNode *document = html_tree_document(tree);

	add_page(&p, document);
	if (out->len == p.start) { /* better than nothing */
		p = (struct page) { .out = out, .start = out->len, .all = true };
		add_page(&p, document);
	}
	if (out->len > p.start)
		buf_add(out, "\n", 1);
	html_tree_free(&tree);
	return document != NULL;
}

/* -- the character set -------------------------------------------------------------------------- */

/* Moves *s past the next `word` in any case; false: there is none. */
static bool
skip_past(struct span *s, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= s->n; i++)
		if (span_eq_nocase(span_sub(*s, i, n), span_str(word))) {
			*s = span_sub(*s, i + n, s->n);
			return true;
		}
	return false;
}

static struct span
value_after(struct span tag)
{
	size_t n = 0;

	while (tag.n > 0 && (is_space(tag.p[0]) || tag.p[0] == '='))
		tag = span_sub(tag, 1, tag.n);
	if (tag.n > 0 && (tag.p[0] == '"' || tag.p[0] == '\''))
		tag = span_sub(tag, 1, tag.n);
	while (n < tag.n && !is_space(tag.p[n]) && strchr("\"';/?", tag.p[n]) == NULL)
		n++;
	tag = span_sub(tag, 0, n);
	/* It was found, so it is no UTF-16, whatever it says. */
	return n >= 6 && span_eq_nocase(span_sub(tag, 0, 6), SPAN_LIT("utf-16")) ? SPAN_LIT("utf-8")
										 : tag;
}

/* <meta charset="..."> or <meta http-equiv="Content-Type" content="...; charset=...">, or the
 * encoding of an XML declaration. */
struct span
html_charset(struct span octets)
{
	struct span rest = span_sub(octets, 0, PRESCAN_BYTES), s = rest, tag;

	while (skip_past(&s, "<meta")) {
		tag = span_cut(&s, '>');
		if (skip_past(&tag, "charset"))
			return value_after(tag);
	}
	if (span_starts(rest, SPAN_LIT("<?xml"))) {
		tag = span_cut(&rest, '>');
		if (skip_past(&tag, "encoding"))
			return value_after(tag);
	}
	return span_sub(octets, 0, 0);
}
