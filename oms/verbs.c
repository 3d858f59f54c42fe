/* verbs — what operators ask a running oms; see verbs.h. */
#include "oms/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"
#include "oms/oms.h"
#include "oms/store/store.h"

#define QUEUE_PAGE 50 /* deliveries read at once */

/* -- the daemon's side: queue ------------------------------------------------------------------------ */

struct queue {
	struct oms *oms;
	struct control_request *request;
	struct ulid id; /* of the last delivery told */
	char peer[DOMAIN_BYTES];
	size_t told; /* on this page */
	bool any;
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

static bool
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
	q->id = d->id;
	memcpy(q->peer, d->peer, sizeof q->peer);
	q->any = true;
	q->told++;
	return true;
}

static void
queue_on(struct control_request *r, void *arg)
{
	struct queue *q = arg;
	struct err e;

	do {
		q->told = 0;
		if (!oms_store_queue(q->oms->store, q->any ? &q->id : NULL, q->peer, QUEUE_PAGE,
			tell_delivery, q, &e)) {
			control_end(r, &e);
			free(q);
			return;
		}
		if (q->told == 0 || control_gone(r)) {
			control_end(r, NULL);
			free(q);
			return;
		}
	} while (!control_full(r));
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

const struct control_verb oms_control[] = {
	{ "queue", do_queue },
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
