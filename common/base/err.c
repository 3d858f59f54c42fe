/* err — error values; see err.h. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The text may quote what a peer sent: what is not plain text becomes '?'. */
static void
clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

bool
err_set(struct err *e, enum refusal why, const char *fmt, ...)
{
	va_list	 ap;

	e->why = why;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (e->text[0] == '\0')
		snprintf(e->text, sizeof e->text, "%s", refusal_sentence(why));
	clean(e->text);
	return false;
}

bool
err_set_errno(struct err *e, enum refusal why, int errnum, const char *fmt, ...)
{
	char	 meaning[128];
	size_t	 n;
	va_list	 ap;

	e->why = why;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s",
	    strerror_r(errnum, meaning, sizeof meaning));
	clean(e->text);
	return false;
}

bool
err_prefix(struct err *e, const char *fmt, ...)
{
	char	 was[ERR_TEXT_BYTES];
	size_t	 n;
	va_list	 ap;

	memcpy(was, e->text, sizeof was);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", was);
	clean(e->text);
	return false;
}
