/* judge_words — the table; see judge_words.h.  What is not in it is certificate_untrusted. */
#include "common/pki/judge_words.h"

#include <openssl/x509_vfy.h>

bool
judge_word_strict(int error)
{
	switch (error) {
	case X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA:
	case X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN:
	case X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA:
	case X509_V_ERR_ISSUER_NAME_EMPTY:
	case X509_V_ERR_SUBJECT_NAME_EMPTY:
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
	case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
	case X509_V_ERR_EMPTY_SUBJECT_ALT_NAME:
	case X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL:
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
	case X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL:
	case X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
	case X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3:
		return true;
	default:
		return false;
	}
}

bool
judge_word_crl(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_INVALID_EXTENSION:
		return true;
	default:
		return false;
	}
}

static enum refusal
leaf_word(int error)
{
	switch (error) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return REFUSAL_certificate_selfsigned;
	case X509_V_ERR_INVALID_CA:
		return REFUSAL_certificate_ca;
	default:
		return REFUSAL_NONE;
	}
}

enum refusal
judge_word(int error, int depth)
{
	if (depth == 0 && leaf_word(error) != REFUSAL_NONE)
		return leaf_word(error);
	if (judge_word_strict(error))
		return REFUSAL_certificate_form;
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return REFUSAL_certificate_expired;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return REFUSAL_certificate_early;
	case X509_V_ERR_CERT_REVOKED:
		return REFUSAL_certificate_revoked;
	case X509_V_ERR_INVALID_PURPOSE:
		return REFUSAL_certificate_purpose;
	case X509_V_ERR_CA_MD_TOO_WEAK:
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
	case X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
		return REFUSAL_certificate_weak;
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
	case X509_V_ERR_SUBTREE_MINMAX:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
	case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
	case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_NO_EXPLICIT_POLICY:
		return REFUSAL_certificate_constraint;
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
	case X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED:
	case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
	case X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY:
	case X509_V_ERR_INVALID_POLICY_EXTENSION:
	case X509_V_ERR_UNNESTED_RESOURCE:
		return REFUSAL_certificate_form;
	default:
		return REFUSAL_certificate_untrusted;
	}
}

bool
judge_word_on(enum refusal why)
{
	switch (why) {
	case REFUSAL_certificate_selfsigned:
		return RULE(certificate_selfsigned);
	case REFUSAL_certificate_untrusted:
		return RULE(certificate_untrusted);
	case REFUSAL_certificate_expired:
		return RULE(certificate_expired);
	case REFUSAL_certificate_early:
		return RULE(certificate_early);
	case REFUSAL_certificate_revoked:
		return RULE(certificate_revoked);
	case REFUSAL_certificate_ca:
		return RULE(certificate_ca);
	case REFUSAL_certificate_purpose:
		return RULE(certificate_purpose);
	case REFUSAL_certificate_weak:
		return RULE(certificate_weak);
	case REFUSAL_certificate_form:
		return RULE(certificate_form);
	case REFUSAL_certificate_constraint:
		return RULE(certificate_constraint);
	case REFUSAL_certificate_no_revocation:
		return RULE(certificate_no_revocation);
	case REFUSAL_revocation_unknown:
		return RULE(revocation_unknown);
	default:
		return true;
	}
}
