/* smtp_keep — a letter's content, until the store has it; see smtp_transaction.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/pki/crl_state.h"
#include "common/share/share_key.h"
#include "ims/smtp/smtp_transaction_private.h"

#define MEMORY_STEP (16 * 1024)
#define MEMORY_BODY (256 * 1024) /* of a body on its way (common/store/body.h) */

static struct share *
share_of(const struct smtp_transaction *t)
{
	return daemon_share(t->worker->ims->daemon);
}

/* -- what it takes -------------------------------------------------------------------------------- */

/* Brings the share of memory to what the letter needs now; what is over it is not gathered. */
static bool
hold_memory(struct smtp_transaction *t, struct err *e)
{
	uint64_t body = t->body == NULL ? 0 : body_size(t->body);
	int64_t needs = (int64_t)(sizeof *t + t->letter.header.len +
	    (body < MEMORY_BODY ? body : MEMORY_BODY));
	int64_t more = (needs + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP - t->memory.domain.n;

	return more <= 0 || !RULE(batch_share) ||
	    share_peer_hold(share_of(t), &t->memory, SHARE_gathered, domain_span(&t->payer),
		(const struct sockaddr *)&t->address, more, loop_now_ms(t->worker->loop), e);
}

/* A session of the sender's domain, while its letter comes; that of its host has its place already. */
static bool
hold_place(struct smtp_transaction *t, struct err *e)
{
	return t->place.domain.n > 0 || !RULE(too_many_connections) ||
	    domain_eq(&t->host, domain_span(&t->payer)) ||
	    share_peer_hold(share_of(t), &t->place, SHARE_sessions, domain_span(&t->payer), NULL, 1,
		loop_now_ms(t->worker->loop), e);
}

void
smtp_keep_clear(struct smtp_transaction *t)
{
	int64_t now_ms = loop_now_ms(t->worker->loop);

	share_peer_release(share_of(t), &t->memory, t->memory.domain.n, now_ms);
	share_peer_release(share_of(t), &t->place, t->place.domain.n, now_ms);
	smtp_vouch_free(&t->vouch);
	smtp_arriving_clear(&t->letter);
	chain_unref(&t->chain);
	crl_state_unref(&t->crls);
	free(t->to);
	free(t->given_to);
	buf_clear(&t->head);
	buf_clear(&t->results);
}

/* -- DATA ----------------------------------------------------------------------------------------- */

/* The host's certificate and TLS, as they are when DATA comes. */
static void
keep_host(struct smtp_transaction *t)
{
	struct conn *c = t->session->conn;
	struct tls_peer *peer = conn_peer(c);
	bool vouched = t->heard.certificate.why == REFUSAL_NONE && peer->chain != NULL;
	struct tls *tls;

	span_copy(span_str(conn_tls_version(c)), t->version, sizeof t->version);
	span_copy(span_str(conn_tls_suite(c)), t->suite, sizeof t->suite);
	if (vouched)
		span_copy(span_sub(span_str(chain_issuer(peer->chain)), 0, sizeof t->issuer - 1),
		    t->issuer, sizeof t->issuer);
	if (peer->chain == NULL)
		return;
	t->chain = chain_ref(peer->chain);
	t->marks.has_fingerprint = hex_parse(span_str(chain_fingerprint(peer->chain)),
	    t->marks.fingerprint, sizeof t->marks.fingerprint);
	tls = tls_holder_get(t->worker->ims->tls);
	t->crls = crl_state_new(tls_trust(tls), t->chain);
	tls_unref(&tls);
}

static void
on_ready(void *arg)
{
	struct smtp_transaction *t = arg;

	t->session->server.full = false;
	conn_kick(t->session->conn);
}

enum outcome
smtp_transaction_data(struct smtp_transaction *t, struct err *e)
{
	struct ims_letter letter = { .state = MAILBOX_HERE };

	/* revoked since the last recipient? */
	if (t->mark[0] == '\0') {
		smtp_session_judge(t->session, &t->conf->smtp_in.names, &t->heard);
		if (t->heard.certificate.why != REFUSAL_NONE) {
			*e = t->heard.certificate;
			smtp_transaction_log_refused(t, t->to[0].address, e);
			return REFUSED;
		}
	}
	if (!hold_place(t, e) || !hold_memory(t, e)) {
		smtp_transaction_log_refused(t, t->to[0].address, e);
		return REFUSED;
	}
	ulid_new(&t->id);
	keep_host(t);
	letter.id = t->id;
	letter.from_domain = t->payer;
	t->body = ims_store_body_in(t->worker->ims->store, &letter, t->worker->loop);
	body_when_ready(t->body, on_ready, t);
	return DONE;
}

/* What cannot be kept is read to its end, and forgotten. */
static void
give_up(struct smtp_transaction *t, const struct err *e)
{
	if (t->fault.why == REFUSAL_NONE)
		t->fault = *e;
	if (t->body != NULL)
		body_abort_take(t->body);
	t->body = NULL;
	smtp_vouch_free(&t->vouch);
	smtp_arriving_clear(&t->letter);
}

/* The header is whole: DKIM's keys and DMARC's record are asked for while the body comes. */
static void
ask_for_vouchers(struct smtp_transaction *t)
{
	struct dkim_about about = { t->payer.text, (const struct sockaddr *)&t->address };

	t->vouch = smtp_vouch_new(t->worker->dns, &about, buf_span(&t->letter.header),
	    address_domain(span_str(t->letter.from)), clock_wall_ms() / 1000);
}

void
smtp_transaction_octets(struct smtp_transaction *t, struct span piece)
{
	struct span body;
	struct err e;

	if (t->fault.why != REFUSAL_NONE)
		return;
	t->octets += piece.n;
	smtp_arriving_take(&t->letter, piece, &body);
	if (t->letter.fault.why != REFUSAL_NONE) {
		give_up(t, &t->letter.fault);
		return;
	}
	if (RULE(message_too_big) && t->octets > t->limit) {
		err_word(&e, REFUSAL_message_too_big);
		give_up(t, &e);
		return;
	}
	if (t->letter.whole && t->vouch == NULL)
		ask_for_vouchers(t);
	if (t->vouch != NULL)
		smtp_vouch_body(t->vouch, body);
	body_add(t->body, body);
	if (!hold_memory(t, &e)) {
		give_up(t, &e);
		return;
	}
	t->session->server.full = body_full(t->body);
}

/* -- the end -------------------------------------------------------------------------------------- */

/* The session may have ended; then nobody hears it. */
static void
answer(struct smtp_transaction *t, const struct err *e, const char *text)
{
	struct conn *c = conn_find(t->worker->loop, t->conn);

	if (c != NULL && smtp_server_answer(conn_role(c), t->request, e, text))
		conn_kick(c);
	smtp_transaction_free(&t);
}

/* All of it can be tried again, and nobody has the letter. */
static void
fail(struct smtp_transaction *t, const struct err *why)
{
	struct err e;

	err_set(&e, REFUSAL_storage, "nobody has the letter: [%s] %s", refusal_word(why->why),
	    why->text);
	smtp_transaction_log_refused(t, t->to[0].address, why);
	answer(t, &e, NULL);
}

static void
given(void *arg, const struct err *e)
{
	struct smtp_transaction *t = arg;
	char id[ULID_STR_BYTES], text[64];

	if (e != NULL) {
		fail(t, e);
		return;
	}
	smtp_transaction_log_kept(t, t->octets);
	share_peer_give(share_of(t), SHARE_unknown, domain_span(&t->payer),
	    (const struct sockaddr *)&t->address, (int64_t)t->n_to, loop_now_ms(t->worker->loop));
	ulid_str(&t->id, id);
	snprintf(text, sizeof text, "kept as %s", id);
	answer(t, NULL, text);
}

/* resinfo of RFC 8601 2.2, after authserv-id; more: that of DKIM and DMARC. */
static void
write_results(struct smtp_transaction *t, struct span more)
{
	const char *spf = mailbox_result_name(t->marks.spf);

	if (t->from[0] != '\0')
		buf_addf(&t->results, "spf=%s smtp.mailfrom=%s", spf, t->domain.text);
	else if (t->host.text[0] != '\0')
		buf_addf(&t->results, "spf=%s smtp.helo=%s", spf, t->host.text);
	else
		buf_addf(&t->results, "spf=none");
	buf_add(&t->results, more.p, more.n);
}

static void
write_head(struct smtp_transaction *t, int64_t now_s)
{
	struct smtp_trace trace = { .name = t->conf->smtp.name.text,
		.from = t->from,
		.ehlo = span_str(t->ehlo),
		.address = t->peer,
		.version = t->version,
		.suite = t->suite,
		.extended = t->extended,
		.utf8 = t->utf8,
		.id = &t->id,
		.to = t->n_to == 1 ? t->to[0].address : NULL,
		.mark = t->mark,
		.now_s = now_s };

	trace.results = buf_span(&t->results);
	smtp_arriving_head(&t->letter, &trace, &t->head);
	buf_clear(&t->letter.header);
}

static void
write_marks(struct smtp_transaction *t)
{
	struct span author = address_domain(span_str(t->letter.from));

	t->marks.ehlo = t->host;
	t->marks.via = t->from[0] != '\0' && !domain_eq(&t->domain, author);
	span_copy(span_str(t->mark), t->marks.unaccountable, sizeof t->marks.unaccountable);
	span_copy(span_str(t->letter.from), t->marks.header_from, sizeof t->marks.header_from);
}

static void
write_evidence(struct smtp_transaction *t, int64_t now_s)
{
	static const unsigned char none[DIGEST_BYTES];
	const struct conf_role *limits = &t->conf->role[CONF_ROLE_IMS];
	const struct crl_octets *crls = NULL;
	size_t n = 0;

	if (t->crls != NULL)
		crls = crl_state_crls(t->crls, &n);
	t->evidence = (struct ims_evidence) {
		.chain = t->chain != NULL ? chain_der(t->chain) : (struct span) { 0 },
		.chain_digest = t->chain != NULL ? chain_digest(t->chain) : none,
		.crls = crls,
		.n_crls = n,
		.issuer = t->issuer,
		.host = t->peer,
		.spf = (const char(*)[IMS_STORE_SPF_BYTES])t->spf,
		.received_s = now_s,
		.sender_limit = limits->sender_percent < 100 ? ims_sender_limit(limits) : 0,
		.mailbox_limit = ims_mailbox_limit(limits),
	};
}

static void
give(struct smtp_transaction *t, struct body_kept *kept)
{
	int64_t now_s = clock_wall_ms() / 1000;

	write_head(t, now_s);
	write_marks(t);
	write_evidence(t, now_s);
	t->given_to = memory_array(t->n_to, sizeof *t->given_to);
	for (size_t i = 0; i < t->n_to; i++)
		t->given_to[i] = (struct ims_given_to) { t->to[i].user, t->to[i].address };
	t->given = (struct ims_given) { .id = t->id,
		.payer = t->payer,
		.from = t->from,
		.marks = &t->marks,
		.head = buf_span(&t->head),
		.results = buf_span(&t->results),
		.date_s = t->letter.date_s,
		.to = t->given_to,
		.n_to = t->n_to,
		.evidence = &t->evidence };
	ims_store_give_take(t->worker->ims->store, &t->given, kept, &t->claim, t->worker->loop,
	    given, t);
}

static void
body_synced(void *arg, struct body_kept *kept, const struct err *e)
{
	struct smtp_transaction *t = arg;

	if (e != NULL)
		fail(t, e);
	else
		give(t, kept);
}

/* The session can end from now on without it. */
static void
leave(struct smtp_transaction *t)
{
	t->session->letter = NULL;
	t->session = NULL;
}

static void
vouched(void *arg, const struct smtp_vouched *v)
{
	struct smtp_transaction *t = arg;
	struct body_in *body = t->body;

	leave(t);
	t->marks.dkim = v->dkim;
	t->marks.dmarc = v->dmarc;
	t->marks.dkim_domain = v->dkim_domain;
	write_results(t, v->results);
	if (v->refused.why != REFUSAL_NONE) {
		struct err e = v->refused;

		smtp_transaction_log_refused(t, t->to[0].address, &e);
		answer(t, &e, NULL);
		return;
	}
	t->body = NULL;
	body_end_take(body, body_synced, t);
}

enum outcome
smtp_transaction_end(struct smtp_transaction *t, uint64_t request, struct err *e)
{
	const char *spf = t->from[0] != '\0' ? t->domain.text : t->host.text;

	t->session->server.full = false;
	if (t->fault.why != REFUSAL_NONE || !smtp_arriving_end(&t->letter, &t->fault)) {
		*e = t->fault;
		smtp_transaction_log_refused(t, t->to[0].address, e);
		leave(t);
		smtp_transaction_free(&t);
		return REFUSED;
	}
	t->request = request;
	if (t->vouch == NULL)
		ask_for_vouchers(t);
	smtp_vouch_end(t->vouch, t->marks.spf == MAILBOX_RESULT_PASS ? spf : "", vouched, t);
	return PENDING;
}
