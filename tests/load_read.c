/* load_read — users' programs that list their mailboxes or read letters there, each the next after the last one
 * has come whole.
 *
 * First each reader signs in and lists its mailbox; when all have, the clock is set to zero and the reading
 * begins.  A letter counts when all of its octets have come and have the digest of its notice.
 */
#include "tests/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "proto/mailbox_client.h"

enum what { LISTS, HELD, HERE };

struct entry {
	uint64_t number;
	struct ulid id;
	unsigned char digest[DIGEST_BYTES];
};

struct reader {
	struct mailbox_client client;
	struct load *load;
	struct readers *all;
	struct conn *conn;
	struct auth_client *auth;
	struct auth_cache cache;
	char user[ADDRESS_STR_BYTES];
	bool up, ready;
	uint64_t last; /* number that was listed last */
	struct entry *entries;
	size_t n, room, next;
	struct digest *digest;
	int64_t sent_us;
};

struct readers {
	struct load *load;
	char password[LOAD_PASSWORD_BYTES];
	enum what what;
	bool reading; /* all are ready */
	long n, n_ready;
	struct reader *readers;
};

/* -- reading ---------------------------------------------------------------------------------------- */

static void
leave(struct reader *r)
{
	if (r->conn != NULL)
		conn_close(r->conn);
}

static void
list(struct reader *r)
{
	r->last = 0;
	r->sent_us = load_now_us();
	mailbox_client_list(&r->client, 0, NULL);
}

/* HELD: each once.  HERE: over and over. */
static void
go_on(struct reader *r)
{
	const struct readers *a = r->all;

	if (a->what == HERE && r->next == r->n)
		r->next = 0;
	if (r->conn == NULL || (a->what != LISTS && r->next == r->n) || !load_take(r->load)) {
		leave(r);
	} else if (a->what == LISTS) {
		list(r);
	} else {
		r->sent_us = load_now_us();
		mailbox_client_read(&r->client, r->entries[r->next].number, 0, NULL);
	}
	if (r->conn != NULL)
		conn_kick(r->conn);
}

static void
set_ready(struct reader *r)
{
	struct readers *a = r->all;

	if (r->ready)
		return;
	r->ready = true;
	if (++a->n_ready < a->n)
		return;
	a->reading = true;
	load_begin(a->load);
	for (long i = 0; i < a->n; i++)
		if (a->readers[i].conn != NULL)
			go_on(&a->readers[i]);
}

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	struct reader *r = role;
	enum mailbox_state wanted = r->all->what == HERE ? MAILBOX_HERE : MAILBOX_HELD;

	(void)arg;
	r->last = n->number;
	if (r->all->reading || r->all->what == LISTS || n->state != wanted || !n->has_digest)
		return;
	if (r->n == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 64;
		r->entries = memory_resize(r->entries, r->room, sizeof *r->entries);
	}
	r->entries[r->n].number = n->number;
	r->entries[r->n].id = n->id;
	memcpy(r->entries[r->n].digest, n->digest, DIGEST_BYTES);
	r->n++;
}

static void
listed(struct reader *r)
{
	static const unsigned char none[DIGEST_BYTES];
	struct ulid id = { { 0 } };

	if (!r->all->reading) {
		set_ready(r);
		return;
	}
	load_acked(r->load, r->sent_us, &id, none, r->user);
	go_on(r);
}

static void
read_whole(struct reader *r)
{
	const struct entry *t = &r->entries[r->next++];
	unsigned char digest[DIGEST_BYTES];
	struct err e;

	digest_end(r->digest, digest);
	if (memcmp(digest, t->digest, DIGEST_BYTES) == 0) {
		load_acked(r->load, r->sent_us, &t->id, digest, r->user);
	} else {
		err_set(&e, REFUSAL_bad_reply, "letter %llu has another digest",
		    (unsigned long long)t->number);
		load_refused(r->load, &e);
	}
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct reader *r = role;
	bool was_list = !r->all->reading || r->all->what == LISTS;

	(void)arg;
	if (r->conn == NULL)
		return;
	if (was_list && e == NULL && more) {
		mailbox_client_list(&r->client, r->last, NULL);
		conn_kick(r->conn);
	} else if (was_list && e == NULL) {
		listed(r);
	} else if (e == NULL) {
		read_whole(r);
		go_on(r);
	} else {
		load_refused(r->load, e);
		r->next++;
		if (was_list)
			leave(r);
		else
			go_on(r);
	}
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)role;
	(void)arg;
	(void)octets;
	(void)e;
	return true;
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	(void)arg;
	digest_add(((struct reader *)role)->digest, piece);
}

/* -- signing in ------------------------------------------------------------------------------------- */

static enum outcome
on_step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return load_step(((struct reader *)role)->auth, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	struct reader *r = role;

	auth_client_free(&r->auth);
	if (e == NULL) {
		list(r);
		return;
	}
	load_refused(r->load, e);
	leave(r);
}

static void
on_lost(void *role, const struct err *e)
{
	(void)role;
	(void)e;
}

static const struct mailbox_client_ops ops = {
	.sasl = { .step = on_step, .signed_in = on_signed_in },
	.notice = on_notice,
	.found = on_found,
	.payload = on_payload,
	.end = on_end,
	.lost = on_lost,
};

/* -- connections ------------------------------------------------------------------------------------ */

static void
on_up(struct conn *c, void *role)
{
	struct reader *r = role;
	unsigned char binding[AUTH_BINDING_BYTES];
	struct err e;

	r->up = true;
	mailbox_client_init(&r->client, &ops, r);
	if (!conn_exporter(c, binding) ||
	    !auth_client_new(span_str(r->user), span_str(r->all->password),
		span_of(binding, sizeof binding), &r->cache, &r->auth, &e)) {
		conn_close(c);
		return;
	}
	mailbox_client_auth(&r->client, auth_client_mechanism(r->auth));
	conn_set_engine(c, &r->client.sasl.client.engine);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct reader *r = role;
	struct err closed;

	(void)c;
	r->conn = NULL;
	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (why != NULL) {
		r->load->broken++;
		load_refused(r->load, why);
	}
	if (r->up) {
		client_lost(&r->client.sasl.client, why != NULL ? why : &closed);
		mailbox_client_clear(&r->client);
	}
	if (r->auth != NULL)
		auth_client_free(&r->auth);
	set_ready(r); /* the others do not wait for it */
	load_closed(r->load);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

static void *
begin(struct load *l, enum what what)
{
	struct readers *a = memory_new(sizeof *a);

	a->load = l;
	a->what = what;
	a->n = l->o.connections;
	load_password(l, a->password);
	a->readers = memory_array((size_t)a->n, sizeof *a->readers);
	for (long i = 0; i < a->n; i++) {
		struct reader *r = &a->readers[i];

		r->load = l;
		r->all = a;
		r->digest = digest_new();
		load_numbered(l->o.user, i + 1, r->user);
		l->open++;
		r->conn = load_connect(l, MAILBOX_ALPN, &events, r);
	}
	return a;
}

void *
load_lists(struct load *l)
{
	return begin(l, LISTS);
}

void *
load_fetch(struct load *l)
{
	return begin(l, HELD);
}

void *
load_show(struct load *l)
{
	return begin(l, HERE);
}

void
load_read_free(void *all)
{
	struct readers *a = all;

	for (long i = 0; i < a->n; i++) {
		digest_free(&a->readers[i].digest);
		free(a->readers[i].entries);
	}
	free(a->readers);
	free(a);
}
