/* control — the daemon's unix socket: one JSON object a line in, JSON lines out.
 *
 *	-> {"verb":"queue","domain":"b.test"}
 *	<- {"id":"01J...","state":"waiting"}			any number of data lines
 *	<- {"done":true}	or	{"error":{"code":"unknown-id",...}}	always last
 *
 * One request at a time per connection; the next is read after the last line of the answer.
 *
 * Trust:   mode 0600 in a folder of the daemon's own, and SO_PEERCRED: root or the daemon's own
 *          user; the connection of anybody else is closed without an answer.  Every octet is
 *          checked nevertheless.
 * Async:   a verb answers at once or later, on the control's loop only, and ends each request
 *          exactly once by control_end.  A request whose client has gone stays valid until then.
 * Limits:  CONTROL_CLIENTS_MAX clients, CONTROL_LINE_BYTES a request, CONTROL_IDLE_MS of silence.
 */
#ifndef COMMON_DAEMON_CONTROL_H
#define COMMON_DAEMON_CONTROL_H

#include <sys/types.h>

#include "common/text/json.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_LINE_BYTES  (64 * 1024)  /* of a request, and of one line of an answer */
#define CONTROL_OUT_BYTES   (256 * 1024) /* more than this waiting: control_full */
#define CONTROL_IDLE_MS     (60 * 1000)
#define CONTROL_SHORT_MS    (3 * 1000) /* instead, while there is no place for another client */
#define CONTROL_TABLES_MAX  4
#define CONTROL_CALL_MS     (30 * 1000) /* how long a caller waits for each line */

struct loop;
struct control;
struct control_request;

struct control_verb {
	const char *name;
	/* `request` is borrowed until it returns. */
	void (*run)(void *role, struct control_request *r, const struct json *request);
};

enum control_use {
	CONTROL_FREE,
	CONTROL_STALE,  /* left by a daemon that died */
	CONTROL_HIDDEN, /* its folder is closed to us */
	CONTROL_ANSWERS /* a daemon runs */
};
/* Finds whether control_new could make a socket here, and its present use.  Makes nothing.  False: config. */
bool control_look(const char *path, enum control_use *use, struct err *e);
/* Makes the socket.  Removes a stale socket; fails with config if a daemon answers at it.  No request is
 * answered before control_serve. */
bool control_new(struct loop *loop, const char *path, struct control **out, struct err *e);
/* Adds a table, ended by a row without a name, and the `role` of its verbs; both outlive the control. */
void control_add(struct control *c, const struct control_verb *verbs, void *role);
/* While still root: gives the socket to this user. */
bool control_give(struct control *c, uid_t uid, gid_t gid, struct err *e);
void control_serve(struct control *c);
/* Closes and unlinks.  Requests under way lose their client; they still end by control_end. */
void control_free(struct control **c);

/* Sends one data line; takes the object. */
void control_line_take(struct control_request *r, struct json *line);
/* Sends the last line, {"done":true} if e is NULL, and frees r. */
void control_end(struct control_request *r, const struct err *e);
/* Long answers go in pieces: while the client reads slowly, stop and ask to be called again. */
bool control_full(const struct control_request *r);
bool control_gone(const struct control_request *r); /* the client has left: end it soon */
void control_again(struct control_request *r, void (*fn)(struct control_request *r, void *arg),
    void *arg); /* calls fn once, when there is room or the client has left */

/* The verbs' side: sends `request`, gives each data line to `line` (borrowed; false stops the
 * reading), and returns how the answer ended.  No daemon: not_running. */
bool control_call(const char *path, const struct json *request,
    bool (*line)(void *arg, const struct json *line), void *arg, struct err *e);

#endif
