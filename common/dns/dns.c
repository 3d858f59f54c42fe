/* dns — libunbound in event mode; see dns.h.
 *
 * libunbound may call back inside ub_resolve_event, when its context goes away, or after the
 * question was given up.  So it never sees a question, only a ticket, which outlives the question;
 * and an answer only puts its questions on the ready list, from where an event of the loop takes
 * them.  Equal questions share one ticket, and the ticket is what counts against the limits.
 */
#include "common/dns/dns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <unbound-event.h>
#include <unbound.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/dns/dns_context.h"
#include "common/dns/dns_packet.h"
#include "common/dns/dns_resolver.h"
#include "common/loop/loop.h"
#include "common/share/share_peer.h"

#define BUCKETS 1024

struct ticket;

TAILQ_HEAD(queries, dns_query);

/* One libunbound context.  A zone that has changed gets a new one. */
struct source {
	struct ub_ctx *ub;
	struct source *next;
	size_t tickets;
};

struct dns_query {
	struct dns *dns;
	struct ticket *ticket; /* NULL: answered */
	struct event *timer;
	TAILQ_ENTRY(dns_query) link;   /* in waiting or ready */
	TAILQ_ENTRY(dns_query) joined; /* those of one ticket */
	dns_done *done;
	void *arg;
	char name[DNS_NAME_BYTES];
	size_t name_n; /* without the last dot */
	enum dns_type type;
	struct dns_packet packet;
	bool secure, held_back;
};

struct ticket {
	struct source *source;
	struct dns *dns;
	struct queries asking; /* empty: all have given up */
	struct share_peer_hold hold;
	LIST_ENTRY(ticket) same; /* of its bucket */
	char name[DNS_NAME_BYTES];
	size_t name_n;
	enum dns_type type;
};

struct dns {
	struct loop *loop;
	struct event_base *base;
	struct event *wake; /* something is ready */
	struct dns_resolver resolver;
	struct source *source; /* the one in force, then retired ones */
	struct queries waiting, ready;
	size_t tickets;
	struct share *share; /* NULL: nobody is held back */
	uint64_t seed;
	uint64_t generation, asked;
	LIST_HEAD(tickets, ticket) bucket[BUCKETS];
	void *local;
	void (*release)(void *local);
};

/* -- contexts ---------------------------------------------------------------------------------- */

/* Calls back for each ticket.  Never called from inside libunbound. */
static void
source_free(struct source *s)
{
	dns_context_free(s->ub);
	free(s);
}

/* Puts a new context in front of the others. */
static bool
source_make(struct dns *d, struct err *e)
{
	struct ub_ctx *ub = dns_context_new(&d->resolver, d->base, e);
	struct source *s;

	if (ub == NULL)
		return false;
	s = memory_new(sizeof *s);
	s->ub = ub;
	s->next = d->source;
	d->source = s;
	d->generation++;
	return true;
}

static void
drop_idle_sources(struct dns *d)
{
	for (struct source **at = &d->source->next; *at != NULL;) {
		struct source *s = *at;

		if (s->tickets > 0) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		source_free(s);
	}
}

static void
refresh(struct dns *d)
{
	struct err e;

	if (d->source->next != NULL)
		drop_idle_sources(d);
	if (!dns_resolver_changed(&d->resolver))
		return;
	if (source_make(d, &e))
		log_fact(LOG_INFO, "dns.zone", "file=%s read=again", log_str(d->resolver.zone));
	else
		log_fact(LOG_WARN, "dns.zone", "file=%s kept=old why=%s", log_str(d->resolver.zone),
		    log_str(e.text));
}

/* -- answers ----------------------------------------------------------------------------------- */

static void
set_ready(struct dns_query *q)
{
	struct dns *d = q->dns;

	TAILQ_REMOVE(&d->waiting, q, link);
	TAILQ_INSERT_TAIL(&d->ready, q, link);
	event_active(d->wake, 0, 0);
}

static void
set_failed(struct dns_query *q, const char *why)
{
	q->packet.status = DNS_FAILED;
	q->packet.rcode = -1;
	q->packet.why = why;
	set_ready(q);
}

/* The ticket remains and keeps its place until libunbound answers it. */
static void
leave(struct dns_query *q)
{
	if (q->ticket != NULL)
		TAILQ_REMOVE(&q->ticket->asking, q, joined);
	q->ticket = NULL;
}

static void
query_free(struct dns_query *q)
{
	leave(q);
	if (q->timer != NULL)
		event_free(q->timer);
	dns_packet_clear(&q->packet);
	free(q);
}

static void
answer(struct dns_query *q, int rcode, const void *packet, int n, int sec)
{
	leave(q);
	if (RULE(dns_bogus) && sec == 1) {
		q->packet.status = DNS_BOGUS;
		q->packet.rcode = -1;
		set_ready(q);
	} else if (rcode != 0 || packet == NULL || n <= 0) {
		/* The packet is then none, or a left-over of another question's answer. */
		set_failed(q, rcode == 2 ? "SERVFAIL" : "no answer");
	} else {
		q->secure = sec == 2;
		dns_packet_read(&q->packet, span_of(packet, (size_t)n), span_of(q->name, q->name_n),
		    q->type);
		set_ready(q);
	}
}

/* If even the root's keys are missing or unsigned, the resolver drops them. */
static const char *
bogus_cause(const char *why)
{
	if (why != NULL && strstr(why, "for trust anchor .") != NULL)
		return "the resolver leaves out DNSSEC or changes it: use another one, or write "
		       "\",anchor=none\" after it";
	return "the DNSSEC signature is broken";
}

static void
ticket_free(struct ticket *t)
{
	t->source->tickets--;
	t->dns->tickets--;
	if (t->hold.domain.n > 0)
		share_peer_release(t->dns->share, &t->hold, t->hold.domain.n, clock_mono_ms());
	LIST_REMOVE(t, same);
	free(t);
}

static void
answered(void *arg, int rcode, void *packet, int n, int sec, char *why_bogus, int limited)
{
	struct ticket *t = arg;
	struct dns_query *q;

	(void)limited;
	while ((q = TAILQ_FIRST(&t->asking)) != NULL) {
		answer(q, rcode, packet, n, sec);
		if (q->packet.status == DNS_BOGUS)
			q->packet.why = bogus_cause(why_bogus);
	}
	ticket_free(t);
}

static void
deliver(struct dns_query *q)
{
	struct span rdata[DNS_RECORDS_MAX];
	struct dns_answer a = { .status = q->packet.status,
		.secure = q->secure && q->packet.status <= DNS_NXDOMAIN,
		.rcode = q->packet.rcode,
		.ttl_s = q->packet.status <= DNS_NXDOMAIN ? q->packet.ttl_s : 0,
		.alias = q->packet.alias[0] != '\0' ? q->packet.alias : NULL,
		.rdata = rdata,
		.n = q->packet.status == DNS_OK ? q->packet.n : 0,
		.held_back = q->held_back,
		.why = q->packet.why };

	for (size_t i = 0; i < a.n; i++)
		rdata[i] = dns_packet_rdata(&q->packet, i);
	q->done(q->arg, &a);
}

/* Delivers what is ready now.  What becomes ready meanwhile waits for the next turn of the loop. */
static void
woken(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;
	struct dns_query *last = TAILQ_LAST(&d->ready, queries), *q;
	bool end = last == NULL;

	(void)fd, (void)what;
	while (!end && (q = TAILQ_FIRST(&d->ready)) != NULL) {
		end = q == last || TAILQ_LAST(&d->ready, queries) != last;
		TAILQ_REMOVE(&d->ready, q, link);
		deliver(q);
		query_free(q);
	}
	if (!TAILQ_EMPTY(&d->ready))
		event_active(d->wake, 0, 0);
}

static void
timed_out(evutil_socket_t fd, short what, void *arg)
{
	struct dns_query *q = arg;

	(void)fd, (void)what;
	if (q->ticket == NULL)
		return;
	leave(q);
	set_failed(q, "no answer in 15 s");
}

/* -- questions --------------------------------------------------------------------------------- */

/* Master form for libunbound, with an ending dot.  False: no DNS name. */
static bool
escape_name(struct span name, char out[4 * DNS_NAME_BYTES + 4])
{
	size_t n = 0;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		return false;
	while (name.n > 0) {
		struct span label = span_cut(&name, '.');

		if (label.n == 0 || label.n > 63)
			return false;
		for (size_t i = 0; i < label.n; i++) {
			unsigned char c = (unsigned char)label.p[i];

			out[n++] = '\\';
			out[n++] = (char)('0' + c / 100);
			out[n++] = (char)('0' + c / 10 % 10);
			out[n++] = (char)('0' + c % 10);
			if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '_') {
				n -= 4;
				out[n++] = (char)c;
			}
		}
		out[n++] = '.';
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* FNV-1a with a secret start, because strangers choose the names. */
static size_t
bucket_of(const struct dns *d, struct span name, enum dns_type type)
{
	uint64_t h = (d->seed ^ 0xcbf29ce484222325u) + type;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)lower(name.p[i])) * 0x100000001b3u;
	return (size_t)(h >> 40) % BUCKETS;
}

/* The ticket of an equal question under way in the current context. */
static struct ticket *
find_ticket(const struct dns *d, struct span name, enum dns_type type)
{
	struct ticket *t;

	LIST_FOREACH (t, &d->bucket[bucket_of(d, name, type)], same)
		if (t->source == d->source && t->type == type &&
		    span_eq_nocase(span_of(t->name, t->name_n), name))
			return t;
	return NULL;
}

static void
join(struct dns_query *q, struct ticket *t)
{
	static const struct timeval limit = { DNS_TIMEOUT_MS / 1000, DNS_TIMEOUT_MS % 1000 * 1000 };

	q->ticket = t;
	TAILQ_INSERT_TAIL(&t->asking, q, joined);
	q->timer = evtimer_new(q->dns->base, timed_out, q);
	if (q->timer == NULL || evtimer_add(q->timer, &limit) != 0)
		abort();
}

/* False: the share of questions of the domain, or of the peer, is used up. */
static bool
hold_place(struct dns *d, struct ticket *t, struct span domain, const struct sockaddr *peer)
{
	struct err e;

	return d->share == NULL || domain.n == 0 || !RULE(question_share) ||
	    share_peer_hold(d->share, &t->hold, SHARE_questions, domain, peer, 1, clock_mono_ms(),
		&e);
}

static void
send_query(struct dns_query *q, const char *name, struct span domain, const struct sockaddr *peer)
{
	struct dns *d = q->dns;
	struct ticket *t = memory_new(sizeof *t);
	int id, fault;

	if (!hold_place(d, t, domain, peer)) {
		free(t);
		q->held_back = true;
		set_failed(q, "too many questions about this domain at once");
		return;
	}
	t->source = d->source;
	t->dns = d;
	t->type = q->type;
	t->name_n = q->name_n;
	memcpy(t->name, q->name, q->name_n);
	TAILQ_INIT(&t->asking);
	LIST_INSERT_HEAD(&d->bucket[bucket_of(d, span_of(q->name, q->name_n), q->type)], t, same);
	t->source->tickets++;
	d->tickets++;
	d->asked++;
	join(q, t);
	fault = ub_resolve_event(d->source->ub, name, (int)q->type, 1, t, answered, &id);
	if (fault != 0) {
		leave(q);
		ticket_free(t);
		set_failed(q, ub_strerror(fault));
	}
}

struct dns_query *
dns_ask(struct dns *d, struct span name, enum dns_type type, dns_done *done, void *arg)
{
	return dns_ask_about(d, span_of("", 0), NULL, name, type, done, arg);
}

struct dns_query *
dns_ask_about(struct dns *d, struct span domain, const struct sockaddr *peer, struct span name,
    enum dns_type type, dns_done *done, void *arg)
{
	struct dns_query *q = memory_new(sizeof(*q));
	struct ticket *t;
	char text[4 * DNS_NAME_BYTES + 4];

	q->dns = d;
	q->type = type;
	q->done = done;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&d->waiting, q, link);
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n <= DNS_NAME_MAX) {
		memcpy(q->name, name.p, name.n);
		q->name_n = name.n;
	}
	if (name.n > DNS_NAME_MAX || !escape_name(name, text)) {
		q->packet.status = DNS_NXDOMAIN;
		q->packet.rcode = 3;
		q->packet.ttl_s = 3600;
		set_ready(q);
		return q;
	}
	refresh(d);
	t = find_ticket(d, span_of(q->name, q->name_n), type);
	if (t != NULL)
		join(q, t);
	else if (d->tickets >= DNS_QUERIES_MAX)
		set_failed(q, "too many questions at once");
	else
		send_query(q, text, domain, peer);
	return q;
}

uint64_t
dns_asked(const struct dns *d)
{
	return d->asked;
}

size_t
dns_under_way(const struct dns *d)
{
	return d->tickets;
}

uint64_t
dns_generation(struct dns *d)
{
	refresh(d);
	return d->generation;
}

void
dns_cancel(struct dns_query **qp)
{
	struct dns_query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	TAILQ_REMOVE(q->ticket == NULL ? &q->dns->ready : &q->dns->waiting, q, link);
	query_free(q);
}

/* -- life -------------------------------------------------------------------------------------- */

bool
dns_new(struct dns **out, struct loop *l, const char *spec, struct err *e)
{
	struct dns *d = memory_new(sizeof(*d));

	d->loop = l;
	d->base = loop_base(l);
	random_bytes(&d->seed, sizeof d->seed);
	TAILQ_INIT(&d->waiting);
	TAILQ_INIT(&d->ready);
	if (!dns_resolver_parse(&d->resolver, spec, e) || !source_make(d, e)) {
		free(d);
		return false;
	}
	d->wake = event_new(d->base, -1, EV_PERSIST, woken, d);
	if (d->wake == NULL)
		abort();
	*out = d;
	return true;
}

void
dns_set_share(struct dns *d, struct share *s)
{
	d->share = s;
}

struct loop *
dns_loop(const struct dns *d)
{
	return d->loop;
}

void *
dns_local(const struct dns *d)
{
	return d->local;
}

void
dns_set_local(struct dns *d, void *p, void (*release)(void *p))
{
	d->local = p;
	d->release = release;
}

static void
queries_free(struct queries *l)
{
	struct dns_query *q;

	while ((q = TAILQ_FIRST(l)) != NULL) {
		TAILQ_REMOVE(l, q, link);
		query_free(q);
	}
}

void
dns_free(struct dns **dp)
{
	struct dns *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	if (d->release != NULL)
		d->release(d->local);
	queries_free(&d->waiting);
	queries_free(&d->ready);
	while (d->source != NULL) {
		struct source *s = d->source;

		d->source = s->next;
		source_free(s);
	}
	event_free(d->wake);
	free(d);
}

bool
dns_err(const struct dns_answer *a, const char *name, struct err *e)
{
	enum refusal why = a->status == DNS_BOGUS ? REFUSAL_dns_bogus
	    : a->held_back                        ? REFUSAL_question_share
						  : REFUSAL_dns_failed;

	return err_set(e, why, "%s: %s", name, a->why != NULL ? a->why : "no answer");
}
