/* notify — the IMS's engine and any octets: the same out however they come in, and only sealed and
 * bound entries ever reach the role.
 *
 * The engine is real but for SHA-256 and the signature: a digest is a cheap mix, a signature is
 * good when its first octet is 'g', so that the fuzzer gets past them.  Answers come at once
 * (first octet of the input even) or only after all was fed, last batch first.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/line.h"
#include "proto/notify_server.h"
#include "tests/drive.h"

#define BATCHES NOTIFY_SEALS_MAX

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define HOLD_BYTES 32768

struct role {
	struct notify_server engine;
	bool slow;
	struct notify_batch *batches[BATCHES];
	size_t n;
	size_t held; /* in memory */
};

static void
must(bool holds)
{
	if (!holds)
		abort();
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
	(void)role;
	(void)e;
	must(domain_is_canonical(span_str(domain)));
	return DONE;
}

static bool
verify(void *role, enum seal_alg alg, struct span text, struct span signature, struct err *e)
{
	(void)role;
	(void)alg;
	must(text.n <= SEAL_MAX_BYTES && signature.n <= SEAL_SIGNATURE_MAX);
	return (signature.n > 0 && signature.p[0] == 'g') || err_word(e, REFUSAL_seal_bad);
}

static void
mix(struct span s, unsigned char out[STATEMENT_HASH_BYTES])
{
	memset(out, 0x11, STATEMENT_HASH_BYTES);
	out[0] = (unsigned char)s.n;
}

static int64_t
wall_s(void *role)
{
	(void)role;
	return 1795442402;
}

static void
answer(struct role *r, size_t i)
{
	struct notify_batch *b = r->batches[i];

	for (size_t k = 0; k < b->n_entries; k++)
		if (!b->entries[k].judged)
			notify_batch_accept(b, k, NOTIFY_NOTICED);
	must(notify_server_answer(&r->engine, b));
	must(!notify_server_answer(&r->engine, b));
	notify_batch_free(&r->batches[i]);
}

static void
check(const struct role *r, const struct notify_batch *b)
{
	size_t open = 0;

	must(b->n_statements <= SEAL_STATEMENTS_MAX && b->n_entries <= NOTIFY_ENTRIES_MAX);
	for (size_t i = 0; i < b->n_entries; i++) {
		const struct notify_entry *n = &b->entries[i];
		const struct statement *st;

		if (n->judged)
			continue;
		open++;
		must(n->statement < b->n_statements);
		st = &b->statements[n->statement];
		must(span_eq(st->from_domain, span_str(r->engine.peer.text)));
		must(span_eq(st->recipient_domain, SPAN_LIT("b.test")));
		must((st->kind == STATEMENT_RECALL) == (n->address.n == 0));
	}
	must(open > 0 && open == b->n_open);
}

/* A small budget, so that both ends of it are met. */
static bool
hold(void *role, size_t bytes, bool forced, struct err *e)
{
	struct role *r = role;

	must(bytes % NOTIFY_HOLD_STEP == 0);
	if (!forced && bytes > r->held && bytes > HOLD_BYTES)
		return err_word(e, REFUSAL_batch_share);
	r->held = bytes;
	return true;
}

static void
accept_take(void *role, struct notify_batch *b)
{
	struct role *r = role;

	check(r, b);
	must(r->n < BATCHES);
	r->batches[r->n++] = b;
	if (!r->slow)
		answer(r, --r->n);
}

static struct buf
play(struct span in, size_t chunk, bool slow)
{
	static const struct notify_server_ops ops = {
		.server = { .admit = admit },
		.hello = hello,
		.verify = verify,
		.accept_take = accept_take,
		.hold = hold,
		.wall_s = wall_s,
		.sha256 = mix,
	};
	struct role r = { .slow = slow };
	struct buf held = BUF_INIT, said = BUF_INIT;
	struct engine *e = &r.engine.server.engine;

	notify_server_init(&r.engine, "b.test", &ops, &r);
	e->now_ms = 1;
	drive(e, &held, in, chunk);
	while (r.n > 0) {
		answer(&r, --r.n);
		if (r.n == 0)
			buf_drop(&held, e->feed(e, buf_span(&held)));
	}
	buf_add(&said, e->out.data, e->out.len);
	buf_addf(&said, "%d", e->closing);
	buf_reset(&e->out);
	e->feed(e, (struct span) { 0 });
	must(r.engine.gathering != NULL || r.engine.count > 0 || r.held == 0);
	notify_server_clear(&r.engine);
	buf_clear(&held);
	return said;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool slow = n > 0 && data[0] % 2 == 1;
	struct span in = span_sub(span_of(data, n), 1, n);
	struct buf whole = play(in, n + 1, slow), bits = play(in, 1, slow);

	must(span_eq(buf_span(&whole), buf_span(&bits)));
	buf_clear(&whole);
	buf_clear(&bits);
	return 0;
}
