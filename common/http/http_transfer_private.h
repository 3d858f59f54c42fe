/* http_transfer — one request to one host by libcurl, between the loop that asks and the thread that moves it.
 *
 * State:   made and started on its home loop; moved on the thread; back on its home loop `over` is called, once,
 *          unless its maker has abandoned it.  Then it is freed.
 * Threads: see the members.
 */
#ifndef COMMON_HTTP_HTTP_TRANSFER_PRIVATE_H
#define COMMON_HTTP_HTTP_TRANSFER_PRIVATE_H

#include <stdatomic.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "common/base/buf.h"
#include "common/http/http.h"
#include "common/http/http_head.h"

struct http_transfer {
	LIST_ENTRY(http_transfer)
	link; /* of those that wait for the thread, then of those that it moves */
	struct loop *home;
	/* Home's alone.  NULL: abandoned. */
	void (*over)(void *arg, struct http_transfer *t);
	void *arg;
	atomic_bool abandoned; /* for the thread */
	/* Set on home before the start; then the thread's until it is over; then home's. */
	CURL *easy;
	struct curl_slist *resolved;
	bool allow_private;
	struct http_trust trust; /* its trust NULL: http */
	char host[DOMAIN_BYTES];
	uint64_t most_bytes;
	int64_t until_ms; /* monotonic */
	struct http_head head;
	struct buf body;
	bool left_out;  /* an address that is not public */
	bool opened;    /* a socket, to another one */
	bool ended;     /* only the header is of use, and it is here */
	struct err why; /* REFUSAL_NONE: the header is whole, and for status 200 the body */
};

struct http_transfer *http_transfer_new(const struct http_url *url,
    const struct sockaddr_storage *address, size_t n, const struct http_ask *ask, int64_t until_ms);
/* Gives it to the thread. */
void http_transfer_start(struct http *h, struct http_transfer *t);
/* `over` is not called any more. */
void http_transfer_abandon(struct http *h, struct http_transfer *t);
void http_transfer_free(struct http_transfer *t);

/* https: libcurl leaves the certificate to us.  Part of http_transfer_new and _free. */
void http_tls_set(struct http_transfer *t, const struct http_trust *trust);
void http_tls_clear(struct http_transfer *t);

/* On the thread: libcurl is done with it.  Sets `why`. */
void http_transfer_ended(struct http_transfer *t, CURLcode result);

#endif
