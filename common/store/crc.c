/* crc — see crc.h.
 *
 * A CRC is the remainder of a division of polynomials.  x86-64 has an instruction that multiplies polynomials of
 * 64 bits.  With two of them, 16 octets are moved 16 or 64 octets onwards without a change of the remainder:
 * "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Gopal and others, Intel, 2009) has
 * the method and the constants.  zlib does the rest, fewer than 16 octets, and all octets on another processor.
 */
#include "common/store/crc.h"

#include <zlib.h>

#ifdef __x86_64__
#include <immintrin.h>

#define FOLDS __attribute__((target("pclmul,sse4.1")))

FOLDS static __m128i
load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* What has the remainder of x followed by as many octets as k is for; then `next` is added. */
FOLDS static __m128i
fold(__m128i x, __m128i k, __m128i next)
{
	__m128i low = _mm_clmulepi64_si128(x, k, 0x00), high = _mm_clmulepi64_si128(x, k, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* The remainder of 16 octets, by Barrett's method. */
FOLDS static uint32_t
reduce(__m128i x, __m128i by_16)
{
	const __m128i low = _mm_setr_epi32(-1, 0, -1, 0), by_4 = _mm_set_epi64x(0, 0x163cd6124),
		      poly = _mm_set_epi64x(0x1f7011641, 0x1db710641);
	__m128i y;

	x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by_16, 0x10));
	y = _mm_srli_si128(x, 4);
	x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, low), by_4, 0x00), y);
	y = _mm_clmulepi64_si128(_mm_and_si128(x, low), poly, 0x10);
	y = _mm_clmulepi64_si128(_mm_and_si128(y, low), poly, 0x00);
	return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, y), 1);
}

/* n: a multiple of 16, and not 0. */
FOLDS static uint32_t
fold_all(uint32_t crc, const char *p, size_t n)
{
	const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4),
		      by_16 = _mm_set_epi64x(0xccaa009e, 0x1751997d0);
	__m128i first = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)~crc));
	__m128i x[4] = { first };

	p += 16;
	n -= 16;
	if (n >= 48) {
		for (int i = 1; i < 4; i++)
			x[i] = load(p + 16 * (i - 1));
		for (p += 48, n -= 48; n >= 64; p += 64, n -= 64)
			for (int i = 0; i < 4; i++)
				x[i] = fold(x[i], by_64, load(p + 16 * i));
		for (int i = 1; i < 4; i++)
			x[0] = fold(x[0], by_16, x[i]);
	}
	for (; n > 0; p += 16, n -= 16)
		x[0] = fold(x[0], by_16, load(p));
	return ~reduce(x[0], by_16);
}

static bool
folds(size_t n)
{
	return n >= 16 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}
#endif

uint32_t
crc_add(uint32_t crc, struct span octets)
{
#ifdef __x86_64__
	if (folds(octets.n)) {
		size_t n = octets.n & ~(size_t)15;

		crc = fold_all(crc, octets.p, n);
		octets = span_sub(octets, n, octets.n);
	}
#endif
	if (octets.n == 0) /* crc32_z begins again for a NULL buffer */
		return crc;
	return (uint32_t)crc32_z(crc, (const Bytef *)octets.p, octets.n);
}
