/* ask — sends a command's request to its running daemon, and shows the answer.
 *
 * For the verbs that use the control socket.  With --json each line is printed as it came; otherwise
 * `show` prints it for people.  A command that only lists ends as soon as standard output takes no more; one
 * that changes something is heard to its end.
 */
#ifndef COMMON_DAEMON_ASK_H
#define COMMON_DAEMON_ASK_H

#include "common/conf/conf.h"
#include "common/conf/options.h"
#include "common/daemon/control.h"
#include "common/text/quantity.h"

struct ask {
	const char *verb;          /* of the control socket */
	enum conf_role_index role; /* whose control socket */
	void (*show)(void *arg, const struct json *line);
	void *arg;
	bool changes; /* the daemon does something, and may stop doing it when the command leaves */
};

/* request: taken, or NULL where the verb alone says all.  Returns the exit status. */
int ask_daemon(struct options *o, const struct ask *a, struct json *request);

/* A member of a line from the daemon; "" or 0 if the line does not have it. */
const char *ask_line_text(const struct json *line, const char *key);
int64_t ask_line_number(const struct json *line, const char *key);
/* The same number as a count with its noun, and as a size with its unit; the text is in `out`. */
const char *ask_line_count(const struct json *line, const char *key, const char *one,
    const char *many, char out[QUANTITY_BYTES]);
const char *ask_line_size(const struct json *line, const char *key, char out[QUANTITY_BYTES]);

#endif
