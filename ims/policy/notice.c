/* notice — what a user's notice becomes; see notice.h. */
#include "ims/policy/notice.h"

enum ims_notice_is
ims_notice_becomes(enum ims_notice_is is, enum ims_notice_event event, bool *less)
{
	*less = is == IMS_NOTICE_OPEN && event != IMS_NOTICE_IS_MARKED;
	switch (event) {
	case IMS_NOTICE_IS_MARKED:
		return is;
	case IMS_NOTICE_IS_DECLINED:
		return is == IMS_NOTICE_GONE ? is : IMS_NOTICE_DECLINED;
	case IMS_NOTICE_IS_DROPPED:
		break;
	}
	return IMS_NOTICE_GONE;
}

enum mailbox_state
ims_notice_shows(bool declined, enum mailbox_state letter)
{
	return declined ? MAILBOX_DECLINED : letter;
}

unsigned
ims_notice_flags(unsigned flags, unsigned set, unsigned cleared)
{
	return (flags | set) & ~cleared;
}

enum ims_answered
ims_notice_answered(enum ims_notice_is is, bool has_letter, enum mailbox_state letter)
{
	if (has_letter && letter == MAILBOX_HERE)
		return IMS_ANSWERED_DONE;
	return is == IMS_NOTICE_DECLINED ? IMS_ANSWERED_DECLINE : IMS_ANSWERED_NOTHING;
}

bool
ims_notice_is_purged(bool has_letter, enum mailbox_state letter, bool opened)
{
	return opened || !has_letter || letter != MAILBOX_HERE;
}
