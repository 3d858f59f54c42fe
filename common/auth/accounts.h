/* accounts — the users of this host: addresses, aliases and the keys of their passwords.
 *
 * One text file for both daemons, written by the verbs `user` and `alias` alone, in this form:
 *
 *	tillcalled-accounts 1 SECRET
 *	user ADDRESS scram-sha-256 ITERATIONS SALT STOREDKEY SERVERKEY [GENERATION]
 *	alias ADDRESS USER-ADDRESS
 *	removed ADDRESS GENERATION UNTIL
 *
 * Fields are separated by one space, octets are in base64, and lines end in LF.  SECRET makes the
 * salts for unknown names.  Addresses are in lower case with their domain as A-labels;
 * lookups ignore ASCII case.
 *
 * An address can have several users one after the other.  GENERATION tells them apart: each new user
 * gets a number that the file has not seen; a line without one (written by an early version) means 0.
 * Everything that the daemons store for a user is stored under the owner: the address for
 * generation 0, else "ADDRESS GENERATION".  So the next user of an address finds nothing of the
 * former one.  `removed` says until when (seconds since 1970) a removed user's data are kept; until
 * then `user add --restore` gives them back.
 *
 * Disk:    mode 0640; replaced whole: temporary file, fsync, rename, fsync of the folder, under a
 *          lock on FILE.lock, so that two writers lose nothing and a reader sees the old or the new file.
 * Owner:   a reading (struct accounts_set) is immutable and reference counted; pointers into it are
 *          valid as long as the reference.
 * Threads: accounts_set_get and everything on a set: any thread, never blocks on the disk.
 *          accounts_refresh: any thread; the daemon's main thread calls it regularly.  So does each sign-in,
 *          and everything that would otherwise refuse an address for good as unknown: a user who was added
 *          a moment ago is never unknown.  It reads the file only after a change, so strangers cause no
 *          reading.
 * Trust:   the file belongs to the operator.  A damaged file is refused as a whole, and the last good reading
 *          stays in force.
 */
#ifndef COMMON_AUTH_ACCOUNTS_H
#define COMMON_AUTH_ACCOUNTS_H

#include <sys/types.h>

#include "common/auth/auth.h"

#define ACCOUNTS_FILE_BYTES    (256 * 1024 * 1024)
#define ACCOUNTS_ADDRESS_BYTES ADDRESS_STR_BYTES
#define ACCOUNTS_ALIASES_MAX   1000 /* of one user */
#define ACCOUNTS_OWNER_BYTES   AUTH_USER_BYTES
#define ACCOUNTS_KEEP_S        (30 * 86400)  /* how long a removed user's data are kept */
#define ACCOUNTS_FORGET_S      (365 * 86400) /* how long a `removed` line outlives its UNTIL */

struct accounts;
struct accounts_set;

struct account {
	const char *address;          /* the user's own */
	const char *const *addresses; /* own and aliases; [0] == address */
	size_t n_addresses;
	uint64_t generation;
	const char *owner; /* the key of the user's data in the stores */
	struct auth_keys keys;
};

struct account_removed {
	const char *address;
	uint64_t generation;
	int64_t until_s; /* when its data are deleted */
	const char *owner;
};

/* Reads the file.  A missing file has no users, and is told from an empty one by accounts_are_missing. */
bool accounts_new(const char *path, struct accounts **out, struct err *e);
void accounts_free(struct accounts **a);
/* Reads the file again if it has changed (mtime, inode, size).  False: it is damaged or cannot be
 * read, and the old reading stays in force; each change is reported once. */
bool accounts_refresh(struct accounts *a, struct err *e);

struct accounts_set *accounts_set_get(struct accounts *a); /* a reference to the newest */
/* The number of the newest reading: it rises with each that was found good. */
uint64_t accounts_reading(struct accounts *a);
void accounts_set_put(struct accounts_set **s); /* gives it back; sets NULL */

/* The user whose own address or alias this is; NULL: there is none. */
const struct account *accounts_find(const struct accounts_set *s, struct span address);
/* The same, but never says that there is none while the file has changed: costs a stat then.  *s becomes
 * the newest reading where it lacks the address. */
const struct account *accounts_find_fresh(struct accounts *a, struct accounts_set **s,
    struct span address);
/* The user whose data are stored under `owner`; NULL: there is none, or no more. */
const struct account *accounts_of_owner(const struct accounts_set *s, const char *owner);
/* Is it one of the addresses of the user whose data are stored under `owner`? */
bool accounts_owns(const struct accounts_set *s, const char *owner, struct span address);
bool accounts_owns_fresh(struct accounts *a, const char *owner, struct span address);
/* There was no file to read, so our users are not known. */
bool accounts_are_missing(const struct accounts_set *s);
size_t accounts_count(const struct accounts_set *s);
const struct account *accounts_at(const struct accounts_set *s, size_t i); /* in address order */
size_t accounts_removed_count(const struct accounts_set *s);
const struct account_removed *accounts_removed_at(const struct accounts_set *s, size_t i);
/* The removed user whose data are stored under `owner`; NULL: there is none. */
const struct account_removed *accounts_removed(const struct accounts_set *s, const char *owner);

/* The owner's address: what people see of an owner. */
struct span accounts_owner_address(const char *owner);
void accounts_owner(const char *address, uint64_t generation, char out[ACCOUNTS_OWNER_BYTES]);

/* For auth_new: arg is the struct accounts. */
extern const struct auth_ops accounts_auth_ops;

/* -- writing ---------------------------------------------------------------------------------- */

struct accounts_edit;

/* Locks (waits at most 10 s) and reads.  A new file gets `group` (where it is not (gid_t)-1); an
 * existing one keeps owner and group. */
bool accounts_edit_new(const char *path, gid_t group, struct accounts_edit **out, struct err *e);
/* Each returns false if nothing was changed; *e says why (usage, no_such_user, bad_address). */
bool accounts_edit_add(struct accounts_edit *x, struct span address, const struct auth_keys *keys,
    int64_t now_s, struct err *e);
bool accounts_edit_keys(struct accounts_edit *x, struct span address, const struct auth_keys *keys,
    struct err *e);
/* The user's data are kept until now_s + ACCOUNTS_KEEP_S. */
bool accounts_edit_remove(struct accounts_edit *x, struct span address, int64_t now_s,
    struct err *e);
/* Restores the last removed user of that address, with new keys and the data that are still kept.
 * False (no_such_user): there is none, or the data are gone. */
bool accounts_edit_restore(struct accounts_edit *x, struct span address,
    const struct auth_keys *keys, int64_t now_s, struct err *e);
bool accounts_edit_alias(struct accounts_edit *x, struct span alias, struct span user,
    struct err *e);
bool accounts_edit_unalias(struct accounts_edit *x, struct span alias, struct err *e);
/* Durable when it returns true.  False: the old file is as it was. */
bool accounts_edit_commit(struct accounts_edit *x, struct err *e);
void accounts_edit_free(struct accounts_edit **x); /* unlocks; without commit nothing changed */

#endif
