/* notify_recipient — the accounts, then the sender's share of answers; see notify_recipient.h. */
#include "ims/notify/notify_recipient.h"

#include "common/share/share_peer.h"

bool
notify_recipient_judge(const struct notify_asker *a, struct accounts_set **set, struct span address,
    char user[IMS_STORE_USER_BYTES], struct err *e)
{
	struct span domain = span_str(a->domain);
	struct err why; /* of the share; ignored for a recipient that had mail of the domain */
	const struct account *found;
	bool exists, may, known;

	may = share_peer_has(a->share, SHARE_unknown, domain, a->peer, SHARE_UNKNOWN_COST,
	    a->now_ms, &why);
	/* Without a share the answer is temporary, and must take the same work for all. */
	found = may ? accounts_find_fresh(a->accounts, set, address) : accounts_find(*set, address);
	exists = found != NULL || !RULE(no_such_user);
	if (found == NULL || !span_copy(span_str(found->owner), user, IMS_STORE_USER_BYTES))
		span_copy(address, user, IMS_STORE_USER_BYTES);
	if (may && !exists)
		may = share_peer_take(a->share, SHARE_unknown, domain, a->peer, SHARE_UNKNOWN_COST,
		    a->now_ms, &why);
	if (may || !RULE(recipient_share))
		return exists || err_word(e, REFUSAL_no_such_user);
	known = ims_store_knows(a->store, user, domain);
	return (exists && known) || err_word(e, REFUSAL_recipient_share);
}

void
notify_recipient_accepted(const struct notify_asker *a, int64_t n)
{
	if (n > 0)
		share_peer_give(a->share, SHARE_unknown, span_str(a->domain), a->peer, n,
		    a->now_ms);
}
