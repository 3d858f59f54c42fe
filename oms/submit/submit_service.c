/* submit_service — the OMS's side of submit; see submit_service.h. */
#include "oms/submit/submit_service.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/auth/signin.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/net/reply_context.h"
#include "common/text/idn.h"
#include "oms/store/store.h"
#include "oms/submit/letter.h"
#include "oms/submit/letter_reply.h"
#include "oms/submit/recipient.h"
#include "proto/submit_server.h"

struct session {
	struct submit_server server; /* first: what conn moves */
	struct oms_worker *worker;
	struct conn *conn;
	struct signin *signin;
	struct letter *letter; /* NULL: none is being received */
	struct recipient_checks checks;
};

static void
fault(void *role, const struct err *e)
{
	signin_log_refused(((struct session *)role)->signin, "submit.refused", NULL, e);
}

/* -- signing in ------------------------------------------------------------------------------------ */

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
	return daemon_open_for_work(((struct session *)role)->worker->oms->daemon, e);
}

/* -- a letter ------------------------------------------------------------------------------------------ */

static enum outcome
do_from(void *role, const char *address, struct err *e)
{
	struct session *s = role;
	bool owns = accounts_owns_fresh(s->worker->oms->accounts, signin_owner(s->signin),
	    span_str(address));

	recipient_checks_clear(&s->checks);
	if (!RULE(bad_from) || owns)
		return DONE;
	err_set(e, REFUSAL_bad_from, "%s is not an address of %s", address, signin_user(s->signin));
	return REFUSED;
}

static void
recipient_checked_now(void *arg, const char *address, const struct err *e)
{
	struct session *s = arg;

	if (e != NULL)
		signin_log_refused(s->signin, "submit.refused", address, e);
	if (submit_server_answer(&s->server, s->server.sasl.server.request, e))
		conn_kick(s->conn);
}

/* The notifier finds out whether the domain knows the recipient. */
static enum outcome
do_to(void *role, const char *address, struct err *e)
{
	struct session *s = role;

	(void)e;
	return recipient_check(&s->checks, s->worker, address, recipient_checked_now, s)
	    ? PENDING
	    : DONE; /* at once: the replies to FROM and TO are sent together */
}

static void
disk_ready(void *arg)
{
	struct session *s = arg;

	submit_server_pause(&s->server, false);
	conn_kick(s->conn);
}

static void
octets_may_come(void *arg, const struct err *e)
{
	struct session *s = arg;

	if (e == NULL) {
		letter_when_ready(s->letter, disk_ready, s);
	} else {
		letter_free(&s->letter);
	}
	if (submit_server_answer(&s->server, s->server.sasl.server.request, e))
		conn_kick(s->conn);
}

static enum outcome
begin_letter(void *role, const struct submit_envelope *env, struct err *e)
{
	struct session *s = role;
	const struct letter_envelope letter = {
		.from = env->from,
		.to = env->to,
		.n_to = env->n_to,
		.hold_days = env->hold_days,
		.octets = env->octets,
		.token = env->token,
		.by_smtp = s->checks.by_smtp,
	};

	return letter_new(s->worker, signin_owner(s->signin), &letter, octets_may_come, s,
		   &s->letter, e)
	    ? PENDING
	    : REFUSED;
}

static void
add_octets(void *role, struct span piece)
{
	struct session *s = role;

	letter_add(s->letter, piece);
	if (letter_is_full(s->letter))
		submit_server_pause(&s->server, true);
}

static void
letter_taken(void *arg, const struct ulid *id, const struct err *e)
{
	struct letter_reply *x = arg;
	struct session *s = reply_context_session(&x->to);

	letter_reply_log(x, "submit.letter", id, e);
	if (s != NULL && submit_server_taken(&s->server, x->to.request, id, e))
		conn_kick(s->conn);
	free(x);
}

static enum outcome
end_letter(void *role, struct ulid *id, struct err *e)
{
	struct session *s = role;
	struct letter *l = s->letter;
	struct letter_reply *x = letter_reply_new(reply_context_of(s->worker->loop, s->conn,
						      s->server.sasl.server.request),
	    signin_user(s->signin), s->server.letter->octets, s->server.letter->n_to);

	(void)id;
	s->letter = NULL;
	if (letter_finish_take(l, letter_taken, x, e))
		return PENDING;
	log_fact_of(span_str(signin_user(s->signin)), LOG_WARN, "submit.letter",
	    "sid=%llx user=%s word=%s text=%s", (unsigned long long)x->to.conn,
	    signin_user(s->signin), refusal_word(e->why), log_str(e->text));
	free(x);
	return REFUSED;
}

/* -- the outbox -------------------------------------------------------------------------------------- */

static void
write_recipient(struct buf *page, const struct oms_delivery *d, const struct oms_recipient *r)
{
	struct submit_recipient row = {
		.state = r->state,
		.since_s = r->since_s,
		.by = r->by,
		.tries = d->tries,
		.next_s = r->state == SUBMIT_WAITING ? d->next_ms / 1000 : 0,
		.by_smtp = d->road == OMS_ROAD_SMTP,
		.no_recall = oms_recipient_is_given(r),
	};

	span_copy(span_str(r->address), row.to, sizeof row.to);
	span_copy(span_str(r->word), row.word, sizeof row.word);
	span_copy(span_str(r->text), row.text, sizeof row.text);
	span_copy(domain_span(&r->host), row.host, sizeof row.host);
	span_copy(span_str(r->secured), row.secured, sizeof row.secured);
	submit_recipient_write(page, &row);
}

static void
write_letter(struct buf *page, const struct oms_listed *x)
{
	struct submit_letter row = {
		.id = x->letter.id,
		.date_s = x->letter.date_s,
		.hold_until_s = x->letter.hold_until_s,
		.size = x->letter.size,
	};

	span_copy(span_str(x->letter.from), row.from, sizeof row.from);
	submit_letter_write(page, &row);
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->deliveries[i].n_recipients; k++)
			write_recipient(page, &x->deliveries[i], &x->deliveries[i].recipients[k]);
}

/* Whole letters, as many as a page takes. */
static void
letters_listed(void *arg, const struct oms_listed *letters, size_t n, bool more,
    const struct err *e)
{
	struct reply_context *to = arg;
	struct session *s = reply_context_session(to);
	struct buf page = BUF_INIT;
	size_t i = 0;

	for (; s != NULL && i < n && page.len < ROW_PAGE_BYTES; i++)
		write_letter(&page, &letters[i]);
	if (s != NULL &&
	    submit_server_page(&s->server, to->request, buf_span(&page), more || i < n, e))
		conn_kick(s->conn);
	buf_clear(&page);
	free(to);
}

static struct reply_context *
context_new(const struct session *s)
{
	struct reply_context *to = memory_new(sizeof *to);

	*to = reply_context_of(s->worker->loop, s->conn, s->server.sasl.server.request);
	return to;
}

static enum outcome
do_status(void *role, const struct ulid *id, struct buf *page, struct err *e)
{
	struct session *s = role;

	(void)page;
	(void)e;
	oms_store_status(s->worker->oms->store, signin_owner(s->signin), id, s->worker->loop,
	    letters_listed, context_new(s));
	return PENDING;
}

static enum outcome
do_outbox(void *role, const struct ulid *after, struct buf *page, bool *more, struct err *e)
{
	struct session *s = role;

	(void)page;
	(void)more;
	(void)e;
	oms_store_outbox(s->worker->oms->store, signin_owner(s->signin), after, s->worker->loop,
	    letters_listed, context_new(s));
	return PENDING;
}

static const struct submit_server_ops ops = {
	.sasl = { .server = { .admit = admit, .fault = fault }, .auth = auth },
	.from = do_from,
	.to = do_to,
	.begin = begin_letter,
	.body = add_octets,
	.end = end_letter,
	.status = do_status,
	.outbox = do_outbox,
	.a_label = idn_a_label,
};

/* -- the connection --------------------------------------------------------------------------------------- */

static void
session_up(struct conn *c, void *role)
{
	struct session *s = role;
	struct err e;

	if (!signin_new(&s->signin, s->worker->desk, c, "submit", sasl_server_refuse,
		&s->server.sasl, &e)) {
		conn_drop(c, &e);
		return;
	}
	submit_server_init(&s->server, &ops, s);
	conn_set_engine(c, &s->server.sasl.server.engine);
}

static void
session_ended(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	(void)why;
	letter_free(&s->letter);
	recipient_checks_clear(&s->checks);
	if (s->signin != NULL)
		submit_server_clear(&s->server);
	signin_free(&s->signin);
	free(s);
}

static const struct conn_events events = { .up = session_up, .forget_conn = session_ended };

void
submit_service_incoming(struct oms_worker *w, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->conn = conn_accept(w->loop, in, w->oms->tls, TLS_USERS, SUBMIT_ALPN, &events, s);
}
