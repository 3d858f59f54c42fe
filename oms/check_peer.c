/* check_peer — see check_peer.h. */
#include "oms/check_peer.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/daemon/check_peer.h"
#include "common/dns/designation.h"
#include "proto/notify_client.h"

struct caller {
	struct notify_client client; /* first: what conn moves */
	void (*said)(void *arg, const struct err *e);
	void *arg;
};

static void
on_hello(void *role, const struct err *e)
{
	struct caller *c = role;

	c->said(c->arg, e);
	if (e == NULL)
		notify_client_quit(&c->client);
}

static void
on_lost(void *role, const struct err *e)
{
	(void)role, (void)e;
}

static const struct notify_client_ops ops = { .hello = on_hello, .lost = on_lost };

static struct engine *
hello(const char *own, void (*said)(void *arg, const struct err *e), void *arg)
{
	struct caller *c = memory_new(sizeof *c);

	c->said = said;
	c->arg = arg;
	notify_client_init(&c->client, &ops, c);
	notify_client_hello(&c->client, own);
	return &c->client.client.engine;
}

static void
hello_free(struct engine **e)
{
	struct caller *c = (struct caller *)*e;

	*e = NULL;
	notify_client_clear(&c->client);
	free(c);
}

int
oms_check_peer(struct options *o)
{
	static const struct check_peer_role role = {
		CONF_ROLE_OMS,
		DESIGNATION_NOTIFY,
		NOTIFY_ALPN,
		hello,
		hello_free,
	};

	return check_peer(o, &role);
}
