/* judge_form — rules for one certificate; see judge_form.h. */
#include "common/svc/judge_form.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "common/svc/judge.h"

#define SERIAL_BYTES	20
#define NO_REV_AVAIL	"2.5.29.56"

static int
find_ext(const X509 *x, const char *oid)
{
	ASN1_OBJECT	*o = OBJ_txt2obj(oid, 1);
	int		 at = X509_get_ext_by_OBJ(x, o, -1);

	ASN1_OBJECT_free(o);
	return at;
}

static bool
serial_ok(X509 *x)
{
	const ASN1_INTEGER	*s = X509_get0_serialNumber(x);
	BIGNUM			*n = ASN1_INTEGER_to_BN(s, NULL);
	bool			 ok;

	ok = n != NULL && !BN_is_negative(n) && !BN_is_zero(n) && BN_num_bytes(n) <= SERIAL_BYTES;
	BN_free(n);
	return ok;
}

static bool
repeats_ext(X509 *x)
{
	for (int i = 0; i < X509_get_ext_count(x); i++)
		if (X509_get_ext_by_OBJ(x, X509_EXTENSION_get_object(X509_get_ext(x, i)), i) >= 0)
			return true;
	return false;
}

static const char *
key_fault(X509 *x)
{
	EVP_PKEY	*key = X509_get0_pubkey(x);
	char		 group[64] = "";

	if (key == NULL)
		return "its key cannot be read";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		if (EVP_PKEY_get_bits(key) < 2048)
			return "an RSA key of less than 2,048 bits";
		return EVP_PKEY_get_bits(key) > JUDGE_RSA_BITS_MAX ? "an RSA key that is too large" : NULL;
	case EVP_PKEY_EC:
		EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
		return strcmp(group, SN_X9_62_prime256v1) == 0 || strcmp(group, SN_secp384r1) == 0 ?
		    NULL : "a key on another curve than P-256 and P-384";
	case EVP_PKEY_ED25519:
		return NULL;
	default:
		return "a key of another kind than RSA, P-256, P-384 and Ed25519";
	}
}

static const char *
form_fault(X509 *x, bool leaf)
{
	if (X509_get_version(x) != X509_VERSION_3)
		return "not of version 3";
	if (!serial_ok(x))
		return "its serial number is not positive, or longer than 20 octets";
	if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		return "an extension is broken";
	if (repeats_ext(x))
		return "an extension stands twice";
	if (!leaf && find_ext(x, NO_REV_AVAIL) >= 0)
		return "a CA that says it cannot be revoked";
	return NULL;
}

bool
judge_form(X509 *x, bool leaf, struct err *e)
{
	const char	*fault;

	if (RULE(certificate_form) && (fault = form_fault(x, leaf)) != NULL)
		return err_set(e, REFUSAL_certificate_form, "the certificate is %s",
		    fault);
	if (RULE(certificate_weak) && (fault = key_fault(x)) != NULL)
		return err_set(e, REFUSAL_certificate_weak, "the certificate has %s", fault);
	return true;
}

/* A usage that is absent allows all; RFC 8446 4.4.2.2 wants digitalSignature where it is there. */
static const char *
purpose_fault(X509 *x)
{
	if ((X509_get_extension_flags(x) & EXFLAG_XKUSAGE) == 0)
		return "no extended key usage";
	if ((X509_get_extended_key_usage(x) & XKU_SSL_SERVER) == 0)
		return "no usage serverAuth";
	if ((X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE) == 0)
		return "no usage digitalSignature";
	return NULL;
}

bool
judge_form_leaf(X509 *x, struct err *e)
{
	const char	*fault;

	if (RULE(certificate_selfsigned) && (X509_get_extension_flags(x) & EXFLAG_SI) != 0)
		return err_set(e, REFUSAL_certificate_selfsigned, "%s", "");
	if (RULE(certificate_ca) && X509_check_ca(x) != 0)
		return err_set(e, REFUSAL_certificate_ca, "%s", "");
	if (RULE(certificate_purpose) && (fault = purpose_fault(x)) != NULL)
		return err_set(e, REFUSAL_certificate_purpose, "the certificate has %s", fault);
	return true;
}

bool
judge_form_names_crl(X509 *x)
{
	return X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0;
}

bool
judge_form_lives_short(X509 *x)
{
	int	 day, sec;

	if (find_ext(x, NO_REV_AVAIL) >= 0)
		return true;
	return ASN1_TIME_diff(&day, &sec, X509_get0_notBefore(x), X509_get0_notAfter(x)) == 1 &&
	    (int64_t)day * 86400 + sec <= JUDGE_SHORT_LIVED_S;
}
