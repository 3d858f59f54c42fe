/* table — rows and columns for people, as wide as the terminal; see table.h. */
#include "mc/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "mc/safe.h"

#define GAP 2 /* spaces between two columns */
#define PAD_MAX                                                                                    \
	48 /* with no limit, no cell is padded beyond this: a longer one shifts its own row only */

struct table {
	const struct table_column *columns;
	size_t n;
	struct buf *cells; /* of the rows, without titles */
	size_t count, cap;
	bool ascii;
};

struct layout {
	size_t width[TABLE_COLUMNS]; /* 0: left out */
	bool whole;                  /* what is wider than its column is not cut */
};

struct table *
table_new(const struct table_column *columns, size_t n, bool ascii)
{
	struct table *t = memory_new(sizeof *t);

	assert(n > 0 && n <= TABLE_COLUMNS);
	t->columns = columns;
	t->n = n;
	t->ascii = ascii;
	return t;
}

void
table_cell(struct table *t, struct span text)
{
	enum safe_form form = t->columns[t->count % t->n].words ? SAFE_WORDS : SAFE_LINE;
	struct buf cell = BUF_INIT;

	if (t->count == t->cap) {
		t->cap = t->cap > 0 ? t->cap * 2 : 64;
		t->cells = memory_resize(t->cells, t->cap, sizeof *t->cells);
	}
	if (t->ascii)
		safe_add_ascii(&cell, text, form);
	else
		safe_add(&cell, text, form);
	t->cells[t->count++] = cell;
}

void
table_cellf(struct table *t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	table_cell(t, n < 0 ? span_str("") : span_str(text));
}

static size_t
total(const struct table *t, const struct layout *l)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		if (l->width[i] > 0)
			sum += l->width[i] + (sum > 0 ? GAP : 0);
	return sum;
}

/* The widest column that may still be cut; t->n: none. */
static size_t
widest(const struct table *t, const struct layout *l)
{
	size_t best = t->n;

	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].least > 0 && l->width[i] > t->columns[i].least &&
		    (best == t->n || l->width[i] > l->width[best]))
			best = i;
	return best;
}

static void
fit(const struct table *t, size_t width, struct layout *l)
{
	size_t i;

	while (total(t, l) > width && (i = widest(t, l)) < t->n)
		l->width[i]--;
	for (i = t->n; i-- > 0 && total(t, l) > width;)
		if (t->columns[i].drop)
			l->width[i] = 0;
}

static void
add_cell(struct buf *out, struct span text, size_t width, bool whole, bool right, bool last)
{
	size_t columns;
	bool cut = !whole && safe_columns(text) > width;

	if (cut)
		text = safe_cut(text, width > 0 ? width - 1 : 0);
	columns = safe_columns(text) + cut;
	for (size_t i = columns; right && i < width; i++)
		buf_add(out, " ", 1);
	buf_add(out, text.p, text.n);
	if (cut)
		buf_add(out, "~", 1);
	for (size_t i = columns; !right && !last && i < width; i++)
		buf_add(out, " ", 1);
}

static void
add_row(const struct table *t, const struct layout *l, size_t row, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < t->n; i++) {
		struct span text = row == SIZE_MAX ? span_str(t->columns[i].title)
						   : buf_span(&t->cells[row * t->n + i]);

		if (l->width[i] == 0)
			continue;
		if (!first)
			buf_add(out, "  ", GAP);
		first = false;
		add_cell(out, text, l->width[i], l->whole, t->columns[i].right, i == t->n - 1);
	}
	buf_add(out, "\n", 1);
}

void
table_print(const struct table *t, size_t width, struct buf *out)
{
	struct layout l = { .whole = width == 0 };

	assert(t->n > 0);
	for (size_t i = 0; i < t->n; i++)
		l.width[i] = safe_columns(span_str(t->columns[i].title));
	for (size_t i = 0; i < t->count; i++) {
		size_t w = safe_columns(buf_span(&t->cells[i]));

		if (l.whole && w > PAD_MAX)
			w = PAD_MAX;
		if (w > l.width[i % t->n])
			l.width[i % t->n] = w;
	}
	if (width > 0)
		fit(t, width, &l);
	add_row(t, &l, SIZE_MAX, out);
	for (size_t row = 0; (row + 1) * t->n <= t->count; row++)
		add_row(t, &l, row, out);
}

void
table_free(struct table **t)
{
	if (*t == NULL)
		return;
	for (size_t i = 0; i < (*t)->count; i++)
		buf_clear(&(*t)->cells[i]);
	free((*t)->cells);
	free(*t);
	*t = NULL;
}
