/* delivery — what one letter's recipients at one domain may become.
 *
 * Pure policy: a state, an event and the time go in; the new state comes out, and what others must be told
 * of it.  It reads no disk, clock or random number, and knows no loop.  oms/store applies it within one
 * write and decides none of it.
 *
 * A recipient has a state.  This is the table of all of them; "-": the event changes nothing.  A unit test
 * compares these rows with the code.
 *
 *	state        tried     noticed    refused  given     handed-out  done      declined  expired
 *	waiting      waiting   notified   refused  by-smtp   -           fetched*  refused*  expired
 *	notified     -         notified   -        -         handed-out  fetched   refused   expired
 *	handed-out   -         -          -        -         -           fetched   refused   expired
 *	fetched      -         -          -        -         -           -         -         -
 *	refused      -         -          -        -         -           -         -         -
 *	expired      -         -          -        -         -           -         -         -
 *	recalled     -         -          -        -         -           -         -         -
 *	too-late     -         -          -        -         -           -         -         -
 *	by-smtp      -         -          -        -         -           -         -         -
 *
 *	*  only a recipient who certainly was meant: see oms_delivery_settle
 *
 * tried: the attempt ended without an answer about this recipient, or with a temporary one.  noticed,
 * refused: the peer's durable answer.  given: an SMTP server took the letter over.  handed-out: an octet of the
 * body may leave.  done, declined: the domain's DONE and DECLINE.  expired: hold_until has passed.
 *
 * By SMTP a letter is pushed, and cannot be taken back.  Before the final dot leaves, oms_delivery_give records
 * in each recipient of that letter that it may be given: given_s.  The answer ends that.  Without an answer,
 * because the connection or this process ended, the recipient waits with the word answer-unknown, is given the
 * letter again, and may have it twice.
 *
 * Ownership: a delivery owns its statement and recipients; oms_delivery_clear frees them.
 * Units: _ms and _s are wall time, next_ms of clock_steady_ms.
 */
#ifndef OMS_POLICY_DELIVERY_H
#define OMS_POLICY_DELIVERY_H

#include "common/base/address.h"
#include "oms/policy/retry.h"
#include "proto/statement.h"
#include "proto/submit.h"

enum oms_event {
	OMS_TRIED,
	OMS_NOTICED,
	OMS_REFUSED,
	OMS_GIVEN,
	OMS_HANDED_OUT,
	OMS_DONE,
	OMS_DECLINED,
	OMS_EXPIRED,
	OMS_EVENTS
};

const char *oms_event_name(enum oms_event event);
/* The table above.  Events with a star are given to it only where they apply. */
enum submit_state oms_recipient_next(enum submit_state state, enum oms_event event);

#define OMS_SECURED_BYTES 32

struct oms_recipient {
	char address[ADDRESS_STR_BYTES]; /* canonical */
	unsigned char salt[STATEMENT_SALT_BYTES];
	enum submit_state state;
	int64_t since_s;
	char word[SUBMIT_WORD_BYTES]; /* of the last refusal; "": none */
	enum submit_speaker by;       /* of the text */
	char text[SUBMIT_TEXT_BYTES];
	bool known; /* oms_delivery_attempted: the peer had the notice before; not stored */
	/* by SMTP */
	int64_t given_s;    /* when the letter was given, last; 0: never, or it did not take it */
	struct domain host; /* the server, by name; "": none took it */
	char secured[OMS_SECURED_BYTES]; /* what vouched for that server: "ca+dane" */
	bool giving; /* oms_delivery_give: the server accepted this recipient; not stored */
	bool unsure; /* ... who may have the letter from an earlier attempt; not stored */
};

bool oms_recipient_is_over(const struct oms_recipient *r); /* fetched, refused, expired ... */
/* The letter may be at an SMTP server: it cannot be recalled for this recipient. */
bool oms_recipient_is_given(const struct oms_recipient *r);

/* What an SMTP server answered about a recipient.  to: BY_SMTP, it took the letter; REFUSED, it never will; WAITING, not
 * now.  said: its words, with REFUSAL_NONE where it took it. */
void oms_recipient_said(struct oms_recipient *r, enum submit_state to, const struct err *said,
    int64_t now_s);
/* The attempt failed without an answer about this recipient.  One who may have the letter keeps answer-unknown. */
void oms_recipient_failed(struct oms_recipient *r, const struct err *why);

struct oms_delivery {
	struct ulid id;
	struct domain own, peer;
	struct buf statement; /* exact octets; signed anew in each seal */
	struct oms_recipient *recipients;
	size_t n_recipients;
	uint64_t tries;
	int64_t next_ms; /* 0: not due any more */
	int64_t hold_until_s;
	enum oms_road road; /* of the last attempt */
	/* belong to this file; an attempt passes them back unchanged */
	int64_t handed_s;       /* when an octet may first have left; 0: none has */
	uint64_t settles;       /* how many DONEs and DECLINEs the domain has sent */
	bool declined;          /* the last of them was DECLINE */
	uint64_t sends;         /* how many recorded attempts were sent; the others told nobody */
	uint64_t settled_sends; /* `sends` when the last of the settles came */
	bool sent; /* oms_delivery_attempted: the peer may have received this attempt; not stored */
};

void oms_delivery_clear(struct oms_delivery *d);

bool oms_delivery_is_over(const struct oms_delivery *d);            /* every recipient is */
size_t oms_deliveries_open(const struct oms_delivery *d, size_t n); /* how many are not over */
bool oms_delivery_is_single(const struct oms_delivery *d); /* the letter has one recipient there */
bool oms_delivery_waits(const struct oms_delivery *d); /* somebody waits; else it is never due */

/* What an event did to a delivery, for others to be told. */
struct oms_effects {
	bool changed; /* the delivery is to be written */
	bool over;    /* by this event: the letter has one open delivery less */
};

/* An attempt ended.  `said` is the delivery as the attempt read it, with the states and words that the peer
 * answered, `tries` and next_ms (0: keep the present one).  Answers to what came before we recorded their
 * cause are found here: was the recipient handed out, or settled, meanwhile? */
struct oms_effects oms_delivery_attempted(struct oms_delivery *now,
    const struct oms_delivery *said);

/* An attempt at `now_ms` has ended, and what was said of its recipients is in d.  Sets tries, and next_ms while somebody
 * waits; by SMTP those who waited to the end are refused with given-up.  `random` may be any number; give_up_s is of
 * SMTP (oms/policy/retry.h). */
void oms_delivery_reschedule(struct oms_delivery *d, int64_t now_ms, uint32_t random,
    int64_t give_up_s);

/* The content has left for an SMTP server, but for its final dot.  `said` is the delivery as the attempt read it.  Those
 * of its recipients that have `giving` and still wait may have the letter from now on: given_s, host and secured are
 * set.  False: none of them waits any more, or hold_until has passed, and the dot must not leave.  e: gone. */
struct oms_giving {
	int64_t now_s;
	struct domain host;
	char secured[OMS_SECURED_BYTES];
};
bool oms_delivery_give(struct oms_delivery *now, const struct oms_delivery *said,
    const struct oms_giving *g, struct err *e);

/* May the domain have the letter now?  A domain without a recipient of it receives the same refusal as for
 * an id that does not exist.  A domain fetches once for all its recipients, so a letter that is recalled for
 * one of them is recalled for all.  e: recalled, unknown_id. */
bool oms_delivery_may_be_served(const struct oms_delivery *d, struct err *e);

/* An octet of the body may leave.  Recipients who wait stay, and are still notified, because the copy of
 * another recipient is not theirs.  Not changed: an earlier fetch has recorded all of it. */
struct oms_effects oms_delivery_hand_out(struct oms_delivery *d, int64_t now_s);

/* DONE or DECLINE; may be repeated.  Recipients with a notice are over.  One who still waits may have been
 * notified by an attempt that is under way or whose answer was lost: the only recipient of a delivery was;
 * of several, oms_delivery_attempted decides later, because another's copy may have been meant. */
struct oms_effects oms_delivery_settle(struct oms_delivery *d, bool declined, int64_t now_s);

/* hold_until has passed. */
struct oms_effects oms_delivery_expire(struct oms_delivery *d, int64_t now_s);

#endif
