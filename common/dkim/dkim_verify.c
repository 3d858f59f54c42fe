/* dkim_verify — see dkim_verify.h. */
#include "common/dkim/dkim_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/dkim/dkim_key.h"
#include "common/dns/dns.h"
#include "common/loop/loop.h"
#include "common/text/address_text.h"

#define FORMS 2 /* of enum canon */

struct one {
	struct dkim_verifier *of;
	struct dkim_signature says;
	unsigned char header_digest[DIGEST_BYTES];
	struct dns_query *asked;
	struct dkim_key key; /* key NULL: there is none, and the verdict says why */
	struct dkim_verdict verdict;
};

struct dkim_verifier {
	struct dns *dns;
	struct domain about;
	struct sockaddr_storage peer; /* AF_UNSPEC: nobody's */
	int64_t now_s;
	struct one one[DKIM_SIGNATURES_MAX];
	size_t n, waiting; /* waiting: for DNS */
	struct canon_body *body[FORMS];
	struct loop_timer *over; /* set: nothing is waited for any more */
	dkim_verified *done;
	void *arg;
};

static void
set_word(struct one *o, enum dkim_word w)
{
	o->verdict.word = w;
	o->verdict.result = dkim_word_result(w);
}

/* -- the end ----------------------------------------------------------------------------------- */

/* body_octets: of the body's form */
static enum dkim_word
judge(const struct one *o, const unsigned char body_digest[DIGEST_BYTES], uint64_t body_octets)
{
	bool longer = o->says.has_length && o->says.length < body_octets,
	     shorter = o->says.has_length && o->says.length > body_octets;

	if (!longer && (shorter || memcmp(body_digest, o->says.body_digest, DIGEST_BYTES) != 0))
		return DKIM_body;
	if (!dkim_key_verifies(&o->key, &o->says, o->header_digest))
		return DKIM_signature;
	return longer ? DKIM_body_longer : DKIM_good;
}

static void
tell(void *arg)
{
	struct dkim_verifier *v = arg;
	unsigned char digest[FORMS][DIGEST_BYTES];
	uint64_t octets[FORMS] = { 0 };
	struct dkim_verdict verdicts[DKIM_SIGNATURES_MAX];

	for (size_t i = 0; i < FORMS; i++)
		if (v->body[i] != NULL)
			canon_body_end(v->body[i], digest[i], &octets[i]);
	for (size_t i = 0; i < v->n; i++) {
		struct one *o = &v->one[i];
		enum canon c = o->says.body_canon;

		if (o->key.key != NULL)
			set_word(o, judge(o, digest[c], octets[c]));
		verdicts[i] = o->verdict;
	}
	v->done(v->arg, verdicts, v->n);
}

static void
is_it_over(struct dkim_verifier *v)
{
	if (v->waiting == 0 && v->done != NULL)
		loop_timer_set_ms(v->over, 0);
}

void
dkim_verifier_end(struct dkim_verifier *v, dkim_verified *done, void *arg)
{
	v->done = done;
	v->arg = arg;
	is_it_over(v);
}

/* -- keys -------------------------------------------------------------------------------------- */

/* One record is a key's, by its form or by its words; others by that name are of no interest. */
static enum dkim_word
read_records(struct one *o, const struct dns_answer *a)
{
	enum dkim_word w = DKIM_no_key;
	bool any = false;

	for (size_t i = 0; i < a->n; i++) {
		struct buf text = BUF_INIT;
		struct dkim_key key = { 0 };
		enum dkim_word said = dkim_txt_join(a->rdata[i], DKIM_RECORD_MAX, &text)
		    ? dkim_key_parse(buf_span(&text), &o->says, &key)
		    : DKIM_key_form;

		buf_clear(&text);
		if (said == DKIM_key_form) {
			w = any ? w : said;
			continue;
		}
		if (any) {
			dkim_key_clear(&key);
			dkim_key_clear(&o->key);
			return DKIM_many_keys;
		}
		any = true;
		o->key = key;
		w = said;
	}
	return w;
}

static void
key_answered(void *arg, const struct dns_answer *a)
{
	struct one *o = arg;

	o->asked = NULL;
	o->of->waiting--;
	if (a->status == DNS_FAILED || a->status == DNS_BOGUS)
		set_word(o, DKIM_key_unknown);
	else
		set_word(o, read_records(o, a));
	o->verdict.testing = o->key.testing;
	is_it_over(o->of);
}

static void
ask_key(struct dkim_verifier *v, struct one *o)
{
	char name[2 * DOMAIN_BYTES + 16];
	int n = snprintf(name, sizeof name, "%s._domainkey.%s", o->says.selector,
	    o->says.domain.text);

	if (n > DOMAIN_MAX) {
		set_word(o, DKIM_no_key);
		return;
	}
	v->waiting++;
	o->asked = dns_ask_about(v->dns, domain_span(&v->about),
	    v->peer.ss_family == AF_UNSPEC ? NULL : (const struct sockaddr *)&v->peer,
	    span_str(name), DNS_TXT, key_answered, o);
}

/* -- the header -------------------------------------------------------------------------------- */

struct fields {
	struct header_field *field;
	bool *scratch;
	size_t n;
	bool good;
};

static void
read_fields(struct fields *f, struct span header)
{
	enum header_next next;

	f->field = memory_array(DKIM_FIELDS_MAX + 1, sizeof *f->field);
	f->scratch = memory_array(DKIM_FIELDS_MAX, sizeof *f->scratch);
	f->n = 0;
	while ((next = header_field_next(&header, &f->field[f->n])) == HEADER_FIELD &&
	    f->n < DKIM_FIELDS_MAX)
		f->n++;
	f->good = next == HEADER_END;
}

/* b= comes in any number of lines. */
static void
set_b(struct dkim_verdict *out, struct span b)
{
	size_t n = 0;

	for (size_t i = 0; i < b.n && n < DKIM_B_CHARS; i++)
		if (b.p[i] > ' ')
			out->b[n++] = b.p[i];
}

static void
judge_field(struct dkim_verifier *v, struct one *o, const struct header_field *own,
    const struct fields *f)
{
	enum dkim_word w = dkim_signature_parse(own, &o->says);

	o->of = v;
	o->verdict.domain = o->says.domain;
	memcpy(o->verdict.selector, o->says.selector, sizeof o->verdict.selector);
	o->verdict.alg = o->says.alg;
	set_b(&o->verdict, o->says.b);
	if (w == DKIM_good && !f->good)
		w = DKIM_header;
	if (w == DKIM_good && o->says.expires_s != 0 && (int64_t)o->says.expires_s < v->now_s)
		w = DKIM_expired;
	set_word(o, w);
	if (w != DKIM_good)
		return;
	dkim_signature_header_digest(&o->says, own, f->field, f->n, f->scratch, o->header_digest);
	if (v->body[o->says.body_canon] == NULL)
		v->body[o->says.body_canon] = canon_body_new(o->says.body_canon);
	ask_key(v, o);
}

void
dkim_verifier_header(struct dkim_verifier *v, struct span header)
{
	struct fields f;

	read_fields(&f, header);
	for (size_t i = 0; i < f.n && v->n < DKIM_SIGNATURES_MAX; i++)
		if (header_field_named(&f.field[i], "DKIM-Signature"))
			judge_field(v, &v->one[v->n++], &f.field[i], &f);
	free(f.field);
	free(f.scratch);
}

void
dkim_verifier_body(struct dkim_verifier *v, struct span piece)
{
	for (size_t i = 0; i < FORMS; i++)
		if (v->body[i] != NULL)
			canon_body_add(v->body[i], piece);
}

/* -- life -------------------------------------------------------------------------------------- */

struct dkim_verifier *
dkim_verifier_new(struct dns *dns, const struct dkim_about *about, int64_t now_s)
{
	struct dkim_verifier *v = memory_new(sizeof *v);

	v->dns = dns;
	v->now_s = now_s;
	v->about = domain_copy(about->domain);
	if (about->peer != NULL)
		memcpy(&v->peer, about->peer, address_size(about->peer));
	v->over = loop_timer_new(dns_loop(dns), tell, v);
	return v;
}

void
dkim_verifier_free(struct dkim_verifier **v)
{
	if (*v == NULL)
		return;
	for (size_t i = 0; i < (*v)->n; i++) {
		dns_cancel(&(*v)->one[i].asked);
		dkim_key_clear(&(*v)->one[i].key);
	}
	for (size_t i = 0; i < FORMS; i++)
		canon_body_free(&(*v)->body[i]);
	loop_timer_free(&(*v)->over);
	free(*v);
	*v = NULL;
}
