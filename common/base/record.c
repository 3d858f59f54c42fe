/* record — sticky codec; see record.h. */
#include "common/base/record.h"

#include <endian.h>
#include <string.h>

/* The lowest octets of v, the highest of them first. */
static void
put(struct buf *b, uint64_t v, size_t octets)
{
	uint64_t out = htobe64(v << 8 * (sizeof v - octets));

	buf_add(b, &out, octets);
}

void
put_u8(struct buf *b, uint8_t v)
{
	put(b, v, 1);
}

void
put_u16(struct buf *b, uint16_t v)
{
	put(b, v, 2);
}

void
put_u32(struct buf *b, uint32_t v)
{
	put(b, v, 4);
}

void
put_u64(struct buf *b, uint64_t v)
{
	put(b, v, 8);
}

void
put_bytes(struct buf *b, const void *p, size_t n)
{
	buf_add(b, p, n);
}

void
put_span(struct buf *b, struct span s)
{
	put_u32(b, (uint32_t)s.n);
	buf_add(b, s.p, s.n);
}

struct reader
reader_of(struct span value)
{
	return (struct reader) { value, false };
}

static struct span
cut(struct reader *r, size_t n)
{
	struct span s = { r->rest.p, n };

	if (r->bad || n > r->rest.n) {
		r->bad = true;
		return (struct span) { 0 };
	}
	r->rest = span_sub(r->rest, n, r->rest.n);
	return s;
}

static uint64_t
get(struct reader *r, size_t octets)
{
	struct span s = cut(r, octets);
	uint64_t in = 0;

	if (s.n == 0)
		return 0;
	memcpy(&in, s.p, s.n);
	return be64toh(in) >> 8 * (sizeof in - octets);
}

uint8_t
read_u8(struct reader *r)
{
	return (uint8_t)get(r, 1);
}

uint16_t
read_u16(struct reader *r)
{
	return (uint16_t)get(r, 2);
}

uint32_t
read_u32(struct reader *r)
{
	return (uint32_t)get(r, 4);
}

uint64_t
read_u64(struct reader *r)
{
	return get(r, 8);
}

void
read_bytes(struct reader *r, void *dst, size_t n)
{
	struct span s = cut(r, n);

	memset(dst, 0, n);
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
}

struct span
read_span(struct reader *r)
{
	return cut(r, read_u32(r));
}

void
read_str(struct reader *r, char *dst, size_t cap)
{
	if (!span_copy(read_span(r), dst, cap))
		r->bad = true;
}

bool
reader_done(const struct reader *r)
{
	return !r->bad && r->rest.n == 0;
}
