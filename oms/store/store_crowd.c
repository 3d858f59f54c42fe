/* store_crowd — the OMS's spool: how many letters may be in one partition; see store_private.h.
 *
 * A count that each letter changed would be one more page in each commit.  So nobody counts while they are few: of the
 * letters that come, some have the facts counted, chosen by their ids, so that among those between three quarters of the
 * bound and the bound there are about 12.  From three quarters on the count is kept, until half of them are gone.
 */
#include "oms/store/store_private.h"

#define EXAMINED 48 /* of as many letters as the bound */

static bool
is_examined(struct span id, uint64_t most)
{
	struct reader r = reader_of(span_sub(id, ULID_BYTES - 5, ULID_BYTES - 1));

	return read_u32(&r) % (most / EXAMINED + 1) == 0;
}

static bool
count_one(void *arg, struct span name)
{
	uint64_t *left = arg;

	(void)name;
	return --*left > 0;
}

static uint64_t
count(struct kv_txn *t, uint64_t most)
{
	uint64_t left = most;

	kv_each_fact_name(t, OMS_FACT, SPAN_LIT(""), SPAN_LIT(""), count_one, &left);
	return most - left;
}

bool
oms_crowd_more(struct kv_txn *t, uint64_t *letters, struct span id, uint64_t most, bool judged,
    struct err *e)
{
	uint64_t n = *letters;

	if (n == 0 && is_examined(id, most))
		n = count(t, most);
	if (judged && n >= most && RULE(queue_full))
		return err_word(e, REFUSAL_queue_full);
	*letters = n + 1 >= most - most / 4 ? n + 1 : 0;
	return true;
}

void
oms_crowd_less(uint64_t *letters, uint64_t most)
{
	if (*letters > 0 && --*letters < most / 2)
		*letters = 0;
}
