/* fetcher — brings letters here from their senders' designated OMS, when somebody asks.
 *
 * Flow:    6 of 8 (README "Life of a message").
 * Spec:    SPEC.md "fetch"; PROTOCOL "fetch".
 * State:   per letter: LEASING -> FINDING -> CONNECTING -> GREETING -> FETCHING -> SYNCING ->
 *          KEEPING -> (told) -> DONE said.  One fetch per letter at a time: who asks meanwhile
 *          waits for the same.  At most FETCHER_PER_DOMAIN of a sender domain are begun, in the order
 *          of asking, and those that want a connection to the same host take turns (conn_limit.h).
 * Threads: each pair of (own domain, sender domain) has its home worker; fetcher_ask may be called
 *          on any worker, and answers there.
 * Disk:    a letter is told to be here after its octets are verified and durable.
 * Trust:   the sender's host is hostile until its certificate was judged good and names the sender
 *          domain; no id is said before that, and no octet is taken once it is good no longer.  Size
 *          and digest are the statement's; a letter that is not what was announced is a broken
 *          promise, and nothing of it is kept.  Where to connect comes from the sender domain's
 *          designation alone; once that has run out nothing but what it was made for is asked on it.
 */
#ifndef IMS_FETCH_FETCHER_H
#define IMS_FETCH_FETCHER_H

#include "ims/ims.h"
#include "ims/store/store.h"

#define FETCHER_PER_DOMAIN  4
#define FETCHER_CONNECT_MS  10000
#define FETCHER_PROGRESS_MS 1000

struct fetcher;

struct fetcher *fetcher_new(struct ims_worker *w);
void fetcher_free(struct fetcher **f); /* who waits is told `closing` */

/* Copied before the call returns.  done is called exactly once, on `loop`, never inside the call:
 * e NULL: the letter is here (l: as it stands).  progress may come before it, about once a second. */
struct fetcher_question {
	struct ims_letter letter;
	struct loop *loop;
	void (*progress)(void *arg, uint64_t got, uint64_t size);
	void (*done)(void *arg, const struct ims_letter *l, const struct err *e);
	void *arg;
};
void fetcher_ask(struct ims *i, const struct fetcher_question *q);

#endif
