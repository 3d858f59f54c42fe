/* revocation — CRLs for the certificates of one's own servers, where mc.conf names none.
 *
 * A server whose revocation state is unknown is not talked to; its CRL is then fetched from where
 * its certificate says, and the server tried once more.  What is kept is fetched again when it is
 * an hour old, and serves to its own end where that fails.  Whenever a server was found good its
 * CRLs are noted as used, so that those in daily use stay (CRL_SOURCES_UNUSED_S).
 *
 * Disk:  $XDG_CACHE_HOME/tillcalled/crls, else ~/.cache/tillcalled/crls, 0700; see
 *        common/revoke/crl_fetch.h.  Where it cannot be made there is no fetching.
 */
#ifndef MC_REVOCATION_H
#define MC_REVOCATION_H

#include "common/tls/tls.h"
#include "mc/config.h"

#define REVOCATION_FETCH_MS 10000 /* waited for */
#define REVOCATION_AGAIN_MS 4000  /* the same for what is here already */
#define REVOCATION_AGAIN_S  3600

struct revocation {
	char folder[CONFIG_VALUE_BYTES]; /* "": none */
	char resolver[CONFIG_VALUE_BYTES];
	bool allow_private;
	struct tls_holder *tls;
	struct chain *chain; /* who was refused last; NULL: nobody */
	struct judgement judgement;
};

/* Finds or makes the folder: before the holder, whose cache it is. */
void revocation_open(struct revocation *r, const struct config *c);
/* `h` outlives r. */
void revocation_begin(struct revocation *r, struct tls_holder *h);
/* After a server was refused: is it worth to try again? */
bool revocation_fetch(struct revocation *r);
void revocation_clear(struct revocation *r);

#endif
