/* signin — signing in on one connection; see signin.h. */
#include "common/svc/signin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/svc/loop.h"

struct signin {
	struct auth		*auth;
	struct auth_server	*server;	/* NULL: no exchange under way */
	struct loop_timer	*penalty;
	unsigned char		 binding[AUTH_BINDING_BYTES];
	unsigned		 failures;
	char			 user[256];
	struct err		 why;
	void			(*late)(void *arg, const struct err *e);
	void			*arg;
};

static void
penalty_over(void *arg)
{
	struct signin	*s = arg;

	s->late(s->arg, &s->why);
}

struct signin *
signin_new(struct auth *a, struct loop *l, const unsigned char *binding,
    void (*late)(void *arg, const struct err *e), void *arg)
{
	struct signin	*s = memory_new(sizeof *s);

	s->auth = a;
	s->late = late;
	s->arg = arg;
	memcpy(s->binding, binding, sizeof s->binding);
	s->penalty = loop_timer_new(l, penalty_over, s);
	return s;
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

static enum auth_result
fail(struct signin *s)
{
	auth_server_free(&s->server);
	loop_timer_set_ms(s->penalty, auth_penalty_ms(++s->failures));
	return AUTH_FAILED;
}

enum auth_result
signin_step(struct signin *s, struct span mechanism, struct span message, struct buf *out)
{
	enum auth_result	 r;

	if (mechanism.n > 0) {
		auth_server_free(&s->server);
		if (!auth_server_new(s->auth, mechanism, span_of(s->binding, sizeof s->binding),
		    &s->server, &s->why))
			return fail(s);
	}
	if (s->server == NULL) {
		err_set(&s->why, REFUSAL_bad_sequence, "no exchange is under way");
		return fail(s);
	}
	r = auth_server_step(s->server, message, out, &s->why);
	if (r == AUTH_FAILED)
		return fail(s);
	if (r == AUTH_DONE) {
		snprintf(s->user, sizeof s->user, "%s", auth_server_user(s->server));
		auth_server_free(&s->server);
	}
	return r;
}

const char *
signin_user(const struct signin *s)
{
	return s->user;
}
