/* retry — when a delivery that failed is tried again.
 *
 * Pure policy, as oms/policy/delivery.h.  A delivery goes by the native road, or by SMTP.  Each has its
 * intervals; the chance takes up to a quarter of one away, so that what failed together is not tried
 * together.
 *
 *	road     after the first try   then            at most   given up
 *	native   2 s                   doubled         1 h       at Hold-Until
 *	smtp     5 min                 doubled         4 h       give_up_s after the letter came, or at Hold-Until
 *
 * Units: _ms and _s are wall time.
 */
#ifndef OMS_POLICY_RETRY_H
#define OMS_POLICY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define OMS_RETRY_NATIVE_MS     2000
#define OMS_RETRY_NATIVE_MAX_MS (60 * 60 * 1000)
#define OMS_RETRY_SMTP_MS       (5 * 60 * 1000)
#define OMS_RETRY_SMTP_MAX_MS   (4 * 60 * 60 * 1000)

/* Stored as numbers. */
enum oms_road { OMS_ROAD_NATIVE, OMS_ROAD_SMTP };

/* The interval after so many tries before the one that failed; `random` may be any number. */
int64_t oms_retry_ms(enum oms_road road, uint64_t tries, uint32_t random);
/* A delivery whose attempt has failed without ending it. */
struct oms_retry {
	enum oms_road road;
	uint64_t tries; /* before that attempt */
	uint32_t random;
	int64_t now_ms, born_ms; /* born: the letter came */
	int64_t give_up_s, hold_until_s;
};
/* When it is tried next, not after its end.  0: its end has come, and it is given up.  By the native road it is
 * never given up: the store expires it at Hold-Until. */
int64_t oms_retry_next_ms(const struct oms_retry *r);
/* The longest interval of the road: a due time beyond it was written by a clock that ran fast. */
int64_t oms_retry_max_ms(enum oms_road road);

#endif
