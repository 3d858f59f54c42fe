/* tls — the identities that this host shows to peers and the trust that it requires: one immutable generation.
 *
 * A generation holds the trust folder, the CRLs, the identity (certificates, key) of each mail domain, that of
 * the host itself for SMTP, and an SSL_CTX for each kind of peer.  The holder replaces generations.  A connection keeps the one it began
 * with, and its peer is judged again by the newest (tls_peer_check).
 *
 * Spec:    SPEC.md 4.  Security level 2, no tickets, no cache, no early data; versions and names by the kind of
 *          peer (tls_profile.h).
 * Owner:   counted; a holder and each connection hold references.
 * Threads: a struct tls is shared; a holder may be used from any thread; a peer belongs to its
 *          connection.
 * Trust:   the verdict on a peer starts as no_certificate; only judge_chain changes it.  Without a
 *          readable trust folder there is no generation.  Without a first generation the daemon does
 *          not start; if a later one cannot be made, the fault is logged and the old one stays.
 */
#ifndef COMMON_TLS_TLS_H
#define COMMON_TLS_TLS_H

#include <sys/socket.h>
#include <sys/types.h>

#include "common/base/address.h"
#include "common/base/guard.h"
#include "common/pki/judge.h"
#include "common/tls/tls_profile.h"

#define TLS_HANDSHAKE_MS   10000
#define TLS_RECHECK_MS     60000
#define TLS_EXPORTER_BYTES 32

struct tls;
struct tls_holder;
struct tls_identity;
struct loop;
struct offload;
struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

struct tls_files {
	const char *domain;      /* A-labels, lower case; the host's name where it is the host's */
	const char *certificate; /* PEM: leaf, then intermediates */
	const char *key;         /* PEM; 0600, or 0640 with the user's group */
};

struct tls_settings { /* copied */
	const char *trust;
	const char *crls;                   /* the operator's; "" or NULL: none */
	const char *cache;                  /* fetched CRLs; "" or NULL: none */
	struct guard_user user;             /* may own the files, besides root and us */
	const struct tls_files *identities; /* none in mc */
	size_t n_identities;
	const struct tls_files *host; /* what this host shows in SMTP; NULL: nothing */
};

/* -- generations -------------------------------------------------------------------------------- */

bool tls_load(const struct tls_settings *s, struct tls **out, struct err *e);
struct tls *tls_ref(struct tls *t);
void tls_unref(struct tls **t);
struct trust *tls_trust(const struct tls *t); /* borrowed */
uint64_t tls_generation(const struct tls *t); /* never 0; counts up within a holder */

/* Borrowed for the generation's life; NULL: the domain is not one of ours. */
const struct tls_identity *tls_identity(const struct tls *t, const char *domain);
const struct tls_identity *tls_host_identity(const struct tls *t); /* NULL: none */
struct chain *tls_identity_chain(const struct tls_identity *i);
struct evp_pkey_st *tls_identity_key(const struct tls_identity *i);
const char *tls_identity_domain(const struct tls_identity *i);

/* Reads one identity's files as a generation does; *chain is the caller's to unref.  False: config. */
bool tls_files_read(const struct tls_files *f, const struct guard_user *u, struct chain **chain,
    struct err *e);

/* -- holder ------------------------------------------------------------------------------------- */

bool tls_holder_new(struct tls_holder **h, const struct tls_settings *s, struct err *e);
void tls_holder_free(struct tls_holder **h);
struct tls *tls_holder_get(struct tls_holder *h); /* a reference to the newest */
/* Does not take a reference; use it only to compare generations. */
uint64_t tls_holder_generation(struct tls_holder *h);

/* Makes a new generation from these settings (SIGHUP).  Blocks: reads files.  False: the old one
 * stays. */
bool tls_holder_reload(struct tls_holder *h, const struct tls_settings *s, struct err *e);
/* Checks every interval_ms, on `o`, whether trust, CRLs or identities have changed, and makes a new
 * generation if so.  Call it on the loop's thread.  `o` outlives the holder. */
void tls_holder_watch(struct tls_holder *h, struct loop *l, struct offload *o, int64_t interval_ms);
void tls_holder_unwatch(struct tls_holder *h); /* on that thread; before offload_stop */

/* Checks at once, for callers that have changed a folder.  Blocks; any thread. */
void tls_holder_look(struct tls_holder *h);

/* Calls `wanted`, on any thread, when a peer was refused as revocation_unknown, so that the CRL can be
 * fetched.  Set it before there are connections. */
void tls_holder_on_unknown(struct tls_holder *h,
    void (*wanted)(void *arg, const struct chain *c, const struct judgement *j), void *arg);

/* The same for the chain of each peer that was judged good: its CRLs are in use. */
void tls_holder_on_good(struct tls_holder *h, void (*used)(void *arg, const struct chain *c),
    void *arg);

/* Calls `changed`, on any thread, after each new generation is in force, for those who wait for a CRL or a
 * certificate.  It must not make a generation.  Set it before there are connections. */
void tls_holder_on_generation(struct tls_holder *h, void (*changed)(void *arg), void *arg);

/* -- peers -------------------------------------------------------------------------------------- */

struct tls_peer {
	struct err
	    verdict; /* its `why` is REFUSAL_NONE where the peer is good; at first no_certificate */
	struct chain *chain;             /* NULL: none was shown */
	char sni[DOMAIN_BYTES];          /* the mail domain addressed, lower case */
	struct sockaddr_storage address; /* v4-mapped as IPv4 */
	char host[64];                   /* the same as text, without port */
	uint16_t port;
	char issuer_key[65];       /* SHA-256 of the issuing CA's public key */
	char domain[DOMAIN_BYTES]; /* a name that was judged, too; "": none (accepting side) */
	bool is_host;              /* the name is a host's (chain_names_host) */
	int64_t judged_ms;         /* monotonic */
	int64_t until_s;           /* wall clock; the verdict must be renewed then */
	uint64_t generation;       /* that judged it */
};

void tls_peer_init(struct tls_peer *p, const struct sockaddr *address);
void tls_peer_clear(struct tls_peer *p);

/* May the peer be served?  Returns the stored verdict.  Judges again if a minute has passed, a
 * certificate of the chain or a CRL has expired, or there is a new generation.  server_ops.admit calls
 * it before each request. */
bool tls_peer_check(struct tls_peer *p, struct tls_holder *h, struct err *e);
/* The same with the caller's clocks. */
bool tls_peer_check_at(struct tls_peer *p, struct tls_holder *h, int64_t mono_ms, int64_t wall_s,
    struct err *e);
/* Does the certificate name the mail domain (as D or tillcalled.D)?  Checks the verdict, too. */
bool tls_peer_names(const struct tls_peer *p, const char *domain, struct err *e);
/* Does it name the host of SMTP?  Checks the verdict, too. */
bool tls_peer_names_host(const struct tls_peer *p, const char *host, struct err *e);
/* Does it name D by tillcalled.D alone?  That counts only if D publishes servers: ask publication_find. */
bool tls_peer_names_by_label(const struct tls_peer *p, const char *domain);

#endif
