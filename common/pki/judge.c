/* judge — OpenSSL's path validation with our own rules around it; see judge.h.
 *
 * Three steps.  First the leaf by itself; then the path, by X509_verify_cert without revocation, and
 * the intermediates on it by themselves; then, for the path that verified, the name and revocation.
 * So a fault that waiting cannot cure is found before a missing CRL, and no distribution point of a
 * chain that did not verify is ever used.
 */
#include "common/pki/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/pki/crl_set.h"
#include "common/pki/judge_form.h"
#include "common/pki/judge_note.h"
#include "common/pki/judge_ways.h"
#include "common/pki/judge_words.h"

struct judging {
	X509_STORE_CTX *ctx;
	STACK_OF(X509) *offered; /* the path may be built of these */
	struct judgement *j;
	struct err *e;
	bool refused; /* *e is set */
	int64_t now_s;
};

/* -- what OpenSSL finds ------------------------------------------------------------------------- */

/* The trust anchor: the last of the path, and from the trust folder; it need not be a root. */
static bool
is_anchor(X509_STORE_CTX *ctx, int depth)
{
	bool trusted = depth >= X509_STORE_CTX_get_num_untrusted(ctx);

	return depth > 0 && (trusted || !judge_word_on(REFUSAL_certificate_untrusted)) &&
	    depth == sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;
}

/* RFC 5280 6.1 does not require these of an anchor.  One of version 1 is a CA because it is trusted. */
static bool
anchor_is_free_of(int error, X509 *anchor)
{
	return judge_word_strict(error) || judge_word_crl(error) ||
	    error == X509_V_ERR_CERT_REVOKED ||
	    (error == X509_V_ERR_INVALID_CA && anchor != NULL && X509_check_ca(anchor) != 0);
}

/* If it is not known whether x is revoked, does that count?  The table is in judge.h. */
static enum refusal
revocation_word(int error, X509 *x)
{
	if (judge_form_names_crl(x))
		return REFUSAL_revocation_unknown;
	if (judge_form_lives_short(x))
		return REFUSAL_NONE;
	return error == X509_V_ERR_UNABLE_TO_GET_CRL ? REFUSAL_certificate_no_revocation
						     : REFUSAL_revocation_unknown;
}

static void
set_refusal(struct judging *x, enum refusal why, int error, int depth)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(x->ctx);
	char name[200] = "";

	if (depth > 0 && cert != NULL) {
		X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof name);
		err_set(x->e, why, "%s (%s, CA %s)", refusal_sentence(why),
		    X509_verify_cert_error_string(error), name);
	} else
		err_set(x->e, why, "%s (%s)", refusal_sentence(why),
		    X509_verify_cert_error_string(error));
	x->refused = true;
}

/* notAfter is the last valid second (RFC 5280 4.1.2.5); OpenSSL treats it as the first invalid
 * one. */
static bool
in_last_second(const struct judging *x, X509 *cert)
{
	struct tm tm;

	return cert != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 &&
	    (int64_t)timegm(&tm) == x->now_s;
}

static int
on_verify(int ok, X509_STORE_CTX *ctx)
{
	struct judging *x = X509_STORE_CTX_get_app_data(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	enum refusal why;

	if (ok == 1)
		return 1;
	why = judge_word(error, depth);
	if (judge_word_crl(error) && cert != NULL)
		why = revocation_word(error, cert);
	if (is_anchor(ctx, depth) && anchor_is_free_of(error, cert))
		why = REFUSAL_NONE;
	if (error == X509_V_ERR_CERT_HAS_EXPIRED && in_last_second(x, cert))
		why = REFUSAL_NONE;
	if (why == REFUSAL_NONE || !judge_word_on(why)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	if (why == REFUSAL_revocation_unknown && cert != NULL)
		judge_note_urls(x->j, cert);
	set_refusal(x, why, error, depth);
	return 0;
}

/* -- the steps ---------------------------------------------------------------------------------- */

static bool
open_path(struct judging *x, const struct trust *t, const struct chain *c)
{
	X509_VERIFY_PARAM *p;

	if ((x->ctx = X509_STORE_CTX_new()) == NULL ||
	    X509_STORE_CTX_init(x->ctx, trust_store(t), chain_leaf(c), x->offered) != 1 ||
	    X509_STORE_CTX_set_purpose(x->ctx, X509_PURPOSE_SSL_SERVER) != 1 ||
	    X509_STORE_CTX_set_app_data(x->ctx, x) != 1 ||
	    X509_VERIFY_PARAM_add0_policy(X509_STORE_CTX_get0_param(x->ctx),
		OBJ_nid2obj(NID_any_policy)) != 1)
		return err_set(x->e, REFUSAL_internal, "certificates cannot be judged");
	X509_STORE_CTX_set_verify_cb(x->ctx, on_verify);
	p = X509_STORE_CTX_get0_param(x->ctx);
	X509_VERIFY_PARAM_set_flags(p,
	    X509_V_FLAG_X509_STRICT | X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN |
		X509_V_FLAG_POLICY_CHECK);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_depth(p, JUDGE_DEPTH_MAX);
	X509_VERIFY_PARAM_set_time(p, (time_t)x->now_s);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return true;
}

static bool
verify_path(struct judging *x)
{
	if (X509_verify_cert(x->ctx) == 1) {
		if (sk_X509_num(X509_STORE_CTX_get0_chain(x->ctx)) < 2 &&
		    RULE(certificate_untrusted))
			return err_set(x->e, REFUSAL_certificate_untrusted,
			    "the certificate itself is in the trust folder, a CA that vouches for it is not");
		return true;
	}
	if (!x->refused)
		set_refusal(x, REFUSAL_certificate_untrusted, X509_STORE_CTX_get_error(x->ctx), 0);
	return false;
}

static bool
judge_intermediates(struct judging *x)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(x->ctx);

	for (int i = 1; i < sk_X509_num(path); i++) {
		X509 *ca = sk_X509_value(path, i);

		if ((!is_anchor(x->ctx, i) && !judge_form(ca, false, x->e)) ||
		    !judge_form_constraints(ca, x->e))
			return err_prefix(x->e, "a CA in the chain");
	}
	return true;
}

static void
move_crls(struct judging *x, STACK_OF(X509_CRL) *to, STACK_OF(X509_CRL) *from)
{
	X509_CRL *crl;

	while ((crl = sk_X509_CRL_shift(from)) != NULL) {
		judge_note_crl(x->j, crl, x->now_s);
		if (sk_X509_CRL_push(to, crl) == 0)
			X509_CRL_free(crl);
	}
	sk_X509_CRL_free(from);
}

/* OpenSSL treats removeFromCRL as "good again".  It can mean that only in a delta CRL (RFC 5280 5.3.1),
 * and those are not used here. */
static bool
stands_in_none(struct judging *x, STACK_OF(X509_CRL) *crls, STACK_OF(X509) *path)
{
	for (int i = 0; i < sk_X509_num(path); i++)
		for (int k = 0; !is_anchor(x->ctx, i) && k < sk_X509_CRL_num(crls); k++) {
			X509 *cert = sk_X509_value(path, i);
			X509_CRL *crl = sk_X509_CRL_value(crls, k);
			X509_REVOKED *entry;

			if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) ==
				0 &&
			    X509_CRL_get0_by_cert(crl, &entry, cert) == 2 &&
			    RULE(certificate_revoked))
				return err_set(x->e, REFUSAL_certificate_revoked,
				    "a CRL names it, as removed from a CRL");
		}
	return true;
}

/* OpenSSL's own check, on the path that has verified. */
static bool
check_revocation(struct judging *x, const struct trust *t)
{
	X509_STORE_CTX_check_revocation_fn check = X509_STORE_CTX_get_check_revocation(x->ctx);
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(x->ctx);
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	bool named;
	int r;

	if (crls == NULL)
		return err_set(x->e, REFUSAL_internal, "certificates cannot be judged");
	for (int i = 0; i < sk_X509_num(path); i++)
		if (!is_anchor(x->ctx, i))
			move_crls(x, crls, crl_set_of(trust_crls(t), sk_X509_value(path, i)));
	X509_STORE_CTX_set0_crls(x->ctx, crls);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(x->ctx),
	    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	r = check(x->ctx);
	named = r == 1 && !stands_in_none(x, crls, path);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	if (r != 1 && !x->refused)
		return err_word(x->e, REFUSAL_revocation_unknown);
	return r == 1 && !named;
}

static bool
names(const struct chain *c, const struct judge_rules *r, struct err *e)
{
	if (r->name != NULL)
		return chain_names_exactly(c, r->name, e);
	if (r->host != NULL)
		return chain_names_host(c, r->host, e);
	return r->domain == NULL || chain_names(c, r->domain, e);
}

static void
close_path(struct judging *x)
{
	X509_STORE_CTX_free(x->ctx);
	sk_X509_free(x->offered);
	x->ctx = NULL;
	x->offered = NULL;
	ERR_clear_error();
}

/* If every way fails, the fault of the first is reported. */
static bool
find_path(struct judging *x, const struct trust *t, const struct chain *c)
{
	struct judge_ways w = JUDGE_WAYS_INIT;
	struct err later, *e = x->e;
	bool ok = false;

	while (!ok && judge_ways_next(&w, chain_rest(c), &x->offered)) {
		x->refused = false;
		ok = open_path(x, t, c) && verify_path(x) && judge_intermediates(x);
		if (ok)
			break;
		if (x->ctx != NULL)
			judge_ways_failed(&w, chain_rest(c), X509_STORE_CTX_get0_chain(x->ctx));
		close_path(x);
		x->e = &later;
	}
	x->e = e;
	return ok;
}

/* Checks every certificate that is shown, on the path or not.  An anchor is exempt: the path then
 * holds the trust folder's copy, which libcrypto reads once. */
static bool
judge_policies(struct judging *x, const struct trust *t, const struct chain *c)
{
	struct err why;

	if (!judge_form_policies(chain_leaf(c), x->e))
		return false;
	for (int i = 0; i < sk_X509_num(chain_rest(c)); i++) {
		X509 *ca = sk_X509_value(chain_rest(c), i);

		if (!judge_form_policies(ca, &why) && !trust_holds(t, ca)) {
			*x->e = why;
			return err_prefix(x->e, "a CA in the chain");
		}
	}
	return true;
}

static bool
judge_by_path(struct judging *x, const struct trust *t, const struct chain *c)
{
	ERR_clear_error();
	return judge_form(chain_leaf(c), true, x->e) && judge_form_leaf(chain_leaf(c), x->e) &&
	    judge_policies(x, t, c) && find_path(x, t, c);
}

bool
judge_chain_by(const struct trust *t, const struct chain *c, const struct judge_rules *r,
    int64_t now_s, struct judgement *j, struct err *e)
{
	struct judgement unused = { 0 };
	struct judging x = { .j = j == NULL ? &unused : j, .e = e, .now_s = now_s };
	bool ok;

	memset(x.j, 0, sizeof *x.j);
	ok = judge_by_path(&x, t, c);
	if (ok)
		judge_note_path(x.j, X509_STORE_CTX_get0_chain(x.ctx));
	ok = ok && names(c, r, e) && (r->no_revocation || check_revocation(&x, t));
	close_path(&x);
	return ok;
}

bool
judge_chain(const struct trust *t, const struct chain *c, const char *domain, int64_t now_s,
    struct judgement *j, struct err *e)
{
	return judge_chain_by(t, c, &(struct judge_rules) { .domain = domain }, now_s, j, e);
}

struct stack_st_X509 *
judge_path(const struct trust *t, const struct chain *c, int64_t now_s)
{
	struct judgement unused = { 0 };
	struct err e;
	struct judging x = { .j = &unused, .e = &e, .now_s = now_s };
	STACK_OF(X509) *path = NULL;

	if (judge_by_path(&x, t, c) && (path = X509_STORE_CTX_get1_chain(x.ctx)) == NULL)
		abort();
	close_path(&x);
	return path;
}
