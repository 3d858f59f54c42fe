/* loop — libevent's base, an eventfd and a queue; see loop.h.
 *
 * A post from the loop's own thread needs no system call: it activates the event directly.  A turn ends
 * after TURN_MAX calls, so calls that post themselves again do not starve descriptors and timers.  The
 * log lines of a batch are written at once, after its last call: one write a line took a twentieth of
 * the time of a notification.
 */
#include "common/loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#define TURN_MAX       64
#define WAIT_FAILED_US 10000 /* the system could not wait for events: it may next time */

struct post {
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	pthread_mutex_t lock;
	struct buf posted; /* of struct post; under lock */
	pthread_t runner;  /* under lock; only while running */
	bool running;
	struct buf batch; /* taken from posted; runs now */
	size_t batch_at;  /* octets of it that have run */
	struct event *later;
	struct buf calls; /* of struct post, by loop_later */
	size_t calls_at;  /* octets of them that have run */
	bool stopping;    /* loop_stop's call has run */
	void *local;
	void (*release)(void *p);
};

struct loop_timer {
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

struct loop_fd {
	struct event *read, *write;
	unsigned want;
	void (*fn)(void *arg, unsigned ready);
	void *arg;
};

static bool
take_batch(struct loop *l)
{
	struct buf spare = l->batch;

	if (l->batch_at < l->batch.len)
		return true;
	buf_reset(&spare);
	pthread_mutex_lock(&l->lock);
	l->batch = l->posted;
	l->posted = spare;
	pthread_mutex_unlock(&l->lock);
	l->batch_at = 0;
	return l->batch.len > 0;
}

/* Runs the batch until its end or loop_stop's call. */
static void
run_batch(struct loop *l)
{
	while (!l->stopping && l->batch_at < l->batch.len) {
		struct post p = *(struct post *)(void *)(l->batch.data + l->batch_at);

		l->batch_at += sizeof p;
		p.fn(p.arg);
	}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t n;

	/* If this fails, the next turn reads it. */
	if ((what & EV_READ) != 0)
		(void)!read(fd, &n, sizeof n);
	if (take_batch(l)) {
		log_hold();
		run_batch(l);
		log_release();
	}
	if (l->stopping)
		event_base_loopbreak(l->base);
}

/* Runs the calls that were there when it began. */
static bool
run_calls(struct loop *l)
{
	size_t end = l->calls.len;
	bool some = end > 0;

	while (l->calls_at < end) {
		struct post p = *(struct post *)(void *)(l->calls.data + l->calls_at);

		l->calls_at += sizeof p;
		p.fn(p.arg);
	}
	buf_drop(&l->calls, l->calls_at);
	l->calls_at = 0;
	return some;
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_hold();
	run_calls(arg);
	log_release();
}

/* libevent would write to standard error; the callers report what failed. */
static void
no_words(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static bool
open_base(struct loop *l)
{
	struct event_config *cfg = event_config_new();

	if (cfg == NULL)
		abort();
	event_set_log_callback(no_words);
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NO_CACHE_TIME);
	event_config_set_max_dispatch_interval(cfg, NULL, TURN_MAX, 0);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (l->base == NULL)
		return false;
	l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	l->later = event_new(l->base, -1, 0, on_later, l);
	return l->wake != NULL && l->later != NULL && event_add(l->wake, NULL) == 0;
}

bool
loop_new(struct loop **out, struct err *e)
{
	struct loop *l = memory_new(sizeof *l);

	pthread_mutex_init(&l->lock, NULL);
	if ((l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		err_set_errno(e, REFUSAL_os_error, errno, "an event loop (eventfd)");
	else if (!open_base(l))
		err_set_errno(e, REFUSAL_os_error, errno, "an event loop (epoll)");
	else {
		*out = l;
		return true;
	}
	loop_free(&l);
	return false;
}

void
loop_free(struct loop **lp)
{
	struct loop *l = *lp;

	if (l == NULL)
		return;
	if (l->local != NULL)
		l->release(l->local);
	if (l->wake != NULL)
		event_free(l->wake);
	if (l->later != NULL)
		event_free(l->later);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	buf_clear(&l->posted);
	buf_clear(&l->batch);
	buf_clear(&l->calls);
	pthread_mutex_destroy(&l->lock);
	free(l);
	*lp = NULL;
}

static void
set_running(struct loop *l, bool running)
{
	pthread_mutex_lock(&l->lock);
	l->running = running;
	l->runner = pthread_self();
	pthread_mutex_unlock(&l->lock);
}

void
loop_run(struct loop *l)
{
	set_running(l, true);
	l->stopping = false;
	if (l->batch_at < l->batch.len) /* a stop cut the last batch short */
		run_batch(l);
	while (!l->stopping && event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0) {
		log_fact(LOG_ERROR, "loop.wait", "why=%s", log_str(strerror(errno)));
		usleep(WAIT_FAILED_US);
	}
	set_running(l, false);
}

static void
on_stop(void *arg)
{
	struct loop *l = arg;

	l->stopping = true;
}

void
loop_stop(struct loop *l)
{
	loop_post(l, on_stop, l);
}

void
loop_drain(struct loop *l)
{
	while (run_calls(l) || take_batch(l)) {
		l->stopping = false;
		run_batch(l);
	}
}

/* Without the wake-up the loop would miss the post, so this does not give up. */
static void
wake(struct loop *l)
{
	uint64_t one = 1;

	while (write(l->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		if (errno != EINTR)
			usleep(WAIT_FAILED_US);
}

void
loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct post p = { fn, arg };
	bool first, own;

	pthread_mutex_lock(&l->lock);
	first = l->posted.len == 0;
	own = l->running && pthread_equal(l->runner, pthread_self());
	buf_add(&l->posted, &p, sizeof p);
	pthread_mutex_unlock(&l->lock);
	if (first && own)
		event_active(l->wake, EV_TIMEOUT, 1);
	else if (first)
		wake(l);
}

void
loop_later(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct post p = { fn, arg };

	buf_add(&l->calls, &p, sizeof p);
	event_active(l->later, EV_TIMEOUT, 1);
}

int64_t
loop_now_ms(const struct loop *l)
{
	(void)l;
	return clock_mono_ms();
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

void *
loop_local(struct loop *l)
{
	return l->local;
}

void
loop_set_local(struct loop *l, void *p, void (*release)(void *p))
{
	l->local = p;
	l->release = release;
}

/* -- timers ------------------------------------------------------------------------------------- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct loop_timer *
loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = memory_new(sizeof *t);

	t->fn = fn;
	t->arg = arg;
	if ((t->ev = event_new(l->base, -1, 0, on_timer, t)) == NULL)
		abort();
	return t;
}

void
loop_timer_set_ms(struct loop_timer *t, int64_t in_ms)
{
	struct timeval tv = { 0 };

	if (in_ms > 0) {
		tv.tv_sec = (time_t)(in_ms / 1000);
		tv.tv_usec = (suseconds_t)(in_ms % 1000 * 1000);
	}
	if (event_add(t->ev, &tv) < 0)
		abort();
}

void
loop_timer_cancel(struct loop_timer *t)
{
	event_del(t->ev);
}

void
loop_timer_free(struct loop_timer **t)
{
	if (*t == NULL)
		return;
	event_free((*t)->ev);
	free(*t);
	*t = NULL;
}

/* -- descriptors -------------------------------------------------------------------------------- */

static void
on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *f = arg;

	(void)fd;
	f->fn(f->arg, (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

struct loop_fd *
loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg, unsigned ready), void *arg)
{
	struct loop_fd *f = memory_new(sizeof *f);

	f->fn = fn;
	f->arg = arg;
	f->read = event_new(l->base, fd, EV_READ | EV_PERSIST, on_fd, f);
	f->write = event_new(l->base, fd, EV_WRITE | EV_PERSIST, on_fd, f);
	if (f->read == NULL || f->write == NULL)
		abort();
	return f;
}

static bool
want(struct event *ev, bool now, bool before)
{
	if (now == before)
		return true;
	return (now ? event_add(ev, NULL) : event_del(ev)) == 0;
}

/* After a failure the kernel may report events for ever that nobody handles.  So libevent stops
 * watching the other direction too. */
bool
loop_fd_want(struct loop_fd *f, unsigned what)
{
	int why;

	if (want(f->read, (what & LOOP_READ) != 0, (f->want & LOOP_READ) != 0) &&
	    want(f->write, (what & LOOP_WRITE) != 0, (f->want & LOOP_WRITE) != 0)) {
		f->want = what;
		return true;
	}
	why = errno;
	event_del(f->read);
	event_del(f->write);
	f->want = 0;
	errno = why;
	return false;
}

void
loop_fd_free(struct loop_fd **f)
{
	if (*f == NULL)
		return;
	event_free((*f)->read);
	event_free((*f)->write);
	free(*f);
	*f = NULL;
}
