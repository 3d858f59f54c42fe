/* share_peer — what a peer holds or spends, accounted by its certified domain and by its address together.
 *
 * A certificate may name many domains, so by domain alone one peer has as many shares as it likes.
 */
#ifndef COMMON_SHARE_SHARE_PEER_H
#define COMMON_SHARE_SHARE_PEER_H

#include <sys/socket.h>

#include "common/share/share.h"

/* Zeroed: nothing.  All calls of one hold name the same peer. */
struct share_peer_hold {
	struct share_hold domain, address; /* domain.n is what is held */
};

/* Kinds: SHARE_sessions, SHARE_gathered, SHARE_questions.  peer NULL: accounted by domain alone.
 * False: the word of one of the two, and *h is as before. */
bool share_peer_hold(struct share *s, struct share_peer_hold *h, enum share_kind k,
    struct span domain, const struct sockaddr *peer, int64_t n, int64_t now_ms, struct err *e);
/* The same past any bound; only the lack of a row refuses. */
bool share_peer_force(struct share *s, struct share_peer_hold *h, enum share_kind k,
    struct span domain, const struct sockaddr *peer, int64_t n, int64_t now_ms);
void share_peer_release(struct share *s, struct share_peer_hold *h, int64_t n, int64_t now_ms);

/* Buckets: SHARE_unknown.  Takes from both, or from none and says whose word it is.  _has takes nothing; its
 * refusal counts like that of a taker.  _give puts into both, in an hour at most SHARE_UNKNOWN_EARNED answers. */
bool share_peer_take(struct share *s, enum share_kind k, struct span domain,
    const struct sockaddr *peer, int64_t n, int64_t now_ms, struct err *e);
bool share_peer_has(struct share *s, enum share_kind k, struct span domain,
    const struct sockaddr *peer, int64_t n, int64_t now_ms, struct err *e);
void share_peer_give(struct share *s, enum share_kind k, struct span domain,
    const struct sockaddr *peer, int64_t n, int64_t now_ms);

#endif
