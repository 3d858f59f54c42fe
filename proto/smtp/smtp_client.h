/* smtp_client — the client's half of SMTP, for the outbound gateway of oms.
 *
 * Flow:   conn moves octets; the role decides after each EHLO (STARTTLS, a letter, QUIT), gives letters one after
 *         another, and is told each reply in the peer's words.
 * Spec:   SPEC.md "SMTP"; RFC 5321, 1870, 2920, 3207, 3461, 6152, 6531, 8689, 9422.
 * State:  banner -> EHLO -> ready --STARTTLS--> TLS, `secured` -> EHLO -> ready (--AUTH--> ready) --send--> MAIL, RCPT, DATA, content
 *         -> giving -> the dot -> ready ... -> QUIT.
 * Promise: the dot that ends the content leaves only after smtp_client_give: until then the peer has nothing, and
 *         the role has made durable that it may have all.
 * Strict: an octet that no command asked for ends the session, but for a 421; so do octets after the 220 to STARTTLS.
 * Trust:  the peer controls every octet.  A reply is bounded (smtp_reply.h).
 * Time:   RFC 5321 4.5.3.2, for each reply.
 */
#ifndef PROTO_SMTP_CLIENT_H
#define PROTO_SMTP_CLIENT_H

#include "common/base/address.h"
#include "common/base/engine.h"
#include "proto/smtp/smtp_data.h"
#include "proto/smtp/smtp_reply.h"

#define SMTP_CLIENT_REPLY_MS (5 * 60 * 1000)  /* banner, EHLO, MAIL, RCPT, and the others */
#define SMTP_CLIENT_DATA_MS  (2 * 60 * 1000)  /* to DATA */
#define SMTP_CLIENT_BLOCK_MS (3 * 60 * 1000)  /* a piece of content must leave */
#define SMTP_CLIENT_END_MS   (10 * 60 * 1000) /* to the dot */
#define SMTP_CLIENT_QUIT_MS  5000             /* nothing depends on it */
#define SMTP_CLIENT_RCPT_MAX 100              /* recipients of one letter */
#define SMTP_ENVID_MAX       100              /* RFC 3461 4.4 */

struct smtp_offers { /* by the last EHLO */
	bool starttls, pipelining, eight_bit, utf8, dsn, require_tls;
	bool auth_plain, auth_scram; /* PLAIN, SCRAM-SHA-256 */
	uint64_t size_max;           /* 0: no limit known */
	unsigned rcpt_max;           /* 0: no limit known */
};

/* Where in the session a reply, or a fault, belongs. */
enum smtp_stage {
	SMTP_STAGE_BANNER,
	SMTP_STAGE_EHLO,
	SMTP_STAGE_STARTTLS,
	SMTP_STAGE_READY, /* the role's turn: no reply is due */
	SMTP_STAGE_MAIL,
	SMTP_STAGE_RCPT,
	SMTP_STAGE_DATA,
	SMTP_STAGE_CONTENT, /* it leaves, or the role makes durable that it did */
	SMTP_STAGE_END,
	SMTP_STAGE_QUIT,
	SMTP_STAGE_AUTH /* at a smarthost, before letters */
};

struct smtp_letter {            /* borrowed until `done` or `failed` */
	struct span from;       /* canonical; empty: "<>" */
	const struct span *to;  /* canonical */
	size_t n_to;            /* 1..SMTP_CLIENT_RCPT_MAX */
	struct source *content; /* taken */
	uint64_t octets;
	bool eight_bit, utf8,
	    require_tls; /* asked for; the role has seen that the peer offers them */
	struct span
	    envid; /* what DSN is to name, where the peer offers it: letters and digits; empty: none */
};

struct smtp_client_ops {
	/* After EHLO, before and after TLS (client.secured), and after `done`: the role calls one of starttls, send,
	 * quit, in this call or later. */
	void (*ready)(void *role);
	/* AUTH: what the server asks, in base64.  The role calls smtp_client_auth_say; `ready` tells of success. */
	void (*challenge)(void *role, struct span message);
	/* The reply to the i-th recipient. */
	void (*recipient)(void *role, size_t i, const struct smtp_reply *r);
	/* The content has left, but for its dot; the role calls smtp_client_give. */
	void (*giving)(void *role);
	/* The letter is over.  stage MAIL: its sender was refused; RCPT: each recipient was; DATA: refused after
	 * recipients were accepted; END: *r is what became of it for all accepted recipients. */
	void (*done)(void *role, enum smtp_stage stage, const struct smtp_reply *r);
	/* The session is over, other than by QUIT. */
	void (*failed)(void *role, enum smtp_stage stage, const struct err *why);
};

struct smtp_client {
	struct engine engine; /* first: the mover casts */
	const char *name;     /* of EHLO */
	const struct smtp_client_ops *ops;
	void *role;
	bool secured, signed_in;
	struct smtp_offers offers;
	/* what is awaited */
	enum smtp_stage stage;
	struct smtp_reply reply;
	/* the letter under way */
	const struct smtp_letter *letter;
	struct source *content; /* until the payload has it */
	bool grouped;           /* commands go without waiting for replies */
	size_t asked, heard;    /* recipients */
	size_t accepted;
	bool has_refusal;          /* of MAIL */
	bool lone;                 /* the content is a lone dot: nobody takes the letter */
	struct smtp_reply refusal; /* of MAIL; else of the last recipient that was refused */
	struct smtp_dots dots;
	uint64_t moved; /* the payload's offset at the last tick */
};

void smtp_client_init(struct smtp_client *c, const char *name, const struct smtp_client_ops *ops,
    void *role);
void smtp_client_clear(struct smtp_client *c);

void smtp_client_starttls(struct smtp_client *c);
/* Only inside TLS.  Messages are base64; a mechanism's first one may be empty. */
void smtp_client_auth(struct smtp_client *c, const char *mechanism, struct span initial);
void smtp_client_auth_say(struct smtp_client *c, struct span message);
/* Takes the content.  False: bad_address, nothing was taken or said, and the role's turn goes on. */
bool smtp_client_send(struct smtp_client *c, const struct smtp_letter *letter, struct err *e);
void smtp_client_give(struct smtp_client *c);
void smtp_client_quit(struct smtp_client *c);

/* The stage's name for logs and people: "RCPT". */
const char *smtp_client_stage(enum smtp_stage stage);

#endif
