/* submit — a user's program gives letters to its own OMS and reads what became of them.
 *
 * Flow:  2 of 8.
 * Spec:  SPEC.md "submit".  ALPN tillcalled-submit/1; the client speaks first:
 *	AUTH mechanism [message]   -> see sasl_server.h
 *	FROM <address>             -> one reply; begins a letter, discards an unfinished one
 *	TO <address>               -> one reply; up to 100
 *	HOLD days                  -> one reply; how long the letter is kept for its recipients
 *	MESSAGE octets token       -> the letter follows; 250 with its id after it is durable.  If
 *	                              FROM, a TO or HOLD was refused, MESSAGE is refused too.
 *	STATUS id                  -> 250 {octets}: rows of one letter
 *	OUTBOX [after-id]          -> 250 {octets}: rows of a page of letters, oldest first
 *	NOOP, QUIT
 *
 * Rows: "letter ...", then "rcpt ..." for each of its recipients; a last row "more" if there is another page.
 * The engines are submit_server.h and submit_client.h.
 */
#ifndef PROTO_SUBMIT_H
#define PROTO_SUBMIT_H

#include "common/base/address.h"
#include "proto/row.h"

#define SUBMIT_ALPN           "tillcalled-submit/1"
#define SUBMIT_RECIPIENTS_MAX 100
#define SUBMIT_HOLD_DAYS_MAX  366
#define SUBMIT_TOKEN_MAX      64              /* characters */
#define SUBMIT_TOKEN_S        (7 * 24 * 3600) /* the same token means the same letter this long */
#define SUBMIT_SIZE_MAX       (UINT64_C(1) << 40) /* beyond this the session ends */
#define SUBMIT_TEXT_BYTES     512
#define SUBMIT_WORD_BYTES     32

/* The state of a letter for one recipient. */
enum submit_state {
	SUBMIT_WAITING,
	SUBMIT_NOTIFIED,
	SUBMIT_HANDED_OUT,
	SUBMIT_FETCHED,
	SUBMIT_REFUSED,
	SUBMIT_EXPIRED,
	SUBMIT_RECALLED,
	SUBMIT_TOO_LATE,
	SUBMIT_BY_SMTP
};

/* Whose words a text is. */
enum submit_speaker {
	SUBMIT_SPEAKER_UNKNOWN, /* not given */
	SUBMIT_SPEAKER_OMS,     /* the OMS that was asked */
	SUBMIT_SPEAKER_PEER     /* a server of the recipient's domain */
};

const char *submit_state_name(enum submit_state s);     /* "handed-out" */
const char *submit_speaker_name(enum submit_speaker s); /* "peer"; "": unknown */

struct submit_letter { /* row "letter" */
	struct ulid id;
	char from[ADDRESS_STR_BYTES];
	int64_t date_s, hold_until_s; /* taken; kept until */
	uint64_t size;                /* octets */
};

struct submit_recipient { /* row "rcpt" */
	char to[ADDRESS_STR_BYTES];
	enum submit_state state;
	int64_t since_s; /* when it reached this state; 0: not given */
	int64_t next_s;  /* when the next attempt is due; 0: none is */
	uint64_t tries;
	char word[SUBMIT_WORD_BYTES]; /* of the last refusal; "": none */
	enum submit_speaker by;
	char text[SUBMIT_TEXT_BYTES]; /* why, in the words of `by` */
	bool by_smtp;                 /* the last attempt went by SMTP */
	char host[DOMAIN_BYTES];      /* the SMTP server that has the letter, or may; "": none */
	char secured
	    [SUBMIT_WORD_BYTES]; /* what vouched for it: "ca+dane"; "relay": it passes the letter on */
	bool no_recall;          /* it has the letter, or may */
};

/* Each appends one row. */
void submit_letter_write(struct buf *page, const struct submit_letter *l);
void submit_recipient_write(struct buf *page, const struct submit_recipient *r);
/* False: bad_reply. */
bool submit_letter_read(struct row *r, struct submit_letter *l, struct err *e);
bool submit_recipient_read(struct row *r, struct submit_recipient *out, struct err *e);

/* token = 1*64( letter / DIGIT / "-" / "_" / "." ) */
bool submit_token_is_good(struct span token);

#endif
