/* http — the thread on which libcurl works; see http.h. */
#include "common/http/http.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/http/http_transfer_private.h"
#include "common/loop/loop.h"

#define WAIT_MS 60000 /* libcurl wakes before, where it has anything to do */

LIST_HEAD(http_transfers, http_transfer);

struct http {
	pthread_t thread;
	CURLM *multi;
	struct http_transfers moving; /* the thread's */
	/* shared */
	pthread_mutex_t lock;
	struct http_transfers waiting;
	bool stopped;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode begun;

static void
begin(void)
{
	begun = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* -- back on the loop that asked --------------------------------------------------------------------- */

static void
come_home(void *arg)
{
	struct http_transfer *t = arg;

	if (t->over != NULL)
		t->over(t->arg, t);
	http_transfer_free(t);
}

/* -- the thread -------------------------------------------------------------------------------------- */

/* libcurl lets go of it, and its home gets it. */
static void
let_go(struct http *h, struct http_transfer *t)
{
	LIST_REMOVE(t, link);
	curl_multi_remove_handle(h->multi, t->easy);
	loop_post(t->home, come_home, t);
}

/* True: the thread ends. */
static bool
take_what_waits(struct http *h)
{
	struct http_transfer *t;
	bool stopped;

	pthread_mutex_lock(&h->lock);
	while ((t = LIST_FIRST(&h->waiting)) != NULL) {
		LIST_REMOVE(t, link);
		LIST_INSERT_HEAD(&h->moving, t, link);
		if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
			abort();
	}
	stopped = h->stopped;
	pthread_mutex_unlock(&h->lock);
	return stopped;
}

static void
drop_abandoned(struct http *h, bool all)
{
	for (struct http_transfer *t = LIST_FIRST(&h->moving), *next; t != NULL; t = next) {
		next = LIST_NEXT(t, link);
		if (all)
			err_word(&t->why, REFUSAL_closing);
		if (all || atomic_load(&t->abandoned))
			let_go(h, t);
	}
}

static void
end_what_is_done(struct http *h)
{
	struct http_transfer *t;
	CURLMsg *m;
	char *private;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
			abort();
		t = (struct http_transfer *)(void *)private;
		http_transfer_ended(t, m->data.result);
		let_go(h, t);
	}
}

static void *
run(void *arg)
{
	struct http *h = arg;
	int n;

	while (!take_what_waits(h)) {
		drop_abandoned(h, false);
		if (curl_multi_perform(h->multi, &n) != CURLM_OK)
			abort();
		end_what_is_done(h);
		(void)curl_multi_poll(h->multi, NULL, 0, WAIT_MS, NULL);
	}
	drop_abandoned(h, true);
	return NULL;
}

/* -- for the loops ------------------------------------------------------------------------------------- */

static void
wake(struct http *h)
{
	(void)curl_multi_wakeup(h->multi);
}

void
http_transfer_start(struct http *h, struct http_transfer *t)
{
	pthread_mutex_lock(&h->lock);
	LIST_INSERT_HEAD(&h->waiting, t, link);
	pthread_mutex_unlock(&h->lock);
	wake(h);
}

void
http_transfer_abandon(struct http *h, struct http_transfer *t)
{
	t->over = NULL;
	atomic_store(&t->abandoned, true);
	wake(h);
}

/* -- life ------------------------------------------------------------------------------------------------ */

bool
http_new(struct http **out, struct err *e)
{
	struct http *h;
	int r;

	pthread_once(&once, begin);
	if (begun != CURLE_OK)
		return err_set(e, REFUSAL_os_error, "libcurl: %s", curl_easy_strerror(begun));
	h = memory_new(sizeof *h);
	if ((h->multi = curl_multi_init()) == NULL)
		abort();
	pthread_mutex_init(&h->lock, NULL);
	if ((r = thread_start(&h->thread, run, h)) == 0) {
		*out = h;
		return true;
	}
	curl_multi_cleanup(h->multi);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return err_set_errno(e, REFUSAL_os_error, r, "the thread of HTTP");
}

void
http_free(struct http **hp)
{
	struct http *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopped = true;
	pthread_mutex_unlock(&h->lock);
	wake(h);
	pthread_join(h->thread, NULL);
	curl_multi_cleanup(h->multi);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
