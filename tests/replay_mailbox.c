/* replay_mailbox — the fake roles of the mailbox engines for tests/replay.
 *
 * mailbox-server: the user of sasl_scene.h has three letters: 1 is here, 2 is held, 3 is gone.
 * LIST shows two notices on the first page.  READ 2 and SUMMARY 2 fetch; every change is answered
 * later:
 *	A: durable	the change is recorded, or the letter fetched, and the request answered
 *	A: fails	it is not
 *	A: stale	an answer to the request before comes; it must be dropped
 *	A: progress N	so many octets have been fetched
 *	A: slow		from now on signing in and pages are answered later too
 *
 * mailbox-client:
 *	A: auth / list [N] / summary N / read N [OFFSET] / mark N / drop N / decline N / noop / quit
 *	A: lost		the connection breaks
 *	A: heard TEXT	what the callbacks said since the last time is this
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/source.h"
#include "proto/mailbox_client.h"
#include "proto/mailbox_server.h"
#include "tests/heard.h"
#include "tests/replay.h"
#include "tests/sasl_scene.h"

#define TEXT    "Subject: barn\r\nTo: bob\r\n\r\nHello, Bob.\r\n"
#define SUMMARY 24
#define DATE_S  INT64_C(1795442400) /* 2026-11-23T14:00:00Z */

/* -- mailbox-server ------------------------------------------------------------------------ */

struct box {
	struct mailbox_server s; /* first */
	int step;
	bool slow;
	struct sasl_said said; /* to be said later */
	struct err why;
	enum outcome later;
	uint64_t size; /* of what is fetched */
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
	struct box *b = role;

	if (!b->slow)
		return sasl_scene_auth(&b->step, mechanism, message, said, e);
	buf_reset(&b->said.message);
	b->later = sasl_scene_auth(&b->step, mechanism, message, &b->said, &b->why);
	return PENDING;
}

static const struct mailbox_notice notices[] = {
	{ .number = 1,
	    .state = MAILBOX_HERE,
	    .road = MAILBOX_SMTP,
	    .from = "anna@a.test",
	    .to = "user@b.test",
	    .size = 39,
	    .received_s = DATE_S + 2,
	    .date_s = DATE_S,
	    .summary = 24,
	    .flags = MAILBOX_SEEN,
	    .known = true,
	    .issuer = "Alder Trust 100% CA",
	    .marks = { .spf = MAILBOX_RESULT_PASS,
		.dkim = MAILBOX_RESULT_FAIL,
		.dmarc = MAILBOX_RESULT_QUARANTINE,
		.via = true,
		.has_fingerprint = true,
		.unaccountable = "ehlo-mismatch",
		.ehlo = { "mx.a.test" },
		.dkim_domain = { "c.test" },
		.header_from = "carl@c.test",
		.fingerprint = { 0xfe, 0xed } } },
	{ .number = 2,
	    .state = MAILBOX_HELD,
	    .from = "carl@c.test",
	    .to = "user@b.test",
	    .size = 39,
	    .received_s = DATE_S + 3,
	    .date_s = DATE_S,
	    .hold_until_s = DATE_S + 30 * 24 * 3600,
	    .has_digest = true,
	    .digest = { 0xab, 1 },
	    .issuer = "Birch SSL" },
	{ .number = 3,
	    .state = MAILBOX_GONE,
	    .to = "user@b.test",
	    .size = 88000,
	    .received_s = DATE_S + 4,
	    .word = "broken-promise" },
};

static enum outcome
list(void *role, uint64_t after, struct buf *page, bool *more, struct err *e)
{
	struct box *b = role;
	struct buf *to = b->slow ? &b->page : page;
	struct mailbox_notice n;

	(void)e;
	buf_reset(&b->page);
	b->later = DONE;
	for (size_t i = after; i < 3 && i < after + 2; i++) {
		n = notices[i];
		ulid_parse(SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C"), &n.id);
		mailbox_notice_write(to, &n);
	}
	*more = b->more = after + 2 < 3;
	return b->slow ? PENDING : DONE;
}

static bool
look_up(uint64_t number, struct err *e)
{
	if (number > 3)
		return err_word(e, REFUSAL_no_such_number);
	return number < 3 || err_word(e, REFUSAL_gone);
}

static enum outcome
give(struct box *b, uint64_t number, uint64_t size, struct mailbox_found *found, struct err *e)
{
	if (!look_up(number, e))
		return REFUSED;
	b->size = size;
	if (number == 2)
		return PENDING;
	*found = (struct mailbox_found) { source_bytes(span_of(TEXT, (size_t)size)), size };
	return DONE;
}

static enum outcome
summary(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	return give(role, number, SUMMARY, found, e);
}

static enum outcome
read_letter(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	return give(role, number, sizeof TEXT - 1, found, e);
}

static enum outcome
mark(void *role, uint64_t number, unsigned set, unsigned cleared, struct err *e)
{
	(void)role;
	if ((set & cleared) != 0 || (set | cleared) == 0)
		abort();
	return number > 3 ? look_up(number, e), REFUSED : PENDING;
}

static enum outcome
change(void *role, uint64_t number, struct err *e)
{
	(void)role;
	return number > 3 ? look_up(number, e), REFUSED : PENDING;
}

static const struct mailbox_server_ops server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth },
	.list = list,
	.summary = summary,
	.read = read_letter,
	.mark = mark,
	.drop = change,
	.decline = change,
};

static void *
make_server(struct engine **e)
{
	struct box *b = calloc(1, sizeof *b);

	if (b == NULL)
		abort();
	mailbox_server_init(&b->s, &server_ops, b);
	*e = &b->s.sasl.server.engine;
	return b;
}

/* Only the one that is waited for is taken. */
static bool
answer(struct box *b, uint64_t request, const struct err *e)
{
	struct mailbox_found found = { NULL, b->size };

	if (e == NULL)
		found.source = source_bytes(span_of(TEXT, (size_t)b->size));
	return mailbox_server_found_take(&b->s, request, &found, e) ||
	    sasl_server_answer(&b->s.sasl, request, &b->said,
		e == NULL && b->later == REFUSED ? &b->why : e) ||
	    mailbox_server_answer(&b->s, request, e) ||
	    mailbox_server_page(&b->s, request, buf_span(&b->page), b->more, e);
}

static bool
act_server(void *role, struct span words)
{
	struct box *b = role;
	struct span rest = words, verb = span_cut(&rest, ' ');
	uint64_t now = b->s.sasl.server.request, got;
	struct err e;

	err_word(&e, REFUSAL_unreachable);
	if (span_eq(verb, SPAN_LIT("slow")))
		return b->slow = true;
	if (span_eq(verb, SPAN_LIT("durable")))
		return answer(b, now, NULL);
	if (span_eq(verb, SPAN_LIT("fails")))
		return answer(b, now, &e);
	if (span_eq(verb, SPAN_LIT("progress")))
		return span_u64(rest, &got) && mailbox_server_progress(&b->s, now, got, b->size);
	return span_eq(verb, SPAN_LIT("stale")) && !answer(b, now - 1, NULL) &&
	    !mailbox_server_progress(&b->s, now - 1, 1, 2);
}

static void
clear_server(void *role)
{
	struct box *b = role;

	mailbox_server_clear(&b->s);
	buf_clear(&b->said.message);
	buf_clear(&b->page);
	free(b);
}

const struct replay_engine replay_mailbox_server = {
	"mailbox-server",
	make_server,
	act_server,
	clear_server,
};

/* -- mailbox-client ------------------------------------------------------------------------ */

struct reader_role {
	struct mailbox_client c; /* first */
	struct buf heard, octets;
	int step;
};

static struct buf *
ear(void *role)
{
	return &((struct reader_role *)role)->heard;
}

static enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return sasl_scene_step(&((struct reader_role *)role)->step, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	heard_add(ear(role), "signed-in", e);
}

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	bool by_smtp = n->road == MAILBOX_SMTP;
	char what[800];

	(void)arg;
	snprintf(what, sizeof what, "%llu %s by %s%s%s%s%s", (unsigned long long)n->number,
	    mailbox_state_name(n->state), n->issuer, by_smtp ? " through " : "", n->marks.ehlo.text,
	    by_smtp ? " " : "", n->marks.unaccountable);
	heard_add(ear(role), what, NULL);
}

static void
on_progress(void *role, void *arg, uint64_t got, uint64_t size)
{
	char what[64];

	(void)arg;
	snprintf(what, sizeof what, "%llu of %llu", (unsigned long long)got,
	    (unsigned long long)size);
	heard_add(ear(role), what, NULL);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)role;
	(void)arg;
	return octets <= 1000 || err_word(e, REFUSAL_message_too_big);
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	(void)arg;
	buf_add(&((struct reader_role *)role)->octets, piece.p, piece.n);
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct reader_role *r = role;
	char what[64];

	(void)arg;
	snprintf(what, sizeof what, more ? "more" : "end");
	if (r->octets.len > 0)
		snprintf(what, sizeof what, "end of %zu", r->octets.len);
	heard_add(&r->heard, what, e);
	buf_reset(&r->octets);
}

static void
on_lost(void *role, const struct err *e)
{
	heard_add(ear(role), "lost", e);
}

static const struct mailbox_client_ops client_ops = {
	{ step, on_signed_in },
	on_notice,
	on_progress,
	on_found,
	on_payload,
	on_end,
	on_lost,
};

static void *
make_client(struct engine **e)
{
	struct reader_role *r = calloc(1, sizeof *r);

	if (r == NULL)
		abort();
	mailbox_client_init(&r->c, &client_ops, r);
	*e = &r->c.sasl.client.engine;
	return r;
}

static bool
ask(struct mailbox_client *c, struct span verb, struct span rest)
{
	struct span second = rest, first = span_cut(&second, ' ');
	uint64_t n = 0, offset = 0;

	if (rest.n > 0 && !span_u64(first, &n))
		return false;
	if (second.n > 0 && !span_u64(second, &offset))
		return false;
	if (span_eq(verb, SPAN_LIT("list")))
		return mailbox_client_list(c, n, NULL);
	if (span_eq(verb, SPAN_LIT("summary")))
		return mailbox_client_summary(c, n, NULL);
	if (span_eq(verb, SPAN_LIT("read")))
		return mailbox_client_read(c, n, offset, NULL);
	if (span_eq(verb, SPAN_LIT("mark")))
		return mailbox_client_mark(c, n, MAILBOX_SEEN, MAILBOX_FLAGGED, NULL);
	if (span_eq(verb, SPAN_LIT("drop")))
		return mailbox_client_drop(c, n, NULL);
	return span_eq(verb, SPAN_LIT("decline")) && mailbox_client_decline(c, n, NULL);
}

static bool
act_client(void *role, struct span words)
{
	struct reader_role *r = role;
	struct span rest = words, verb = span_cut(&rest, ' ');
	struct err e;

	if (span_eq(verb, SPAN_LIT("heard")))
		return heard_is(&r->heard, rest);
	if (span_eq(verb, SPAN_LIT("auth")))
		return mailbox_client_auth(&r->c, SCENE_MECHANISM);
	if (span_eq(verb, SPAN_LIT("noop")))
		return mailbox_client_noop(&r->c);
	if (span_eq(verb, SPAN_LIT("quit")))
		return mailbox_client_quit(&r->c);
	if (!span_eq(verb, SPAN_LIT("lost")))
		return ask(&r->c, verb, rest);
	err_word(&e, REFUSAL_tls_truncated);
	client_lost(&r->c.sasl.client, &e);
	return true;
}

static void
clear_client(void *role)
{
	struct reader_role *r = role;

	mailbox_client_clear(&r->c);
	buf_clear(&r->heard);
	buf_clear(&r->octets);
	free(r);
}

const struct replay_engine replay_mailbox_client = {
	"mailbox-client",
	make_client,
	act_client,
	clear_client,
};
