/* table — prints rows and columns within the terminal's width.
 *
 * Cells are foreign text and are sanitised on entry.  If a table is too wide, the columns
 * that may be cut shrink together to their least width, then those that may be dropped go.
 */
#ifndef MC_TABLE_H
#define MC_TABLE_H

#include "common/base/buf.h"

#define TABLE_COLUMNS 12

struct table_column {
	const char *title;
	bool right;   /* numbers */
	size_t least; /* may be cut down to this; 0: never cut */
	bool drop;    /* may be left out where there is no room */
	bool words;   /* for reading, not an address: SAFE_WORDS, not SAFE_LINE */
};

struct table;

/* `ascii`: for a terminal without UTF-8. */
struct table *table_new(const struct table_column *columns, size_t n, bool ascii);
/* The next cell, row by row. */
void table_cell(struct table *t, struct span text);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends title and rows; `width` 0: no limit, and long cells do not pad the other rows. */
void table_print(const struct table *t, size_t width, struct buf *out);
void table_free(struct table **t);

#endif
