/* share_known — the addresses from which each account signed in lately.
 *
 * While somebody guesses, these keep a share of their own (SHARE_guess_known).  Only a right password adds
 * one, so a stranger can neither add nor displace an address of another's account.
 *
 * Bounds:  the last SHARE_KNOWN_ADDRESSES of each account, and of accounts those that signed in last.
 * State:   volatile.  Of an address only a keyed hash is kept.
 * Threads: one at a time; share.h has the lock.
 */
#ifndef COMMON_SHARE_SHARE_KNOWN_H
#define COMMON_SHARE_SHARE_KNOWN_H

#include <stdint.h>

#include "common/base/span.h"

#define SHARE_KNOWN_ADDRESSES 8
#define SHARE_KNOWN_ACCOUNTS  16384

struct share_known;

struct share_known *share_known_new(unsigned accounts_max, uint64_t secret);
void share_known_free(struct share_known **k);

void share_known_add(struct share_known *k, struct span account, struct span address);
bool share_known_has(const struct share_known *k, struct span account, struct span address);

#endif
