/* guess — how many wrong passwords an account and an address may try.
 *
 * A password that is about to be checked costs a token of the address (SHARE_guess_address) and one of the
 * account (SHARE_guess_account).  Where the account has none left, an address that has not tried much
 * at this account still has a few of its own (SHARE_guess_pair): so the owner signs in from elsewhere
 * while somebody guesses.  A right password gives its tokens back, thus only wrong ones count; the
 * check is refused before the password is looked at, so a refusal tells nothing about it.
 *
 * Trust:   account and address are whatever the peer brings.  An account that does not exist is
 *          accounted as one that does.
 * Threads: any.
 */
#ifndef COMMON_AUTH_GUESS_H
#define COMMON_AUTH_GUESS_H

#include <sys/socket.h>

#include "common/base/address.h"
#include "common/share/share_key.h"

struct share;

struct guess {
	char address[SHARE_KEY_ADDRESS_BYTES];
	char account[ADDRESS_STR_BYTES];
	bool of_account, of_pair; /* what guess_take took, besides the address's */
};

/* `account`: as it was typed, or its user's owner (accounts.h).  False: password_share; nothing is taken. */
bool guess_take(struct guess *g, struct share *s, struct span account, const struct sockaddr *peer,
    int64_t now_ms, struct err *e);
/* The password was right. */
void guess_give(const struct guess *g, struct share *s, int64_t now_ms);

#endif
