/* crl — any octets as a CRL, fetched or in the operator's folder: is it one to keep, and whom does
 * it let in?
 *
 * It is looked at as it came, and once more signed by a CA that is trusted.  That CA has issued one
 * certificate, of serial 4660, which needs a CRL: it may be accepted only where a whole, begun and
 * living list of its issuer does not hold it.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/base/log.h"
#include "common/pki/crl_check.h"
#include "common/pki/judge.h"
#include "tests/fuzz/vouch.h"

#define SERIAL "4660"
#define SKEW_S 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct cert *root, *leaf;
static struct chain *chain;

static void
start(void)
{
	log_open("fuzz", LOG_ERROR);
	root = vouch_root();
	leaf = cert_make(&(struct cert_spec) { .cn = "a.test",
			     .san = "DNS:a.test",
			     .serial = SERIAL,
			     .from_s = -VOUCH_YEARS_S,
			     .to_s = VOUCH_YEARS_S,
			     .ext = "crlDistributionPoints=URI:http://crl.test/a.crl" },
	    root);
	chain = chain_new(leaf->x, NULL);
}

/* Is the leaf's serial in it, as RFC 5280 5.3 reads it by itself? */
static bool
lists_leaf(X509_CRL *crl)
{
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(crl);

	for (int i = 0; i < sk_X509_REVOKED_num(all); i++) {
		X509_REVOKED *r = sk_X509_REVOKED_value(all, i);

		if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(r),
			X509_get0_serialNumber(leaf->x)) == 0 &&
		    X509_REVOKED_get_ext_by_NID(r, NID_crl_reason, -1) < 0 &&
		    X509_REVOKED_get_ext_by_NID(r, NID_certificate_issuer, -1) < 0)
			return true;
	}
	return false;
}

/* The octets in the operator's folder: is the leaf accepted at this time? */
static bool
lets_in(struct span octets, int64_t now_s)
{
	struct trust *t = vouch_trust(root, octets);
	struct judgement j;
	struct err e = { 0 };
	bool good;

	if (t == NULL)
		return false;
	good = judge_chain(t, chain, "a.test", now_s, &j, &e);
	vouch_must(good || e.why == REFUSAL_revocation_unknown ||
	    e.why == REFUSAL_certificate_revoked || e.why == REFUSAL_certificate_early ||
	    e.why == REFUSAL_certificate_expired);
	trust_unref(&t);
	return good;
}

static void
check(X509_CRL *crl, bool signed_here, struct span der)
{
	struct crl_facts f;
	struct err e = { 0 };
	int64_t now_s;
	bool kept;

	crl_check_facts(crl, &f);
	vouch_must(strlen(f.number) < sizeof f.number);
	/* A date that cannot be read is older than any, its own included: crl_check does not keep it. */
	vouch_must(!crl_check_older(crl, NULL) && (f.this_s == 0 || !crl_check_older(crl, crl)));
	now_s = f.this_s + 60;
	kept = crl_check(crl, root->x, now_s, SKEW_S, &e);
	vouch_must(kept || e.why == REFUSAL_bad_reply);
	vouch_must(!kept || (signed_here && f.next_s != 0));
	vouch_must(!crl_check(crl, root->x, f.this_s - SKEW_S - 1, SKEW_S, &e));
	if (!lets_in(der, now_s))
		return;
	vouch_must(kept && f.next_s > now_s && !lists_leaf(crl));
	vouch_must(X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0);
	vouch_must(!lets_in(der, f.next_s + 1));
}

/* The same list, issued and signed by the root. */
static void
check_vouched(const X509_CRL *crl)
{
	X509_CRL *copy = X509_CRL_dup((X509_CRL *)crl), *fresh;
	unsigned char *der = NULL;
	int n = 0;
	struct err e;

	if (copy != NULL && X509_CRL_set_issuer_name(copy, X509_get_subject_name(root->x)) == 1 &&
	    X509_CRL_sign(copy, root->key, EVP_sha256()) > 0)
		n = i2d_X509_CRL(copy, &der);
	ERR_clear_error();
	if (n > 0 && (fresh = crl_check_parse(span_of(der, (size_t)n), &e)) != NULL) {
		check(fresh, true, span_of(der, (size_t)n));
		X509_CRL_free(fresh);
	}
	OPENSSL_free(der);
	X509_CRL_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);
	X509_CRL *crl;
	struct err e = { 0 };

	if (root == NULL)
		start();
	if ((crl = crl_check_parse(in, &e)) != NULL) {
		check(crl, false, in);
		check_vouched(crl);
		X509_CRL_free(crl);
		return 0;
	}
	vouch_must(e.why == REFUSAL_bad_reply);
	vouch_must(n == 0 || !lets_in(in, 1795442402));
	return 0;
}
