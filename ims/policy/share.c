/* share — what one sender's domain may take; see share.h. */
#include "ims/policy/share.h"

static uint64_t
sum(uint64_t before, int64_t change)
{
	if (change >= 0)
		return before + (uint64_t)change;
	return before < (uint64_t)-change ? 0 : before - (uint64_t)-change;
}

void
ims_share_add(struct ims_share *s, int64_t octets, int64_t notices)
{
	s->octets = sum(s->octets, octets);
	s->notices = sum(s->notices, notices);
}

uint64_t
ims_share_bound(uint64_t limit, uint64_t size, bool scarce)
{
	uint64_t little = size / IMS_SHARE_LITTLE;

	return scarce && little < limit ? little : limit;
}

enum ims_fit
ims_share_fit(uint64_t octets, uint64_t limit, uint64_t size)
{
	if (octets > ims_share_bound(limit, size, false))
		return IMS_FITS_NOT;
	return octets > ims_share_bound(limit, size, true) ? IMS_FITS_UNLESS_SCARCE : IMS_FITS;
}

bool
ims_mailbox_has_room(uint64_t notices, struct err *e)
{
	if (RULE(mailbox_full) && notices >= IMS_MAILBOX_NOTICES)
		return err_word(e, REFUSAL_mailbox_full);
	return true;
}

bool
ims_mailbox_has_share(const struct ims_share *have, uint64_t octets, uint64_t limit, struct err *e)
{
	if (RULE(sender_mailbox_share) &&
	    (have->notices >= IMS_MAILBOX_SENDER || (limit != 0 && have->octets + octets > limit)))
		return err_word(e, REFUSAL_sender_mailbox_share);
	return true;
}

enum ims_seen_room
ims_seen_room(uint64_t here, uint64_t all, uint64_t most)
{
	if (all >= most)
		return IMS_SEEN_ROOM_ANY;
	return here >= IMS_MAILBOX_SENDER ? IMS_SEEN_ROOM_MAILBOX : IMS_SEEN_ROOM_THERE;
}
