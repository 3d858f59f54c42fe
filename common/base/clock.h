/* clock — the two clocks, and the two forms of a date: ours, and that of mail.
 *
 * Monotonic time is for timers and deadlines, wall time only for dates and validity; engines
 * read neither and get the time passed in.  Units: milliseconds (_ms) or seconds since 1970 (_s).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "common/base/span.h"

#define CLOCK_EARLIEST_S      INT64_C(1795737600) /* 2026-11-27: no true clock says less */
#define CLOCK_DATE_BYTES      21                  /* "2026-11-23T14:00:00Z" and a NUL */
#define CLOCK_MAIL_DATE_BYTES 32                  /* "Mon, 23 Nov 2026 14:00:00 +0000" and a NUL */

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);
int64_t clock_wall_us(void);
/* The wall clock as it would be if nobody had set it since this process first read it.  For due times
 * that outlive the process.  Any thread. */
int64_t clock_steady_ms(void);

/* date = 4DIGIT "-" 2DIGIT "-" 2DIGIT "T" 2DIGIT ":" 2DIGIT ":" 2DIGIT "Z"; RFC 3339 in UTC, without
 * fractions and leap seconds; years 1970 to 9999. */
void clock_date(int64_t wall_s, char out[CLOCK_DATE_BYTES]);
bool clock_parse_date(struct span s, int64_t *wall_s);
/* The same as fields of a letter have it (RFC 5322 3.3), in UTC. */
void clock_mail_date(int64_t wall_s, char out[CLOCK_MAIL_DATE_BYTES]);

#endif
