/* fetch_service — the OMS's side of fetch; see fetch_service.h. */
#include "oms/fetch/fetch_service.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/dns/designation.h"
#include "common/dns/publication.h"
#include "common/net/conn.h"
#include "common/net/reply_context.h"
#include "common/share/share_peer.h"
#include "common/text/idn.h"
#include "oms/store/store.h"
#include "proto/fetch_server.h"

struct request {
	enum { HELLO, SUMMARY, FETCH, DONE_WITH, DECLINE } kind;
	struct ulid id;
	uint64_t offset;
	uint64_t number; /* server.request */
};

struct session {
	struct fetch_server server; /* first: what conn moves */
	struct oms_worker *worker;
	struct conn *conn;
	struct domain domain;                /* of HELLO */
	struct request waiting[FETCH_AHEAD]; /* for DNS; HELLO is alone */
	size_t n_waiting;
	int64_t until_ms;                      /* monotonic; the peer is designated until then */
	struct publication_query *publication; /* for HELLO */
	struct designation_query *finding;
	struct spf_asked *asking;
	bool unsure;                  /* the address of one of the domain's hosts is not known */
	bool logged;                  /* conn has logged why the peer is refused */
	struct share_peer_hold place; /* among the sessions of its domain and address */
};

/* What the answer to a request needs once the store has written. */
struct pending_reply {
	struct reply_context to;
	struct oms_worker *worker;
	uint64_t offset;
	struct ulid id;
};

static void
log_session(const struct session *s, enum log_level level, const char *event, const struct err *e)
{
	char key[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(s->conn, key), level, event,
	    "sid=%llx peer=%s domain=%s word=%s text=%s", (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host, s->domain.text[0] != '\0' ? s->domain.text : "-",
	    e == NULL ? "ok" : refusal_word(e->why), e == NULL ? "-" : log_str(e->text));
}

static void
fault(void *role, const struct err *e)
{
	log_session(role, LOG_WARN, "fetch.refused", e);
}

static bool
admit(void *role, struct err *e)
{
	struct session *s = role;

	if (daemon_open_for_work(s->worker->oms->daemon, e) &&
	    tls_peer_check(conn_peer(s->conn), s->worker->oms->tls, e))
		return true;
	if (!s->logged)
		log_session(s, LOG_WARN, "fetch.refused", e);
	return false;
}

/* -- whether the peer is designated ------------------------------------------------------------------------ */

static void run_request(struct session *s, const struct request *w);

static void
answer_hello(struct session *s, const struct err *e)
{
	if (e == NULL)
		log_session(s, LOG_INFO, "fetch.hello", NULL);
	if (fetch_server_answer(&s->server, s->server.server.request, e))
		conn_kick(s->conn);
}

static void
refuse_request(struct session *s, const struct request *w, const struct err *e)
{
	if (w->kind == SUMMARY || w->kind == FETCH)
		fetch_server_found_take(&s->server, w->number, NULL, e);
	else
		fetch_server_answer(&s->server, w->number, e);
}

/* A peer that is refused in the middle of a session stays refused: the session ends. */
static void
answer_letter_requests(struct session *s, const struct err *e)
{
	size_t n = s->n_waiting;
	struct err why;
	bool good = e == NULL && admit(s, &why); /* DNS may have taken long */

	s->n_waiting = 0;
	if (e != NULL)
		why = *e;
	for (size_t i = 0; i < n; i++)
		if (good)
			run_request(s, &s->waiting[i]);
		else
			refuse_request(s, &s->waiting[i], &why);
	if (!good)
		server_close(&s->server.server);
	conn_kick(s->conn);
}

static void
peer_judged(struct session *s, const struct err *e)
{
	if (e != NULL)
		log_session(s, LOG_WARN, "fetch.refused", e);
	if (s->waiting[0].kind != HELLO) {
		answer_letter_requests(s, e);
		return;
	}
	s->n_waiting = 0;
	answer_hello(s, e);
}

static void
accept_peer(struct session *s, uint32_t ttl_s)
{
	s->until_ms = clock_mono_ms() + (int64_t)ttl_s * 1000;
	peer_judged(s, NULL);
}

static void
spf_judged(void *arg, const struct spf_verdict *v)
{
	struct session *s = arg;
	struct err e;

	s->asking = NULL;
	if (v->result == SPF_PASS) {
		accept_peer(s, v->ttl_s);
		return;
	}
	if (v->result == SPF_TEMPERROR)
		spf_accept(v, &e);
	else if (s->unsure)
		err_set(&e, REFUSAL_dns_failed,
		    "the address of an _ims._tcp target of %s is not known now", s->domain.text);
	else
		err_set(&e, REFUSAL_not_designated,
		    "%s is no _ims._tcp target of %s, and SPF says %s", conn_peer(s->conn)->host,
		    s->domain.text, spf_result_word(v->result));
	peer_judged(s, &e);
}

static void
designation_found(void *arg, const struct designation *d, const struct err *why)
{
	struct session *s = arg;
	const struct sockaddr *a = (const struct sockaddr *)&conn_peer(s->conn)->address;

	s->finding = NULL;
	s->unsure = d->unsure;
	if (!RULE(not_designated) || (why == NULL && designation_has(d, a)))
		accept_peer(s, why == NULL ? d->ttl_s : 0);
	else if (why != NULL && refusal_temporary(why->why))
		peer_judged(s, why);
	else
		s->asking = spf_home_check(s->worker->spf, a, domain_span(&s->domain),
		    domain_span(&s->domain), spf_judged, s);
}

/* peer_judged is called later. */
static void
ask_dns(struct session *s)
{
	struct conf *conf = daemon_conf(s->worker->oms->daemon);

	s->finding = designation_find(s->worker->dns, DESIGNATION_NOTIFY, s->domain.text,
	    (const struct sockaddr *)&conn_peer(s->conn)->address, conf->allow_private_peers,
	    designation_found, s);
	conf_unref(&conf);
}

/* -- HELLO ---------------------------------------------------------------------------------------- */

static void
publication_found(void *arg, bool published, const struct err *why)
{
	struct session *s = arg;
	struct err e;

	s->publication = NULL;
	if (publication_counts(s->domain.text, published, why, &e))
		ask_dns(s);
	else
		peer_judged(s, &e);
}

static enum outcome
hello(void *role, const char *domain, struct err *e)
{
	struct session *s = role;

	s->domain = domain_copy(domain);
	if (!tls_peer_names(conn_peer(s->conn), domain, e)) {
		log_session(s, LOG_WARN, "fetch.refused", e);
		return REFUSED;
	}
	if (RULE(too_many_connections) &&
	    !share_peer_hold(daemon_share(s->worker->oms->daemon), &s->place, SHARE_sessions,
		span_str(domain), (const struct sockaddr *)&conn_peer(s->conn)->address, 1,
		clock_mono_ms(), e)) {
		log_session(s, LOG_WARN, "fetch.refused", e);
		return REFUSED;
	}
	s->waiting[0] = (struct request) { .kind = HELLO };
	s->n_waiting = 1;
	if (!tls_peer_names_by_label(conn_peer(s->conn), domain)) {
		ask_dns(s);
		return PENDING;
	}
	s->publication = publication_find(s->worker->dns, domain,
	    (const struct sockaddr *)&conn_peer(s->conn)->address, publication_found, s);
	return PENDING;
}

/* -- letters ----------------------------------------------------------------------------------------- */

static struct pending_reply *
pending_reply_new(const struct session *s, const struct request *w)
{
	struct pending_reply *x = memory_new(sizeof *x);

	x->to = reply_context_of(s->worker->loop, s->conn, w->number);
	x->worker = s->worker;
	x->offset = w->offset;
	x->id = w->id;
	return x;
}

static void
log_letter(const struct pending_reply *x, const char *event, const struct err *e)
{
	struct session *s = reply_context_session(&x->to);
	const char *domain = s != NULL ? s->domain.text : "-";
	char id[ULID_STR_BYTES];

	ulid_str(&x->id, id);
	log_fact_of(span_str(domain), e == NULL ? LOG_INFO : LOG_WARN, event,
	    "sid=%llx domain=%s id=%s word=%s", (unsigned long long)x->to.conn, domain, id,
	    e == NULL ? "ok" : refusal_word(e->why));
}

static void
on_handed_out(void *arg, const struct oms_letter *l, struct source *source, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);
	struct fetch_found found_it = { source, e == NULL ? l->size : 0 };
	struct err why;

	log_letter(x, "fetch.letter", e);
	if (e == NULL && x->offset > l->size) {
		err_word(&why, REFUSAL_bad_offset);
		source->free(source);
		e = &why;
	} else if (e == NULL) {
		atomic_fetch_add(&x->worker->oms->fetched_octets, l->size - x->offset);
	}
	if (s == NULL) {
		if (e == NULL)
			source->free(source);
	} else if (fetch_server_found_take(&s->server, x->to.request, e == NULL ? &found_it : NULL,
		       e)) {
		conn_kick(s->conn);
	}
	free(x);
}

static void
on_summary(void *arg, const struct oms_letter *l, struct source *source, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);
	struct fetch_found found_it = { source, e == NULL ? l->summary_size : 0 };

	if (s == NULL && e == NULL)
		source->free(source);
	else if (s != NULL &&
	    fetch_server_found_take(&s->server, x->to.request, e == NULL ? &found_it : NULL, e))
		conn_kick(s->conn);
	free(x);
}

static void
on_settled(void *arg, const struct err *e)
{
	struct pending_reply *x = arg;
	struct session *s = reply_context_session(&x->to);

	log_letter(x, "fetch.settled", e);
	if (s != NULL && fetch_server_answer(&s->server, x->to.request, e))
		conn_kick(s->conn);
	free(x);
}

/* The peer is designated now. */
static void
run_request(struct session *s, const struct request *w)
{
	struct oms_store *store = s->worker->oms->store;
	struct pending_reply *x = pending_reply_new(s, w);

	if (w->kind == SUMMARY)
		oms_store_summary(store, &w->id, s->domain.text, s->worker->loop, on_summary, x);
	else if (w->kind == FETCH)
		oms_store_hand_out(store, &w->id, s->domain.text, s->worker->loop, on_handed_out,
		    x);
	else
		oms_store_settle(store, &w->id, s->domain.text, w->kind == DECLINE, s->worker->loop,
		    on_settled, x);
}

/* The answer of DNS about the peer holds for its TTL; after it DNS is asked again, and what comes meanwhile waits. */
static enum outcome
begin_request(struct session *s, struct request r)
{
	r.number = s->server.server.request;
	if (s->n_waiting == 0 && clock_mono_ms() < s->until_ms) {
		run_request(s, &r);
		return PENDING;
	}
	s->waiting[s->n_waiting++] = r;
	if (s->n_waiting == 1)
		ask_dns(s);
	return PENDING;
}

static enum outcome
summary(void *role, const struct ulid *id, struct fetch_found *found_it, struct err *e)
{
	(void)found_it;
	(void)e;
	return begin_request(role, (struct request) { .kind = SUMMARY, .id = *id });
}

static enum outcome
fetch(void *role, const struct ulid *id, uint64_t offset, struct fetch_found *found_it,
    struct err *e)
{
	(void)found_it;
	(void)e;
	return begin_request(role, (struct request) { .kind = FETCH, .id = *id, .offset = offset });
}

static enum outcome
done(void *role, const struct ulid *id, struct err *e)
{
	(void)e;
	return begin_request(role, (struct request) { .kind = DONE_WITH, .id = *id });
}

static enum outcome
decline(void *role, const struct ulid *id, struct err *e)
{
	(void)e;
	return begin_request(role, (struct request) { .kind = DECLINE, .id = *id });
}

static const struct fetch_server_ops ops = {
	.server = { .admit = admit, .fault = fault },
	.hello = hello,
	.summary = summary,
	.fetch = fetch,
	.done = done,
	.decline = decline,
	.a_label = idn_a_label,
};

/* -- the connection ------------------------------------------------------------------------------------ */

static void
session_up(struct conn *c, void *role)
{
	struct session *s = role;

	s->logged = conn_peer(c)->verdict.why != REFUSAL_NONE;
	fetch_server_init(&s->server, &ops, s);
	conn_set_engine(c, &s->server.server.engine);
}

static void
session_ended(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	if (why != NULL)
		log_session(s, LOG_INFO, "fetch.gone", why);
	publication_cancel(&s->publication);
	if (s->finding != NULL)
		designation_cancel(&s->finding);
	if (s->asking != NULL)
		spf_home_cancel(&s->asking);
	fetch_server_clear(&s->server);
	share_peer_release(daemon_share(s->worker->oms->daemon), &s->place, 1, clock_mono_ms());
	free(s);
}

static const struct conn_events events = { .up = session_up, .forget_conn = session_ended };

void
fetch_service_incoming(struct oms_worker *w, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->conn = conn_accept(w->loop, in, w->oms->tls, TLS_PEERS, FETCH_ALPN, &events, s);
}
