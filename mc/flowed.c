/* flowed — paragraphs of text/plain; format=flowed; see flowed.h. */
#include "mc/flowed.h"

struct line {
	struct span text; /* without quote marks, stuffing and line end */
	size_t depth;     /* of quoting */
	bool soft;        /* the next line of the same depth goes on */
};

static struct line
parse_line(struct span s)
{
	struct line l = { .text = s };

	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	while (l.depth < s.n && s.p[l.depth] == '>')
		l.depth++;
	s = span_sub(s, l.depth, s.n);
	if (s.n > 0 && s.p[0] == ' ')
		s = span_sub(s, 1, s.n);
	l.text = s;
	/* "-- " begins a signature and is hard. */
	l.soft = s.n > 0 && s.p[s.n - 1] == ' ' && !span_eq(s, SPAN_LIT("-- "));
	return l;
}

static void
begin(struct buf *out, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		buf_add(out, ">", 1);
	if (depth > 0)
		buf_add(out, " ", 1);
}

void
flowed_add(struct buf *out, struct span text, bool delsp)
{
	struct line before = { .soft = false };

	while (text.n > 0) {
		struct line l = parse_line(span_cut(&text, '\n'));
		bool signature = span_eq(l.text, SPAN_LIT("-- "));

		if (before.soft && (before.depth != l.depth || signature)) {
			buf_add(out, "\n", 1);
			before.soft = false;
		}
		if (!before.soft)
			begin(out, l.depth);
		buf_add(out, l.text.p, l.text.n - (l.soft && delsp));
		if (!l.soft)
			buf_add(out, "\n", 1);
		before = l;
	}
	if (before.soft)
		buf_add(out, "\n", 1);
}
