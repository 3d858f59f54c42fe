/* replay_submit — the fake roles of the submit engines for tests/replay.
 *
 * submit-server: the user of sasl_scene.h may write as user@a.test.  Nobody can write to
 * nowhere.test; slow.test is answered later.  A letter has at most 1,000 octets; the token "again"
 * was seen before.  The outbox has two pages, one letter each.
 *	A: durable	the request is recorded and answered
 *	A: fails	it cannot be recorded
 *	A: stale	an answer to the request before comes; it must be dropped
 *	A: slow		from now on signing in and pages are answered later too
 *
 * submit-client:
 *	A: auth / noop / quit / lost / status ID / outbox [ID]
 *	A: letter TO...	sends "Hello\r\n" from user@a.test, token "t1"
 *	A: long TO...	the same from a source, to be held for 30 days, token "t2"
 *	A: heard TEXT	what the callbacks said since the last time is this
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/source.h"
#include "proto/submit_client.h"
#include "proto/submit_server.h"
#include "tests/heard.h"
#include "tests/replay.h"
#include "tests/sasl_scene.h"

#define LETTER "01JDZ5TPB4M4Q8W1RZ9H1V6K3C"
#define SECOND "01JDZ5TPB4M4Q8W1RZ9H1V6K3D"
#define DATE_S INT64_C(1795442400) /* 2026-11-23T14:00:00Z */

/* -- submit-server ------------------------------------------------------------------------- */

struct desk {
	struct submit_server s; /* first */
	int step;
	bool slow;
	uint64_t octets, got;
	struct sasl_said said; /* to be said later */
	struct err why;
	enum outcome later;
	struct buf page;
	bool more;
};

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said, struct err *e)
{
	struct desk *d = role;

	if (!d->slow)
		return sasl_scene_auth(&d->step, mechanism, message, said, e);
	buf_reset(&d->said.message);
	d->later = sasl_scene_auth(&d->step, mechanism, message, &d->said, &d->why);
	return PENDING;
}

static enum outcome
from(void *role, const char *address, struct err *e)
{
	(void)role;
	if (strcmp(address, "user@a.test") != 0)
		return err_word(e, REFUSAL_bad_from), REFUSED;
	return DONE;
}

static enum outcome
to(void *role, const char *address, struct err *e)
{
	const char *domain = strchr(address, '@') + 1;

	(void)role;
	if (strcmp(domain, "nowhere.test") == 0)
		return err_word(e, REFUSAL_no_such_domain), REFUSED;
	return strcmp(domain, "slow.test") == 0 ? PENDING : DONE;
}

static enum outcome
begin(void *role, const struct submit_envelope *env, struct err *e)
{
	struct desk *d = role;

	d->octets = env->octets;
	d->got = 0;
	if (env->octets <= 1000)
		return DONE;
	err_word(e, REFUSAL_message_too_big);
	return REFUSED;
}

static void
body(void *role, struct span piece)
{
	((struct desk *)role)->got += piece.n;
}

static enum outcome
end(void *role, struct ulid *id, struct err *e)
{
	struct desk *d = role;

	if (d->got != d->octets)
		return err_set(e, REFUSAL_internal, "octets are missing"), REFUSED;
	ulid_parse(SPAN_LIT(LETTER), id);
	return strcmp(d->s.letter->token, "again") == 0 ? DONE : PENDING;
}

static void
write_letter(struct buf *page, const char *id)
{
	struct submit_letter l = { .from = "user@a.test",
		.date_s = DATE_S,
		.hold_until_s = DATE_S + 30 * 24 * 3600,
		.size = 18231 };
	struct submit_recipient bob = { .to = "bob@b.test",
		.state = SUBMIT_FETCHED,
		.since_s = DATE_S + 60,
		.tries = 1 };
	struct submit_recipient carl = { .to = "carl@c.test",
		.state = SUBMIT_WAITING,
		.since_s = DATE_S,
		.next_s = DATE_S + 900,
		.tries = 2,
		.word = "mailbox-full",
		.text = "100% full, Carl is away" };

	ulid_parse(span_str(id), &l.id);
	submit_letter_write(page, &l);
	submit_recipient_write(page, &bob);
	submit_recipient_write(page, &carl);
}

static enum outcome
put_page(struct desk *d, const char *id, bool more, struct buf *page)
{
	buf_reset(&d->page);
	d->more = more;
	d->later = DONE;
	write_letter(d->slow ? &d->page : page, id);
	return d->slow ? PENDING : DONE;
}

static enum outcome
status(void *role, const struct ulid *id, struct buf *page, struct err *e)
{
	char digits[ULID_STR_BYTES];

	ulid_str(id, digits);
	if (strcmp(digits, LETTER) != 0)
		return err_word(e, REFUSAL_unknown_id), REFUSED;
	return put_page(role, LETTER, false, page);
}

static enum outcome
outbox(void *role, const struct ulid *after, struct buf *page, bool *more, struct err *e)
{
	(void)e;
	*more = after == NULL;
	return put_page(role, after == NULL ? LETTER : SECOND, *more, page);
}

static const struct submit_server_ops server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth },
	.from = from,
	.to = to,
	.begin = begin,
	.body = body,
	.end = end,
	.status = status,
	.outbox = outbox,
};

static void *
make_server(struct engine **e)
{
	struct desk *d = calloc(1, sizeof *d);

	if (d == NULL)
		abort();
	submit_server_init(&d->s, &server_ops, d);
	*e = &d->s.sasl.server.engine;
	return d;
}

/* Only the one that is waited for is taken. */
static bool
answer(struct desk *d, uint64_t request, const struct err *e)
{
	struct ulid id;

	ulid_parse(SPAN_LIT(LETTER), &id);
	return sasl_server_answer(&d->s.sasl, request, &d->said,
		   e == NULL && d->later == REFUSED ? &d->why : e) ||
	    submit_server_answer(&d->s, request, e) ||
	    submit_server_taken(&d->s, request, &id, e) ||
	    submit_server_page(&d->s, request, buf_span(&d->page), d->more, e);
}

static bool
act_server(void *role, struct span words)
{
	struct desk *d = role;
	struct err e;

	err_word(&e, REFUSAL_storage);
	if (span_eq(words, SPAN_LIT("slow")))
		return d->slow = true;
	if (span_eq(words, SPAN_LIT("durable")))
		return answer(d, d->s.sasl.server.request, NULL);
	if (span_eq(words, SPAN_LIT("fails")))
		return answer(d, d->s.sasl.server.request, &e);
	return span_eq(words, SPAN_LIT("stale")) && !answer(d, d->s.sasl.server.request - 1, NULL);
}

static void
clear_server(void *role)
{
	struct desk *d = role;

	submit_server_clear(&d->s);
	buf_clear(&d->said.message);
	buf_clear(&d->page);
	free(d);
}

const struct replay_engine replay_submit_server = {
	"submit-server",
	make_server,
	act_server,
	clear_server,
};

/* -- submit-client ------------------------------------------------------------------------- */

struct writer {
	struct submit_client c; /* first */
	struct buf heard;
	int step;
};

static struct buf *
ear(void *role)
{
	return &((struct writer *)role)->heard;
}

static enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return sasl_scene_step(&((struct writer *)role)->step, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	heard_add(ear(role), "signed-in", e);
}

static void
on_refused(void *role, void *arg, enum submit_part part, size_t index, const struct err *e)
{
	static const char *const parts[] = { "from", "to", "hold" };
	char what[32];

	(void)arg;
	snprintf(what, sizeof what, "%s-%zu", parts[part], index);
	heard_add(ear(role), what, e);
}

static void
on_taken(void *role, void *arg, const struct ulid *id, const struct err *e)
{
	char digits[ULID_STR_BYTES] = "";

	(void)arg;
	if (id != NULL)
		ulid_str(id, digits);
	heard_add(ear(role), id != NULL ? digits : "letter", e);
}

static void
on_letter(void *role, void *arg, const struct submit_letter *l)
{
	char what[64];

	(void)arg;
	snprintf(what, sizeof what, "letter %llu", (unsigned long long)l->size);
	heard_add(ear(role), what, NULL);
}

static void
on_recipient(void *role, void *arg, const struct submit_recipient *r)
{
	(void)arg;
	buf_addf(ear(role), ", %s %s %s", r->to, submit_state_name(r->state),
	    r->text[0] != '\0' ? r->text : "-");
}

static void
on_page_end(void *role, void *arg, bool more, const struct err *e)
{
	(void)arg;
	heard_add(ear(role), more ? "more" : "page", e);
}

static void
on_lost(void *role, const struct err *e)
{
	heard_add(ear(role), "lost", e);
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
make_client(struct engine **e)
{
	struct writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		abort();
	submit_client_init(&w->c, &client_ops, w);
	*e = &w->c.sasl.client.engine;
	return w;
}

static bool
send_letter(struct writer *w, struct span rest, bool source)
{
	static const char text[] = "Hello\r\n";
	char addresses[4][64];
	const char *to_list[4];
	struct submit_draft d = { .from = "user@a.test",
		.to = to_list,
		.token = source ? "t2" : "t1",
		.hold_days = source ? 30 : 0,
		.octets = 7 };
	struct err e;

	while (rest.n > 0 && d.n_to < 4) {
		span_copy(span_cut(&rest, ' '), addresses[d.n_to], sizeof addresses[0]);
		to_list[d.n_to] = addresses[d.n_to];
		d.n_to++;
	}
	if (source)
		return submit_client_send_take(&w->c, &d, source_bytes(span_str(text)), NULL, &e);
	return submit_client_send(&w->c, &d, span_str(text), NULL, &e);
}

static bool
act_client(void *role, struct span words)
{
	struct writer *w = role;
	struct span rest = words, verb = span_cut(&rest, ' ');
	struct ulid id;
	bool has_id = ulid_parse(rest, &id);
	struct err e;

	if (span_eq(verb, SPAN_LIT("heard")))
		return heard_is(&w->heard, rest);
	if (span_eq(verb, SPAN_LIT("auth")))
		return submit_client_auth(&w->c, SCENE_MECHANISM);
	if (span_eq(verb, SPAN_LIT("letter")) || span_eq(verb, SPAN_LIT("long")))
		return send_letter(w, rest, verb.n == 4);
	if (span_eq(verb, SPAN_LIT("status")))
		return has_id && submit_client_status(&w->c, &id, NULL);
	if (span_eq(verb, SPAN_LIT("outbox")))
		return submit_client_outbox(&w->c, has_id ? &id : NULL, NULL);
	if (span_eq(verb, SPAN_LIT("noop")))
		return submit_client_noop(&w->c);
	if (span_eq(verb, SPAN_LIT("quit")))
		return submit_client_quit(&w->c);
	if (!span_eq(verb, SPAN_LIT("lost")))
		return false;
	err_word(&e, REFUSAL_tls_truncated);
	client_lost(&w->c.sasl.client, &e);
	return true;
}

static void
clear_client(void *role)
{
	struct writer *w = role;

	submit_client_clear(&w->c);
	buf_clear(&w->heard);
	free(w);
}

const struct replay_engine replay_submit_client = {
	"submit-client",
	make_client,
	act_client,
	clear_client,
};
