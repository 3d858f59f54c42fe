/* quantity — a count with its noun, and a size with its unit; see quantity.h. */
#include "common/text/quantity.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

const char *
quantity_count(int64_t n, const char *one, const char *many, char out[QUANTITY_BYTES])
{
	snprintf(out, QUANTITY_BYTES, "%" PRId64 " %s", n, n == 1 ? one : many);
	return out;
}

const char *
quantity_size(int64_t octets, char out[QUANTITY_BYTES])
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB" };
	int64_t whole = octets, rest = 0;
	size_t i = 0;

	if (octets < 1024)
		return quantity_count(octets, "octet", "octets", out);
	for (; whole >= 1024 && i < sizeof unit / sizeof unit[0]; i++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	if (rest * 10 / 1024 == 0)
		snprintf(out, QUANTITY_BYTES, "%" PRId64 " %s", whole, unit[i - 1]);
	else
		snprintf(out, QUANTITY_BYTES, "%" PRId64 ".%" PRId64 " %s", whole, rest * 10 / 1024,
		    unit[i - 1]);
	return out;
}
