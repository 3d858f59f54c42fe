/* smtp_vouch — see smtp_vouch.h. */
#include "ims/smtp/smtp_vouch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"

struct smtp_vouch {
	struct dkim_verifier *verifier;
	struct dmarc_query *asked;
	struct domain from, spf_domain;
	bool found, verified;
	struct dmarc_found record;
	struct dkim_verdict verdicts[DKIM_SIGNATURES_MAX];
	size_t n;
	struct buf results;
	smtp_vouch_done *done; /* NULL: the end has not come */
	void *arg;
};

/* -- what was found ------------------------------------------------------------------------------- */

static enum mailbox_result
mark_of_dkim(enum dkim_result r)
{
	switch (r) {
	case DKIM_PASS:
		return MAILBOX_RESULT_PASS;
	case DKIM_FAIL:
		return MAILBOX_RESULT_FAIL;
	case DKIM_POLICY:
		return MAILBOX_RESULT_POLICY;
	case DKIM_TEMPERROR:
		return MAILBOX_RESULT_TEMPERROR;
	case DKIM_PERMERROR:
		return MAILBOX_RESULT_PERMERROR;
	}
	return MAILBOX_RESULT_NONE;
}

static enum mailbox_result
mark_of_dmarc(const struct dmarc_judgement *j)
{
	if (j->result == DMARC_FAIL && j->action == DMARC_QUARANTINE)
		return MAILBOX_RESULT_QUARANTINE;
	switch (j->result) {
	case DMARC_NONE:
		return MAILBOX_RESULT_NONE;
	case DMARC_PASS:
		return MAILBOX_RESULT_PASS;
	case DMARC_FAIL:
		return MAILBOX_RESULT_FAIL;
	case DMARC_TEMPERROR:
		return MAILBOX_RESULT_TEMPERROR;
	}
	return MAILBOX_RESULT_NONE;
}

/* The signature that people are told of: a good one of the author's domain, else a good one, else the first. */
static const struct dkim_verdict *
best(const struct smtp_vouch *v)
{
	const struct dkim_verdict *good = NULL;

	for (size_t i = 0; i < v->n; i++) {
		if (v->verdicts[i].result != DKIM_PASS)
			continue;
		if (good == NULL || domain_eq(&v->verdicts[i].domain, domain_span(&v->from)))
			good = &v->verdicts[i];
	}
	return good != NULL ? good : v->n > 0 ? &v->verdicts[0] : NULL;
}

static void
write_results(struct smtp_vouch *v, const struct dmarc_judgement *j)
{
	if (v->n == 0)
		buf_addf(&v->results, "; dkim=none");
	for (size_t i = 0; i < v->n; i++) {
		const struct dkim_verdict *d = &v->verdicts[i];

		buf_addf(&v->results, "; dkim=%s", mailbox_result_name(mark_of_dkim(d->result)));
		if (d->domain.text[0] != '\0')
			buf_addf(&v->results, " header.d=%s", d->domain.text);
		if (d->selector[0] != '\0')
			buf_addf(&v->results, " header.s=%s", d->selector);
	}
	buf_addf(&v->results, "; dmarc=%s header.from=%s", dmarc_result_text(j->result),
	    v->from.text);
}

static void
finish(struct smtp_vouch *v)
{
	unsigned char draw[2];
	const struct dkim_verdict *d = best(v);
	struct smtp_vouched out = { .dkim = MAILBOX_RESULT_NONE };
	struct dmarc_judgement j;

	if (!v->found || !v->verified || v->done == NULL)
		return;
	random_bytes(draw, sizeof draw);
	j = dmarc_judge(&v->record,
	    &(struct dmarc_facts) {
		.from = v->from.text,
		.spf_domain = v->spf_domain.text[0] != '\0' ? v->spf_domain.text : NULL,
		.verdicts = v->verdicts,
		.n = v->n,
		.draw = (draw[0] * 256U + draw[1]) % 100,
	    });
	if (d != NULL) {
		out.dkim = mark_of_dkim(d->result);
		out.dkim_domain = d->domain;
	}
	out.dmarc = mark_of_dmarc(&j);
	write_results(v, &j);
	out.results = buf_span(&v->results);
	if (RULE(dmarc) && j.action == DMARC_REJECT)
		err_set(&out.refused, REFUSAL_dmarc,
		    "DMARC: %s asks to refuse what neither SPF nor DKIM vouches for", v->from.text);
	else if (j.action == DMARC_LATER)
		err_set(&out.refused, REFUSAL_dns_failed,
		    "DMARC: what decides about letters from %s cannot be looked up now",
		    v->from.text);
	v->done(v->arg, &out);
}

/* -- asking --------------------------------------------------------------------------------------- */

static void
record_found(void *arg, const struct dmarc_found *f, const struct err *why)
{
	struct smtp_vouch *v = arg;

	(void)why;
	v->asked = NULL;
	v->record = *f;
	v->found = true;
	finish(v);
}

static void
letter_verified(void *arg, const struct dkim_verdict *verdicts, size_t n)
{
	struct smtp_vouch *v = arg;

	v->n = n < DKIM_SIGNATURES_MAX ? n : DKIM_SIGNATURES_MAX;
	if (v->n > 0)
		memcpy(v->verdicts, verdicts, v->n * sizeof *verdicts);
	v->verified = true;
	finish(v);
}

struct smtp_vouch *
smtp_vouch_new(struct dns *dns, const struct dkim_about *about, struct span header,
    struct span from, int64_t now_s)
{
	struct smtp_vouch *v = memory_new(sizeof *v);

	domain_copy_span(&v->from, from);
	v->verifier = dkim_verifier_new(dns, about, now_s);
	dkim_verifier_header(v->verifier, header);
	v->asked = dmarc_find(dns, about, v->from.text, record_found, v);
	return v;
}

void
smtp_vouch_body(struct smtp_vouch *v, struct span piece)
{
	dkim_verifier_body(v->verifier, piece);
}

void
smtp_vouch_end(struct smtp_vouch *v, const char *spf_domain, smtp_vouch_done *done, void *arg)
{
	v->spf_domain = domain_copy(spf_domain);
	v->done = done;
	v->arg = arg;
	dkim_verifier_end(v->verifier, letter_verified, v);
}

void
smtp_vouch_free(struct smtp_vouch **vp)
{
	struct smtp_vouch *v = *vp;

	*vp = NULL;
	if (v == NULL)
		return;
	dkim_verifier_free(&v->verifier);
	if (v->asked != NULL)
		dmarc_cancel(&v->asked);
	buf_clear(&v->results);
	free(v);
}
