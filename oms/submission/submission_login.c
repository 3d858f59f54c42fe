/* submission_login — logins of this machine; see submission_login.h. */
#include "oms/submission/submission_login.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "common/conf/conf.h"

/* The system's own name of a login, without what cannot be in an address. */
void
submission_login_name(struct submission_login *l, uid_t uid, const struct conf *conf)
{
	struct passwd p, *found = NULL;
	char text[4096];

	if (getpwuid_r(uid, &p, text, sizeof text, &found) != 0 || found == NULL ||
	    !address_is_dot_string(span_str(p.pw_name)) ||
	    !span_copy(span_str(p.pw_name), l->name, sizeof l->name))
		snprintf(l->name, sizeof l->name, "uid%lu", (unsigned long)uid);
	snprintf(l->alias, sizeof l->alias, "%s@%.*s", l->name,
	    (int)(sizeof l->alias - sizeof l->name - 1), conf->smtp.name.text);
}

static const char *
named(const struct conf *c, struct span login)
{
	const struct conf_pairs *p = &c->role[CONF_ROLE_OMS].local_user;

	for (size_t i = 0; i < p->n; i++)
		if (span_eq(span_str(p->at[i].from), login))
			return p->at[i].to;
	return NULL;
}

bool
submission_login_identify(struct submission_login *l, const struct conf *conf, struct accounts *all,
    struct err *e)
{
	const char *address = named(conf, span_str(l->name));
	struct accounts_set *set = accounts_set_get(all);
	const struct account *a;

	snprintf(l->user, sizeof l->user, "%s", address != NULL ? address : l->alias);
	a = accounts_find_fresh(all, &set, span_str(l->user));
	if (a != NULL) {
		snprintf(l->owner, sizeof l->owner, "%s", a->owner);
		snprintf(l->user, sizeof l->user, "%s", a->address);
	}
	accounts_set_put(&set);
	return a != NULL ||
	    err_set(e, REFUSAL_bad_from,
		"the login %s is %s here, and there is no such user: add local-user = { \"%s = ADDRESS\" }",
		l->name, l->user, l->name);
}

void
submission_login_expand(const struct submission_login *l, const struct conf *conf,
    char address[ADDRESS_STR_BYTES])
{
	struct span login = span_str(address);
	const char *to = NULL;

	if (!span_eq(address_domain(login), domain_span(&conf->smtp.name)))
		return;
	login.n -= strlen(conf->smtp.name.text) + 1;
	to = named(conf, login);
	if (to == NULL && span_eq(login, span_str(l->name)))
		to = l->user;
	if (to != NULL)
		snprintf(address, ADDRESS_STR_BYTES, "%s", to);
}
