/* revocation — CRLs for the certificates of the user's own servers, if mc.conf names none.
 *
 * mc does not talk to a server whose revocation state is unknown; it then fetches the CRL from the
 * certificate's distribution point, and tries the server once more.  A kept CRL is fetched again when it is an
 * hour old; if that fails, it serves until its nextUpdate.  When a server was found good, its CRLs
 * are marked as used, so that those in daily use are kept (CRL_SOURCES_UNUSED_S).
 *
 * Disk:  $XDG_CACHE_HOME/tillcalled/crls, else ~/.cache/tillcalled/crls, mode 0700; see
 *        common/revoke/crl_fetch.h.  If it cannot be made, nothing is fetched.
 */
#ifndef MC_REVOCATION_H
#define MC_REVOCATION_H

#include "common/tls/tls.h"
#include "mc/config.h"

#define REVOCATION_FETCH_MS 10000 /* waited for */
#define REVOCATION_AGAIN_MS 4000  /* the same for a CRL that is here already */
#define REVOCATION_AGAIN_S  3600

struct revocation {
	char folder[CONFIG_VALUE_BYTES]; /* "": none */
	char resolver[CONFIG_VALUE_BYTES];
	bool allow_private;
	struct tls_holder *tls;
	struct chain *chain; /* of the server that was refused last; NULL: none */
	struct judgement judgement;
};

/* Finds or makes the folder; before the TLS holder, which caches there. */
void revocation_open(struct revocation *r, const struct config *c);
/* `h` outlives r. */
void revocation_begin(struct revocation *r, struct tls_holder *h);
/* After a server was refused: fetches its CRL.  True: try the server again. */
bool revocation_fetch(struct revocation *r);
void revocation_clear(struct revocation *r);

#endif
