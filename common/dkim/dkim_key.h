/* dkim_key — what a domain publishes of a key, and whether a signature is by it.
 *
 * Spec:   RFC 6376 3.6.1, RFC 8301 3.2 (1,024 bits at least), RFC 8463.
 * Trust:  the record is the signing domain's, which may be hostile: at most 4,096 bits.
 */
#ifndef COMMON_DKIM_DKIM_KEY_H
#define COMMON_DKIM_DKIM_KEY_H

#include "common/dkim/dkim_signature.h"

#define DKIM_RECORD_MAX 8192 /* octets; a key of 4,096 bits takes about 750 */

struct dkim_key {
	struct evp_pkey_st *key;
	bool testing;
};

/* The strings of a TXT record, one after the other.  False: longer than `most`, or malformed. */
bool dkim_txt_join(struct span rdata, size_t most, struct buf *out);

/* DKIM_good and a key to clear, or why the signature cannot be checked by this record. */
enum dkim_word dkim_key_parse(struct span record, const struct dkim_signature *s,
    struct dkim_key *out);
void dkim_key_clear(struct dkim_key *k);
bool dkim_key_verifies(const struct dkim_key *k, const struct dkim_signature *s,
    const unsigned char header_digest[DIGEST_BYTES]);

#endif
