/* local_socket — accepts the programs of this machine; see local_socket.h. */
#include "oms/submission/local_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/listen.h"
#include "oms/submission/submission_service.h"

struct local_socket {
	struct oms *oms;
	int fd;
	struct sockaddr_un at;
	struct loop_fd *watch; /* of the first worker's loop */
	struct loop_timer *rearm;
	unsigned next; /* the worker whose turn it is */
};

struct caller {
	struct oms_worker *worker;
	struct listen_incoming *in;
	uid_t uid;
};

static void
serve(void *arg)
{
	struct caller *c = arg;
	struct err e;

	/* At the daemon's end the loop runs what is left without serving connections any more. */
	if (daemon_open_for_work(c->worker->oms->daemon, &e))
		submission_service_local(c->worker, c->uid, c->in);
	else
		listen_done(&c->in);
	free(c);
}

static void
give(struct local_socket *s, int fd)
{
	struct caller *c = memory_new(sizeof *c);
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || n != sizeof peer) {
		close(fd);
		free(c);
		return;
	}
	*c = (struct caller) { &s->oms->worker[s->next], listen_uncounted(fd), peer.uid };
	s->next = (s->next + 1) % s->oms->n_workers;
	loop_post(c->worker->loop, serve, c);
}

static void
on_ready(void *arg, unsigned ready)
{
	struct local_socket *s = arg;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	if (fd >= 0) {
		give(s, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		loop_fd_want(s->watch, 0);
		loop_timer_set_ms(s->rearm, LISTEN_REARM_MS);
	}
}

static void
on_rearm(void *arg)
{
	loop_fd_want(((struct local_socket *)arg)->watch, LOOP_READ);
}

/* On the first worker's thread. */
static void
begin(void *arg)
{
	struct local_socket *s = arg;
	struct loop *l = s->oms->worker[0].loop;

	s->watch = loop_fd_new(l, s->fd, on_ready, s);
	s->rearm = loop_timer_new(l, on_rearm, s);
	loop_fd_want(s->watch, LOOP_READ);
}

/* control_look knows a socket that is in use from one that was left. */
static bool
is_free(const char *path, struct err *e)
{
	enum control_use use;

	if (!control_look(path, &use, e))
		return false;
	if (use == CONTROL_ANSWERS)
		return err_set(e, REFUSAL_config, "another daemon answers at %s", path);
	return use != CONTROL_STALE || unlink(path) == 0 || errno == ENOENT ||
	    err_set_errno(e, REFUSAL_config, errno, "%s", path);
}

static bool
listen_at(struct local_socket *s, const char *path, struct err *e)
{
	s->at = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (!span_copy(span_str(path), s->at.sun_path, sizeof s->at.sun_path))
		return err_set(e, REFUSAL_config, "the path is longer than %zu octets",
		    sizeof s->at.sun_path - 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || bind(s->fd, (const struct sockaddr *)&s->at, sizeof s->at) < 0) {
		err_set_errno(e, REFUSAL_config, errno, "%s", path);
		s->at.sun_path[0] = '\0'; /* nothing to remove */
		return false;
	}
	return (chmod(path, 0666) == 0 && listen(s->fd, LISTEN_BACKLOG) == 0) ||
	    err_set_errno(e, REFUSAL_config, errno, "%s", path);
}

static bool
open_at(struct local_socket *s, const struct conf *conf, struct err *e)
{
	const char *path = conf->role[CONF_ROLE_OMS].local_socket;

	if (!conf->smtp.given)
		return err_set(e, REFUSAL_config,
		    "there is no section smtp, which names this host");
	return is_free(path, e) && listen_at(s, path, e);
}

bool
local_socket_new(struct oms *o, struct local_socket **out, struct err *e)
{
	struct conf *conf = daemon_conf(o->daemon);
	struct local_socket *s;
	bool good = true;

	*out = NULL;
	if (*conf->role[CONF_ROLE_OMS].local_socket != '\0') {
		s = *out = memory_new(sizeof *s);
		s->oms = o;
		s->fd = -1;
		good = open_at(s, conf, e) || err_prefix(e, "local-socket");
	}
	conf_unref(&conf);
	if (!good)
		local_socket_free(out);
	else if (*out != NULL)
		loop_post(o->worker[0].loop, begin, *out);
	return good;
}

void
local_socket_free(struct local_socket **sp)
{
	struct local_socket *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	if (s->watch != NULL) {
		loop_timer_free(&s->rearm);
		loop_fd_free(&s->watch);
	}
	if (s->fd >= 0)
		close(s->fd);
	if (s->at.sun_path[0] != '\0')
		unlink(s->at.sun_path);
	free(s);
}
