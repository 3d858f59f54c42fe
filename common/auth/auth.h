/* auth — signing in by SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both sides, and by PLAIN, the server's.
 *
 * The server side stores StoredKey and ServerKey, never a password.  Messages are passed in base64,
 * as they are sent in a line; "=" or an empty line is the empty message.  -PLUS binds the
 * exchange to its TLS connection: 32 octets of tls-exporter (RFC 9266), given to both sides.
 *
 * Spec:    RFC 5802, RFC 7677; SPEC.md "Signing in".  PLAIN: RFC 4616, for SMTP's submission alone (SPEC.md 18).
 * Trust:   the peer controls every message.  An unknown user gets a salt that is always the same for
 *          that name, causes the same work as a known user, and fails at the same step, so nobody
 *          learns which users exist.  A client that can bind but believes that the server cannot
 *          ("y") is the victim of a downgrade and is refused.  An authorisation identity other
 *          than the user's own is refused.  Every failure is auth_failed, in the same words.
 * Threads: a struct auth belongs to one thread (one per worker) and so do its sessions; a
 *          struct auth_client is independent.
 * Async:   the server side needs microseconds and may run on a loop.  Functions that take a
 *          password (auth_keys_make, auth_password_fits, auth_plain_check, the client's second step) run PBKDF2
 *          for about 50 ms and must not run on a loop that serves others.
 */
#ifndef COMMON_AUTH_AUTH_H
#define COMMON_AUTH_AUTH_H

#include "common/base/address.h"

#define AUTH_SALT_BYTES     16
#define AUTH_KEY_BYTES      32
#define AUTH_BINDING_BYTES  32       /* of TLS exporter "EXPORTER-Channel-Binding" */
#define AUTH_ITERATIONS     100000   /* of new keys */
#define AUTH_ITERATIONS_MIN 4096     /* RFC 7677; a client refuses fewer */
#define AUTH_ITERATIONS_MAX 10000000 /* a client refuses more */
#define AUTH_PASSWORD_BYTES 1024
#define AUTH_USER_BYTES     288  /* an address, a blank, a number, NUL */
#define AUTH_MESSAGE_BYTES  2048 /* of one message in base64 */

#define AUTH_PLUS        "SCRAM-SHA-256-PLUS"
#define AUTH_PLAIN_SCRAM "SCRAM-SHA-256"
#define AUTH_MECHANISMS  AUTH_PLUS " " AUTH_PLAIN_SCRAM /* best first, for replies */

/* The keys that are stored instead of a password. */
struct auth_keys {
	unsigned char salt[AUTH_SALT_BYTES];
	uint32_t iterations;
	unsigned char stored[AUTH_KEY_BYTES], server[AUTH_KEY_BYTES];
};

/* Fresh salt, AUTH_ITERATIONS.  False: the password is empty, too long, or SASLprep (RFC 4013)
 * refuses it. */
bool auth_keys_make(struct auth_keys *k, struct span password, struct err *e);
/* The same with the salt and iterations in *k. */
bool auth_keys_derive(struct auth_keys *k, struct span password, struct err *e);
/* Compares in constant time. */
bool auth_password_fits(const struct auth_keys *k, struct span password);

enum auth_result { AUTH_MORE, AUTH_DONE, AUTH_FAILED };

/* -- server ----------------------------------------------------------------------------------- */

struct auth;
struct auth_server;

struct auth_ops {
	/* Finds the keys of the user of that name (an alias means its user), and writes the caller's
	 * name of the user (accounts.h: the owner).  False: there is no such user. */
	bool (
	    *find)(void *arg, struct span name, char user[AUTH_USER_BYTES], struct auth_keys *keys);
	/* 32 octets for the salts of unknown names; the same after a restart. */
	void (*secret)(void *arg, unsigned char out[AUTH_KEY_BYTES]);
};

/* The daemons pass accounts_auth_ops (accounts.h) with a struct accounts. */
struct auth *auth_new(const struct auth_ops *ops, void *arg);
void auth_free(struct auth **a); /* after its sessions */

/* `binding`: the connection's exporter octets.  Pass them for every mechanism, also for one that does not
 * use them, because that reveals a downgrade; empty only without TLS, in tests.
 * False: auth_mechanism. */
bool auth_server_new(struct auth *a, struct span mechanism, struct span binding,
    struct auth_server **out, struct err *e);
/* MORE: send `out` (base64, not empty) and give the answer to the next step.  DONE: send `out`
 * with the success; auth_server_user is signed in.  FAILED: *e is auth_failed; the session cannot be used
 * any more. */
enum auth_result auth_server_step(struct auth_server *s, struct span in, struct buf *out,
    struct err *e);
/* True if the client has named its user, so that its next message must prove the password. */
bool auth_server_proves(const struct auth_server *s);
/* If so: the user, or the name as the client gave it if there is no such user. */
struct span auth_server_named(const struct auth_server *s);
const char *auth_server_user(const struct auth_server *s);             /* after DONE; borrowed */
const struct auth_keys *auth_server_keys(const struct auth_server *s); /* the same */
void auth_server_free(struct auth_server **s);

/* -- server, PLAIN ------------------------------------------------------------------------------ */

struct auth_plain;

/* Reads the client's only message (base64) and finds its user.  False: auth_failed, because it is malformed or its
 * authorisation identity is another than the user's own. */
bool auth_plain_new(struct auth *a, struct span message, struct auth_plain **out, struct err *e);
/* Does the password fit?  False: auth_failed.  Any thread, since it uses nothing but *p; takes as long for a
 * user who does not exist. */
bool auth_plain_check(const struct auth_plain *p, struct err *e);
struct span auth_plain_named(const struct auth_plain *p); /* as auth_server_named */
/* Once it fits: as auth_server_user and auth_server_keys. */
const char *auth_plain_user(const struct auth_plain *p);
const struct auth_keys *auth_plain_keys(const struct auth_plain *p);
void auth_plain_free(struct auth_plain **p); /* wipes the password */

/* The delay of the refusal of a connection's n-th wrong password: 1 s, 2 s, 4 s, ... 30 s. */
int64_t auth_penalty_ms(unsigned failures);

/* -- client ----------------------------------------------------------------------------------- */

struct auth_client;

/* The salted password of the last exchange, so that PBKDF2 runs once for many sessions of one
 * user (the load bench; mc within one command).  Caller's storage, zeroed before the first use;
 * it is as secret as the password. */
struct auth_cache {
	bool full;
	unsigned char salt[64], salted[AUTH_KEY_BYTES];
	size_t salt_bytes;
	uint32_t iterations;
};

/* With a binding the mechanism is -PLUS, without it SCRAM-SHA-256.  `cache` may be NULL.
 * The password is copied, and wiped by auth_client_free. */
bool auth_client_new(struct span user, struct span password, struct span binding,
    struct auth_cache *cache, struct auth_client **out, struct err *e);
const char *auth_client_mechanism(const struct auth_client *c);
/* The first step takes an empty `in`.  MORE: send `out` (base64).  DONE: the server has proved
 * that it knows the user's keys.  Only DONE may be trusted: a server's word of success without
 * that proof is FAILED (auth_failed). */
enum auth_result auth_client_step(struct auth_client *c, struct span in, struct buf *out,
    struct err *e);
void auth_client_free(struct auth_client **c);

#endif
