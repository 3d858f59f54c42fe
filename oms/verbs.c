/* verbs — what operators ask a running oms; see verbs.h. */
#include "oms/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auth/accounts_verbs.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"
#include "oms/oms.h"
#include "oms/store/store.h"
#include "oms/submit/letter.h"

#define QUEUE_PAGE 50 /* deliveries read at once */

/* -- the daemon's side: queue ------------------------------------------------------------------------ */

struct queue {
	struct oms *oms;
	struct control_request *request;
	struct oms_place at;
};

static void
put_time(struct json *o, const char *key, int64_t wall_s)
{
	char date[CLOCK_DATE_BYTES];

	if (wall_s == 0)
		return;
	clock_date(wall_s, date);
	json_put_str(o, key, date);
}

static void
tell_delivery(void *arg, const struct oms_letter *l, const struct oms_delivery *d)
{
	struct queue *q = arg;
	char id[ULID_STR_BYTES];

	ulid_str(&l->id, id);
	for (size_t i = 0; i < d->n_recipients; i++) {
		const struct oms_recipient *r = &d->recipients[i];
		struct json *line = json_new();

		json_put_str(line, "id", id);
		json_put_str(line, "from", l->from);
		json_put_str(line, "to", r->address);
		json_put_str(line, "state", submit_state_name(r->state));
		json_put_int(line, "size", (int64_t)l->size);
		json_put_int(line, "tries", (int64_t)d->tries);
		put_time(line, "taken", l->date_s);
		put_time(line, "since", r->since_s);
		put_time(line, "next", r->state == SUBMIT_WAITING ? d->next_ms / 1000 : 0);
		put_time(line, "hold_until", l->hold_until_s);
		if (r->word[0] != '\0') {
			json_put_str(line, "word", r->word);
			json_put_str(line, "text", r->text);
		}
		control_line_take(q->request, line);
	}
}

static void
queue_end(struct control_request *r, struct queue *q, const struct err *e)
{
	control_end(r, e);
	free(q);
}

static void
queue_on(struct control_request *r, void *arg)
{
	struct queue *q = arg;
	bool more = true;
	struct err e;

	while (!control_full(r)) {
		if (!more || control_gone(r)) {
			queue_end(r, q, NULL);
			return;
		}
		if (!oms_store_queue(q->oms->store, &q->at, QUEUE_PAGE, tell_delivery, q, &more,
			&e)) {
			queue_end(r, q, &e);
			return;
		}
	}
	control_again(r, queue_on, q);
}

static void
do_queue(void *role, struct control_request *r, const struct json *request)
{
	struct queue *q = memory_new(sizeof *q);

	(void)request;
	q->oms = role;
	q->request = r;
	queue_on(r, q);
}

/* -- the daemon's side: users --------------------------------------------------------------------------- */

struct users {
	struct oms *oms;
	struct accounts_set *set; /* as it was when the question came */
	struct oms_user_limits most;
	size_t next;
};

static void
users_end(struct control_request *r, struct users *u, const struct err *e)
{
	control_end(r, e);
	accounts_set_put(&u->set);
	free(u);
}

static void
users_on(struct control_request *r, void *arg)
{
	struct users *u = arg;
	const struct account *a;
	struct oms_user_counts c;
	struct json *line;
	struct err e;

	while (!control_full(r)) {
		if (u->next == accounts_count(u->set) || control_gone(r)) {
			users_end(r, u, NULL);
			return;
		}
		a = accounts_at(u->set, u->next++);
		line = json_new();
		json_put_str(line, "address", a->address);
		if (!oms_store_user(u->oms->store, a->owner, &c, &e)) {
			json_free(&line);
			users_end(r, u, &e);
			return;
		}
		json_put_int(line, "letters", (int64_t)c.letters);
		json_put_int(line, "letters_limit", (int64_t)u->most.letters);
		json_put_int(line, "octets", (int64_t)c.octets);
		json_put_int(line, "octets_limit", (int64_t)u->most.octets);
		control_line_take(r, line);
	}
	control_again(r, users_on, u);
}

static void
do_users(void *role, struct control_request *r, const struct json *request)
{
	struct users *u = memory_new(sizeof *u);
	struct conf *conf;

	(void)request;
	u->oms = role;
	u->set = accounts_set_get(u->oms->accounts);
	conf = daemon_conf(u->oms->daemon);
	u->most = letter_limits(conf);
	conf_unref(&conf);
	users_on(r, u);
}

const struct control_verb oms_control[] = {
	{ "queue", do_queue },
	{ "users", do_users },
	{ NULL, NULL },
};

/* -- the command's side -------------------------------------------------------------------------------- */

static const char *
text(const struct json *line, const char *key)
{
	const char *s = json_get_str(line, key);

	return s == NULL ? "" : s;
}

static int64_t
number(const struct json *line, const char *key)
{
	int64_t v = 0;

	json_get_int(line, key, &v);
	return v;
}

static void
show_recipient(void *arg, const struct json *line)
{
	const char *id = text(line, "id");

	if (++*(int *)arg == 1)
		printf("%-9s  %-22s  %-22s  %-10s  %-20s  %s\n", "ID", "From", "To", "State",
		    "Next", "Tries");
	if (strlen(id) == ULID_DIGITS)
		id += ULID_DIGITS - 8;
	printf("%.4s-%.4s  %-22s  %-22s  %-10s  %-20s  %" PRId64 "\n", id,
	    strlen(id) == 8 ? id + 4 : "", text(line, "from"), text(line, "to"),
	    text(line, "state"), text(line, "next")[0] != '\0' ? text(line, "next") : "-",
	    number(line, "tries"));
	if (text(line, "word")[0] != '\0')
		printf("           [%s] %s\n", text(line, "word"), text(line, "text"));
}

int
oms_verb_queue(struct options *o)
{
	int n = 0, status;
	struct ask a = { "queue", CONF_ROLE_OMS, show_recipient, &n };

	status = ask_daemon(o, &a, NULL);
	if (status == 0 && n == 0 && !o->json && !o->quiet)
		printf("The queue is empty: nothing is kept for anyone.\n");
	return status;
}

/* -- the command's side: users ----------------------------------------------------------------------------- */

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
	snprintf(u->address, sizeof u->address, "%s", text(line, "address"));
	u->letters = number(line, "letters");
	u->letters_limit = number(line, "letters_limit");
	u->octets = number(line, "octets");
	u->octets_limit = number(line, "octets_limit");
	return true;
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

/* "12.5 MiB" */
static const char *
size_text(int64_t octets, char out[32])
{
	static const char *const unit[] = { "octets", "KiB", "MiB", "GiB", "TiB" };
	int64_t tenths = octets * 10;
	size_t i = 0;

	for (; tenths >= 10240 && i + 1 < sizeof unit / sizeof unit[0]; i++)
		tenths /= 1024;
	if (tenths % 10 == 0)
		snprintf(out, 32, "%" PRId64 " %s", tenths / 10, unit[i]);
	else
		snprintf(out, 32, "%" PRId64 ".%" PRId64 " %s", tenths / 10, tenths % 10, unit[i]);
	return out;
}

static void
print_used(void *arg, const char *address)
{
	const struct used *u = used_by(arg, address);
	char octets[32], most[32];

	if (u != NULL)
		printf("  %" PRId64 " of %" PRId64 " letters, %s of %s", u->letters,
		    u->letters_limit, size_text(u->octets, octets),
		    size_text(u->octets_limit, most));
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

/* The sums are the running daemon's. */
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

	if (!ask_usage(o, &g, &e) && e.why != REFUSAL_config && !o->json && !o->quiet)
		fprintf(stderr, "What each user has in the spool is not known: %s\n", e.text);
	status = accounts_list_users(o, &more);
	free(g.user);
	return status;
}

/* -- the command's side: status ---------------------------------------------------------------------------- */

static void
show_status(void *arg, const struct json *line)
{
	(void)arg;
	printf("oms %s, process %" PRId64 ", up %" PRId64 " s\n", text(line, "version"),
	    number(line, "pid"), number(line, "up_s"));
	printf("  letters kept      %" PRId64 "\n", number(line, "letters"));
	printf("  bodies handed out %" PRId64 " octets\n", number(line, "fetched_octets"));
	printf("  spool             %" PRId64 " of %" PRId64 " MiB, %" PRId64 " writes in %" PRId64
	       " commits\n",
	    number(line, "spool_used") >> 20, number(line, "spool_size") >> 20,
	    number(line, "writes"), number(line, "commits"));
	printf("  connections       %" PRId64 "\n", number(line, "connections"));
	printf("  domains known     %" PRId64 "\n", number(line, "domains_remembered"));
	printf("  trust             %" PRId64 " CAs, %" PRId64 " CRLs, %" PRId64
	       " files left out\n",
	    number(line, "trusted_cas"), number(line, "crls"), number(line, "trust_files_skipped"));
	held_back_show(line);
}

int
oms_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_OMS, show_status, NULL };

	return ask_daemon(o, &a, NULL);
}
