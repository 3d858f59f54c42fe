/* mailbox_service — the IMS's side of mailbox; see mailbox_service.h. */
#include "ims/mailbox/mailbox_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/auth/signin.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/net/reply_context.h"
#include "common/share/share.h"
#include "ims/fetch/acknowledger.h"
#include "ims/fetch/fetcher.h"
#include "ims/mailbox/mailbox_row.h"
#include "ims/store/store.h"
#include "proto/mailbox_server.h"

struct session {
	struct mailbox_server server; /* first: what conn moves */
	struct ims_worker *worker;
	struct conn *conn;
	struct signin *signin;
	LIST_HEAD(reads, pending_reply) reads; /* fetches that it waits for */
};

/* What the answer to a request needs once the store or a fetch is done. */
struct pending_reply {
	struct reply_context to;
	struct ims_worker *worker;
	bool summary;
	uint64_t size; /* of the letter, or of its summary */
	/* of a fetch */
	LIST_ENTRY(pending_reply) link; /* while the session lives */
	struct fetcher_question q;
	uint64_t ticket;
	struct share_hold held; /* of the user's letters that are waited for */
};

static struct pending_reply *
pending_reply_new(const struct session *s)
{
	struct pending_reply *x = memory_new(sizeof *x);

	x->to = reply_context_of(s->worker->loop, s->conn, s->server.sasl.server.request);
	x->worker = s->worker;
	return x;
}

static void
fault(void *role, const struct err *e)
{
	signin_log_refused(((struct session *)role)->signin, "mailbox.refused", NULL, e);
}

/* -- signing in ---------------------------------------------------------------------------------- */

static enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said, struct err *e)
{
	struct session *s = role;

	(void)e;
	return signin_step(s->signin, mechanism, message, s->server.sasl.server.request,
		   &said->message, &said->signed_in)
	    ? DONE
	    : PENDING;
}

static bool
admit(void *role, struct err *e)
{
	return daemon_open_for_work(((struct session *)role)->worker->ims->daemon, e);
}

/* -- reading --------------------------------------------------------------------------------------- */

static void
listed(void *arg, const struct ims_row *rows, size_t n, bool more, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);
	struct buf page = BUF_INIT;
	size_t written;

	if (s != NULL) {
		written = mailbox_rows_write(&page, rows, n);
		if (mailbox_server_page(&s->server, x->to.request, buf_span(&page),
			more || written < n, e))
			conn_kick(s->conn);
	}
	buf_clear(&page);
	free(x);
}

static enum outcome
list(void *role, uint64_t after, struct buf *page, bool *more, struct err *e)
{
	struct session *s = role;

	(void)page;
	(void)more;
	(void)e;
	ims_store_list(s->worker->ims->store, signin_owner(s->signin), after, ROW_PAGE_ROWS,
	    s->worker->loop, listed, pending_reply_new(s));
	return PENDING;
}

static void
body_found(void *arg, struct source *body, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);
	struct mailbox_found found = { body, x->size };

	if (s == NULL && body != NULL)
		body->free(body);
	if (s != NULL &&
	    mailbox_server_found_take(&s->server, x->to.request, e == NULL ? &found : NULL, e))
		conn_kick(s->conn);
	free(x);
}

static void
find_body(struct pending_reply *x, const struct ims_letter *l)
{
	x->size = x->summary ? l->summary_size : l->size;
	ims_store_body(x->worker->ims->store, l, x->worker->loop, body_found, x);
}

static void
fetched(void *arg, const struct ims_letter *l, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);

	if (s != NULL)
		LIST_REMOVE(x, link);
	share_release(daemon_share(x->worker->ims->daemon), &x->held, 1,
	    loop_now_ms(x->worker->loop));
	if (e == NULL && s != NULL)
		find_body(x, l);
	else
		body_found(x, NULL, e);
}

static void
progress(void *arg, uint64_t got, uint64_t size)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);

	if (s != NULL && mailbox_server_progress(&s->server, x->to.request, got, size))
		conn_kick(s->conn);
}

/* Has the letter fetched.  False: the user waits for too many already. */
static bool
fetch(struct session *s, const struct ims_letter *l, struct pending_reply *x, struct err *e)
{
	if (RULE(too_many_outstanding) &&
	    !share_hold(daemon_share(s->worker->ims->daemon), &x->held, SHARE_reads,
		span_str(signin_user(s->signin)), 1, loop_now_ms(s->worker->loop), e))
		return false;
	x->q = (struct fetcher_question) { .letter = *l,
		.loop = s->worker->loop,
		.progress = x->summary ? NULL : progress,
		.done = fetched,
		.arg = x };
	LIST_INSERT_HEAD(&s->reads, x, link);
	x->ticket = fetcher_ask(s->worker->ims, &x->q);
	return true;
}

/* Nothing is fetched for a session that has ended. */
static void
notice_found(void *arg, const struct ims_row *row, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);
	struct err why;

	if (e != NULL || s == NULL) {
		body_found(x, NULL, e);
		return;
	}
	switch (row->letter.state) {
	case MAILBOX_HERE:
		find_body(x, &row->letter);
		return;
	case MAILBOX_HELD:
	case MAILBOX_FETCHING:
	case MAILBOX_GONE: /* is requested again: its server may have come back */
		if (fetch(s, &row->letter, x, &why))
			return;
		break;
	default:
		err_word(&why,
		    row->letter.why != REFUSAL_NONE ? row->letter.why : REFUSAL_internal);
		break;
	}
	body_found(x, NULL, &why);
}

static enum outcome
read_letter(struct session *s, uint64_t number, bool summary)
{
	struct pending_reply *x = pending_reply_new(s);

	x->summary = summary;
	ims_store_notice(s->worker->ims->store, signin_owner(s->signin), number, s->worker->loop,
	    notice_found, x);
	return PENDING;
}

static enum outcome
read_op(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	(void)found;
	(void)e;
	return read_letter(role, number, false);
}

static enum outcome
summary_op(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	(void)found;
	(void)e;
	return read_letter(role, number, true);
}

/* -- changing ----------------------------------------------------------------------------------------- */

static void
changed(void *arg, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);

	if (s != NULL && mailbox_server_answer(&s->server, x->to.request, e))
		conn_kick(s->conn);
	free(x);
}

/* Its sender is to hear of it, if nobody here wants it any more. */
static void
declined(void *arg, const struct err *e)
{
	struct pending_reply *x = arg;

	if (e == NULL)
		acknowledger_soon(x->worker->ims);
	changed(x, e);
}

static enum outcome
mark(void *role, uint64_t number, unsigned set, unsigned cleared, struct err *e)
{
	struct session *s = role;

	(void)e;
	ims_store_mark(s->worker->ims->store, signin_owner(s->signin), number, set, cleared,
	    s->worker->loop, changed, pending_reply_new(s));
	return PENDING;
}

static enum outcome
drop(void *role, uint64_t number, struct err *e)
{
	struct session *s = role;

	(void)e;
	ims_store_drop(s->worker->ims->store, signin_owner(s->signin), number, false,
	    s->worker->loop, changed, pending_reply_new(s));
	return PENDING;
}

static enum outcome
decline(void *role, uint64_t number, struct err *e)
{
	struct session *s = role;

	(void)e;
	ims_store_drop(s->worker->ims->store, signin_owner(s->signin), number, true,
	    s->worker->loop, declined, pending_reply_new(s));
	return PENDING;
}

static const struct mailbox_server_ops ops = {
	.sasl = { .server = { .admit = admit, .fault = fault }, .auth = auth },
	.list = list,
	.summary = summary_op,
	.read = read_op,
	.mark = mark,
	.drop = drop,
	.decline = decline,
};

/* -- the connection ------------------------------------------------------------------------------------- */

static void
session_up(struct conn *c, void *role)
{
	struct session *s = role;
	struct err e;

	if (!signin_new(&s->signin, s->worker->desk, c, "mailbox", sasl_server_refuse,
		&s->server.sasl, &e)) {
		conn_drop(c, &e);
		return;
	}
	mailbox_server_init(&s->server, &ops, s);
	conn_set_engine(c, &s->server.sasl.server.engine);
}

static void
session_ended(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;
	struct pending_reply *x;

	(void)c;
	(void)why;
	while ((x = LIST_FIRST(&s->reads)) != NULL) {
		LIST_REMOVE(x, link);
		fetcher_give_up(s->worker->ims, &x->q, x->ticket);
	}
	if (s->signin != NULL)
		mailbox_server_clear(&s->server);
	signin_free(&s->signin);
	free(s);
}

static const struct conn_events events = { .up = session_up, .forget_conn = session_ended };

void
mailbox_service_incoming(struct ims_worker *w, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->conn = conn_accept(w->loop, in, w->ims->tls, TLS_USERS, MAILBOX_ALPN, &events, s);
}
