/* notice — what a user's notice becomes, and what its letter must learn of that.
 *
 * Pure policy, as ims/policy/letter.h.  A unit test compares these rows with the code.
 *
 *	notice    marked    declined  dropped
 *	open      open      declined  gone
 *	declined  declined  declined  gone
 *
 * A notice that is open wants its letter.  When it is no longer open, somebody less wants it
 * (ims_wants_less).  With the last notice of a letter the letter goes.
 */
#ifndef IMS_POLICY_NOTICE_H
#define IMS_POLICY_NOTICE_H

#include "ims/policy/ack.h"

enum ims_notice_is { IMS_NOTICE_OPEN, IMS_NOTICE_DECLINED, IMS_NOTICE_GONE };
enum ims_notice_event { IMS_NOTICE_IS_MARKED, IMS_NOTICE_IS_DECLINED, IMS_NOTICE_IS_DROPPED };

/* *less: the letter has one notice less that wants it. */
enum ims_notice_is ims_notice_becomes(enum ims_notice_is is, enum ims_notice_event event,
    bool *less);

/* The state that the user is shown. */
enum mailbox_state ims_notice_shows(bool declined, enum mailbox_state letter);

unsigned ims_notice_flags(unsigned flags, unsigned set, unsigned cleared);

/* What the seen set remembers of a notice that is dropped, so that a repeat is answered as its sender was told:
 * `has_letter` false: the notice has none any more. */
enum ims_answered ims_notice_answered(enum ims_notice_is is, bool has_letter,
    enum mailbox_state letter);

/* Does dropping a sender's notices drop this one?  opened: also letters that are here. */
bool ims_notice_is_purged(bool has_letter, enum mailbox_state letter, bool opened);

#endif
