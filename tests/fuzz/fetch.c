/* fetch — both engines and any octets: the same out however they come in, every request ends once,
 * every source is freed once.
 *
 * Input: 'c' and what a server says, or 's' and what a client says; then the size of the pieces.
 */
#include <string.h>

#include "common/base/source.h"
#include "proto/fetch_client.h"
#include "proto/fetch_server.h"
#include "tests/fuzz/chunks.h"

#define ASKED 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

/* -- the server ---------------------------------------------------------------------------- */

struct shelf {
	struct fetch_server s; /* first */
	unsigned turn;         /* each answer is of another kind */
	struct asked {
		uint64_t request;
		bool octets;
	} asked[FETCH_AHEAD]; /* and not answered */
	size_t n;
};

static enum outcome
later(struct shelf *f, bool octets)
{
	chunks_must(f->n < FETCH_AHEAD);
	f->asked[f->n++] = (struct asked) { f->s.server.request, octets };
	return PENDING;
}

static enum outcome
next(struct shelf *f, bool octets, struct err *e)
{
	if (f->turn++ % 3 == 0)
		return err_word(e, REFUSAL_unknown_id), REFUSED;
	return f->turn % 3 == 0 ? DONE : later(f, octets);
}

static enum outcome
hello(void *role, const char *domain, struct err *e)
{
	(void)e;
	chunks_must(domain_is_canonical(span_str(domain)));
	return later(role, false);
}

static enum outcome
summary(void *role, const struct ulid *id, struct fetch_found *found, struct err *e)
{
	enum outcome o = next(role, true, e);

	(void)id;
	if (o == DONE)
		*found = (struct fetch_found) { source_bytes(SPAN_LIT("Subject: x\r\n")), 12 };
	return o;
}

static enum outcome
fetch(void *role, const struct ulid *id, uint64_t offset, struct fetch_found *found, struct err *e)
{
	(void)offset;
	return summary(role, id, found, e);
}

static enum outcome
change(void *role, const struct ulid *id, struct err *e)
{
	(void)id;
	return next(role, false, e);
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
make_server(struct engine **e, struct buf *heard)
{
	struct shelf *f = calloc(1, sizeof *f);

	(void)heard;
	chunks_must(f != NULL);
	fetch_server_init(&f->s, &server_ops, f);
	*e = &f->s.server.engine;
	return f;
}

static bool
answer(void *role)
{
	struct shelf *f = role;
	struct fetch_found found = { .size = 12 };
	struct asked a = f->asked[0];

	if (f->n == 0)
		return false;
	memmove(f->asked, f->asked + 1, --f->n * sizeof a);
	chunks_must(!fetch_server_answer(&f->s, a.request - 1, NULL));
	if (!a.octets)
		return fetch_server_answer(&f->s, a.request, NULL);
	chunks_must(!fetch_server_answer(&f->s, a.request, NULL));
	found.source = source_bytes(SPAN_LIT("Subject: x\r\n"));
	return fetch_server_found_take(&f->s, a.request, &found, NULL);
}

static void
end_server(void *role)
{
	fetch_server_clear(&((struct shelf *)role)->s);
	free(role);
}

/* -- the client ---------------------------------------------------------------------------- */

struct asker {
	struct fetch_client c; /* first */
	struct buf *heard;
	uint64_t left, octets;
	unsigned ended[ASKED], lost;
};

static void
on_hello(void *role, const struct err *e)
{
	buf_addf(((struct asker *)role)->heard, "hello %d;", e != NULL);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	struct asker *a = role;

	chunks_must(*(unsigned *)arg == 0);
	a->left = octets;
	return octets < 1000000 || err_word(e, REFUSAL_message_too_big);
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	struct asker *a = role;

	chunks_must(*(unsigned *)arg == 0 && piece.n > 0 && piece.n <= a->left);
	a->left -= piece.n;
	a->octets += piece.n;
}

static void
on_end(void *role, void *arg, const struct err *e)
{
	struct asker *a = role;

	chunks_must(++*(unsigned *)arg == 1 && a->lost == 0);
	chunks_must(e != NULL || a->left == 0);
	buf_addf(a->heard, "end %d %llu %s;", (int)((unsigned *)arg - a->ended),
	    (unsigned long long)a->octets, e ? refusal_word(e->why) : "");
	a->left = 0;
}

static void
on_lost(void *role, const struct err *e)
{
	struct asker *a = role;

	chunks_must(++a->lost == 1);
	buf_addf(a->heard, "lost %s;", refusal_word(e->why));
}

static const struct fetch_client_ops client_ops = {
	on_hello,
	on_found,
	on_payload,
	on_end,
	on_lost,
};

static void *
make_client(struct engine **e, struct buf *heard)
{
	struct asker *a = calloc(1, sizeof *a);
	struct ulid id = { { 1 } };

	chunks_must(a != NULL);
	a->heard = heard;
	fetch_client_init(&a->c, &client_ops, a);
	*e = &a->c.client.engine;
	chunks_must(fetch_client_hello(&a->c, "b.test"));
	chunks_must(fetch_client_summary(&a->c, &id, &a->ended[0]));
	chunks_must(fetch_client_fetch(&a->c, &id, 0, &a->ended[1]));
	chunks_must(fetch_client_done(&a->c, &id, &a->ended[2]));
	chunks_must(fetch_client_noop(&a->c));
	chunks_must(fetch_client_fetch(&a->c, &id, 7, &a->ended[3]));
	chunks_must(fetch_client_decline(&a->c, &id, &a->ended[4]));
	chunks_must(fetch_client_fetch(&a->c, &id, 0, &a->ended[5]));
	return a;
}

static bool
no_answer(void *role)
{
	(void)role;
	return false;
}

static void
end_client(void *role)
{
	struct asker *a = role;
	struct err e;

	err_word(&e, REFUSAL_tls_truncated);
	client_lost(&a->c.client, &e);
	for (size_t i = 0; i < ASKED; i++)
		chunks_must(a->ended[i] == 1);
	chunks_must(a->lost == 1);
	fetch_client_clear(&a->c);
	free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct chunks_kind server = { make_server, answer, end_server };
	static const struct chunks_kind client = { make_client, no_answer, end_client };

	if (n < 2)
		return 0;
	chunks_compare(data[0] == 'c' ? &client : &server, span_of(data + 2, n - 2),
	    data[1] % 64 + 1u);
	return 0;
}
