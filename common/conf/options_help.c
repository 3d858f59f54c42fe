/* options_help — what the command line says to people: help and faults; see options.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/conf/options_private.h"
#include "common/text/json.h"

#define HELP_COLUMN 30

const struct options_option options_common[] = {
	{ "config", 'C', "FILE", "the configuration, instead of the default" },
	{ "json", 0, NULL, "one JSON object a line, errors too" },
	{ "quiet", 'q', NULL, "nothing but errors" },
	{ "verbose", 'v', NULL, "say more" },
	{ "no-color", 0, NULL, "no colours" },
	{ "help", 'h', NULL, "this help" },
	{ "version", 0, NULL, "name and version" },
	{ NULL, 0, NULL, NULL },
};

static void
line(struct buf *out, const char *left, const char *right)
{
	int pad = HELP_COLUMN - 2 - (int)strlen(left);

	if (pad > 0)
		buf_addf(out, "  %s%*s%s\n", left, pad, "", right);
	else
		buf_addf(out, "  %s\n%*s%s\n", left, HELP_COLUMN, "", right);
}

static void
option_lines(struct buf *out, const struct options_option *o)
{
	char left[128], letter[8];

	for (; o != NULL && o->name != NULL; o++) {
		snprintf(letter, sizeof letter, o->letter != 0 ? "-%c, " : "    ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name,
		    o->value != NULL ? "=" : "", o->value != NULL ? o->value : "");
		line(out, left, o->help);
	}
}

static void
verb_lines(struct buf *out, const struct options_program *p)
{
	char left[128];

	for (const struct options_verb *v = p->verbs; v->name != NULL; v++) {
		snprintf(left, sizeof left, "%s%s%s", v->name, *v->arguments != '\0' ? " " : "",
		    v->arguments);
		line(out, left, v->help);
	}
}

void
options_help(const struct options *o, const struct options_verb *v, struct buf *out)
{
	if (v != NULL) {
		buf_addf(out, "%s %s%s%s: %s\n", o->called, v->name,
		    *v->arguments != '\0' ? " " : "", v->arguments, v->help);
		if (v->options != NULL) {
			buf_addf(out, "\n");
			option_lines(out, v->options);
		}
		buf_addf(out, "\nwith every command:\n");
	} else {
		buf_addf(out, "%s: %s\n\nusage: %s [options] command [arguments]\n\n", o->called,
		    o->program->about, o->called);
		verb_lines(out, o->program);
		line(out, "help [COMMAND]", "what a command does, and its options");
		buf_addf(out, "\n");
	}
	option_lines(out, options_common);
}

/* The width of the terminal on standard error; 0: it is none. */
static size_t
error_columns(void)
{
	struct winsize w = { 0 };

	return isatty(STDERR_FILENO) == 1 && ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 &&
		w.ws_col >= 20
	    ? w.ws_col
	    : 0;
}

/* Adds lines of at most `columns` octets (0: one line), broken at a space where there is one; all but the
 * first are indented. */
static void
add_wrapped(struct buf *out, struct span s, size_t columns)
{
	size_t room = columns;

	while (columns > 0 && s.n > room) {
		size_t n = room;

		while (n > 0 && s.p[n] != ' ')
			n--;
		for (n = n > 0 ? n : room; n > 1 && ((unsigned char)s.p[n] & 0xc0) == 0x80;)
			n--; /* not within a character */
		buf_addf(out, "%.*s\n    ", (int)n, s.p);
		s = span_sub(s, n, s.n);
		while (s.n > 0 && s.p[0] == ' ')
			s = span_sub(s, 1, s.n);
		room = columns - 4;
	}
	buf_add(out, s.p, s.n);
}

static int
print_failure(const struct options *o, const struct err *e)
{
	struct buf b = BUF_INIT, lines = BUF_INIT;
	struct json *j;

	if (o->json) {
		j = json_new();
		json_put_err(j, e);
		json_write(j, &b);
		json_free(&j);
	} else {
		buf_addf(&b, "%s: %s [%s, status %d]", o->called, e->text, refusal_word(e->why),
		    refusal_status(e->why));
	}
	fflush(stdout);
	add_wrapped(&lines, buf_span(&b), o->json ? 0 : error_columns());
	fprintf(stderr, "%.*s\n", SPAN_FMT(buf_span(&lines)));
	buf_clear(&lines);
	buf_clear(&b);
	return refusal_status(e->why);
}

int
options_fail(const struct options *o, const struct err *e)
{
	return print_failure(o, e);
}

int
options_fail_cure(const struct options *o, const struct err *e, const char *fmt, ...)
{
	va_list ap;
	int status = print_failure(o, e);

	if (!o->json) {
		fputs("    ", stderr);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputs("\n", stderr);
	}
	return status;
}

int
options_usage(const struct options *o, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES];
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(&e, REFUSAL_usage, "%s", text);
	return print_failure(o, &e);
}
