/* smtp_caps — connections to a host at a time; see smtp_caps.h. */
#include "oms/smtp/smtp_caps.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/address.h"
#include "common/base/memory.h"

struct cap {
	struct domain host;
	unsigned most;
};

struct smtp_caps {
	pthread_mutex_t lock;
	struct cap *caps; /* the newest last */
	size_t n;
};

struct smtp_caps *
smtp_caps_new(void)
{
	struct smtp_caps *c = memory_new(sizeof *c);

	pthread_mutex_init(&c->lock, NULL);
	c->caps = memory_array(SMTP_CAPS_MAX, sizeof *c->caps);
	return c;
}

void
smtp_caps_free(struct smtp_caps **c)
{
	if (*c == NULL)
		return;
	pthread_mutex_destroy(&(*c)->lock);
	free((*c)->caps);
	free(*c);
	*c = NULL;
}

/* NULL: the host has all. */
static struct cap *
find(struct smtp_caps *c, const char *host)
{
	for (size_t i = 0; i < c->n; i++)
		if (domain_eq(&c->caps[i].host, span_str(host)))
			return &c->caps[i];
	return NULL;
}

static void
forget(struct smtp_caps *c, struct cap *k)
{
	c->n--;
	for (size_t i = (size_t)(k - c->caps); i < c->n; i++)
		c->caps[i] = c->caps[i + 1];
}

unsigned
smtp_caps_of(struct smtp_caps *c, const char *host)
{
	const struct cap *k;
	unsigned most;

	pthread_mutex_lock(&c->lock);
	k = find(c, host);
	most = k == NULL ? SMTP_CAP : k->most;
	pthread_mutex_unlock(&c->lock);
	return most;
}

void
smtp_caps_halve(struct smtp_caps *c, const char *host)
{
	struct cap *k;

	pthread_mutex_lock(&c->lock);
	k = find(c, host);
	if (k == NULL && c->n == SMTP_CAPS_MAX)
		forget(c, &c->caps[0]);
	if (k == NULL) {
		k = &c->caps[c->n++];
		*k = (struct cap) { domain_copy(host), SMTP_CAP };
	}
	k->most = k->most > 1 ? k->most / 2 : 1;
	pthread_mutex_unlock(&c->lock);
}

void
smtp_caps_served(struct smtp_caps *c, const char *host)
{
	struct cap *k;

	pthread_mutex_lock(&c->lock);
	k = find(c, host);
	if (k != NULL && ++k->most == SMTP_CAP)
		forget(c, k);
	pthread_mutex_unlock(&c->lock);
}
