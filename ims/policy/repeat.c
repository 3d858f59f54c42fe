/* repeat — what a notification makes of a mailbox; see repeat.h. */
#include "ims/policy/repeat.h"

bool
ims_repeat_judge(enum ims_before seen, enum ims_beside letter, bool *known, struct err *e)
{
	*known = seen != IMS_SEEN_NOT;
	if (RULE(id_conflict) &&
	    (seen == IMS_SEEN_OTHER || (seen == IMS_SEEN_NOT && letter == IMS_LETTER_OTHER)))
		return err_word(e, REFUSAL_id_conflict);
	return true;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
ims_hold_until(int64_t statement_s, int64_t received_s, int64_t limit_s)
{
	return earlier(statement_s, received_s + limit_s);
}

int64_t
ims_seen_until(int64_t statement_s, int64_t received_s, int64_t limit_s)
{
	return earlier(statement_s, received_s + limit_s + IMS_SEEN_AFTER_S);
}
