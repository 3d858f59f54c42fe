/* control_private — what control*.c share: the socket, who is connected to it, and what they asked. */
#ifndef COMMON_DAEMON_CONTROL_PRIVATE_H
#define COMMON_DAEMON_CONTROL_PRIVATE_H

#include <sys/un.h>

#include "common/daemon/control.h"
#include "common/loop/loop.h"

struct client {
	struct control *control;
	struct client *next;
	int fd;
	struct loop_fd *watch;
	struct buf in, out;
	struct control_request *request; /* under way; NULL: none */
	bool last;                       /* no further request is read */
	int64_t moved_ms;                /* of the last octet either way */
};

struct control_request {
	struct client *client; /* NULL: gone */
	struct loop *loop;
	void (*again)(struct control_request *r, void *arg);
	void *again_arg;
	bool posted;
};

struct control {
	struct loop *loop;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	int fd;
	struct loop_fd *watch;
	struct loop_timer *sweep;
	struct {
		const struct control_verb *verbs;
		void *role;
	} tables[CONTROL_TABLES_MAX];
	size_t n_tables;
	struct client *clients;
	unsigned n_clients;
};

/* Whose descriptor the client's is from now on. */
void control_client_new(struct control *ctl, int fd);
void control_client_free(struct client *c);
/* What is ready, as far as it goes at once.  False: the client is gone. */
bool control_client_write(struct client *c);

#endif
