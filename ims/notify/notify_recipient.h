/* notify_recipient — which mailbox an entry's address names, and whether its sender may learn that.
 *
 * Spec:   SPEC.md "notify", Shares.
 * Trust:  a sender can ask for any address.  It gets so many definite answers about unknown recipients, by its
 *         domain and by its address (SHARE_unknown).  Beyond that an unknown recipient and one who never
 *         had mail of this domain get the same word after the same work: the same calls of the share and
 *         of the store.
 */
#ifndef IMS_NOTIFY_NOTIFY_RECIPIENT_H
#define IMS_NOTIFY_NOTIFY_RECIPIENT_H

#include <sys/socket.h>

#include "common/auth/accounts.h"
#include "ims/store/store.h"

struct share;

struct notify_asker {
	struct share *share;
	struct ims_store *store;
	struct accounts *accounts;
	const char *domain;          /* certified */
	const struct sockaddr *peer; /* the address that it asks from */
	struct loop *loop;
	int64_t now_ms; /* monotonic */
};

/* ACCEPTED: `user` names the mailbox.  REFUSED: *e is no_such_user; internal, which is
 * temporary, while the accounts file is missing.  ASKED: `done` comes on the loop, never inside
 * the call; e NULL: accepted; else recipient_share.  `user` is set in each case.  Before it says no_such_user,
 * it looks whether the accounts have changed; *set is the newest reading then. */
enum notify_recipient {
	NOTIFY_RECIPIENT_ACCEPTED,
	NOTIFY_RECIPIENT_REFUSED,
	NOTIFY_RECIPIENT_ASKED
};
enum notify_recipient notify_recipient_judge(const struct notify_asker *a,
    struct accounts_set **set, struct span address, char user[IMS_STORE_USER_BYTES],
    ims_store_done *done, void *arg, struct err *e);
/* n new notices were accepted from it: each earns a part of an answer about an unknown recipient. */
void notify_recipient_accepted(const struct notify_asker *a, int64_t n);

#endif
