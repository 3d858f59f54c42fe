/* tls_profile — what a handshake must be: one row for each kind of peer.
 *
 * Our own protocols demand TLS 1.3, ALPN and the mail domain's certificate.  The old world gets what RFC 3207,
 * 7672 and 8461 promise it: TLS 1.2 with ECDHE and AEAD suites and without renegotiation, no ALPN, the certificate of
 * this host whatever the SNI says, and a session that begins in plain.
 *
 * Spec:  SPEC.md 4; RFC 9325 for TLS 1.2.  No row lists CAs in its CertificateRequest: peers show what they have.
 * Trust: a certificate is judged by the same function in each row (judge.h).  Rows differ in which name it must
 *        bear, and in who acts on the verdict.
 */
#ifndef COMMON_TLS_TLS_PROFILE_H
#define COMMON_TLS_TLS_PROFILE_H

#include <stdbool.h>

enum tls_kind {
	TLS_PEERS,       /* accepting: other servers, by our protocols */
	TLS_USERS,       /* accepting: people's programs, by our protocols */
	TLS_TO_PEER,     /* connecting: to another domain's server */
	TLS_TO_SERVER,   /* connecting: mc to its own domain's server */
	TLS_SMTP_IN,     /* accepting: port 25 */
	TLS_SUBMISSION,  /* accepting: port 587, and where no TLS comes (a local socket) */
	TLS_SUBMISSIONS, /* accepting: port 465 */
	TLS_SMTP_OUT,    /* connecting: port 25 of an MX host, port 587 of a smarthost */
	TLS_SMTPS_OUT,   /* connecting: port 465 of a smarthost */
	TLS_KINDS
};

/* Which identity this host shows. */
enum tls_shows {
	TLS_SHOWS_NONE,
	TLS_SHOWS_DOMAIN, /* accepting: of the mail domain in SNI, else no_sni; connecting: of `own` */
	TLS_SHOWS_HOST    /* accepting: the one that bears the name in SNI, else the host's;
			   * connecting: the host's */
};

/* Which name the peer's certificate must bear. */
enum tls_names {
	TLS_NAMES_LATER,  /* the role asks when it knows the name */
	TLS_NAMES_DOMAIN, /* the mail domain that we asked for (chain_names) */
	TLS_NAMES_HOST    /* the host that we asked for (chain_names_host) */
};

/* What a bad verdict on the peer's certificate does. */
enum tls_verdict {
	TLS_VERDICT_ENDS,     /* ends the handshake */
	TLS_VERDICT_ANSWERED, /* is logged; the role answers each request with it */
	TLS_VERDICT_ROLES     /* is the role's alone */
};

struct tls_profile {
	bool server;
	bool asks_certificate; /* of its client; a server always shows one */
	bool old;              /* TLS 1.2 is allowed */
	bool starts_plain;     /* TLS comes when the engine wants it (engine.h) */
	bool alpn;             /* is required; false: none is offered or looked at */
	enum tls_shows shows;
	enum tls_names names;
	enum tls_verdict verdict;
};

const struct tls_profile *tls_profile(enum tls_kind kind);

#endif
