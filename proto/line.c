/* line — CRLF line splitter; see line.h. */
#include "proto/line.h"

#include <string.h>

#include "common/base/utf8.h"

bool
line_is_text(struct span s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t n;

		if (s.p[i] >= 0x20 && s.p[i] < 0x7f) { /* nearly all of them */
			i++;
			continue;
		}
		n = utf8_printable(span_sub(s, i, s.n));
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static enum line_result
ready(struct span found, struct span *line, size_t *used, struct err *e)
{
	if (RULE(bad_octet) && !line_is_text(found)) {
		err_word(e, REFUSAL_bad_octet);
		return LINE_BAD;
	}
	*line = found;
	*used = found.n + 2;
	return LINE_READY;
}

enum line_result
line_next(struct span in, struct span *line, size_t *used, struct err *e)
{
	return line_next_most(in, LINE_MAX_BYTES, line, used, e);
}

enum line_result
line_next_most(struct span in, size_t most, struct span *line, size_t *used, struct err *e)
{
	size_t i;

	for (i = 0; i < in.n && i + 1 < most; i++) {
		if (RULE(bare_lf) && in.p[i] == '\n') {
			err_set(e, REFUSAL_bare_lf, "bare LF at octet %zu", i);
			return LINE_BAD;
		}
		if (in.p[i] != '\r')
			continue;
		if (i + 1 == in.n)
			return LINE_MORE;
		if (in.p[i + 1] == '\n')
			return ready((struct span) { in.p, i }, line, used, e);
		if (RULE(bare_lf)) {
			err_set(e, REFUSAL_bare_lf, "bare CR at octet %zu", i);
			return LINE_BAD;
		}
	}
	if (i + 1 < most)
		return LINE_MORE;
	err_set(e, REFUSAL_line_too_long, "a line is longer than %zu octets", most);
	return LINE_BAD;
}

bool
line_has_bare(struct span piece, bool *cr)
{
	const char *lf, *end;

	while (piece.n > 0) {
		if (*cr && piece.p[0] != '\n')
			return true;
		piece = span_sub(piece, *cr, piece.n);
		*cr = false;
		if (piece.n == 0)
			break;
		lf = memchr(piece.p, '\n', piece.n);
		end = memchr(piece.p, '\r', lf == NULL ? piece.n : (size_t)(lf - piece.p));
		if (end == NULL)
			return lf != NULL;
		*cr = true;
		piece = span_sub(piece, (size_t)(end - piece.p) + 1, piece.n);
	}
	return false;
}
