/* letter — what a letter that was announced to us may become.
 *
 * Pure policy: a state, an event and the time go in, the new state comes out.  It reads no disk, clock or
 * random number, and knows no loop.  ims/store applies it within one write and decides none of it.
 *
 * All notices of a letter (From domain, Id) share its state.  "-": the event changes nothing; "no": it is
 * refused (fetch_running).  A unit test compares these rows with the code.
 *
 *	state      announced  leased    kept  released  given
 *	none       held       -         -     -         here
 *	held       held       fetching  here  held      no
 *	fetching   fetching   no        here  held      no
 *	here       here       -         no    no        no
 *	gone       held       fetching  no    no        no
 *	declined   declined   -         no    no        no
 *	recalled   recalled   -         no    no        no
 *	bad-seal   bad-seal   -         no    no        no
 *
 * announced: a new statement, which may also prolong the promise.  leased: one of us begins to fetch it.
 * kept: the body is verified and durable.  released: the fetch ended without it; the letter is held again, or
 * over (gone, recalled, bad-seal, declined) with a word.  A lease has a fence, which no lease of that id had before,
 * also of a letter that is gone; kept and released count only with the newest one.  They count in `held`, too: the lease became void, and nobody has taken another.
 * given: the letter came whole, by SMTP, so it is here from the start.  Nobody held it, so nobody is told of it: it is never
 * leased, and no acknowledgement of it is due.  It is given once: where a letter is there already, given is refused
 * (id_conflict).
 *
 * Units: _s is wall time.
 */
#ifndef IMS_POLICY_LETTER_H
#define IMS_POLICY_LETTER_H

#include "common/base/address.h"
#include "common/base/ulid.h"
#include "proto/mailbox.h"

#define IMS_LEASE_S 3600 /* a lease is void after that long */

struct ims_letter {
	struct ulid id;
	struct domain from_domain;
	struct domain own_domain; /* the recipient's */
	enum mailbox_state state;
	enum mailbox_road road;
	enum refusal why; /* of GONE, BAD-SEAL */
	uint64_t size, summary_size;
	unsigned char digest[MAILBOX_DIGEST_BYTES], summary_digest[MAILBOX_DIGEST_BYTES];
	int64_t hold_until_s; /* 0: by SMTP, nobody holds it */
	uint64_t fence;       /* of the newest lease; 0: there was none */
};

struct ims_lease {
	int64_t since_s;
	/* The run of the store that took it: a random number of each opening.  Before the first: a number that no other
	 * letter under this id has had. */
	uint64_t by;
};

/* A lease of long ago, or of a clock that was ahead, is void: the letter is held.  So is that of another run, where
 * this one is alone: no other process can have the letter, so that run is over. */
void ims_letter_look(struct ims_letter *l, const struct ims_lease *lease, uint64_t run, bool alone,
    int64_t now_s);

/* A later hold_until_s prolongs the promise, and a letter that was gone is held again. */
void ims_letter_announced(struct ims_letter *l, int64_t hold_until_s);

/* fence: larger than all before.  *changed: the lease was taken.  Without it and without an error the letter is over, or here already.
 * e: fetch_running. */
bool ims_letter_lease(struct ims_letter *l, struct ims_lease *lease, uint64_t run, uint64_t fence,
    int64_t now_s, bool *changed, struct err *e);
/* The lease with this fence is kept in memory: true, and the letter is FETCHING, if it may be leased. */
bool ims_letter_leased(struct ims_letter *l, uint64_t fence);
/* The holder's results.  e: fetch_running, where another lease is newer. */
bool ims_letter_keep(struct ims_letter *l, uint64_t fence, struct err *e);
bool ims_letter_release(struct ims_letter *l, uint64_t fence, enum mailbox_state state,
    enum refusal why, struct err *e);

/* None is there: it is here, by SMTP.  e: id_conflict. */
bool ims_letter_given(struct ims_letter *l, bool is_new, struct err *e);

/* Is it the same letter as another statement's? */
bool ims_letter_is_same(const struct ims_letter *l, const struct ims_letter *other);

/* What becomes of a notice that was not opened, at the time in its index. */
enum ims_notice_end {
	IMS_NOTICE_STAYS, /* until its user drops it: the letter is here */
	IMS_NOTICE_LATER, /* look again at *due_s: the promise was prolonged, or the letter is being fetched */
	IMS_NOTICE_GOES /* its Hold-Until passed keep_s ago */
};
/* l NULL: the notice has no letter. */
enum ims_notice_end ims_notice_end(const struct ims_letter *l, int64_t now_s, int64_t keep_s,
    int64_t *due_s);

#endif
