/* listen — the acceptor; see listen.h. */
#include "common/net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/memory_limit.h"
#include "common/base/thread.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/net/bind.h"
#include "common/net/listen_guard.h"
#include "common/share/share_key.h"
#include "common/text/address_scope.h"
#include "common/text/address_text.h"

#define ACCEPTS_A_TURN 64
#define PER_ADDRESS    1000
#define HALF_OPEN      100
#define LOG_EACH_MS    1000

struct listener {
	struct listen *l;
	int fd;
	struct sockaddr_storage address;
	struct loop_fd *watch;
	listen_accepted *accepted;
	void *arg;
};

struct listen {
	struct listener at[LISTEN_SOCKETS_MAX];
	unsigned n;
	struct listen_limits limits;
	unsigned fd_limit;
	struct listen_guard *guard;
	struct loop *loop;
	struct loop_timer *rearm;
	struct workers *workers;
	unsigned next; /* worker whose turn it is */
	pthread_t thread;
	bool runs;
	int64_t logged_ms;
};

struct dealt { /* outlives its listen, where that is freed meanwhile */
	listen_accepted *accepted;
	void *arg;
	struct listen_incoming *in;
	unsigned worker;
};

/* -- accepting ---------------------------------------------------------------------------------- */

/* False (errno): not all of them are watched now. */
static bool
want_all(struct listen *l, unsigned what)
{
	bool good = true;

	for (unsigned i = 0; i < l->n; i++)
		good = loop_fd_want(l->at[i].watch, what) && good;
	return good;
}

/* At most a line each LOG_EACH_MS. */
static void
log_pause(struct listen *l, const char *why)
{
	int64_t now = loop_now_ms(l->loop);

	if (l->logged_ms != 0 && now - l->logged_ms < LOG_EACH_MS)
		return;
	l->logged_ms = now;
	log_fact(LOG_WARN, "listen.pause", "open=%u why=%s", listen_guard_count(l->guard),
	    log_str(why));
}

static void
pause_all(struct listen *l, const char *why)
{
	log_pause(l, why);
	(void)want_all(l, 0);
	loop_timer_set_ms(l->rearm, LISTEN_REARM_MS);
}

static void
on_rearm(void *arg)
{
	if (!want_all(arg, LOOP_READ))
		pause_all(arg, strerror(errno));
}

/* Is there room for one more?  The lowest free descriptor says how many are in use. */
static bool
has_room(struct listen *l, int fd)
{
	int probe = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (probe < 0)
		return false;
	close(probe);
	return (unsigned)probe < l->fd_limit && listen_guard_count(l->guard) < l->limits.total;
}

static void
deliver_incoming(void *arg)
{
	struct dealt *d = arg;

	d->accepted(d->arg, d->worker, d->in);
	free(d);
}

static void
deal_incoming(struct listener *from, struct listen_incoming *in)
{
	struct listen *l = from->l;
	struct dealt *d = memory_new(sizeof *d);

	*d = (struct dealt) { from->accepted, from->arg, in, l->next };
	l->next = (l->next + 1) % workers_count(l->workers);
	loop_post(workers_loop(l->workers, d->worker), deliver_incoming, d);
}

static void
take_socket(struct listener *from, int fd, const struct sockaddr_storage *peer)
{
	struct listen_incoming *in = memory_new(sizeof *in);
	char key[SHARE_KEY_ADDRESS_BYTES] = "-";
	struct err e;
	int one = 1;

	in->fd = fd;
	address_unmap((const struct sockaddr *)peer, &in->address);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (listen_guard_enter(from->l->guard, in, &e)) {
		deal_incoming(from, in);
		return;
	}
	log_fact_of(share_key_address((const struct sockaddr *)&in->address, key), LOG_WARN,
	    "listen.refuse", "peer=%s open=%u why=%s", key, listen_guard_count(from->l->guard),
	    log_str(e.text));
	listen_done(&in);
}

/* False: there is none to accept now. */
static bool
accept_one(struct listener *from)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t n = sizeof peer;
	int fd;

	fd = accept4(from->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		take_socket(from, fd, &peer);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ||
	    errno == EINVAL || errno == EPERM)
		pause_all(from->l, strerror(errno));
	return errno == ECONNABORTED || errno == EINTR;
}

static void
on_ready(void *arg, unsigned ready)
{
	struct listener *from = arg;

	(void)ready;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		if (!has_room(from->l, from->fd)) {
			pause_all(from->l, "as many connections as there may be");
			return;
		}
		if (!accept_one(from))
			return;
	}
}

/* -- opening and closing ------------------------------------------------------------------------ */

unsigned
listen_total(uint64_t files, uint64_t memory_bytes)
{
	uint64_t by_files = files / 10 * 9, by_memory = memory_bytes / 4 / LISTEN_CONNECTION_BYTES;

	return (unsigned)(by_files < by_memory ? by_files : by_memory);
}

bool
listen_new(struct listen **out, const struct listen_limits *limits, struct err *e)
{
	struct listen *l = memory_new(sizeof *l);
	struct rlimit r;

	l->limits = limits == NULL ? (struct listen_limits) { 0 } : *limits;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur > 10000000)
		r.rlim_cur = 10000000;
	l->fd_limit = (unsigned)(r.rlim_cur / 10 * 9);
	if (l->limits.total == 0)
		l->limits.total = listen_total(r.rlim_cur, memory_limit(""));
	if (l->limits.per_address == 0)
		l->limits.per_address = PER_ADDRESS;
	if (l->limits.half_open == 0)
		l->limits.half_open = HALF_OPEN;
	if (!loop_new(&l->loop, e)) {
		free(l);
		return false;
	}
	l->guard = listen_guard_new(&l->limits);
	l->rearm = loop_timer_new(l->loop, on_rearm, l);
	*out = l;
	return true;
}

bool
listen_open(struct listen *l, const char *at, uint16_t port, listen_accepted *accepted, void *arg,
    struct err *e)
{
	struct sockaddr_storage a;
	int fd;

	errno = 0;
	if (l->n == LISTEN_SOCKETS_MAX)
		return err_set(e, REFUSAL_config, "more than %d sockets to listen on",
		    LISTEN_SOCKETS_MAX);
	if (!address_read(span_str(at), port, &a))
		return err_set(e, REFUSAL_config,
		    "%s is no address; write it like 192.0.2.1, 192.0.2.1:1470 or [2001:db8::1]:1470",
		    at);
	if ((fd = bind_listener(&a, e)) < 0)
		return false;
	l->at[l->n++] = (struct listener) { l, fd, a, NULL, accepted, arg };
	return true;
}

static void *
run(void *arg)
{
	struct listen *l = arg;

	loop_run(l->loop);
	return NULL;
}

static bool
start_thread(struct listen *l, struct err *e)
{
	int r = thread_start(&l->thread, run, l);

	if (r != 0)
		return err_set_errno(e, REFUSAL_os_error, r, "the acceptor's thread");
	return l->runs = true;
}

bool
listen_start(struct listen *l, struct workers *w, struct err *e)
{
	l->workers = w;
	for (unsigned i = 0; i < l->n; i++) {
		if (listen(l->at[i].fd, LISTEN_BACKLOG) < 0)
			return bind_refused(&l->at[i].address, "listen on", errno, e);
		l->at[i].watch = loop_fd_new(l->loop, l->at[i].fd, on_ready, &l->at[i]);
	}
	if (!want_all(l, LOOP_READ))
		return err_set_errno(e, REFUSAL_os_error, errno, "cannot watch a socket");
	return start_thread(l, e);
}

void
listen_stop(struct listen *l)
{
	if (l->runs) {
		loop_stop(l->loop);
		pthread_join(l->thread, NULL);
		l->runs = false;
	}
	for (unsigned i = 0; i < l->n; i++) {
		loop_fd_free(&l->at[i].watch);
		if (l->at[i].fd >= 0)
			close(l->at[i].fd);
		l->at[i].fd = -1;
	}
}

void
listen_free(struct listen **lp)
{
	struct listen *l = *lp;

	if (l == NULL)
		return;
	listen_stop(l);
	loop_timer_free(&l->rearm);
	loop_free(&l->loop);
	listen_guard_unref(&l->guard);
	free(l);
	*lp = NULL;
}

unsigned
listen_limit(const struct listen *l)
{
	return l->limits.total;
}

unsigned
listen_open_count(const struct listen *l)
{
	return listen_guard_count(l->guard);
}

uint16_t
listen_port(const struct listen *l, unsigned i)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof a;

	if (getsockname(l->at[i].fd, (struct sockaddr *)&a, &n) < 0)
		return 0;
	return address_port(&a);
}

/* -- one connection ----------------------------------------------------------------------------- */

struct listen_incoming *
listen_uncounted(int fd)
{
	struct listen_incoming *in = memory_new(sizeof *in);
	struct sockaddr_storage peer = { 0 };
	socklen_t n = sizeof peer;

	in->fd = fd;
	if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0)
		address_unmap((const struct sockaddr *)&peer, &in->address);
	return in;
}

void
listen_shook(struct listen_incoming *in)
{
	listen_guard_shook(in);
}

void
listen_done(struct listen_incoming **in)
{
	if (*in == NULL)
		return;
	listen_guard_leave(*in);
	close((*in)->fd);
	free(*in);
	*in = NULL;
}
