/* upkeep — see upkeep.h. */
#include "ims/upkeep.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "ims/ims.h"
#include "ims/store/store.h"

struct upkeep {
	struct ims *ims;
	int64_t now_s;
	struct accounts_set *accounts;
	size_t next; /* of the removed users */
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static void next_mailbox(struct upkeep *u);

static void
finish(struct upkeep *u, const struct err *e)
{
	accounts_set_put(&u->accounts);
	u->done(u->arg, e);
	free(u);
}

static void
mailbox_gone(void *arg, uint64_t notices, const struct err *e)
{
	struct upkeep *u = arg;
	const struct account_removed *a = accounts_removed_at(u->accounts, u->next++);

	log_fact(e == NULL ? LOG_INFO : LOG_WARN, "mailbox.removed",
	    "mailbox=%s notices=%llu word=%s", log_str(a->owner), (unsigned long long)notices,
	    refusal_word(e == NULL ? REFUSAL_NONE : e->why));
	if ((e != NULL && e->why != REFUSAL_storage) || u->ims->store == NULL)
		finish(u, e);
	else
		next_mailbox(u); /* one that cannot be read holds up no other */
}

/* A deleted mailbox has no record.  Where it cannot be read, the next sweep looks again. */
static void
looked_for_mailbox(void *arg, uint64_t notices, const struct err *e)
{
	struct upkeep *u = arg;
	struct ims_purge p = { .opened = true, .done = mailbox_gone, .arg = u };

	(void)notices;
	if (e != NULL || u->ims->store == NULL) {
		u->next++;
		next_mailbox(u);
		return;
	}
	p.user = accounts_removed_at(u->accounts, u->next)->owner;
	p.loop = daemon_loop(u->ims->daemon);
	ims_store_purge(u->ims->store, &p);
}

/* A restored user has no `removed` line any more. */
static void
next_mailbox(struct upkeep *u)
{
	for (; u->next < accounts_removed_count(u->accounts); u->next++) {
		const struct account_removed *a = accounts_removed_at(u->accounts, u->next);

		if (a->until_s > u->now_s || accounts_of_owner(u->accounts, a->owner) != NULL)
			continue;
		ims_store_has_mailbox(u->ims->store, a->owner, daemon_loop(u->ims->daemon),
		    looked_for_mailbox, u);
		return;
	}
	finish(u, NULL);
}

static void
swept(void *arg, const struct err *e)
{
	struct upkeep *u = arg;

	if (e != NULL || u->ims->store == NULL) /* the store was closed */
		finish(u, e);
	else
		next_mailbox(u);
}

void
ims_upkeep(void *role, void (*done)(void *arg, const struct err *e), void *arg)
{
	struct upkeep *u = memory_new(sizeof *u);
	struct conf *c;

	u->ims = role;
	u->now_s = clock_wall_ms() / 1000;
	u->accounts = accounts_set_get(u->ims->accounts);
	u->done = done;
	u->arg = arg;
	c = daemon_conf(u->ims->daemon);
	ims_store_sweep(u->ims->store, u->now_s, c->role[CONF_ROLE_IMS].notice_keep_s,
	    daemon_loop(u->ims->daemon), swept, u);
	conf_unref(&c);
}
