/* account — the user's address, servers and password, from mc.conf and the password file.
 *
 * Owner: account_clear wipes the password and the keys derived from it.
 */
#ifndef MC_ACCOUNT_H
#define MC_ACCOUNT_H

#include "common/auth/auth.h"
#include "mc/config.h"
#include "mc/fault.h"

struct account {
	struct config config;
	char password[PASSWORD_BYTES];
	struct auth_cache cache; /* so that PBKDF2 runs once a command */
};

/* The account that -C or -A choose. */
struct config_choice account_choice(const struct options *o);
/* Loads it; prints nothing. */
bool account_read(struct account *a, const struct options *o, struct err *e);
/* The same.  False: the fault has been printed, *status is the exit status. */
bool account_load(struct account *a, const struct options *o, int *status);
void account_clear(struct account *a);

#endif
