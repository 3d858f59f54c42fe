/* account — who the user is and what proves it: mc.conf, the password.
 *
 * Owner: account_clear wipes the password and what was derived from it.
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

/* Which account the options -C and -A mean. */
struct config_choice account_choice(const struct options *o);
/* Loads that.  False: *status is the exit status, and what is wrong has been said. */
bool account_load(struct account *a, const struct options *o, int *status);
void account_clear(struct account *a);

#endif
