/* kv_key — the key of a row, or the name of a fact: its parts one after the other.
 *
 * Numbers are put with the highest octet first, so that keys sort as their numbers do.  A part of any length is
 * put as a hash, or as text that ends with a NUL, so that no two lists of parts make the same key.
 * Bounds:  a key that grows longer than KV_KEY_MAX stays too long, and kv refuses it.
 */
#ifndef COMMON_STORE_KV_KEY_H
#define COMMON_STORE_KV_KEY_H

#include "common/store/kv.h"
#include "common/text/digest.h"

struct kv_key {
	unsigned char b[KV_KEY_MAX + 1];
	size_t n;
};

void kv_key_add(struct kv_key *k, struct span s);
void kv_key_add_u8(struct kv_key *k, unsigned v);
void kv_key_add_u64(struct kv_key *k, uint64_t v);
void kv_key_add_text(struct kv_key *k, struct span s);           /* with a NUL; s has none */
void kv_key_add_hash(struct kv_key *k, struct span s, size_t n); /* n octets of its SHA-256 */
/* Its SHA-256, in `room` or borrowed until the next call: each thread remembers those of the last names. */
const unsigned char *kv_key_hash(struct span name, unsigned char room[DIGEST_BYTES]);
struct span kv_key_span(const struct kv_key *k); /* borrows from *k */
/* The first key after this one: where a page goes on. */
void kv_key_after(struct kv_key *k, struct span key);
uint64_t kv_key_u64(struct span key, size_t at);     /* 0: the key is too short */
struct span kv_key_text(struct span key, size_t at); /* up to the NUL */

#endif
