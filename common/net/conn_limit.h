/* conn_limit — how many connections one daemon opens to one address, and who comes next.
 *
 * CONN_PER_HOST at a time, whatever domain they are for and whichever worker opens them; so what is
 * left of reflection is bounded.  Who comes beyond that waits, and is served in the order of coming.
 * Who has a place and could do without is told that it is wanted.
 *
 * Spec:    PROTOCOL "Designation and identity".
 * Threads: one table for all workers, under a lock of its own; a call posted to `loop` tells each
 *          connection that it has its place now, or that others wait for it.
 * Owner:   a place belongs to its connection, which leaves; the table outlives all places.
 */
#ifndef COMMON_NET_CONN_LIMIT_H
#define COMMON_NET_CONN_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define CONN_PER_HOST 4

struct conn_limit;
struct conn_place;
struct loop;

struct conn_limit *conn_limit_new(void);
/* Nobody is given a place or told anything any more: the loops are about to go. */
void conn_limit_close(struct conn_limit *l);
void conn_limit_free(struct conn_limit **l); /* all places have left */

/* Whom to tell: fn(loop, id) on that loop, now and then; it may come when the place has left. */
struct conn_caller {
	struct loop *loop;
	uint64_t id;
	void (*fn)(struct loop *loop, uint64_t id);
};

/* The port does not count.  The place is held at once, or waits. */
struct conn_place *conn_limit_enter(struct conn_limit *l, const struct sockaddr_storage *to,
    const struct conn_caller *caller);
bool conn_place_is_held(const struct conn_place *p);
/* Should who holds it end soon, for somebody waits?  Asked of as many as wait, and no more: true says
 * that the place will be left, and stays true. */
bool conn_place_is_wanted(struct conn_place *p);
void conn_place_leave(struct conn_place **p); /* NULL inside is fine */

#endif
