/* fetch_server — the OMS's side of fetch: answers HELLO, hands letters out.
 *
 * Flow:   6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "fetch".
 * State:  NEW --HELLO--> READY.  A refused HELLO ends the session.
 * Disk:   Before the first octet of a letter leaves, the role durably records that it was handed out to the
 *         domain.  So `fetch` returns PENDING, and the answer comes after the fsync.
 * Async:  FETCH_AHEAD requests are taken before the first of them is answered, of which FETCH_LETTERS_AHEAD ask
 *         for octets.  PENDING is completed by one answer function, in any order, with the number that
 *         server.request had when the op was called, and never from inside the op.  Replies leave in the order
 *         of the requests.  An answer to a request that has ended is dropped (false).
 * Memory: octets that were found wait for those before them: FETCH_LETTERS_AHEAD sources.
 * Owner:  The engine takes each source that it is given, even when it drops the answer.
 * Trust:  Every octet comes from the peer.  For a letter of which the domain has no recipient the reply must
 *         be exactly that for an id that does not exist (unknown_id).
 */
#ifndef PROTO_FETCH_SERVER_H
#define PROTO_FETCH_SERVER_H

#include "common/base/address.h"
#include "proto/fetch.h"
#include "proto/id.h"
#include "proto/server.h"

/* The octets that answer SUMMARY or FETCH. */
struct fetch_found {
	struct source *source; /* of the whole letter, or of the whole summary; not NULL */
	uint64_t size;         /* octets of it */
};

struct fetch_server_ops {
	struct server_ops server; /* first */
	/* Does the certificate name the domain (canonical), and is the address designated?  The role keeps the
	 * domain: all further requests are from it. */
	enum outcome (*hello)(void *role, const char *domain, struct err *e);
	/* DONE: *found is set. */
	enum outcome (
	    *summary)(void *role, const struct ulid *id, struct fetch_found *found, struct err *e);
	/* The role refuses offset > size (bad_offset) before it records anything. */
	enum outcome (*fetch)(void *role, const struct ulid *id, uint64_t offset,
	    struct fetch_found *found, struct err *e);
	/* DONE (the outcome) only after it is durable; the peer may repeat both. */
	enum outcome (*done)(void *role, const struct ulid *id, struct err *e);
	enum outcome (*decline)(void *role, const struct ulid *id, struct err *e);
	domain_a_label_fn *a_label; /* NULL: only plain ASCII domains */
};

/* A request whose reply has not left. */
struct fetch_pending {
	uint64_t request; /* its number */
	bool octets;      /* SUMMARY or FETCH */
	bool answered;
	uint64_t offset;
	struct buf reply;
	struct source *source; /* of the octets after the reply; NULL: none, or they leave now */
	uint64_t left;
	struct buf later; /* replies to requests between this one and the next */
};

struct fetch_server {
	struct server server; /* first; server.engine is what conn moves */
	const struct fetch_server_ops *ops;
	struct fetch_pending queue[FETCH_AHEAD];
	size_t head, count, letters;    /* letters: of those, octets are asked for */
	void (*sent)(struct engine *e); /* of every server */
	uint64_t offset;                /* of the request being taken */
	unsigned unknown;               /* requests refused with unknown_id */
	struct domain peer;             /* of HELLO */
};

void fetch_server_init(struct fetch_server *s, const struct fetch_server_ops *ops, void *role);
void fetch_server_clear(struct fetch_server *s);

/* The answer to a PENDING hello, done or decline; e NULL: 250.  Call conn_kick after each answer. */
bool fetch_server_answer(struct fetch_server *s, uint64_t request, const struct err *e);
/* The answer to a PENDING summary or fetch: `found`, whose source it takes, or e. */
bool fetch_server_found_take(struct fetch_server *s, uint64_t request,
    const struct fetch_found *found, const struct err *e);

#endif
