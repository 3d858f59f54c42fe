/* mailbox_server — the IMS's side of mailbox: lists notices, has letters fetched, hands them out.
 *
 * Flow:   5 and 6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "mailbox".
 * State:  NEW --AUTH--> READY.
 * Async:  one request at a time.  PENDING is completed by one answer function with the request
 *         number in the server's `request` when the op was called, never from inside
 *         the op.  An answer to a request that has ended is dropped (false).
 * Disk:   250 to MARK, DROP and DECLINE is sent once the change is durable.
 * Owner:  the engine takes each source that it is given, even when it drops the answer.
 * Trust:  the user's program controls every octet.  The role gives out a letter only once its size and
 *         digest have been verified.
 */
#ifndef PROTO_MAILBOX_SERVER_H
#define PROTO_MAILBOX_SERVER_H

#include "proto/mailbox.h"
#include "proto/sasl_server.h"

struct mailbox_found {
	struct source *source; /* of the whole summary or letter; not NULL */
	uint64_t size;         /* octets of it */
};

struct mailbox_server_ops {
	struct sasl_server_ops sasl; /* first */
	/* Append rows of notices with numbers > after, ascending, at most ROW_PAGE_ROWS and until
	 * ROW_PAGE_BYTES are there.  DONE: *more says whether there are further ones. */
	enum outcome (
	    *list)(void *role, uint64_t after, struct buf *page, bool *more, struct err *e);
	/* no_such_number, gone, recalled, declined, broken_promise ... */
	enum outcome (
	    *summary)(void *role, uint64_t number, struct mailbox_found *found, struct err *e);
	/* PENDING: it is being fetched (mailbox_server_progress says how far).  The engine refuses
	 * an offset beyond the end. */
	enum outcome (
	    *read)(void *role, uint64_t number, struct mailbox_found *found, struct err *e);
	enum outcome (
	    *mark)(void *role, uint64_t number, unsigned set, unsigned cleared, struct err *e);
	enum outcome (*drop)(void *role, uint64_t number, struct err *e);
	enum outcome (*decline)(void *role, uint64_t number, struct err *e);
};

struct mailbox_server {
	struct sasl_server sasl; /* first; sasl.server.engine: what conn moves */
	const struct mailbox_server_ops *ops;
	enum mailbox_ask {
		MAILBOX_ASK_NONE,
		MAILBOX_ASK_LIST,
		MAILBOX_ASK_FOUND,
		MAILBOX_ASK_CHANGE
	} asked;         /* what the request under way is */
	uint64_t offset; /* of the READ under way */
};

void mailbox_server_init(struct mailbox_server *s, const struct mailbox_server_ops *ops,
    void *role);
void mailbox_server_clear(struct mailbox_server *s);

/* Call conn_kick after each.  To auth: sasl_server_answer(&s->sasl, ...). */
bool mailbox_server_page(struct mailbox_server *s, uint64_t request, /* list */
    struct span page, bool more, const struct err *e);
bool mailbox_server_found_take(struct mailbox_server *s, uint64_t request, /* summary, read */
    const struct mailbox_found *found, const struct err *e);
bool mailbox_server_answer(struct mailbox_server *s, uint64_t request, /* the others */
    const struct err *e);
/* While read is PENDING: a line of progress.  Once a second is often enough.  It is left out
 * if the client reads too slowly. */
bool mailbox_server_progress(struct mailbox_server *s, uint64_t request, uint64_t got,
    uint64_t size);

#endif
