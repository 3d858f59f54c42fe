/* share — what one sender's domain may take: of the store, of a mailbox, of the seen set.
 *
 * Pure policy, as ims/policy/letter.h.  A sum changes in the write that puts or deletes what it counts.
 *
 *	what                     bound                                        beyond it
 *	notices of a mailbox     IMS_MAILBOX_NOTICES                          mailbox_full
 *	a domain's, of these     IMS_MAILBOX_SENDER, and octets: its limit    sender_mailbox_share
 *	a domain's, everywhere   octets: ims_share_bound                      sender_share
 *	a domain's seen entries  IMS_MAILBOX_SENDER for one mailbox           the first of these goes
 *	all of a mailbox         IMS_MAILBOX_SEEN, or fewer in a small store  ims_seen_room
 *	domains of a mailbox     IMS_MAILBOX_KNOWN that are remembered        a new one, only while it has notices
 */
#ifndef IMS_POLICY_SHARE_H
#define IMS_POLICY_SHARE_H

#include "common/base/err.h"

#define IMS_MAILBOX_NOTICES 100000
#define IMS_MAILBOX_SENDER  25000
#define IMS_MAILBOX_KNOWN   10000
#define IMS_MAILBOX_SEEN    IMS_MAILBOX_NOTICES /* each notice has an entry */

/* What one sender's domain takes of the store or of a mailbox. */
struct ims_share {
	uint64_t octets, notices;
};

/* Adds what may be negative; neither sum falls below 0. */
void ims_share_add(struct ims_share *s, int64_t octets, int64_t notices);

/* What one sender's domain may hold, where sender-share gives it `limit` octets of a store of `size`.
 * A certificate may name many domains, so the last of the room is for those that hold little: while less
 * than 1/IMS_SHARE_SCARCE of the store is free (scarce), a domain may hold 1/IMS_SHARE_LITTLE of it. */
#define IMS_SHARE_SCARCE 5
#define IMS_SHARE_LITTLE 100
uint64_t ims_share_bound(uint64_t limit, uint64_t size, bool scarce);

/* May the domain hold `octets`?  A caller asks what is free only where the answer depends on it. */
enum ims_fit { IMS_FITS, IMS_FITS_UNLESS_SCARCE, IMS_FITS_NOT };
enum ims_fit ims_share_fit(uint64_t octets, uint64_t limit, uint64_t size);

/* Is there room for one notice more?  e: mailbox_full. */
bool ims_mailbox_has_room(uint64_t notices, struct err *e);
/* Of the domain, which has `have` in this mailbox, with `octets` more?  limit 0: of any size.  e:
 * sender_mailbox_share. */
bool ims_mailbox_has_share(const struct ims_share *have, uint64_t octets, uint64_t limit,
    struct err *e);

/* Which entries of the seen set make room for a new one of a domain and a mailbox: of each row of the answer, in
 * turn, the first that there is. */
enum ims_seen_room {
	IMS_SEEN_ROOM_THERE,   /* there is room */
	IMS_SEEN_ROOM_MAILBOX, /* one of the same domain for the same mailbox, if there is one */
	IMS_SEEN_ROOM_ANY      /* the same; else one of the domain whose entries end first */
};
/* here: entries of the domain for the mailbox; all: entries of the mailbox, which may have `most`. */
enum ims_seen_room ims_seen_room(uint64_t here, uint64_t all, uint64_t most);

#endif
