/* sign_export — a seal's raw signature as CMS SignedData, which stock openssl verifies; and back. */
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/pki/chain.h"
#include "common/pki/sign.h"

static bool
add_certificates(CMS_ContentInfo *cms, const struct chain *c)
{
	const STACK_OF(X509) *rest = chain_rest(c);

	for (int i = 0; i < sk_X509_num(rest); i++)
		if (CMS_add1_cert(cms, sk_X509_value(rest, i)) != 1)
			return false;
	return true;
}

static bool
add_crls(CMS_ContentInfo *cms, struct span crls)
{
	const unsigned char *p = (const unsigned char *)crls.p, *end = p + crls.n;

	while (p < end) {
		X509_CRL *crl = d2i_X509_CRL(NULL, &p, end - p);
		bool good = crl != NULL && CMS_add1_crl(cms, crl) == 1;

		X509_CRL_free(crl);
		if (!good)
			return false;
	}
	return true;
}

/* Sets content and signature where CMS_final would put its own. */
static bool
fill(CMS_ContentInfo *cms, struct span text, CMS_SignerInfo *signer, struct span signature)
{
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);

	if (content == NULL || (*content == NULL && (*content = ASN1_OCTET_STRING_new()) == NULL))
		return false;
	(*content)->flags &= ~ASN1_STRING_FLAG_CONT;
	return ASN1_OCTET_STRING_set(*content, (const unsigned char *)text.p, (int)text.n) == 1 &&
	    ASN1_OCTET_STRING_set(CMS_SignerInfo_get0_signature(signer),
		(const unsigned char *)signature.p, (int)signature.n) == 1;
}

/* Without signed attributes the signature is over the content itself, as ours is. */
static bool
build(CMS_ContentInfo *cms, const struct sign_evidence *v)
{
	X509 *leaf = chain_leaf(v->chain);
	const EVP_MD *md = strcmp(v->alg, "ecdsa-sha384") == 0 ? EVP_sha384() : EVP_sha256();
	CMS_SignerInfo *signer = CMS_add1_signer(cms, leaf, X509_get0_pubkey(leaf), md,
	    CMS_NOATTR | CMS_BINARY | CMS_NOSMIMECAP);

	return signer != NULL && add_certificates(cms, v->chain) && add_crls(cms, v->crls) &&
	    fill(cms, v->text, signer, v->signature);
}

static bool
write_der(const CMS_ContentInfo *cms, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der);

	if (n > 0)
		buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	return n > 0;
}

bool
sign_export_cms(struct buf *out, const struct sign_evidence *v, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(chain_leaf(v->chain));
	const char *alg = key == NULL ? NULL : sign_alg(key);
	CMS_ContentInfo *cms;
	bool good;

	if (alg == NULL || v->alg == NULL || strcmp(alg, v->alg) != 0)
		return err_set(e, REFUSAL_seal_bad, "%s does not belong to the certificate's key",
		    v->alg != NULL ? v->alg : "no algorithm");
	cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY | CMS_STREAM);
	good = cms != NULL && build(cms, v) && write_der(cms, out);
	CMS_ContentInfo_free(cms);
	if (!good) {
		ERR_clear_error();
		return err_set(e, REFUSAL_internal, "the evidence cannot be written as CMS");
	}
	return true;
}

/* -- and back ------------------------------------------------------------------------------------ */

static void
copy_octets(struct buf *to, const ASN1_OCTET_STRING *from)
{
	buf_add(to, ASN1_STRING_get0_data(from), (size_t)ASN1_STRING_length(from));
}

/* The signer's certificate first; the others serve to build the path. */
static bool
take_chain(CMS_ContentInfo *cms, CMS_SignerInfo *signer, struct sign_imported *out)
{
	STACK_OF(X509) *all = CMS_get1_certs(cms);
	X509 *leaf = NULL;
	EVP_PKEY *key;

	for (int i = 0; i < sk_X509_num(all) && leaf == NULL; i++)
		if (CMS_SignerInfo_cert_cmp(signer, sk_X509_value(all, i)) == 0)
			leaf = sk_X509_value(all, i);
	if (leaf != NULL && (key = X509_get0_pubkey(leaf)) != NULL)
		out->alg = sign_alg(key);
	if (out->alg != NULL)
		out->chain = chain_new(leaf, all);
	sk_X509_pop_free(all, X509_free);
	return out->chain != NULL;
}

static bool
take_crls(CMS_ContentInfo *cms, struct buf *out)
{
	STACK_OF(X509_CRL) *all = CMS_get1_crls(cms);
	bool good = true;

	for (int i = 0; i < sk_X509_CRL_num(all) && good; i++) {
		unsigned char *der = NULL;
		int n = i2d_X509_CRL(sk_X509_CRL_value(all, i), &der);

		if ((good = n > 0))
			buf_add(out, der, (size_t)n);
		OPENSSL_free(der);
	}
	sk_X509_CRL_pop_free(all, X509_CRL_free);
	return good;
}

static bool
take(CMS_ContentInfo *cms, struct sign_imported *out)
{
	ASN1_OCTET_STRING **text;
	STACK_OF(CMS_SignerInfo) *signers;
	CMS_SignerInfo *signer;

	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed ||
	    (text = CMS_get0_content(cms)) == NULL || *text == NULL ||
	    (signers = CMS_get0_SignerInfos(cms)) == NULL || sk_CMS_SignerInfo_num(signers) != 1)
		return false;
	signer = sk_CMS_SignerInfo_value(signers, 0);
	copy_octets(&out->text, *text);
	copy_octets(&out->signature, CMS_SignerInfo_get0_signature(signer));
	return take_chain(cms, signer, out) && take_crls(cms, &out->crls);
}

static bool
says_no_more(struct span der, const struct sign_imported *i)
{
	struct sign_evidence v = { .chain = i->chain,
		.alg = i->alg,
		.text = buf_span(&i->text),
		.signature = buf_span(&i->signature),
		.crls = buf_span(&i->crls) };
	struct buf again = BUF_INIT;
	struct err e;
	bool same = sign_export_cms(&again, &v, &e) && span_eq(buf_span(&again), der);

	buf_clear(&again);
	return same;
}

bool
sign_import_cms(struct span der, struct sign_imported *out, struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
	bool good;

	*out = (struct sign_imported) { .chain = NULL };
	good = cms != NULL && take(cms, out) && says_no_more(der, out);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	if (good)
		return true;
	sign_imported_clear(out);
	return err_set(e, REFUSAL_seal_bad, "it is no CMS of one seal");
}

void
sign_imported_clear(struct sign_imported *i)
{
	chain_unref(&i->chain);
	buf_clear(&i->text);
	buf_clear(&i->signature);
	buf_clear(&i->crls);
}
