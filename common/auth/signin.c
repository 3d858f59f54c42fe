/* signin — signing in on one connection; see signin.h. */
#include "common/auth/signin.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/auth/accounts.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"

struct signin {
	struct auth *auth;
	struct auth_server *server; /* NULL: no exchange under way */
	struct loop_timer *penalty;
	struct conn *conn;
	const char *name;
	unsigned char binding[AUTH_BINDING_BYTES];
	unsigned failures;
	char owner[ACCOUNTS_OWNER_BYTES], user[ACCOUNTS_ADDRESS_BYTES]; /* once signed in */
	uint64_t refused; /* the request whose refusal is held back */
	struct err why;   /* ... and its reason */
	void (*late)(void *arg, uint64_t request, const struct err *e);
	void *arg;
};

static void
penalty_over(void *arg)
{
	struct signin *s = arg;

	log_fact(LOG_WARN, "signin.refused", "protocol=%s sid=%llx peer=%s word=%s", s->name,
	    (unsigned long long)conn_id(s->conn), conn_peer(s->conn)->host,
	    refusal_word(s->why.why));
	s->late(s->arg, s->refused, &s->why);
}

bool
signin_new(struct signin **out, struct auth *a, struct loop *l, struct conn *c, const char *name,
    void (*late)(void *arg, uint64_t request, const struct err *e), void *arg, struct err *e)
{
	struct signin *s = memory_new(sizeof *s);

	if (!conn_exporter(c, s->binding)) {
		free(s);
		return err_set(e, REFUSAL_internal, "TLS gives no channel binding");
	}
	s->auth = a;
	s->conn = c;
	s->name = name;
	s->late = late;
	s->arg = arg;
	s->penalty = loop_timer_new(l, penalty_over, s);
	*out = s;
	return true;
}

void
signin_free(struct signin **s)
{
	if (*s == NULL)
		return;
	auth_server_free(&(*s)->server);
	loop_timer_free(&(*s)->penalty);
	free(*s);
	*s = NULL;
}

static bool
fail(struct signin *s, uint64_t request)
{
	s->refused = request;
	auth_server_free(&s->server);
	loop_timer_set_ms(s->penalty, auth_penalty_ms(++s->failures));
	return false;
}

static void
done(struct signin *s)
{
	snprintf(s->owner, sizeof s->owner, "%s", auth_server_user(s->server));
	span_copy(accounts_owner_address(s->owner), s->user, sizeof s->user);
	auth_server_free(&s->server);
	log_fact(LOG_INFO, "signin.user", "protocol=%s sid=%llx peer=%s user=%s", s->name,
	    (unsigned long long)conn_id(s->conn), conn_peer(s->conn)->host, log_str(s->user));
}

bool
signin_step(struct signin *s, struct span mechanism, struct span message, uint64_t request,
    struct buf *out, bool *signed_in)
{
	enum auth_result r;

	if (mechanism.n > 0) {
		auth_server_free(&s->server);
		if (!auth_server_new(s->auth, mechanism, span_of(s->binding, sizeof s->binding),
			&s->server, &s->why))
			return fail(s, request);
	}
	if (s->server == NULL) {
		err_set(&s->why, REFUSAL_bad_sequence, "no exchange is under way");
		return fail(s, request);
	}
	r = auth_server_step(s->server, message, out, &s->why);
	if (r == AUTH_FAILED)
		return fail(s, request);
	if ((*signed_in = r == AUTH_DONE))
		done(s);
	return true;
}

const char *
signin_user(const struct signin *s)
{
	return s->user;
}

const char *
signin_owner(const struct signin *s)
{
	return s->owner;
}
