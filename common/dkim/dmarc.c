/* dmarc — see dmarc.h. */
#include "common/dkim/dmarc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/dkim/dkim_key.h"
#include "common/dkim/tag_list.h"
#include "common/dns/dns.h"
#include "common/text/address_text.h"
#include "common/text/registrable.h"

/* -- records ----------------------------------------------------------------------------------- */

struct says {
	bool has_p, good_p, good_sp, reports;
	bool has_sp;
};

static bool
parse_policy(struct span s, enum dmarc_policy *out)
{
	static const char *const words[] = { "none", "quarantine", "reject" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (span_eq_nocase(s, span_str(words[i]))) {
			*out = (enum dmarc_policy)i;
			return true;
		}
	return false;
}

/* dmarc-uri = URI [ "!" 1*DIGIT [ unit ] ]: one of mailto is enough here. */
static bool
has_uri(struct span s)
{
	while (s.n > 0)
		if (span_starts(span_trim_folds(span_cut(&s, ',')), SPAN_LIT("mailto:")))
			return true;
	return false;
}

static void
take_tag(struct span name, struct span value, struct dmarc_record *out, struct says *says)
{
	uint64_t n;

	if (span_eq_nocase(name, SPAN_LIT("p")) && !says->has_p) {
		says->has_p = true;
		says->good_p = parse_policy(value, &out->domain);
	} else if (span_eq_nocase(name, SPAN_LIT("sp")) && !says->has_sp) {
		says->has_sp = true;
		says->good_sp = parse_policy(value, &out->subdomains);
	} else if (span_eq_nocase(name, SPAN_LIT("pct"))) {
		if (span_u64(value, &n) && n <= 100)
			out->percent = (unsigned)n;
	} else if (span_eq_nocase(name, SPAN_LIT("adkim"))) {
		out->strict_dkim = span_eq_nocase(value, SPAN_LIT("s"));
	} else if (span_eq_nocase(name, SPAN_LIT("aspf"))) {
		out->strict_spf = span_eq_nocase(value, SPAN_LIT("s"));
	} else if (span_eq_nocase(name, SPAN_LIT("rua"))) {
		says->reports = has_uri(value);
	}
}

/* dmarc-version = "v" *WSP "=" *WSP "DMARC1" */
static bool
is_version(struct span tag)
{
	struct span name = span_trim_folds(span_cut(&tag, '='));

	return span_eq(name, SPAN_LIT("v")) && span_eq(span_trim_folds(tag), SPAN_LIT("DMARC1"));
}

/* dmarc-record = dmarc-version dmarc-sep [ dmarc-request ] ...; a tag with a fault is as if it were not there, but a
 * bad p or sp leaves p=none, if anybody wants reports at all (RFC 7489 6.6.3). */
bool
dmarc_parse(struct span text, struct dmarc_record *out)
{
	struct says says = { 0 };

	*out = (struct dmarc_record) { .percent = 100 };
	if (!is_version(span_cut(&text, ';')))
		return false;
	while (text.n > 0) {
		struct span value = span_cut(&text, ';'),
			    name = span_trim_folds(span_cut(&value, '='));

		take_tag(name, span_trim_folds(value), out, &says);
	}
	if (!says.good_p || (says.has_sp && !says.good_sp)) {
		out->domain = out->subdomains = DMARC_P_NONE;
		return says.reports;
	}
	if (!says.has_sp)
		out->subdomains = out->domain;
	return true;
}

/* -- looking up -------------------------------------------------------------------------------- */

struct dmarc_query {
	struct dns *dns;
	struct dkim_about about;
	struct domain about_domain, from, at;
	struct sockaddr_storage peer;
	struct dns_query *asked;
	dmarc_done *done;
	void *arg;
};

static void
query_free(struct dmarc_query *q)
{
	dns_cancel(&q->asked);
	free(q);
}

static void
finish(struct dmarc_query *q, enum dmarc_status status, const struct dmarc_record *record,
    const struct err *why)
{
	struct dmarc_found f = { .status = status };

	if (record != NULL) {
		f.record = *record;
		f.at = q->at;
	}
	q->done(q->arg, &f, why);
	query_free(q);
}

static bool
is_record(struct span rdata, struct buf *text)
{
	struct span first;

	if (!dkim_txt_join(rdata, DMARC_RECORD_MAX, text))
		return false;
	first = buf_span(text);
	return is_version(span_cut(&first, ';'));
}

/* How many DMARC records the answer has; the text of the first. */
static size_t
records_of(const struct dns_answer *a, struct buf *first)
{
	size_t found = 0;

	for (size_t i = 0; i < a->n; i++) {
		struct buf text = BUF_INIT;

		if (is_record(a->rdata[i], &text) && found++ == 0)
			buf_add(first, text.data, text.len);
		buf_clear(&text);
	}
	return found;
}

static void ask(struct dmarc_query *q);

static void
answered(void *arg, const struct dns_answer *a)
{
	struct dmarc_query *q = arg;
	struct dmarc_record record;
	struct buf text = BUF_INIT;
	struct domain above;
	size_t n;
	struct err e;

	q->asked = NULL;
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS) {
		dns_err(a, q->at.text, &e);
		finish(q, DMARC_FAILED, NULL, &e);
		return;
	}
	n = records_of(a, &text);
	if (n == 0 && domain_eq(&q->at, domain_span(&q->from)) &&
	    registrable_domain(q->from.text, &above) && !domain_eq(&above, domain_span(&q->at))) {
		q->at = above;
		ask(q);
	} else if (n == 1 && dmarc_parse(buf_span(&text), &record)) {
		finish(q, DMARC_FOUND, &record, NULL);
	} else {
		finish(q, DMARC_ABSENT, NULL, NULL);
	}
	buf_clear(&text);
}

static void
ask(struct dmarc_query *q)
{
	char name[DOMAIN_BYTES + 8];

	snprintf(name, sizeof name, "_dmarc.%s", q->at.text);
	q->asked = dns_ask_about(q->dns, domain_span(&q->about_domain), q->about.peer,
	    span_str(name), DNS_TXT, answered, q);
}

struct dmarc_query *
dmarc_find(struct dns *dns, const struct dkim_about *about, const char *from, dmarc_done *done,
    void *arg)
{
	struct dmarc_query *q = memory_new(sizeof *q);

	q->dns = dns;
	q->about_domain = domain_copy(about->domain);
	if (about->peer != NULL) {
		memcpy(&q->peer, about->peer, address_size(about->peer));
		q->about.peer = (const struct sockaddr *)&q->peer;
	}
	q->from = q->at = domain_copy(from);
	q->done = done;
	q->arg = arg;
	ask(q);
	return q;
}

void
dmarc_cancel(struct dmarc_query **q)
{
	if (*q != NULL)
		query_free(*q);
	*q = NULL;
}

/* -- the judgement ----------------------------------------------------------------------------- */

/* Relaxed: both are of one registered domain. */
static bool
is_aligned(const char *domain, const char *from, bool strict)
{
	struct domain a, b;

	if (strcmp(domain, from) == 0)
		return true;
	return !strict && registrable_domain(domain, &a) && registrable_domain(from, &b) &&
	    strcmp(a.text, b.text) == 0;
}

/* Does an aligned signature have this result? */
static bool
has_signature(const struct dmarc_facts *facts, const struct dmarc_record *r,
    enum dkim_result result)
{
	for (size_t i = 0; i < facts->n; i++)
		if (facts->verdicts[i].result == result &&
		    is_aligned(facts->verdicts[i].domain.text, facts->from, r->strict_dkim))
			return true;
	return false;
}

/* What the policy comes to for a letter that pct leaves out: the next milder. */
static enum dmarc_action
action_of(enum dmarc_policy p, const struct dmarc_facts *facts, const struct dmarc_record *r)
{
	if (facts->draw >= r->percent && p != DMARC_P_NONE)
		p--;
	return p == DMARC_P_REJECT    ? DMARC_REJECT
	    : p == DMARC_P_QUARANTINE ? DMARC_QUARANTINE
				      : DMARC_ACCEPT;
}

struct dmarc_judgement
dmarc_judge(const struct dmarc_found *f, const struct dmarc_facts *facts)
{
	struct dmarc_judgement j = { 0 };
	const struct dmarc_record *r = &f->record;

	if (f->status == DMARC_FAILED)
		return (
		    struct dmarc_judgement) { .result = DMARC_TEMPERROR, .action = DMARC_LATER };
	if (f->status == DMARC_ABSENT)
		return j;
	j.policy = strcmp(f->at.text, facts->from) == 0 ? r->domain : r->subdomains;
	if (has_signature(facts, r, DKIM_PASS) ||
	    (facts->spf_domain != NULL &&
		is_aligned(facts->spf_domain, facts->from, r->strict_spf))) {
		j.result = DMARC_PASS;
		return j;
	}
	j.action = action_of(j.policy, facts, r);
	j.result = DMARC_FAIL;
	if (has_signature(facts, r, DKIM_TEMPERROR)) {
		j.result = DMARC_TEMPERROR;
		if (j.action != DMARC_ACCEPT)
			j.action = DMARC_LATER;
	}
	return j;
}

const char *
dmarc_result_text(enum dmarc_result r)
{
	static const char *const texts[] = { "none", "pass", "fail", "temperror" };

	return texts[r];
}

const char *
dmarc_policy_text(enum dmarc_policy p)
{
	static const char *const texts[] = { "none", "quarantine", "reject" };

	return texts[p];
}
