/* verb_users — `oms user list`: each user's share of the spool and its use; see verbs.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/auth/accounts_verbs.h"
#include "common/base/file.h"
#include "common/base/memory.h"
#include "common/conf/conf.h"
#include "common/daemon/ask.h"
#include "common/text/quantity.h"
#include "oms/oms.h"
#include "oms/store/store.h"
#include "oms/submit/letter.h"
#include "oms/verbs.h"

/* -- the daemon's side --------------------------------------------------------------------------- */

struct users {
	struct oms *oms;
	struct control_request *request;
	struct accounts_set *set; /* as of the request */
	struct oms_user_limits most;
	size_t next;
};

static void
users_end(struct users *u, const struct err *e)
{
	control_end(u->request, e);
	accounts_set_put(&u->set);
	free(u);
}

static void users_on(struct control_request *r, void *arg);

static void
user_counted(void *arg, const struct oms_user_counts *c, const struct err *e)
{
	struct users *u = arg;
	struct json *line;

	if (e != NULL) {
		users_end(u, e);
		return;
	}
	line = json_new();
	json_put_str(line, "address", accounts_at(u->set, u->next++)->address);
	json_put_int(line, "letters", (int64_t)c->letters);
	json_put_int(line, "letters_limit", (int64_t)u->most.letters);
	json_put_int(line, "octets", (int64_t)c->octets);
	json_put_int(line, "octets_limit", (int64_t)u->most.octets);
	control_line_take(u->request, line);
	users_on(u->request, u);
}

/* The client may have gone, and the daemon may be going down. */
static void
users_on(struct control_request *r, void *arg)
{
	struct users *u = arg;
	struct err e;

	if (u->next == accounts_count(u->set) || control_gone(r))
		users_end(u, NULL);
	else if (!daemon_open_for_work(u->oms->daemon, &e))
		users_end(u, &e);
	else if (control_full(r))
		control_again(r, users_on, u);
	else
		oms_store_user(u->oms->store, accounts_at(u->set, u->next)->owner,
		    daemon_loop(u->oms->daemon), user_counted, u);
}

void
oms_control_users(void *role, struct control_request *r, const struct json *request)
{
	struct users *u = memory_new(sizeof *u);
	struct conf *conf;

	(void)request;
	u->oms = role;
	u->request = r;
	u->set = accounts_set_get(u->oms->accounts);
	conf = daemon_conf(u->oms->daemon);
	u->most = letter_limits(conf);
	conf_unref(&conf);
	users_on(r, u);
}

/* -- the command's side ------ */

struct used {
	char address[ACCOUNTS_ADDRESS_BYTES];
	int64_t letters, letters_limit, octets, octets_limit;
};

struct usage {
	struct used *user; /* in address order */
	size_t n;
};

static bool
take_used(void *arg, const struct json *line)
{
	struct usage *g = arg;
	struct used *u;

	g->user = memory_resize(g->user, g->n + 1, sizeof *g->user);
	u = &g->user[g->n++];
	snprintf(u->address, sizeof u->address, "%s", ask_line_text(line, "address"));
	u->letters = ask_line_number(line, "letters");
	u->letters_limit = ask_line_number(line, "letters_limit");
	u->octets = ask_line_number(line, "octets");
	u->octets_limit = ask_line_number(line, "octets_limit");
	return !file_has_no_reader(STDOUT_FILENO);
}

static int
by_address(const void *key, const void *used)
{
	return strcmp(key, ((const struct used *)used)->address);
}

static const struct used *
used_by(const struct usage *g, const char *address)
{
	return g->n == 0 ? NULL : bsearch(address, g->user, g->n, sizeof *g->user, by_address);
}

static void
print_used(void *arg, const char *address)
{
	const struct used *u = used_by(arg, address);
	char letters[QUANTITY_BYTES], octets[QUANTITY_BYTES], most[QUANTITY_BYTES];

	if (u != NULL)
		printf("  %" PRId64 " of %s, %s of %s", u->letters,
		    quantity_count(u->letters_limit, "letter", "letters", letters),
		    quantity_size(u->octets, octets), quantity_size(u->octets_limit, most));
}

static void
put_used(void *arg, const char *address, struct json *line)
{
	const struct used *u = used_by(arg, address);

	if (u == NULL)
		return;
	json_put_int(line, "letters", u->letters);
	json_put_int(line, "letters_limit", u->letters_limit);
	json_put_int(line, "octets", u->octets);
	json_put_int(line, "octets_limit", u->octets_limit);
}

/* Asks the running daemon, which has the sums. */
static bool
ask_usage(struct options *o, struct usage *g, struct err *e)
{
	struct json *request = json_new();
	struct conf *c = NULL;
	bool good;

	json_put_str(request, "verb", "users");
	good = conf_load(conf_path(o->conf_file), CONF_FOR_VERBS, &c, NULL, e) &&
	    control_call(c->role[CONF_ROLE_OMS].control, request, take_used, g, e);
	conf_unref(&c);
	json_free(&request);
	return good;
}

int
oms_verb_user_list(struct options *o)
{
	struct usage g = { .n = 0 };
	struct accounts_more more = { print_used, put_used, &g };
	struct err e;
	int status;

	if (options_has(o, "removed"))
		return accounts_verb_user_list(o);
	if (!ask_usage(o, &g, &e) && e.why != REFUSAL_config && !o->json && !o->quiet)
		fprintf(stderr, "The use of the spool is not known: %s\n", e.text);
	status = accounts_list_users(o, &more);
	free(g.user);
	return status;
}
