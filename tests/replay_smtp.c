/* replay_smtp — the fake roles of the SMTP engines for tests/replay.
 *
 * smtp-server: mx.a.test, which takes letters of 1,000 octets for bob@a.test and carl@a.test; nobody else is there.
 * submission-server: the same, where the user of sasl_scene.h has signed in with PLAIN.
 *	A: reads	the client reads the replies before it goes on
 *	A: secured	TLS is up
 *	A: durable	what waits is recorded and answered
 *	A: fails	it cannot be recorded
 *
 * smtp-client: oms.a.test, with the letter "Subject: barn\r\n\r\n.\r\n" from user@a.test to bob@b.test and
 * carl@b.test.  It wants TLS where it is offered.
 *	A: secured	TLS is up
 *	A: durable	what the end of the content waits for is recorded
 *	A: heard TEXT	what the callbacks said since the last time is this
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/source.h"
#include "proto/smtp/smtp_client.h"
#include "proto/smtp/smtp_server.h"
#include "tests/heard.h"
#include "tests/replay.h"

/* -- servers ------------------------------------------------------------------------------------- */

struct gate {
	struct smtp_server s; /* first */
	uint64_t asked;       /* that waits */
};

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
	(void)role;
	(void)name;
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *m, struct err *e)
{
	(void)role;
	(void)request;
	(void)m;
	(void)e;
	return DONE;
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	char address[ADDRESS_STR_BYTES];

	(void)role;
	(void)request;
	if (!smtp_path_canonical(to, NULL, address, e))
		return REFUSED;
	if (to->kind == SMTP_PATH_POSTMASTER || strcmp(address, "bob@a.test") == 0 ||
	    strcmp(address, "carl@a.test") == 0)
		return DONE;
	return err_word(e, REFUSAL_no_such_user), REFUSED;
}

static enum outcome
data(void *role, uint64_t request, struct err *e)
{
	(void)role;
	(void)request;
	(void)e;
	return DONE;
}

static void
octets(void *role, struct span piece)
{
	(void)role;
	(void)piece;
}

static enum outcome
end(void *role, uint64_t request, struct err *e)
{
	(void)e;
	((struct gate *)role)->asked = request;
	return PENDING;
}

static void
reset(void *role)
{
	(void)role;
}

static enum outcome
auth(void *role, uint64_t request, struct span mechanism, struct span message,
    struct sasl_said *said, struct err *e)
{
	(void)role;
	(void)request;
	if (mechanism.n > 0 && !span_eq(mechanism, SPAN_LIT("PLAIN")))
		return err_word(e, REFUSAL_auth_mechanism), REFUSED;
	if (message.p == NULL)
		return DONE;
	if (!span_eq(message, SPAN_LIT("AHVzZXJAYS50ZXN0AHBlbmNpbA==")))
		return err_word(e, REFUSAL_auth_failed), REFUSED;
	said->signed_in = true;
	return DONE;
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

static void *
make(struct engine **e, const struct smtp_server_config *config)
{
	struct gate *g = calloc(1, sizeof *g);

	if (g == NULL)
		abort();
	smtp_server_init(&g->s, config, &server_ops, g);
	*e = &g->s.engine;
	return g;
}

static void *
make_gate(struct engine **e)
{
	static const struct smtp_server_config config = { .name = "mx.a.test",
		.contact = "https://a.test/mail",
		.size_max = 1000,
		.starttls = true };

	return make(e, &config);
}

static void *
make_desk(struct engine **e)
{
	static const struct smtp_server_config config = { .name = "mx.a.test",
		.size_max = 1000,
		.submission = true,
		.goes_on = true,
		.mechanisms = "PLAIN" };

	return make(e, &config);
}

static bool
act_server(void *role, struct span words)
{
	struct gate *g = role;
	struct err full;

	if (span_eq(words, SPAN_LIT("reads")))
		return true;
	if (span_eq(words, SPAN_LIT("durable")))
		return smtp_server_answer(&g->s, g->asked, NULL,
		    "kept as 01JDZ5TPB4M4Q8W1RZ9H1V6K3C");
	if (span_eq(words, SPAN_LIT("fails"))) {
		err_word(&full, REFUSAL_storage);
		return smtp_server_answer(&g->s, g->asked, &full, NULL);
	}
	if (!span_eq(words, SPAN_LIT("secured")) || !g->s.engine.wants_tls)
		return false;
	g->s.engine.secured(&g->s.engine);
	return true;
}

static void
clear_server(void *role)
{
	smtp_server_clear(&((struct gate *)role)->s);
	free(role);
}

const struct replay_engine replay_smtp_server = { "smtp-server", make_gate, act_server,
	clear_server };
const struct replay_engine replay_submission_server = { "submission-server", make_desk, act_server,
	clear_server };

/* -- client -------------------------------------------------------------------------------------- */

#define LETTER "Subject: barn\r\n\r\n.\r\n"

struct carrier {
	struct smtp_client c; /* first */
	struct smtp_letter letter;
	struct buf heard;
	bool sent;
};

static void
ready(void *role)
{
	static const struct span to[] = { { "bob@b.test", 10 }, { "carl@b.test", 11 } };
	struct carrier *x = role;
	struct err e;

	if (!x->c.secured && x->c.offers.starttls) {
		smtp_client_starttls(&x->c);
		return;
	}
	if (!x->c.secured || x->sent) {
		smtp_client_quit(&x->c);
		return;
	}
	x->sent = true;
	x->letter = (struct smtp_letter) { .from = SPAN_LIT("user@a.test"),
		.to = to,
		.n_to = 2,
		.content = source_bytes(SPAN_LIT(LETTER)),
		.octets = sizeof LETTER - 1,
		.envid = SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C") };
	smtp_client_send(&x->c, &x->letter, &e);
}

static struct buf *
next_heard(void *role)
{
	struct buf *heard = &((struct carrier *)role)->heard;

	buf_addf(heard, "%s", heard->len > 0 ? ", " : "");
	return heard;
}

static void
recipient(void *role, size_t i, const struct smtp_reply *r)
{
	buf_addf(next_heard(role), "%s %d", i == 0 ? "bob" : "carl", r->code);
}

static void
giving(void *role)
{
	buf_addf(next_heard(role), "giving");
}

static void
done(void *role, enum smtp_stage stage, const struct smtp_reply *r)
{
	buf_addf(next_heard(role), "%s %d %s", smtp_client_stage(stage), r->code, r->text);
}

static void
failed(void *role, enum smtp_stage stage, const struct err *why)
{
	buf_addf(next_heard(role), "%s [%s] %s", smtp_client_stage(stage), refusal_word(why->why),
	    why->text);
}

static const struct smtp_client_ops client_ops = {
	.ready = ready, .recipient = recipient, .giving = giving, .done = done, .failed = failed
};

static void *
make_client(struct engine **e)
{
	struct carrier *x = calloc(1, sizeof *x);

	if (x == NULL)
		abort();
	smtp_client_init(&x->c, "oms.a.test", &client_ops, x);
	*e = &x->c.engine;
	return x;
}

static bool
act_client(void *role, struct span words)
{
	struct carrier *x = role;
	struct span rest = words, verb = span_cut(&rest, ' ');

	if (span_eq(verb, SPAN_LIT("heard")))
		return heard_is(&x->heard, rest);
	if (span_eq(words, SPAN_LIT("durable"))) {
		smtp_client_give(&x->c);
		return true;
	}
	if (!span_eq(words, SPAN_LIT("secured")) || !x->c.engine.wants_tls)
		return false;
	x->c.engine.secured(&x->c.engine);
	return true;
}

static void
clear_client(void *role)
{
	struct carrier *x = role;

	smtp_client_clear(&x->c);
	buf_clear(&x->heard);
	free(x);
}

const struct replay_engine replay_smtp_client = { "smtp-client", make_client, act_client,
	clear_client };
