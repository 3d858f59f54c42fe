/* spf_guard — records, terms and limits; see spf_guard.h. */
#include "common/spf/spf_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/spf/spf_guard_private.h"
#include "common/text/address_scope.h"
#include "common/text/idn.h"

#define TTL_NONE UINT32_MAX

static void *
grown(void *array, size_t n, size_t size)
{
	void *p = memory_resize(array, n + 1, size);

	memset((char *)p + n * size, 0, size);
	return p;
}

static enum spf_guard_answer
over(struct spf_guard *g, enum spf_result result, const char *why)
{
	spf_guard_end(g, result, why);
	return SPF_GUARD_OVER;
}

/* -- input ------------------------------------------------------------------------------------- */

/* 4.3: at least two labels of 1 to 63 visible ASCII octets. */
static bool
domain_judgeable(struct span d)
{
	size_t labels = 0;

	if (d.n == 0 || d.n > DNS_NAME_MAX || d.p[d.n - 1] == '.')
		return false;
	for (size_t i = 0; i < d.n; i++)
		if (d.p[i] <= 0x20 || d.p[i] >= 0x7f || span_has(SPAN_LIT("[]@\\"), d.p[i]))
			return false;
	while (d.n > 0) {
		struct span label = span_cut(&d, '.');

		labels++;
		if (label.n == 0 || label.n > 63)
			return false;
	}
	return labels >= 2;
}

/* RFC 8616: a name with U-labels is judged as A-labels.  False: it has none. */
static bool
copy_domain(struct span domain, char *out, size_t cap)
{
	struct domain a;
	struct err e;

	if (span_is_ascii(domain))
		return span_copy(domain, out, cap);
	return idn_a_label(domain, &a, &e) && span_copy(domain_span(&a), out, cap);
}

static struct span
without_dot(struct span s)
{
	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

/* sender = [ local ] "@" domain / domain */
static void
split_sender(struct span sender, struct span *local, struct span *domain)
{
	size_t at = sender.n;

	while (at > 0 && sender.p[at - 1] != '@')
		at--;
	*local = at > 1 ? span_sub(sender, 0, at - 1) : SPAN_LIT("postmaster");
	*domain = without_dot(span_sub(sender, at, sender.n));
}

static struct spf_guard_record *
open_record(struct spf_guard *g, const char *domain)
{
	struct spf_guard_record *r = memory_new(sizeof(*r));

	span_copy(span_str(domain), r->domain, sizeof(r->domain));
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	g->records = grown(g->records, g->n_records, sizeof(*g->records));
	g->records[g->n_records++] = r;
	return r;
}

void
spf_guard_init(struct spf_guard *g, const struct sockaddr *client, struct span helo,
    struct span mail_from)
{
	struct span local, domain;

	memset(g, 0, sizeof(*g));
	g->ttl_s = TTL_NONE;
	address_unmap(client, &g->env.client);
	g->terms = grown(NULL, 0, sizeof(*g->terms));
	g->n_terms = 1;
	if (mail_from.n > 0) {
		split_sender(mail_from, &local, &domain);
	} else {
		local = SPAN_LIT("postmaster");
		domain = without_dot(helo);
	}
	if (helo.n > SPF_SENDER_MAX || !span_copy(local, g->local, sizeof(g->local)) ||
	    (!copy_domain(helo, g->helo, sizeof(g->helo)) && span_is_ascii(helo)))
		over(g, SPF_NONE, "sender or HELO name is too long, or holds a NUL");
	else if (g->env.client.ss_family != AF_INET && g->env.client.ss_family != AF_INET6)
		over(g, SPF_NONE, "the client has no IP address");
	else if (!copy_domain(domain, g->domain, sizeof(g->domain)) ||
	    !domain_judgeable(span_str(g->domain))) {
		g->domain[0] = '\0';
		over(g, SPF_NONE, "the sender's domain is none that SPF can judge");
	}
	g->env.local = span_str(g->local);
	g->env.helo = without_dot(span_str(g->helo));
	g->env.sender_domain = span_str(g->domain);
	open_record(g, g->domain);
}

void
spf_guard_clear(struct spf_guard *g)
{
	for (size_t i = 0; i < g->n_records; i++) {
		buf_clear(&g->records[i]->text);
		buf_clear(&g->records[i]->canonical);
		spf_record_clear(&g->records[i]->record);
		free(g->records[i]);
	}
	for (size_t i = 0; i < g->n_needs; i++) {
		buf_clear(&g->needs[i]->octets);
		free(g->needs[i]->rdata);
		free(g->needs[i]);
	}
	free(g->records);
	free(g->terms);
	free(g->needs);
	memset(g, 0, sizeof(*g));
}

/* -- records ------------------------------------------------------------------------------------- */

/* TXT rdata = 1*( length octets ), joined without a separator (3.3) */
static void
join_strings(struct span rdata, struct buf *out)
{
	while (rdata.n > 0) {
		size_t n = (unsigned char)rdata.p[0];

		buf_add(out, rdata.p + 1, n < rdata.n - 1 ? n : rdata.n - 1);
		rdata = span_sub(rdata, 1 + n, rdata.n);
	}
}

/* 4.5: exactly one of the TXT records is SPF's.  NO: none is. */
static enum spf_guard_answer
select_record(struct spf_guard *g, struct spf_guard_record *r, const struct spf_need *need)
{
	size_t found = 0;

	for (size_t i = 0; i < need->n; i++) {
		struct buf text = BUF_INIT;

		join_strings(need->rdata[i], &text);
		if (spf_record_is(buf_span(&text)) && found++ == 0) {
			buf_clear(&r->text);
			r->text = text;
		} else {
			buf_clear(&text);
		}
	}
	if (found > 1)
		return over(g, SPF_PERMERROR, "the domain has more than one SPF record");
	return found == 1 ? SPF_GUARD_YES : SPF_GUARD_NO;
}

static size_t
new_term(struct spf_guard *g, size_t record, const struct spf_term *t)
{
	g->terms = grown(g->terms, g->n_terms, sizeof(*g->terms));
	g->terms[g->n_terms].record = record;
	g->terms[g->n_terms].term = t;
	return g->n_terms++;
}

/* Writes the text for libspf2.  It leaves out a network that does not hold the client, everything
 * after a match or `all`, and all but one of the terms beyond the limit of DNS terms. */
static void
write_canonical(struct spf_guard *g, size_t index)
{
	struct spf_guard_record *r = g->records[index];
	unsigned lookups = 0;

	buf_addf(&r->canonical, "v=spf1");
	for (size_t i = 0; i < r->record.n && lookups <= SPF_LOOKUPS_MAX; i++) {
		const struct spf_term *t = &r->record.terms[i];
		bool network = t->kind == SPF_IP4 || t->kind == SPF_IP6;

		if (t->kind == SPF_ALL) {
			buf_addf(&r->canonical, " %call", t->qualifier);
			return;
		}
		if (network && !spf_judge_network(g, t))
			continue;
		buf_addf(&r->canonical, " %c%s:%zu.g", t->qualifier,
		    t->kind == SPF_INCLUDE ? "include" : "exists", new_term(g, index, t));
		if (network)
			return;
		lookups++;
	}
	if (r->record.redirect.n > 0)
		buf_addf(&r->canonical, " redirect=%zu.g", new_term(g, index, NULL));
}

static enum spf_guard_answer
read_record(struct spf_guard *g, size_t index)
{
	struct spf_guard_record *r = g->records[index];
	struct spf_need *need;
	enum spf_guard_answer got;
	struct err e;

	if (r->parsed)
		return SPF_GUARD_YES;
	if (!domain_judgeable(span_str(r->domain)))
		return SPF_GUARD_NO;
	need = spf_guard_need(g, r->domain, DNS_TXT);
	if (need == NULL)
		return SPF_GUARD_OVER;
	if (!need->known)
		return SPF_GUARD_PENDING;
	if (need->status == DNS_FAILED || need->status == DNS_BOGUS)
		return over(g, SPF_TEMPERROR,
		    need->status == DNS_BOGUS ? "the record's DNSSEC signature is broken"
					      : "DNS does not answer for the record");
	got = select_record(g, r, need);
	if (got != SPF_GUARD_YES)
		return got;
	if (r->text.len > SPF_RECORD_MAX)
		return over(g, SPF_PERMERROR, "the record is longer than 16 KiB");
	if (!spf_record_parse(&r->record, buf_span(&r->text), &e)) {
		spf_guard_end(g, SPF_PERMERROR, e.text);
		return SPF_GUARD_OVER;
	}
	r->parsed = true;
	write_canonical(g, index);
	return SPF_GUARD_YES;
}

/* -- terms --------------------------------------------------------------------------------------- */

/* 4.6.4: the eleventh term that asks DNS ends the evaluation, before it asks. */
static bool
count_lookup(struct spf_guard *g, struct spf_guard_term *t)
{
	if (!t->counted && ++g->lookups > SPF_LOOKUPS_MAX) {
		g->lookups = SPF_LOOKUPS_MAX;
		spf_guard_end(g, SPF_PERMERROR, "more than 10 terms ask DNS");
		return false;
	}
	t->counted = true;
	return true;
}

/* The term's target name (4.8).  YES: it is in t->target. */
static enum spf_guard_answer
find_target(struct spf_guard *g, struct spf_guard_term *t)
{
	const struct spf_guard_record *r = g->records[t->record];
	struct span spec = t->term != NULL ? t->term->domain : r->record.redirect;
	char validated[DNS_NAME_BYTES] = "unknown";

	if (t->expanded)
		return SPF_GUARD_YES;
	if (spec.n > 0 && spf_macro_has(spec, 'p')) {
		enum spf_guard_answer got = spf_judge_validated(g, r->domain, validated);

		if (got != SPF_GUARD_YES)
			return got;
	}
	g->env.domain = span_str(r->domain);
	g->env.validated = span_str(validated);
	spf_macro_expand(spec.n > 0 ? spec : SPAN_LIT("%{d}"), &g->env, t->target);
	if (!span_is_ascii(span_str(t->target)))
		t->target[0] = '\0'; /* RFC 8616 4: it matches nothing */
	g->env.validated = g->env.domain = span_of("", 0);
	t->expanded = true;
	return SPF_GUARD_YES;
}

enum spf_guard_answer
spf_guard_record(struct spf_guard *g, size_t n, struct span *canonical)
{
	struct spf_guard_term *t = n > 0 && n < g->n_terms ? &g->terms[n] : NULL;
	enum spf_guard_answer got;
	size_t index = 0;

	if (g->over || n >= g->n_terms)
		return SPF_GUARD_OVER;
	if (t != NULL && t->leads_to == 0) {
		if (!count_lookup(g, t))
			return SPF_GUARD_OVER;
		got = find_target(g, t);
		if (got != SPF_GUARD_YES)
			return got;
		open_record(g, t->target);
		t->leads_to = g->n_records;
	}
	if (t != NULL)
		index = t->leads_to - 1;
	got = read_record(g, index);
	if (got == SPF_GUARD_NO)
		return n == 0 ? over(g, SPF_NONE, "the domain has no SPF record")
			      : over(g, SPF_PERMERROR,
				    "include or redirect leads to a domain without SPF record");
	*canonical = buf_span(&g->records[index]->canonical);
	return got;
}

static enum spf_guard_answer
judge(struct spf_guard *g, struct spf_guard_term *t, unsigned *voids)
{
	enum spf_guard_answer got;
	const char *target = t->target;

	if (t->term->kind == SPF_IP4 || t->term->kind == SPF_IP6)
		return spf_judge_network(g, t->term) ? SPF_GUARD_YES : SPF_GUARD_NO;
	got = find_target(g, t);
	if (got != SPF_GUARD_YES)
		return got;
	if (target[0] == '\0')
		return SPF_GUARD_NO;
	switch (t->term->kind) {
	case SPF_A:
		return spf_judge_a(g, t->term, target, voids);
	case SPF_MX:
		return spf_judge_mx(g, t->term, target, voids);
	case SPF_EXISTS:
		return spf_judge_exists(g, target, voids);
	case SPF_PTR:
		return spf_judge_ptr(g, target, voids);
	default:
		return over(g, SPF_PERMERROR, "a term that cannot be judged");
	}
}

enum spf_guard_answer
spf_guard_term(struct spf_guard *g, size_t n)
{
	struct spf_guard_term *t = n > 0 && n < g->n_terms ? &g->terms[n] : NULL;
	enum spf_guard_answer got;
	unsigned voids = 0;

	if (g->over || t == NULL || t->term == NULL)
		return SPF_GUARD_OVER;
	if (t->judged)
		return t->match ? SPF_GUARD_YES : SPF_GUARD_NO;
	if (t->term->kind != SPF_IP4 && t->term->kind != SPF_IP6 && !count_lookup(g, t))
		return SPF_GUARD_OVER;
	got = judge(g, t, &voids);
	if (got != SPF_GUARD_YES && got != SPF_GUARD_NO)
		return got;
	g->voids += voids > 0; /* terms are counted, not questions */
	if (g->voids > SPF_VOIDS_MAX)
		return over(g, SPF_PERMERROR, "more than 2 lookups found nothing");
	t->judged = true;
	t->match = got == SPF_GUARD_YES;
	return got;
}
