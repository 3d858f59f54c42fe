/* ack — which acknowledgement the sender's OMS must get from one of our domains; see ack.h. */
#include "ims/policy/ack.h"

enum ims_ack_due
ims_wants_more(struct ims_wants *w, enum mailbox_state letter)
{
	w->wants++;
	return letter == MAILBOX_HERE ? IMS_ACK_DONE : IMS_ACK_VOID;
}

enum ims_ack_due
ims_wants_again(const struct ims_wants *w, enum mailbox_state letter, enum ims_answered answered)
{
	if (letter == MAILBOX_HERE || (w->wants == 0 && answered == IMS_ANSWERED_DONE))
		return IMS_ACK_DONE;
	if (w->wants == 0 && (w->declined || answered == IMS_ANSWERED_DECLINE))
		return IMS_ACK_DECLINE_IF_NONE;
	return IMS_ACK_SAME;
}

enum ims_ack_due
ims_wants_less(struct ims_wants *w, enum mailbox_state letter, bool declined)
{
	w->wants -= w->wants > 0;
	w->declined = w->declined || declined;
	return w->wants == 0 && w->declined && letter != MAILBOX_HERE ? IMS_ACK_DECLINE
								      : IMS_ACK_SAME;
}
