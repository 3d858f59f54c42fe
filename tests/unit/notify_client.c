/* notify_client — both engines back to back, and what the client will not send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/notify_client.h"
#include "tests/notify_play.h"

struct teller {
	struct notify_client c;
	struct buf heard, held;
};

static void
on_hello(void *arg, const struct err *e)
{
	buf_addf(&((struct teller *)arg)->heard, "hello %s;", e ? refusal_word(e->why) : "ok");
}

static void
on_result(void *arg, void *batch, size_t index, struct span text, const struct err *e)
{
	(void)text;
	buf_addf(&((struct teller *)arg)->heard, "%s/%zu %s;", (const char *)batch, index,
	    e ? refusal_word(e->why) : "ok");
}

static void
on_batch_end(void *arg, void *batch, size_t answered, const struct err *e)
{
	buf_addf(&((struct teller *)arg)->heard, "%s end %zu %s;", (const char *)batch, answered,
	    e ? refusal_word(e->why) : "ok");
}

static void
on_lost(void *arg, const struct err *e)
{
	buf_addf(&((struct teller *)arg)->heard, "lost %s;", refusal_word(e->why));
}

static const struct notify_client_ops teller_ops = { on_hello, on_result, on_batch_end, on_lost };

static void
tell_begin(struct teller *t)
{
	*t = (struct teller) { 0 };
	notify_client_init(&t->c, &teller_ops, t);
	scene_role_init(&role);
}

static void
tell_end(struct teller *t)
{
	notify_client_clear(&t->c);
	buf_clear(&t->heard);
	buf_clear(&t->held);
	end();
}

/* Moves octets both ways until nothing moves. */
static void
pump(struct teller *t, size_t chunk)
{
	struct engine *oms = &t->c.client.engine, *ims = &role.engine.server.engine;

	do {
		struct buf a = oms->out, b;

		oms->out = (struct buf)BUF_INIT;
		drive(ims, &held, buf_span(&a), chunk);
		b = ims->out;
		ims->out = (struct buf)BUF_INIT;
		drive(oms, &t->held, buf_span(&b), chunk);
		buf_clear(&a);
		buf_clear(&b);
	} while (oms->out.len + ims->out.len > 0);
}

static void
heard(struct teller *t, const char *want)
{
	buf_add(&t->heard, "", 1);
	assert_string_equal(t->heard.data, want);
	buf_reset(&t->heard);
}

/* Letters `first` to `last`; number 2 is a recall, the others have two recipients. */
static bool
tell(struct teller *t, unsigned first, unsigned last, const char *arg, struct err *e)
{
	static struct notify_recipient r[SCENE_LETTERS][2];
	struct notify_letter letters[SCENE_LETTERS] = { 0 };
	struct buf texts[SCENE_LETTERS] = { 0 }, seal = BUF_INIT;
	unsigned char digests[SCENE_LETTERS][32], signature[32];
	size_t n = last - first + 1;
	bool sent;

	for (unsigned i = 0; i < n; i++) {
		struct scene_letter l = scene_letter(first + i);

		l.n_recipients = first + i == 2 ? 0 : 2;
		l.recipients[0] = "bob@b.test";
		l.recipients[1] = "full@b.test";
		scene_statement(&l, &texts[i]);
		scene_sha256(buf_span(&texts[i]), digests[i]);
		letters[i] = (struct notify_letter) { buf_span(&texts[i]),
			l.n_recipients ? r[i] : NULL, l.n_recipients };
		for (size_t k = 0; k < l.n_recipients; k++) {
			r[i][k].address = span_str(l.recipients[k]);
			scene_salt(first + i, k, r[i][k].salt);
		}
	}
	assert_true(seal_write(&seal, SPAN_LIT("a.test"), SPAN_LIT("b.test"), SCENE_NOW, digests,
	    n < SEAL_STATEMENTS_MAX ? n : SEAL_STATEMENTS_MAX, e));
	scene_sign(buf_span(&seal), "ecdsa-sha256", signature);
	sent = notify_client_send(&t->c, letters, n, buf_span(&seal), SEAL_ECDSA_SHA256,
	    span_of(signature, sizeof signature), (void *)(uintptr_t)arg, e);
	for (unsigned i = 0; i < n; i++)
		buf_clear(&texts[i]);
	buf_clear(&seal);
	return sent;
}

static void
both_engines(void **state)
{
	struct err e;

	(void)state;
	for (size_t chunk = 1; chunk < 5000; chunk *= 5) {
		struct teller t;

		tell_begin(&t);
		notify_client_hello(&t.c, "a.test");
		assert_false(notify_client_may_send(&t.c));
		pump(&t, chunk);
		heard(&t, "hello ok;");
		assert_true(tell(&t, 1, 3, "x", &e));
		notify_client_noop(&t.c);
		assert_true(tell(&t, 4, 4, "y", &e));
		pump(&t, chunk);
		heard(&t,
		    "x/0 ok;x/1 mailbox-full;x/2 ok;x/3 ok;x/4 mailbox-full;x end 5 ok;"
		    "y/0 ok;y/1 mailbox-full;y end 2 ok;");
		notify_client_quit(&t.c);
		pump(&t, chunk);
		heard(&t, "lost closing;");
		assert_true(t.c.client.engine.closing && role.engine.server.engine.closing);
		tell_end(&t);
	}
}

static void
a_broken_session_ends_each_batch_once(void **state)
{
	struct teller t;
	struct err e;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "a.test");
	pump(&t, 10000);
	assert_true(tell(&t, 1, 3, "x", &e) && tell(&t, 4, 4, "y", &e));
	buf_reset(&t.heard);
	drive(&t.c.client.engine, &t.held,
	    SPAN_LIT("250 2.1.5 noticed\r\n350 2.0.0 what\r\n"
		     "421 4.3.2 [closing] bye\r\n"),
	    7);
	heard(&t, "x/0 ok;x/1 internal;x end 2 closing;y end 0 closing;lost closing;");
	assert_false(tell(&t, 1, 1, "z", &e));
	assert_int_equal(e.why, REFUSAL_bad_sequence);
	tell_end(&t);
}

static void
not_welcome(void **state)
{
	struct teller t;
	struct err e;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "evil.test");
	assert_false(tell(&t, 1, 1, "x", &e));
	assert_int_equal(e.why, REFUSAL_bad_sequence);
	pump(&t, 10000);
	heard(&t, "hello spf-fail;lost spf-fail;");
	tell_end(&t);
}

static void
four_seals_and_no_more(void **state)
{
	struct teller t;
	struct err e;
	size_t out;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "a.test");
	pump(&t, 10000);
	for (unsigned i = 0; i < NOTIFY_SEALS_MAX; i++) {
		assert_true(notify_client_may_send(&t.c));
		assert_true(tell(&t, i, i, "x", &e));
	}
	out = t.c.client.engine.out.len;
	assert_false(notify_client_may_send(&t.c));
	assert_false(tell(&t, 9, 9, "x", &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	assert_int_equal(t.c.client.engine.out.len, out);
	pump(&t, 10000);
	assert_true(notify_client_may_send(&t.c));
	tell_end(&t);
}

static void
what_the_client_will_not_send(void **state)
{
	static char big[STATEMENT_MAX_BYTES + 1];
	struct notify_recipient r[STATEMENT_RECIPIENTS_MAX + 1];
	struct notify_letter l[SEAL_STATEMENTS_MAX + 1];
	struct span s = SPAN_LIT("x");
	struct teller t;
	struct err e;

	(void)state;
	tell_begin(&t);
	notify_client_hello(&t.c, "a.test");
	pump(&t, 10000);
	for (size_t i = 0; i <= STATEMENT_RECIPIENTS_MAX; i++)
		r[i] = (struct notify_recipient) { .address = SPAN_LIT("bob@b.test") };
	for (size_t i = 0; i <= SEAL_STATEMENTS_MAX; i++)
		l[i] = (struct notify_letter) { s, NULL, 0 };
#define REFUSES(why_, n_, seal_, signature_)                                                       \
	do {                                                                                       \
		assert_false(notify_client_send(&t.c, l, n_, seal_, SEAL_RSA_SHA256, signature_,   \
		    NULL, &e));                                                                    \
		assert_int_equal(e.why, REFUSAL_##why_);                                           \
		assert_int_equal(t.c.client.engine.out.len, 0);                                    \
	} while (0)
	REFUSES(no_recipient, 0, s, s);
	REFUSES(too_many_statements, SEAL_STATEMENTS_MAX + 1, s, s);
	REFUSES(bad_seal_form, 1, span_of(big, SEAL_MAX_BYTES + 1), s);
	REFUSES(bad_seal_form, 1, s, span_of(big, SEAL_SIGNATURE_MAX + 1));
	l[0].statement = span_of(big, STATEMENT_MAX_BYTES + 1);
	REFUSES(statement_too_big, 1, s, s);
	l[0] = (struct notify_letter) { s, r, 0 };
	REFUSES(no_recipient, 1, s, s);
	l[0].n_recipients = STATEMENT_RECIPIENTS_MAX + 1;
	REFUSES(too_many_recipients, 1, s, s);
	l[0].n_recipients = STATEMENT_RECIPIENTS_MAX;
	r[1].address = SPAN_LIT("bob@b.test> 0\r\nQUIT");
	REFUSES(bad_domain, 1, s, s);
	r[1].address = r[0].address;
	for (size_t i = 0; i < SEAL_STATEMENTS_MAX; i++)
		l[i] = (struct notify_letter) { span_of(big, STATEMENT_MAX_BYTES), NULL, 0 };
	REFUSES(batch_too_big, SEAL_STATEMENTS_MAX, s, s);
	tell_end(&t);
}

static void
a_session_has_its_hour(void **state)
{
	struct teller t;
	struct engine *e = &t.c.client.engine;

	(void)state;
	tell_begin(&t);
	e->now_ms = 1000;
	notify_client_hello(&t.c, "a.test");
	drive(e, &t.held, SPAN_LIT("250 2.0.0 x\r\n"), 1000);
	assert_int_equal(e->deadline_ms, 1000 + CLIENT_LIFE_MS);
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_true(e->closing);
	heard(&t, "hello ok;lost too-slow;");
	tell_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_has_its_hour),
		cmocka_unit_test(both_engines),
		cmocka_unit_test(a_broken_session_ends_each_batch_once),
		cmocka_unit_test(not_welcome),
		cmocka_unit_test(four_seals_and_no_more),
		cmocka_unit_test(what_the_client_will_not_send),
	};

	return cmocka_run_group_tests_name("notify_client", tests, NULL, NULL);
}
