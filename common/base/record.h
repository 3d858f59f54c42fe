/* record — sticky codec for what is stored: after the first fault every call is a no-op.
 *
 * Numbers are big endian and of fixed width; octet strings bear a 32-bit length.  The first octet
 * of a record is its version, written and checked by the record's own module.  Writing cannot
 * fail.  Reading never trusts a length: it is held against what is left.
 *
 *	struct reader r = reader_of(value);
 *	version = read_u8(&r); id = read_bytes(&r, 16); name = read_span(&r);
 *	if (!reader_done(&r)) ...damaged...
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include "common/base/buf.h"

void put_u8(struct buf *b, uint8_t v);
void put_u16(struct buf *b, uint16_t v);
void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_bytes(struct buf *b, const void *p, size_t n); /* without a length */
void put_span(struct buf *b, struct span s);            /* with its length; n < 2^32 */

struct reader {
	struct span rest;
	bool bad;
};

struct reader reader_of(struct span value);
uint8_t read_u8(struct reader *r); /* 0 after a fault, as all of these */
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
void read_bytes(struct reader *r, void *dst, size_t n); /* zeros after a fault */
struct span read_span(struct reader *r);                /* borrows from the value */
/* A span, with a NUL.  A fault, and dst empty, where it does not fit or holds a NUL. */
void read_str(struct reader *r, char *dst, size_t cap);
bool reader_done(const struct reader *r); /* no fault, and nothing left over */

#endif
