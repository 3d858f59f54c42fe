/* listen — bound sockets, one thread that accepts, and limits on the connections of an address.
 *
 * Sockets are bound by listen_open, while there may still be privileges, and listen from
 * listen_start on.  One acceptor hands connections to the workers in turn, with TCP_NODELAY
 * set.  It stops accepting once the numbers of descriptors reach 90 % of RLIMIT_NOFILE, at the total
 * limit, and when the system is out of descriptors or memory, and tries again half a second
 * later; meanwhile connections wait in the kernel's queue.  A connection beyond its address's limits is
 * closed at once.  An IPv6 socket takes IPv6 only.
 *
 * Trap:    libevent goes on calling accept on EMFILE.
 * Trust:   whoever can reach the port; a limit per address counts an IPv6 /64 as one.
 * Threads: listen_incoming is handed to the worker's loop and is that thread's; its counting is
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
 * `in` from then on (conn_accept takes it over).  False: config (form, or another of these sockets
 * has the address) or os_error (bind), and errno is EADDRINUSE where another program has it. */
bool listen_open(struct listen *l, const char *at, uint16_t port, listen_accepted *accepted,
    void *arg, struct err *e);
bool listen_start(struct listen *l, struct workers *w, struct err *e);
void listen_stop(struct listen *l); /* closes the sockets, joins the thread */
/* After the last listen_incoming is gone. */
void listen_free(struct listen **l);

unsigned listen_limit(const struct listen *l);            /* how many there may be */
unsigned listen_open_count(const struct listen *l);       /* connections that are counted now */
uint16_t listen_port(const struct listen *l, unsigned i); /* of the i-th socket, for tests */

/* For tests and tools: a socket that nobody counts; the address is asked of the kernel. */
struct listen_incoming *listen_uncounted(int fd);
void listen_shook(struct listen_incoming *in); /* no longer half open */
void listen_done(struct listen_incoming **in); /* closes the socket, uncounts, frees */

#endif
