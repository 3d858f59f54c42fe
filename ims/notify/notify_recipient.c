/* notify_recipient — the accounts, then the sender's share of answers; see notify_recipient.h. */
#include "ims/notify/notify_recipient.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/share/share_peer.h"

/* A recipient beyond the share: does the account exist, and had it mail of this domain? */
struct asked {
	bool exists;
	ims_store_done *done;
	void *arg;
};

static void
answered(void *arg, bool known)
{
	struct asked *q = arg;
	struct err e;

	err_word(&e, REFUSAL_recipient_share);
	q->done(q->arg, q->exists && known ? NULL : &e);
	free(q);
}

static void
ask(const struct notify_asker *a, const char *user, bool exists, ims_store_done *done, void *arg)
{
	struct asked *q = memory_new(sizeof *q);

	*q = (struct asked) { exists, done, arg };
	ims_store_knows(a->store, user, span_str(a->domain), a->loop, answered, q);
}

enum notify_recipient
notify_recipient_judge(const struct notify_asker *a, struct accounts_set **set, struct span address,
    char user[IMS_STORE_USER_BYTES], ims_store_done *done, void *arg, struct err *e)
{
	struct span domain = span_str(a->domain);
	struct err why; /* of the share; ignored for a recipient that had mail of the domain */
	const struct account *found;
	bool exists, may;

	may = share_peer_has(a->share, SHARE_unknown, domain, a->peer, SHARE_UNKNOWN_COST,
	    a->now_ms, &why);
	/* Without a share the answer is temporary, and must take the same work for all. */
	found = may ? accounts_find_fresh(a->accounts, set, address) : accounts_find(*set, address);
	exists = found != NULL || !RULE(no_such_user);
	if (!exists && accounts_are_missing(*set)) {
		err_set(e, REFUSAL_internal, "our accounts cannot be read now");
		return NOTIFY_RECIPIENT_REFUSED;
	}
	if (found == NULL || !span_copy(span_str(found->owner), user, IMS_STORE_USER_BYTES))
		span_copy(address, user, IMS_STORE_USER_BYTES);
	if (may && !exists)
		may = share_peer_take(a->share, SHARE_unknown, domain, a->peer, SHARE_UNKNOWN_COST,
		    a->now_ms, &why);
	if (!may && RULE(recipient_share)) {
		ask(a, user, exists, done, arg);
		return NOTIFY_RECIPIENT_ASKED;
	}
	if (exists)
		return NOTIFY_RECIPIENT_ACCEPTED;
	err_word(e, REFUSAL_no_such_user);
	return NOTIFY_RECIPIENT_REFUSED;
}

void
notify_recipient_accepted(const struct notify_asker *a, int64_t n)
{
	if (n > 0)
		share_peer_give(a->share, SHARE_unknown, span_str(a->domain), a->peer, n,
		    a->now_ms);
}
