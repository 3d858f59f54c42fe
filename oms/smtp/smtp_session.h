/* smtp_session — one connection to one address of a host of SMTP: TLS, what vouches for the host, letters.
 *
 * Flow:    3 of 8, by the old road; below smtp_road, which chooses the host.
 * Spec:    SPEC.md 18; RFC 3207.
 * State:   connecting -> banner -> EHLO -> STARTTLS -> TLS -> judged -> EHLO -> ready -> letters -> QUIT
 *          No command but EHLO, STARTTLS and QUIT is said before the host has been judged, and the verdict is renewed
 *          before each letter: a certificate may be revoked between two of one connection.
 * Async:   `ended` is called exactly once, unless the session is freed first; nothing inside a function of this header.
 * Threads: its loop's.
 * Trust:   the host is hostile until smtp_secure_goes says otherwise.
 */
#ifndef OMS_SMTP_SMTP_SESSION_H
#define OMS_SMTP_SMTP_SESSION_H

#include "common/net/conn.h"
#include "oms/smtp/smtp_secure.h"
#include "oms/smtp/smtp_signin.h"
#include "proto/smtp/smtp_client.h"

#define SMTP_SESSION_CONNECT_MS 30000 /* an address; then the same for the handshake */
#define SMTP_SESSION_SLOW_MS    2000  /* until `slow` tells that one does not get on */

struct smtp_session;

/* What is known of the host before the connection. */
struct smtp_session_rules {
	const struct span *tlsa; /* secure records; copied */
	size_t n_tlsa;
	const char *base;   /* whose they are; NULL: the host's */
	const char *domain; /* the recipients', that DANE accepts as a name, too */
	bool policy;        /* of MTA-STS, in force, and it names the host */
	enum conf_mode mode;
	enum conf_dane dane_mode;
};

struct smtp_session_to {
	struct loop *loop;
	struct tls_holder *tls;
	struct conn_limit *limit;
	unsigned most;                  /* connections to the host at a time */
	const struct sockaddr *address; /* with the port; copied, as is all else */
	const char *host;
	const char *name; /* ours, in EHLO */
	const char *from; /* our address */
	bool tls_first;   /* no STARTTLS: port 465 */
	/* Signs in, at a smarthost. */
	struct span user, password; /* empty: does not */
	struct offload *offload;    /* where it signs in */
	struct smtp_session_rules rules;
};

/* What a session came to, for the log and for whoever decides what is next. */
struct smtp_session_end {
	bool was_ready;        /* false: another host may do better */
	bool was_held_back;    /* nothing was tried: the port failed for others lately */
	enum smtp_stage stage; /* where it ended */
	int code;              /* of the reply that ended it; 0: none did */
};

struct smtp_session_ops {
	void (*slow)(void *role);
	/* The role calls smtp_session_send or _quit, in this call or later. */
	void (*ready)(void *role);
	/* As smtp_client_ops. */
	void (*recipient)(void *role, size_t i, const struct smtp_reply *r);
	void (*giving)(void *role);
	void (*done)(void *role, enum smtp_stage stage, const struct smtp_reply *r);
	/* why NULL: by our QUIT. */
	void (*ended)(void *role, const struct smtp_session_end *end, const struct err *why);
};

struct smtp_session *smtp_session_new(const struct smtp_session_to *to,
    const struct smtp_session_ops *ops, void *role);
void smtp_session_free(struct smtp_session **s); /* silently */

const struct smtp_offers *smtp_session_offers(const struct smtp_session *s);
/* False: *e; where the verdict on the host has changed the session ends, and `ended` follows with the same. */
bool smtp_session_send(struct smtp_session *s, const struct smtp_letter *l, struct err *e);
void smtp_session_give(struct smtp_session *s); /* the dot may go */
void smtp_session_quit(struct smtp_session *s);
void smtp_session_drop(struct smtp_session *s, const struct err *why); /* `ended` follows */

/* What vouches for the host: "ca+dane"; "tls" where nothing does.  Borrowed. */
const char *smtp_session_reached(const struct smtp_session *s);
const char *smtp_session_wanted(const struct smtp_session *s);
const char *smtp_session_address(const struct smtp_session *s);
const char *smtp_session_tls(const struct smtp_session *s);    /* "TLSv1.3"; "-": none came up */
const char *smtp_session_issuer(const struct smtp_session *s); /* of its certificate; "-" */

#endif
