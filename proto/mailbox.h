/* mailbox — a user's program lists, fetches and reads letters at its own IMS.
 *
 * Flow:  5 and 6 of 8.
 * Spec:  SPEC.md "mailbox".  ALPN tillcalled-mailbox/1; the client speaks first:
 *	AUTH mechanism [message]   -> see sasl_server.h
 *	LIST [after]               -> 250 {octets}: rows of a page of notices, by number
 *	SUMMARY n                  -> 250 {octets}: the letter's first octets, fetched if need be
 *	READ n [offset]            -> 150 lines while it is fetched, then 250 {octets}
 *	MARK n flags               -> one reply; +seen -seen +answered -answered +flagged -flagged
 *	DROP n                     -> one reply; the notice goes, and the letter with the last of them
 *	DECLINE n                  -> one reply; tells its sender that it is not wanted
 *	NOOP, QUIT
 *
 * Rows: "notice ..." each; "more" last, where more follow.  Numbers never change and are never
 * given twice.  The engines are mailbox_server.h and mailbox_client.h.
 */
#ifndef PROTO_MAILBOX_H
#define PROTO_MAILBOX_H

#include "common/base/address.h"
#include "proto/row.h"

#define MAILBOX_ALPN         "tillcalled-mailbox/1"
#define MAILBOX_ISSUER_BYTES 256
#define MAILBOX_WORD_BYTES   32
#define MAILBOX_DIGEST_BYTES 32

enum mailbox_state {
	MAILBOX_HELD,
	MAILBOX_FETCHING,
	MAILBOX_HERE,
	MAILBOX_GONE,
	MAILBOX_DECLINED,
	MAILBOX_RECALLED,
	MAILBOX_BAD_SEAL
};
enum mailbox_road { MAILBOX_SEALED, MAILBOX_SMTP }; /* how it came */
enum mailbox_result {                               /* of SPF, DKIM and DMARC; RFC 8601 */
	MAILBOX_RESULT_NONE,
	MAILBOX_RESULT_PASS,
	MAILBOX_RESULT_FAIL,
	MAILBOX_RESULT_SOFTFAIL,
	MAILBOX_RESULT_NEUTRAL,
	MAILBOX_RESULT_POLICY,
	MAILBOX_RESULT_QUARANTINE, /* of DMARC: it failed, and the author's domain asks for that */
	MAILBOX_RESULT_TEMPERROR,
	MAILBOX_RESULT_PERMERROR
};

#define MAILBOX_SEEN     1u /* flags */
#define MAILBOX_ANSWERED 2u
#define MAILBOX_FLAGGED  4u

const char *mailbox_state_name(enum mailbox_state s); /* "bad-seal" */
const char *mailbox_road_name(enum mailbox_road r);
const char *mailbox_result_name(enum mailbox_result r);

/* What the gateway has found out about a letter that came by SMTP; zeros where it came sealed. */
struct mailbox_marks {
	enum mailbox_result spf, dkim, dmarc;
	bool via; /* the domain of header_from is not that of MAIL FROM; never for <> */
	bool has_fingerprint;
	/* The refusal that a listener in report-only did not say; "": the sender is accountable. */
	char unaccountable[MAILBOX_WORD_BYTES];
	struct domain ehlo;                  /* the host that gave it to us */
	struct domain dkim_domain;           /* of the signature that `dkim` is about; "": none */
	char header_from[ADDRESS_STR_BYTES]; /* the author's address, in the letter's From */
	unsigned char fingerprint[MAILBOX_DIGEST_BYTES]; /* SHA-256 of the host's certificate */
};

struct mailbox_notice {  /* row "notice" */
	uint64_t number; /* 1 and up */
	enum mailbox_state state;
	enum mailbox_road road;
	struct ulid id;               /* the sender's */
	char from[ADDRESS_STR_BYTES]; /* the statement's, or MAIL FROM; "": <> */
	char to[ADDRESS_STR_BYTES];   /* which of the user's addresses */
	uint64_t size;                /* octets */
	int64_t received_s, date_s;   /* here; taken by the sender's server */
	int64_t hold_until_s;         /* 0: nothing is held elsewhere */
	uint64_t summary;             /* octets of it that are here */
	uint64_t got;                 /* fetching: octets so far */
	unsigned flags;
	bool known; /* the user knows the sender */
	bool has_digest;
	unsigned char digest[MAILBOX_DIGEST_BYTES]; /* SHA-256 of the letter */
	char word[MAILBOX_WORD_BYTES]; /* the refusal that led to gone or bad-seal; "" */
	char issuer
	    [MAILBOX_ISSUER_BYTES]; /* the CA that vouches for the sender; by SMTP, for its host */
	struct mailbox_marks marks; /* of MAILBOX_SMTP */
};

void mailbox_notice_write(struct buf *page, const struct mailbox_notice *n);
bool mailbox_notice_read(struct row *r, struct mailbox_notice *n, struct err *e); /* bad_reply */

/* flags = flag *( SP flag )        flag = ( "+" / "-" ) ( "seen" / "answered" / "flagged" )
 * No flag occurs twice.  False: bad_syntax. */
bool mailbox_flags_parse(struct span s, unsigned *set, unsigned *cleared, struct err *e);
void mailbox_flags_write(struct buf *out, unsigned set, unsigned cleared);

#endif
