/* attack — one certified domain that takes of an ims whatever it can get, by many connections at once.
 *
 *	attack --to ADDRESS:PORT --domain D --own D --certificate F --key F --trust FOLDER --crls FOLDER
 *	    [--from ADDRESS] [--connections 1000] [--seconds 60] [--protocol notify]
 *
 * Half of the connections are parked, the others of the other kinds in turn; each that ends is opened
 * again at once:
 *
 *	parked    gathers as many entries as there may be, without their seal, and waits
 *	faulty    batches of nothing but malformed entries, one after the other
 *	deaf      the same, and reads no reply
 *	wrong     requests that there are not
 *
 * With another protocol than notify all are quiet: HELLO, and nothing after it.
 *
 * Status 0; what the ims did is for whoever started both to see (tests/e2e/460-attack.t).
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

#define ALWAYS 32768 /* octets of output that are always there to be sent */

enum raid { PARKED, FAULTY, DEAF, WRONG, RAIDS, QUIET };

struct raider {
	struct engine engine;
	struct attack *all;
	enum raid raid;
	bool sent; /* what is said once */
};

struct attack {
	struct load load;
	struct raider *raiders;
	struct buf what[RAIDS]; /* each says, again and again but for PARKED */
	uint64_t octets, ended;
	unsigned up;
	const char *protocol;
	char alpn[64];
};

/* -- what is said ------------------------------------------------------------------------------- */

/* As many entries as there may be; the shortest lines make the most of them. */
static void
write_parked(struct buf *out)
{
	for (int i = 0; i < NOTIFY_ENTRIES_MAX - 1; i++)
		buf_addf(out, "RCPT\r\n");
}

static void
write_faulty(struct buf *out)
{
	for (int i = 0; i < 6000; i++)
		buf_addf(out, "RCPT\r\n");
	buf_addf(out, "SEAL 1 none 1\r\nxx");
}

static void
say(struct raider *r)
{
	const struct buf *what = r->all->what + r->raid;

	if (r->raid == QUIET || (r->raid == PARKED && r->sent))
		return;
	r->sent = true;
	buf_add(&r->engine.out, what->data, what->len);
	r->all->octets += what->len;
}

/* -- the connections ---------------------------------------------------------------------------- */

static size_t
feed(struct engine *e, struct span in)
{
	struct raider *r = (struct raider *)e;

	if (e->out.len < ALWAYS)
		say(r);
	return r->raid == DEAF && in.n < ENGINE_WINDOW_BYTES ? 0 : in.n;
}

static void
tick(struct engine *e)
{
	e->deadline_ms = 0;
}

static void
on_up(struct conn *c, void *role)
{
	struct raider *r = role;

	r->all->up++;
	r->sent = false;
	r->engine = (struct engine) { .feed = feed, .tick = tick };
	buf_addf(&r->engine.out, "HELLO %s\r\n", r->all->load.o.own);
	conn_set_engine(c, &r->engine);
}

static void begin(struct raider *r);

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct raider *r = role;

	(void)c;
	(void)why;
	engine_clear(&r->engine);
	r->all->ended++;
	if (load_now_us() < r->all->load.end_us)
		begin(r);
	else
		load_closed(&r->all->load);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

static void
begin(struct raider *r)
{
	load_connect(&r->all->load, r->all->alpn, &events, r);
}

static void
time_over(void *arg)
{
	conn_drop_all(((struct attack *)arg)->load.loop, NULL);
}

/* -- the command -------------------------------------------------------------------------------- */

static void
usage(void)
{
	fprintf(stderr,
	    "usage: attack --to ADDRESS:PORT --domain D --own D --certificate F --key F "
	    "--trust FOLDER --crls FOLDER [--from ADDRESS] [--connections N] [--seconds N]\n");
	exit(64);
}

static void
options(int argc, char **argv, struct load_options *o, const char **protocol)
{
	const struct command_option table[] = {
		{ "to", .text = &o->to },
		{ "domain", .text = &o->domain },
		{ "own", .text = &o->own },
		{ "certificate", .text = &o->certificate },
		{ "key", .text = &o->key },
		{ "trust", .text = &o->trust },
		{ "crls", .text = &o->crls },
		{ "from", .text = &o->from },
		{ "protocol", .text = protocol },
		{ "connections", .n = &o->connections, .least = 1, .most = 100000 },
		{ "seconds", .n = &o->seconds, .least = 1, .most = 86400 },
	};

	if (!command_options(argc, argv, "attack", table, sizeof table / sizeof *table) ||
	    o->to == NULL || o->domain == NULL || o->own == NULL || o->certificate == NULL ||
	    o->key == NULL || o->trust == NULL)
		usage();
}

int
main(int argc, char **argv)
{
	struct attack *a = memory_new(sizeof *a);
	struct load *l = &a->load;
	struct loop_timer *end;

	signal(SIGPIPE, SIG_IGN);
	log_open("attack", LOG_ERROR);
	l->o = (struct load_options) { .connections = 1000, .seconds = 60 };
	a->protocol = "notify";
	options(argc, argv, &l->o, &a->protocol);
	snprintf(a->alpn, sizeof a->alpn, "tillcalled-%s/1", a->protocol);
	load_open(l, "attack");
	write_parked(&a->what[PARKED]);
	write_faulty(&a->what[FAULTY]);
	write_faulty(&a->what[DEAF]);
	buf_addf(&a->what[WRONG], "GIVE ME EVERYTHING\r\n");
	a->raiders = memory_array((size_t)l->o.connections, sizeof *a->raiders);
	l->open = (unsigned)l->o.connections;
	for (long i = 0; i < l->o.connections; i++) {
		a->raiders[i].all = a;
		a->raiders[i].raid = strcmp(a->protocol, "notify") != 0 ? QUIET
		    : i % 2 == 0                                        ? PARKED
				 : (enum raid)(1 + i / 2 % (RAIDS - 1));
		begin(&a->raiders[i]);
	}
	end = loop_timer_new(l->loop, time_over, a);
	loop_timer_set_ms(end, l->o.seconds * 1000);
	loop_run(l->loop);
	printf("%u sessions, %llu MiB said, %llu connections ended\n", a->up,
	    (unsigned long long)(a->octets >> 20), (unsigned long long)a->ended);
	loop_timer_free(&end);
	loop_drain(l->loop);
	loop_free(&l->loop);
	tls_holder_free(&l->tls);
	for (int i = 0; i < RAIDS; i++)
		buf_clear(&a->what[i]);
	free(a->raiders);
	free(a);
	return 0;
}
