/* smtp_road — the way by SMTP from one of our domains to one recipient domain: one attempt at a time.
 *
 * Finds the MX hosts, leaves out ourselves and what is not nearer to the domain than we are, and tries the others in
 * turn, each address of each, until a session is ready.  A host without STARTTLS, one that nothing vouches for
 * (smtp_secure.h), and one that refuses before MAIL leave the turn to the next.  All letters of the attempt then go
 * over that session, one after another, each once for all its recipients, or in parts where the host takes fewer.
 * With a smarthost, that is the one host, and what lies beyond it is not known.
 *
 * Flow:    3 of 8 (README "Life of a message"), by the old road.
 * Spec:    SPEC.md 18; RFC 5321 5.1, RFC 7672, RFC 8461.
 * Promise: `giving` comes before the dot that ends a letter leaves: the role makes durable that the host may have the
 *          letter.  A connection that is lost after it leaves the recipients waiting, and what became of the
 *          letter is not known.
 * Log:     smtp.attempt, a line for each host that was tried.
 * Async:   nothing is called inside smtp_road_begin.
 * Threads: the worker's loop.
 */
#ifndef OMS_SMTP_SMTP_ROAD_H
#define OMS_SMTP_SMTP_ROAD_H

#include "oms/oms.h"
#include "oms/store/store.h"

struct conf;
struct smtp_road;

struct smtp_road_ops {
	/* The attempt waits for its turn at a host, or a host is slow to answer. */
	void (*slow)(void *role);
	/* The content of d[i] has left, but for its dot; those who get it have `giving`.  host, secured: as
	 * smtp_secure_reached.  The role calls smtp_road_given, in this call or later; until then `ended` does not
	 * come. */
	void (*giving)(void *role, size_t i, const char *host, const char *secured);
	/* d[i] is over in this attempt: each of its recipients who waited has what was said of it. */
	void (*answered)(void *role, size_t i);
	/* The attempt is over.  why NULL: each d[i] was answered.  Else those that were not failed by it; final: it
	 * ends them, for DNSSEC vouches that the domain takes no mail. */
	void (*ended)(void *role, const struct err *why, bool final);
};

/* May letters go to that domain by SMTP?  peer: A-labels. */
bool smtp_road_is_on(const struct conf *c, const char *peer);

/* `own` and `peer` are copied. */
struct smtp_road *smtp_road_new(struct oms_worker *w, const char *own, const char *peer,
    const struct smtp_road_ops *ops, void *role);
void smtp_road_free(struct smtp_road **r); /* silently */

/* One attempt; only while it is idle.  Recipients who wait get the letters; d is borrowed until `ended`. */
void smtp_road_begin(struct smtp_road *r, struct oms_delivery *d, size_t n);
bool smtp_road_is_idle(const struct smtp_road *r);
/* The answer to `giving`.  e: the dot must not leave; the connection ends. */
void smtp_road_given(struct smtp_road *r, const struct err *e);

#endif
