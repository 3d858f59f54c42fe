/* out — the one way to the terminal.
 *
 * All that mc prints for people goes through out_text, which sanitises everything, mc's own words
 * too; so no forgotten field can reach a terminal unchanged.  mc uses no escape sequence at all: no
 * colour (NO_COLOR has nothing to switch off), and progress by CR only.  Raw octets (--raw) and
 * JSON, which is ASCII, are written as they are; those of a letter never go to a terminal.
 *
 * State:  out_ok reports the first write that failed.  A pipe without a reader is not a failure:
 *         the rest is dropped.
 */
#ifndef MC_OUT_H
#define MC_OUT_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define OUT_COLUMNS 80 /* if the width is not known */

struct out {
	int fd;
	bool terminal;
	bool ascii;     /* a terminal whose locale is not UTF-8, or LC_ALL is C */
	size_t columns; /* of the terminal; 0: no terminal, no limit */
	/* Of a letter that is shown: the terminal's, or what a pager is likely to have. */
	size_t page;
	int failed; /* errno of the first write that failed */
};

/* Takes the character set from the environment; before the first out_init. */
void out_locale(void);
void out_init(struct out *o, int fd);

void out_text(struct out *o, struct span s); /* LF and TAB pass */
void out_textf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same in lines of a terminal's width, indented as out_wrap does. */
void out_wrapf(struct out *o, size_t first, size_t indent, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds safe text in lines of the terminal's width, indented by `first`, wrapped lines by
 * `indent`, so that foreign words never begin at the left margin. */
void out_wrap(const struct out *o, struct buf *to, struct span safe, size_t first, size_t indent);
/* Writes one JSON object and LF; all but printable ASCII as \uHHHH. */
void out_json_line(struct out *o, struct span json);
/* Writes octets as they are.  False: usage, the output is a terminal. */
bool out_raw(struct out *o, struct span s, struct err *e);
/* Replaces the progress line, only on a terminal; an empty text clears it. */
void out_progress(struct out *o, struct span text);
bool out_ok(const struct out *o, struct err *e); /* false: cannot_write */

#endif
