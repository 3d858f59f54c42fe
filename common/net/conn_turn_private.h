/* conn_turn — what a connection does in each state; for conn.c, which moves it from turn to turn.
 *
 * Each function may change the state, and `again` asks for another turn at once.
 */
#ifndef COMMON_NET_CONN_TURN_PRIVATE_H
#define COMMON_NET_CONN_TURN_PRIVATE_H

#include "common/net/conn_private.h"

void conn_turn_connecting(struct conn *c);  /* the socket is ready: did it connect? */
void conn_turn_plain(struct conn *c);       /* octets between the socket and the engine */
void conn_turn_leave_plain(struct conn *c); /* after each write: does the handshake begin? */
void conn_turn_shaking(struct conn *c);     /* after the handshake tells the role that it is up */
void conn_turn_up(struct conn *c);          /* octets between TLS and the engine */
void conn_turn_closing(struct conn *c);     /* after each write: waits for the peer's end */

/* Puts TLS on the wire.  own: as of conn_target.  False: *e. */
bool conn_turn_tls(struct conn *c, const char *own, struct err *e);

#endif
