/* signin_client — SCRAM-SHA-256-PLUS on a link, for both servers; see signin_client.h. */
#include "mc/signin_client.h"

#include <stdio.h>
#include <string.h>

enum outcome
signin_client_step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	struct signin_client *s = role;

	switch (auth_client_step(s->auth, message, out, e)) {
	case AUTH_DONE:
		return DONE;
	case AUTH_MORE:
		if (!last)
			return DONE;
		err_set(e, REFUSAL_auth_failed, "the server did not prove that it knows you");
		break;
	case AUTH_FAILED:
		break;
	}
	s->own = true;
	return REFUSED;
}

void
signin_client_signed_in(void *role, const struct err *e)
{
	struct signin_client *s = role;

	s->done = true;
	s->ok = e == NULL;
	if (e != NULL)
		s->err = *e;
	link_wake(s->link);
}

static bool
is_broken(enum refusal why)
{
	return why == REFUSAL_unreachable || why == REFUSAL_tls_truncated ||
	    why == REFUSAL_tls_failed || why == REFUSAL_bad_reply;
}

void
signin_client_fault(const struct signin_client *s, const struct err *e, struct fault *f)
{
	*f = (struct fault) { .err = *e };
	if (is_broken(e->why))
		err_prefix(&f->err, "%s", link_host(s->link));
	else
		snprintf(f->host, sizeof f->host, "%s", link_host(s->link));
}

bool
signin_client_run(struct signin_client *s, struct account *a, void *client,
    bool (*begin)(void *client, const char *mechanism), struct fault *f)
{
	unsigned char binding[32];

	*f = (struct fault) { .host = "" };
	s->done = s->ok = s->own = false;
	if (!link_binding(s->link, binding))
		return err_set(&f->err, REFUSAL_unreachable, "the connection is gone");
	if (!auth_client_new(span_str(a->config.address), span_str(a->password),
		span_of(binding, sizeof binding), &a->cache, &s->auth, &f->err))
		return false;
	if (begin(client, auth_client_mechanism(s->auth))) {
		link_kick(s->link);
		(void)link_wait(s->link, &s->done, 0);
	}
	auth_client_free(&s->auth);
	if (!s->done)
		err_set(&s->err, REFUSAL_unreachable, "the connection broke");
	if (!s->ok)
		signin_client_fault(s, &s->err, f);
	if (s->own)
		f->host[0] = '\0';
	return s->ok;
}
