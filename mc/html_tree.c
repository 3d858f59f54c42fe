/* html_tree — the nodes of an HTML text, within bounds; see html_tree_private.h. */
#include "mc/html_tree_private.h"

#include <setjmp.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/memory.h"
#include "mc/html.h"

#define CHUNK_BYTES  (256 * 1024)
#define CHECK_EVERY  1024 /* allocations between two looks at the clock */
#define CLOSINGS_MAX 8    /* elements of XHTML that are closed by us */
#define ALIGNMENT    16

/* -- bounds ------------------------------------------------------------------------------------- */

struct chunk {
	struct chunk *next;
	_Alignas(ALIGNMENT) char octets[];
};

/* The parser's memory: freed as a whole, and left by longjmp when there is too much of it. */
struct arena {
	jmp_buf beyond;
	struct chunk *chunks;
	char *at;
	size_t left, total;
	unsigned allocations;
	int64_t until_ms; /* CPU time of this thread */
};

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
arena_grow(struct arena *a, size_t n)
{
	struct chunk *c;

	a->left = n > CHUNK_BYTES ? n : CHUNK_BYTES;
	a->total += a->left;
	if (a->total > HTML_MEMORY_BYTES)
		longjmp(a->beyond, 1);
	c = memory_new(sizeof *c + a->left);
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->octets;
}

static void *
arena_take(void *userdata, size_t n)
{
	struct arena *a = userdata;
	void *p;

	n = (n + ALIGNMENT) & ~(size_t)(ALIGNMENT - 1);
	if (++a->allocations % CHECK_EVERY == 0 && cpu_ms() > a->until_ms)
		longjmp(a->beyond, 1);
	if (n > a->left)
		arena_grow(a, n);
	p = a->at;
	a->at += n;
	a->left -= n;
	return p;
}

static void
arena_give_back(void *userdata, void *p)
{
	(void)userdata;
	(void)p; /* all at once, by arena_clear */
}

static void
arena_clear(struct arena *a)
{
	struct chunk *next;

	for (struct chunk *c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
}

/* NULL: beyond the bounds. */
static const GumboNode *
parse(struct arena *a, struct span html)
{
	GumboOptions options = kGumboDefaultOptions;

	options.allocator = arena_take;
	options.deallocator = arena_give_back;
	options.userdata = a;
	options.max_errors = 0;
	if (a->until_ms == 0)
		a->until_ms = cpu_ms() + HTML_CPU_MS;
	if (setjmp(a->beyond) != 0)
		return NULL;
	return gumbo_parse_with_options(&options, html.p, html.n)->document;
}

/* -- order -------------------------------------------------------------------------------------- */

static const GumboVector *
children_of(const GumboNode *node)
{
	if (node->type == GUMBO_NODE_DOCUMENT)
		return &node->v.document.children;
	if (node->type == GUMBO_NODE_ELEMENT)
		return &node->v.element.children;
	return NULL;
}

const GumboNode *
html_tree_next(const GumboNode *node, void (*end)(void *arg, const GumboNode *node), void *arg)
{
	const GumboVector *children = children_of(node);

	if (children != NULL && children->length > 0)
		return children->data[0];
	for (;;) {
		const GumboNode *parent = node->parent;
		size_t next = node->index_within_parent + 1;

		if (end != NULL)
			end(arg, node);
		if (parent == NULL)
			return NULL;
		children = children_of(parent);
		if (next < children->length)
			return children->data[next];
		node = parent;
	}
}

/* -- elements that nobody closed ---------------------------------------------------------------- */

/* An element of text without markup that a sender of XHTML means to be empty, <title/>: it would
 * swallow the text after it.  NULL: there is none. */
static const GumboNode *
swallowing(const GumboNode *document)
{
	for (const GumboNode *n = document; n != NULL; n = html_tree_next(n, NULL, NULL)) {
		struct span tag;

		if (n->type != GUMBO_NODE_ELEMENT)
			continue;
		tag = span_of(n->v.element.original_tag.data, n->v.element.original_tag.length);
		if (tag.n > 2 && tag.p[tag.n - 2] == '/' &&
		    (n->v.element.tag == GUMBO_TAG_TITLE || n->v.element.tag == GUMBO_TAG_STYLE ||
			n->v.element.tag == GUMBO_TAG_SCRIPT ||
			n->v.element.tag == GUMBO_TAG_IFRAME ||
			n->v.element.tag == GUMBO_TAG_TEXTAREA) &&
		    n->v.element.children.length > 0)
			return n;
	}
	return NULL;
}

/* Adds an end tag to the first of them; *html is the text without it. */
static bool
close_swallowing(const GumboNode *document, struct buf *html)
{
	const GumboNode *n = swallowing(document);
	struct buf closed = BUF_INIT;
	size_t at;

	if (n == NULL)
		return false;
	at = (size_t)(n->v.element.original_tag.data - html->data) +
	    n->v.element.original_tag.length;
	buf_add(&closed, html->data, at);
	buf_addf(&closed, "</%s>", gumbo_normalized_tagname(n->v.element.tag));
	buf_add(&closed, html->data + at, html->len - at);
	buf_clear(html);
	*html = closed;
	return true;
}

/* -- the tree ----------------------------------------------------------------------------------- */

struct html_tree {
	struct arena arena;
	struct buf text; /* the nodes point into it */
	const GumboNode *document;
};

struct html_tree *
html_tree_new(struct span html)
{
	struct html_tree *t = memory_new(sizeof *t);

	buf_add(&t->text, html.p, html.n);
	t->document = parse(&t->arena, buf_span(&t->text));
	for (int i = 0; i < CLOSINGS_MAX && t->document != NULL; i++) {
		if (!close_swallowing(t->document, &t->text))
			break;
		t->document = parse(&t->arena, buf_span(&t->text));
	}
	return t;
}

const GumboNode *
html_tree_document(const struct html_tree *t)
{
	return t->document;
}

void
html_tree_free(struct html_tree **t)
{
	if (*t == NULL)
		return;
	arena_clear(&(*t)->arena);
	buf_clear(&(*t)->text);
	free(*t);
	*t = NULL;
}
