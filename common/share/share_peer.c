/* share_peer — two rows as one; see share_peer.h. */
#include "common/share/share_peer.h"

#include <assert.h>

#include "common/share/share_key.h"

static enum share_kind
by_address(enum share_kind k)
{
	assert(k == SHARE_sessions || k == SHARE_gathered || k == SHARE_questions ||
	    k == SHARE_unknown);
	if (k == SHARE_unknown)
		return SHARE_unknown_address;
	if (k == SHARE_sessions)
		return SHARE_sessions_address;
	return k == SHARE_gathered ? SHARE_gathered_address : SHARE_questions_address;
}

bool
share_peer_hold(struct share *s, struct share_peer_hold *h, enum share_kind k, struct span domain,
    const struct sockaddr *peer, int64_t n, int64_t now_ms, struct err *e)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	if (!share_hold(s, &h->domain, k, share_key_domain(domain), n, now_ms, e))
		return false;
	if (peer == NULL ||
	    share_hold(s, &h->address, by_address(k), share_key_address(peer, text), n, now_ms, e))
		return true;
	share_release(s, &h->domain, n, now_ms);
	return false;
}

bool
share_peer_force(struct share *s, struct share_peer_hold *h, enum share_kind k, struct span domain,
    const struct sockaddr *peer, int64_t n, int64_t now_ms)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	if (!share_force(s, &h->domain, k, share_key_domain(domain), n, now_ms))
		return false;
	if (peer == NULL ||
	    share_force(s, &h->address, by_address(k), share_key_address(peer, text), n, now_ms))
		return true;
	share_release(s, &h->domain, n, now_ms);
	return false;
}

void
share_peer_release(struct share *s, struct share_peer_hold *h, int64_t n, int64_t now_ms)
{
	share_release(s, &h->domain, n, now_ms);
	share_release(s, &h->address, n, now_ms);
}

bool
share_peer_take(struct share *s, enum share_kind k, struct span domain, const struct sockaddr *peer,
    int64_t n, int64_t now_ms, struct err *e)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	if (!share_take(s, k, share_key_domain(domain), n, now_ms, e))
		return false;
	if (share_take(s, by_address(k), share_key_address(peer, text), n, now_ms, e))
		return true;
	share_give(s, k, share_key_domain(domain), n, now_ms);
	return false;
}

bool
share_peer_has(struct share *s, enum share_kind k, struct span domain, const struct sockaddr *peer,
    int64_t n, int64_t now_ms, struct err *e)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	return share_has(s, k, share_key_domain(domain), n, now_ms, e) &&
	    share_has(s, by_address(k), share_key_address(peer, text), n, now_ms, e);
}

void
share_peer_give(struct share *s, enum share_kind k, struct span domain, const struct sockaddr *peer,
    int64_t n, int64_t now_ms)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	assert(k == SHARE_unknown);
	share_earn(s, k, SHARE_unknown_earned, share_key_domain(domain), n, now_ms);
	share_earn(s, by_address(k), SHARE_unknown_earned_address, share_key_address(peer, text), n,
	    now_ms);
}
