/* ack — which acknowledgement the sender's OMS must get from one of our domains.
 *
 * Pure policy, as ims/policy/letter.h.  For each of our domains that was notified of a letter somebody counts
 * the notices that still want it.  From the moment the letter is here, the domain has a DONE to send; once
 * somebody declined and nobody there wants the letter any more, a DECLINE.
 *
 *	event                         the letter is here    it is not
 *	a notice more                 DONE                  what was pending is void
 *	notified again of the same    DONE                  DONE or DECLINE as answered before, if nobody wants it
 *	a notice less                 nothing               DECLINE, if nobody wants it and somebody declined
 *	the letter comes here         DONE
 */
#ifndef IMS_POLICY_ACK_H
#define IMS_POLICY_ACK_H

#include "proto/mailbox.h"

/* What an entry of the seen set remembers of the last acknowledgement. */
enum ims_answered { IMS_ANSWERED_NOTHING, IMS_ANSWERED_DONE, IMS_ANSWERED_DECLINE };

struct ims_wants {
	uint32_t wants; /* notices that were neither declined nor dropped */
	bool declined;  /* somebody declined */
};

enum ims_ack_due {
	IMS_ACK_SAME,           /* what is pending stays */
	IMS_ACK_VOID,           /* nothing is pending any more */
	IMS_ACK_DONE,           /* DONE is pending anew */
	IMS_ACK_DECLINE,        /* DECLINE is pending anew */
	IMS_ACK_DECLINE_IF_NONE /* DECLINE is pending, unless something is */
};

enum ims_ack_due ims_wants_more(struct ims_wants *w, enum mailbox_state letter);
enum ims_ack_due ims_wants_again(const struct ims_wants *w, enum mailbox_state letter,
    enum ims_answered answered);
enum ims_ack_due ims_wants_less(struct ims_wants *w, enum mailbox_state letter, bool declined);

#endif
