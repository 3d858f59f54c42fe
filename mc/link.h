/* link — one connection at a time to the user's own servers.
 *
 * A link has its own loop, and a resolver and a trust store as mc.conf says.  link_connect finds the hosts
 * that the user's domain names for a service and tries their addresses in order, until one shows a
 * certificate that is good for the domain.  Nothing is sent before that, without exception.  The
 * caller owns the protocol's client engine, which must outlive the connection.
 *
 * State:  closed --link_connect--> connected --(link_close | the connection breaks)--> closed.
 * Async:  callbacks of the engine run only inside link_wait (and link_connect).  When a connection
 *         breaks, the engine gets client_lost with the reason.
 * Units:  milliseconds.
 */
#ifndef MC_LINK_H
#define MC_LINK_H

#include "mc/config.h"
#include "mc/fault.h"
#include "proto/client.h"

#define LINK_CONNECT_MS 10000 /* for each address */
#define LINK_SEARCH_MS  45000 /* for finding and connecting together */

struct link;

bool link_new(struct link **out, const struct config *c, struct err *e);
void link_free(struct link **l);

/* `service` and `alpn` are of static life.  False: f->host is the host that was tried last. */
bool link_connect(struct link *l, const char *service, const char *alpn, struct client *client,
    struct fault *f);
/* Moves octets until *until is set.  False: timeout_ms (0: no limit) have passed, or the connection
 * is gone and all its callbacks have run. */
bool link_wait(struct link *l, const bool *until, int64_t timeout_ms);
/* Call it after a request was put into the engine. */
void link_kick(struct link *l);
/* Wakes link_wait; for callbacks that have set its flag. */
void link_wake(struct link *l);
/* Closes the connection in order, if there is one, and tells the engine. */
void link_close(struct link *l);

bool link_is_up(const struct link *l);
const char *link_host(const struct link *l); /* of the present or last connection; "" : none */
uint16_t link_port(const struct link *l);
/* For SCRAM-SHA-256-PLUS. */
bool link_binding(const struct link *l, unsigned char out[32]);

#endif
