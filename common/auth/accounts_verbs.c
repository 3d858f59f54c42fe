/* accounts_verbs — `user` and `alias`, for oms and ims alike; see accounts_verbs.h. */
#include "common/auth/accounts_verbs.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/auth/accounts.h"
#include "common/auth/password.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/conf/conf.h"
#include "common/text/idn.h"
#include "common/text/json.h"

/* What every verb needs. */
struct verb_call {
	struct options *o;
	struct conf *conf;
	struct accounts_edit *edit;
};

static bool
begin(struct verb_call *c, struct options *o, struct err *e)
{
	*c = (struct verb_call) { .o = o };
	return conf_load(conf_path(o->conf_file), CONF_FOR_VERBS, &c->conf, NULL, e);
}

/* The daemon's group may read a file that root makes. */
static gid_t
reader_group(const struct conf *c)
{
	const struct passwd *pw = geteuid() == 0 && *c->user != '\0' ? getpwnam(c->user) : NULL;

	return pw != NULL ? pw->pw_gid : (gid_t)-1;
}

/* Makes the folders, which do not exist before the first start.  Everybody may pass through them. */
static bool
make_folders(const char *path, struct err *e)
{
	mode_t mask = umask(022);
	bool ok = file_make_parents(path, 0755, e);

	umask(mask);
	return ok;
}

static bool
open_edit(struct verb_call *c, struct err *e)
{
	if (!make_folders(c->conf->accounts, e))
		return false;
	return accounts_edit_new(c->conf->accounts, reader_group(c->conf), &c->edit, e);
}

static int
end(struct verb_call *c, bool ok, const struct err *e)
{
	int status = ok ? 0 : options_fail(c->o, e);

	accounts_edit_free(&c->edit);
	conf_unref(&c->conf);
	return status;
}

static void
print_json(struct json *j)
{
	struct buf b = BUF_INIT;

	json_write(j, &b);
	printf("%.*s\n", SPAN_FMT(buf_span(&b)));
	buf_clear(&b);
	json_free(&j);
}

static void
print_change(const struct options *o, const char *what, const char *address, const char *user)
{
	struct json *j;

	if (o->json) {
		j = json_new();
		json_put_str(j, what, address);
		if (user != NULL)
			json_put_str(j, "address", user);
		print_json(j);
	} else if (!o->quiet) {
		printf("%s %s%s%s\n", what, address, user != NULL ? " of " : "",
		    user != NULL ? user : "");
	}
}

/* Reads an address as people type it.  If `ours`, its domain must be one of ours. */
static bool
address_of(const struct verb_call *c, const char *typed, bool ours,
    char out[ACCOUNTS_ADDRESS_BYTES], struct err *e)
{
	struct span rest = span_str(typed), local = span_cut(&rest, '@');
	struct domain domain;

	if (RULE(bad_address) && local.n == strlen(typed))
		return err_set(e, REFUSAL_bad_address, "%s is no address: write %s@%s", typed,
		    *typed != '\0' ? typed : "postmaster", c->conf->domains[0].name.text);
	if (!idn_a_label(rest, &domain, e))
		return false;
	if (RULE(domain_not_served) && ours && conf_domain(c->conf, domain_span(&domain)) == NULL)
		return err_set(e, REFUSAL_domain_not_served,
		    "%s is not served here: there is no "
		    "section \"domain %s\" in %s",
		    domain.text, domain.text, c->conf->file);
	if (local.n > 64 ||
	    snprintf(out, ACCOUNTS_ADDRESS_BYTES, "%.*s@%s", SPAN_FMT(local), domain.text) >=
		ACCOUNTS_ADDRESS_BYTES)
		return err_set(e, REFUSAL_bad_address, "%s is too long for an address", typed);
	for (char *a = out; *a != '\0'; a++)
		if (*a >= 'A' && *a <= 'Z')
			*a = (char)(*a | 0x20);
	return true;
}

/* Refuses before a password is typed; accounts_edit checks again under the lock. */
static bool
must_exist(const struct verb_call *c, const char *address, bool wanted, struct err *e)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	bool there;

	if (!accounts_new(c->conf->accounts, &a, e))
		return false;
	s = accounts_set_get(a);
	there = accounts_find(s, span_str(address)) != NULL;
	accounts_set_put(&s);
	accounts_free(&a);
	if (there && !wanted)
		return err_set(e, REFUSAL_usage,
		    "%s is there already; for a new password: %s user "
		    "password %s",
		    address, c->o->command.data, address);
	if (!there && wanted)
		return err_set(e, REFUSAL_no_such_user,
		    "there is no mailbox %s; all there are: %s user list", address,
		    c->o->command.data);
	return true;
}

static bool
ask_keys(const char *address, struct auth_keys *k, struct err *e)
{
	char prompt[ACCOUNTS_ADDRESS_BYTES + 32], password[PASSWORD_BYTES];
	bool ok;

	snprintf(prompt, sizeof prompt, "Password for %s", address);
	ok = password_read(prompt, true, password, e) && password_is_fit(password, e) &&
	    auth_keys_make(k, span_str(password), e);
	password_wipe(password);
	return ok;
}

enum purpose { ADD, RESTORE, CHANGE };

static bool
edit_user(struct accounts_edit *x, enum purpose what, const char *address,
    const struct auth_keys *keys, struct err *e)
{
	int64_t now_s = clock_wall_ms() / 1000;

	if (what == CHANGE)
		return accounts_edit_keys(x, span_str(address), keys, e);
	if (what == RESTORE)
		return accounts_edit_restore(x, span_str(address), keys, now_s, e);
	return accounts_edit_add(x, span_str(address), keys, now_s, e);
}

/* `user add` and `user password` differ in what must be there. */
static int
set_password(struct options *o, enum purpose what)
{
	static const char *const done[] = { "added", "restored", "changed" };
	struct verb_call c;
	char address[ACCOUNTS_ADDRESS_BYTES];
	struct auth_keys keys;
	struct err e;
	bool ok;

	ok = begin(&c, o, &e) && address_of(&c, o->args[0], what != CHANGE, address, &e) &&
	    must_exist(&c, address, what == CHANGE, &e) && ask_keys(address, &keys, &e) &&
	    open_edit(&c, &e) && edit_user(c.edit, what, address, &keys, &e) &&
	    accounts_edit_commit(c.edit, &e);
	explicit_bzero(&keys, sizeof keys);
	if (ok)
		print_change(o, done[what], address, NULL);
	return end(&c, ok, &e);
}

const struct options_option accounts_user_add_options[] = {
	{ "restore", 0, NULL, "give a removed user the mailbox back, until 30 days have passed" },
	{ NULL, 0, NULL, NULL },
};

int
accounts_verb_user_add(struct options *o)
{
	return set_password(o, options_has(o, "restore") ? RESTORE : ADD);
}

int
accounts_verb_user_password(struct options *o)
{
	return set_password(o, CHANGE);
}

int
accounts_verb_user_remove(struct options *o)
{
	struct verb_call c;
	char address[ACCOUNTS_ADDRESS_BYTES];
	struct err e;
	bool ok;

	ok = begin(&c, o, &e) && address_of(&c, o->args[0], false, address, &e) &&
	    open_edit(&c, &e) &&
	    accounts_edit_remove(c.edit, span_str(address), clock_wall_ms() / 1000, &e) &&
	    accounts_edit_commit(c.edit, &e);
	if (ok)
		print_change(o, "removed", address, NULL);
	if (ok && !o->json && !o->quiet)
		printf("Sessions end now.  Letters are kept for %d days; until then this gives them "
		       "back:\n  %s user add --restore %s\n",
		    ACCOUNTS_KEEP_S / 86400, o->command.data, address);
	return end(&c, ok, &e);
}

int
accounts_verb_alias_add(struct options *o)
{
	struct verb_call c;
	char alias[ACCOUNTS_ADDRESS_BYTES], user[ACCOUNTS_ADDRESS_BYTES];
	struct err e;
	bool ok;

	ok = begin(&c, o, &e) && address_of(&c, o->args[0], true, alias, &e) &&
	    address_of(&c, o->args[1], false, user, &e) && open_edit(&c, &e) &&
	    accounts_edit_alias(c.edit, span_str(alias), span_str(user), &e) &&
	    accounts_edit_commit(c.edit, &e);
	if (ok)
		print_change(o, "alias", alias, user);
	return end(&c, ok, &e);
}

int
accounts_verb_alias_remove(struct options *o)
{
	struct verb_call c;
	char alias[ACCOUNTS_ADDRESS_BYTES];
	struct err e;
	bool ok;

	ok = begin(&c, o, &e) && address_of(&c, o->args[0], false, alias, &e) &&
	    open_edit(&c, &e) && accounts_edit_unalias(c.edit, span_str(alias), &e) &&
	    accounts_edit_commit(c.edit, &e);
	if (ok)
		print_change(o, "removed", alias, NULL);
	return end(&c, ok, &e);
}

const struct options_option accounts_user_list_options[] = {
	{ "removed", 0, NULL,
	    "list instead the removed users whom `user add --restore` gives back" },
	{ NULL, 0, NULL, NULL },
};

static void
print_removed(const struct options *o, const struct account_removed *r)
{
	char date[CLOCK_DATE_BYTES];
	struct json *j;

	clock_date(r->until_s, date);
	if (!o->json) {
		printf("%s  kept until %.10s\n", r->address, date);
		return;
	}
	j = json_new();
	json_put_str(j, "removed", r->address);
	json_put_int(j, "generation", (int64_t)r->generation);
	json_put_str(j, "until", date);
	print_json(j);
}

static int
list_removed(struct options *o)
{
	struct verb_call c;
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct err e;
	int64_t now_s = clock_wall_ms() / 1000;
	size_t n = 0;

	if (!begin(&c, o, &e) || !accounts_new(c.conf->accounts, &a, &e))
		return end(&c, false, &e);
	s = accounts_set_get(a);
	for (size_t i = 0; i < accounts_removed_count(s) && !ferror(stdout); i++) {
		if (accounts_removed_at(s, i)->until_s <= now_s)
			continue;
		print_removed(o, accounts_removed_at(s, i));
		n++;
	}
	if (n == 0 && !o->json && !o->quiet)
		fprintf(stderr, "No removed user can be restored.\n");
	accounts_set_put(&s);
	accounts_free(&a);
	return end(&c, true, &e);
}

static void
list_user(const struct options *o, const struct account *a, const struct accounts_more *more)
{
	struct json *j, *aliases;

	if (!o->json) {
		printf("%s", a->address);
		if (more != NULL)
			more->text(more->arg, a->address);
		for (size_t i = 1; i < a->n_addresses; i++)
			printf("%s%s", i == 1 ? "  also " : ", ", a->addresses[i]);
		printf("\n");
		return;
	}
	j = json_new();
	aliases = json_list();
	for (size_t i = 1; i < a->n_addresses; i++)
		json_push_str(aliases, a->addresses[i]);
	json_put_str(j, "address", a->address);
	json_put_take(j, "aliases", aliases);
	json_put_int(j, "iterations", a->keys.iterations);
	if (more != NULL)
		more->json(more->arg, a->address, j);
	print_json(j);
}

static void
list_aliases(const struct options *o, const struct account *a, const struct accounts_more *more)
{
	(void)more;
	for (size_t i = 1; i < a->n_addresses; i++) {
		if (o->json)
			print_change(o, "alias", a->addresses[i], a->address);
		else
			printf("%s  %s\n", a->addresses[i], a->address);
	}
}

static int
list(struct options *o, const struct accounts_more *more,
    void (*one)(const struct options *o, const struct account *a, const struct accounts_more *more))
{
	struct verb_call c;
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct err e;

	if (!begin(&c, o, &e) || !accounts_new(c.conf->accounts, &a, &e))
		return end(&c, false, &e);
	s = accounts_set_get(a);
	for (size_t i = 0; i < accounts_count(s) && !ferror(stdout); i++)
		one(o, accounts_at(s, i), more);
	if (accounts_count(s) == 0 && !o->json && !o->quiet)
		fprintf(stderr, "There is no mailbox yet. Make one:  %s user add postmaster@%s\n",
		    o->command.data, c.conf->domains[0].name.text);
	accounts_set_put(&s);
	accounts_free(&a);
	return end(&c, true, &e);
}

int
accounts_list_users(struct options *o, const struct accounts_more *more)
{
	return list(o, more, list_user);
}

int
accounts_verb_user_list(struct options *o)
{
	return options_has(o, "removed") ? list_removed(o) : list(o, NULL, list_user);
}

int
accounts_verb_alias_list(struct options *o)
{
	return list(o, NULL, list_aliases);
}
