/* reply — a parsed reply is bounded and can be written again; a client survives any octets. */
#include <stdlib.h>
#include <string.h>

#include "proto/client.h"
#include "proto/line.h"
#include "tests/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* What a refusing reply means is written as one line and means the same again. */
static void
say_again(const struct reply *r)
{
	struct buf b = BUF_INIT;
	struct span line;
	struct reply again;
	struct err e;
	size_t used;

	must(!reply_err(r, &e));
	if (refusal_code(e.why) == 0)
		return;
	reply_add_refusal(&b, &e);
	must(line_next(buf_span(&b), &line, &used, &e) == LINE_READY && used == b.len);
	must(reply_parse(line, &again, &e) && again.why != REFUSAL_NONE);
	buf_clear(&b);
}

struct listener {
	struct client c;
	struct buf heard;
	int lost;
};

static void
on_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	(void)arg;
	buf_addf(&((struct listener *)c)->heard, "%d %d %.*s\n", kind, r->code, SPAN_FMT(r->text));
}

static void
on_payload(struct client *c, int kind, void *arg, struct span piece)
{
	(void)kind;
	(void)arg;
	buf_add(&((struct listener *)c)->heard, piece.p, piece.n);
}

static void
on_end(struct client *c, int kind, void *arg)
{
	(void)arg;
	buf_addf(&((struct listener *)c)->heard, "end %d\n", kind);
}

static void
on_lost(struct client *c, const struct err *e)
{
	((struct listener *)c)->lost++;
	buf_addf(&((struct listener *)c)->heard, "lost %s\n", refusal_word(e->why));
}

static struct buf
listen(struct span in, size_t chunk)
{
	static const struct client_ops ops = { .reply = on_reply,
		.payload = on_payload,
		.end = on_end,
		.lost = on_lost };
	struct listener l = { 0 };
	struct buf held = BUF_INIT;

	client_init(&l.c, &ops);
	client_request(&l.c, 1, NULL, "ONE");
	client_expect(&l.c, 2, NULL, 3);
	client_request(&l.c, 3, NULL, "THREE");
	drive(&l.c.engine, &held, in, chunk);
	must(l.lost <= 1);
	client_clear(&l.c);
	buf_clear(&held);
	return l.heard;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_of(data, n);
	struct reply r;
	struct err e;
	struct buf whole, bits;

	if (n <= LINE_MAX_BYTES - 2 && line_is_text(in) && reply_parse(in, &r, &e)) {
		must(r.code >= 100 && r.code <= 599);
		must(r.has_payload ? r.code / 100 == 2 : r.octets == 0);
		if (r.code >= 400)
			say_again(&r);
	}
	whole = listen(in, n + 1);
	bits = listen(in, 1);
	must(span_eq(buf_span(&whole), buf_span(&bits)));
	buf_clear(&whole);
	buf_clear(&bits);
	return 0;
}
