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
#include "common/text/idn.h"
#include "oms/store/store.h"
#include "proto/fetch_server.h"

/* A request; one at a time is under way. */
struct wish {
	enum { HELLO, SUMMARY, FETCH, DONE_WITH, DECLINE } what;
	struct ulid id;
	uint64_t offset;
};

struct session {
	struct fetch_server server; /* first: what conn moves */
	struct oms_worker *worker;
	struct conn *conn;
	char domain[DOMAIN_BYTES];             /* of HELLO */
	struct wish wish;                      /* what waits for DNS */
	int64_t until_ms;                      /* monotonic: so long DNS vouches */
	struct publication_query *publication; /* for HELLO */
	struct designation_query *finding;
	struct spf_asked *asking;
	bool unsure; /* an address of the domain's could not be had */
	bool told;   /* conn has logged why the peer is refused */
};

/* A request that waits for the disk; the session may be gone when it is answered. */
struct errand {
	struct oms_worker *worker;
	uint64_t conn, request, offset;
	struct ulid id;
};

static void
say(const struct session *s, enum log_level level, const char *event, const struct err *e)
{
	char key[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(s->conn, key), level, event,
	    "sid=%llx peer=%s domain=%s word=%s text=%s", (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host, s->domain[0] != '\0' ? s->domain : "-",
	    e == NULL ? "ok" : refusal_word(e->why), e == NULL ? "-" : log_str(e->text));
}

static void
fault(void *role, const struct err *e)
{
	say(role, LOG_WARN, "fetch.refused", e);
}

static bool
admit(void *role, struct err *e)
{
	struct session *s = role;

	if (daemon_open_for_work(s->worker->oms->daemon, e) &&
	    tls_peer_check(conn_peer(s->conn), s->worker->oms->tls, e))
		return true;
	if (!s->told)
		say(s, LOG_WARN, "fetch.refused", e);
	return false;
}

/* -- what DNS says of the peer ------------------------------------------------------------------------ */

static enum outcome letter_run(struct session *s, struct fetch_found *found_it, struct err *e);

static void
hello_judged(struct session *s, const struct err *e)
{
	if (e == NULL)
		say(s, LOG_INFO, "fetch.hello", NULL);
	if (fetch_server_answer(&s->server, s->server.server.request, e))
		conn_kick(s->conn);
}

/* Who is refused in mid-connection is so for good: the session ends. */
static void
letter_judged(struct session *s, const struct err *e)
{
	struct fetch_server *f = &s->server;
	struct fetch_found found_it = { 0 };
	struct err why;
	enum outcome o = REFUSED;

	if (!f->server.waiting)
		return; /* it took too long, and has been told so */
	if (e != NULL)
		why = *e;
	else if (!admit(s, &why)) /* DNS may have taken its time */
		e = &why;
	else if ((o = letter_run(s, &found_it, &why)) == PENDING)
		return;
	if (s->wish.what == SUMMARY || s->wish.what == FETCH)
		fetch_server_found_take(f, f->server.request, &found_it, o == DONE ? NULL : &why);
	else
		fetch_server_answer(f, f->server.request, o == DONE ? NULL : &why);
	if (e != NULL)
		server_close(&f->server);
	conn_kick(s->conn);
}

static void
judged(struct session *s, const struct err *e)
{
	if (e != NULL)
		say(s, LOG_WARN, "fetch.refused", e);
	if (s->wish.what == HELLO)
		hello_judged(s, e);
	else
		letter_judged(s, e);
}

static void
vouch(struct session *s, uint32_t ttl_s)
{
	s->until_ms = clock_mono_ms() + (int64_t)ttl_s * 1000;
	judged(s, NULL);
}

static void
spf_judged(void *arg, const struct spf_verdict *v)
{
	struct session *s = arg;
	struct err e;

	s->asking = NULL;
	if (v->result == SPF_PASS) {
		vouch(s, v->ttl_s);
		return;
	}
	if (v->result == SPF_TEMPERROR)
		spf_accept(v, &e);
	else if (s->unsure)
		err_set(&e, REFUSAL_dns_failed,
		    "the address of an _ims._tcp target of %s cannot be had now", s->domain);
	else
		err_set(&e, REFUSAL_not_designated,
		    "%s is no _ims._tcp target of %s, and SPF says %s", conn_peer(s->conn)->host,
		    s->domain, spf_result_word(v->result));
	judged(s, &e);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct session *s = arg;
	const struct sockaddr *a = (const struct sockaddr *)&conn_peer(s->conn)->address;

	s->finding = NULL;
	s->unsure = d->unsure;
	if (!RULE(not_designated) || (why == NULL && designation_has(d, a)))
		vouch(s, why == NULL ? d->ttl_s : 0);
	else if (why != NULL && refusal_temporary(why->why))
		judged(s, why);
	else
		s->asking = spf_home_check(s->worker->spf, a, span_str(s->domain),
		    span_str(s->domain), spf_judged, s);
}

/* Goes on in judged(). */
static enum outcome
ask_dns(struct session *s)
{
	struct conf *conf = daemon_conf(s->worker->oms->daemon);

	s->finding = designation_find(s->worker->dns, DESIGNATION_NOTIFY, s->domain,
	    conf->allow_private_peers, found, s);
	conf_unref(&conf);
	return PENDING;
}

/* -- HELLO ---------------------------------------------------------------------------------------- */

static void
publication_found(void *arg, bool published, const struct err *why)
{
	struct session *s = arg;
	struct err e;

	s->publication = NULL;
	if (publication_counts(s->domain, published, why, &e))
		ask_dns(s);
	else
		judged(s, &e);
}

static enum outcome
hello(void *role, const char *domain, struct err *e)
{
	struct session *s = role;

	snprintf(s->domain, sizeof s->domain, "%s", domain);
	if (!tls_peer_names(conn_peer(s->conn), domain, e)) {
		say(s, LOG_WARN, "fetch.refused", e);
		return REFUSED;
	}
	s->wish = (struct wish) { .what = HELLO };
	if (!tls_peer_names_by_label(conn_peer(s->conn), domain))
		return ask_dns(s);
	s->publication = publication_find(s->worker->dns, domain, publication_found, s);
	return PENDING;
}

/* -- letters ----------------------------------------------------------------------------------------- */

static struct errand *
errand_new(const struct session *s, const struct ulid *id, uint64_t offset)
{
	struct errand *x = memory_new(sizeof *x);

	*x = (struct errand) { s->worker, conn_id(s->conn), s->server.server.request, offset, *id };
	return x;
}

/* NULL: the session is gone. */
static struct session *
errand_session(const struct errand *x)
{
	struct conn *c = conn_find(x->worker->loop, x->conn);

	return c == NULL ? NULL : conn_role(c);
}

static void
log_letter(const struct errand *x, const char *event, const struct err *e)
{
	struct session *s = errand_session(x);
	const char *domain = s != NULL ? s->domain : "-";
	char id[ULID_STR_BYTES];

	ulid_str(&x->id, id);
	log_fact_of(span_str(domain), e == NULL ? LOG_INFO : LOG_WARN, event,
	    "sid=%llx domain=%s id=%s word=%s", (unsigned long long)x->conn, domain, id,
	    e == NULL ? "ok" : refusal_word(e->why));
}

static void
handed(void *arg, const struct oms_letter *l, struct source *source, const struct err *e)
{
	struct errand *x = arg;
	struct session *s = errand_session(x);
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
	} else if (fetch_server_found_take(&s->server, x->request, e == NULL ? &found_it : NULL,
		       e)) {
		conn_kick(s->conn);
	}
	free(x);
}

static void
settled(void *arg, const struct err *e)
{
	struct errand *x = arg;
	struct session *s = errand_session(x);

	log_letter(x, "fetch.settled", e);
	if (s != NULL && fetch_server_answer(&s->server, x->request, e))
		conn_kick(s->conn);
	free(x);
}

/* By a peer that DNS vouches for now. */
static enum outcome
letter_run(struct session *s, struct fetch_found *found_it, struct err *e)
{
	struct oms_store *store = s->worker->oms->store;
	const struct wish *w = &s->wish;

	if (w->what == SUMMARY)
		return oms_store_summary(store, &w->id, s->domain, &found_it->source,
			   &found_it->size, e)
		    ? DONE
		    : REFUSED;
	if (w->what == FETCH)
		oms_store_hand_out(store, &w->id, s->domain, s->worker->loop, handed,
		    errand_new(s, &w->id, w->offset));
	else
		oms_store_settle(store, &w->id, s->domain, w->what == DECLINE, s->worker->loop,
		    settled, errand_new(s, &w->id, 0));
	return PENDING;
}

/* What DNS said of the peer is believed for its TTL, and asked anew behind it. */
static enum outcome
letter(struct session *s, struct wish w, struct fetch_found *found_it, struct err *e)
{
	s->wish = w;
	return clock_mono_ms() < s->until_ms ? letter_run(s, found_it, e) : ask_dns(s);
}

static enum outcome
summary(void *role, const struct ulid *id, struct fetch_found *found_it, struct err *e)
{
	return letter(role, (struct wish) { SUMMARY, *id, 0 }, found_it, e);
}

static enum outcome
fetch(void *role, const struct ulid *id, uint64_t offset, struct fetch_found *found_it,
    struct err *e)
{
	return letter(role, (struct wish) { FETCH, *id, offset }, found_it, e);
}

static enum outcome
done(void *role, const struct ulid *id, struct err *e)
{
	return letter(role, (struct wish) { DONE_WITH, *id, 0 }, NULL, e);
}

static enum outcome
decline(void *role, const struct ulid *id, struct err *e)
{
	return letter(role, (struct wish) { DECLINE, *id, 0 }, NULL, e);
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
up(struct conn *c, void *role)
{
	struct session *s = role;

	s->told = conn_peer(c)->verdict.why != REFUSAL_NONE;
	fetch_server_init(&s->server, &ops, s);
	conn_set_engine(c, &s->server.server.engine);
}

static void
gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	if (why != NULL)
		say(s, LOG_INFO, "fetch.gone", why);
	publication_cancel(&s->publication);
	if (s->finding != NULL)
		designation_cancel(&s->finding);
	if (s->asking != NULL)
		spf_home_cancel(&s->asking);
	fetch_server_clear(&s->server);
	free(s);
}

static const struct conn_events events = { .up = up, .gone = gone };

void
serve_incoming(struct oms_worker *w, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->conn = conn_accept(w->loop, in, w->oms->tls, CONN_MUTUAL, FETCH_ALPN, &events, s);
}
