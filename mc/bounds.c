/* bounds — how much of a letter may be given to a MIME parser; see bounds.h. */
#include "mc/bounds.h"

static const char nested[] = "message/";

void
bounds_init(struct bounds *b)
{
	*b = (struct bounds) { .in_header = true };
}

static void
stop(struct bounds *b, enum bounds_hit why, uint64_t keep)
{
	b->hit = why;
	b->keep = keep;
}

static void
line_end(struct bounds *b)
{
	if (b->at >= 2 && b->first[0] == '-' && b->first[1] == '-') {
		if (++b->delimiters > BOUNDS_DELIMITERS)
			stop(b, BOUNDS_PARTS, b->line);
		b->in_header = true;
		b->nested = false;
		b->header = 0;
	} else if (b->at == 0 && b->in_header) {
		b->in_header = b->nested; /* the header of an embedded letter comes next */
		b->nested = false;
		b->header = 0;
	}
	b->line = b->seen;
	b->at = 0;
	b->matched = 0;
}

static void
take_header_octet(struct bounds *b, unsigned char c)
{
	unsigned char low = c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;

	b->matched = low == (unsigned char)nested[b->matched] ? b->matched + 1
	    : low == (unsigned char)nested[0]                 ? 1
							      : 0;
	if (b->matched == sizeof nested - 1) {
		b->nested = true;
		b->matched = 0;
	}
	if (++b->header > BOUNDS_HEADER_BYTES)
		stop(b, BOUNDS_HEADER, b->line);
}

void
bounds_feed(struct bounds *b, struct span s)
{
	for (size_t i = 0; i < s.n && b->hit == BOUNDS_NONE; i++) {
		unsigned char c = (unsigned char)s.p[i];

		b->seen++;
		if (b->in_header)
			take_header_octet(b, c);
		if (c == '\n')
			line_end(b);
		else if (c != '\r') {
			if (b->at < 2)
				b->first[b->at] = c;
			b->at++;
		}
	}
}

uint64_t
bounds_keep(const struct bounds *b)
{
	return b->hit == BOUNDS_NONE ? b->seen : b->keep;
}
