/* guess — limits the wrong passwords that an account and an address may try.
 *
 * Each check of a password takes one token of the address (SHARE_guess_address), of its /48 where it is
 * an IPv6 address (SHARE_guess_network), and of the account (SHARE_guess_account).  When the account has none
 * left, an address has a few more tokens of its own for this account (SHARE_guess_pair), so the user can
 * sign in from elsewhere while somebody guesses; a bound for all addresses together applies, too
 * (SHARE_guess_pairs).  When any of these is used up, an address from which this account signed in
 * lately takes a token from a reserve for such addresses (SHARE_guess_known), so even guesses from very
 * many addresses do not lock the user out.
 *
 * A right password returns its tokens; only wrong ones count.  Without tokens the check is refused before
 * the password is examined, so the refusal reveals nothing about it.
 *
 * Trust:   the peer chooses account and address.  An account that does not exist is treated like one
 *          that does.
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
	char network[SHARE_KEY_ADDRESS_BYTES]; /* "": of an IPv4 address */
	char account[ADDRESS_STR_BYTES];
	unsigned taken; /* bits: the tokens that guess_take took; see guess.c */
};

/* `account`: the name that the client gave, or its user's owner (accounts.h).  False: password_share; nothing is taken. */
bool guess_take(struct guess *g, struct share *s, struct span account, const struct sockaddr *peer,
    int64_t now_ms, struct err *e);
/* The password was right: the address is known from now on. */
void guess_give(struct guess *g, struct share *s, int64_t now_ms);

#endif
