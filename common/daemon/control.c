/* control — the daemon's socket; see control.h.  Its clients: control_client.c; the verbs: control_call.c. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/daemon/control_private.h"

#define SWEEP_MS 5000

static bool
may_talk(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || n != sizeof peer)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	log_fact(LOG_WARN, "control.refused", "uid=%u pid=%d", (unsigned)peer.uid, (int)peer.pid);
	return false;
}

static void
on_socket(void *arg, unsigned ready)
{
	struct control *ctl = arg;
	int fd;

	(void)ready;
	if (ctl->n_clients >= CONTROL_CLIENTS_MAX) {
		loop_fd_want(ctl->watch, 0); /* until one leaves */
		return;
	}
	fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			loop_fd_want(ctl->watch, 0); /* until the next sweep */
		return;
	}
	if (!may_talk(fd)) {
		close(fd);
		return;
	}
	control_client_new(ctl, fd);
}

/* Those who say nothing, or do not listen to what they asked for. */
static void
on_sweep(void *arg)
{
	struct control *ctl = arg;
	int64_t before = loop_now_ms(ctl->loop) - CONTROL_IDLE_MS;

	for (struct client *c = ctl->clients, *next; c != NULL; c = next) {
		next = c->next;
		if (c->moved_ms < before && (c->request == NULL || c->out.len > 0))
			control_client_free(c);
	}
	loop_fd_want(ctl->watch, LOOP_READ);
	loop_timer_set_ms(ctl->sweep, SWEEP_MS);
}

static bool
address(const char *path, struct sockaddr_un *a, struct err *e)
{
	*a = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (!span_copy(span_str(path), a->sun_path, sizeof a->sun_path))
		return err_set(e, REFUSAL_config,
		    "the path of the control socket is longer than %zu "
		    "octets",
		    sizeof a->sun_path - 1);
	return true;
}

/* A socket left over by a daemon that died answers nobody, and is removed. */
static bool
remove_stale(const struct sockaddr_un *a, struct err *e)
{
	struct stat st;
	int fd, rc, why;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ||
		    err_set_errno(e, REFUSAL_config, errno, "%s", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, REFUSAL_config, "%s is there and is no socket", a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)a, sizeof *a);
	why = errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0 || (why != ECONNREFUSED && why != ENOENT))
		return err_set(e, REFUSAL_config, "%s is in use: the daemon runs already",
		    a->sun_path);
	return unlink(a->sun_path) == 0 || errno == ENOENT ||
	    err_set_errno(e, REFUSAL_config, errno, "%s", a->sun_path);
}

static bool
check_folder(const char *path, struct err *e)
{
	char copy[sizeof((struct sockaddr_un *)0)->sun_path], *folder;
	struct stat st;

	span_copy(span_str(path), copy, sizeof copy);
	folder = dirname(copy);
	if (stat(folder, &st) < 0)
		return err_set_errno(e, REFUSAL_config, errno, "the folder %s", folder);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		return err_set(e, REFUSAL_config,
		    "others may write to the folder %s: chmod go-w %s", folder, folder);
	return true;
}

bool
control_new(struct loop *loop, const char *path, struct control **out, struct err *e)
{
	struct control *ctl;
	struct sockaddr_un a;
	mode_t mask;
	int fd, rc;

	if (!address(path, &a, e) || !check_folder(path, e) || !remove_stale(&a, e))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mask = umask(0177);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof a);
	umask(mask);
	if (rc < 0 || listen(fd, CONTROL_CLIENTS_MAX) < 0) {
		err_set_errno(e, REFUSAL_config, errno, "the control socket %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	ctl = calloc(1, sizeof *ctl);
	if (ctl == NULL)
		abort();
	ctl->loop = loop;
	memcpy(ctl->path, a.sun_path, sizeof ctl->path);
	ctl->fd = fd;
	*out = ctl;
	return true;
}

bool
control_give(struct control *c, uid_t uid, gid_t gid, struct err *e)
{
	return lchown(c->path, uid, gid) == 0 ||
	    err_set_errno(e, REFUSAL_config, errno, "%s", c->path);
}

void
control_add(struct control *c, const struct control_verb *verbs, void *role)
{
	if (c->n_tables == CONTROL_TABLES_MAX)
		abort();
	c->tables[c->n_tables].verbs = verbs;
	c->tables[c->n_tables++].role = role;
}

void
control_serve(struct control *c)
{
	c->watch = loop_fd_new(c->loop, c->fd, on_socket, c);
	c->sweep = loop_timer_new(c->loop, on_sweep, c);
	loop_fd_want(c->watch, LOOP_READ);
	loop_timer_set_ms(c->sweep, SWEEP_MS);
}

void
control_free(struct control **c)
{
	struct control *ctl = *c;

	if (ctl == NULL)
		return;
	loop_fd_free(&ctl->watch);
	loop_timer_free(&ctl->sweep);
	for (struct client *k = ctl->clients, *next; k != NULL; k = next) {
		next = k->next;
		control_client_write(k); /* what is ready goes, if it can at once */
		control_client_free(k);
	}
	close(ctl->fd);
	unlink(ctl->path);
	free(ctl);
	*c = NULL;
}
