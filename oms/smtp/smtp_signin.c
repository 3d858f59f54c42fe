/* smtp_signin — signs in at a smarthost; see smtp_signin.h. */
#include "oms/smtp/smtp_signin.h"

#include <stdlib.h>

#include "common/auth/auth.h"
#include "common/base/base64.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"

struct smtp_signin {
	struct loop *loop;
	struct offload *offload;
	struct offload_job job;
	const struct smtp_signin_ops *ops;
	void *role;                /* NULL: it is freed once the job is over */
	struct auth_client *scram; /* NULL: PLAIN */
	bool begun, running, proved;
	struct buf in, out;
	enum auth_result result;
	struct err why;
};

static void
wipe(struct smtp_signin *g)
{
	auth_client_free(&g->scram);
	buf_clear(&g->in);
	buf_clear(&g->out);
	free(g);
}

/* On a thread of the pool. */
static void
work(void *arg)
{
	struct smtp_signin *g = arg;

	buf_reset(&g->out);
	g->result = auth_client_step(g->scram, buf_span(&g->in), &g->out, &g->why);
}

static void
worked(void *arg)
{
	struct smtp_signin *g = arg;
	const char *name = g->scram != NULL ? AUTH_PLAIN_SCRAM : "PLAIN";
	const char *mechanism = g->begun ? NULL : name;

	g->running = false;
	if (g->role == NULL) {
		wipe(g);
		return;
	}
	g->begun = true;
	if (g->result == AUTH_FAILED) {
		g->ops->failed(g->role, &g->why);
		return;
	}
	g->proved = g->result == AUTH_DONE;
	g->ops->say(g->role, mechanism, buf_span(&g->out));
}

static void
step(struct smtp_signin *g)
{
	g->running = true;
	g->job = (struct offload_job) { .home = g->loop, .work = work, .done = worked, .arg = g };
	if (!offload_take(g->offload, &g->job))
		g->running = false; /* the daemon ends, and its connections with it */
}

/* message = [ authzid ] NUL authcid NUL passwd.  A server that takes the password proves nothing but its certificate. */
static void
say_plain(struct smtp_signin *g, struct span user, struct span password)
{
	buf_add(&g->in, "", 1);
	buf_add(&g->in, user.p, user.n);
	buf_add(&g->in, "", 1);
	buf_add(&g->in, password.p, password.n);
	base64_add(&g->out, g->in.data, g->in.len);
	buf_clear(&g->in);
	g->result = AUTH_DONE;
	g->running = true;
	loop_post(g->loop, worked, g);
}

bool
smtp_signin_begin(struct smtp_signin **out, struct loop *l, struct offload *o,
    const struct smtp_offers *offers, struct span user, struct span password,
    const struct smtp_signin_ops *ops, void *role, struct err *e)
{
	struct smtp_signin *g;

	if (!offers->auth_scram && !offers->auth_plain)
		return err_set(e, REFUSAL_auth_mechanism,
		    "the smarthost offers neither " AUTH_PLAIN_SCRAM " nor PLAIN");
	g = memory_new(sizeof *g);
	g->loop = l;
	g->offload = o;
	g->ops = ops;
	g->role = role;
	if (!offers->auth_scram) {
		say_plain(g, user, password);
	} else if (auth_client_new(user, password, SPAN_LIT(""), NULL, &g->scram, e)) {
		step(g);
	} else {
		wipe(g);
		return false;
	}
	*out = g;
	return true;
}

void
smtp_signin_free(struct smtp_signin **gp)
{
	struct smtp_signin *g = *gp;

	*gp = NULL;
	if (g == NULL)
		return;
	g->role = NULL;
	if (!g->running)
		wipe(g);
}

/* One that comes while another is being worked at is no answer to anything of ours. */
void
smtp_signin_challenge(struct smtp_signin *g, struct span message)
{
	struct err e;

	if (g->running || g->scram == NULL || g->proved) {
		err_set(&e, REFUSAL_bad_reply, "the smarthost asks what it may not ask");
		g->ops->failed(g->role, &e);
		return;
	}
	buf_reset(&g->in);
	buf_add(&g->in, message.p, message.n);
	step(g);
}

bool
smtp_signin_is_proved(const struct smtp_signin *g, struct err *e)
{
	return !RULE(auth_failed) || g->proved ||
	    err_set(e, REFUSAL_auth_failed,
		"the smarthost says that we are signed in, and has not proved that it knows the password");
}
