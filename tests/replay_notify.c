/* replay_notify — the fake roles of the notify engines for tests/replay.
 *
 * notify-server serves b.test at 2026-11-23T14:00:02Z.  Mailboxes: full@ is full, again@ has the
 * notice; all others take it.  The domain evil.test fails SPF.  The one good signature is "good".
 *	A: slow		from now on answers come only by `A: answer`
 *	A: answer N	the N-th batch (from 1) is answered
 *
 * notify-client sends, and hears the transcript's client side as its peer:
 *	A: hello DOMAIN / A: noop / A: quit
 *	A: recall	sends a batch of one recall, "good" as its signature
 *	A: heard TEXT	what the callbacks said since the last time is this (false otherwise)
 */
#include <stdio.h>

#include "proto/notify_client.h"
#include "tests/notify_scene.h"
#include "tests/replay.h"

/* -- notify-server -------------------------------------------------------------------------- */

static bool
verify(void *role, enum seal_alg alg, struct span text, struct span signature, struct err *e)
{
	(void)role;
	(void)alg;
	(void)text;
	return span_eq(signature, SPAN_LIT("good")) || err_word(e, REFUSAL_seal_bad);
}

static const struct notify_server_ops server_ops = {
	.server = { .admit = scene_admit },
	.hello = scene_hello,
	.verify = verify,
	.accept_take = scene_accept_take,
	.wall_s = scene_wall_s,
	.sha256 = scene_sha256,
};

static void *
make_server(struct engine **e)
{
	struct scene_role *r = calloc(1, sizeof *r);

	if (r == NULL)
		abort();
	notify_server_init(&r->engine, "b.test", &server_ops, r);
	*e = &r->engine.server.engine;
	return r;
}

static bool
act_server(void *role, struct span words)
{
	struct scene_role *r = role;
	struct span rest = words, verb = span_cut(&rest, ' ');
	uint64_t n;

	if (span_eq(verb, SPAN_LIT("slow")))
		return r->slow = true;
	return span_eq(verb, SPAN_LIT("answer")) && span_u64(rest, &n) && n >= 1 &&
	    n <= r->n_batches && scene_answer(r, n - 1);
}

static void
clear_server(void *role)
{
	scene_role_clear(role);
	free(role);
}

const struct replay_engine replay_notify_server = {
	"notify-server",
	make_server,
	act_server,
	clear_server,
};

/* -- notify-client -------------------------------------------------------------------------- */

struct teller {
	struct notify_client c;
	struct buf heard;
};

static void
heard(struct teller *t, const char *what, const struct err *e)
{
	buf_addf(&t->heard, "%s%s %s", t->heard.len ? ", " : "", what,
	    e ? refusal_word(e->why) : "ok");
}

static void
on_hello(void *role, const struct err *e)
{
	heard(role, "hello", e);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	(void)arg;
	(void)index;
	(void)text;
	heard(role, "result", e);
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	(void)arg;
	(void)answered;
	heard(role, "end", e);
}

static void
on_lost(void *role, const struct err *e)
{
	heard(role, "lost", e);
}

static const struct notify_client_ops client_ops = { on_hello, on_result, on_batch_end, on_lost };

static void *
make_client(struct engine **e)
{
	struct teller *t = calloc(1, sizeof *t);

	if (t == NULL)
		abort();
	notify_client_init(&t->c, &client_ops, t);
	*e = &t->c.client.engine;
	return t;
}

static bool
send_recall(struct teller *t)
{
	struct statement st = {
		.from_domain = SPAN_LIT("a.test"),
		.recipient_domain = SPAN_LIT("b.test"),
		.date_s = SCENE_NOW - 2,
	};
	struct notify_letter letter = { 0 };
	struct buf text = BUF_INIT, seal = BUF_INIT;
	unsigned char digest[1][32];
	struct err e;
	bool good;

	ulid_parse(SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C"), &st.id);
	good = statement_write_recall(&text, &st, &e);
	letter.statement = buf_span(&text);
	scene_sha256(letter.statement, digest[0]);
	good = good &&
	    seal_write(&seal, st.from_domain, st.recipient_domain, SCENE_NOW, digest, 1, &e) &&
	    notify_client_send(&t->c, &letter, 1, buf_span(&seal), SEAL_ECDSA_SHA256,
		SPAN_LIT("good"), NULL, &e);
	buf_clear(&text);
	buf_clear(&seal);
	return good;
}

static bool
act_client(void *role, struct span words)
{
	struct teller *t = role;
	struct span rest = words, verb = span_cut(&rest, ' ');
	char domain[DOMAIN_BYTES];
	bool same;

	if (span_eq(verb, SPAN_LIT("hello")) && span_copy(rest, domain, sizeof domain))
		notify_client_hello(&t->c, domain);
	else if (span_eq(verb, SPAN_LIT("noop")))
		notify_client_noop(&t->c);
	else if (span_eq(verb, SPAN_LIT("quit")))
		notify_client_quit(&t->c);
	else if (span_eq(verb, SPAN_LIT("recall")))
		return send_recall(t);
	else if (span_eq(verb, SPAN_LIT("heard"))) {
		same = span_eq(rest, buf_span(&t->heard));
		if (!same)
			printf("# heard: %.*s\n", SPAN_FMT(buf_span(&t->heard)));
		buf_reset(&t->heard);
		return same;
	} else
		return false;
	return true;
}

static void
clear_client(void *role)
{
	struct teller *t = role;

	notify_client_clear(&t->c);
	buf_clear(&t->heard);
	free(t);
}

const struct replay_engine replay_notify_client = {
	"notify-client",
	make_client,
	act_client,
	clear_client,
};
