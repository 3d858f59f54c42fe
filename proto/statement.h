/* statement — the signed texts: a notification of a letter, and the recall of one.
 *
 * Spec:   SPEC.md "Statements".  Each statement has one form: fields in fixed order, CRLF,
 *         numbers without leading zeros, lower-case hexadecimal, domains in canonical form,
 *         Recipient lines in ascending order (so none occurs twice).
 * Owner:  a parsed statement borrows from its text.
 * Trust:  every octet is the peer's; the bindings (whose From, which seal) are proto/notify's.
 */
#ifndef PROTO_STATEMENT_H
#define PROTO_STATEMENT_H

#include "common/base/address.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/ulid.h"

#define STATEMENT_MAX_BYTES      (16 * 1024)
#define STATEMENT_RECIPIENTS_MAX 100
#define STATEMENT_SUMMARY_MAX    (8 * 1024)          /* octets */
#define STATEMENT_SIZE_MAX       (UINT64_C(1) << 40) /* the largest Size, octets */
#define STATEMENT_HASH_BYTES     32
#define STATEMENT_SALT_BYTES     16
#define STATEMENT_SALT_DIGITS    (2 * STATEMENT_SALT_BYTES)
#define STATEMENT_PREIMAGE_MAX   (21 + STATEMENT_SALT_BYTES + ADDRESS_MAX)

enum statement_kind { STATEMENT_NOTIFICATION, STATEMENT_RECALL };

/* SHA-256 lives elsewhere (common/text/digest). */
typedef void statement_sha256_fn(struct span octets, unsigned char out[STATEMENT_HASH_BYTES]);

struct statement {
	enum statement_kind kind;
	struct span text; /* all of it */
	struct ulid id;
	struct address from;          /* notification */
	struct span from_domain;      /* both kinds */
	struct span recipient_domain; /* both kinds */
	struct span recipients;       /* the Recipient lines: see statement_has */
	size_t n_recipients;
	int64_t date_s; /* both kinds */
	int64_t hold_until_s;
	uint64_t size;
	unsigned char digest[STATEMENT_HASH_BYTES];
	uint64_t summary_size;
	unsigned char summary_digest[STATEMENT_HASH_BYTES];
};

/* The one form of a statement and nothing else.  False: bad_statement, statement_too_big, or
 * too_many_recipients. */
bool statement_parse(struct span text, struct statement *st, struct err *e);

/* The index of `hash` among the sorted Recipient lines; -1: it is not there. */
int statement_has(const struct statement *st, const unsigned char hash[STATEMENT_HASH_BYTES]);
/* The i-th Recipient line's hash; i < n_recipients. */
void statement_recipient(const struct statement *st, size_t i,
    unsigned char hash[STATEMENT_HASH_BYTES]);

/* What a recipient's hash is made over: "tillcalled recipient" 00 salt address (canonical form,
 * at most ADDRESS_MAX octets).  Returns its length. */
size_t statement_preimage(const unsigned char salt[STATEMENT_SALT_BYTES], struct span address,
    char out[STATEMENT_PREIMAGE_MAX]);
/* The hash itself. */
void statement_hash(statement_sha256_fn *sha256, const unsigned char salt[STATEMENT_SALT_BYTES],
    struct span address, unsigned char out[STATEMENT_HASH_BYTES]);

/* Appends a notification: st's id, from.whole, recipient_domain, date_s, hold_until_s, size,
 * digest, summary_*; and the hashes, which are sorted in place.  What it wrote is parsed again,
 * so no caller's mistake can be sealed; false: as statement_parse, *out unchanged. */
bool statement_write(struct buf *out, const struct statement *st,
    unsigned char (*hashes)[STATEMENT_HASH_BYTES], size_t n, struct err *e);
/* Appends a recall: id, from_domain, recipient_domain, date_s. */
bool statement_write_recall(struct buf *out, const struct statement *st, struct err *e);

#endif
