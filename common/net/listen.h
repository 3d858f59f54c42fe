/* listen — bound sockets, one thread that accepts, and limits on the connections of an address.
 *
 * listen_open binds the sockets, while the process may still have privileges; they listen from
 * listen_start on.  One acceptor hands connections to the workers in turn, with TCP_NODELAY
 * set.  It stops accepting once the numbers of descriptors reach 90 % of RLIMIT_NOFILE, at the total
 * limit, and when the system is out of descriptors or memory, and tries again half a second
 * later; meanwhile connections wait in the kernel's queue.  A connection beyond its address's limits is
 * closed at once.  An IPv6 socket takes IPv6 only.
 *
 * Trap:    libevent goes on calling accept on EMFILE.
 * Trust:   whoever can reach the port; a limit per address counts an IPv6 /64 as one.
 * Threads: a listen_incoming belongs to the thread of the worker that gets it; its counting is
 *          locked.
 */
#ifndef COMMON_NET_LISTEN_H
#define COMMON_NET_LISTEN_H

#include <sys/socket.h>

#include "common/base/err.h"

#define LISTEN_SOCKETS_MAX      64
#define LISTEN_BACKLOG          1024
#define LISTEN_REARM_MS         500
#define LISTEN_CONNECTION_BYTES 32768 /* of one that idles; see conn.h */

struct listen_limits {        /* 0: the default */
	unsigned total;       /* listen_total */
	unsigned per_address; /* 1,000 */
	unsigned half_open;   /* per address, handshake not over: 100 */
};

struct loop;
struct workers;
struct listen;

/* An accepted socket on its way to its connection, and its place in the counts. */
struct listen_incoming {
	int fd;
	struct sockaddr_storage address; /* the peer's; v4-mapped as IPv4 */
	struct listen_guard *guard;      /* NULL: not counted */
	bool half_open;
};

typedef void listen_accepted(void *arg, unsigned worker, struct listen_incoming *in);

/* How many connections there may be: 90 % of `files`, and with LISTEN_CONNECTION_BYTES each they take at
 * most a quarter of `memory_bytes`. */
unsigned listen_total(uint64_t files, uint64_t memory_bytes);

bool listen_new(struct listen **l, const struct listen_limits *limits, struct err *e);
/* at: ADDRESS, ADDRESS:PORT or [V6]:PORT.  `accepted` is called on the worker's thread and owns
 * `in` from then on (conn_accept takes it).  False: config (form, or another of these sockets
 * has the address) or os_error (bind), and errno is EADDRINUSE where another program has it. */
bool listen_open(struct listen *l, const char *at, uint16_t port, listen_accepted *accepted,
    void *arg, struct err *e);
bool listen_start(struct listen *l, struct workers *w, struct err *e);
void listen_stop(struct listen *l); /* closes the sockets, joins the thread */
/* Call it after the last listen_incoming is freed. */
void listen_free(struct listen **l);

unsigned listen_limit(const struct listen *l);            /* the largest number of connections */
unsigned listen_open_count(const struct listen *l);       /* the number of connections now */
uint16_t listen_port(const struct listen *l, unsigned i); /* of the i-th socket, for tests */

/* For tests and tools: a socket outside the counts; the kernel gives its address. */
struct listen_incoming *listen_uncounted(int fd);
void listen_shook(struct listen_incoming *in); /* no longer half open */
void listen_done(struct listen_incoming **in); /* closes the socket, uncounts, frees */

#endif
