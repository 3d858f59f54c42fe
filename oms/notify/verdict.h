/* verdict — does a refusal end a delivery, or only one attempt?
 *
 * Only an answer of a judged peer about this letter or recipient ends a delivery: a permanent reply to its
 * entry, also by a word we do not know, unless the word is about the session, the seal or us.  What DNS says
 * may be forged or mistaken, and ends it only where DNSSEC vouches.  What a session says, of certificates, SPF,
 * seals, domains or the form of requests, blames us, the peer's set-up or the way between: it may be mended
 * until Hold-Until, and the outbox shows it from the first attempt.
 *
 * Flow:  3 of 8.  Pure.
 * Spec:  SPEC.md 10 "What is final".
 */
#ifndef OMS_NOTIFY_VERDICT_H
#define OMS_NOTIFY_VERDICT_H

#include "common/base/refusal.h"

enum verdict_source {
	VERDICT_DNS,     /* designation_find */
	VERDICT_SESSION, /* the connection, or the reply to HELLO */
	VERDICT_ANSWER   /* a reply to a seal's entry */
};

/* vouched: DNSSEC vouches for what DNS said. */
bool verdict_is_final(enum refusal why, enum verdict_source source, bool vouched);
/* The seal is at fault, and maybe not every letter under it: each is to be sent under one of its own. */
bool verdict_is_of_seal(enum refusal why);
/* Before a letter is taken: DNS says that there is no such domain or no way to it, so its sender is told
 * at once. */
bool verdict_refuses_recipient(enum refusal why);

#endif
