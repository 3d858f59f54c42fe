/* load_read — users' programs that list their mailboxes or read letters there, each the next after the last one
 * has come whole.
 *
 * First each reader signs in and lists its mailbox; when all have, the clock is set to zero and the reading
 * begins.  A letter counts when all of its octets have come and have the digest of its notice.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "tests/load_mailbox.h"

enum what { LISTS, HELD, HERE };

struct entry {
	uint64_t number;
	struct ulid id;
	unsigned char digest[DIGEST_BYTES];
};

struct reader {
	struct load_mailbox m; /* first */
	struct readers *all;
	char user[ADDRESS_STR_BYTES];
	bool ready;
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
list(struct reader *r)
{
	r->last = 0;
	r->sent_us = load_now_us();
	mailbox_client_list(&r->m.client, 0, NULL);
}

/* HELD: each once.  HERE: over and over. */
static void
go_on(struct reader *r)
{
	const struct readers *a = r->all;

	if (a->what == HERE && r->next == r->n)
		r->next = 0;
	if (r->m.conn == NULL || (a->what != LISTS && r->next == r->n) || !load_take(r->m.load)) {
		load_mailbox_leave(&r->m);
	} else if (a->what == LISTS) {
		list(r);
	} else {
		r->sent_us = load_now_us();
		mailbox_client_read(&r->m.client, r->entries[r->next].number, 0, NULL);
	}
	if (r->m.conn != NULL)
		conn_kick(r->m.conn);
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
		if (a->readers[i].m.conn != NULL)
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
	load_acked(r->m.load, r->sent_us, &id, none, r->user);
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
		load_acked(r->m.load, r->sent_us, &t->id, digest, r->user);
	} else {
		err_set(&e, REFUSAL_bad_reply, "letter %llu has another digest",
		    (unsigned long long)t->number);
		load_refused(r->m.load, &e);
	}
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct reader *r = role;
	bool was_list = !r->all->reading || r->all->what == LISTS;

	(void)arg;
	if (r->m.conn == NULL)
		return;
	if (was_list && e == NULL && more) {
		mailbox_client_list(&r->m.client, r->last, NULL);
		conn_kick(r->m.conn);
	} else if (was_list && e == NULL) {
		listed(r);
	} else if (e == NULL) {
		read_whole(r);
		go_on(r);
	} else {
		load_refused(r->m.load, e);
		r->next++;
		if (was_list)
			load_mailbox_leave(&r->m);
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

/* -- sessions --------------------------------------------------------------------------------------- */

static const struct mailbox_client_ops ops = {
	.sasl = { .step = load_mailbox_step, .signed_in = load_mailbox_signed_in },
	.notice = on_notice,
	.found = on_found,
	.payload = on_payload,
	.end = on_end,
	.lost = load_mailbox_lost,
};

static void
on_ready(struct load_mailbox *m)
{
	list((struct reader *)m);
}

static void
on_gone(struct load_mailbox *m, const struct err *why)
{
	if (why != NULL) {
		m->load->broken++;
		load_refused(m->load, why);
	}
	set_ready((struct reader *)m); /* the others do not wait for it */
}

static const struct load_mailbox_kind kind = { &ops, on_ready, on_gone };

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

		r->m.load = l;
		r->m.kind = &kind;
		r->m.user = r->user;
		r->m.password = a->password;
		r->all = a;
		r->digest = digest_new();
		load_numbered(l->o.user, i + 1, r->user);
		l->open++;
		load_mailbox_begin(&r->m);
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
