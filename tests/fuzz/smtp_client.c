/* smtp_client — a server of any octets: each letter ends once, its content is freed once, its dot leaves only after
 * the role gave it, and nothing is said in plain after STARTTLS.
 *
 * Input: the size of the pieces, and what the server says.
 */
#include "proto/smtp/smtp_client.h"
#include "common/base/source.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define LETTER ".a\r\n..b\r\nc"

struct play {
	struct smtp_client c; /* first */
	struct smtp_letter letter;
	unsigned begun, ended, failed, heard, letters;
	bool gives;
};

static const struct span to[] = { { "x@b.test", 8 }, { "y@b.test", 8 } };

static void
ready(void *role)
{
	struct play *p = role;
	struct err e;

	chunks_must(p->begun == p->ended && p->failed == 0);
	if (!p->c.secured && p->c.offers.starttls) {
		smtp_client_starttls(&p->c);
		return;
	}
	if (p->letters++ == 2) {
		smtp_client_quit(&p->c);
		return;
	}
	p->letter = (struct smtp_letter) { .from = SPAN_LIT("a@a.test"),
		.to = to,
		.n_to = 2,
		.content = source_bytes(SPAN_LIT(LETTER)),
		.octets = sizeof LETTER - 1,
		.envid = SPAN_LIT("1") };
	chunks_must(smtp_client_send(&p->c, &p->letter, &e));
	p->begun++;
	p->heard = 0;
	p->gives = false;
}

static void
recipient(void *role, size_t i, const struct smtp_reply *r)
{
	struct play *p = role;

	chunks_must(i == p->heard++ && i < 2 && r->done);
}

static void
giving(void *role)
{
	struct play *p = role;

	chunks_must(p->begun == p->ended + 1 && p->heard == 2 && !p->gives);
	p->gives = true;
}

static void
done(void *role, enum smtp_stage stage, const struct smtp_reply *r)
{
	struct play *p = role;

	chunks_must(++p->ended == p->begun && r->done);
	chunks_must(stage != SMTP_STAGE_END || p->heard == 2);
	chunks_must(stage == SMTP_STAGE_END || r->code >= 400);
}

static void
failed(void *role, enum smtp_stage stage, const struct err *why)
{
	struct play *p = role;

	(void)stage;
	chunks_must(++p->failed == 1 && why->why != REFUSAL_NONE);
}

static const struct smtp_client_ops ops = {
	.ready = ready, .recipient = recipient, .giving = giving, .done = done, .failed = failed
};

/* Takes what the client says. */
static void
hear(struct play *p)
{
	struct engine *e = &p->c.engine;
	char piece[5];

	do {
		buf_reset(&e->out);
		while (e->payload.source != NULL) {
			ssize_t got;

			hesitant_put(&e->payload);
			hesitant_wake(&e->payload);
			got = engine_payload_read(e, piece, sizeof piece);
			chunks_must(got >= 0 || got == SOURCE_WAIT);
			if (got >= 0)
				engine_payload_moved(e, (size_t)got);
		}
		if (p->gives && p->c.stage == SMTP_STAGE_CONTENT) {
			chunks_must(e->out.len == 0);
			smtp_client_give(&p->c);
		}
	} while (e->out.len > 0 || e->payload.source != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct play p = { 0 };
	struct buf held = BUF_INIT;
	struct engine *e = &p.c.engine;
	size_t step;

	if (n < 2)
		return 0;
	step = data[0] % 64 + 1u;
	smtp_client_init(&p.c, "oms.a.test", &ops, &p);
	e->now_ms = 1;
	for (size_t at = 1; at < n && !e->closing; at += step) {
		drive(e, &held, span_sub(span_of(data, n), at, step), step);
		hear(&p);
		if (e->wants_tls && !e->closing) {
			chunks_must(e->out.len == 0 && !p.c.secured);
			buf_reset(&held);
			e->secured(e);
			hear(&p);
		}
	}
	chunks_must(p.begun - p.ended <= 1);
	smtp_client_clear(&p.c);
	buf_clear(&held);
	return 0;
}
