/* dkim_keys — the private keys by which letters are signed: a folder, as it was when it was read.
 *
 * FOLDER/DOMAIN/NAME-rsa.pem and FOLDER/DOMAIN/NAME-ed25519.pem are a pair; the files' names without ".pem" are the
 * selectors.  The first pair by name signs: a new pair waits until the one before it is removed, so its records can
 * be published first.
 *
 * Spec:    RFC 6376 3.6.1, RFC 8301 (2,048 bits), RFC 8463.
 * Disk:    PEM (PKCS #8), mode 0600, of the folder's owner; durable when dkim_keys_make returns.
 * Threads: any.  A struct dkim_keys does not change; dkim_holder swaps it.
 */
#ifndef COMMON_DKIM_DKIM_KEYS_H
#define COMMON_DKIM_DKIM_KEYS_H

#include "common/dkim/dkim_signature.h"

#define DKIM_NAME_BYTES 48  /* of a pair */
#define DKIM_PAIRS_MAX  64  /* of one domain */
#define DKIM_STRING_MAX 255 /* octets of one string of a TXT record */

struct evp_pkey_st;
struct dkim_keys;

struct dkim_pair {
	char name[DKIM_NAME_BYTES];
	char selector[2][DKIM_NAME_BYTES + 16]; /* by enum dkim_alg */
	struct evp_pkey_st *key[2];             /* NULL: there is none of that kind */
};

/* A folder that is not there has no keys.  False: config (others may read a key, or a file is no such key), os_error. */
bool dkim_keys_load(const char *folder, struct dkim_keys **out, struct err *e);
struct dkim_keys *dkim_keys_ref(struct dkim_keys *k);
void dkim_keys_unref(struct dkim_keys **k);
/* The pairs of a domain in the order of their names; the first one signs.  0: there are none. */
size_t dkim_keys_of(const struct dkim_keys *k, const char *domain, const struct dkim_pair **out);

/* -- the one in force -------------------------------------------------------------------------- */

struct dkim_holder;
/* False: as dkim_keys_load. */
bool dkim_holder_new(const char *folder, struct dkim_holder **out, struct err *e);
/* Reads the folder again.  False: what was in force remains. */
bool dkim_holder_reload(struct dkim_holder *h, struct err *e);
struct dkim_keys *dkim_holder_get(struct dkim_holder *h); /* dkim_keys_unref it */
void dkim_holder_free(struct dkim_holder **h);

/* -- the operator's ---------------------------------------------------------------------------- */

/* name: 1*( ALPHA / DIGIT ).  False: config, cannot_write. */
bool dkim_keys_make(const char *folder, const char *domain, const char *name, struct err *e);
/* Removes both files of a pair.  False: config, there is no such pair; cannot_write. */
bool dkim_keys_remove(const char *folder, const char *domain, const char *name, struct err *e);
/* What is to be published at SELECTOR._domainkey.DOMAIN: appends the text of the TXT record. */
void dkim_keys_record(const struct dkim_pair *p, enum dkim_alg alg, struct buf *out);

#endif
