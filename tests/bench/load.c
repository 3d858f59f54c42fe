/* load — gives a running oms or ims work and says how much of it was acknowledged.
 *
 *	load letters --to ADDRESS:PORT --user U@D --password-file F --recipient R@D ...
 *	load notices --to ADDRESS:PORT --domain D --own D --certificate F --key F --recipient R@D ...
 *	load list    --to ADDRESS:PORT --user U@D --password-file F ...
 *	load lists|fetch|show --to ADDRESS:PORT --user U%@D --password-file F ...
 *
 * All want --trust FOLDER and --crls FOLDER.  Further: --connections 50, --window 1 (letters or seals
 * under way on each), --size 4096 (octets of a letter), --per-seal 16, --seconds 10 or --count N,
 * --pause MS after each answer, --journal FILE (tests/load.h), --again (go on after a connection
 * broke), --from ADDRESS (our own), --addresses N (connections come in turn from 1 ... N, put for the % of --from),
 * --envelope and --header U@D (the sender there; the user's
 * own where not given), --poll (never sleeps: to wake a sleeper on this machine is charged to the
 * server, as no peer on a network is), --recipients N (letters and notices go in turn to 1 ... N, put for
 * the % of --recipient).
 *
 * Of letters: --users N (1 ... N put for the % of --user; connections have different users), --per-user N
 * (after so many letters a connection goes on as the next user that had none), --refused WORD (a letter
 * that is refused for that reason counts as acknowledged), --idle N (so many more sessions, signed in before
 * the first letter is sent, say nothing).
 *
 * Status 0: all that was sent was acknowledged.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "proto/notify.h"
#include "tests/command.h"
#include "tests/load.h"

static const struct kind {
	const char *name, *what;
	void *(*begin)(struct load *l);
	void (*end)(void *all);
	long window_max;
} kinds[] = {
	{ "letters", "letters", load_letters, load_letters_free, LOAD_WINDOW_MAX },
	{ "notices", "notifications", load_notices, load_notices_free, NOTIFY_SEALS_MAX },
	{ "list", "notices", load_list, load_list_free, 1 },
	{ "lists", "mailboxes", load_lists, load_read_free, 1 },
	{ "fetch", "letters", load_fetch, load_read_free, 1 },
	{ "show", "letters", load_show, load_read_free, 1 },
};

static void
usage(void)
{
	fprintf(stderr,
	    "usage: load letters|notices|list|lists|fetch|show --to ADDRESS:PORT --trust FOLDER ... "
	    "(see the head of tests/bench/load.c)\n");
	exit(64);
}

static void
options(int argc, char **argv, struct load_options *o)
{
	const struct command_option table[] = {
		{ "to", .text = &o->to },
		{ "domain", .text = &o->domain },
		{ "user", .text = &o->user },
		{ "password-file", .text = &o->password_file },
		{ "trust", .text = &o->trust },
		{ "crls", .text = &o->crls },
		{ "recipient", .text = &o->recipient },
		{ "journal", .text = &o->journal },
		{ "own", .text = &o->own },
		{ "certificate", .text = &o->certificate },
		{ "key", .text = &o->key },
		{ "from", .text = &o->from },
		{ "envelope", .text = &o->envelope },
		{ "header", .text = &o->header },
		{ "refused", .text = &o->refused },
		{ "connections", .n = &o->connections, .least = 1, .most = 10000 },
		{ "size", .n = &o->size, .least = 100, .most = 64 << 20 },
		{ "seconds", .n = &o->seconds, .least = 0, .most = 3600 },
		{ "count", .n = &o->count, .least = 1, .most = 100000000 },
		{ "window", .n = &o->window, .least = 1, .most = 16 },
		{ "per-seal", .n = &o->per_seal, .least = 1, .most = SEAL_STATEMENTS_MAX },
		{ "pause", .n = &o->pause_ms, .least = 0, .most = 60000 },
		{ "recipients", .n = &o->recipients, .least = 1, .most = 1000000 },
		{ "idle", .n = &o->idle, .least = 0, .most = 100000 },
		{ "users", .n = &o->users, .least = 1, .most = 1000000 },
		{ "addresses", .n = &o->addresses, .least = 1, .most = 254 },
		{ "per-user", .n = &o->per_user, .least = 1, .most = 100000000 },
		{ "again", .flag = &o->again },
		{ "poll", .flag = &o->poll },
	};

	if (!command_options(argc, argv, "load", table, sizeof table / sizeof *table))
		usage();
}

static const struct kind *
kind_of(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			return &kinds[i];
	usage();
	return NULL;
}

static void
check(const struct kind *k, struct load *l)
{
	struct load_options *o = &l->o;
	bool ours = k->begin == load_notices;

	if (!ours && o->user != NULL && o->domain == NULL && strchr(o->user, '@') != NULL)
		o->domain = strchr(o->user, '@') + 1;
	if (o->to == NULL || o->trust == NULL || o->domain == NULL || o->window > k->window_max ||
	    ((ours || k->begin == load_letters) && o->recipient == NULL) ||
	    (ours ? o->own == NULL || o->certificate == NULL || o->key == NULL
		  : o->user == NULL || o->password_file == NULL))
		usage();
	l->expected = o->refused == NULL ? REFUSAL_NONE : refusal_by_word(span_str(o->refused));
	if ((o->refused != NULL && l->expected == REFUSAL_NONE) ||
	    (o->per_user > 0 && o->users < o->connections))
		usage();
	if (o->count > 0 && o->seconds < 0)
		o->seconds = 0;
	else if (o->seconds < 0)
		o->seconds = 10;
}

/* A loop on which something is always posted does not sleep. */
static void
poll_again(void *arg)
{
	struct load *l = arg;

	if (l->o.poll)
		loop_post(l->loop, poll_again, l);
}

static int
report(const struct load *l, const struct kind *k)
{
	double s = (double)(load_now_us() - l->began_us) / 1e6;

	if (k->begin != load_list)
		printf("%llu %s acknowledged in %.1f s: %.0f/s; p50 %.2f ms, p99 %.2f ms\n",
		    (unsigned long long)l->acked, k->what, s, (double)l->acked / s,
		    latency_percentile_ms(&l->latencies, 0.5),
		    latency_percentile_ms(&l->latencies, 0.99));
	if (l->broken > 0)
		fprintf(stderr, "load: %llu connections broke\n", (unsigned long long)l->broken);
	if (l->refused > 0)
		fprintf(stderr, "load: %llu refused, the first: [%s] %s\n",
		    (unsigned long long)l->refused, refusal_word(l->why.why), l->why.text);
	return l->refused > 0 ? refusal_status(l->why.why) : 0;
}

int
main(int argc, char **argv)
{
	const struct kind *k = kind_of(argc, argv);
	struct load *l = memory_new(sizeof *l);
	void *all;
	int status;

	signal(SIGPIPE, SIG_IGN);
	log_open("load", LOG_ERROR);
	l->o = (struct load_options) { .connections = 50,
		.size = 4096,
		.seconds = -1,
		.window = 1,
		.users = 1,
		.addresses = 1,
		.per_seal = 16 };
	options(argc - 1, argv + 1, &l->o);
	check(k, l);
	load_open(l, "load");
	all = k->begin(l);
	poll_again(l);
	loop_run(l->loop);
	l->o.poll = false;
	loop_drain(l->loop);
	status = report(l, k);
	k->end(all);
	loop_free(&l->loop);
	tls_holder_free(&l->tls);
	free(l);
	return status;
}
