/* submission_signin — the mechanisms of AUTH; see submission_signin.h. */
#include "oms/submission/submission_signin.h"

#include <string.h>

#include "common/base/base64.h"

#define OTHERS AUTH_PLAIN_SCRAM " PLAIN LOGIN"

/* Of LOGIN: "Username:" and "Password:" in base64. */
#define ASKS_NAME     "VXNlcm5hbWU6"
#define ASKS_PASSWORD "UGFzc3dvcmQ6"

static void
wipe(struct buf *b)
{
	if (b->len > 0)
		explicit_bzero(b->data, b->len);
	buf_clear(b);
}

/* NULL: the user has signed in. */
static bool
late(void *arg, uint64_t request, const struct err *e)
{
	struct submission_signin *s = arg;
	const struct sasl_said said = { .signed_in = true };

	return smtp_server_answer_auth(s->server, request, e == NULL ? &said : NULL, e);
}

void
submission_signin_init(struct submission_signin *s, struct signin_desk *d, struct conn *c,
    struct smtp_server *server)
{
	submission_signin_clear(s);
	s->server = server;
	signin_new_any(&s->signin, d, c, "submission", late, s);
}

void
submission_signin_clear(struct submission_signin *s)
{
	signin_free(&s->signin);
	wipe(&s->name);
	*s = (struct submission_signin) { 0 };
}

const char *
submission_signin_offers(const struct submission_signin *s)
{
	return signin_is_bound(s->signin) ? AUTH_PLUS " " OTHERS : OTHERS;
}

static enum outcome
challenge(struct sasl_said *said, const char *text)
{
	buf_add(&said->message, text, strlen(text));
	return DONE;
}

static bool
is(const struct submission_signin *s, const char *mechanism)
{
	return strcmp(s->mechanism, mechanism) == 0;
}

/* LOGIN's two messages are one of PLAIN. */
static void
check_login(struct submission_signin *s, uint64_t request, struct span password)
{
	struct buf raw = BUF_INIT, message = BUF_INIT;

	buf_add(&raw, "", 1);
	buf_add(&raw, s->name.data, s->name.len);
	buf_add(&raw, "", 1);
	/* What is not base64 leaves the password empty, which nobody has. */
	(void)base64_parse(password, &raw);
	base64_add(&message, raw.data, raw.len);
	signin_plain(s->signin, buf_span(&message), request);
	wipe(&raw);
	wipe(&message);
}

static enum outcome
step_login(struct submission_signin *s, uint64_t request, struct span message,
    struct sasl_said *said)
{
	if (message.p == NULL)
		return challenge(said, ASKS_NAME);
	if (!s->begun) {
		s->begun = true;
		buf_reset(&s->name);
		(void)base64_parse(message, &s->name);
		return challenge(said, ASKS_PASSWORD);
	}
	check_login(s, request, message);
	return PENDING;
}

static enum outcome
step_scram(struct submission_signin *s, uint64_t request, struct span message,
    struct sasl_said *said)
{
	struct span mechanism = s->begun ? (struct span) { 0 } : span_str(s->mechanism);

	s->begun = true;
	return signin_step(s->signin, mechanism, message, request, &said->message, &s->proved)
	    ? DONE
	    : PENDING;
}

/* The client's answer to the last message of SCRAM. */
static enum outcome
conclude(struct submission_signin *s, struct span message, struct sasl_said *said, struct err *e)
{
	s->proved = false;
	if (message.n > 0)
		return err_set(e, REFUSAL_bad_syntax,
			   "the exchange is over; the last message is empty"),
		       REFUSED;
	said->signed_in = true;
	return DONE;
}

enum outcome
submission_signin_step(struct submission_signin *s, uint64_t request, struct span mechanism,
    struct span message, struct sasl_said *said, struct err *e)
{
	if (s->proved && mechanism.n == 0)
		return conclude(s, message, said, e);
	if (*signin_owner(s->signin) !=
	    '\0') /* the client gave up before the end that it had asked for */
		return err_word(e, REFUSAL_bad_sequence), REFUSED;
	if (mechanism.n > 0) {
		span_copy(mechanism, s->mechanism, sizeof s->mechanism);
		s->begun = false;
	}
	if (is(s, "LOGIN"))
		return step_login(s, request, message, said);
	if (message.p == NULL && (is(s, "PLAIN") || is(s, AUTH_PLUS) || is(s, AUTH_PLAIN_SCRAM)))
		return DONE; /* the client speaks first, after an empty challenge */
	if (!is(s, "PLAIN"))
		return step_scram(s, request, message, said);
	signin_plain(s->signin, message, request);
	return PENDING;
}
