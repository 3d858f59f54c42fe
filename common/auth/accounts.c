/* accounts — the newest reading, which a daemon's threads share; see accounts.h.  What is in a reading is
 * in accounts_set.c, writing in accounts_edit.c. */
#include "common/auth/accounts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/auth/accounts_private.h"
#include "common/base/memory.h"

struct stamp { /* tells whether the file has changed */
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct accounts {
	char *path;
	pthread_mutex_t lock; /* of newest */
	struct accounts_set *newest;
	uint64_t reading;        /* number of newest */
	pthread_mutex_t looking; /* of stamp; held while the file is read */
	struct stamp stamp;      /* of what was read, or refused, last */
};

static void
look(const char *path, struct stamp *s)
{
	struct stat st;

	memset(s, 0, sizeof *s);
	if (stat(path, &st) < 0)
		return;
	s->inode = st.st_ino;
	s->size = st.st_size;
	s->modified = st.st_mtim;
	s->changed = st.st_ctim;
}

static bool
same(const struct stamp *a, const struct stamp *b)
{
	return a->inode == b->inode && a->size == b->size &&
	    a->modified.tv_sec == b->modified.tv_sec &&
	    a->modified.tv_nsec == b->modified.tv_nsec && a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

bool
accounts_new(const char *path, struct accounts **out, struct err *e)
{
	struct accounts *a = memory_new(sizeof *a);
	bool there;

	a->path = memory_text(path);
	look(path, &a->stamp);
	if (!accounts_file_read(path, &a->newest, &there, e)) {
		free(a->path);
		free(a);
		return false;
	}
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->looking, NULL);
	*out = a;
	return true;
}

void
accounts_free(struct accounts **a)
{
	if (*a == NULL)
		return;
	accounts_set_put(&(*a)->newest);
	pthread_mutex_destroy(&(*a)->lock);
	pthread_mutex_destroy(&(*a)->looking);
	free((*a)->path);
	free(*a);
	*a = NULL;
}

static bool
refresh(struct accounts *a, struct err *e)
{
	struct accounts_set *fresh, *old;
	struct stamp now;
	bool there;

	look(a->path, &now);
	if (same(&now, &a->stamp))
		return true;
	a->stamp = now;
	if (!accounts_file_read(a->path, &fresh, &there, e))
		return false;
	if (!there && a->newest->n_users > 0) { /* lost, not emptied: the verbs never remove it */
		accounts_set_put(&fresh);
		return err_set(e, REFUSAL_config, "%s is gone; its last reading stays", a->path);
	}
	pthread_mutex_lock(&a->lock);
	old = a->newest;
	a->newest = fresh;
	a->reading++;
	pthread_mutex_unlock(&a->lock);
	accounts_set_put(&old);
	return true;
}

bool
accounts_refresh(struct accounts *a, struct err *e)
{
	bool good;

	pthread_mutex_lock(&a->looking);
	good = refresh(a, e);
	pthread_mutex_unlock(&a->looking);
	return good;
}

struct accounts_set *
accounts_set_get(struct accounts *a)
{
	struct accounts_set *s;

	pthread_mutex_lock(&a->lock);
	s = a->newest;
	atomic_fetch_add(&s->references, 1);
	pthread_mutex_unlock(&a->lock);
	return s;
}

uint64_t
accounts_reading(struct accounts *a)
{
	uint64_t n;

	pthread_mutex_lock(&a->lock);
	n = a->reading;
	pthread_mutex_unlock(&a->lock);
	return n;
}

const struct account *
accounts_find_fresh(struct accounts *a, struct accounts_set **s, struct span address)
{
	const struct account *found = accounts_find(*s, address);
	struct err e;

	if (found != NULL)
		return found;
	(void)accounts_refresh(a, &e); /* the refresher reports a damaged file */
	accounts_set_put(s);
	*s = accounts_set_get(a);
	return accounts_find(*s, address);
}

bool
accounts_owns_fresh(struct accounts *a, const char *owner, struct span address)
{
	struct accounts_set *s = accounts_set_get(a);
	bool owns;

	(void)accounts_find_fresh(a, &s, address);
	owns = accounts_owns(s, owner, address);
	accounts_set_put(&s);
	return owns;
}

static bool
ops_find(void *arg, struct span name, char user[AUTH_USER_BYTES], struct auth_keys *keys)
{
	struct accounts_set *s;
	const struct account *a;
	struct err e;

	/* A user who was added a moment ago may sign in.  The refresher reports a damaged file. */
	(void)accounts_refresh(arg, &e);
	s = accounts_set_get(arg);
	a = accounts_find(s, name);
	if (a != NULL) {
		span_copy(span_str(a->owner), user, AUTH_USER_BYTES);
		*keys = a->keys;
	}
	accounts_set_put(&s);
	return a != NULL;
}

static void
ops_secret(void *arg, unsigned char out[AUTH_KEY_BYTES])
{
	struct accounts_set *s = accounts_set_get(arg);

	memcpy(out, s->secret, AUTH_KEY_BYTES);
	accounts_set_put(&s);
}

const struct auth_ops accounts_auth_ops = { ops_find, ops_secret };
