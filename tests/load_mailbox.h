/* load_mailbox — a user's session at a mailbox, for load_list and load_read: connecting, signing in, its end.
 *
 * Each of them has a struct load_mailbox first in its own, which is the role of its mailbox_client_ops; those have
 * load_mailbox_step, load_mailbox_signed_in and load_mailbox_lost.
 */
#ifndef TESTS_LOAD_MAILBOX_H
#define TESTS_LOAD_MAILBOX_H

#include "proto/mailbox_client.h"
#include "tests/load.h"

struct load_mailbox;

struct load_mailbox_kind {
	const struct mailbox_client_ops *ops;
	void (*ready)(struct load_mailbox *m); /* signed in */
	/* Its conn is NULL already.  why: NULL: the connection ended in order. */
	void (*gone)(struct load_mailbox *m, const struct err *why);
};

struct load_mailbox {
	struct mailbox_client client; /* while `up` */
	struct load *load;
	const struct load_mailbox_kind *kind;
	struct conn *conn; /* NULL: it has ended */
	const char *user, *password;
	struct auth_client *auth;
	struct auth_cache cache;
	bool up;
};

/* m: its load, kind, user and password are set. */
void load_mailbox_begin(struct load_mailbox *m);
void load_mailbox_leave(struct load_mailbox *m);

enum outcome load_mailbox_step(void *role, struct span message, bool last, struct buf *out,
    struct err *e);
void load_mailbox_signed_in(void *role, const struct err *e);
void load_mailbox_lost(void *role, const struct err *e);

#endif
