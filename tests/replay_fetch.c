/* replay_fetch — the fake roles of the fetch engines for tests/replay.
 *
 * fetch-server hands out one letter, 01JDZ5TPB4M4Q8W1RZ9H1V6K3C, of 39 octets with a summary of 24,
 * to b.test; c.test is not designated, any other domain gets its answer later.
 * 01JDZ5TPB4M4Q8W1RZ9H1V6K3D was recalled.  FETCH, DONE and DECLINE are answered later too:
 *	A: durable		the first of those that wait is recorded and answered
 *	A: the last is durable	so is the last of them
 *	A: fails		the first cannot be recorded
 *	A: stale		an answer to the request before it comes; it must be dropped
 *
 * fetch-client:
 *	A: hello / summary ID / fetch ID / from OFFSET ID / done ID / decline ID / noop / quit
 *	A: lost		the connection breaks
 *	A: heard TEXT	what the callbacks said since the last time is this
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/source.h"
#include "proto/fetch_client.h"
#include "proto/fetch_server.h"
#include "tests/heard.h"
#include "tests/replay.h"

#define LETTER     "01JDZ5TPB4M4Q8W1RZ9H1V6K3C"
#define TAKEN_BACK "01JDZ5TPB4M4Q8W1RZ9H1V6K3D"
#define TEXT       "Subject: barn\r\nTo: bob\r\n\r\nHello, Bob.\r\n"
#define SUMMARY    24

/* -- fetch-server -------------------------------------------------------------------------- */

struct shelf {
	struct fetch_server s; /* first */
	struct asked {
		uint64_t request;
		bool octets;  /* it wants some */
	} asked[FETCH_AHEAD]; /* and not answered */
	size_t n;
};

static enum outcome
later(struct shelf *f, bool octets)
{
	f->asked[f->n++] = (struct asked) { f->s.server.request, octets };
	return PENDING;
}

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static enum outcome
hello(void *role, const char *domain, struct err *e)
{
	struct shelf *f = role;

	if (strcmp(domain, "c.test") == 0)
		return err_word(e, REFUSAL_not_designated), REFUSED;
	return strcmp(domain, "b.test") == 0 ? DONE : later(f, false);
}

static bool
look_up(const struct ulid *id, struct err *e)
{
	char digits[ULID_STR_BYTES];

	ulid_str(id, digits);
	if (strcmp(digits, TAKEN_BACK) == 0)
		return err_word(e, REFUSAL_recalled);
	return strcmp(digits, LETTER) == 0 || err_word(e, REFUSAL_unknown_id);
}

static enum outcome
summary(void *role, const struct ulid *id, struct fetch_found *found, struct err *e)
{
	(void)role;
	if (!look_up(id, e))
		return REFUSED;
	*found = (struct fetch_found) { source_bytes(span_of(TEXT, SUMMARY)), SUMMARY };
	return DONE;
}

static enum outcome
fetch(void *role, const struct ulid *id, uint64_t offset, struct fetch_found *found, struct err *e)
{
	(void)found;
	if (!look_up(id, e))
		return REFUSED;
	if (offset > sizeof TEXT - 1)
		return err_word(e, REFUSAL_bad_offset), REFUSED;
	return later(role, true);
}

static enum outcome
change(void *role, const struct ulid *id, struct err *e)
{
	return look_up(id, e) ? later(role, false) : REFUSED;
}

static const struct fetch_server_ops server_ops = {
	.server = { .admit = admit },
	.hello = hello,
	.summary = summary,
	.fetch = fetch,
	.done = change,
	.decline = change,
};

static void *
make_server(struct engine **e)
{
	struct shelf *f = calloc(1, sizeof *f);

	if (f == NULL)
		abort();
	fetch_server_init(&f->s, &server_ops, f);
	*e = &f->s.server.engine;
	return f;
}

static bool
answer(struct shelf *f, uint64_t request, bool octets, const struct err *e)
{
	struct fetch_found found = { NULL, sizeof TEXT - 1 };

	if (!octets)
		return fetch_server_answer(&f->s, request, e);
	if (e == NULL)
		found.source = source_bytes(SPAN_LIT(TEXT));
	return fetch_server_found_take(&f->s, request, &found, e);
}

static bool
answer_one(struct shelf *f, size_t i, const struct err *e)
{
	struct asked a = f->asked[i];

	f->n--;
	memmove(&f->asked[i], &f->asked[i + 1], (f->n - i) * sizeof f->asked[0]);
	return answer(f, a.request, a.octets, e);
}

static bool
act_server(void *role, struct span words)
{
	struct shelf *f = role;
	struct err e;

	err_word(&e, REFUSAL_storage);
	if (span_eq(words, SPAN_LIT("stale")))
		return !answer(f, f->n > 0 ? f->asked[0].request - 1 : f->s.server.request, true,
		    NULL);
	if (f->n == 0)
		return false;
	if (span_eq(words, SPAN_LIT("durable")))
		return answer_one(f, 0, NULL);
	if (span_eq(words, SPAN_LIT("the last is durable")))
		return answer_one(f, f->n - 1, NULL);
	return span_eq(words, SPAN_LIT("fails")) && answer_one(f, 0, &e);
}

static void
clear_server(void *role)
{
	fetch_server_clear(&((struct shelf *)role)->s);
	free(role);
}

const struct replay_engine replay_fetch_server = {
	"fetch-server",
	make_server,
	act_server,
	clear_server,
};

/* -- fetch-client -------------------------------------------------------------------------- */

struct asker {
	struct fetch_client c; /* first */
	struct buf heard, octets;
};

static void
on_hello(void *role, const struct err *e)
{
	heard_add(&((struct asker *)role)->heard, "hello", e);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)role;
	(void)arg;
	return octets <= 1000 || err_word(e, REFUSAL_broken_promise);
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	(void)arg;
	buf_add(&((struct asker *)role)->octets, piece.p, piece.n);
}

static void
on_end(void *role, void *arg, const struct err *e)
{
	struct asker *a = role;
	char what[64];

	snprintf(what, sizeof what, "%s", (const char *)arg);
	if (a->octets.len > 0)
		snprintf(what, sizeof what, "%s of %zu", (const char *)arg, a->octets.len);
	heard_add(&a->heard, what, e);
	buf_reset(&a->octets);
}

static void
on_lost(void *role, const struct err *e)
{
	heard_add(&((struct asker *)role)->heard, "lost", e);
}

static const struct fetch_client_ops client_ops = {
	on_hello,
	on_found,
	on_payload,
	on_end,
	on_lost,
};

static void *
make_client(struct engine **e)
{
	struct asker *a = calloc(1, sizeof *a);

	if (a == NULL)
		abort();
	fetch_client_init(&a->c, &client_ops, a);
	*e = &a->c.client.engine;
	return a;
}

static bool
ask(struct asker *a, struct span verb, struct span rest)
{
	static char s[] = "summary", f[] = "fetch", d[] = "done", n[] = "decline";
	struct span number = rest, from = span_cut(&number, ' ');
	struct ulid id;
	uint64_t offset;

	if (span_eq(verb, SPAN_LIT("from")))
		return span_u64(from, &offset) && ulid_parse(number, &id) &&
		    fetch_client_fetch(&a->c, &id, offset, f);
	if (!ulid_parse(rest, &id))
		return false;
	if (span_eq(verb, SPAN_LIT("summary")))
		return fetch_client_summary(&a->c, &id, s);
	if (span_eq(verb, SPAN_LIT("fetch")))
		return fetch_client_fetch(&a->c, &id, 0, f);
	if (span_eq(verb, SPAN_LIT("done")))
		return fetch_client_done(&a->c, &id, d);
	return span_eq(verb, SPAN_LIT("decline")) && fetch_client_decline(&a->c, &id, n);
}

static bool
act_client(void *role, struct span words)
{
	struct asker *a = role;
	struct span rest = words, verb = span_cut(&rest, ' ');
	struct err e;

	if (span_eq(verb, SPAN_LIT("heard")))
		return heard_is(&a->heard, rest);
	if (span_eq(verb, SPAN_LIT("hello")))
		return fetch_client_hello(&a->c, "b.test");
	if (span_eq(verb, SPAN_LIT("noop")))
		return fetch_client_noop(&a->c);
	if (span_eq(verb, SPAN_LIT("quit")))
		return fetch_client_quit(&a->c);
	if (!span_eq(verb, SPAN_LIT("lost")))
		return ask(a, verb, rest);
	err_word(&e, REFUSAL_tls_truncated);
	client_lost(&a->c.client, &e);
	return true;
}

static void
clear_client(void *role)
{
	struct asker *a = role;

	fetch_client_clear(&a->c);
	buf_clear(&a->heard);
	buf_clear(&a->octets);
	free(a);
}

const struct replay_engine replay_fetch_client = {
	"fetch-client",
	make_client,
	act_client,
	clear_client,
};
