/* conn_limit — limits the connections that one daemon opens to one address, orders those that wait, and
 * remembers the ports that do not answer.
 *
 * At most CONN_PER_HOST at a time, for all domains and workers together, of which CONN_UNANSWERED have not
 * been answered yet; this bounds what is left of reflection.  Further ones wait.  The holder of a place is
 * told when others want it.
 *
 * Any domain may name somebody else's address, with a silent port, where silence takes the whole timeout of
 * a connection, or with a port of its own, where it can be as slow as it likes.  So the places of an address
 * are shared by domain.  A domain that holds n places gets one more only while more than n are free, of all
 * and of those for unanswered connections: one domain gets half of them, and each further domain finds a
 * free place until several share them out.  Domains that wait take turns, each with its own connections first
 * come, first served; and those who hold the most places are asked to leave.
 *
 * A port that did not answer is left alone for CONN_DOOR_PAUSE_MS, doubled by each failure in turn up
 * to CONN_DOOR_PAUSE_MAX_MS.  Meanwhile a caller that backs off is refused at once, and so is one that
 * waits when the failure comes.  After that one connection at a time tries, until the port answers; the
 * others wait for the result, and keep nobody else waiting.  Places are counted by address, failures by address and port: a domain that
 * names somebody else's address with a port where nobody listens does not make the other ports fail.
 *
 * Spec:    SPEC.md 5 (connections to one address).
 * Threads: one table for all workers, under a lock of its own; a call posted to `loop` tells each
 *          connection that it has its place now, that others wait for it, or that it is refused.
 * Owner:   a place belongs to its connection, which leaves; the table outlives all places.
 * Trust:   of ports that nobody holds or waits for, CONN_DOORS_REMEMBERED failures at most are kept.
 */
#ifndef COMMON_NET_CONN_LIMIT_H
#define COMMON_NET_CONN_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define CONN_PER_HOST          8
#define CONN_UNANSWERED        4
#define CONN_DOOR_PAUSE_MS     1500 /* shorter than any caller's own pause, which then decides */
#define CONN_DOOR_PAUSE_MAX_MS 45000
#define CONN_DOORS_REMEMBERED  4096

struct conn_limit;
struct conn_place;
struct loop;

struct conn_limit *conn_limit_new(void);
/* From now on gives no place and tells nobody anything: the loops are about to be freed. */
void conn_limit_close(struct conn_limit *l);
void conn_limit_free(struct conn_limit **l); /* after all places have left */

/* The caller to be told: by fn(loop, id) on that loop, any number of times, even after the place has left. */
struct conn_caller {
	struct loop *loop;
	uint64_t id;
	void (*fn)(struct loop *loop, uint64_t id);
	bool backs_off; /* does not try a port that failed lately */
	const char
	    *domain;   /* that named the address; NULL: one of its own; used only during the call */
	unsigned most; /* places of its domain, this one included; 0: no limit of its own */
};

/* Makes a place: held at once, waiting, or refused.  now_ms: monotonic, the same clock for all calls. */
struct conn_place *conn_limit_enter(struct conn_limit *l, const struct sockaddr_storage *to,
    const struct conn_caller *caller, int64_t now_ms);
bool conn_place_is_held(const struct conn_place *p);
/* until_ms: when the port may be tried again. */
bool conn_place_is_refused(const struct conn_place *p, int64_t *until_ms);
/* The holder of a place reports whether the port answered. */
void conn_place_report(struct conn_place *p, bool answers, int64_t now_ms);
/* Should its holder end soon, because somebody waits?  True for as many holders as there are waiters of its
 * domain, or of domains that hold less: it is a promise to leave the place, and stays true. */
bool conn_place_is_wanted(struct conn_place *p);
void conn_place_leave(struct conn_place **p); /* NULL inside is fine */

#endif
