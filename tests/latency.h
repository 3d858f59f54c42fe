/* latency — how long answers took, counted in slots of LATENCY_SLOT_US; any thread may add. */
#ifndef TESTS_LATENCY_H
#define TESTS_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

#define LATENCY_SLOT_US 20 /* latencies are told this exactly */
#define LATENCY_SLOTS   200000

struct latencies { /* zeroed: none */
	atomic_uint slots[LATENCY_SLOTS];
};

void latency_add(struct latencies *l, int64_t us);
/* As many as this part of all took no longer. */
double latency_percentile_ms(const struct latencies *l, double part);

#endif
