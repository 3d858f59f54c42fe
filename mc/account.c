/* account — the user's address, servers and password; see account.h. */
#include "mc/account.h"

#include <string.h>

struct config_choice
account_choice(const struct options *o)
{
	return (struct config_choice) { o->conf_file, options_value(o, "account") };
}

bool
account_read(struct account *a, const struct options *o, struct err *e)
{
	const struct config_choice which = account_choice(o);

	*a = (struct account) { .cache = { .full = false } };
	return config_load(&a->config, &which, e) && config_password(&a->config, a->password, e);
}

bool
account_load(struct account *a, const struct options *o, int *status)
{
	struct err e;

	if (account_read(a, o, &e))
		return true;
	*status = fault_print_err(o, "your configuration", &e,
	    e.why == REFUSAL_no_account ? "begin with:  %s setup%a" : NULL);
	account_clear(a);
	return false;
}

void
account_clear(struct account *a)
{
	explicit_bzero(a->password, sizeof a->password);
	explicit_bzero(&a->cache, sizeof a->cache);
}
