/* dane — TLSA records held against a chain; see dane.h. */
#include "common/pki/dane.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/memory.h"
#include "common/pki/judge.h"
#include "common/pki/judge_form.h"

enum { USAGE_TA = 2, USAGE_EE = 3 };
enum { WHOLE, BY_SHA256, BY_SHA512 };
enum { CERTIFICATE, PUBLIC_KEY, SELECTORS };

#define SHA256_BYTES 32
#define SHA512_BYTES 64

/* -- one record --------------------------------------------------------------------------------- */

bool
dane_record_read(struct span rdata, struct dane_record *r)
{
	if (rdata.n < 4)
		return false;
	r->usage = (uint8_t)rdata.p[0];
	r->selector = (uint8_t)rdata.p[1];
	r->matching = (uint8_t)rdata.p[2];
	r->data = span_sub(rdata, 3, rdata.n);
	return true;
}

/* NULL: it is no certificate, or more than one. */
static X509 *
whole_certificate(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);

	ERR_clear_error();
	if (x != NULL && p == end)
		return x;
	X509_free(x);
	return NULL;
}

static bool
is_certificate(struct span der)
{
	X509 *x = whole_certificate(der);

	X509_free(x);
	return x != NULL;
}

static bool
is_public_key(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	X509_PUBKEY *k = d2i_X509_PUBKEY(NULL, &p, (long)der.n);
	bool ok = k != NULL && p == end;

	X509_PUBKEY_free(k);
	ERR_clear_error();
	return ok;
}

bool
dane_record_usable(const struct dane_record *r)
{
	if ((r->usage != USAGE_TA && r->usage != USAGE_EE) || r->selector >= SELECTORS ||
	    r->data.n > CHAIN_BYTES)
		return false;
	switch (r->matching) {
	case WHOLE:
		return r->selector == CERTIFICATE ? is_certificate(r->data)
						  : is_public_key(r->data);
	case BY_SHA256:
		return r->data.n == SHA256_BYTES;
	case BY_SHA512:
		return r->data.n == SHA512_BYTES;
	default:
		return false;
	}
}

/* -- what records are held against ----------------------------------------------------------------- */

/* A certificate, and what records may say of it. */
struct shown {
	X509 *x;
	struct selected {
		unsigned char *der;
		size_t n;
		unsigned char sha256[SHA256_BYTES], sha512[SHA512_BYTES];
	} of[SELECTORS];
};

struct judging {
	const struct dane_ask *ask;
	const struct chain *chain;
	int64_t now_s;
	struct dane_record record[DANE_RECORDS_MAX]; /* usable ones */
	size_t n;
	struct shown shown[CHAIN_MAX]; /* the leaf first */
	size_t n_shown;
	struct err why; /* the last path that was none */
};

static void
select_octets(struct selected *s, unsigned char *der, int n)
{
	if (n <= 0)
		return; /* matches nothing */
	s->der = der;
	s->n = (size_t)n;
	if (EVP_Digest(der, s->n, s->sha256, NULL, EVP_sha256(), NULL) != 1 ||
	    EVP_Digest(der, s->n, s->sha512, NULL, EVP_sha512(), NULL) != 1)
		abort();
}

static void
show(struct judging *j, X509 *x)
{
	struct shown *s = &j->shown[j->n_shown++];
	unsigned char *certificate = NULL, *key = NULL;
	int n = i2d_X509(x, &certificate), n_key = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key);

	s->x = x;
	select_octets(&s->of[CERTIFICATE], certificate, n);
	select_octets(&s->of[PUBLIC_KEY], key, n_key);
}

static void
show_all(struct judging *j)
{
	const STACK_OF(X509) *rest = chain_rest(j->chain);

	show(j, chain_leaf(j->chain));
	for (int i = 0; i < sk_X509_num(rest) && j->n_shown < CHAIN_MAX; i++)
		show(j, sk_X509_value(rest, i));
}

static bool
matches(const struct dane_record *r, const struct shown *s)
{
	const struct selected *of = &s->of[r->selector];
	struct span is = r->matching == BY_SHA256 ? span_of(of->sha256, SHA256_BYTES)
	    : r->matching == BY_SHA512            ? span_of(of->sha512, SHA512_BYTES)
						  : span_of(of->der, of->n);

	return of->n > 0 && span_eq(r->data, is);
}

static bool
is_outdone(const struct judging *j, const struct dane_record *r)
{
	for (size_t i = 0; r->matching == BY_SHA256 && i < j->n; i++)
		if (j->record[i].matching == BY_SHA512 && j->record[i].usage == r->usage &&
		    j->record[i].selector == r->selector)
			return true;
	return false;
}

/* -- usage 2: a path ------------------------------------------------------------------------------- */

static bool
verify(struct judging *j, X509_STORE_CTX *ctx)
{
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
	STACK_OF(X509) *path;

	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_depth(p, JUDGE_DEPTH_MAX);
	X509_VERIFY_PARAM_set_time(p, (time_t)j->now_s);
	if (X509_verify_cert(ctx) != 1)
		return err_set(&j->why, REFUSAL_dane_mismatch,
		    "the path to the CA that a TLSA record names does not verify: %s",
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	path = X509_STORE_CTX_get0_chain(ctx);
	for (int i = 1; i < sk_X509_num(path); i++)
		if (!judge_form_constraints(sk_X509_value(path, i), &j->why))
			return false;
	return sk_X509_num(path) > 1 ||
	    err_set(&j->why, REFUSAL_dane_mismatch,
		"a TLSA record names the certificate itself as its CA");
}

static bool
leads_to(struct judging *j, X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok;

	if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, anchor) != 1 ||
	    X509_STORE_CTX_init(ctx, store, chain_leaf(j->chain), chain_rest(j->chain)) != 1 ||
	    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER) != 1)
		abort();
	ok = verify(j, ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return ok;
}

static bool
is_named(struct judging *j)
{
	struct err e;

	for (size_t i = 0; i < j->ask->n_names; i++)
		if (chain_names_host(j->chain, j->ask->names[i], &e))
			return true;
	return err_set(&j->why, REFUSAL_dane_mismatch,
	    "a TLSA record allows the CA, but the certificate does not name %s",
	    j->ask->n_names > 0 ? j->ask->names[0] : "the host");
}

/* The CA need not be sent where the record holds it. */
static bool
leads_to_whole(struct judging *j, const struct dane_record *r, size_t *tried)
{
	X509 *anchor;
	bool ok;

	if (r->matching != WHOLE || r->selector != CERTIFICATE || ++*tried > DANE_WHOLE_MAX)
		return false;
	if ((anchor = whole_certificate(r->data)) == NULL)
		abort();
	ok = leads_to(j, anchor);
	X509_free(anchor);
	return ok;
}

static bool
names_sent(const struct judging *j, const struct shown *s)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->record[i].usage == USAGE_TA && !is_outdone(j, &j->record[i]) &&
		    matches(&j->record[i], s))
			return true;
	return false;
}

static bool
matches_ta(struct judging *j)
{
	size_t tried = 0;

	for (size_t i = 1; i < j->n_shown; i++)
		if (names_sent(j, &j->shown[i]) && leads_to(j, j->shown[i].x))
			return is_named(j);
	for (size_t i = 0; i < j->n; i++)
		if (j->record[i].usage == USAGE_TA && leads_to_whole(j, &j->record[i], &tried))
			return is_named(j);
	return false;
}

/* -- the verdict ------------------------------------------------------------------------------------- */

static bool
matches_ee(const struct judging *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->record[i].usage == USAGE_EE && !is_outdone(j, &j->record[i]) &&
		    matches(&j->record[i], &j->shown[0]))
			return true;
	return false;
}

static void
take_records(struct judging *j)
{
	struct dane_record r;

	for (size_t i = 0; i < j->ask->n && i < DANE_RECORDS_MAX; i++)
		if (dane_record_read(j->ask->records[i], &r) && dane_record_usable(&r))
			j->record[j->n++] = r;
}

static enum dane_outcome
outcome(struct judging *j, struct err *why)
{
	if (j->ask->n == 0)
		return DANE_NONE;
	if (j->n == 0)
		return DANE_UNUSABLE;
	show_all(j);
	if (matches_ee(j))
		return DANE_MATCH_EE;
	err_set(&j->why, REFUSAL_dane_mismatch,
	    "none of %zu TLSA records is of this certificate or of a CA above it", j->n);
	if (matches_ta(j) || !RULE(dane_mismatch))
		return DANE_MATCH_TA;
	*why = j->why;
	why->why = REFUSAL_dane_mismatch;
	return DANE_MISMATCH;
}

void
dane_judge(const struct dane_ask *ask, const struct chain *c, int64_t now_s, struct dane_verdict *v)
{
	struct judging *j = memory_new(sizeof *j);

	j->ask = ask;
	j->chain = c;
	j->now_s = now_s;
	memset(v, 0, sizeof *v);
	take_records(j);
	v->outcome = outcome(j, &v->why);
	v->usable = j->n;
	for (size_t i = 0; i < j->n_shown; i++)
		for (int k = 0; k < SELECTORS; k++)
			OPENSSL_free(j->shown[i].of[k].der);
	free(j);
}
