/* judge_words — OpenSSL's verification errors in the words of the refusal table. */
#ifndef COMMON_PKI_JUDGE_WORDS_H
#define COMMON_PKI_JUDGE_WORDS_H

#include "common/base/err.h"

/* For X509_V_ERR_...; depth 0 is the leaf. */
enum refusal judge_word(int error, int depth);
bool judge_word_strict(int error); /* a rule of X509_STRICT, which anchors need not keep */
bool judge_word_crl(int error);    /* about a CRL, not about the certificate */
/* Is the rule of this word in force?  (RULE() wants a constant.) */
bool judge_word_on(enum refusal why);

#endif
