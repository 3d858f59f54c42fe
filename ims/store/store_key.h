/* store_key — the tables of an IMS's store and their keys; for ims/store and its tests.
 *
 *	table        key                                  value
 *	MAILBOX      user                                 version, last number, notices, last change
 *	NOTICE       user NUL number(8)                   version, facts of the notice
 *	SEEN         letter, sha(recipient)(16)           see store_seen.h
 *	LETTER       id(16), sha(From domain)(8)          version, facts, state, lease, references, file
 *	BODY         letter                               octets of an inline body
 *	EVIDENCE     letter, sha(own domain)(8),          digests of papers, statement, signature, ...
 *	             sha(statement)(8) or zeros
 *	PAPER        sha(octets)(32)                      DER of the certificates, a seal's text, DER of a CRL
 *	CITED        sha(octets)(32), EVIDENCE's key      -
 *	CHANGE       user NUL change(8)                   number; the newest change of each notice
 *	UNTIL        until_s(8), SEEN's key               -
 *	NOTIFIED     letter, sha(own domain)(8)           version, own domain, notices that want it, declined
 *	PENDING_ACK  letter, sha(own domain)(8)           version, id, both domains, which, round, until
 *	SHARE        see store_share.h                    version, octets, notices
 *	SENDER       sha(From domain)(16), user NUL       -
 *	             number(8)
 *	DUE          Hold-Until(8), user NUL number(8)    -
 *	KEPT         see store_paper.h                    who pays for a paper; the kept CRLs of a scope
 *	KNOWN        user NUL, sha(From domain)(16)       version, day of the last notice
 *	SEEN_BY      see store_seen.h                     -
 *
 * SEEN begins with the id, so that its keys rise with time; digests keep keys within LMDB's limit.
 */
#ifndef IMS_STORE_STORE_KEY_H
#define IMS_STORE_STORE_KEY_H

#include "common/store/db_key.h"
#include "ims/store/store.h"

enum ims_table {
	MAILBOX,
	NOTICE,
	SEEN,
	LETTER,
	BODY,
	EVIDENCE,
	PAPER,
	CITED,
	CHANGE,
	UNTIL,
	NOTIFIED,
	PENDING_ACK,
	SHARE,
	SENDER,
	DUE,
	KEPT,
	KNOWN,
	SEEN_BY,
	IMS_TABLES
};

#define IMS_STATEMENT_BYTES 8
#define IMS_DOMAIN_HASH     16

struct db_key ims_key_letter(const struct ulid *id, struct span from_domain);
struct db_key ims_key_notified(const struct db_key *letter, struct span own_domain);
/* digest NULL: the newest statement that only prolonged the promise. */
struct db_key ims_key_statement(const struct db_key *letter, struct span own_domain,
    const unsigned char *digest);
struct db_key ims_key_numbered(const char *user, uint64_t number); /* NOTICE, CHANGE */
struct db_key ims_key_user(const char *user);                      /* its prefix: user NUL */
struct db_key ims_key_domain(struct span from_domain);             /* prefix of SENDER */
struct db_key ims_key_sender(struct span from_domain, const char *user, uint64_t number);
struct db_key ims_key_due(int64_t hold_until_s, const char *user, uint64_t number);
/* The user and the number at the end of a key of SENDER or DUE, which begins with `skip` other octets. */
bool ims_key_notice(struct span key, size_t skip, char user[IMS_STORE_USER_BYTES],
    uint64_t *number);
uint64_t ims_key_number(struct span key); /* the last eight octets */

/* As db_get, for records that the store can do without: a damaged one is logged and counts as absent. */
bool ims_get_spared(struct db_txn *t, enum ims_table table, const struct db_key *k,
    struct span *value);

#endif
