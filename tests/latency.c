/* latency — see latency.h. */
#include "tests/latency.h"

#include <stddef.h>

void
latency_add(struct latencies *l, int64_t us)
{
	int64_t slot = us / LATENCY_SLOT_US;

	atomic_fetch_add_explicit(&l->slots[slot < LATENCY_SLOTS ? slot : LATENCY_SLOTS - 1], 1,
	    memory_order_relaxed);
}

double
latency_percentile_ms(const struct latencies *l, double part)
{
	double left = 0;
	size_t i = 0;

	for (size_t k = 0; k < LATENCY_SLOTS; k++)
		left += part * l->slots[k];
	while (i + 1 < LATENCY_SLOTS && (left -= l->slots[i]) > 0)
		i++;
	return (double)(i + 1) * LATENCY_SLOT_US / 1000;
}
