/* store_key — see store_key.h. */
#include "ims/store/store_key.h"

struct db_key
ims_key_letter(const struct ulid *id, struct span from_domain)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, id->b, ULID_BYTES);
	db_key_add_hash(&k, from_domain, 8);
	return k;
}

struct db_key
ims_key_statement(const struct db_key *letter, struct span own_domain, const unsigned char *digest)
{
	static const unsigned char zeros[IMS_STATEMENT_BYTES];
	struct db_key k = ims_key_notified(letter, own_domain);

	db_key_add(&k, digest != NULL ? digest : zeros, IMS_STATEMENT_BYTES);
	return k;
}

struct db_key
ims_key_notified(const struct db_key *letter, struct span own_domain)
{
	struct db_key k = *letter;

	db_key_add_hash(&k, own_domain, 8);
	return k;
}

struct db_key
ims_key_user(const char *user)
{
	struct db_key k = { .n = 0 };

	db_key_add_text(&k, user);
	return k;
}

struct db_key
ims_key_numbered(const char *user, uint64_t number)
{
	struct db_key k = ims_key_user(user);

	db_key_add_u64(&k, number);
	return k;
}

struct db_key
ims_key_domain(struct span from_domain)
{
	struct db_key k = { .n = 0 };

	db_key_add_hash(&k, from_domain, IMS_DOMAIN_HASH);
	return k;
}

static void
ims_key_add_notice(struct db_key *k, const char *user, uint64_t number)
{
	db_key_add_text(k, user);
	db_key_add_u64(k, number);
}

struct db_key
ims_key_sender(struct span from_domain, const char *user, uint64_t number)
{
	struct db_key k = ims_key_domain(from_domain);

	ims_key_add_notice(&k, user, number);
	return k;
}

struct db_key
ims_key_due(int64_t hold_until_s, const char *user, uint64_t number)
{
	struct db_key k = { .n = 0 };

	db_key_add_u64(&k, (uint64_t)hold_until_s);
	ims_key_add_notice(&k, user, number);
	return k;
}

bool
ims_key_notice(struct span key, size_t skip, char user[IMS_STORE_USER_BYTES], uint64_t *number)
{
	if (key.n < skip + 1 + 8)
		return false;
	*number = ims_key_number(key);
	return span_copy(span_sub(key, skip, key.n - skip - 1 - 8), user, IMS_STORE_USER_BYTES);
}

uint64_t
ims_key_number(struct span key)
{
	return db_key_u64(key, key.n < 8 ? 0 : key.n - 8);
}

bool
ims_get_spared(struct db_txn *t, enum ims_table table, const struct db_key *k, struct span *value)
{
	struct err e;

	if (db_fault(t, &e)) /* an earlier fault remains one */
		return false;
	if (db_get(t, table, db_key_span(k), value))
		return true;
	db_pardon(t);
	return false;
}
