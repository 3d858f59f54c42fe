/* dns_fake — the functions of dns.h by which look-ups ask; they come before the library's, keep what is asked,
 * and answer nothing until the test does.  After <cmocka.h>, in one source of a program.
 */
#ifndef TESTS_UNIT_DNS_FAKE_H
#define TESTS_UNIT_DNS_FAKE_H

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/dns/dns.h"

#define QUERIES_MAX 16

struct dns_query {
	char name[DNS_NAME_BYTES];
	enum dns_type type;
	dns_done *done; /* NULL: answered, or given up */
	void *arg;
};

struct dns {
	void *local;
	void (*release)(void *p);
	struct dns_query query[QUERIES_MAX];
	size_t n;
};

struct dns_query *
dns_ask_about(struct dns *d, struct span domain, const struct sockaddr *peer, struct span name,
    enum dns_type type, dns_done *done, void *arg)
{
	struct dns_query *q = &d->query[d->n++];

	(void)domain;
	(void)peer;
	assert_true(d->n <= QUERIES_MAX);
	*q = (struct dns_query) { .type = type, .done = done, .arg = arg };
	span_copy(name, q->name, sizeof q->name);
	return q;
}

void
dns_cancel(struct dns_query **q)
{
	if (*q != NULL)
		(*q)->done = NULL;
	*q = NULL;
}

uint64_t
dns_generation(struct dns *d)
{
	(void)d;
	return 1;
}

struct loop *
dns_loop(const struct dns *d)
{
	(void)d;
	return NULL;
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

bool
dns_err(const struct dns_answer *a, const char *name, struct err *e)
{
	(void)name;
	return err_word(e, a->status == DNS_BOGUS ? REFUSAL_dns_bogus : REFUSAL_dns_failed);
}

static inline struct dns *
fake_new(void)
{
	return memory_new(sizeof(struct dns));
}

static inline void
fake_free(struct dns *d)
{
	if (d->release != NULL)
		d->release(d->local);
	free(d);
}

/* Once for each question. */
static inline void
fake_answer(struct dns_query *q, const struct dns_answer *a)
{
	dns_done *done = q->done;

	assert_non_null(done);
	q->done = NULL;
	done(q->arg, a);
}

#endif
