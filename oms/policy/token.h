/* token — how long a client's token means the same letter.
 *
 * Pure policy, as oms/policy/delivery.h.  A client that got no answer submits again with the same token, and
 * gets the id of the letter that is kept.
 *
 *	event                            the token
 *	a letter is kept with it         means that letter until SUBMIT_TOKEN_S after its Date
 *	a letter comes with it, before   the letter is known; nothing is kept
 *	a letter comes with it, later    means the new letter
 *	its letter is forgotten          goes, if it still means that letter
 *
 * Units: _s is wall time.
 */
#ifndef OMS_POLICY_TOKEN_H
#define OMS_POLICY_TOKEN_H

#include "common/base/err.h"
#include "common/base/ulid.h"

struct oms_token {
	struct ulid id; /* of its letter */
	int64_t until_s;
};

struct oms_token oms_token_of(const struct ulid *id, int64_t date_s);
bool oms_token_counts(const struct oms_token *t, int64_t now_s);
bool oms_token_goes_with(const struct oms_token *t, const struct ulid *letter);

#endif
