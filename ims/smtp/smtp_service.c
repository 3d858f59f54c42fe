/* smtp_service — the session; see smtp_service.h. */
#include "ims/smtp/smtp_service.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/share/share_key.h"
#include "common/text/idn.h"
#include "ims/smtp/smtp_transaction.h"

static struct share *
share_of(const struct smtp_session *s)
{
	return daemon_share(s->worker->ims->daemon);
}

const struct sockaddr *
smtp_session_address(const struct smtp_session *s)
{
	return (const struct sockaddr *)&conn_peer(s->conn)->address;
}

static void
log_session(const struct smtp_session *s, enum log_level level, const char *event,
    const struct err *e)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(s->conn, text), level, event,
	    "sid=%llx peer=%s ehlo=%s word=%s text=%s", (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host, log_str(s->as_came[0] != '\0' ? s->as_came : "-"),
	    refusal_word(e->why), log_str(e->text));
}

/* -- the host ------------------------------------------------------------------------------------- */

void
smtp_session_judge(struct smtp_session *s, const struct conf_pairs *names, struct smtp_heard *out)
{
	struct tls_peer *peer = conn_peer(s->conn);
	const char *name = smtp_certificate_name(names, s->host.text);
	struct err e;

	out->ehlo = s->ehlo;
	out->certificate.why = out->name.why = REFUSAL_NONE;
	if (!tls_peer_check(peer, s->worker->ims->tls, &out->certificate) ||
	    s->ehlo != SMTP_NAME_HOST)
		return;
	if (!tls_peer_names_host(peer, name, &e))
		err_set(&out->name, REFUSAL_ehlo_mismatch, "EHLO says %s: %s", s->host.text,
		    e.text);
}

bool
smtp_session_certify(struct smtp_session *s, struct err *e)
{
	return s->certified.n > 0 || !RULE(too_many_connections) ||
	    share_hold(share_of(s), &s->certified, SHARE_sessions,
		share_key_domain(domain_span(&s->host)), 1, loop_now_ms(s->worker->loop), e);
}

/* -- what the engine asks ------------------------------------------------------------------------- */

static void
fault(void *role, const struct err *e)
{
	log_session(role, LOG_WARN, "smtp.refused", e);
}

static bool
admit(void *role, struct err *e)
{
	struct smtp_session *s = role;

	if (!daemon_open_for_work(s->worker->ims->daemon, e))
		return false;
	if (RULE(too_many_connections) && s->full.why != REFUSAL_NONE) {
		*e = s->full;
		return false;
	}
	return true;
}

static void
hello(void *role, const struct smtp_name *name)
{
	struct smtp_session *s = role;

	s->ehlo = name->kind;
	s->host = (struct domain) { 0 };
	if (name->kind == SMTP_NAME_HOST)
		s->host = name->host;
	span_copy(span_sub(name->as_came, 0, sizeof s->as_came - 1), s->as_came, sizeof s->as_came);
	share_release(share_of(s), &s->certified, s->certified.n, loop_now_ms(s->worker->loop));
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *m, struct err *e)
{
	struct smtp_session *s = role;

	(void)request;
	return smtp_transaction_new(s, m, &s->letter, e) ? DONE : REFUSED;
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	return smtp_transaction_rcpt(((struct smtp_session *)role)->letter, request, to, e);
}

static enum outcome
data(void *role, uint64_t request, struct err *e)
{
	(void)request;
	return smtp_transaction_data(((struct smtp_session *)role)->letter, e);
}

static void
octets(void *role, struct span piece)
{
	smtp_transaction_octets(((struct smtp_session *)role)->letter, piece);
}

static enum outcome
end(void *role, uint64_t request, struct err *e)
{
	return smtp_transaction_end(((struct smtp_session *)role)->letter, request, e);
}

static void
reset(void *role)
{
	smtp_transaction_free(&((struct smtp_session *)role)->letter);
}

static const struct smtp_server_ops ops = {
	.admit = admit,
	.fault = fault,
	.a_label = idn_a_label,
	.hello = hello,
	.mail = mail,
	.rcpt = rcpt,
	.data = data,
	.octets = octets,
	.end = end,
	.reset = reset,
};

/* -- the connection ------------------------------------------------------------------------------- */

static void
session_up(struct conn *c, void *role)
{
	struct smtp_session *s = role;
	char text[SHARE_KEY_ADDRESS_BYTES];

	share_hold(share_of(s), &s->address, SHARE_sessions_address, conn_peer_key(c, text), 1,
	    loop_now_ms(s->worker->loop), &s->full);
	s->config = (struct smtp_server_config) {
		.name = s->conf->smtp.name.text,
		.contact = s->conf->smtp.contact[0] != '\0' ? s->conf->smtp.contact : NULL,
		.size_max = conf_message_most(s->conf),
		.starttls = true,
	};
	smtp_server_init(&s->server, &s->config, &ops, s);
	conn_set_engine(c, &s->server.engine);
}

static void
session_ended(struct conn *c, void *role, const struct err *why)
{
	struct smtp_session *s = role;
	int64_t now_ms = loop_now_ms(s->worker->loop);

	(void)c;
	if (why != NULL)
		log_session(s, LOG_INFO, "smtp.gone", why);
	smtp_transaction_free(&s->letter);
	smtp_server_clear(&s->server);
	share_release(share_of(s), &s->address, s->address.n, now_ms);
	share_release(share_of(s), &s->certified, s->certified.n, now_ms);
	conf_unref(&s->conf);
	free(s);
}

static const struct conn_events events = { .up = session_up, .forget_conn = session_ended };

void
smtp_service_incoming(struct ims_worker *w, struct listen_incoming *in)
{
	struct smtp_session *s = memory_new(sizeof *s);

	s->worker = w;
	s->conf = daemon_conf(w->ims->daemon);
	s->conn = conn_accept(w->loop, in, w->ims->tls, TLS_SMTP_IN, NULL, &events, s);
}
