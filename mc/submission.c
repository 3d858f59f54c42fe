/* submission — mc's requests to its user's OMS; see submission.h. */
#include "mc/submission.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/dns/designation.h"
#include "mc/signin_client.h"
#include "proto/submit_client.h"

struct submission {
	struct signin_client signin; /* first */
	struct submit_client client;
	const struct letter *sending;
	/* the one request under way */
	bool ended, ok, more;
	struct err err;          /* the first refusal, or why the session ended */
	bool refused, recipient; /* a recipient was the first */
	struct ulid id;
	/* pages */
	struct sent_letter open; /* whose recipients come */
	bool is_open;
	struct ulid last;
	size_t letters;
	void (*each)(void *arg, struct sent_letter *l);
	void *arg;
};

/* -- answers ------------------------------------------------------------------------------------ */

static void
on_refused(void *role, void *arg, enum submit_part part, size_t index, const struct err *e)
{
	struct submission *s = role;
	const struct letter *l = s->sending;

	(void)arg;
	if (s->refused)
		return;
	s->refused = true;
	s->recipient = part == SUBMIT_PART_TO;
	s->err = *e;
	if (part == SUBMIT_PART_TO && index < l->n_to)
		err_prefix(&s->err, "%s", l->to[index]);
	else if (part == SUBMIT_PART_FROM)
		err_prefix(&s->err, "%s", l->from);
}

static void
end(struct submission *s, const struct err *e)
{
	s->ended = true;
	s->ok = e == NULL && !s->refused;
	if (e != NULL && !s->refused)
		s->err = *e;
	link_wake(s->signin.link);
}

static void
on_taken(void *role, void *arg, const struct ulid *id, const struct err *e)
{
	struct submission *s = role;

	(void)arg;
	if (e == NULL)
		s->id = *id;
	end(s, e);
}

static void
give_open(struct submission *s)
{
	if (s->is_open)
		s->each(s->arg, &s->open);
	else
		sent_clear(&s->open);
	s->is_open = false;
	s->open = (struct sent_letter) { .recipients = NULL };
}

static void
on_letter(void *role, void *arg, const struct submit_letter *l)
{
	struct submission *s = role;

	(void)arg;
	give_open(s);
	s->open.letter = *l;
	ulid_str(&l->id, s->open.id);
	s->is_open = true;
	s->last = l->id;
	s->letters++;
}

static void
on_recipient(void *role, void *arg, const struct submit_recipient *r)
{
	struct submission *s = role;
	struct sent_letter *l = &s->open;

	(void)arg;
	if (!s->is_open || l->n_recipients >= SUBMIT_RECIPIENTS_MAX)
		return;
	l->recipients = memory_resize(l->recipients, l->n_recipients + 1, sizeof *l->recipients);
	l->recipients[l->n_recipients++] = *r;
}

static void
on_page_end(void *role, void *arg, bool more, const struct err *e)
{
	struct submission *s = role;

	(void)arg;
	s->more = more;
	give_open(s);
	end(s, e);
}

static void
on_lost(void *role, const struct err *e)
{
	struct submission *s = role;

	(void)e;
	link_wake(s->signin.link);
}

static const struct submit_client_ops ops = {
	.sasl = SIGNIN_CLIENT_OPS,
	.refused = on_refused,
	.taken = on_taken,
	.letter = on_letter,
	.recipient = on_recipient,
	.page_end = on_page_end,
	.lost = on_lost,
};

/* -- life --------------------------------------------------------------------------------------- */

bool
submission_open(struct submission **out, const struct account *a, struct fault *f)
{
	struct submission *s = memory_new(sizeof *s);

	*f = (struct fault) { .host = "" };
	submit_client_init(&s->client, &ops, s);
	*out = s;
	return link_new(&s->signin.link, &a->config, &f->err) &&
	    link_connect(s->signin.link, DESIGNATION_SUBMIT, SUBMIT_ALPN, &s->client.sasl.client,
		f);
}

static bool
begin_auth(void *client, const char *mechanism)
{
	return submit_client_auth(client, mechanism);
}

bool
submission_sign_in(struct submission *s, struct account *a, struct fault *f)
{
	return signin_client_run(&s->signin, a, &s->client, begin_auth, f);
}

void
submission_close(struct submission **sp)
{
	struct submission *s = *sp;

	if (s == NULL)
		return;
	if (s->signin.link != NULL && link_is_up(s->signin.link) && submit_client_quit(&s->client))
		link_kick(s->signin.link);
	link_free(&s->signin.link);
	submit_client_clear(&s->client);
	sent_clear(&s->open);
	free(s);
	*sp = NULL;
}

const char *
submission_host(const struct submission *s)
{
	return link_host(s->signin.link);
}

uint16_t
submission_port(const struct submission *s)
{
	return link_port(s->signin.link);
}

void
sent_clear(struct sent_letter *l)
{
	free(l->recipients);
	*l = (struct sent_letter) { .recipients = NULL };
}

/* -- questions ---------------------------------------------------------------------------------- */

static void
begin(struct submission *s)
{
	s->ended = s->ok = s->more = s->refused = s->recipient = false;
	s->err = (struct err) { .why = REFUSAL_NONE };
	s->letters = 0;
}

static bool
answer(struct submission *s, bool asked, struct fault *f)
{
	if (asked) {
		link_kick(s->signin.link);
		(void)link_wait(s->signin.link, &s->ended, 0);
	}
	if (s->ended && s->ok)
		return true;
	if (!s->ended && s->err.why == REFUSAL_NONE)
		err_set(&s->err, REFUSAL_unreachable, "the connection is gone");
	signin_client_fault(&s->signin, &s->err, f);
	if (!asked)
		f->host[0] = '\0';
	return false;
}

bool
submission_send(struct submission *s, const struct letter *l, unsigned hold_days,
    const char token[SUBMISSION_TOKEN_BYTES], struct ulid *id, struct fault *f)
{
	const struct submit_draft d = { .from = l->from,
		.to = (const char *const *)l->to,
		.n_to = l->n_to,
		.hold_days = hold_days,
		.token = token,
		.octets = letter_size(l) };

	begin(s);
	s->sending = l;
	if (!answer(s, submit_client_send_take(&s->client, &d, letter_source(l), s, &s->err), f))
		return false;
	*id = s->id;
	return true;
}

bool
submission_refused_recipient(const struct submission *s)
{
	return s != NULL && s->recipient;
}

static void
take_one(void *arg, struct sent_letter *l)
{
	struct sent_letter *out = arg;

	sent_clear(out);
	*out = *l;
}

bool
submission_status(struct submission *s, const struct ulid *id, struct sent_letter *out,
    struct fault *f)
{
	begin(s);
	s->each = take_one;
	s->arg = out;
	return answer(s, submit_client_status(&s->client, id, s), f);
}

bool
submission_outbox(struct submission *s, void (*each)(void *arg, struct sent_letter *l), void *arg,
    struct fault *f)
{
	struct ulid after;
	bool first = true;

	s->each = each;
	s->arg = arg;
	do {
		begin(s);
		if (!answer(s, submit_client_outbox(&s->client, first ? NULL : &after, s), f))
			return false;
		if (s->more && s->letters == 0) {
			err_set(&s->err, REFUSAL_bad_reply,
			    "a page of an outbox that goes nowhere");
			signin_client_fault(&s->signin, &s->err, f);
			return false;
		}
		after = s->last;
		first = false;
	} while (s->more);
	return true;
}
