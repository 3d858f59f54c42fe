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
 * broke), --from ADDRESS (our own), --envelope and --header U@D (the sender there; the user's
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
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "proto/notify.h"
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

static long
number(const char *s, long least, long most)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n < least || n > most) {
		fprintf(stderr, "load: %s is not a number from %ld to %ld\n", s, least, most);
		exit(64);
	}
	return n;
}

static void
options(int argc, char **argv, struct load_options *o)
{
	const struct {
		const char *name, **text;
		long *n, least, most;
	} table[] = {
		{ "to", &o->to, NULL, 0, 0 },
		{ "domain", &o->domain, NULL, 0, 0 },
		{ "user", &o->user, NULL, 0, 0 },
		{ "password-file", &o->password_file, NULL, 0, 0 },
		{ "trust", &o->trust, NULL, 0, 0 },
		{ "crls", &o->crls, NULL, 0, 0 },
		{ "recipient", &o->recipient, NULL, 0, 0 },
		{ "journal", &o->journal, NULL, 0, 0 },
		{ "own", &o->own, NULL, 0, 0 },
		{ "certificate", &o->certificate, NULL, 0, 0 },
		{ "key", &o->key, NULL, 0, 0 },
		{ "from", &o->from, NULL, 0, 0 },
		{ "envelope", &o->envelope, NULL, 0, 0 },
		{ "header", &o->header, NULL, 0, 0 },
		{ "refused", &o->refused, NULL, 0, 0 },
		{ "connections", NULL, &o->connections, 1, 10000 },
		{ "size", NULL, &o->size, 100, 64 << 20 },
		{ "seconds", NULL, &o->seconds, 0, 3600 },
		{ "count", NULL, &o->count, 1, 100000000 },
		{ "window", NULL, &o->window, 1, 16 },
		{ "per-seal", NULL, &o->per_seal, 1, SEAL_STATEMENTS_MAX },
		{ "pause", NULL, &o->pause_ms, 0, 60000 },
		{ "recipients", NULL, &o->recipients, 1, 1000000 },
		{ "idle", NULL, &o->idle, 0, 100000 },
		{ "users", NULL, &o->users, 1, 1000000 },
		{ "per-user", NULL, &o->per_user, 1, 100000000 },
		{ "again", NULL, NULL, 0, 0 },
		{ "poll", NULL, NULL, 0, 0 },
	};
	enum { N = sizeof table / sizeof *table };
	struct option longs[N + 1] = { { NULL, 0, NULL, 0 } };
	int i;

	for (i = 0; i < N; i++)
		longs[i] = (struct option) { table[i].name,
			table[i].text != NULL || table[i].n != NULL, NULL, 0 };
	while (getopt_long(argc, argv, "", longs, &i) == 0) {
		if (table[i].text != NULL)
			*table[i].text = optarg;
		else if (table[i].n != NULL)
			*table[i].n = number(optarg, table[i].least, table[i].most);
		else
			*(strcmp(table[i].name, "poll") == 0 ? &o->poll : &o->again) = true;
	}
	if (optind < argc)
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

static double
percentile_ms(const struct load *l, double part)
{
	double left = part * (double)l->acked;
	size_t i = 0;

	while (i + 1 < LOAD_SLOTS && (left -= l->slots[i]) > 0)
		i++;
	return (double)(i + 1) * LOAD_SLOT_US / 1000;
}

static int
report(const struct load *l, const struct kind *k)
{
	double s = (double)(load_now_us() - l->began_us) / 1e6;

	if (k->begin != load_list)
		printf("%llu %s acknowledged in %.1f s: %.0f/s; p50 %.2f ms, p99 %.2f ms\n",
		    (unsigned long long)l->acked, k->what, s, (double)l->acked / s,
		    percentile_ms(l, 0.5), percentile_ms(l, 0.99));
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
