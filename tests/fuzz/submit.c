/* submit — both engines and any octets: the same out however they come in, no letter begins before
 * signing in or ends short, every request of a client ends once.
 *
 * Input: 'c' and what a server says, or 's' (signed in) or 'n' (not yet) and what a client says;
 * then the size of the pieces.
 */
#include "proto/submit_client.h"
#include "proto/submit_server.h"
#include "tests/fuzz/chunks.h"

#define ASKED 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

/* -- the server ---------------------------------------------------------------------------- */

struct desk {
	struct submit_server s; /* first */
	struct buf *heard;
	unsigned turn; /* each answer is of another kind */
	bool signed_in, open;
	uint64_t left;
};

static enum outcome
next(struct desk *d, struct err *e)
{
	if (d->turn++ % 5 == 3)
		return err_word(e, REFUSAL_storage), REFUSED;
	return d->turn % 2 == 0 ? DONE : PENDING;
}

static enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said, struct err *e)
{
	struct desk *d = role;
	enum outcome o = next(d, e);

	chunks_must(!d->signed_in && mechanism.n <= SASL_MECHANISM_MAX);
	said->signed_in = o == DONE && message.n > 8;
	d->signed_in = said->signed_in;
	return o;
}

static enum outcome
judge(void *role, const char *address, struct err *e)
{
	struct address a;

	chunks_must(((struct desk *)role)->signed_in);
	chunks_must(address_parse_canonical(span_str(address), &a, e));
	return next(role, e);
}

static enum outcome
begin(void *role, const struct submit_envelope *env, struct err *e)
{
	struct desk *d = role;
	struct address a;
	enum outcome o;

	chunks_must(d->signed_in && !d->open && env->n_to > 0);
	chunks_must(env->n_to <= SUBMIT_RECIPIENTS_MAX && env->hold_days <= SUBMIT_HOLD_DAYS_MAX);
	chunks_must(submit_token_is_good(span_str(env->token)));
	chunks_must(address_parse_canonical(span_str(env->from), &a, e));
	d->left = env->octets;
	o = next(d, e);
	d->open = o != REFUSED;
	return o;
}

static void
body(void *role, struct span piece)
{
	struct desk *d = role;

	chunks_must(d->open && piece.n > 0 && piece.n <= d->left);
	d->left -= piece.n;
}

static enum outcome
end(void *role, struct ulid *id, struct err *e)
{
	struct desk *d = role;

	chunks_must(d->open && d->left == 0);
	d->open = false;
	buf_addf(d->heard, "%s %s %zu;", d->s.letter->token, d->s.letter->from, d->s.letter->n_to);
	*id = (struct ulid) { { 1 } };
	return next(d, e);
}

static enum outcome
status(void *role, const struct ulid *id, struct buf *page, struct err *e)
{
	struct submit_letter l = { .id = *id };
	enum outcome o = next(role, e);

	if (o == DONE)
		submit_letter_write(page, &l);
	return o;
}

static enum outcome
outbox(void *role, const struct ulid *after, struct buf *page, bool *more, struct err *e)
{
	*more = after == NULL;
	return status(role, after != NULL ? after : &(struct ulid) { { 0 } }, page, e);
}

static const struct submit_server_ops server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth },
	.from = judge,
	.to = judge,
	.begin = begin,
	.body = body,
	.end = end,
	.status = status,
	.outbox = outbox,
};

static void *
make_stranger(struct engine **e, struct buf *heard)
{
	struct desk *d = calloc(1, sizeof *d);

	chunks_must(d != NULL);
	d->heard = heard;
	submit_server_init(&d->s, &server_ops, d);
	*e = &d->s.sasl.server.engine;
	return d;
}

static void *
make_server(struct engine **e, struct buf *heard)
{
	struct desk *d = make_stranger(e, heard);

	d->signed_in = true;
	d->s.sasl.server.state = SASL_READY;
	return d;
}

static bool
answer(void *role)
{
	struct desk *d = role;
	uint64_t request = d->s.sasl.server.request;
	struct ulid id = { { 2 } };
	struct sasl_said said = { .signed_in = d->turn % 2 == 0 };

	if (!d->s.sasl.server.waiting)
		return false;
	chunks_must(!submit_server_answer(&d->s, request - 1, NULL));
	if (sasl_server_answer(&d->s.sasl, request, &said, NULL)) {
		d->signed_in = said.signed_in;
		return true;
	}
	return submit_server_answer(&d->s, request, NULL) ||
	    submit_server_taken(&d->s, request, &id, NULL) ||
	    submit_server_page(&d->s, request, SPAN_LIT("x\r\n"), true, NULL);
}

static void
end_server(void *role)
{
	submit_server_clear(&((struct desk *)role)->s);
	free(role);
}

/* -- the client ---------------------------------------------------------------------------- */

struct writer {
	struct submit_client c; /* first */
	struct buf *heard;
	unsigned ended[ASKED], signed_in, lost, steps;
};

static enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	struct writer *w = role;

	if (w->steps++ % 4 == 3 || (last && message.n < 3))
		return err_word(e, REFUSAL_auth_failed), REFUSED;
	if (!last)
		buf_add(out, "AAAA", 4);
	return DONE;
}

static void
on_signed_in(void *role, const struct err *e)
{
	struct writer *w = role;

	chunks_must(++w->signed_in == 1 && w->lost == 0);
	buf_addf(w->heard, "in %d;", e != NULL);
}

static void
on_refused(void *role, void *arg, enum submit_part part, size_t index, const struct err *e)
{
	(void)e;
	chunks_must(*(unsigned *)arg == 0 && index < 2);
	buf_addf(((struct writer *)role)->heard, "refused %d %zu;", (int)part, index);
}

static void
ended(struct writer *w, void *arg, const struct err *e)
{
	chunks_must(++*(unsigned *)arg == 1 && w->lost == 0);
	buf_addf(w->heard, "end %d %s;", (int)((unsigned *)arg - w->ended),
	    e ? refusal_word(e->why) : "");
}

static void
on_taken(void *role, void *arg, const struct ulid *id, const struct err *e)
{
	chunks_must((id == NULL) == (e != NULL));
	ended(role, arg, e);
}

static void
on_letter(void *role, void *arg, const struct submit_letter *l)
{
	chunks_must(*(unsigned *)arg == 0);
	buf_addf(((struct writer *)role)->heard, "letter %s;", l->from);
}

static void
on_recipient(void *role, void *arg, const struct submit_recipient *r)
{
	chunks_must(*(unsigned *)arg == 0);
	buf_addf(((struct writer *)role)->heard, "rcpt %s %s;", r->to, submit_state_name(r->state));
}

static void
on_page_end(void *role, void *arg, bool more, const struct err *e)
{
	(void)more;
	ended(role, arg, e);
}

static void
on_lost(void *role, const struct err *e)
{
	(void)e;
	chunks_must(++((struct writer *)role)->lost == 1);
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

static void *
make_client(struct engine **e, struct buf *heard)
{
	static const char *const to[] = { "b@b.test", "c@c.test" };
	struct writer *w = calloc(1, sizeof *w);
	struct submit_draft d = { .from = "a@a.test",
		.to = to,
		.n_to = 2,
		.hold_days = 3,
		.token = "t",
		.octets = 2 };
	struct err why;

	chunks_must(w != NULL);
	w->heard = heard;
	submit_client_init(&w->c, &client_ops, w);
	*e = &w->c.sasl.client.engine;
	chunks_must(submit_client_send(&w->c, &d, SPAN_LIT("ab"), &w->ended[0], &why));
	chunks_must(submit_client_outbox(&w->c, NULL, &w->ended[1]));
	chunks_must(submit_client_status(&w->c, &(struct ulid) { { 1 } }, &w->ended[2]));
	chunks_must(submit_client_auth(&w->c, "X"));
	d.n_to = 1, d.hold_days = 0;
	chunks_must(submit_client_send(&w->c, &d, SPAN_LIT("ab"), &w->ended[3], &why));
	return w;
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
	struct writer *w = role;
	struct err e;

	err_word(&e, REFUSAL_tls_truncated);
	client_lost(&w->c.sasl.client, &e);
	for (size_t i = 0; i < ASKED; i++)
		chunks_must(w->ended[i] == 1);
	chunks_must(w->lost == 1 && w->signed_in == 1);
	submit_client_clear(&w->c);
	free(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct chunks_kind server = { make_server, answer, end_server };
	static const struct chunks_kind stranger = { make_stranger, answer, end_server };
	static const struct chunks_kind client = { make_client, no_answer, end_client };

	if (n < 2)
		return 0;
	chunks_compare(data[0] == 'c' ? &client
		: data[0] == 'n'      ? &stranger
				      : &server,
	    span_of(data + 2, n - 2), data[1] % 64 + 1u);
	return 0;
}
