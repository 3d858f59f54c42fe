/* smtp_server — the server's half of SMTP, for the gateway in ims and for submission in oms.
 *
 * Flow:   conn moves octets; this engine cuts commands, keeps their order and counts; the role judges sender,
 *         recipient and content, and keeps the letter.
 * Spec:   SPEC.md "SMTP"; RFC 5321, 1870, 2034, 2920, 3207, 4954, 6152, 6531, 8689, 9422.
 * State:  START --EHLO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA--> content --.--> READY.  RSET, and EHLO once
 *         more, go back to READY; STARTTLS goes back to START.
 * Async:  mail, rcpt, data, end and auth may be PENDING; smtp_server_answer completes each exactly once.  One
 *         command is under way at a time, and replies come in order.
 * Strict: a command after EHLO, DATA or STARTTLS in one group, and content before the 354, end the session: their
 *         meaning would depend on how the network cut them.
 * Trust:  the peer controls every octet; spans are valid only until the op returns.
 * Memory: of content nothing is kept here; commands are bounded by SMTP_COMMAND_MAX.
 */
#ifndef PROTO_SMTP_SERVER_H
#define PROTO_SMTP_SERVER_H

#include "common/base/engine.h"
#include "proto/pace.h"
#include "proto/sasl_server.h"
#include "proto/smtp/smtp_command.h"
#include "proto/smtp/smtp_data.h"

#define SMTP_SERVER_IDLE_MS  (5 * 60 * 1000) /* RFC 5321 4.5.3.2.7 */
#define SMTP_SERVER_ENTRY_MS (5 * 60 * 1000) /* until TLS is up, and its user has signed in */
#define SMTP_SERVER_LIFE_MS                                                                        \
	(60 * 60 * 1000)             /* the longest session; a letter of 1 GiB needs 300 KB/s */
#define SMTP_SERVER_RCPT_MAX     100 /* recipients of one letter (RFC 5321 4.5.3.1.8, 9422) */
#define SMTP_SERVER_ERRORS_MAX   10  /* faults of form in one session */
#define SMTP_SERVER_REFUSALS_MAX 100 /* other refusals by 5xx */
#define SMTP_SERVER_IDLERS_MAX                                                                     \
	100 /* commands since the last letter that brought none nearer: NOOP, RSET ... */
#define SMTP_AUTH_LINE_MAX 12288 /* RFC 4954 4 */

struct smtp_server_config { /* outlives its sessions */
	const char *name;   /* of this host, in banner and EHLO */
	const char
	    *contact; /* whom a refused sender may ask, in the refusals of the role; NULL: nobody */
	uint64_t size_max; /* octets of a letter */
	bool submission;   /* users sign in before MAIL */
	bool
	    goes_on; /* letters go on to others, by ways that do not keep REQUIRETLS: it is not offered */
	bool starttls;          /* the session begins in plain; false: TLS is up at once */
	const char *mechanisms; /* of AUTH, with blanks between them; submission only */
};

struct smtp_server_ops {
	/* Asked before each command: may this peer still be served?  False: *e is the reply, and the session ends. */
	bool (*admit)(void *role, struct err *e);
	/* For the role's log: the engine itself refused, for a reason of form, order or time.  May be NULL. */
	void (*fault)(void *role, const struct err *e);
	domain_a_label_fn *a_label;
	/* EHLO or HELO: the session begins anew. */
	void (*hello)(void *role, const struct smtp_name *name);
	/* DONE: accepted.  REFUSED: *e is the reply.  PENDING: smtp_server_answer(s, request, ...). */
	enum outcome (
	    *mail)(void *role, uint64_t request, const struct smtp_mail *mail, struct err *e);
	enum outcome (
	    *rcpt)(void *role, uint64_t request, const struct smtp_path *to, struct err *e);
	/* Before the 354; at least one recipient was accepted. */
	enum outcome (*data)(void *role, uint64_t request, struct err *e);
	void (*octets)(void *role, struct span piece);
	/* The whole content has come: DONE, or an answer without a fault, means that it is durable. */
	enum outcome (*end)(void *role, uint64_t request, struct err *e);
	/* The transaction is over without an answer of `end`: RSET, EHLO, a fault in its content, too big.  Not called
	 * where the connection ends, which the role sees itself. */
	void (*reset)(void *role);
	/* As in sasl_server.h, but that the first message of an exchange may be missing (message.p NULL): then the
	 * server speaks first, with an empty challenge where the mechanism has none.  Not called but for submission. */
	enum outcome (*auth)(void *role, uint64_t request, struct span mechanism,
	    struct span message, struct sasl_said *said, struct err *e);
};

enum smtp_state { SMTP_START = 1, SMTP_READY = 2, SMTP_MAIL = 4, SMTP_RCPT = 8 };

/* What an answer is due to. */
enum smtp_asked {
	SMTP_ASKED_MAIL,
	SMTP_ASKED_RCPT,
	SMTP_ASKED_DATA,
	SMTP_ASKED_END,
	SMTP_ASKED_AUTH
};

struct smtp_server {
	struct engine engine; /* first: the mover casts */
	struct pace pace;
	const struct smtp_server_config *config;
	const struct smtp_server_ops *ops;
	void *role;
	enum smtp_state state;
	bool secured;   /* TLS is up */
	bool extended;  /* EHLO was said, not HELO */
	bool signed_in; /* submission */
	bool full;      /* the role's: takes no more content now */
	unsigned errors, refusals, idlers;
	unsigned recipients; /* accepted ones of this letter */
	/* the answer that is awaited */
	bool waiting;
	bool stirred;
	uint64_t request;
	enum smtp_asked asked;
	/* content */
	bool content; /* the 354 was said, the end has not come */
	bool too_big;
	struct smtp_data data;
	uint64_t octets;
	/* AUTH */
	bool challenged; /* the next line answers a 334 */
	unsigned auth_steps, auth_failures;
};

/* Says the banner. */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config,
    const struct smtp_server_ops *ops, void *role);
void smtp_server_clear(struct smtp_server *s);

/* The answer to the op that was PENDING.  e NULL: accepted; `text` (may be NULL) is then said with the code.
 * False: nothing waits for it any more, and it is dropped. */
bool smtp_server_answer(struct smtp_server *s, uint64_t request, const struct err *e,
    const char *text);
/* The same for auth. */
bool smtp_server_answer_auth(struct smtp_server *s, uint64_t request, const struct sasl_said *said,
    const struct err *e);

#endif
