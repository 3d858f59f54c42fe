/* judge_form — rules for one certificate; see judge_form.h. */
#include "common/pki/judge_form.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "common/pki/judge.h"

#define SERIAL_BITS  159 /* 20 octets of DER, the first without a sign */
#define NO_REV_AVAIL "2.5.29.56"

static int
find_ext(const X509 *x, const char *oid)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	int at = X509_get_ext_by_OBJ(x, o, -1);

	ASN1_OBJECT_free(o);
	return at;
}

static bool
serial_ok(X509 *x)
{
	const ASN1_INTEGER *s = X509_get0_serialNumber(x);
	BIGNUM *n = ASN1_INTEGER_to_BN(s, NULL);
	bool ok;

	ok = n != NULL && !BN_is_negative(n) && !BN_is_zero(n) && BN_num_bits(n) <= SERIAL_BITS;
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
	EVP_PKEY *key = X509_get0_pubkey(x);
	char group[64] = "";

	if (key == NULL)
		return "its key cannot be read";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		if (EVP_PKEY_get_bits(key) < 2048)
			return "an RSA key of less than 2,048 bits";
		return EVP_PKEY_get_bits(key) > JUDGE_RSA_BITS_MAX ? "an RSA key that is too large"
								   : NULL;
	case EVP_PKEY_EC:
		EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
		return strcmp(group, SN_X9_62_prime256v1) == 0 || strcmp(group, SN_secp384r1) == 0
		    ? NULL
		    : "a key on another curve than P-256 and P-384";
	case EVP_PKEY_ED25519:
		return NULL;
	default:
		return "a key of another kind than RSA, P-256, P-384 and Ed25519";
	}
}

/* Each policy once, and at least one (RFC 5280 4.2.1.4). */
static bool
policies_ok(const CERTIFICATEPOLICIES *all)
{
	if (sk_POLICYINFO_num(all) > JUDGE_LIST_MAX)
		return false;
	for (int i = 0; i < sk_POLICYINFO_num(all); i++)
		for (int k = 0; k < i; k++)
			if (OBJ_cmp(sk_POLICYINFO_value(all, i)->policyid,
				sk_POLICYINFO_value(all, k)->policyid) == 0)
				return false;
	return sk_POLICYINFO_num(all) > 0;
}

/* Reads an extension about policies.  *out NULL: it is absent.  False: it is broken. */
static bool
read_policy_ext(X509 *x, int nid, void **out)
{
	int critical;

	*out = X509_get_ext_d2i(x, nid, &critical, NULL);
	return *out != NULL || critical == -1;
}

/* libcrypto 3.0 leaks the extensions about policies where certificatePolicies is absent beside
 * policyConstraints, is empty, or names a policy twice: policy_cache_new returns early. */
static const char *
policy_fault(X509 *x)
{
	void *policies, *constraints, *mappings, *skip;
	bool read = read_policy_ext(x, NID_certificate_policies, &policies) &
	    read_policy_ext(x, NID_policy_constraints, &constraints) &
	    read_policy_ext(x, NID_policy_mappings, &mappings) &
	    read_policy_ext(x, NID_inhibit_any_policy, &skip);
	const POLICY_CONSTRAINTS *c = constraints;
	const char *fault = NULL;

	if (!read || (policies != NULL && !policies_ok(policies)) ||
	    (c != NULL && c->requireExplicitPolicy == NULL && c->inhibitPolicyMapping == NULL))
		fault = "broken in what it says about policies";
	else if (c != NULL && policies == NULL)
		fault = "one that constrains policies and has none";
	CERTIFICATEPOLICIES_free(policies);
	POLICY_CONSTRAINTS_free(constraints);
	sk_POLICY_MAPPING_pop_free(mappings, POLICY_MAPPING_free);
	ASN1_INTEGER_free(skip);
	return fault;
}

bool
judge_form_policies(X509 *x, struct err *e)
{
	const char *fault;

	if (RULE(certificate_form) && (fault = policy_fault(x)) != NULL)
		return err_set(e, REFUSAL_certificate_form, "the certificate is %s", fault);
	return true;
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
	if (X509_get_ext_count(x) > JUDGE_LIST_MAX)
		return "one with too many extensions";
	if (repeats_ext(x))
		return "one in which an extension occurs twice";
	if (leaf && X509_get_ext_by_NID(x, NID_name_constraints, -1) >= 0)
		return "no CA, and constrains names";
	if (!leaf && find_ext(x, NO_REV_AVAIL) >= 0)
		return "a CA that says it cannot be revoked";
	return NULL;
}

bool
judge_form(X509 *x, bool leaf, struct err *e)
{
	const char *fault;

	if (RULE(certificate_form) && (fault = form_fault(x, leaf)) != NULL)
		return err_set(e, REFUSAL_certificate_form, "the certificate is %s", fault);
	if (RULE(certificate_weak) && (fault = key_fault(x)) != NULL)
		return err_set(e, REFUSAL_certificate_weak, "the certificate has %s", fault);
	return true;
}

/* An absent key usage allows everything; if present, RFC 8446 4.4.2.2 requires digitalSignature. */
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

/* It says so itself, or OpenSSL would let it sign certificates. */
static bool
is_ca(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_CA) != 0 || X509_check_ca(x) != 0;
}

bool
judge_form_leaf(X509 *x, struct err *e)
{
	const char *fault;

	if (RULE(certificate_selfsigned) && (X509_get_extension_flags(x) & EXFLAG_SI) != 0)
		return err_word(e, REFUSAL_certificate_selfsigned);
	if (RULE(certificate_ca) && is_ca(x))
		return err_word(e, REFUSAL_certificate_ca);
	if (RULE(certificate_purpose) && (fault = purpose_fault(x)) != NULL)
		return err_set(e, REFUSAL_certificate_purpose, "the certificate has %s", fault);
	return true;
}

/* -- name constraints ------------------------------------------------------------------------------ */

/* An address and a mask of the same length, ones first (RFC 5280 4.2.1.10, RFC 4632) */
static bool
network_ok(const ASN1_OCTET_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);
	bool ended = false;

	if (n != 8 && n != 32)
		return false;
	for (int bit = 0; bit < n * 4; bit++) {
		bool one = ((p[n / 2 + bit / 8] >> (7 - bit % 8)) & 1) != 0;

		if (one && ended)
			return false;
		ended = !one;
	}
	return true;
}

/* A DNS constraint covers the names below it without a leading dot. */
static bool
subtrees_ok(const STACK_OF(GENERAL_SUBTREE) *all)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_SUBTREE_value(all, i)->base;

		if (g->type == GEN_DNS && ASN1_STRING_length(g->d.dNSName) > 0 &&
		    ASN1_STRING_get0_data(g->d.dNSName)[0] == '.')
			return false;
		if (g->type == GEN_IPADD && !network_ok(g->d.iPAddress))
			return false;
	}
	return true;
}

bool
judge_form_constraints(X509 *x, struct err *e)
{
	int critical;
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(x, NID_name_constraints, &critical, NULL);
	bool ok = critical == -1; /* there are none */

	if (nc != NULL)
		ok = (sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) > 0 ||
			 sk_GENERAL_SUBTREE_num(nc->excludedSubtrees) > 0) &&
		    subtrees_ok(nc->permittedSubtrees) && subtrees_ok(nc->excludedSubtrees);
	NAME_CONSTRAINTS_free(nc);
	if (!ok && RULE(certificate_constraint))
		return err_set(e, REFUSAL_certificate_constraint,
		    "it constrains names out of form");
	return true;
}

/* -- revocation ------------------------------------------------------------------------------------ */

bool
judge_form_names_crl(X509 *x)
{
	return X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0;
}

bool
judge_form_lives_short(X509 *x)
{
	int day, sec;

	if (find_ext(x, NO_REV_AVAIL) >= 0)
		return true;
	return ASN1_TIME_diff(&day, &sec, X509_get0_notBefore(x), X509_get0_notAfter(x)) == 1 &&
	    (int64_t)day * 86400 + sec <= JUDGE_SHORT_LIVED_S;
}
