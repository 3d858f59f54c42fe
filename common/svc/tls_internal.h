/* tls_internal — what tls_*.c and conn_*.c share: generations inside, handshakes. */
#ifndef SVC_TLS_INTERNAL_H
#define SVC_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "common/svc/tls.h"

/* One handshake's side of the callbacks; lives as long as its SSL. */
struct tls_session {
	struct tls_holder	*holder;
	struct tls		*tls;		/* a reference */
	struct tls_peer		*peer;
	const char		*alpn;		/* of static life */
	enum refusal		 fault;		/* found by a callback, for the log */
};

/* -- identities (tls_identity.c) ---------------------------------------------------------------- */

bool			 tls_identity_load(const struct tls_files *f, gid_t group,
			    struct tls_identity **out, struct err *e);
struct tls_identity	*tls_identity_ref(struct tls_identity *i);
void			 tls_identity_unref(struct tls_identity **i);
/* 0: one of the files is not there. */
uint64_t		 tls_identity_files(const struct tls_files *f);
uint64_t		 tls_identity_signature(const struct tls_identity *i);	/* of when it was read */

/* -- generations (tls.c) ------------------------------------------------------------------------ */

/* What has not changed since `before` (may be NULL) is taken over from it.  lenient: an identity
 * that cannot be read anew stays as it was, and this is logged. */
bool			 tls_make(const struct tls_settings *s, const struct tls *before,
			    bool lenient, struct tls **out, struct err *e);
bool			 tls_outdated(const struct tls *t, const struct tls_settings *s);
uint64_t		 tls_folders_signature(const struct tls_settings *s);
const struct tls_identity *tls_any_identity(const struct tls *t);
SSL_CTX			*tls_context(const struct tls *t, bool server, bool mutual);

/* -- contexts and handshakes (tls_context.c) ---------------------------------------------------- */

SSL_CTX			*tls_context_new(bool server, bool mutual);
/* The session's fields are set; false: internal. */
bool			 tls_session_accept(struct tls_session *s, bool mutual, SSL **out,
			    struct err *e);
/* own: NULL or a domain; false: domain_not_served where we have no such identity. */
bool			 tls_session_connect(struct tls_session *s, const char *own, SSL **out,
			    struct err *e);
/* After the handshake: what only then can be told (no_alpn). */
bool			 tls_session_done(const struct tls_session *s, SSL *ssl, struct err *e);
/* Why SSL_do_handshake or SSL_read failed just now, from OpenSSL's queue and the session. */
void			 tls_session_failed(const struct tls_session *s, SSL *ssl, struct err *e);

/* -- holder (tls_holder.c) ---------------------------------------------------------------------- */

void			 tls_holder_unknown(struct tls_holder *h, const struct chain *c,
			    const struct judgement *j);
void			 tls_holder_good(struct tls_holder *h, const struct chain *c);

#endif
