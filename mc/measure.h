/* measure — sizes, dates and ids as people read and type them.
 *
 * Units: octets, in steps of 1,024; seconds since 1970; dates in local time.
 */
#ifndef MC_MEASURE_H
#define MC_MEASURE_H

#include "common/base/span.h"

#define MEASURE_BYTES    40 /* any of these, with the NUL */
#define MEASURE_ID_LEAST 4  /* characters of an id that must be typed */

void measure_size(char out[MEASURE_BYTES], uint64_t octets); /* 812, 4.2k, 11k, 12.4M */
/* Today 09:12, in the last six days Sun, this year 2 Nov, else Nov 2024. */
void measure_when(char out[MEASURE_BYTES], int64_t wall_s, int64_t now_s);
/* 23 Dec, or 23 Dec 2027 in another year. */
void measure_day(char out[MEASURE_BYTES], int64_t wall_s, int64_t now_s);
void measure_full(char out[MEASURE_BYTES], int64_t wall_s);    /* Mon 23 Nov 2026 09:12 +0100 */
void measure_rfc5322(char out[MEASURE_BYTES], int64_t wall_s); /* Mon, 23 Nov 2026 09:12:00 +0100 */
/* "6 days", "3 hours", "12 min" from now on; "now" if it is past. */
void measure_left(char out[MEASURE_BYTES], int64_t wall_s, int64_t now_s);

/* XXXX-XXXX, the last eight characters of an id; a shorter id stays as it is. */
void measure_id(char out[MEASURE_BYTES], struct span id);
/* How many characters of an id were typed; hyphens do not count. */
size_t measure_id_letters(const char *typed);
/* Whether `typed` (hyphens and case do not count; O is 0, I and L are 1) is the id, or an ending
 * of it of at least MEASURE_ID_LEAST characters. */
bool measure_id_ends(struct span id, const char *typed);

#endif
