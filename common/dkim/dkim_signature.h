/* dkim_signature — what one DKIM-Signature field says, and the digest of the header that it signs.
 *
 * Pure.
 *
 * Spec:   RFC 6376 3.5, 3.7, 5.4.2; RFC 8301: no SHA-1; RFC 8463: Ed25519; RFC 8616: d= and s= may be U-labels.
 * Trust:  every octet is a stranger's.  A signature names at most DKIM_NAMES_MAX fields.
 */
#ifndef COMMON_DKIM_DKIM_SIGNATURE_H
#define COMMON_DKIM_DKIM_SIGNATURE_H

#include "common/base/address.h"
#include "common/dkim/canon.h"
#include "common/dkim/dkim_words.h"

#define DKIM_NAMES_MAX      256
#define DKIM_SELECTOR_BYTES DOMAIN_BYTES
#define DKIM_VALUE_MAX      1024 /* octets of b=: a key of 4,096 bits gives 512 */

enum dkim_alg { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };
const char *dkim_alg_text(enum dkim_alg a);

struct dkim_signature {
	enum dkim_alg alg;
	enum canon header_canon, body_canon;
	struct domain domain;
	char selector[DKIM_SELECTOR_BYTES]; /* A-labels */
	bool same_domain;                   /* the domain of i= is that of d=, and not below it */
	struct span names;                  /* h=; borrowed from the field */
	struct span b;                      /* where the field says b=; borrowed */
	bool has_length;
	uint64_t length;    /* l= */
	uint64_t expires_s; /* 0: it does not say */
	unsigned char body_digest[DIGEST_BYTES];
	unsigned char value[DKIM_VALUE_MAX];
	size_t value_n;
};

/* DKIM_good, or what is wrong; then domain and selector are set as far as they could be read, else "". */
enum dkim_word dkim_signature_parse(const struct header_field *f, struct dkim_signature *out);

/* fields[0..n): the header from the top.  own: the signature's field.  scratch[0..n) is overwritten. */
void dkim_signature_header_digest(const struct dkim_signature *s, const struct header_field *own,
    const struct header_field *fields, size_t n, bool *scratch, unsigned char out[DIGEST_BYTES]);

#endif
