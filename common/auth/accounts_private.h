/* accounts_private — one reading of the accounts file, for accounts*.c.
 *
 * The form is in accounts.h.  What accounts_file_text writes, accounts_file_parse reads.
 */
#ifndef COMMON_AUTH_ACCOUNTS_PRIVATE_H
#define COMMON_AUTH_ACCOUNTS_PRIVATE_H

#include <stdatomic.h>

#include "common/auth/accounts.h"

struct accounts_name { /* a user's address or an alias */
	const char *address;
	size_t user; /* index of users */
};

struct accounts_set {
	atomic_uint references;
	bool missing; /* there was no file */
	unsigned char secret[AUTH_KEY_BYTES];
	struct account *users; /* sorted by address */
	size_t n_users;
	struct accounts_name *names; /* sorted by address */
	size_t n_names;
	struct account_removed *removed; /* sorted by address, then generation */
	size_t n_removed;
	const char **lists; /* the storage of users[].addresses */
	char *owners;       /* the storage of owners of a generation other than 0 */
	struct buf text;    /* the storage of the strings */
};

/* Takes the text (its storage moves).  False: *e is config and names the line. */
bool accounts_file_parse_take(struct buf *text, struct accounts_set **out, struct err *e);
/* Reads the file; if it is missing: an empty set with a fresh secret, *there false.  A file that others
 * can read or write is refused. */
bool accounts_file_read(const char *path, struct accounts_set **out, bool *there, struct err *e);
void accounts_file_header(const unsigned char secret[AUTH_KEY_BYTES], struct buf *out);
void accounts_file_user(const char *address, const struct auth_keys *k, uint64_t generation,
    struct buf *out);
void accounts_file_alias(const char *alias, const char *user, struct buf *out);
void accounts_file_removed(const char *address, uint64_t generation, int64_t until_s,
    struct buf *out);

/* local@domain with a dot-atom (RFC 6531's, too) and A-labels, in lower case.  False: bad_address. */
bool accounts_file_address(struct span address, char out[ACCOUNTS_ADDRESS_BYTES], struct err *e);

#endif
