/* http — one bounded GET of a URL that a stranger wrote.
 *
 * libcurl moves the octets on a thread of its own, which any number of loops share.  What it does not
 * decide is done here: each host is resolved once by our own dns, and libcurl gets the addresses; its own
 * resolver is never asked.  The address rule holds for each socket that it opens.  Redirects (301, 302, 303,
 * 307, 308) are followed here, by the same rules.  There is no proxy, cookie, password or cache, and no file
 * is read.
 *
 * Users:   common/revoke by http, common/sts by https.
 * Spec:    RFC 9110, RFC 9112; RFC 9325 for https: TLS 1.2 or 1.3, no resumption, and the certificate is judged as
 *          every peer's (common/pki/judge.h), by the name of the URL's host.  HTTP/1.1, one request a connection.
 * Limits:  http or https, as the caller says; port 80, 443 or 1024 and above; octets, time and redirects as the caller says;
 *          HTTP_HEAD_BYTES; HTTP_ADDRESSES.  A body that is shorter than announced, or has a content
 *          coding, is a failure.
 * Threads: a request belongs to the thread of its loop, as its dns does.
 * Async:   done is called exactly once, never inside http_get, unless cancelled.
 * Trust:   URL and every octet of the answer are hostile.
 */
#ifndef COMMON_HTTP_HTTP_H
#define COMMON_HTTP_HTTP_H

#include "common/dns/dns.h"

#define HTTP_CONNECT_MS 8000 /* for each address */
#define HTTP_ADDRESSES  6    /* of one host; more are not tried */

struct chain;
struct http;
struct http_get;
struct judgement;
struct loop;
struct trust;

/* Starts the thread.  False: os_error. */
bool http_new(struct http **h, struct err *e);
/* After its last request is over or cancelled.  Then drain the loops that asked. */
void http_free(struct http **h);

/* How the certificate of an https server is judged. */
struct http_trust {
	struct trust *trust; /* a reference is taken */
	/* A CRL was missing (revocation_unknown; common/revoke/crl_fetch.h wants it).  Called on the thread of http, so
	 * arg outlives it.  NULL: nobody is told. */
	void (*on_unknown)(void *arg, const struct chain *c, const struct judgement *j);
	void *arg;
};

struct http_ask {
	const char *url; /* copied */
	bool allow_private;
	uint64_t most_bytes; /* of the body */
	int64_t most_ms;     /* in all */
	unsigned redirects;
	const struct http_trust *trust; /* https, judged by it; copied.  NULL: http */
	const char *media; /* the answer must be of this type; a literal.  NULL: of any */
};

/* e NULL: the body.  Otherwise the reason: bad_syntax (of the URL), bad_port, private_address, dns_failed,
 * dns_bogus, no_such_domain, unreachable, too_slow, message_too_big, bad_reply; of https also tls_failed and those of
 * judge.h. */
typedef void http_done(void *arg, struct span body, const struct err *e);

/* The handle is good until done is called. */
struct http_get *http_get(struct http *h, struct loop *l, struct dns *dns,
    const struct http_ask *ask, http_done *done, void *arg);
void http_get_cancel(struct http_get **g); /* done will not be called; sets NULL */

#endif
