/* guess — tokens for checks of passwords; see guess.h. */
#include "common/auth/guess.h"

#include <string.h>

#include "common/auth/accounts_private.h"
#include "common/share/share.h"

/* All names that are no addresses share one account. */
static void
set_account(struct guess *g, struct span account)
{
	const char *blank = account.n == 0 ? NULL : memchr(account.p, ' ', account.n);
	struct err e;

	if (blank != NULL) /* of an owner */
		account.n = (size_t)(blank - account.p);
	if (!accounts_file_address(account, g->account, &e))
		memcpy(g->account, "-", 2);
}

enum part { ADDRESS, NETWORK, ACCOUNT, PAIR, PAIRS, KNOWN, PARTS };

static const enum share_kind kinds[PARTS] = {
	[ADDRESS] = SHARE_guess_address,
	[NETWORK] = SHARE_guess_network,
	[ACCOUNT] = SHARE_guess_account,
	[PAIR] = SHARE_guess_pair,
	[PAIRS] = SHARE_guess_pairs,
	[KNOWN] = SHARE_guess_known,
};

static struct span
key_of(const struct guess *g, enum part p, char both[SHARE_KEY_BYTES])
{
	if (p == ADDRESS)
		return span_str(g->address);
	if (p == NETWORK)
		return span_str(g->network);
	if (p == PAIR)
		return share_key_pair(span_str(g->account), span_str(g->address), both);
	return span_str(g->account);
}

static bool
take(struct guess *g, struct share *s, enum part p, int64_t now_ms, struct err *e)
{
	char both[SHARE_KEY_BYTES];

	if (!share_take(s, kinds[p], key_of(g, p, both), 1, now_ms, e))
		return false;
	g->taken |= 1U << p;
	return true;
}

static void
give_all(struct guess *g, struct share *s, int64_t now_ms)
{
	char both[SHARE_KEY_BYTES];

	for (unsigned p = 0; p < PARTS; p++)
		if (g->taken >> p & 1)
			share_give(s, kinds[p], key_of(g, p, both), 1, now_ms);
	g->taken = 0;
}

/* What any address may take. */
static bool
take_common(struct guess *g, struct share *s, int64_t now_ms, struct err *e)
{
	if (take(g, s, ADDRESS, now_ms, e) &&
	    (g->network[0] == '\0' || take(g, s, NETWORK, now_ms, e)) &&
	    (take(g, s, ACCOUNT, now_ms, e) ||
		(take(g, s, PAIR, now_ms, e) && take(g, s, PAIRS, now_ms, e))))
		return true;
	give_all(g, s, now_ms);
	return false;
}

bool
guess_take(struct guess *g, struct share *s, struct span account, const struct sockaddr *peer,
    int64_t now_ms, struct err *e)
{
	*g = (struct guess) { .taken = 0 };
	set_account(g, account);
	(void)share_key_address(peer, g->address);
	(void)share_key_network(peer, g->network);
	return !RULE(password_share) || take_common(g, s, now_ms, e) ||
	    (share_knows(s, span_str(g->account), span_str(g->address)) &&
		take(g, s, KNOWN, now_ms, e));
}

void
guess_give(struct guess *g, struct share *s, int64_t now_ms)
{
	give_all(g, s, now_ms);
	share_remember(s, span_str(g->account), span_str(g->address));
}
