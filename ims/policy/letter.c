/* letter — what a letter that was announced to us may become; see letter.h. */
#include "ims/policy/letter.h"

#include <string.h>

void
ims_letter_look(struct ims_letter *l, const struct ims_lease *lease, uint64_t run, bool alone,
    int64_t now_s)
{
	if (l->state == MAILBOX_FETCHING &&
	    ((alone && lease->by != run) || lease->since_s + IMS_LEASE_S < now_s ||
		lease->since_s > now_s + IMS_LEASE_S))
		l->state = MAILBOX_HELD;
}

void
ims_letter_announced(struct ims_letter *l, int64_t hold_until_s)
{
	if (l->hold_until_s < hold_until_s)
		l->hold_until_s = hold_until_s;
	if (l->state == MAILBOX_GONE) {
		l->state = MAILBOX_HELD;
		l->why = REFUSAL_NONE;
	}
}

bool
ims_letter_lease(struct ims_letter *l, struct ims_lease *lease, uint64_t run, uint64_t fence,
    int64_t now_s, bool *changed, struct err *e)
{
	*changed = false;
	if (RULE(fetch_running) && l->state == MAILBOX_FETCHING)
		return err_word(e, REFUSAL_fetch_running);
	if (l->state != MAILBOX_HELD && l->state != MAILBOX_GONE)
		return true;
	l->state = MAILBOX_FETCHING;
	l->why = REFUSAL_NONE;
	l->fence = fence;
	*lease = (struct ims_lease) { .since_s = now_s, .by = run };
	*changed = true;
	return true;
}

bool
ims_letter_leased(struct ims_letter *l, uint64_t fence)
{
	if (l->state != MAILBOX_HELD && l->state != MAILBOX_GONE)
		return false;
	l->state = MAILBOX_FETCHING;
	l->why = REFUSAL_NONE;
	l->fence = fence;
	return true;
}

/* Only the holder of the newest lease may report a result.  It may do so after its lease expired, until
 * somebody else takes one. */
static bool
is_fenced(const struct ims_letter *l, uint64_t fence, struct err *e)
{
	if (RULE(fetch_running) &&
	    (l->fence != fence || l->fence == 0 ||
		(l->state != MAILBOX_FETCHING && l->state != MAILBOX_HELD)))
		return err_set(e, REFUSAL_fetch_running, "the lease has passed on");
	return true;
}

bool
ims_letter_keep(struct ims_letter *l, uint64_t fence, struct err *e)
{
	if (!is_fenced(l, fence, e))
		return false;
	l->state = MAILBOX_HERE;
	l->why = REFUSAL_NONE;
	return true;
}

bool
ims_letter_release(struct ims_letter *l, uint64_t fence, enum mailbox_state state, enum refusal why,
    struct err *e)
{
	if (!is_fenced(l, fence, e))
		return false;
	l->state = state;
	l->why = why;
	return true;
}

bool
ims_letter_given(struct ims_letter *l, bool is_new, struct err *e)
{
	if (RULE(id_conflict) && !is_new)
		return err_word(e, REFUSAL_id_conflict);
	l->state = MAILBOX_HERE;
	l->road = MAILBOX_SMTP;
	l->why = REFUSAL_NONE;
	return true;
}

bool
ims_letter_is_same(const struct ims_letter *l, const struct ims_letter *other)
{
	return l->road == other->road && l->size == other->size &&
	    l->summary_size == other->summary_size &&
	    memcmp(l->digest, other->digest, MAILBOX_DIGEST_BYTES) == 0 &&
	    memcmp(l->summary_digest, other->summary_digest, MAILBOX_DIGEST_BYTES) == 0;
}

enum ims_notice_end
ims_notice_end(const struct ims_letter *l, int64_t now_s, int64_t keep_s, int64_t *due_s)
{
	if (l == NULL)
		return IMS_NOTICE_GOES;
	if (l->state == MAILBOX_HERE)
		return IMS_NOTICE_STAYS;
	if (l->hold_until_s >= now_s - keep_s)
		*due_s = l->hold_until_s;
	else if (l->state == MAILBOX_FETCHING)
		*due_s = now_s - keep_s + IMS_LEASE_S;
	else
		return IMS_NOTICE_GOES;
	return IMS_NOTICE_LATER;
}
