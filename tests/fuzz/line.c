/* line — a line cut from any octets is the same line however they arrive, and what it claims to be. */
#include <stdlib.h>

#include "proto/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span line = { 0 }, again = { 0 };
	size_t used = 0, used_again = 0;
	struct err e, e_again;
	enum line_result whole = line_next(span_of(data, n), &line, &used, &e), part = LINE_MORE;

	for (size_t have = 0; have <= n && part == LINE_MORE; have++)
		part = line_next(span_of(data, have), &again, &used_again, &e_again);
	must(part == whole);
	must(whole != LINE_BAD || e.why == e_again.why);
	if (whole != LINE_READY)
		return 0;
	must(span_eq(line, again) && used == used_again);
	must(used == line.n + 2 && used <= LINE_MAX_BYTES && used <= n);
	must(!span_has(line, '\r') && !span_has(line, '\n') && !span_has(line, '\0'));
	must(line_is_text(line));
	return 0;
}
