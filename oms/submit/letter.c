/* letter — a letter on its way into the spool; see letter.h. */
#include "oms/submit/letter.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/share/share.h"
#include "common/store/kv_question.h"
#include "common/text/idn.h"
#include "oms/queue/notifier.h"
#include "oms/smtp/smtp_text.h"
#include "proto/header.h"
#include "proto/line.h"

struct letter {
	struct oms_worker *worker;
	struct body_in *in;
	struct kv_question *claiming;
	struct oms_claim *claim; /* NULL: none, or the store's sums include the letter */
	letter_begun *begun;
	struct buf header; /* the letter's first octets, until its header is complete */
	bool whole_header;
	bool cr; /* the last octet was CR */
	bool any_from, by_smtp;
	struct smtp_text text; /* what SMTP would have to carry */
	bool bare;             /* a CR or LF was not part of CRLF */
	struct oms_letter facts;
	char token[SUBMIT_TOKEN_MAX + 1];
	char (*to)[ADDRESS_STR_BYTES];
	size_t n_to;
	struct oms_user_limits most;
	struct oms_delivery *deliveries;
	size_t n_deliveries;
	oms_store_put_done *done;
	void *arg;
};

struct oms_user_limits
letter_limits(const struct conf *c)
{
	const struct conf_role *r = &c->role[CONF_ROLE_OMS];
	uint64_t half = r->folder_bytes / 2;

	return (struct oms_user_limits) {
		.letters = r->user_letters < OMS_OUTBOX_MAX ? (uint64_t)r->user_letters
							    : OMS_OUTBOX_MAX,
		.octets = r->user_bytes < half ? r->user_bytes : half,
	};
}

/* -- octets ------------------------------------------------------------------------------------- */

/* For `status`. */
static void
note_full(const struct letter *l, const struct err *e)
{
	if (e != NULL && e->why == REFUSAL_outbox_full)
		share_note(daemon_share(l->worker->oms->daemon), SHARE_outbox,
		    accounts_owner_address(l->facts.user), loop_now_ms(l->worker->loop));
}

static void
claimed(void *arg, struct oms_claim *claim, const struct err *e)
{
	struct letter *l = arg;

	l->claiming = NULL;
	l->claim = claim;
	note_full(l, e);
	ulid_new(&l->facts.id);
	if (e == NULL)
		l->in = oms_store_body(l->worker->oms->store, &l->facts.id, l->worker->loop);
	l->begun(l->arg, e);
}

static void
claim(struct letter *l, const struct letter_envelope *env)
{
	const struct oms_claim_query q = {
		.user = l->facts.user,
		.token = l->token,
		.octets = env->octets,
		.n_recipients = env->n_to,
		.most = l->most,
	};

	l->claiming = oms_store_claim(l->worker->oms->store, &q, l->worker->loop, claimed, l);
}

bool
letter_new(struct oms_worker *w, const char *user, const struct letter_envelope *env,
    letter_begun *begun, void *arg, struct letter **out, struct err *e)
{
	struct conf *conf = daemon_conf(w->oms->daemon);
	const struct conf_domain *d = conf_domain(conf, address_domain(span_str(env->from)));
	int64_t keep_s = d == NULL ? 0 : d->keep_s;
	uint64_t most = d == NULL ? 0 : d->message_bytes;
	int64_t hold_s = env->hold_days == 0 ? keep_s : (int64_t)env->hold_days * 86400;
	struct oms_user_limits limits = letter_limits(conf);
	struct letter *l;

	conf_unref(&conf);
	if (RULE(message_too_big) && env->octets > most)
		return err_set(e, REFUSAL_message_too_big, "a letter may have at most %llu octets",
		    (unsigned long long)most);
	if (RULE(bad_hold) && hold_s > keep_s)
		return keep_s < 86400
		    ? err_set(e, REFUSAL_bad_hold, "a letter is held for less than a day here")
		    : err_set(e, REFUSAL_bad_hold, "a letter is held for 1 to %lld days here",
			  (long long)(keep_s / 86400));
	l = memory_new(sizeof *l);
	l->begun = begun;
	l->arg = arg;
	l->most = limits;
	l->to = memory_array(env->n_to + 1, sizeof *l->to);
	l->worker = w;
	span_copy(span_str(user), l->facts.user, sizeof l->facts.user);
	span_copy(span_str(env->from), l->facts.from, sizeof l->facts.from);
	l->facts.null_sender = env->null_sender;
	l->facts.by_submission = env->by_submission;
	l->any_from = env->any_from;
	l->by_smtp = env->by_smtp;
	l->facts.date_s = clock_wall_ms() / 1000;
	l->facts.hold_until_s = l->facts.date_s + hold_s;
	span_copy(span_str(env->token), l->token, sizeof l->token);
	memcpy(l->to, env->to, env->n_to * sizeof *l->to);
	l->n_to = env->n_to;
	claim(l, env);
	*out = l;
	return true;
}

void
letter_add(struct letter *l, struct span piece)
{
	struct span header;

	body_add(l->in, piece);
	if (l->by_smtp)
		smtp_text_scan(&l->text, piece);
	l->bare = l->bare || line_has_bare(piece, &l->cr);
	if (l->whole_header || l->header.len > HEADER_MAX_BYTES)
		return;
	buf_add(&l->header, piece.p, piece.n);
	l->whole_header = header_find(buf_span(&l->header), false, &header);
}

bool
letter_is_full(const struct letter *l)
{
	return body_full(l->in);
}

void
letter_when_ready(struct letter *l, void (*ready)(void *arg), void *arg)
{
	body_when_ready(l->in, ready, arg);
}

void
letter_free(struct letter **lp)
{
	struct letter *l = *lp;

	if (l == NULL)
		return;
	if (l->in != NULL)
		body_abort_take(l->in);
	kv_question_drop(&l->claiming);
	oms_claim_free(&l->claim);
	for (size_t i = 0; i < l->n_deliveries; i++)
		oms_delivery_clear(&l->deliveries[i]);
	free(l->deliveries);
	buf_clear(&l->header);
	free(l->to);
	free(l);
	*lp = NULL;
}

/* -- deliveries --------------------------------------------------------------------------------- */

static struct oms_delivery *
delivery_to(struct letter *l, struct span domain)
{
	struct oms_delivery *d;

	for (size_t i = 0; i < l->n_deliveries; i++)
		if (span_eq(domain_span(&l->deliveries[i].peer), domain))
			return &l->deliveries[i];
	d = &l->deliveries[l->n_deliveries++];
	d->id = l->facts.id;
	domain_copy_span(&d->own, address_domain(span_str(l->facts.from)));
	domain_copy_span(&d->peer, domain);
	d->next_ms = clock_steady_ms();
	d->hold_until_s = l->facts.hold_until_s;
	d->recipients = memory_array(l->n_to, sizeof *d->recipients);
	return d;
}

static bool
write_statement(const struct letter *l, struct oms_delivery *d, struct err *e)
{
	unsigned char hashes[SUBMIT_RECIPIENTS_MAX][STATEMENT_HASH_BYTES];
	struct statement st = {
		.kind = STATEMENT_NOTIFICATION,
		.id = l->facts.id,
		.from = { .whole = span_str(l->facts.from) },
		.recipient_domain = domain_span(&d->peer),
		.date_s = l->facts.date_s,
		.hold_until_s = l->facts.hold_until_s,
		.size = l->facts.size,
		.summary_size = l->facts.summary_size,
	};

	memcpy(st.digest, l->facts.digest, sizeof st.digest);
	memcpy(st.summary_digest, l->facts.summary_digest, sizeof st.summary_digest);
	for (size_t i = 0; i < d->n_recipients; i++)
		statement_hash(digest_sha256, d->recipients[i].salt,
		    span_str(d->recipients[i].address), hashes[i]);
	return statement_write(&d->statement, &st, hashes, d->n_recipients, e);
}

static bool
make_deliveries(struct letter *l, struct err *e)
{
	l->deliveries = memory_array(l->n_to + 1, sizeof *l->deliveries);
	for (size_t i = 0; i < l->n_to; i++) {
		struct oms_delivery *d = delivery_to(l, address_domain(span_str(l->to[i])));
		struct oms_recipient *r = &d->recipients[d->n_recipients++];

		memcpy(r->address, l->to[i], sizeof r->address);
		random_bytes(r->salt, sizeof r->salt);
		r->state = SUBMIT_WAITING;
		r->since_s = l->facts.date_s;
	}
	for (size_t i = 0; i < l->n_deliveries; i++)
		if (!write_statement(l, &l->deliveries[i], e))
			return false;
	return true;
}

/* -- the end --------------------------------------------------------------------------------------- */

static void
on_stored(void *arg, const struct ulid *id, const struct err *e)
{
	struct letter *l = arg;

	oms_claim_free(&l->claim);
	note_full(l, e);
	for (size_t i = 0; i < l->n_deliveries && e == NULL; i++)
		notifier_wake(l->worker->oms, l->deliveries[i].own.text,
		    l->deliveries[i].peer.text);
	l->done(l->arg, id, e);
	letter_free(&l);
}

static void
refuse(struct letter *l, const struct err *e)
{
	l->done(l->arg, NULL, e);
	letter_free(&l);
}

static void
on_kept(void *arg, struct body_kept *k, const struct err *e)
{
	struct letter *l = arg;
	struct err why;
	struct oms_put put;

	if (e != NULL) {
		refuse(l, e);
		return;
	}
	l->facts.size = k->size;
	memcpy(l->facts.digest, k->digest, sizeof l->facts.digest);
	l->facts.summary_size = header_summary(buf_span(&l->header), STATEMENT_SUMMARY_MAX);
	digest_sha256(span_sub(buf_span(&l->header), 0, (size_t)l->facts.summary_size),
	    l->facts.summary_digest);
	if (!make_deliveries(l, &why)) {
		body_remove(oms_store_bodies(l->worker->oms->store), k->name);
		body_kept_clear(k);
		refuse(l, &why);
		return;
	}
	put = (struct oms_put) {
		.letter = l->facts,
		.kept = k,
		.claim = l->claim,
		.deliveries = l->deliveries,
		.n_deliveries = l->n_deliveries,
		.most = l->most,
	};
	memcpy(put.token, l->token, sizeof put.token);
	oms_store_put_take(l->worker->oms->store, &put, l->worker->loop, on_stored, l);
}

static bool
judge(struct letter *l, struct err *e)
{
	struct span header;
	char from[ADDRESS_STR_BYTES];

	if (RULE(bad_message) && (l->bare || l->cr))
		return err_set(e, REFUSAL_bad_message,
		    "the letter has a CR or LF that is not part of CRLF");
	if (l->by_smtp && !smtp_text_may_go(&l->text, e))
		return false;
	if (!header_find(buf_span(&l->header), !l->whole_header, &header))
		return err_set(e, REFUSAL_bad_message, "the header is longer than %d octets",
		    HEADER_MAX_BYTES);
	l->header.len = header.n;
	if (!header_from(header, idn_a_label, from, e))
		return false;
	if (RULE(bad_from) && !l->any_from &&
	    !accounts_owns_fresh(l->worker->oms->accounts, l->facts.user, span_str(from)))
		return err_set(e, REFUSAL_bad_from, "the letter's From is not an address of %.*s",
		    SPAN_FMT(accounts_owner_address(l->facts.user)));
	return true;
}

bool
letter_finish_take(struct letter *l, oms_store_put_done *done, void *arg, struct err *e)
{
	struct body_in *in = l->in;

	if (!judge(l, e)) {
		letter_free(&l);
		return false;
	}
	l->in = NULL;
	l->done = done;
	l->arg = arg;
	body_end_take(in, on_kept, l);
	return true;
}
