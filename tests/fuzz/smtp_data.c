/* smtp_data — content of any octets: the same letter and end however they come in; and a letter of any lines that is
 * written comes out of the reader as it was.
 *
 * Input: the size of the pieces, then the octets.
 */
#include "proto/smtp/smtp_data.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The content of `in`, to its end or fault; returns the octets that were used. */
static size_t
read_all(struct span in, size_t step, struct buf *letter, enum smtp_data_result *result,
    enum refusal *why)
{
	struct smtp_data d = { 0 };
	size_t taken = 0;
	struct err e;

	*result = SMTP_DATA_MORE;
	for (size_t at = 0; at < in.n && *result == SMTP_DATA_MORE; at += step) {
		struct span rest = span_sub(in, at, step), piece;
		size_t used;

		while ((*result = smtp_data_next(&d, rest, &piece, &used, &e)) == SMTP_DATA_PIECE) {
			chunks_must(used > 0 && used <= rest.n && piece.n > 0);
			buf_add(letter, piece.p, piece.n);
			rest = span_sub(rest, used, rest.n);
			taken += used;
		}
		taken += used;
	}
	*why = *result == SMTP_DATA_BAD ? e.why : REFUSAL_NONE;
	return taken;
}

/* What a reader gave may be written, and read again. */
static void
write_and_read(struct span letter, size_t step)
{
	struct smtp_dots dots = { 0 };
	struct buf wire = BUF_INIT, again = BUF_INIT;
	enum smtp_data_result result;
	enum refusal why;
	struct span end;

	for (size_t at = 0; at < letter.n; at += step)
		for (struct span piece = span_sub(letter, at, step); piece.n > 0;) {
			char room[5];
			size_t n = smtp_dots_put(&dots, &piece, room, sizeof room);

			chunks_must(n > 0);
			buf_add(&wire, room, n);
		}
	end = smtp_dots_end(&dots);
	buf_add(&wire, end.p, end.n);
	chunks_must(read_all(buf_span(&wire), wire.len + 1, &again, &result, &why) == wire.len);
	chunks_must(result == SMTP_DATA_END && span_eq(buf_span(&again), letter));
	buf_clear(&wire);
	buf_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;
	enum smtp_data_result a, b;
	enum refusal why_a, why_b;
	size_t used_a, used_b;
	struct span in;

	if (n < 2)
		return 0;
	in = span_of(data + 1, n - 1);
	used_a = read_all(in, in.n, &whole, &a, &why_a);
	used_b = read_all(in, data[0] % 32 + 1u, &pieces, &b, &why_b);
	chunks_must(a == b && why_a == why_b);
	if (a == SMTP_DATA_END) {
		chunks_must(used_a == used_b && span_eq(buf_span(&whole), buf_span(&pieces)));
		write_and_read(buf_span(&whole), data[0] % 32 + 1u);
	}
	buf_clear(&whole);
	buf_clear(&pieces);
	return 0;
}
