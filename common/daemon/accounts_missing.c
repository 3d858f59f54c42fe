/* accounts_missing — the accounts file does not exist; see accounts_missing.h. */
#include "common/daemon/accounts_missing.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/auth/accounts.h"

static bool
was_read(struct accounts *a)
{
	struct accounts_set *s;
	bool missing;

	if (a == NULL)
		return false;
	s = accounts_set_get(a);
	missing = accounts_are_missing(s);
	accounts_set_put(&s);
	return !missing;
}

bool
accounts_missing(const struct options *o, const struct conf *c, struct accounts *a,
    struct buf *text)
{
	if (access(c->accounts, F_OK) == 0 || errno != ENOENT)
		return false;
	if (was_read(a))
		buf_addf(text,
		    "the accounts file %s is gone; its last reading is in force until this daemon "
		    "ends: put the file back",
		    c->accounts);
	else
		buf_addf(text,
		    "there is no accounts file %s, so nobody can sign in, and letters for our domains "
		    "wait at their senders; put it back, or make a new one:  %s user add postmaster@%s",
		    c->accounts, o->command.data, c->domains[0].name.text);
	return true;
}

void
accounts_missing_put(const struct options *o, const struct conf *c, struct accounts *a,
    struct json *status)
{
	struct buf text = BUF_INIT;

	if (accounts_missing(o, c, a, &text))
		json_put_span(status, "accounts_missing", buf_span(&text));
	buf_clear(&text);
}

void
accounts_missing_show(const struct json *status)
{
	const char *text = json_get_str(status, "accounts_missing");

	if (text != NULL)
		printf("  accounts          %s\n", text);
}
