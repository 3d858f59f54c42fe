/* signin_client — SCRAM-SHA-256-PLUS on a link, for both servers.
 *
 * A role that signs in has a struct signin_client as its first member, so that SIGNIN_CLIENT_OPS fit it.
 * The exchange is always bound to the TLS connection; there is no fallback.
 *
 * Trust:  the server is trusted only after it has proved that it knows the user's keys.
 */
#ifndef MC_SIGNIN_CLIENT_H
#define MC_SIGNIN_CLIENT_H

#include "mc/account.h"
#include "mc/link.h"
#include "proto/sasl_client.h"

struct signin_client {
	struct link *link;
	struct auth_client *auth;
	bool done, ok;
	bool own; /* the refusal is ours, not the server's */
	struct err err;
};

/* For the .sasl of a protocol's ops. */
enum outcome signin_client_step(void *role, struct span message, bool last, struct buf *out,
    struct err *e);
void signin_client_signed_in(void *role, const struct err *e);
#define SIGNIN_CLIENT_OPS                                                                          \
	{                                                                                          \
		.step = signin_client_step, .signed_in = signin_client_signed_in                   \
	}

/* `begin` is the protocol's AUTH request. */
bool signin_client_run(struct signin_client *s, struct account *a, void *client,
    bool (*begin)(void *client, const char *mechanism), struct fault *f);
/* Sets the reason of a failed request: the host's words, unless the connection broke. */
void signin_client_fault(const struct signin_client *s, const struct err *e, struct fault *f);

#endif
