/* db_key — the key of a record: its parts one after the other.
 *
 * Numbers are put with the highest octet first, so that keys sort as their numbers do.  A part of any
 * length is put as a hash, or as text that ends with a NUL, so that no two lists of parts make the same key.
 */
#ifndef COMMON_STORE_DB_KEY_H
#define COMMON_STORE_DB_KEY_H

#include "common/store/db.h"

struct db_key {
	unsigned char b[DB_KEY_MAX];
	size_t n;
};

/* All abort where the key would be longer than DB_KEY_MAX: each part has its limit. */
void db_key_add(struct db_key *k, const void *p, size_t n);
void db_key_add_u64(struct db_key *k, uint64_t v);
void db_key_add_text(struct db_key *k, const char *s);           /* with its NUL */
void db_key_add_hash(struct db_key *k, struct span s, size_t n); /* n octets of its SHA-256 */
struct span db_key_span(const struct db_key *k);                 /* borrows from *k */
uint64_t db_key_u64(struct span key, size_t at);                 /* 0: the key is too short */
void db_key_copy(struct db_key *k, struct span key);
/* For db_each: copies the first key into the struct db_key, and ends there. */
bool db_key_take_first(void *db_key, struct span key, struct span value);

#endif
