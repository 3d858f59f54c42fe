/* replay — what tests/replay.c asks of the fake roles of the engines it plays SPEC.md to.
 *
 * Each tests/replay_PROTOCOL.c has its engines' rows; tests/replay.c lists them in one table.
 * A transcript's `A:` line is given to `act` once everything before it was fed; the runner then
 * feeds the engine again (with nothing new), as a mover does after a kick.
 */
#ifndef TESTS_REPLAY_H
#define TESTS_REPLAY_H

#include "common/base/engine.h"

struct replay_engine {
	const char *name;                           /* "notify-server" */
	void *(*make)(struct engine **e);           /* a fresh engine and its fake role */
	bool (*act)(void *role, struct span words); /* an `A:` line; false: not known */
	void (*clear)(void *role);                  /* frees both */
};

extern const struct replay_engine replay_notify_server;
extern const struct replay_engine replay_notify_client;
extern const struct replay_engine replay_fetch_server;
extern const struct replay_engine replay_fetch_client;
extern const struct replay_engine replay_submit_server;
extern const struct replay_engine replay_submit_client;
extern const struct replay_engine replay_mailbox_server;
extern const struct replay_engine replay_mailbox_client;
extern const struct replay_engine replay_smtp_server;
extern const struct replay_engine replay_submission_server;
extern const struct replay_engine replay_smtp_client;

#endif
