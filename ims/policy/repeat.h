/* repeat — what a notification makes of a mailbox: a notice, a repeat of one, or a conflict.
 *
 * Pure policy, as ims/policy/letter.h.  The seen set remembers the facts of each notification that made a
 * notice for a recipient: Size, Digest, Date and the Summary fields.
 *
 *	seen before          letter none  letter same  letter other
 *	no                   noticed      noticed      conflict
 *	with the same facts  known        known        known
 *	with other facts     conflict     conflict     conflict
 *
 * conflict is the refusal id_conflict.
 *
 * Times: a promise ends at the statement's Hold-Until, but not later than the receiver's limit after receipt.
 * A repeat is known until its Hold-Until, when the statement itself is refused (hold_expired).  Where we cut
 * the promise it is known for IMS_SEEN_AFTER_S after the cut: its notice may still be there.
 *
 * Units: _s is wall time.
 */
#ifndef IMS_POLICY_REPEAT_H
#define IMS_POLICY_REPEAT_H

#include "common/base/err.h"

#define IMS_SEEN_AFTER_S (30 * 86400)

enum ims_before { IMS_SEEN_NOT, IMS_SEEN_SAME, IMS_SEEN_OTHER };
enum ims_beside { IMS_LETTER_NONE, IMS_LETTER_SAME, IMS_LETTER_OTHER };

/* *known: a repeat; else it makes a notice.  e: id_conflict. */
bool ims_repeat_judge(enum ims_before seen, enum ims_beside letter, bool *known, struct err *e);

int64_t ims_hold_until(int64_t statement_s, int64_t received_s, int64_t limit_s);
int64_t ims_seen_until(int64_t statement_s, int64_t received_s, int64_t limit_s);

#endif
