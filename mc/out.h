/* out — the one way to the terminal.
 *
 * All that mc prints for people goes through out_text, which sanitises whatever it is given, our
 * own words too; so no forgotten field can reach a terminal as it is.  mc uses no escape
 * sequence at all: no colour (NO_COLOR has nothing to switch off), and progress by CR only.
 * Octets as they are (--raw) and JSON, which is ASCII, go by out_raw, and never to a terminal
 * where they are a letter's.
 *
 * State:  a failed write is kept and told once by out_ok.  A pipe that nobody reads any more is no
 *         failure: the reader has had enough, and nothing more is written.
 */
#ifndef MC_OUT_H
#define MC_OUT_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define OUT_COLUMNS 80 /* where the width cannot be known */

struct out {
	int fd;
	bool terminal;
	bool ascii;     /* a terminal whose locale is not UTF-8, or LC_ALL is C */
	size_t columns; /* of the terminal; 0: no terminal, no limit */
	int failed;     /* errno of the first write that failed */
};

/* Before the first out_init: takes the character set from the environment. */
void out_locale(void);
void out_init(struct out *o, int fd);

void out_text(struct out *o, struct span s); /* LF and TAB pass */
void out_textf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds safe text in lines of the terminal's width, indented by `first`, and by `indent` where they
 * are wrapped, so that no word of somebody else's begins a line where ours do. */
void out_wrap(const struct out *o, struct buf *to, struct span safe, size_t first, size_t indent);
/* One JSON object and LF; what is not ASCII leaves as \uHHHH, DEL too. */
void out_json_line(struct out *o, struct span json);
/* As they are.  False: usage, to a terminal nothing is written. */
bool out_raw(struct out *o, struct span s, struct err *e);
/* The line `text` in place of the one before; only on a terminal.  Empty: clears it. */
void out_progress(struct out *o, struct span text);
bool out_ok(const struct out *o, struct err *e); /* false: cannot_write */

#endif
