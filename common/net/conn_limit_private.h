/* conn_limit_private — the table of a conn_limit: hosts, flows, doors and their places; for conn_limit*.c.
 *
 * conn_limit.c decides whose turn it is; conn_limit_table.c only finds, makes and forgets.  Each of its functions is
 * called under the lock.
 */
#ifndef COMMON_NET_CONN_LIMIT_PRIVATE_H
#define COMMON_NET_CONN_LIMIT_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "common/net/conn_limit.h"

#define CONN_LIMIT_BUCKETS 1024
#define KEY_WORDS          3 /* an IPv6 address; 0, 1 + port, or a mark and a domain */

TAILQ_HEAD(places, conn_place);

struct entry {
	struct entry *next; /* in its bucket */
	uint64_t key[KEY_WORDS];
};

/* What one domain has at one address. */
struct flow {
	struct entry entry; /* first */
	unsigned n_places;  /* of all states but REFUSED */
	unsigned n_held, n_unanswered, n_leaving, n_waiting;
	struct places waiting;
	TAILQ_ENTRY(flow) link; /* while n_waiting > 0 */
};

/* An address that has places.  Its key ends in 0. */
struct host {
	struct entry entry; /* first */
	unsigned n_places;  /* of all states but REFUSED */
	unsigned n_held, n_unanswered, n_leaving;
	struct places held;
	TAILQ_HEAD(flows, flow) waiting; /* in the order of their turns */
};

/* A port of an address that has places, or has failed. */
struct door {
	struct entry entry; /* first */
	unsigned n_places;
	unsigned failures;     /* in turn */
	int64_t not_before_ms; /* of the next try */
	struct conn_place
	    *prober;            /* holds a place, to find out whether it answers again; or NULL */
	bool remembered;        /* only for its failures */
	TAILQ_ENTRY(door) link; /* of those */
};

TAILQ_HEAD(doors, door);

enum place_state { HELD, WAITING, REFUSED };

struct conn_place {
	TAILQ_ENTRY(conn_place) link; /* of the list that its state names */
	struct conn_limit *limit;
	struct host *host; /* REFUSED: NULL, as flow and door are */
	struct flow *flow;
	struct door *door;
	struct conn_caller caller;
	enum place_state state;
	bool answered;
	bool leaving;
	int64_t until_ms; /* REFUSED */
};

struct conn_limit {
	pthread_mutex_t lock;
	uint64_t secret;
	uint64_t n_unnamed; /* places of no domain, ever */
	bool closed;
	struct entry *bucket[CONN_LIMIT_BUCKETS]; /* hosts, flows and doors */
	struct doors remembered;                  /* oldest first */
	unsigned n_remembered;
};

void conn_limit_key(const struct sockaddr_storage *a, uint64_t key[KEY_WORDS]);
/* Each counts one place more, and makes what is missing. */
struct host *conn_limit_host(struct conn_limit *l, const uint64_t key[KEY_WORDS]);
/* domain: NULL: a flow of its own. */
struct flow *conn_limit_flow(struct conn_limit *l, const uint64_t key[KEY_WORDS],
    const char *domain);
struct door *conn_limit_door(struct conn_limit *l, const uint64_t key[KEY_WORDS]);
/* Each has one place less, and goes with its last. */
void conn_limit_let_go(struct conn_limit *l, struct host *h, struct flow *f, struct door *d);
void conn_limit_forget_door(struct conn_limit *l, struct door *d);

#endif
