/* fetcher — brings letters here from their senders' designated OMS, when somebody asks.
 *
 * Flow:    6 of 8 (README "Life of a message").
 * Spec:    SPEC.md 11.
 * State:   per letter: LEASING -> ASKED (fetch_pair.h; a large one: FINDING -> CONNECTING) -> FETCHING ->
 *          SYNCING -> KEEPING -> answered; DONE follows (fetch_pair.h).  One fetch per letter at a time:
 *          whoever asks meanwhile waits for the same one.  Of a sender's domain at most FETCHER_SHARED letters,
 *          and FETCHER_LARGE larger than FETCH_SHARED_MAX, are under way, in the order of asking; connections to
 *          one host take turns (conn_limit.h).  A letter that nobody waits for any more is not begun.
 * Threads: each pair of (own domain, sender domain) has its home worker; fetcher_ask may be called
 *          on any worker, and answers there.
 * Disk:    a letter is told to be here after its octets are verified and durable.
 * Trust:   the sender's host is hostile until its certificate was judged good and names the sender
 *          domain; no id is sent before that, and no octet is taken once it is no longer good.  Size
 *          and digest are the statement's; a letter that differs from them is a broken
 *          promise, and nothing of it is kept.  Where to connect comes from the sender domain's
 *          designation alone; after its TTL a connection serves only what it was made for, until the domain
 *          has been looked up again and still names the host.
 */
#ifndef IMS_FETCH_FETCHER_H
#define IMS_FETCH_FETCHER_H

#include "ims/ims.h"
#include "ims/store/store.h"

#define FETCHER_SHARED      32
#define FETCHER_LARGE       3 /* and one warm session: together four connections */
#define FETCHER_PROGRESS_MS 1000

struct fetcher;

struct fetcher *fetcher_new(struct ims_worker *w);
void fetcher_free(struct fetcher **f); /* every asker gets `closing` */

/* Copied before the call returns.  done is called exactly once, on `loop`, never inside the call:
 * e NULL: the letter is here (l: its state now).  progress may come before it, about once a second. */
struct fetcher_question {
	struct ims_letter letter;
	struct loop *loop;
	void (*progress)(void *arg, uint64_t got, uint64_t size);
	void (*done)(void *arg, const struct ims_letter *l, const struct err *e);
	void *arg;
};
uint64_t fetcher_ask(struct ims *i, const struct fetcher_question *q);
/* Whoever asked no longer waits: done comes soon, with `closing`, unless it is on its way already.  ticket: of
 * fetcher_ask, which q belongs to.  A fetch that is under way goes on. */
void fetcher_give_up(struct ims *i, const struct fetcher_question *q, uint64_t ticket);

#endif
