/* quoted_text — a text in quoted-printable; see quoted_text.h. */
#include "mc/quoted_text.h"

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0'
	    : c >= 'a' && c <= 'f'  ? c - 'a' + 10
	    : c >= 'A' && c <= 'F'  ? c - 'A' + 10
				    : -1;
}

bool
quoted_octet(struct span s, char *octet)
{
	int high = s.n > 2 && s.p[0] == '=' ? hex_value(s.p[1]) : -1;
	int low = high >= 0 ? hex_value(s.p[2]) : -1;

	if (low < 0)
		return false;
	*octet = (char)(high << 4 | low);
	return true;
}

static void
add_line(struct buf *out, struct span line)
{
	while (line.n > 0) {
		char c = line.p[0];

		line = span_sub(line, quoted_octet(line, &c) ? 3 : 1, line.n);
		buf_add(out, &c, 1);
	}
}

static bool
ends_in(struct span line, char c)
{
	return line.n > 0 && line.p[line.n - 1] == c;
}

void
quoted_text(struct buf *out, struct span s)
{
	while (s.n > 0) {
		bool ended = span_has(s, '\n');
		struct span line = span_cut(&s, '\n');
		bool cr = ends_in(line, '\r');

		line.n -= cr;
		while (ends_in(line, ' ') || ends_in(line, '\t'))
			line.n--;
		if (ends_in(line, '=')) {
			line.n--;
			ended = cr = false;
		}
		add_line(out, line);
		if (cr)
			buf_add(out, "\r", 1);
		if (ended)
			buf_add(out, "\n", 1);
	}
}
