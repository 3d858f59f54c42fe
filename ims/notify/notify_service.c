/* notify_service — the IMS's side of notify; see notify_service.h. */
#include "ims/notify/notify_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/dns/publication.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/pki/sign.h"
#include "common/share/share_key.h"
#include "common/share/share_peer.h"
#include "common/text/digest.h"
#include "common/text/idn.h"
#include "ims/notify/notify_batch_job.h"
#include "proto/notify_server.h"

struct session {
	struct notify_server server; /* first: what conn moves */
	struct ims_worker *worker;
	struct conn *conn;
	struct notify_sender sender;
	bool certified;                        /* the peer's certificate names sender.domain */
	struct sign_verifier *verifier;        /* of its seals; NULL before the first */
	struct publication_query *publication; /* for HELLO */
	struct spf_asked *asking;              /* for HELLO */
	bool refusal_logged;                   /* by conn: why the peer's certificate is no good */
	uint64_t hello;                        /* the request that waits for SPF */
	struct share_peer_hold memory;         /* of what is gathered and of replies */
	struct share_peer_hold place;          /* among the sessions of its domain and address */
};

static struct share *
share_of(const struct session *s)
{
	return daemon_share(s->worker->ims->daemon);
}

static struct span
key_of(const struct session *s)
{
	return share_key_domain(domain_span(&s->sender.domain));
}

static const struct sockaddr *
address_of(const struct session *s)
{
	return (const struct sockaddr *)&conn_peer(s->conn)->address;
}

static void
log_session(const struct session *s, enum log_level level, const char *event, const struct err *e)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(s->certified ? key_of(s) : conn_peer_key(s->conn, text), level, event,
	    "sid=%llx peer=%s domain=%s word=%s text=%s", (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host,
	    log_str(s->sender.domain.text[0] != '\0' ? s->sender.domain.text : "-"),
	    refusal_word(e->why), log_str(e->text));
}

/* -- what the engine asks --------------------------------------------------------------------- */

static void
fault(void *role, const struct err *e)
{
	log_session(role, LOG_WARN, "notify.refused", e);
}

static bool
admit(void *role, struct err *e)
{
	struct session *s = role;

	if (daemon_open_for_work(s->worker->ims->daemon, e) &&
	    tls_peer_check(conn_peer(s->conn), s->worker->ims->tls, e))
		return true;
	if (!s->refusal_logged)
		log_session(s, LOG_WARN, "notify.refused", e);
	return false;
}

static void
hello_judged(void *arg, const struct spf_verdict *v)
{
	struct session *s = arg;
	struct err e;
	bool welcome = v->depends_on_local_part || spf_accept(v, &e);

	s->asking = NULL;
	notify_sender_judged(&s->sender, v, loop_now_ms(s->worker->loop));
	if (!welcome)
		log_session(s, LOG_WARN, "notify.refused", &e);
	else
		log_fact_of(key_of(s), LOG_INFO, "notify.hello",
		    "sid=%llx peer=%s domain=%s spf=%s issuer=%s",
		    (unsigned long long)conn_id(s->conn), conn_peer(s->conn)->host,
		    s->sender.domain.text, spf_result_word(v->result),
		    log_str(chain_issuer(conn_peer(s->conn)->chain)));
	if (notify_server_hello_answer(&s->server, s->hello, welcome ? NULL : &e))
		conn_kick(s->conn);
}

static void
ask_spf(struct session *s)
{
	struct span domain = domain_span(&s->sender.domain);

	s->asking = spf_home_check(s->worker->spf,
	    (const struct sockaddr *)&conn_peer(s->conn)->address, domain, domain, hello_judged, s);
}

static void
publication_found(void *arg, bool published, const struct err *why)
{
	struct session *s = arg;
	struct err e;

	s->publication = NULL;
	if (publication_counts(s->sender.domain.text, published, why, &e)) {
		ask_spf(s);
		return;
	}
	log_session(s, LOG_WARN, "notify.refused", &e);
	if (notify_server_hello_answer(&s->server, s->hello, &e))
		conn_kick(s->conn);
}

/* SPF is judged here for the domain.  If its record depends on the local part, each sender address is
 * judged when its statements come. */
static enum outcome
hello(void *role, const char *domain, struct err *e)
{
	struct session *s = role;
	struct tls_peer *peer = conn_peer(s->conn);

	s->sender.domain = domain_copy(domain);
	if (!tls_peer_names(peer, domain, e)) {
		log_session(s, LOG_WARN, "notify.refused", e);
		return REFUSED;
	}
	s->certified = true;
	if (RULE(too_many_connections) &&
	    !share_peer_hold(share_of(s), &s->place, SHARE_sessions, key_of(s), address_of(s), 1,
		loop_now_ms(s->worker->loop), e)) {
		log_session(s, LOG_WARN, "notify.refused", e);
		return REFUSED;
	}
	s->hello = s->server.server.request;
	if (tls_peer_names_by_label(peer, domain))
		s->publication = publication_find(s->worker->dns, domain, address_of(s),
		    publication_found, s);
	else
		ask_spf(s);
	return PENDING;
}

static bool
verify(void *role, enum seal_alg alg, struct span text, struct span signature, struct err *e)
{
	struct session *s = role;

	if (s->verifier == NULL)
		s->verifier = sign_verifier_new(conn_peer(s->conn)->chain);
	return sign_verifier_check(s->verifier, seal_alg_name(alg), text, signature, e);
}

static void
take_batch(void *role, struct notify_batch *b)
{
	struct session *s = role;

	notify_batch_job_take(s->worker, s->conn, &s->sender, b);
}

/* Brings the session's share of memory to `bytes`. */
static bool
hold(void *role, size_t bytes, bool forced, struct err *e)
{
	struct session *s = role;
	struct share *share = share_of(s);
	int64_t more = (int64_t)bytes - s->memory.domain.n, now_ms = loop_now_ms(s->worker->loop);

	if (more <= 0) {
		share_peer_release(share, &s->memory, -more, now_ms);
		return true;
	}
	if (forced)
		return share_peer_force(share, &s->memory, SHARE_gathered, key_of(s), address_of(s),
		    more, now_ms);
	if (share_peer_hold(share, &s->memory, SHARE_gathered, key_of(s), address_of(s), more,
		now_ms, e))
		return true;
	log_session(s, LOG_WARN, "notify.refused", e);
	return false;
}

static int64_t
wall_s(void *role)
{
	(void)role;
	return clock_wall_ms() / 1000;
}

static const struct notify_server_ops ops = {
	.server = { .admit = admit, .fault = fault },
	.hello = hello,
	.verify = verify,
	.accept_take = take_batch,
	.hold = hold,
	.wall_s = wall_s,
	.sha256 = digest_sha256,
	.a_label = idn_a_label,
};

/* -- the connection ------------------------------------------------------------------------------ */

static void
session_up(struct conn *c, void *role)
{
	struct session *s = role;

	s->refusal_logged = conn_peer(c)->verdict.why != REFUSAL_NONE;
	notify_server_init(&s->server, conn_peer(c)->sni, &ops, s);
	conn_set_engine(c, &s->server.server.engine);
}

static void
session_ended(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	if (why != NULL)
		log_session(s, LOG_INFO, "notify.gone", why);
	publication_cancel(&s->publication);
	if (s->asking != NULL)
		spf_home_cancel(&s->asking);
	notify_server_clear(&s->server);
	share_peer_release(share_of(s), &s->memory, s->memory.domain.n,
	    loop_now_ms(s->worker->loop));
	share_peer_release(share_of(s), &s->place, 1, loop_now_ms(s->worker->loop));
	notify_sender_clear(&s->sender);
	sign_verifier_free(&s->verifier);
	free(s);
}

static const struct conn_events events = { .up = session_up, .forget_conn = session_ended };

void
notify_service_incoming(struct ims_worker *w, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->conn = conn_accept(w->loop, in, w->ims->tls, TLS_PEERS, NOTIFY_ALPN, &events, s);
}
