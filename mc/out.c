/* out — the one way to the terminal; see out.h. */
#include "mc/out.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/file.h"
#include "mc/safe.h"
#include "mc/visible.h"

#define TEXT_BYTES 8192 /* one out_textf; longer is cut */

void
out_locale(void)
{
	setlocale(LC_CTYPE, "");
}

static size_t
terminal_columns(int fd)
{
	struct winsize w = { 0 };
	const char *columns = getenv("COLUMNS");
	uint64_t n;

	if (columns != NULL && span_u64(span_str(columns), &n) && n >= 20 && n <= 1000)
		return (size_t)n;
	if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
		return w.ws_col;
	return OUT_COLUMNS;
}

/* A pager takes its width from the terminal, which standard error often still is. */
static size_t
pager_columns(void)
{
	size_t n = terminal_columns(STDERR_FILENO);

	return getenv("COLUMNS") != NULL || n < OUT_COLUMNS ? n : OUT_COLUMNS;
}

void
out_init(struct out *o, int fd)
{
	const char *codeset = nl_langinfo(CODESET), *all = getenv("LC_ALL");
	bool utf8 = strcmp(codeset, "UTF-8") == 0;
	bool asked = all != NULL && (strcmp(all, "C") == 0 || strcmp(all, "POSIX") == 0);

	*o = (struct out) { .fd = fd, .terminal = isatty(fd) == 1 };
	o->ascii = asked || (o->terminal && !utf8);
	o->columns = o->terminal ? terminal_columns(fd) : 0;
	o->page = o->terminal ? o->columns : pager_columns();
}

static void
put(struct out *o, struct span s)
{
	if (o->failed == 0 && !file_write(o->fd, s))
		o->failed = errno;
}

void
out_text(struct out *o, struct span s)
{
	struct buf b = BUF_INIT;

	if (o->ascii)
		safe_add_ascii(&b, s, SAFE_TEXT);
	else
		safe_add(&b, s, SAFE_TEXT);
	put(o, buf_span(&b));
	buf_clear(&b);
}

void
out_wrap(const struct out *o, struct buf *to, struct span safe, size_t first, size_t indent)
{
	struct buf ascii = BUF_INIT;

	if (o->ascii) {
		safe_add_ascii(&ascii, safe, SAFE_TEXT);
		safe = buf_span(&ascii);
	}
	safe_wrap(to, safe, first, indent, o->columns);
	buf_clear(&ascii);
}

void
out_textf(struct out *o, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0)
		out_text(o, span_str(text));
}

void
out_wrapf(struct out *o, size_t first, size_t indent, const char *fmt, ...)
{
	struct buf safe = BUF_INIT, lines = BUF_INIT;
	char text[TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	safe_add(&safe, span_str(text), SAFE_TEXT);
	out_wrap(o, &lines, buf_span(&safe), first, indent);
	out_text(o, buf_span(&lines));
	buf_clear(&safe);
	buf_clear(&lines);
}

static void
add_json_escape(struct buf *b, uint32_t c)
{
	if (c >= 0x10000)
		buf_addf(b, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
		    (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
	else
		buf_addf(b, "\\u%04x", (unsigned)c);
}

void
out_json_line(struct out *o, struct span json)
{
	struct buf b = BUF_INIT;
	uint32_t c = 0;

	for (size_t n; json.n > 0; json = span_sub(json, n, json.n)) {
		n = visible_utf8(json, &c);
		if (n == 1 && c != 0x7f)
			buf_add(&b, json.p, 1);
		else
			add_json_escape(&b, n == 0 ? 0xfffd : c);
		n += n == 0;
	}
	buf_add(&b, "\n", 1);
	put(o, buf_span(&b));
	buf_clear(&b);
}

bool
out_raw(struct out *o, struct span s, struct err *e)
{
	if (o->terminal)
		return err_set(e, REFUSAL_usage,
		    "a letter's octets are never written to a terminal");
	put(o, s);
	return out_ok(o, e);
}

void
out_progress(struct out *o, struct span text)
{
	struct buf b = BUF_INIT;
	size_t columns = o->columns > 1 ? o->columns - 1 : 1, used;

	if (!o->terminal)
		return;
	buf_add(&b, "\r", 1);
	if (o->ascii)
		safe_add_ascii(&b, text, SAFE_LINE);
	else
		safe_add(&b, text, SAFE_LINE);
	b.len = 1 + safe_cut(span_sub(buf_span(&b), 1, b.len), columns).n;
	used = safe_columns(span_sub(buf_span(&b), 1, b.len));
	for (size_t i = used; i < columns; i++)
		buf_add(&b, " ", 1);
	buf_add(&b, "\r", 1); /* the terminal's "^C" does not break the line then */
	put(o, buf_span(&b));
	buf_clear(&b);
}

bool
out_ok(const struct out *o, struct err *e)
{
	return o->failed == 0 || o->failed == EPIPE ||
	    err_set_errno(e, REFUSAL_cannot_write, o->failed, "output");
}
