/* smtp_server — a whole session of any octets: the role is asked in the order of RFC 5321, a letter has recipients
 * and lines, nothing is asked before TLS or before signing in, and no answer is lost.
 *
 * Input: 'i' (the gateway, in plain), 't' (the gateway, TLS is up) or 's' (submission); the size of the pieces; and
 * what a client says.
 */
#include "proto/smtp/smtp_server.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct play {
	struct smtp_server s; /* first */
	unsigned turn;        /* each answer is of another kind */
	bool greeted, mail, signed_in, waits, taking;
	unsigned recipients, asked;
	char last[2]; /* octets of the letter */
	uint64_t octets;
};

static enum outcome
next(struct play *p, struct err *e)
{
	chunks_must(!p->waits);
	p->asked = p->turn++ % 6;
	if (p->asked == 3)
		return err_word(e, REFUSAL_storage), REFUSED;
	p->waits = p->asked % 2 == 1;
	return p->waits ? PENDING : DONE;
}

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static void
hello(void *role, const struct smtp_name *name)
{
	struct play *p = role;

	chunks_must(name->as_came.n > 0 && !p->mail);
	p->greeted = true;
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *m, struct err *e)
{
	struct play *p = role;
	enum outcome o;

	(void)request;
	chunks_must(p->greeted && !p->mail && p->s.secured && m->size <= p->s.config->size_max);
	chunks_must(!p->s.config->submission || p->signed_in);
	o = next(p, e);
	p->mail = o != REFUSED;
	p->recipients = 0;
	return o;
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	struct play *p = role;
	enum outcome o;

	(void)request;
	(void)to;
	chunks_must(p->mail && p->recipients < SMTP_SERVER_RCPT_MAX);
	o = next(p, e);
	p->recipients += o != REFUSED;
	return o;
}

static enum outcome
data(void *role, uint64_t request, struct err *e)
{
	struct play *p = role;
	enum outcome o;

	(void)request;
	chunks_must(p->recipients > 0);
	o = next(p, e);
	p->taking = o != REFUSED;
	p->octets = 0;
	return o;
}

/* No bare CR or LF, however it was cut. */
static void
octets(void *role, struct span piece)
{
	struct play *p = role;

	chunks_must(p->taking && piece.n > 0);
	p->octets += piece.n;
	chunks_must(p->octets <= p->s.config->size_max);
	for (size_t i = 0; i < piece.n; i++) {
		chunks_must(piece.p[i] != '\0' && (piece.p[i] == '\n') == (p->last[0] == '\r'));
		p->last[0] = piece.p[i];
	}
}

static enum outcome
end(void *role, uint64_t request, struct err *e)
{
	struct play *p = role;
	enum outcome o;

	(void)request;
	chunks_must(p->taking && (p->octets == 0 || p->last[0] == '\n'));
	o = next(p, e);
	p->taking = p->mail = false;
	p->last[0] = '\0';
	return o;
}

static void
reset(void *role)
{
	struct play *p = role;

	chunks_must(p->mail);
	p->mail = p->taking = p->waits = false;
	p->last[0] = '\0';
}

static enum outcome
auth(void *role, uint64_t request, struct span mechanism, struct span message,
    struct sasl_said *said, struct err *e)
{
	struct play *p = role;
	enum outcome o;

	(void)request;
	chunks_must(p->s.secured && !p->signed_in && mechanism.n <= SASL_MECHANISM_MAX);
	o = next(p, e);
	said->signed_in = o == DONE && message.n > 8;
	p->signed_in = said->signed_in;
	return o;
}

static const struct smtp_server_ops server_ops = { .admit = admit,
	.hello = hello,
	.mail = mail,
	.rcpt = rcpt,
	.data = data,
	.octets = octets,
	.end = end,
	.reset = reset,
	.auth = auth };

/* Answers what waits.  False: nothing does. */
static bool
answer(struct play *p)
{
	struct sasl_said said = { .signed_in = p->turn % 2 == 0 };

	if (!p->waits || !p->s.waiting)
		return false;
	p->waits = false;
	chunks_must(!smtp_server_answer(&p->s, p->s.request - 1, NULL, NULL));
	if (!smtp_server_answer_auth(&p->s, p->s.request, &said, NULL))
		return smtp_server_answer(&p->s, p->s.request, NULL, "later");
	p->signed_in = said.signed_in;
	return true;
}

static void
secure(struct play *p)
{
	if (!p->s.engine.wants_tls || p->s.engine.closing)
		return;
	chunks_must(!p->s.secured && !p->mail);
	p->greeted = false;
	p->s.engine.secured(&p->s.engine);
}

static void
play(struct play *p, struct span in, size_t step)
{
	struct engine *e = &p->s.engine;
	struct buf held = BUF_INIT;
	size_t before;

	for (size_t at = 0; at < in.n && !e->closing; at += step) {
		drive(e, &held, span_sub(in, at, step), step);
		do {
			buf_reset(&e->out);
			secure(p);
			before = held.len;
			drive_again(e, &held);
		} while (answer(p) || held.len != before);
		chunks_must(e->closing || held.len < ENGINE_WINDOW_BYTES);
	}
	buf_clear(&held);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data_in, size_t n)
{
	static const struct smtp_server_config in_plain = { .name = "mx.a.test",
		.size_max = 200,
		.starttls = true },
					       in_tls = { .name = "mx.a.test",
						       .contact = "c",
						       .size_max = 200 },
					       submission = { .name = "mx.a.test",
						       .size_max = 200,
						       .submission = true,
						       .mechanisms = "PLAIN" };
	struct play p = { 0 };

	if (n < 2)
		return 0;
	smtp_server_init(&p.s,
	    data_in[0] == 'i'       ? &in_plain
		: data_in[0] == 's' ? &submission
				    : &in_tls,
	    &server_ops, &p);
	p.s.engine.now_ms = 1;
	play(&p, span_of(data_in + 2, n - 2), data_in[1] % 64 + 1u);
	smtp_server_clear(&p.s);
	return 0;
}
