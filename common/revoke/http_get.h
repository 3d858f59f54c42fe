/* http_get — one bounded GET of a URL that a stranger wrote.
 *
 * HTTP/1.0 with Host, so that the response is one run of octets.  Each host is resolved once by our
 * own dns, and the connection goes to the first of these addresses that answers, never to a private
 * one unless allowed.  Redirects (301, 302, 303, 307, 308) follow the same rules.
 *
 * Spec:   RFC 9110, RFC 9112.
 * Limits: http only; port 80, 443 or 1024 and above; HTTP_GET_BYTES; HTTP_GET_MS in all;
 *         HTTP_GET_REDIRECTS.  A body that is shorter than announced, coded or chunked is a failure.
 * Async:  done is called exactly once, never inside http_get, unless cancelled.
 * Trust:  URL and every octet of the answer are hostile.
 */
#ifndef COMMON_REVOKE_HTTP_GET_H
#define COMMON_REVOKE_HTTP_GET_H

#include "common/dns/dns.h"

#define HTTP_GET_BYTES      (32 << 20) /* of the body */
#define HTTP_GET_HEAD_BYTES 16384
#define HTTP_GET_MS         30000
#define HTTP_GET_CONNECT_MS 8000 /* for each address */
#define HTTP_GET_REDIRECTS  3
#define HTTP_GET_ADDRESSES  6 /* of one host; more are not tried */

struct loop;
struct http_get;

/* e NULL: the body.  Otherwise the reason: bad_syntax (of the URL), bad_port, private_address, dns_failed,
 * dns_bogus, no_such_domain, unreachable, too_slow, message_too_big, bad_reply. */
typedef void http_get_done(void *arg, struct span body, const struct err *e);

/* The handle is good until done is called. */
struct http_get *http_get(struct loop *l, struct dns *dns, const char *url, bool allow_private,
    http_get_done *done, void *arg);
void http_get_cancel(struct http_get **g); /* done will not be called; sets NULL */

#endif
