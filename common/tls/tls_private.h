/* tls_private — identities, generations, contexts and the holder, for tls*.c. */
#ifndef COMMON_TLS_TLS_PRIVATE_H
#define COMMON_TLS_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "common/tls/tls.h"
#include "common/tls/tls_session.h"

/* -- identities (tls_identity.c) ---------------------------------------------------------------- */

bool tls_identity_load(const struct tls_files *f, const struct guard_user *u,
    struct tls_identity **out, struct err *e);
struct tls_identity *tls_identity_ref(struct tls_identity *i);
void tls_identity_unref(struct tls_identity **i);
/* 0: one of the files is missing. */
uint64_t tls_identity_files(const struct tls_files *f);
uint64_t tls_identity_signature(
    const struct tls_identity *i); /* of the files when they were read */

/* -- generations (tls.c) ------------------------------------------------------------------------ */

enum tls_occasion {
	TLS_START, /* a file that cannot be read ends it */
	TLS_RELOAD, /* an identity that cannot be read stays as it was, or is left out; this is logged */
	TLS_WATCH /* the same for a file of the trust folder; unchanged files are not tried again */
};

/* Reuses the unchanged parts of `before` (NULL at the start). */
bool tls_make(const struct tls_settings *s, const struct tls *before, enum tls_occasion when,
    struct tls **out, struct err *e);
bool tls_outdated(const struct tls *t, const struct tls_settings *s);
uint64_t tls_folders_signature(const struct tls_settings *s);
const struct tls_identity *tls_any_identity(const struct tls *t);
/* Made when it is first asked for; any thread. */
SSL_CTX *tls_context(struct tls *t, enum tls_kind kind);

/* -- contexts (tls_context.c): each SSL's app data is its tls_session --------------------------- */

struct tls_session_ops { /* OpenSSL's callbacks of these names */
	int (*servername)(struct tls_session *s, SSL *ssl, int *alert);
	int (*certificate)(struct tls_session *s, X509_STORE_CTX *ctx);
};

SSL_CTX *tls_context_new(const struct tls_profile *p);

/* -- peers (tls_peer.c) ------------------------------------------------------------------------- */

/* The verdict on p->chain by generation t; tells the holder of CRLs that are missing or in use. */
void tls_peer_judge(struct tls_peer *p, struct tls_holder *h, const struct tls *t, int64_t mono_ms,
    int64_t wall_s);

/* -- holder (tls_holder.c) ---------------------------------------------------------------------- */

void tls_holder_unknown(struct tls_holder *h, const struct chain *c, const struct judgement *j);
void tls_holder_good(struct tls_holder *h, const struct chain *c);

#endif
