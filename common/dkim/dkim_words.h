/* dkim_words — THE table of what the check of one DKIM signature can find.
 *
 * The word names the finding for tests and readers of a verdict; it never changes.  The result is that of
 * RFC 8601 2.7.1.  A signature that is not `pass` is as if it were not there: none of these refuses a letter.
 */
#ifndef COMMON_DKIM_DKIM_WORDS_H
#define COMMON_DKIM_DKIM_WORDS_H

enum dkim_result { DKIM_PASS, DKIM_FAIL, DKIM_POLICY, DKIM_TEMPERROR, DKIM_PERMERROR };

/*        name          word                 result     sentence */
/* clang-format off */
#define DKIM_WORDS(X)											\
	X(good,         "good",              PASS,      "signature and body digest are right")		\
	X(form,         "bad-signature",     PERMERROR, "the DKIM-Signature field is malformed")	\
	X(version,      "unknown-version",   PERMERROR, "the signature's version is not 1")		\
	X(algorithm,    "unknown-algorithm", PERMERROR, "the algorithm is neither rsa-sha256 nor ed25519-sha256")	\
	X(canon,        "unknown-form",      PERMERROR, "the canonicalization is not known")		\
	X(query,        "unknown-query",     PERMERROR, "the signature does not offer its key by DNS")		\
	X(from,         "from-not-signed",   PERMERROR, "the signature leaves out From")		\
	X(identity,     "other-identity",    PERMERROR, "i= is not of the domain of d=")		\
	X(header,       "bad-header",        PERMERROR, "the header is malformed or has too many fields")	\
	X(expired,      "expired",           POLICY,    "the signature has expired")			\
	X(no_key,       "no-key",            PERMERROR, "the domain publishes no such key")		\
	X(key_unknown,  "key-unknown",       TEMPERROR, "whether there is such a key cannot be known now")	\
	X(many_keys,    "many-keys",         PERMERROR, "the domain publishes several keys by one name")	\
	X(key_form,     "bad-key",           PERMERROR, "the published key is malformed")		\
	X(key_revoked,  "key-revoked",       PERMERROR, "the domain has withdrawn the key")		\
	X(key_other,    "other-key",         PERMERROR, "the published key is not for such a signature")	\
	X(key_service,  "key-not-for-mail",  PERMERROR, "the published key is not for mail")		\
	X(key_weak,     "weak-key",          POLICY,    "the key has less than 1,024 bits")		\
	X(key_large,    "large-key",         POLICY,    "the key has more than 4,096 bits")		\
	X(body_longer,  "unsigned-rest",     POLICY,    "the body goes on after the part that is signed")	\
	X(body,         "body-altered",      FAIL,      "the body is not the one that was signed")	\
	X(signature,    "header-altered",    FAIL,      "the header is not the one that was signed")

enum dkim_word {
#define X(name, word, result, sentence) DKIM_##name,
	DKIM_WORDS(X)
#undef X
	DKIM_WORDS_END
};
/* clang-format on */

const char *dkim_word_text(enum dkim_word w);
const char *dkim_word_sentence(enum dkim_word w);
enum dkim_result dkim_word_result(enum dkim_word w);
/* "pass", "fail", "policy", "temperror", "permerror" */
const char *dkim_result_text(enum dkim_result r);

#endif
