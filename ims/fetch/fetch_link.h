/* fetch_link — one session with one address of a sender's OMS: letters that are asked for, and DONE.
 *
 * Spec:   SPEC.md 11.  Several requests may be unanswered; the replies come in their order.
 * State:  CONNECTING -> up (HELLO and the first requests are sent together) -> welcomed -> over.
 *         After FETCH_TURN_MS without an end of the first request, the letters after it are given back (`again`), and the session
 *         takes no more.  A session with nothing to answer ends after FETCH_IDLE_MS.
 * Owner:  the connection frees the link.  Its role may leave it: then it ends once all is answered.
 * Async:  no op is called inside fetch_link_new.  For each letter asked, exactly one of `back` and the ops
 *         of the want, unless it is forgotten.
 * Trust:  fetcher.h.  Certificate and CRLs are judged again before requests and at each piece of a body.
 */
#ifndef IMS_FETCH_FETCH_LINK_H
#define IMS_FETCH_FETCH_LINK_H

#include "common/net/dial.h"
#include "ims/fetch/fetch_want.h"
#include "ims/ims.h"
#include "proto/fetch.h"

#define FETCH_HELLO_MS 30000 /* until the host has welcomed us */
#define FETCH_TURN_MS                                                                              \
	5000 /* a letter waits for those before it, as long as one of them comes in that time */
#define FETCH_IDLE_MS 30000 /* a session with nothing to ask ends */
#define FETCH_QUIT_MS 5000  /* until the host has answered QUIT */

struct fetch_link;

struct fetch_link_ops {
	void (*up)(void *role); /* it may be asked */
	/* It is over before the host has welcomed us, and this letter was asked for. */
	void (*back)(void *role, struct fetch_want *w);
	void (*answered)(void *role); /* a request was */
	void (*wanted)(void *role);   /* others wait for the host: fetch_link_is_current */
	void (*stuck)(void *role);    /* it takes no more: to be left */
	void (*lost)(void *role);     /* first of all: the link is no more */
	void (*ended)(void *role, const struct err *why, bool welcomed); /* last */
};

/* To the dial's next address; own and from are copied.  kind: for the log. */
struct fetch_link *fetch_link_new(struct ims_worker *w, struct dial *d, const char *own,
    const char *from, const char *kind, const struct fetch_link_ops *ops, void *role);
void fetch_link_leave(struct fetch_link **l); /* NULL inside is fine */
void fetch_link_drop(struct fetch_link **l);  /* the same, and at once */

bool fetch_link_is_up(const struct fetch_link *l);
bool fetch_link_is_idle(const struct fetch_link *l);   /* nothing is unanswered */
bool fetch_link_was_heard(const struct fetch_link *l); /* a request was answered */
/* It has time left in its hour and shows our newest certificate; and nobody waits for the host, or it has answered
 * nothing yet. */
bool fetch_link_is_current(const struct fetch_link *l);
/* Is the host's certificate still good?  False: the session is cut off. */
bool fetch_link_is_vouched(struct fetch_link *l, struct err *e);
const struct sockaddr *fetch_link_address(const struct fetch_link *l);
const char *fetch_link_host(const struct fetch_link *l);

/* False: too much is unanswered. */
bool fetch_link_ask(struct fetch_link *l, struct fetch_want *w);
bool fetch_link_done(struct fetch_link *l, const struct ims_ack *a);
bool fetch_link_has_done(const struct fetch_link *l,
    const struct ims_ack *a);               /* not answered yet */
void fetch_link_kick(struct fetch_link *l); /* after them */
void fetch_link_forget(struct fetch_want *w);

#endif
