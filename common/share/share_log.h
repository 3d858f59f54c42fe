/* share_log — the share of the log that one peer may fill.
 *
 * Each peer has a bucket of lines for each event: SHARE_log_letters for the line that each recipient of each
 * letter has (recipient.state), else SHARE_log.  Peers that only an address names have a bound
 * together (SHARE_log_strangers), so they leave room for the lines of certified domains and of users.  Lines that were left out are counted in
 * the next line that is written, or, where none comes, in a line of their own:
 *
 *	log.missed event=notify.refused peer=a.test missed=5125
 */
#ifndef COMMON_SHARE_SHARE_LOG_H
#define COMMON_SHARE_SHARE_LOG_H

#include "common/share/share.h"

#define SHARE_LOG_QUIET_MS                                                                         \
	10000 /* this long after the last line left out, nobody waits for the next */

void share_log_begin(
    struct share *s);     /* while there is one thread; log_fact_of asks s from now on */
void share_log_end(void); /* the same; it asks nobody */
/* Now and then: tells what was left out and is quiet now.  At most 100 lines. */
void share_log_tell(struct share *s, int64_t now_ms);

#endif
