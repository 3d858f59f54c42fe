/* submit_scene — the fake roles of both engines of submit, for their unit tests. */
#ifndef TESTS_UNIT_SUBMIT_SCENE_H
#define TESTS_UNIT_SUBMIT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/submit_client.h"
#include "proto/submit_server.h"
#include "tests/drive.h"
#include "tests/sasl_scene.h"
#include "tests/vast.h"

#define ID  "01JDZ5TPB4M4Q8W1RZ9H1V6K3C"
#define MIB (UINT64_C(1) << 20)

/* -- the server ---------------------------------------------------------------------------- */

struct desk {
	struct submit_server s; /* first */
	struct buf held;
	bool slow, slow_to_begin;
	bool pauses; /* after each piece */
	int step;
	uint64_t asked, octets;
	struct span within; /* pieces must lie here; else they are of vast */
	bool in_order;
	unsigned begun, ended;
	struct submit_envelope last;
};

static inline bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static inline enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said, struct err *e)
{
	struct desk *d = role;

	d->asked = d->s.sasl.server.request;
	if (d->slow)
		return PENDING;
	if (span_eq(mechanism, SPAN_LIT("ENDLESS")) || (mechanism.n == 0 && d->step == -1)) {
		d->step = -1;
		return DONE;
	}
	return sasl_scene_auth(&d->step, mechanism, message, said, e);
}

static inline enum outcome
address(void *role, const char *a, struct err *e)
{
	struct desk *d = role;

	assert_true(domain_is_canonical(span_str(strchr(a, '@') + 1)));
	(void)e;
	d->asked = d->s.sasl.server.request;
	return d->slow ? PENDING : DONE;
}

static inline enum outcome
begin(void *role, const struct submit_envelope *env, struct err *e)
{
	struct desk *d = role;

	d->begun++;
	d->octets = 0;
	d->last = *env;
	d->asked = d->s.sasl.server.request;
	if (d->slow_to_begin)
		return PENDING;
	if (env->octets <= 50 * MIB)
		return DONE;
	err_word(e, REFUSAL_message_too_big);
	return REFUSED;
}

static inline void
body(void *role, struct span piece)
{
	struct desk *d = role;

	if (d->within.n > 0)
		assert_in_range((uintptr_t)piece.p, (uintptr_t)d->within.p,
		    (uintptr_t)d->within.p + d->within.n - piece.n);
	else
		for (size_t i = 0; i < piece.n; i++)
			d->in_order = d->in_order && piece.p[i] == vast_octet(d->octets + i);
	d->octets += piece.n;
	if (d->pauses)
		submit_server_pause(&d->s, true);
}

static inline enum outcome
end(void *role, struct ulid *id, struct err *e)
{
	struct desk *d = role;

	(void)e;
	d->ended++;
	assert_int_equal(d->octets, d->last.octets);
	d->asked = d->s.sasl.server.request;
	assert_true(ulid_parse(SPAN_LIT(ID), id));
	return d->slow ? PENDING : DONE;
}

static inline enum outcome
status(void *role, const struct ulid *id, struct buf *page, struct err *e)
{
	struct submit_letter l = { .id = *id, .from = "user@a.test" };
	struct submit_recipient r = { .state = SUBMIT_REFUSED, .word = "mailbox-full" };

	(void)role;
	(void)e;
	submit_letter_write(page, &l);
	for (int i = 0; i < SUBMIT_RECIPIENTS_MAX; i++) {
		snprintf(r.to, sizeof r.to, "user%d@b.test", i);
		memset(r.text, ' ', sizeof r.text - 1);
		submit_recipient_write(page, &r);
	}
	return DONE;
}

static inline enum outcome
outbox(void *role, const struct ulid *after, struct buf *page, bool *more, struct err *e)
{
	struct desk *d = role;

	(void)after;
	(void)page;
	(void)more;
	(void)e;
	d->asked = d->s.sasl.server.request;
	return PENDING;
}

static const struct submit_server_ops server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth },
	.from = address,
	.to = address,
	.begin = begin,
	.body = body,
	.end = end,
	.status = status,
	.outbox = outbox,
};

static inline struct engine *
mouth(struct desk *d)
{
	return &d->s.sasl.server.engine;
}

static inline void
say(struct desk *d, const char *lines)
{
	drive(mouth(d), &d->held, span_str(lines), 100000);
}

static inline void
open_desk(struct desk *d, bool signed_in)
{
	*d = (struct desk) { .in_order = true };
	submit_server_init(&d->s, &server_ops, d);
	mouth(d)->now_ms = 1000;
	if (signed_in)
		d->s.sasl.server.state = SASL_READY;
}

static inline void
close_desk(struct desk *d)
{
	submit_server_clear(&d->s);
	buf_clear(&d->held);
}

/* Is the last line of what came out a reply with this code? */
static inline void
assert_last(struct desk *d, const char *code)
{
	struct buf *out = &mouth(d)->out;
	size_t at = out->len - 2;

	while (at > 0 && out->data[at - 1] != '\n')
		at--;
	assert_memory_equal(out->data + at, code, strlen(code));
	buf_reset(out);
}

/* -- the client ---------------------------------------------------------------------------- */

struct writer {
	struct submit_client c; /* first */
	struct buf heard, held;
	int step;
	bool slow;
	unsigned taken, refused, rows;
};

static inline enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	struct writer *w = role;

	return w->slow ? PENDING : sasl_scene_step(&w->step, message, last, out, e);
}

static inline void
on_signed_in(void *role, const struct err *e)
{
	buf_addf(&((struct writer *)role)->heard, "signed-in %s;", e ? refusal_word(e->why) : "ok");
}

static inline void
on_refused(void *role, void *arg, enum submit_part part, size_t index, const struct err *e)
{
	(void)arg;
	buf_addf(&((struct writer *)role)->heard, "refused %d %zu %s;", (int)part, index,
	    refusal_word(e->why));
}

static inline void
on_taken(void *role, void *arg, const struct ulid *id, const struct err *e)
{
	struct writer *w = role;

	(void)arg;
	assert_true((id == NULL) != (e == NULL));
	w->taken += e == NULL;
	w->refused += e != NULL;
}

static inline void
on_letter(void *role, void *arg, const struct submit_letter *l)
{
	(void)arg;
	assert_string_equal(l->from, "user@a.test");
	((struct writer *)role)->rows++;
}

static inline void
on_recipient(void *role, void *arg, const struct submit_recipient *r)
{
	(void)arg;
	assert_int_equal(r->state, SUBMIT_REFUSED);
	assert_string_equal(r->word, "mailbox-full");
	((struct writer *)role)->rows++;
}

static inline void
on_page_end(void *role, void *arg, bool more, const struct err *e)
{
	(void)arg;
	buf_addf(&((struct writer *)role)->heard, "page %d %s;", more,
	    e ? refusal_word(e->why) : "ok");
}

static inline void
on_lost(void *role, const struct err *e)
{
	buf_addf(&((struct writer *)role)->heard, "lost %s;", refusal_word(e->why));
}

static const struct submit_client_ops client_ops = {
	{ step, on_signed_in },
	on_refused,
	on_taken,
	on_letter,
	on_recipient,
	on_page_end,
	on_lost,
};

static inline void
open_writer(struct writer *w)
{
	*w = (struct writer) { 0 };
	submit_client_init(&w->c, &client_ops, w);
	w->c.sasl.client.engine.now_ms = 1000;
}

static inline void
close_writer(struct writer *w)
{
	submit_client_clear(&w->c);
	buf_clear(&w->heard);
	buf_clear(&w->held);
}

static inline void
assert_heard(struct writer *w, const char *text)
{
	buf_add(&w->heard, "", 1);
	assert_string_equal(w->heard.data, text);
	buf_reset(&w->heard);
}

static const char *const bob[] = { "bob@b.test" };

static inline struct submit_draft
draft(void)
{
	return (struct submit_draft) { .from = "user@a.test",
		.to = bob,
		.n_to = 1,
		.token = "t",
		.octets = 2 };
}

#endif
