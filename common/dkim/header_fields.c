/* header_fields — see header_fields.h. */
#include "common/dkim/header_fields.h"

#include <string.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the first CRLF is that no blank follows; the end where there is none. */
static size_t
field_end(struct span s)
{
	for (size_t at = 0; at < s.n;) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);

		if (lf == NULL)
			return s.n;
		at = (size_t)(lf - s.p) + 1;
		if (at >= 2 && lf[-1] == '\r' && (at == s.n || !is_blank(s.p[at])))
			return at - 2;
	}
	return s.n;
}

/* field-name = 1*ftext; ftext = %d33-57 / %d59-126 */
static size_t
name_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != ':')
		n++;
	return n;
}

/* field = field-name *WSP ":" unstructured CRLF */
enum header_next
header_field_next(struct span *rest, struct header_field *f)
{
	size_t name, colon, end;

	if (rest->n == 0)
		return HEADER_END;
	if (span_starts(*rest, SPAN_LIT("\r\n"))) {
		*rest = span_sub(*rest, 2, rest->n);
		return HEADER_END;
	}
	name = colon = name_length(*rest);
	while (colon < rest->n && is_blank(rest->p[colon]))
		colon++;
	if (name == 0 || colon == rest->n || rest->p[colon] != ':')
		return HEADER_BAD;
	end = colon + 1 + field_end(span_sub(*rest, colon + 1, rest->n));
	f->whole = span_sub(*rest, 0, end);
	f->name = span_sub(*rest, 0, name);
	f->value = span_sub(f->whole, colon + 1, end);
	*rest = span_sub(*rest, end + 2, rest->n);
	return HEADER_FIELD;
}

bool
header_field_named(const struct header_field *f, const char *name)
{
	return span_eq_nocase(f->name, span_str(name));
}
