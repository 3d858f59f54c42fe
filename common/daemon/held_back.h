/* held_back — in `status`: the peers and users that were refused lately for taking too much.
 *
 * Each is {"kind":...,"key":...,"held":...,"most":...,"refused":...,"since_s":...}: common/share/share.h
 * says what the kinds are, and since_s how many seconds ago the first refusal was.  The command shows
 *
 *	held back         unknown recipients of c.test: 35 refused in 12 s
 *	held back         wrong passwords of bob@b.test from 192.0.2.1: 4 refused just now
 */
#ifndef COMMON_DAEMON_HELD_BACK_H
#define COMMON_DAEMON_HELD_BACK_H

#include "common/text/json.h"

struct share;

/* The daemon's side: the member `held_back` of the status. */
void held_back_put(struct share *s, int64_t now_ms, struct json *status);
/* The command's side: a line for each, on standard output. */
void held_back_show(const struct json *status);

#endif
