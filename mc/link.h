/* link — one connection at a time to one's own servers, driven until something is done.
 *
 * A link has a loop of its own, a resolver and a trust store by mc.conf.  link_connect finds the
 * hosts that the user's domain names for a service and tries their addresses in order, until one
 * has a certificate that is good for the domain.  No octet of ours leaves before; nothing makes an
 * exception.  The protocol's client engine is the caller's and outlives the connection.
 *
 * State:  closed --link_connect--> connected --(link_close | the connection breaks)--> closed.
 * Async:  callbacks of the engine run inside link_wait (and link_connect) only.  A connection that
 *         breaks ends the engine by client_lost, with why.
 * Units:  milliseconds.
 */
#ifndef MC_LINK_H
#define MC_LINK_H

#include "mc/config.h"
#include "mc/fault.h"
#include "proto/client.h"

#define LINK_CONNECT_MS 10000 /* for each address */
#define LINK_SEARCH_MS  45000 /* for finding and connecting altogether */

struct link;

bool link_new(struct link **out, const struct config *c, struct err *e);
void link_free(struct link **l);

/* `service` and `alpn` are of static life.  False: f->host names who was tried last. */
bool link_connect(struct link *l, const char *service, const char *alpn, struct client *client,
    struct fault *f);
/* Moves octets until *until is set; false: timeout_ms (0: none) have passed, or the connection is
 * gone and everything of it was told. */
bool link_wait(struct link *l, const bool *until, int64_t timeout_ms);
/* After a request was put into the engine. */
void link_kick(struct link *l);
/* For callbacks that have set what link_wait waits for. */
void link_wake(struct link *l);
/* Ends the connection in order, if there is one; the engine hears of it. */
void link_close(struct link *l);

bool link_is_up(const struct link *l);
const char *link_host(const struct link *l); /* of the present or last connection; "" : none */
uint16_t link_port(const struct link *l);
const char *link_domain(const struct link *l); /* the user's, as A-labels */
/* For SCRAM-SHA-256-PLUS. */
bool link_binding(const struct link *l, unsigned char out[32]);

#endif
