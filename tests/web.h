/* web — an HTTP server in a thread of the test, which answers just what it was told to.
 *
 * One connection at a time; each is one request.  Everything aborts on failure.
 */
#ifndef TESTS_WEB_H
#define TESTS_WEB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/span.h"

struct cert;
struct web;

struct web *web_new(void);
void web_free(struct web **w);
int web_setup(void **state); /* for cmocka's groups: *state is a struct web */
int web_teardown(void **state);

/* The whole answer to this path, copied; again: another. */
void web_answer(struct web *w, const char *path, const char *text);
void web_answer_octets(struct web *w, const char *path, struct span octets);
void web_endless(struct web *w, const char *path, const char *begin); /* then zeros */
void web_silent(struct web *w, const char *path);                  /* nothing at all for a second */
void web_drip(struct web *w, const char *path, const char *begin); /* then an octet now and then */

/* From now on by TLS, with this certificate and the CA above it.  NULL: in plain again. */
void web_secure(struct web *w, const struct cert *leaf, const struct cert *ca);
void web_secure_old(struct web *w); /* after that: by TLS 1.1 */

/* "http://HOST:PORT/PATH", or https; static, of the last 8 calls. */
const char *web_url(struct web *w, const char *host, const char *path);
unsigned web_port(const struct web *w);
unsigned web_connections(struct web *w);
void web_request(struct web *w, char *out, size_t n); /* the last request, to its empty line */
size_t web_sent(struct web *w);                       /* octets to the last connection */

/* "zone:FILE" with here.test and other.test (127.0.0.1), mapped.test, many.test (two dead, then here), empty.test. */
const char *web_zone(void);

#endif
