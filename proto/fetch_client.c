/* fetch_client — the IMS's side of fetch; see fetch_client.h. */
#include "proto/fetch_client.h"

enum kind { HELLO, OCTETS, CHANGE, NOOP, QUIT }; /* OCTETS: SUMMARY and FETCH */

static struct fetch_client *
self(struct client *c)
{
	return (struct fetch_client *)c;
}

/* -- replies ------------------------------------------------------------------------------- */

static void
on_hello(struct fetch_client *f, const struct reply *r)
{
	struct err e;

	if (r->code < 300) {
		f->ready = true;
		if (f->ops->hello != NULL)
			f->ops->hello(f->role, NULL);
		return;
	}
	reply_err(r, &e);
	if (f->ops->hello != NULL)
		f->ops->hello(f->role, &e);
	client_lost(&f->client, &e);
}

static void
on_granted(struct fetch_client *f, enum kind kind, void *arg, const struct reply *r)
{
	struct err e;

	if (kind == CHANGE)
		f->ops->end(f->role, arg, NULL);
	else if (!f->ops->found(f->role, arg, r->octets, &e))
		client_lost(&f->client, &e);
}

static void
on_quit(struct fetch_client *f)
{
	struct err e;

	err_set(&e, REFUSAL_closing, "the session was ended");
	client_lost(&f->client, &e);
}

static void
on_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	struct fetch_client *f = self(c);
	struct err e;

	if (r->code < 200 || !client_fits(c, r, kind == OCTETS))
		return;
	if (kind == HELLO) {
		on_hello(f, r);
	} else if (kind == QUIT) {
		on_quit(f);
	} else if (kind != NOOP && r->code < 300) {
		on_granted(f, (enum kind)kind, arg, r);
	} else if (kind != NOOP) {
		reply_err(r, &e);
		f->ops->end(f->role, arg, &e);
	}
}

static void
on_payload(struct client *c, int kind, void *arg, struct span piece)
{
	(void)kind;
	self(c)->ops->payload(self(c)->role, arg, piece);
}

static void
on_end(struct client *c, int kind, void *arg)
{
	(void)kind;
	self(c)->ops->end(self(c)->role, arg, NULL);
}

static void
on_dropped(struct client *c, int kind, void *arg, const struct err *e)
{
	if (kind == OCTETS || kind == CHANGE)
		self(c)->ops->end(self(c)->role, arg, e);
}

static void
on_lost(struct client *c, const struct err *e)
{
	self(c)->ready = false;
	self(c)->ops->lost(self(c)->role, e);
}

/* -- requests ------------------------------------------------------------------------------ */

bool
fetch_client_hello(struct fetch_client *f, const char *domain)
{
	return client_request(&f->client, HELLO, NULL, "HELLO %s", domain);
}

static bool
ask(struct fetch_client *f, enum kind kind, const char *verb, const struct ulid *id, void *arg)
{
	char digits[ULID_STR_BYTES];

	ulid_str(id, digits);
	return client_request(&f->client, (int)kind, arg, "%s %s", verb, digits);
}

bool
fetch_client_summary(struct fetch_client *f, const struct ulid *id, void *arg)
{
	return ask(f, OCTETS, "SUMMARY", id, arg);
}

bool
fetch_client_fetch(struct fetch_client *f, const struct ulid *id, uint64_t offset, void *arg)
{
	char digits[ULID_STR_BYTES];

	if (offset == 0)
		return ask(f, OCTETS, "FETCH", id, arg);
	ulid_str(id, digits);
	return client_request(&f->client, OCTETS, arg, "FETCH %s %llu", digits,
	    (unsigned long long)offset);
}

bool
fetch_client_done(struct fetch_client *f, const struct ulid *id, void *arg)
{
	return ask(f, CHANGE, "DONE", id, arg);
}

bool
fetch_client_decline(struct fetch_client *f, const struct ulid *id, void *arg)
{
	return ask(f, CHANGE, "DECLINE", id, arg);
}

bool
fetch_client_noop(struct fetch_client *f)
{
	return client_request(&f->client, NOOP, NULL, "NOOP");
}

bool
fetch_client_quit(struct fetch_client *f)
{
	f->ready = false;
	return client_request(&f->client, QUIT, NULL, "QUIT");
}

void
fetch_client_init(struct fetch_client *f, const struct fetch_client_ops *ops, void *role)
{
	static const struct client_ops mine = {
		on_reply,
		on_payload,
		on_end,
		on_lost,
		on_dropped,
	};

	*f = (struct fetch_client) { .ops = ops, .role = role };
	client_init(&f->client, &mine);
	f->client.life_ms = CLIENT_LIFE_MS;
}

void
fetch_client_clear(struct fetch_client *f)
{
	client_clear(&f->client);
	f->ready = false;
}
