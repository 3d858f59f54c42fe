/* inbox — mc's requests to its user's IMS; see inbox.h. */
#include "mc/inbox.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/dns/designation.h"
#include "mc/signin_client.h"
#include "proto/mailbox_client.h"

/* The one request under way. */
struct question {
	bool ended, ok, more;
	struct err err;
	bool own; /* the error is ours */
	/* list */
	void (*each)(void *arg, const struct mailbox_notice *n);
	void *arg;
	uint64_t last; /* number of the last row */
	size_t rows;
	/* summary, read */
	struct buf *summary;
	const struct inbox_reader *reader;
	uint64_t expected; /* octets; of a summary at most */
};

struct inbox {
	struct signin_client signin; /* first */
	struct mailbox_client client;
	struct question now;
};

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	struct question *q = arg;

	(void)role;
	if (n->number <= q->last || q->rows >= INBOX_NOTICES_MAX)
		return;
	q->last = n->number;
	q->rows++;
	q->each(q->arg, n);
}

static void
on_progress(void *role, void *arg, uint64_t got, uint64_t size)
{
	struct question *q = arg;

	(void)role;
	if (q->reader != NULL && q->reader->progress != NULL)
		q->reader->progress(q->reader->arg, got, size);
}

static bool
refuse(struct question *q, struct err *e, const struct err *why)
{
	q->own = true;
	*e = *why;
	return false;
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	struct question *q = arg;
	struct err why;

	(void)role;
	if (q->summary != NULL ? octets <= q->expected : octets == q->expected)
		return true;
	err_set(&why, REFUSAL_broken_promise, "%llu octets were announced, %llu are given",
	    (unsigned long long)q->expected, (unsigned long long)octets);
	return refuse(q, e, &why);
}

static void
on_piece(void *role, void *arg, struct span piece)
{
	struct question *q = arg;

	(void)role;
	if (q->summary != NULL)
		buf_add(q->summary, piece.p, piece.n);
	else if (!q->own && !q->reader->piece(q->reader->arg, piece, &q->err))
		q->own = true; /* the rest passes unheard */
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct inbox *b = role;
	struct question *q = arg;

	q->ended = true;
	q->more = more;
	q->ok = e == NULL && !q->own;
	if (e != NULL)
		q->err = *e;
	link_wake(b->signin.link);
}

static void
on_lost(void *role, const struct err *e)
{
	struct inbox *b = role;

	(void)e;
	link_wake(b->signin.link);
}

static const struct mailbox_client_ops ops = {
	.sasl = SIGNIN_CLIENT_OPS,
	.notice = on_notice,
	.progress = on_progress,
	.found = on_found,
	.payload = on_piece,
	.end = on_end,
	.lost = on_lost,
};

/* -- life --------------------------------------------------------------------------------------- */

bool
inbox_open(struct inbox **out, const struct account *a, struct fault *f)
{
	struct inbox *b = memory_new(sizeof *b);

	*f = (struct fault) { .host = "" };
	mailbox_client_init(&b->client, &ops, b);
	*out = b;
	return link_new(&b->signin.link, &a->config, &f->err) &&
	    link_connect(b->signin.link, DESIGNATION_MAILBOX, MAILBOX_ALPN, &b->client.sasl.client,
		f);
}

static bool
begin_auth(void *client, const char *mechanism)
{
	return mailbox_client_auth(client, mechanism);
}

bool
inbox_sign_in(struct inbox *b, struct account *a, struct fault *f)
{
	return signin_client_run(&b->signin, a, &b->client, begin_auth, f);
}

void
inbox_close(struct inbox **bp)
{
	struct inbox *b = *bp;

	if (b == NULL)
		return;
	if (b->signin.link != NULL && link_is_up(b->signin.link) && mailbox_client_quit(&b->client))
		link_kick(b->signin.link);
	link_free(&b->signin.link);
	mailbox_client_clear(&b->client);
	free(b);
	*bp = NULL;
}

bool
inbox_is_up(const struct inbox *b)
{
	return link_is_up(b->signin.link);
}

const char *
inbox_host(const struct inbox *b)
{
	return link_host(b->signin.link);
}

uint16_t
inbox_port(const struct inbox *b)
{
	return link_port(b->signin.link);
}

/* -- questions ---------------------------------------------------------------------------------- */

/* Waits for the reply; `asked` false: the request could not be sent. */
static bool
answer(struct inbox *b, bool asked, struct fault *f)
{
	struct question *q = &b->now;

	if (asked) {
		link_kick(b->signin.link);
		(void)link_wait(b->signin.link, &q->ended, 0);
	}
	if (q->ended && q->ok)
		return true;
	if (!q->ended)
		err_set(&q->err, REFUSAL_unreachable, "the connection is gone");
	signin_client_fault(&b->signin, &q->err, f);
	if (q->own)
		f->host[0] = '\0';
	return false;
}

bool
inbox_list(struct inbox *b, void (*each)(void *arg, const struct mailbox_notice *n), void *arg,
    struct fault *f)
{
	uint64_t after = 0;

	do {
		b->now = (struct question) { .each = each, .arg = arg, .last = after };
		if (!answer(b, mailbox_client_list(&b->client, after, &b->now), f))
			return false;
		if (b->now.more && b->now.last == after) {
			err_set(&b->now.err, REFUSAL_bad_reply,
			    "a page of a list that goes nowhere");
			signin_client_fault(&b->signin, &b->now.err, f);
			return false;
		}
		after = b->now.last;
	} while (b->now.more);
	return true;
}

struct wanted {
	uint64_t number;
	struct mailbox_notice *out;
	bool found;
};

static void
take_wanted(void *arg, const struct mailbox_notice *n)
{
	struct wanted *w = arg;

	if (n->number != w->number)
		return;
	*w->out = *n;
	w->found = true;
}

bool
inbox_find(struct inbox *b, uint64_t number, struct mailbox_notice *out, struct fault *f)
{
	struct wanted w = { .number = number, .out = out };
	uint64_t after = number > 0 ? number - 1 : 0;

	b->now = (struct question) { .each = take_wanted, .arg = &w, .last = after };
	if (!answer(b, mailbox_client_list(&b->client, after, &b->now), f))
		return false;
	*f = (struct fault) { .host = "" };
	return w.found ||
	    err_set(&f->err, REFUSAL_no_such_number, "none of your letters is number %llu",
		(unsigned long long)number);
}

bool
inbox_summary(struct inbox *b, uint64_t number, struct buf *out, struct fault *f)
{
	b->now = (struct question) { .summary = out, .expected = INBOX_SUMMARY_BYTES };
	return answer(b, mailbox_client_summary(&b->client, number, &b->now), f);
}

bool
inbox_read(struct inbox *b, const struct mailbox_notice *n, uint64_t offset,
    const struct inbox_reader *r, struct fault *f)
{
	b->now = (struct question) { .reader = r, .expected = n->size - offset };
	return answer(b, mailbox_client_read(&b->client, n->number, offset, &b->now), f);
}
