/* smtp_transaction — what is asked about sender and recipients; see smtp_transaction.h.  The content: smtp_keep.c. */
#include "ims/smtp/smtp_transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/dns/exchange.h"
#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/share/share_key.h"
#include "common/store/kv_question.h"
#include "common/text/address_text.h"
#include "common/text/idn.h"
#include "ims/notify/notify_recipient.h"
#include "ims/smtp/smtp_transaction_private.h"

/* -- the log -------------------------------------------------------------------------------------- */

static struct span
log_key(const struct smtp_transaction *t, char text[SHARE_KEY_ADDRESS_BYTES])
{
	return t->judged && t->mark[0] == '\0'
	    ? share_key_domain(domain_span(&t->payer))
	    : share_key_address((const struct sockaddr *)&t->address, text);
}

void
smtp_transaction_log_refused(const struct smtp_transaction *t, const char *to, const struct err *e)
{
	char text[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(log_key(t, text), LOG_WARN, "smtp.refused",
	    "sid=%llx peer=%s ehlo=%s from=%s rcpt=%s word=%s text=%s", (unsigned long long)t->conn,
	    t->peer, log_str(t->ehlo), log_str(t->from[0] != '\0' ? t->from : "<>"), log_str(to),
	    refusal_word(e->why), log_str(e->text));
}

void
smtp_transaction_log_kept(const struct smtp_transaction *t, uint64_t octets)
{
	char id[ULID_STR_BYTES], text[SHARE_KEY_ADDRESS_BYTES];

	ulid_str(&t->id, id);
	log_fact_of(log_key(t, text), LOG_INFO, "smtp.kept",
	    "sid=%llx peer=%s ehlo=%s from=%s id=%s rcpt=%s rcpts=%zu size=%llu spf=%s dkim=%s "
	    "dmarc=%s unaccountable=%s issuer=%s",
	    (unsigned long long)t->conn, t->peer, log_str(t->ehlo),
	    log_str(t->from[0] != '\0' ? t->from : "<>"), id, log_str(t->to[0].address), t->n_to,
	    (unsigned long long)octets, mailbox_result_name(t->marks.spf),
	    mailbox_result_name(t->marks.dkim), mailbox_result_name(t->marks.dmarc),
	    t->mark[0] != '\0' ? t->mark : "-", log_str(t->issuer));
}

/* -- the sender ----------------------------------------------------------------------------------- */

static void settle_rcpt(struct smtp_transaction *t);

static enum mailbox_result
mark_of(enum spf_result r)
{
	switch (r) {
	case SPF_NONE:
		return MAILBOX_RESULT_NONE;
	case SPF_NEUTRAL:
		return MAILBOX_RESULT_NEUTRAL;
	case SPF_PASS:
		return MAILBOX_RESULT_PASS;
	case SPF_FAIL:
		return MAILBOX_RESULT_FAIL;
	case SPF_SOFTFAIL:
		return MAILBOX_RESULT_SOFTFAIL;
	case SPF_TEMPERROR:
		return MAILBOX_RESULT_TEMPERROR;
	case SPF_PERMERROR:
		return MAILBOX_RESULT_PERMERROR;
	}
	return MAILBOX_RESULT_NONE;
}

static void
spf_judged(void *arg, const struct spf_verdict *v)
{
	struct smtp_transaction *t = arg;

	t->spf_asked = NULL;
	t->marks.spf = mark_of(v->result);
	(void)spf_accept(v, &t->heard.spf);
	snprintf(t->spf[0], sizeof t->spf[0], "%s %.*s", spf_result_word(v->result),
	    (int)(v->record.n < 450 ? v->record.n : 450), v->record.n > 0 ? v->record.p : "");
	settle_rcpt(t);
}

/* The domain of MAIL FROM; for <> postmaster at the host of EHLO (RFC 7208 2.4). */
static void
ask_spf(struct smtp_transaction *t)
{
	const struct smtp_session *s = t->session;

	if (t->from[0] == '\0' && s->ehlo != SMTP_NAME_HOST) {
		err_set(&t->heard.spf, REFUSAL_spf_none, "SPF: neither MAIL nor EHLO has a domain");
		snprintf(t->spf[0], sizeof t->spf[0], "none");
		return;
	}
	t->spf_asked = spf_home_check(s->worker->spf, smtp_session_address(s),
	    domain_span(&s->host), span_str(t->from), spf_judged, t);
}

static void
mx_found(void *arg, struct exchange *x, const struct err *why)
{
	struct smtp_transaction *t = arg;

	(void)x;
	t->mx_asked = NULL;
	if (why != NULL)
		t->heard.mx = *why;
	settle_rcpt(t);
}

static void
ask_mx(struct smtp_transaction *t)
{
	const struct smtp_session *s = t->session;
	struct exchange_ask ask = { .domain = t->domain.text,
		.peer = smtp_session_address(s),
		.names_only = true,
		.port = EXCHANGE_PORT,
		.allow_private = true };

	if (t->from[0] != '\0')
		t->mx_asked = exchange_find(s->worker->dns, &ask, mx_found, t);
}

bool
smtp_transaction_new(struct smtp_session *s, const struct smtp_mail *mail,
    struct smtp_transaction **out, struct err *e)
{
	struct smtp_transaction *t = memory_new(sizeof *t);

	if (!smtp_path_canonical(&mail->from, idn_a_label, t->from, e)) {
		free(t);
		return false;
	}
	domain_copy_span(&t->domain,
	    address_domain(span_str(strrchr(t->from, '@') != NULL ? strrchr(t->from, '@') : "")));
	t->worker = s->worker;
	t->session = s;
	t->conn = conn_id(s->conn);
	t->conf = daemon_conf(s->worker->ims->daemon);
	t->size = mail->size;
	t->utf8 = mail->utf8;
	t->extended = s->server.extended;
	t->host = s->host;
	t->address = conn_peer(s->conn)->address;
	span_copy(span_str(s->as_came), t->ehlo, sizeof t->ehlo);
	span_copy(span_str(conn_peer(s->conn)->host), t->peer, sizeof t->peer);
	ask_spf(t);
	ask_mx(t);
	*out = t;
	return true;
}

static bool
is_sender_known(const struct smtp_transaction *t)
{
	return t->spf_asked == NULL && t->mx_asked == NULL;
}

#define HOST_DIGITS                                                                                \
	32 /* of a name in ip6.arpa: the half of the address that its holder chooses, with dots */

/* The payer of an unaccountable letter is the peer's address, of IPv6 its /64: nobody has vouched for a domain. */
static void
choose_payer(struct smtp_transaction *t)
{
	struct sockaddr_storage a = t->address;
	char reverse[ADDRESS_REVERSE_BYTES];

	if (t->mark[0] != '\0') {
		address_reverse(&a, reverse);
		t->payer = domain_copy(a.ss_family == AF_INET6 ? reverse + HOST_DIGITS : reverse);
	} else {
		t->payer = t->from[0] != '\0' ? t->domain : t->host;
	}
}

/* The first that was accepted tells whether the letter is marked; later ones can find nothing else but worse. */
static bool
note_verdict(struct smtp_transaction *t, enum smtp_verdict verdict, const struct err *why,
    struct err *e)
{
	if (t->judged)
		return true;
	if (verdict == SMTP_MARKED)
		span_copy(span_str(refusal_word(why->why)), t->mark, sizeof t->mark);
	else if (!smtp_session_certify(t->session, e))
		return false;
	choose_payer(t);
	t->judged = true;
	return true;
}

/* Is the sender one whose letters this recipient takes? */
static bool
judge_sender(struct smtp_transaction *t, bool open, struct err *e)
{
	const struct conf_smtp_in *in = &t->conf->smtp_in;
	const struct conf_peer *peer = conf_peer(t->conf, domain_span(&t->domain));
	struct smtp_modes modes = { in->certificate, in->spf, in->mx,
		.excepted = peer->smtp_in_certificate == CONF_REPORT_ONLY,
		.open = open && in->open == CONF_OPEN_TWO };
	enum smtp_verdict verdict;
	struct err why;

	if (RULE(smtp_off) && peer->smtp_in == CONF_OFF)
		return err_set(e, REFUSAL_smtp_off, "letters of %s are not taken by SMTP",
		    t->domain.text);
	smtp_session_judge(t->session, &t->conf->smtp_in.names, &t->heard);
	verdict = smtp_judge(&t->heard, &modes, &why);
	/* a letter that is not marked cannot become one: its certificate was good at the first recipient */
	if (verdict == SMTP_REFUSED ||
	    (verdict == SMTP_MARKED && t->judged && t->mark[0] == '\0')) {
		*e = why;
		return false;
	}
	return note_verdict(t, verdict, &why, e);
}

/* -- the recipient -------------------------------------------------------------------------------- */

static bool
is_office(struct span local)
{
	return span_eq_nocase(local, SPAN_LIT("postmaster")) ||
	    span_eq_nocase(local, SPAN_LIT("abuse"));
}

static void
add_recipient(struct smtp_transaction *t)
{
	for (size_t i = 0; i < t->n_to; i++)
		if (strcmp(t->to[i].address, t->asking.address) == 0)
			return; /* it gets one copy */
	t->to = memory_resize(t->to, t->n_to + 1, sizeof *t->to);
	t->to[t->n_to++] = t->asking;
	if (t->limit == 0 || t->asking_limit < t->limit)
		t->limit = t->asking_limit;
}

static void
answer(struct smtp_transaction *t, const struct err *e)
{
	t->asked = false;
	if (e != NULL) {
		smtp_transaction_log_refused(t, t->asking.address, e);
		if (t->n_to == 0)
			ims_store_claim_free(&t->claim);
	} else {
		add_recipient(t);
	}
	if (smtp_server_answer(&t->session->server, t->request, e, NULL))
		conn_kick(t->session->conn);
}

static void
room_told(void *arg, const struct err *e)
{
	struct smtp_transaction *t = arg;
	int64_t now_ms = loop_now_ms(t->worker->loop);
	struct share *share = daemon_share(t->worker->ims->daemon);

	t->room_asked = NULL;
	if (e != NULL && e->why == REFUSAL_sender_share)
		share_note(share, SHARE_storage, domain_span(&t->payer), now_ms);
	if (e != NULL && e->why == REFUSAL_sender_mailbox_share)
		share_note(share, SHARE_storage_mailbox, domain_span(&t->payer), now_ms);
	answer(t, e);
}

static void
ask_room(struct smtp_transaction *t)
{
	struct conf_role *limits = &t->conf->role[CONF_ROLE_IMS];
	uint64_t octets = t->size > 0 ? t->size : SMTP_SIZE_UNSAID;

	if (t->claim == NULL)
		t->claim = ims_store_claim_new(t->worker->ims->store, domain_span(&t->payer),
		    octets);
	t->room_asked = ims_store_room(t->worker->ims->store,
	    &(struct ims_room) {
		.claim = t->claim,
		.user = t->asking.user,
		.sender_limit = limits->sender_percent < 100 ? ims_sender_limit(limits) : 0,
		.mailbox_limit = ims_mailbox_limit(limits),
	    },
	    t->worker->loop, room_told, t);
}

/* An answer about a recipient may come when the transaction is over. */
struct smtp_asker {
	struct ims_worker *worker;
	uint64_t conn, request;
};

static void
recipient_answered(void *arg, const struct err *e)
{
	struct smtp_asker *a = arg;
	struct conn *c = conn_find(a->worker->loop, a->conn);
	struct smtp_transaction *t = c == NULL ? NULL
					       : ((struct smtp_session *)conn_role(c))->letter;

	if (t != NULL && t->asked && t->request == a->request) {
		if (e != NULL)
			answer(t, e);
		else
			ask_room(t);
	}
	free(a);
}

/* postmaster and abuse of each domain: their own account or alias, else the person named at setup. */
static const char *
user_of_office(const struct smtp_transaction *t, struct accounts_set **set)
{
	struct accounts *all = t->worker->ims->accounts;
	const struct account *a = accounts_find_fresh(all, set, span_str(t->asking.address));

	if (a == NULL && t->conf->smtp.postmaster[0] != '\0')
		a = accounts_find_fresh(all, set, span_str(t->conf->smtp.postmaster));
	return a == NULL ? NULL : a->owner;
}

static enum outcome
judge_mailbox(struct smtp_transaction *t, struct err *e)
{
	struct accounts_set *set = accounts_set_get(t->worker->ims->accounts);
	struct notify_asker asker = { .share = daemon_share(t->worker->ims->daemon),
		.store = t->worker->ims->store,
		.accounts = t->worker->ims->accounts,
		.domain = t->payer.text,
		.peer = (const struct sockaddr *)&t->address,
		.loop = t->worker->loop,
		.now_ms = loop_now_ms(t->worker->loop) };
	const char *office = t->office ? user_of_office(t, &set) : NULL;
	struct smtp_asker *a;
	enum notify_recipient is;

	if (office != NULL && span_copy(span_str(office), t->asking.user, sizeof t->asking.user)) {
		accounts_set_put(&set);
		ask_room(t);
		return PENDING;
	}
	a = memory_new(sizeof *a);
	*a = (struct smtp_asker) { t->worker, t->conn, t->request };
	is = notify_recipient_judge(&asker, &set, span_str(t->asking.address), t->asking.user,
	    recipient_answered, a, e);
	accounts_set_put(&set);
	if (is != NOTIFY_RECIPIENT_ASKED)
		free(a);
	if (is == NOTIFY_RECIPIENT_ACCEPTED)
		ask_room(t);
	return is == NOTIFY_RECIPIENT_REFUSED ? REFUSED : PENDING;
}

/* The sender is judged first: a stranger does not learn which users exist. */
static enum outcome
judge_rcpt(struct smtp_transaction *t, struct err *e)
{
	const struct conf_domain *d = conf_domain(t->conf, span_str(t->asking_domain));

	if (!judge_sender(t, t->office && d != NULL, e))
		return REFUSED;
	if (d == NULL && RULE(relay)) {
		err_word(e, REFUSAL_relay);
		return REFUSED;
	}
	t->asking_limit = d != NULL ? d->message_bytes : 0;
	if (RULE(message_too_big) && d != NULL && t->size > d->message_bytes) {
		err_word(e, REFUSAL_message_too_big);
		return REFUSED;
	}
	return judge_mailbox(t, e);
}

/* SPF or MX is known now: the recipient that waits for it is judged. */
static void
settle_rcpt(struct smtp_transaction *t)
{
	enum outcome o;
	struct err e;

	if (!t->asked || !is_sender_known(t))
		return;
	o = judge_rcpt(t, &e);
	if (o == REFUSED)
		answer(t, &e);
}

static bool
read_recipient(struct smtp_transaction *t, const struct smtp_path *to, struct err *e)
{
	const char *at;
	struct buf office = BUF_INIT;

	if (to->kind == SMTP_PATH_POSTMASTER) {
		buf_addf(&office, "postmaster@%s", t->conf->domains[0].name.text);
		span_copy(buf_span(&office), t->asking.address, sizeof t->asking.address);
		buf_clear(&office);
	} else if (!smtp_path_canonical(to, idn_a_label, t->asking.address, e)) {
		return false;
	}
	at = strrchr(t->asking.address, '@');
	snprintf(t->asking_domain, sizeof t->asking_domain, "%s", at == NULL ? "" : at + 1);
	t->office = to->kind == SMTP_PATH_POSTMASTER || is_office(to->local);
	return true;
}

enum outcome
smtp_transaction_rcpt(struct smtp_transaction *t, uint64_t request, const struct smtp_path *to,
    struct err *e)
{
	enum outcome o;

	if (!read_recipient(t, to, e))
		return REFUSED;
	t->request = request;
	t->asked = true;
	if (!is_sender_known(t))
		return PENDING;
	o = judge_rcpt(t, e);
	if (o == REFUSED) {
		t->asked = false;
		smtp_transaction_log_refused(t, t->asking.address, e);
	}
	return o;
}

/* -- its end -------------------------------------------------------------------------------------- */

void
smtp_transaction_free(struct smtp_transaction **tp)
{
	struct smtp_transaction *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	if (t->spf_asked != NULL)
		spf_home_cancel(&t->spf_asked);
	if (t->mx_asked != NULL)
		exchange_cancel(&t->mx_asked);
	kv_question_drop(&t->room_asked);
	ims_store_claim_free(&t->claim);
	if (t->body != NULL)
		body_abort_take(t->body);
	smtp_keep_clear(t);
	conf_unref(&t->conf);
	free(t);
}
