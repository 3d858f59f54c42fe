/* signon — SCRAM-SHA-256-PLUS on a link, for both servers.
 *
 * A role that signs in has a struct signon as its first member, so that SIGNON_OPS fit it.
 * Always bound to the TLS connection, without a fallback.
 *
 * Trust:  the server is believed only after it has proved that it knows the user's keys.
 */
#ifndef MC_SIGNON_H
#define MC_SIGNON_H

#include "mc/account.h"
#include "mc/link.h"
#include "proto/sasl_client.h"

struct signon {
	struct link *link;
	struct auth_client *auth;
	bool done, ok;
	bool own; /* the refusal is ours, not the server's */
	struct err err;
};

/* For the .sasl of a protocol's ops. */
enum outcome signon_step(void *role, struct span message, bool last, struct buf *out,
    struct err *e);
void signon_signed_in(void *role, const struct err *e);
#define SIGNON_OPS                                                                                 \
	{                                                                                          \
		.step = signon_step, .signed_in = signon_signed_in                                 \
	}

/* `begin` is the protocol's AUTH request. */
bool signon_run(struct signon *s, struct account *a, void *client,
    bool (*begin)(void *client, const char *mechanism), struct fault *f);
/* Why a request failed: the host's words, unless the connection broke. */
void signon_fault(const struct signon *s, const struct err *e, struct fault *f);

#endif
