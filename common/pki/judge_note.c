/* judge_note — see judge_note.h. */
#include "common/pki/judge_note.h"

#include <time.h>

#include <openssl/x509v3.h>

#include "common/base/hex.h"
#include "common/pki/crl_check.h"
#include "common/text/digest.h"

static void
add_url(struct judgement *j, const ASN1_IA5STRING *s)
{
	struct span url = span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));

	if (j->n_urls < JUDGE_URLS_MAX && url.n > 7 &&
	    span_eq_nocase(span_sub(url, 0, 7), SPAN_LIT("http://")) &&
	    span_copy(url, j->urls[j->n_urls], JUDGE_URL_BYTES))
		j->n_urls++;
}

void
judge_note_urls(struct judgement *j, struct x509_st *x)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		DIST_POINT_NAME *n = sk_DIST_POINT_value(points, i)->distpoint;

		for (int k = 0;
		     n != NULL && n->type == 0 && k < sk_GENERAL_NAME_num(n->name.fullname); k++) {
			GENERAL_NAME *g = sk_GENERAL_NAME_value(n->name.fullname, k);

			if (g->type == GEN_URI)
				add_url(j, g->d.uniformResourceIdentifier);
		}
	}
	CRL_DIST_POINTS_free(points);
}

void
judge_note_path(struct judgement *j, struct stack_st_X509 *path)
{
	unsigned char *der = NULL, digest[DIGEST_BYTES];
	int n;

	for (int i = 0; i < sk_X509_num(path); i++) {
		struct tm tm;
		int64_t s;

		if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(path, i)), &tm) != 1)
			continue;
		s = (int64_t)timegm(&tm);
		if (i == 0 || s < j->until_s)
			j->until_s = s;
	}
	j->again_s = j->until_s;
	if (sk_X509_num(path) < 2)
		return;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(sk_X509_value(path, 1)), &der);
	if (n > 0) {
		digest_sha256(span_of(der, (size_t)n), digest);
		hex_str(j->issuer_key, digest, sizeof digest);
	}
	OPENSSL_free(der);
}

void
judge_note_crl(struct judgement *j, const struct X509_crl_st *crl, int64_t now_s)
{
	struct crl_facts f;

	crl_check_facts(crl, &f);
	if (f.next_s > now_s && f.next_s < j->again_s)
		j->again_s = f.next_s;
}
