/* submission_service — a session of submission; see submission_service.h. */
#include "oms/submission/submission_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/net/conn.h"
#include "common/net/reply_context.h"
#include "common/share/share.h"
#include "common/text/idn.h"
#include "oms/submission/submission_header.h"
#include "oms/submission/submission_login.h"
#include "oms/submission/submission_signin.h"
#include "oms/submit/letter.h"
#include "oms/submit/letter_reply.h"
#include "oms/submit/recipient.h"
#include "proto/header.h"
#include "proto/submit.h"

_Static_assert(SMTP_SERVER_RCPT_MAX <= SUBMIT_RECIPIENTS_MAX, "a letter takes all that SMTP does");

struct session {
	struct smtp_server server; /* first: what conn moves */
	struct smtp_server_config config;
	struct conf *conf; /* that `config` points into */
	struct oms_worker *worker;
	struct conn *conn;
	enum tls_kind kind;
	bool up;
	struct submission_signin signin;
	bool local; /* a program of this machine: nobody signs in */
	struct submission_login login;
	struct share_hold place;    /* among the sessions of that login */
	struct offload_job naming;  /* until the connection begins */
	struct listen_incoming *in; /* the same */
	uid_t uid;
	/* the letter under way */
	char from[ADDRESS_STR_BYTES];
	char (*to)[ADDRESS_STR_BYTES]; /* SUBMIT_RECIPIENTS_MAX of them; NULL: no letter */
	size_t n_to;
	bool null_sender;
	uint64_t size;         /* as MAIL said; 0: not said */
	struct letter *letter; /* NULL: its octets may not come yet */
	struct buf header;     /* its first octets, until its header is complete */
	bool has_header;       /* and the letter has it */
	uint64_t octets;
	struct recipient_checks checks;
};

static void
log_refused(const struct session *s, const char *to, const struct err *e)
{
	if (!s->local) {
		signin_log_refused(s->signin.signin, "submission.refused", to, e);
		return;
	}
	log_fact_of(span_str(s->login.name), LOG_WARN, "submission.refused",
	    "sid=%llx login=%s user=%s to=%s word=%s text=%s", (unsigned long long)conn_id(s->conn),
	    log_str(s->login.name), log_str(*s->login.user == '\0' ? "-" : s->login.user),
	    log_str(to == NULL ? "-" : to), refusal_word(e->why), log_str(e->text));
}

static enum outcome
refuse(const struct session *s, const char *to, const struct err *e)
{
	log_refused(s, to, e);
	return REFUSED;
}

static void
fault(void *role, const struct err *e)
{
	log_refused(role, NULL, e);
}

static bool
admit(void *role, struct err *e)
{
	return daemon_open_for_work(((struct session *)role)->worker->oms->daemon, e);
}

static enum outcome
auth(void *role, uint64_t request, struct span mechanism, struct span message,
    struct sasl_said *said, struct err *e)
{
	return submission_signin_step(&((struct session *)role)->signin, request, mechanism,
	    message, said, e);
}

static const char *
owner(const struct session *s)
{
	return s->local ? s->login.owner : signin_owner(s->signin.signin);
}

static const char *
user(const struct session *s)
{
	return s->local ? s->login.user : signin_user(s->signin.signin);
}

static void
forget_letter(struct session *s)
{
	letter_free(&s->letter);
	recipient_checks_clear(&s->checks);
	buf_clear(&s->header);
	free(s->to);
	s->to = NULL;
	s->n_to = 0;
	s->has_header = false;
	s->octets = 0;
}

static void
reset(void *role)
{
	forget_letter(role);
}

/* -- EHLO and MAIL --------------------------------------------------------------------------------- */

static void
hello(void *role, const struct smtp_name *name)
{
	struct session *s = role;

	(void)name;
	s->config.size_max = conf_message_most(s->conf);
}

static bool
identify(struct session *s, struct err *e)
{
	struct conf *conf = daemon_conf(s->worker->oms->daemon);
	bool known = submission_login_identify(&s->login, conf, s->worker->oms->accounts, e);

	conf_unref(&conf);
	return known;
}

/* MAIL FROM:<> is of a program that wants no answer: the letter is the user's all the same. */
static bool
sender(struct session *s, const struct smtp_path *path, struct err *e)
{
	if (s->local && !identify(s, e))
		return false;
	s->null_sender = path->kind == SMTP_PATH_NULL;
	if (s->null_sender) {
		snprintf(s->from, sizeof s->from, "%s", user(s));
		return true;
	}
	if (!smtp_path_canonical(path, idn_a_label, s->from, e))
		return false;
	if (s->local && span_eq(span_str(s->from), span_str(s->login.alias)))
		snprintf(s->from, sizeof s->from, "%s", s->login.user);
	if (RULE(bad_from) &&
	    !accounts_owns_fresh(s->worker->oms->accounts, owner(s), span_str(s->from)))
		return err_set(e, REFUSAL_bad_from, "%s is not an address of %s", s->from, user(s));
	return true;
}

static bool
fits_domain(struct session *s, uint64_t size, struct err *e)
{
	struct conf *conf = daemon_conf(s->worker->oms->daemon);
	const struct conf_domain *d = conf_domain(conf, address_domain(span_str(s->from)));

	s->config.size_max = d == NULL ? 0 : d->message_bytes;
	conf_unref(&conf);
	return !RULE(message_too_big) || size <= s->config.size_max ||
	    err_set(e, REFUSAL_message_too_big, "a letter may have at most %llu octets",
		(unsigned long long)s->config.size_max);
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *m, struct err *e)
{
	struct session *s = role;

	(void)request;
	if (!sender(s, &m->from, e) || !fits_domain(s, m->size, e))
		return refuse(s, NULL, e);
	s->size = m->size;
	s->to = memory_array(SUBMIT_RECIPIENTS_MAX, sizeof *s->to);
	return DONE;
}

/* -- RCPT -------------------------------------------------------------------------------------------- */

/* Where the daemons share a host, they share its accounts, too. */
static bool
is_unknown_here(const struct session *s, const struct conf *conf, const char *address)
{
	struct accounts *all = s->worker->oms->accounts;
	struct accounts_set *set;
	bool known;

	if (!conf->role[CONF_ROLE_IMS].given ||
	    conf_domain(conf, address_domain(span_str(address))) == NULL)
		return false;
	set = accounts_set_get(all);
	known = accounts_find_fresh(all, &set, span_str(address)) != NULL ||
	    accounts_are_missing(set);
	accounts_set_put(&set);
	return !known;
}

static bool
postmaster(const struct conf *conf, char out[ADDRESS_STR_BYTES], struct err *e)
{
	if (*conf->smtp.postmaster == '\0')
		return err_set(e, REFUSAL_no_such_user, "nobody is the postmaster of %s",
		    conf->smtp.name.text);
	snprintf(out, ADDRESS_STR_BYTES, "%s", conf->smtp.postmaster);
	return true;
}

/* The address in its one form, as our own protocols have it. */
static bool
recipient(const struct session *s, const struct conf *conf, const struct smtp_path *path,
    char out[ADDRESS_STR_BYTES], struct err *e)
{
	struct address a;

	if (path->kind == SMTP_PATH_POSTMASTER)
		return postmaster(conf, out, e);
	if (!smtp_path_canonical(path, idn_a_label, out, e) ||
	    !address_parse_canonical(span_str(out), &a, e))
		return false;
	if (s->local)
		submission_login_expand(&s->login, conf, out);
	return !RULE(no_such_user) || !is_unknown_here(s, conf, out) ||
	    err_word(e, REFUSAL_no_such_user);
}

static void
add_recipient(struct session *s, const char *address)
{
	for (size_t i = 0; i < s->n_to; i++)
		if (span_eq(span_str(s->to[i]), span_str(address)))
			return;
	snprintf(s->to[s->n_to++], sizeof *s->to, "%s", address);
}

static void
recipient_checked_now(void *arg, const char *address, const struct err *e)
{
	struct session *s = arg;

	if (e == NULL)
		add_recipient(s, address);
	else
		log_refused(s, address, e);
	if (smtp_server_answer(&s->server, s->server.request, e, NULL))
		conn_kick(s->conn);
}

static enum outcome
check(struct session *s, const char *address)
{
	if (recipient_check(&s->checks, s->worker, address, recipient_checked_now, s))
		return PENDING;
	add_recipient(s, address);
	return DONE;
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	struct session *s = role;
	struct conf *conf = daemon_conf(s->worker->oms->daemon);
	char address[ADDRESS_STR_BYTES] = "-";
	bool good = recipient(s, conf, to, address, e);

	(void)request;
	conf_unref(&conf);
	return good ? check(s, address) : refuse(s, address, e);
}

/* -- DATA -------------------------------------------------------------------------------------------- */

static void
disk_ready(void *arg)
{
	struct session *s = arg;

	s->server.full = false;
	conn_kick(s->conn);
}

static void
octets_may_come(void *arg, const struct err *e)
{
	struct session *s = arg;

	if (e == NULL) {
		letter_when_ready(s->letter, disk_ready, s);
	} else {
		log_refused(s, NULL, e);
		letter_free(&s->letter);
	}
	if (smtp_server_answer(&s->server, s->server.request, e, NULL))
		conn_kick(s->conn);
}

/* May it write another's From? */
static bool
is_list(const struct session *s)
{
	struct conf *conf = daemon_conf(s->worker->oms->daemon);
	const struct conf_mails *lists = &conf->role[CONF_ROLE_OMS].lists;
	struct accounts_set *set = accounts_set_get(s->worker->oms->accounts);
	bool found = false;

	for (size_t i = 0; i < lists->n && !found; i++)
		found = accounts_owns(set, owner(s), span_str(lists->at[i]));
	accounts_set_put(&set);
	conf_unref(&conf);
	return found;
}

static enum outcome
data(void *role, uint64_t request, struct err *e)
{
	struct session *s = role;
	const struct letter_envelope env = {
		.from = s->from,
		.to = (const char(*)[ADDRESS_STR_BYTES])s->to,
		.n_to = s->n_to,
		.octets = s->size,
		.token = "",
		.null_sender = s->null_sender,
		.by_submission = true,
		.by_smtp = s->checks.by_smtp,
		.any_from = !s->null_sender && is_list(s),
	};

	(void)request;
	return letter_new(s->worker, owner(s), &env, octets_may_come, s, &s->letter, e)
	    ? PENDING
	    : refuse(s, NULL, e);
}

/* Its header is complete, or the letter is over: what comes after it is `rest`. */
static void
give_header(struct session *s, struct span header, struct span rest)
{
	char how[SUBMISSION_LOGIN_BYTES + 80];
	struct submission_trace t = {
		.host = s->config.name,
		.with = s->local ? "ESMTP" : "ESMTPSA",
		.how = how,
		.from = s->from,
		.alias = s->local ? s->login.alias : NULL,
		.address = s->login.user,
		.now_s = clock_wall_ms() / 1000,
	};
	struct buf out = BUF_INIT;

	ulid_new(&t.id);
	if (s->local)
		snprintf(how, sizeof how, "login %s", s->login.name);
	else
		snprintf(how, sizeof how, "%s %s", conn_tls_version(s->conn),
		    conn_tls_suite(s->conn));
	submission_header(header, &t, &out);
	letter_add(s->letter, buf_span(&out));
	letter_add(s->letter, rest);
	buf_clear(&out);
	s->has_header = true;
}

/* A header that is too long has no end here: the letter's own judge refuses it. */
static void
add_to_header(struct session *s, struct span piece)
{
	struct span header, all;

	buf_add(&s->header, piece.p, piece.n);
	all = buf_span(&s->header);
	if (header_find(all, false, &header))
		give_header(s, header, span_sub(all, header.n, all.n));
	else if (all.n <= HEADER_MAX_BYTES)
		return;
	else
		letter_add(s->letter, all);
	s->has_header = true;
	buf_clear(&s->header);
}

static void
octets(void *role, struct span piece)
{
	struct session *s = role;

	s->octets += piece.n;
	if (s->has_header)
		letter_add(s->letter, piece);
	else
		add_to_header(s, piece);
	if (letter_is_full(s->letter))
		s->server.full = true;
}

static void
letter_taken(void *arg, const struct ulid *id, const struct err *e)
{
	struct letter_reply *x = arg;
	struct session *s = reply_context_session(&x->to);
	char text[ULID_STR_BYTES] = "-", kept[64];

	letter_reply_log(x, "submission.letter", id, e);
	if (id != NULL)
		ulid_str(id, text);
	snprintf(kept, sizeof kept, "kept as %s", text);
	if (s != NULL && smtp_server_answer(&s->server, x->to.request, e, kept))
		conn_kick(s->conn);
	free(x);
}

static enum outcome
end(void *role, uint64_t request, struct err *e)
{
	struct session *s = role;
	struct letter_reply *x = letter_reply_new(reply_context_of(s->worker->loop, s->conn,
						      request),
	    user(s), s->octets, s->n_to);
	struct letter *l = s->letter;

	if (!s->has_header)
		give_header(s, buf_span(&s->header), (struct span) { 0 });
	s->letter = NULL;
	forget_letter(s);
	if (letter_finish_take(l, letter_taken, x, e))
		return PENDING;
	free(x);
	return refuse(s, NULL, e);
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
	.auth = auth,
};

/* -- the connection ---------------------------------------------------------------------------------- */

/* Once more after STARTTLS: signing in is bound to TLS. */
static void
prepare_signin(struct session *s)
{
	submission_signin_init(&s->signin, s->worker->desk, s->conn, &s->server);
	s->config.mechanisms = submission_signin_offers(&s->signin);
}

static void
session_up(struct conn *c, void *role)
{
	struct session *s = role;

	s->config = (struct smtp_server_config) {
		.name = s->conf->smtp.name.text,
		.contact = *s->conf->smtp.contact == '\0' ? NULL : s->conf->smtp.contact,
		.size_max = conf_message_most(s->conf),
		.submission = !s->local,
		.goes_on = true,
		.starttls = !s->local && s->kind == TLS_SUBMISSION,
	};
	if (!s->local)
		prepare_signin(s);
	smtp_server_init(&s->server, &s->config, &ops, s);
	s->up = true;
	conn_set_engine(c, &s->server.engine);
}

static void
session_secured(struct conn *c, void *role)
{
	(void)c;
	prepare_signin(role);
}

static void
session_free(struct session *s)
{
	share_release(daemon_share(s->worker->oms->daemon), &s->place, 1,
	    loop_now_ms(s->worker->loop));
	conf_unref(&s->conf);
	free(s);
}

static void
session_ended(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	(void)why;
	forget_letter(s);
	if (s->up) {
		smtp_server_clear(&s->server);
		submission_signin_clear(&s->signin);
	}
	session_free(s);
}

static const struct conn_events events = { .up = session_up,
	.forget_conn = session_ended,
	.secured = session_secured };

void
submission_service_incoming(struct oms_worker *w, enum tls_kind kind, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->kind = kind;
	s->conf = daemon_conf(w->oms->daemon);
	s->conn = conn_accept(w->loop, in, w->oms->tls, kind, NULL, &events, s);
}

/* On the pool: the system may ask a server for the name. */
static void
name_login(void *arg)
{
	struct session *s = arg;

	submission_login_name(&s->login, s->uid, s->conf);
}

static void
turn_away(struct session *s)
{
	listen_done(&s->in);
	session_free(s);
}

static void
login_named(void *arg)
{
	struct session *s = arg;
	struct err e;

	if (daemon_open_for_work(s->worker->oms->daemon, &e))
		s->conn = conn_accept(s->worker->loop, s->in, s->worker->oms->tls, TLS_SUBMISSION,
		    NULL, &events, s);
	else
		turn_away(s);
}

/* The place is held by uid, first of all: so one login cannot fill the pool. */
static bool
has_place(struct session *s)
{
	char key[32];
	struct err e;

	snprintf(key, sizeof key, "uid%lu", (unsigned long)s->uid);
	return !RULE(too_many_connections) ||
	    share_hold(daemon_share(s->worker->oms->daemon), &s->place, SHARE_sessions_user,
		span_str(key), 1, loop_now_ms(s->worker->loop), &e);
}

void
submission_service_local(struct oms_worker *w, uid_t uid, struct listen_incoming *in)
{
	struct session *s = memory_new(sizeof *s);

	s->worker = w;
	s->local = true;
	s->conf = daemon_conf(w->oms->daemon);
	s->uid = uid;
	s->in = in;
	s->naming = (struct offload_job) { NULL, w->loop, name_login, login_named, s };
	if (!has_place(s) || !offload_take(w->oms->offload, &s->naming))
		turn_away(s);
}
