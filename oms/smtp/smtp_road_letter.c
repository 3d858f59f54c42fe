/* smtp_road_letter — the letters of an attempt, one after another over its session; see smtp_road.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/conf/conf.h"
#include "common/dkim/dkim_sign.h"
#include "common/loop/loop.h"
#include "oms/smtp/smtp_road_private.h"

/* A question to the store, which nobody can take back. */
struct smtp_opening {
	struct smtp_road *road; /* NULL: it is no longer wanted */
};

static void next_letter(struct smtp_road *r);

/* -- what is said of recipients ------------------------------------------------------------------- */

static struct oms_delivery *
current(const struct smtp_road *r)
{
	return &r->d[r->at];
}

static struct oms_recipient *
of_part(const struct smtp_road *r, size_t i)
{
	return &current(r)->recipients[r->part[i]];
}

/* 552 to RCPT says that there were too many (RFC 5321 4.5.3.1.10), and is no refusal. */
static bool
is_for_now(enum smtp_stage stage, const struct smtp_reply *reply)
{
	return reply->code < 500 || (stage == SMTP_STAGE_RCPT && reply->code == 552);
}

static void
record(struct smtp_road *r, struct oms_recipient *to, enum smtp_stage stage,
    const struct smtp_reply *reply)
{
	struct err e = { .why = REFUSAL_NONE, .said = true };
	int64_t now_s = clock_wall_ms() / 1000;

	if (reply->code < 300) {
		snprintf(e.text, sizeof e.text, "%d %s%s%.400s", reply->code, reply->enhanced,
		    *reply->enhanced != '\0' ? " " : "", reply->text);
		oms_recipient_said(to, SUBMIT_BY_SMTP, &e, now_s);
		r->accepted++;
		return;
	}
	(void)smtp_reply_err(reply, &e);
	if (!is_for_now(stage, reply)) {
		oms_recipient_said(to, SUBMIT_REFUSED, &e, now_s);
		return;
	}
	e.why = REFUSAL_refused_for_now;
	oms_recipient_said(to, SUBMIT_WAITING, &e, now_s);
}

/* We say it ourselves, before any octet of the letter leaves. */
static void
refuse(struct oms_recipient *to, const struct err *e)
{
	oms_recipient_said(to, refusal_temporary(e->why) ? SUBMIT_WAITING : SUBMIT_REFUSED, e,
	    clock_wall_ms() / 1000);
}

static bool
is_left(const struct smtp_road *r, size_t i)
{
	return !r->tried[i] && current(r)->recipients[i].state == SUBMIT_WAITING;
}

static void
refuse_rest(struct smtp_road *r, const struct err *e)
{
	for (size_t i = 0; i < current(r)->n_recipients; i++)
		if (is_left(r, i)) {
			r->tried[i] = true;
			refuse(&current(r)->recipients[i], e);
		}
}

/* -- the end of a letter -------------------------------------------------------------------------- */

void
smtp_road_letter_clear(struct smtp_road *r)
{
	if (r->opening != NULL)
		r->opening->road = NULL;
	r->opening = NULL;
	smtp_parcel_free(&r->parcel);
	free(r->part);
	free(r->to);
	free(r->tried);
	free(r->taken);
	r->part = NULL;
	r->to = NULL;
	r->tried = r->taken = NULL;
	r->n_part = 0;
	r->letter = false;
}

static void
finish_letter(struct smtp_road *r)
{
	size_t at = r->at;

	smtp_road_letter_clear(r);
	r->at++;
	r->letters++;
	r->ops->answered(r->role, at);
	next_letter(r);
}

void
smtp_road_letter_lost(struct smtp_road *r, const struct err *why)
{
	size_t at = r->at;
	bool letter = r->letter;

	for (size_t i = 0; letter && why != NULL && i < r->n_part; i++)
		if (r->taken[i] || r->giving || i >= r->n_heard)
			oms_recipient_failed(of_part(r, i), why);
	smtp_road_letter_clear(r);
	if (!letter)
		return;
	r->at++;
	r->ops->answered(r->role, at);
}

/* -- a transaction -------------------------------------------------------------------------------- */

static size_t
most_at_once(const struct smtp_road *r)
{
	unsigned most = smtp_session_offers(r->session)->rcpt_max;

	return most > 0 && most < SMTP_CLIENT_RCPT_MAX ? most : SMTP_CLIENT_RCPT_MAX;
}

/* The recipients of the next transaction; those that the host cannot be told are refused. */
static void
choose_part(struct smtp_road *r)
{
	const struct smtp_offers *o = smtp_session_offers(r->session);
	struct err e;

	r->n_part = r->n_heard = r->n_taken = 0;
	for (size_t i = 0; i < current(r)->n_recipients && r->n_part < most_at_once(r); i++) {
		struct oms_recipient *to = &current(r)->recipients[i];

		if (!is_left(r, i))
			continue;
		r->tried[i] = true;
		if (!smtp_text_address_fits(span_str(to->address), o, &e)) {
			refuse(to, &e);
			continue;
		}
		r->taken[r->n_part] = false;
		r->to[r->n_part] = span_str(to->address);
		r->part[r->n_part++] = i;
	}
}

static bool
needs_utf8(const struct smtp_road *r)
{
	bool needs = smtp_parcel_text(r->parcel)->utf8_header || !span_is_ascii(span_str(r->from));

	for (size_t i = 0; i < r->n_part; i++)
		needs = needs || !span_is_ascii(r->to[i]);
	return needs;
}

static void
send_part(struct smtp_road *r)
{
	struct smtp_letter l;
	struct err e;

	choose_part(r);
	if (r->n_part == 0) {
		finish_letter(r);
		return;
	}
	l = (struct smtp_letter) {
		.from = span_str(r->from),
		.to = r->to,
		.n_to = r->n_part,
		.content = smtp_parcel_source(r->parcel),
		.octets = smtp_parcel_octets(r->parcel),
		.eight_bit = smtp_parcel_text(r->parcel)->eight_bit,
		.utf8 = needs_utf8(r),
		.envid = span_str(r->envid),
	};
	r->sent = l;
	r->letter = true;
	if (smtp_session_send(r->session, &r->sent, &e))
		return;
	l.content->free(l.content);
	r->letter = false;
	if (e.why != REFUSAL_bad_address)
		return; /* nothing vouches for the host any more; on_ended follows */
	for (size_t i = 0; i < r->n_part; i++)
		refuse(of_part(r, i), &e);
	finish_letter(r);
}

/* -- opening -------------------------------------------------------------------------------------- */

static void
log_unsigned(const struct smtp_road *r)
{
	const struct err *why = smtp_parcel_why_unsigned(r->parcel);

	if (why != NULL)
		log_fact_of(domain_span(&r->peer), LOG_WARN, "smtp.unsigned",
		    "own=%s peer=%s id=%s word=%s text=%s", r->own.text, r->peer.text, r->envid,
		    refusal_word(why->why), log_str(why->text));
}

static void
add_trace(struct smtp_road *r)
{
	struct buf field = BUF_INIT;

	smtp_parcel_received(&field, r->conf->smtp.name.text, r->envid, clock_wall_ms() / 1000);
	smtp_parcel_prepend(r->parcel, buf_span(&field));
	buf_clear(&field);
}

static bool
fits(struct smtp_road *r, struct err *e)
{
	const struct smtp_offers *o = smtp_session_offers(r->session);

	return smtp_text_fits(smtp_parcel_text(r->parcel), smtp_parcel_octets(r->parcel), o, e) &&
	    smtp_text_address_fits(span_str(r->from), o, e);
}

/* The letter was read, and the session may have gone meanwhile: then its end has cleared the letter. */
static void
was_read(void *arg, const struct err *fault)
{
	struct smtp_road *r = arg;
	struct err e;

	if (fault != NULL) {
		refuse_rest(r, fault);
		finish_letter(r);
		return;
	}
	log_unsigned(r);
	add_trace(r);
	if (fits(r, &e)) {
		send_part(r);
		return;
	}
	refuse_rest(r, &e);
	finish_letter(r);
}

/* NULL: our domain has no keys.  Signatures have dates, so each attempt makes its own. */
static struct dkim_signer *
signer_of(const struct smtp_road *r)
{
	struct dkim_keys *keys = dkim_holder_get(r->worker->oms->dkim);
	struct dkim_signer *s = dkim_signer_new(keys, r->own.text, clock_wall_ms() / 1000);

	dkim_keys_unref(&keys);
	return s;
}

static void
opened(void *arg, const struct oms_letter *l, struct source *source, const struct err *e)
{
	struct smtp_road *r = ((struct smtp_opening *)arg)->road;

	free(arg);
	if (r == NULL) {
		if (source != NULL)
			source->free(source);
		return;
	}
	r->opening = NULL;
	if (e != NULL) {
		refuse_rest(r, e);
		finish_letter(r);
		return;
	}
	snprintf(r->from, sizeof r->from, "%s", l->null_sender ? "" : l->from);
	r->parcel = smtp_parcel_new(r->worker->loop, r->worker->oms->offload, source, l->size,
	    signer_of(r), was_read, r);
}

static void
next_letter(struct smtp_road *r)
{
	size_t n;

	while (r->at < r->n && !oms_delivery_waits(current(r)))
		r->at++;
	if (r->at == r->n) {
		smtp_session_quit(r->session);
		return;
	}
	n = current(r)->n_recipients;
	r->part = memory_array(n, sizeof *r->part);
	r->to = memory_array(n, sizeof *r->to);
	r->tried = memory_array(n, sizeof *r->tried);
	r->taken = memory_array(n, sizeof *r->taken);
	ulid_str(&current(r)->id, r->envid);
	r->opening = memory_new(sizeof *r->opening);
	r->opening->road = r;
	oms_store_summary(r->worker->oms->store, &current(r)->id, r->peer.text, r->worker->loop,
	    opened, r->opening);
}

/* -- the session's callbacks ---------------------------------------------------------------------- */

/* At first, and after each transaction. */
void
smtp_road_ready(void *road)
{
	struct smtp_road *r = road;

	if (r->parcel != NULL)
		send_part(r);
	else
		next_letter(r);
}

/* Those for whom the host has no more room in this transaction are tried in another, for as long as each takes
 * somebody (RFC 5321 4.5.3.1.10). */
static bool
is_for_next(const struct smtp_road *r, const struct smtp_reply *reply)
{
	bool many = reply->code == 452 || reply->code == 552;
	bool of_mailbox = strncmp(reply->enhanced + (*reply->enhanced != '\0'), ".2.", 3) == 0;

	return many && !of_mailbox && r->n_taken > 0;
}

void
smtp_road_recipient(void *road, size_t i, const struct smtp_reply *reply)
{
	struct smtp_road *r = road;

	r->n_heard = i + 1;
	r->taken[i] = reply->code / 100 == 2;
	r->n_taken += r->taken[i];
	if (r->taken[i])
		return;
	record(r, of_part(r, i), SMTP_STAGE_RCPT, reply);
	if (is_for_next(r, reply))
		r->tried[r->part[i]] = false;
}

void
smtp_road_giving(void *road)
{
	struct smtp_road *r = road;

	r->giving = true;
	for (size_t i = 0; i < r->n_part; i++)
		of_part(r, i)->giving = r->taken[i];
	r->ops->giving(r->role, r->at, r->hosts[r->host].host, smtp_session_reached(r->session));
}

void
smtp_road_given(struct smtp_road *r, const struct err *e)
{
	r->giving = false;
	if (r->session == NULL)
		smtp_road_over(r);
	else if (e != NULL)
		smtp_session_drop(r->session, e);
	else
		smtp_session_give(r->session);
}

void
smtp_road_done(void *road, enum smtp_stage stage, const struct smtp_reply *reply)
{
	struct smtp_road *r = road;

	r->letter = false;
	for (size_t i = 0; i < r->n_part; i++) {
		if (stage == SMTP_STAGE_MAIL || (stage != SMTP_STAGE_RCPT && r->taken[i]))
			record(r, of_part(r, i), stage, reply);
		of_part(r, i)->giving = false; /* it has answered */
	}
	for (size_t i = 0; stage == SMTP_STAGE_MAIL && i < current(r)->n_recipients; i++)
		if (is_left(r, i)) {
			r->tried[i] = true;
			record(r, &current(r)->recipients[i], stage, reply);
		}
}
