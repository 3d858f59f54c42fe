/* smtp_client — the client's half of SMTP; see smtp_client.h. */
#include "proto/smtp/smtp_client.h"

#include <assert.h>
#include <string.h>

#include "proto/line.h"
#include "proto/smtp/smtp_stuffed.h"

const char *
smtp_client_stage(enum smtp_stage stage)
{
	static const char *const names[] = { "banner", "EHLO", "STARTTLS", "rest", "MAIL", "RCPT",
		"DATA", "content", "end of content", "QUIT", "AUTH" };

	return names[stage];
}

static bool
is_good(const struct smtp_reply *r, int class)
{
	return r->code / 100 == class;
}

/* -- time ----------------------------------------------------------------------------------------- */

static void
set_deadline(struct smtp_client *c)
{
	static const int64_t ms[] = { [SMTP_STAGE_BANNER] = SMTP_CLIENT_REPLY_MS,
		[SMTP_STAGE_EHLO] = SMTP_CLIENT_REPLY_MS,
		[SMTP_STAGE_STARTTLS] = SMTP_CLIENT_REPLY_MS,
		[SMTP_STAGE_MAIL] = SMTP_CLIENT_REPLY_MS,
		[SMTP_STAGE_RCPT] = SMTP_CLIENT_REPLY_MS,
		[SMTP_STAGE_DATA] = SMTP_CLIENT_DATA_MS,
		[SMTP_STAGE_CONTENT] = SMTP_CLIENT_BLOCK_MS,
		[SMTP_STAGE_END] = SMTP_CLIENT_END_MS,
		[SMTP_STAGE_QUIT] = SMTP_CLIENT_QUIT_MS,
		[SMTP_STAGE_AUTH] = SMTP_CLIENT_REPLY_MS };

	c->engine.deadline_ms = c->stage == SMTP_STAGE_READY ? 0 : c->engine.now_ms + ms[c->stage];
}

static void
enter(struct smtp_client *c, enum smtp_stage stage)
{
	c->stage = stage;
	c->reply = (struct smtp_reply) { 0 };
	set_deadline(c);
}

/* -- ends ----------------------------------------------------------------------------------------- */

static void
drop_content(struct smtp_client *c)
{
	if (c->content != NULL)
		c->content->free(c->content);
	c->content = NULL;
}

/* Content that is on its way is not sent to its end. */
static void
fail(struct smtp_client *c, const struct err *why)
{
	enum smtp_stage stage = c->stage;

	c->letter = NULL;
	drop_content(c);
	if (c->engine.payload.source != NULL)
		engine_clear(&c->engine);
	c->engine.closing = true;
	c->engine.deadline_ms = 0;
	if (stage != SMTP_STAGE_QUIT)
		c->ops->failed(c->role, stage, why);
}

static void
fail_by_reply(struct smtp_client *c)
{
	struct err e;

	smtp_reply_err(&c->reply, &e);
	fail(c, &e);
}

static void
fail_by_words(struct smtp_client *c, enum refusal why, const char *text)
{
	struct err e;

	err_set(&e, why, "%s", text);
	fail(c, &e);
}

/* -- before a letter ------------------------------------------------------------------------------ */

static void
rest(struct smtp_client *c)
{
	enter(c, SMTP_STAGE_READY);
	c->ops->ready(c->role);
}

static void
say_hello(struct smtp_client *c)
{
	c->offers = (struct smtp_offers) { 0 };
	buf_addf(&c->engine.out, "EHLO %s\r\n", c->name);
	enter(c, SMTP_STAGE_EHLO);
}

static uint64_t
number(struct span s)
{
	uint64_t n;

	return span_u64(s, &n) ? n : 0;
}

/* LIMITS SP name=value ... (RFC 9422) */
static void
take_limits(struct smtp_client *c, struct span rest)
{
	while (rest.n > 0) {
		struct span value = span_cut(&rest, ' '), name = span_cut(&value, '=');
		uint64_t n = number(value);

		if (span_eq_nocase(name, SPAN_LIT("RCPTMAX")) && n > 0)
			c->offers.rcpt_max = n < SMTP_CLIENT_RCPT_MAX ? (unsigned)n
								      : SMTP_CLIENT_RCPT_MAX;
	}
}

/* AUTH 1*( SP mechanism ) (RFC 4954 3) */
static void
take_mechanisms(struct smtp_client *c, struct span rest)
{
	while (rest.n > 0) {
		struct span name = span_cut(&rest, ' ');

		c->offers.auth_plain = c->offers.auth_plain ||
		    span_eq_nocase(name, SPAN_LIT("PLAIN"));
		c->offers.auth_scram = c->offers.auth_scram ||
		    span_eq_nocase(name, SPAN_LIT("SCRAM-SHA-256"));
	}
}

/* ehlo-line = keyword *( SP parameter ).  Others are for others. */
static void
take_offer(struct smtp_client *c, struct span line)
{
	struct span rest = line, keyword = span_cut(&rest, ' ');
	const struct {
		const char *keyword;
		bool *flag;
	} flags[] = { { "STARTTLS", &c->offers.starttls }, { "PIPELINING", &c->offers.pipelining },
		{ "8BITMIME", &c->offers.eight_bit }, { "SMTPUTF8", &c->offers.utf8 },
		{ "DSN", &c->offers.dsn }, { "REQUIRETLS", &c->offers.require_tls } };

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (span_eq_nocase(keyword, span_str(flags[i].keyword)))
			*flags[i].flag = true;
	if (span_eq_nocase(keyword, SPAN_LIT("SIZE")))
		c->offers.size_max = number(rest);
	if (span_eq_nocase(keyword, SPAN_LIT("LIMITS")))
		take_limits(c, rest);
	if (span_eq_nocase(keyword, SPAN_LIT("AUTH")))
		take_mechanisms(c, rest);
}

void
smtp_client_starttls(struct smtp_client *c)
{
	assert(c->stage == SMTP_STAGE_READY && !c->secured);
	buf_addf(&c->engine.out, "STARTTLS\r\n");
	enter(c, SMTP_STAGE_STARTTLS);
}

/* What came in plain is forgotten with it. */
static void
secured(struct engine *engine)
{
	struct smtp_client *c = (struct smtp_client *)engine;

	engine->wants_tls = false;
	c->secured = true;
	say_hello(c);
}

/* An empty first message is "=" (RFC 4954 4). */
void
smtp_client_auth(struct smtp_client *c, const char *mechanism, struct span initial)
{
	struct span first = initial.n > 0 ? initial : SPAN_LIT("=");

	assert(c->stage == SMTP_STAGE_READY && c->secured && !c->signed_in);
	buf_addf(&c->engine.out, "AUTH %s %.*s\r\n", mechanism, SPAN_FMT(first));
	enter(c, SMTP_STAGE_AUTH);
}

void
smtp_client_auth_say(struct smtp_client *c, struct span message)
{
	assert(c->stage == SMTP_STAGE_AUTH);
	buf_addf(&c->engine.out, "%.*s\r\n", SPAN_FMT(message));
	enter(c, SMTP_STAGE_AUTH);
}

void
smtp_client_quit(struct smtp_client *c)
{
	assert(c->stage == SMTP_STAGE_READY);
	buf_addf(&c->engine.out, "QUIT\r\n");
	enter(c, SMTP_STAGE_QUIT);
}

/* -- a letter ------------------------------------------------------------------------------------- */

static void
add_mail(struct smtp_client *c)
{
	const struct smtp_letter *l = c->letter;
	struct buf *out = &c->engine.out;

	buf_addf(out, "MAIL FROM:<%.*s>", SPAN_FMT(l->from));
	if (c->offers.size_max > 0)
		buf_addf(out, " SIZE=%llu", (unsigned long long)l->octets);
	if (l->eight_bit)
		buf_addf(out, " BODY=8BITMIME");
	if (l->utf8)
		buf_addf(out, " SMTPUTF8");
	if (l->require_tls)
		buf_addf(out, " REQUIRETLS");
	if (c->offers.dsn && l->envid.n > 0)
		buf_addf(out, " RET=HDRS ENVID=%.*s", SPAN_FMT(l->envid));
	buf_addf(out, "\r\n");
}

static void
add_rcpt(struct smtp_client *c)
{
	buf_addf(&c->engine.out, "RCPT TO:<%.*s>%s\r\n", SPAN_FMT(c->letter->to[c->asked]),
	    c->offers.dsn ? " NOTIFY=FAILURE,DELAY" : "");
	c->asked++;
}

static void
add_data(struct smtp_client *c)
{
	buf_addf(&c->engine.out, "DATA\r\n");
}

/* Addresses were parsed long before; a control character here would be a command of a stranger's. */
static bool
is_sound(const struct smtp_letter *l)
{
	bool clean = line_is_text(l->from) && line_is_text(l->envid) &&
	    l->envid.n <= SMTP_ENVID_MAX;

	for (size_t i = 0; i < l->n_to; i++)
		clean = clean && line_is_text(l->to[i]);
	return clean && l->n_to > 0 && l->n_to <= SMTP_CLIENT_RCPT_MAX;
}

bool
smtp_client_send(struct smtp_client *c, const struct smtp_letter *letter, struct err *e)
{
	assert(c->stage == SMTP_STAGE_READY);
	if (RULE(bad_address) && !is_sound(letter))
		return err_set(e, REFUSAL_bad_address,
		    "the envelope has a control character, or is too long");
	c->letter = letter;
	c->content = letter->content;
	c->grouped = c->offers.pipelining;
	c->asked = c->heard = c->accepted = 0;
	c->has_refusal = c->lone = false;
	c->refusal = (struct smtp_reply) { 0 };
	c->dots = (struct smtp_dots) { 0 };
	add_mail(c);
	while (c->grouped && c->asked < letter->n_to)
		add_rcpt(c);
	if (c->grouped)
		add_data(c);
	enter(c, SMTP_STAGE_MAIL);
	return true;
}

static void
finish(struct smtp_client *c, enum smtp_stage stage, const struct smtp_reply *r)
{
	struct smtp_reply copy = *r;

	drop_content(c);
	c->letter = NULL;
	enter(c, SMTP_STAGE_READY);
	c->ops->done(c->role, stage, &copy);
	if (c->stage == SMTP_STAGE_READY && !c->engine.closing)
		c->ops->ready(c->role);
}

/* Nobody takes the letter, and what was refused first says why. */
static void
finish_refused(struct smtp_client *c)
{
	finish(c, c->has_refusal ? SMTP_STAGE_MAIL : SMTP_STAGE_RCPT, &c->refusal);
}

static void
on_mail(struct smtp_client *c)
{
	c->has_refusal = !is_good(&c->reply, 2);
	if (c->has_refusal)
		c->refusal = c->reply;
	if (c->has_refusal && !c->grouped) {
		finish_refused(c);
		return;
	}
	if (!c->grouped)
		add_rcpt(c);
	enter(c, SMTP_STAGE_RCPT);
}

static void
on_rcpt(struct smtp_client *c)
{
	if (!c->has_refusal)
		c->ops->recipient(c->role, c->heard, &c->reply);
	if (is_good(&c->reply, 2))
		c->accepted++;
	else if (!c->has_refusal)
		c->refusal = c->reply;
	c->heard++;
	if (c->heard < c->letter->n_to) {
		if (!c->grouped)
			add_rcpt(c);
		enter(c, SMTP_STAGE_RCPT);
		return;
	}
	if (!c->grouped && c->accepted == 0) {
		finish_refused(c);
		return;
	}
	if (!c->grouped)
		add_data(c);
	enter(c, SMTP_STAGE_DATA);
}

/* RFC 2920 3.1: a server that says 354 though it took no recipient gets an empty letter for nobody. */
static void
on_data(struct smtp_client *c)
{
	bool nobody = c->has_refusal || c->accepted == 0;

	if (c->reply.code != 354 && nobody) {
		finish_refused(c);
	} else if (c->reply.code != 354) {
		finish(c, SMTP_STAGE_DATA, &c->reply);
	} else if (nobody) {
		c->lone = true;
		buf_addf(&c->engine.out, ".\r\n");
		enter(c, SMTP_STAGE_END);
	} else {
		enter(c, SMTP_STAGE_CONTENT);
		c->moved = 0;
		engine_payload_take_to_end(&c->engine,
		    smtp_stuffed_take(c->content, c->letter->octets, &c->dots));
		c->content = NULL;
	}
}

static void
on_end(struct smtp_client *c)
{
	if (c->lone)
		finish_refused(c);
	else
		finish(c, SMTP_STAGE_END, &c->reply);
}

static void
content_sent(struct engine *engine)
{
	struct smtp_client *c = (struct smtp_client *)engine;

	c->engine.deadline_ms = 0; /* the role's own time */
	c->ops->giving(c->role);
}

void
smtp_client_give(struct smtp_client *c)
{
	struct span end = smtp_dots_end(&c->dots);

	assert(c->stage == SMTP_STAGE_CONTENT && c->engine.payload.source == NULL);
	buf_add(&c->engine.out, end.p, end.n);
	enter(c, SMTP_STAGE_END);
}

/* -- replies -------------------------------------------------------------------------------------- */

static void
on_hello(struct smtp_client *c)
{
	if (is_good(&c->reply, 2))
		rest(c);
	else
		fail_by_reply(c);
}

static void
on_auth(struct smtp_client *c)
{
	char text[ERR_TEXT_BYTES];

	memcpy(text, c->reply.text, sizeof text);
	if (c->reply.code == 334) {
		enter(c, SMTP_STAGE_AUTH);
		c->ops->challenge(c->role, span_str(text));
	} else if (c->reply.code == 235) {
		c->signed_in = true;
		rest(c);
	} else {
		fail_by_reply(c);
	}
}

/* `more`: octets came with the 220. */
static void
on_starttls(struct smtp_client *c, bool more)
{
	if (c->reply.code != 220)
		fail_by_reply(c);
	else if (RULE(octets_before_tls) && more)
		fail_by_words(c, REFUSAL_octets_before_tls,
		    "octets came in plain after the 220 to STARTTLS");
	else
		c->engine.wants_tls = true;
}

/* A 2 or 3 that is no answer to what was asked: nobody knows then what the peer believes. */
static bool
is_odd(const struct smtp_client *c)
{
	int class = c->reply.code / 100;

	if (c->stage == SMTP_STAGE_DATA)
		return class == 2 || (class == 3 && c->reply.code != 354);
	if (c->stage == SMTP_STAGE_AUTH)
		return (class == 2 && c->reply.code != 235) || (class == 3 && c->reply.code != 334);
	return class == 3 && c->stage != SMTP_STAGE_QUIT;
}

static void
fail_as_odd(struct smtp_client *c)
{
	struct err e;

	err_set(&e, REFUSAL_bad_reply, "%d is no answer to %s", c->reply.code,
	    smtp_client_stage(c->stage));
	fail(c, &e);
}

static void
on_reply(struct smtp_client *c, bool more)
{
	switch (c->stage) {
	case SMTP_STAGE_BANNER:
		if (c->reply.code == 220)
			say_hello(c);
		else
			fail_by_reply(c);
		break;
	case SMTP_STAGE_EHLO:
		on_hello(c);
		break;
	case SMTP_STAGE_STARTTLS:
		on_starttls(c, more);
		break;
	case SMTP_STAGE_MAIL:
		on_mail(c);
		break;
	case SMTP_STAGE_RCPT:
		on_rcpt(c);
		break;
	case SMTP_STAGE_DATA:
		on_data(c);
		break;
	case SMTP_STAGE_END:
		on_end(c);
		break;
	case SMTP_STAGE_AUTH:
		on_auth(c);
		break;
	case SMTP_STAGE_READY:
	case SMTP_STAGE_CONTENT:
		fail_by_reply(c);
		break;
	case SMTP_STAGE_QUIT:
		c->engine.closing = true;
		break;
	}
}

/* A 421 ends the session whatever it answers (RFC 5321 3.8); so does a reply that nothing asked for. */
static bool
is_last(const struct smtp_client *c)
{
	return c->reply.code == 421 || c->stage == SMTP_STAGE_READY ||
	    c->stage == SMTP_STAGE_CONTENT;
}

static size_t
take_line(struct smtp_client *c, struct span in)
{
	struct span text;
	size_t used = 0;
	struct err e;

	switch (smtp_reply_next(&c->reply, in, &text, &used, &e)) {
	case SMTP_REPLY_MORE:
		return 0;
	case SMTP_REPLY_BAD:
		fail(c, &e);
		return 0;
	case SMTP_REPLY_LINE:
		break;
	}
	if (c->stage == SMTP_STAGE_EHLO && c->reply.lines > 1)
		take_offer(c, text);
	if (!c->reply.done)
		return used;
	if (is_last(c) && c->stage != SMTP_STAGE_QUIT)
		fail_by_reply(c);
	else if (is_odd(c))
		fail_as_odd(c);
	else
		on_reply(c, used < in.n);
	return used;
}

static size_t
feed(struct engine *engine, struct span in)
{
	struct smtp_client *c = (struct smtp_client *)engine;
	size_t taken = 0, n = 1;

	if (engine->deadline_ms == 0 && c->stage == SMTP_STAGE_BANNER)
		set_deadline(c);
	while (n > 0 && taken < in.n && !engine->closing && !engine->wants_tls) {
		n = take_line(c, span_sub(in, taken, in.n));
		taken += n;
	}
	return engine->closing ? in.n : taken;
}

/* Content that leaves is given three minutes for each piece. */
static void
tick(struct engine *engine)
{
	struct smtp_client *c = (struct smtp_client *)engine;
	struct payload *p = &engine->payload;

	engine->deadline_ms = 0;
	if (engine->closing)
		return;
	if (p->source != NULL && (p->waiting || p->offset != c->moved)) {
		c->moved = p->offset;
		set_deadline(c);
		return;
	}
	fail_by_words(c, REFUSAL_idle,
	    c->stage == SMTP_STAGE_CONTENT ? "the peer takes no content" : "no reply came");
}

void
smtp_client_init(struct smtp_client *c, const char *name, const struct smtp_client_ops *ops,
    void *role)
{
	*c = (struct smtp_client) {
		.engine = { .feed = feed, .tick = tick, .sent = content_sent, .secured = secured },
		.name = name,
		.ops = ops,
		.role = role,
		.stage = SMTP_STAGE_BANNER,
	};
}

void
smtp_client_clear(struct smtp_client *c)
{
	drop_content(c);
	engine_clear(&c->engine);
}
