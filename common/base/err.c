/* err — error values; see err.h. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"

/* The text may quote what a peer sent, and may have been cut inside a character: what is not plain
 * UTF-8 becomes '?', and what is left of a character at the end goes. */
static void
clean(char *text)
{
	const char *first = text; /* that is not plain ASCII */
	struct span rest;

	while (*first >= 0x20 && *first < 0x7f)
		first++;
	rest = span_str(first);
	while (rest.n > 0) {
		size_t n = utf8_printable(rest);

		if (n == 0 && rest.n < 4 && (unsigned char)rest.p[0] >= 0xc2 &&
		    (size_t)(rest.p - text) + rest.n == ERR_TEXT_BYTES - 1) {
			text[rest.p - text] = '\0';
			return;
		}
		if (n == 0)
			text[rest.p - text] = '?';
		rest = span_sub(rest, n ? n : 1, rest.n);
	}
}

bool(err_set)(struct err *e, enum refusal why, const char *fmt, ...)
{
	va_list ap;

	e->why = why;
	e->said = false;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (e->text[0] == '\0')
		snprintf(e->text, sizeof e->text, "%s", refusal_sentence(why));
	clean(e->text);
	return false;
}

bool(err_word)(struct err *e, enum refusal why)
{
	e->why = why;
	e->said = false;
	snprintf(e->text, sizeof e->text, "%s", refusal_sentence(why));
	return false;
}

bool(err_set_errno)(struct err *e, enum refusal why, int errnum, const char *fmt, ...)
{
	char meaning[128];
	size_t n;
	va_list ap;

	e->why = why;
	e->said = false;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s",
	    strerror_r(errnum, meaning, sizeof meaning));
	clean(e->text);
	return false;
}

bool(err_prefix)(struct err *e, const char *fmt, ...)
{
	char was[ERR_TEXT_BYTES];
	size_t n;
	va_list ap;

	memcpy(was, e->text, sizeof was);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", was);
	clean(e->text);
	return false;
}

void
err_quote(struct err *e, const char *who)
{
	char was[ERR_TEXT_BYTES];

	if (!e->said)
		return;
	snprintf(was, sizeof was, "%s", e->text);
	for (char *quote = was; (quote = strchr(quote, '"')) != NULL;)
		*quote = '\'';
	snprintf(e->text, sizeof e->text, "%s says: \"%.*s\"", who,
	    (int)(sizeof was - strlen(who) - sizeof " says: \"\""), was);
	clean(e->text);
	e->said = false;
}
