/* smtp_names — what DNS says of a domain's mail by SMTP, as the gateways find it.
 *
 *	smtp_names RESOLVER exchange DOMAIN
 *	smtp_names RESOLVER tlsa HOST [CHAIN.pem]
 *
 * exchange: a line of what is said of all, then one for each host, in the order to try.
 * tlsa: what is said of the host's records for port 25; with a chain also what they say of that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/dns/exchange.h"
#include "common/dns/tlsa.h"
#include "common/loop/loop.h"
#include "common/pki/dane.h"

struct question {
	struct loop *loop;
	const char *host;
	struct chain *chain; /* NULL: none */
};

static void
die(const struct err *e)
{
	fprintf(stderr, "smtp_names: %s\n", e->text);
	exit(refusal_status(e->why));
}

static const char *
yes(bool is)
{
	return is ? "yes" : "no";
}

static const char *
word(const struct err *why)
{
	return why == NULL ? "-" : refusal_word(why->why);
}

static void
exchange_found(void *arg, struct exchange *x, const struct err *why)
{
	struct question *q = arg;

	printf("word=%s secure=%s vouched=%s unsure=%s\n", word(why), yes(x->secure),
	    yes(x->vouched), yes(x->unsure));
	for (size_t i = 0; i < x->n; i++)
		printf("%u %s secure=%s addresses=%zu\n", (unsigned)x->hosts[i].preference,
		    x->hosts[i].host, yes(x->hosts[i].secure), x->hosts[i].n);
	loop_stop(q->loop);
}

static void
print_verdict(const struct question *q, const struct tlsa *t)
{
	static const char *const outcomes[] = { "none", "unusable", "match-ee", "match-ta",
		"mismatch" };
	const char *names[2] = { t->base != NULL ? t->base : q->host, q->host };
	struct dane_verdict v;

	dane_judge(&(struct dane_ask) { t->records, t->n, names, 2 }, q->chain, (int64_t)time(NULL),
	    &v);
	printf("dane=%s usable=%zu\n", outcomes[v.outcome], v.usable);
}

static void
tlsa_found(void *arg, const struct tlsa *t, const struct err *why)
{
	static const char *const statuses[] = { "secure", "absent", "insecure", "failed" };
	struct question *q = arg;

	printf("word=%s status=%s base=%s records=%zu\n", word(why), statuses[t->status],
	    t->base != NULL ? t->base : "-", t->n);
	if (q->chain != NULL)
		print_verdict(q, t);
	loop_stop(q->loop);
}

int
main(int argc, char **argv)
{
	struct question q = { 0 };
	struct dns *dns;
	struct err e;

	if (argc < 4 || argc > 5 ||
	    (strcmp(argv[2], "exchange") != 0 && strcmp(argv[2], "tlsa") != 0)) {
		fprintf(stderr, "smtp_names: see tests/tools/smtp_names.c\n");
		return 64;
	}
	q.host = argv[3];
	if (!loop_new(&q.loop, &e) || !dns_new(&dns, q.loop, argv[1], &e) ||
	    (argc == 5 && !chain_read(argv[4], &q.chain, &e)))
		die(&e);
	if (argv[2][0] == 'e')
		exchange_find(dns,
		    &(struct exchange_ask) { .domain = argv[3], .port = EXCHANGE_PORT },
		    exchange_found, &q);
	else
		tlsa_find(dns, argv[3], argv[3], EXCHANGE_PORT, tlsa_found, &q);
	loop_run(q.loop);
	chain_unref(&q.chain);
	dns_free(&dns);
	loop_free(&q.loop);
	return 0;
}
