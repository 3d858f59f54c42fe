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

static struct span
pair(const struct guess *g, char out[SHARE_KEY_BYTES])
{
	return share_key_pair(span_str(g->account), span_str(g->address), out);
}

bool
guess_take(struct guess *g, struct share *s, struct span account, const struct sockaddr *peer,
    int64_t now_ms, struct err *e)
{
	char both[SHARE_KEY_BYTES];

	*g = (struct guess) { .of_account = false };
	set_account(g, account);
	(void)share_key_address(peer, g->address);
	if (!RULE(password_share))
		return true;
	if (!share_take(s, SHARE_guess_address, span_str(g->address), 1, now_ms, e))
		return false;
	g->of_account = share_take(s, SHARE_guess_account, span_str(g->account), 1, now_ms, e);
	if (!g->of_account)
		g->of_pair = share_take(s, SHARE_guess_pair, pair(g, both), 1, now_ms, e);
	if (!g->of_account && !g->of_pair)
		share_give(s, SHARE_guess_address, span_str(g->address), 1, now_ms);
	return g->of_account || g->of_pair;
}

void
guess_give(const struct guess *g, struct share *s, int64_t now_ms)
{
	char both[SHARE_KEY_BYTES];

	share_give(s, SHARE_guess_address, span_str(g->address), 1, now_ms);
	if (g->of_account)
		share_give(s, SHARE_guess_account, span_str(g->account), 1, now_ms);
	if (g->of_pair)
		share_give(s, SHARE_guess_pair, pair(g, both), 1, now_ms);
}
