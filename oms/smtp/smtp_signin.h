/* smtp_signin — signs in at a smarthost, inside TLS: by SCRAM-SHA-256 where it is offered, else by PLAIN.
 *
 * Spec:    RFC 4954, RFC 5802, RFC 4616.
 * Async:   `say` is called for each message, in base64, never inside a function of this header; SCRAM's work of 50 ms is
 *          done on the offload pool.
 * Threads: its loop's.
 * Trust:   the smarthost's certificate was judged before.  Success by SCRAM counts only with its proof that it knows the
 *          password's keys.
 */
#ifndef OMS_SMTP_SMTP_SIGNIN_H
#define OMS_SMTP_SMTP_SIGNIN_H

#include "proto/smtp/smtp_client.h"

struct loop;
struct offload;
struct smtp_signin;

struct smtp_signin_ops {
	/* mechanism: at first, else NULL. */
	void (*say)(void *role, const char *mechanism, struct span message);
	void (*failed)(void *role, const struct err *e);
};

/* Copies the words.  False: auth_mechanism, the smarthost offers none of the two. */
bool smtp_signin_begin(struct smtp_signin **g, struct loop *l, struct offload *o,
    const struct smtp_offers *offers, struct span user, struct span password,
    const struct smtp_signin_ops *ops, void *role, struct err *e);
void smtp_signin_free(struct smtp_signin **g); /* silently */
void smtp_signin_challenge(struct smtp_signin *g, struct span message);
/* The smarthost says that we are signed in.  Has it proved itself?  False: auth_failed. */
bool smtp_signin_is_proved(const struct smtp_signin *g, struct err *e);

#endif
