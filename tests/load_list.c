/* load_list — one look into a mailbox: every notice in it, a line each. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/hex.h"
#include "common/base/memory.h"
#include "tests/load_mailbox.h"

struct reader {
	struct load_mailbox m; /* first */
	char password[LOAD_PASSWORD_BYTES];
	uint64_t last;
	bool all;
};

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	struct reader *r = role;
	char id[ULID_STR_BYTES], hex[2 * MAILBOX_DIGEST_BYTES + 1];

	(void)arg;
	ulid_str(&n->id, id);
	hex_str(hex, n->digest, sizeof n->digest);
	printf("%llu %s %s %s\n", (unsigned long long)n->number, mailbox_state_name(n->state), id,
	    n->has_digest ? hex : "-");
	r->last = n->number;
	r->m.load->acked++;
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	struct reader *r = role;

	(void)arg;
	if (e != NULL)
		load_refused(r->m.load, e);
	r->all = e == NULL && !more;
	if (e == NULL && more && mailbox_client_list(&r->m.client, r->last, NULL))
		return;
	load_mailbox_leave(&r->m);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)role;
	(void)arg;
	return err_set(e, REFUSAL_bad_reply, "%llu octets nobody asked for",
	    (unsigned long long)octets);
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	(void)role;
	(void)arg;
	(void)piece;
}

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
	mailbox_client_list(&m->client, 0, NULL);
}

static void
on_gone(struct load_mailbox *m, const struct err *why)
{
	struct err closed;

	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (!((struct reader *)m)->all)
		load_refused(m->load, why != NULL ? why : &closed);
}

static const struct load_mailbox_kind kind = { &ops, on_ready, on_gone };

void *
load_list(struct load *l)
{
	struct reader *r = memory_new(sizeof *r);

	r->m.load = l;
	r->m.kind = &kind;
	r->m.user = l->o.user;
	r->m.password = r->password;
	load_password(l, r->password);
	l->open = 1;
	load_mailbox_begin(&r->m);
	return r;
}

void
load_list_free(void *all)
{
	free(all);
}
