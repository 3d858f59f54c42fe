/* token — how long a client's token means the same letter; see token.h. */
#include "oms/policy/token.h"

#include <string.h>

#include "proto/submit.h"

struct oms_token
oms_token_of(const struct ulid *id, int64_t date_s)
{
	return (struct oms_token) { *id, date_s + SUBMIT_TOKEN_S };
}

bool
oms_token_counts(const struct oms_token *t, int64_t now_s)
{
	return t->until_s > now_s;
}

bool
oms_token_goes_with(const struct oms_token *t, const struct ulid *letter)
{
	return memcmp(t->id.b, letter->b, ULID_BYTES) == 0;
}
