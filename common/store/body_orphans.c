/* body_orphans — looks through the folder of bodies, page by page; see body_orphans.h. */
#include "common/store/body_orphans.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/body_orphans_private.h"

/* -- a page ----------------------------------------------------------------------------------------- */

static void
remove_orphan(struct bodies *b, const char *name, bool counted)
{
	log_fact(LOG_INFO, "body.swept", "file=%s", log_str(name));
	if (counted)
		body_unlink(b, name);
	else
		unlinkat(b->folder, name, 0);
	b->orphans->removed++;
}

static void
remove_unnamed(struct bodies *b, struct body_page *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->named[i])
			remove_orphan(b, p->name[i], true);
}

/* Counts it, and adds it to the page if it has a key. */
static void
take_file(struct bodies *b, struct body_page *p, const char *name)
{
	unsigned char key[BODY_KEY_MAX];
	struct stat st;
	size_t n;

	if (body_name_is_temporary(name)) {
		if (!body_made_has(b->orphans, name))
			remove_orphan(b, name, false);
		return;
	}
	if ((!body_name_key(name, key, &n) && !body_name_is_old(name)) ||
	    body_made_has(b->orphans, name) ||
	    fstatat(b->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	body_used_count(b, (uint64_t)st.st_size);
	b->orphans->files++;
	if (!body_name_is_old(name) && span_copy(span_str(name), p->name[p->n], BODY_NAME_BYTES))
		p->named[p->n++] = false;
}

/* False: the folder has no more names. */
static bool
read_page(struct bodies *b, struct body_page *p)
{
	DIR *dir = b->orphans->dir;
	struct dirent *d = NULL;

	p->n = 0;
	for (int i = 0; dir != NULL && i < 4 * BODY_PAGE && p->n < BODY_PAGE; i++) {
		if ((d = readdir(dir)) == NULL)
			break;
		take_file(b, p, d->d_name);
	}
	return d != NULL || p->n > 0;
}

static void
open_folder(struct bodies *b)
{
	int fd;

	if (b->orphans->opened)
		return;
	b->orphans->opened = true;
	fd = openat(b->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && (b->orphans->dir = fdopendir(fd)) == NULL)
		close(fd);
}

/* -- all of them ------------------------------------------------------------------------------------ */

static void
end(struct bodies *b)
{
	struct body_orphans *o = b->orphans;
	struct body_removal *r, *next;
	bool stopped;

	pthread_mutex_lock(&o->lock);
	o->over = true;
	stopped = o->stopped;
	r = o->removals;
	o->removals = NULL;
	body_made_forget(o);
	pthread_mutex_unlock(&o->lock);
	for (; r != NULL; r = next) {
		next = r->next;
		body_removal_take(r);
	}
	if (o->dir != NULL)
		closedir(o->dir);
	o->dir = NULL;
	if (!stopped)
		body_used_counted(b);
	if (!stopped)
		log_fact(LOG_INFO, "body.counted", "files=%llu octets=%llu removed=%llu",
		    (unsigned long long)o->files, (unsigned long long)bodies_used(b),
		    (unsigned long long)o->removed);
	if (!stopped && o->asker.over != NULL)
		o->asker.over(o->asker.arg);
}

static bool
enter(struct body_orphans *o)
{
	bool goes;

	pthread_mutex_lock(&o->lock);
	o->queued = false;
	o->working++;
	goes = !o->stopped;
	pthread_mutex_unlock(&o->lock);
	return goes;
}

static void
leave(struct body_orphans *o)
{
	pthread_mutex_lock(&o->lock);
	o->working--;
	pthread_cond_broadcast(&o->idle);
	pthread_mutex_unlock(&o->lock);
}

/* Removes what the last page had too much, and asks about the next one.  The answer, which may come before this has
 * left, ends the work's reference, and whoever stops it need not wait for a page that was asked about: so this has a
 * reference of its own. */
static void
work(void *arg)
{
	struct bodies *b = arg, *own = bodies_ref(b);
	struct body_orphans *o = b->orphans;
	bool more = enter(o);

	if (more) {
		open_folder(b);
		remove_unnamed(b, &o->page);
		more = read_page(b, &o->page);
	}
	if (more) {
		o->asker.ask(o->asker.arg, &o->page);
	} else {
		end(b);
		bodies_free(&b);
	}
	leave(o);
	bodies_free(&own);
}

static void
set_queued(struct body_orphans *o, bool queued)
{
	pthread_mutex_lock(&o->lock);
	o->queued = queued;
	pthread_cond_broadcast(&o->idle);
	pthread_mutex_unlock(&o->lock);
}

void
body_page_answered(struct body_page *p)
{
	struct bodies *b = p->bodies;

	set_queued(b->orphans, true);
	b->orphans->job = (struct offload_job) { .work = work, .arg = b };
	if (offload_take(b->offload, &b->orphans->job))
		return;
	end(b); /* the process ends */
	set_queued(b->orphans, false);
	bodies_free(&b);
}

void
body_orphans_start(struct bodies *b, const struct body_asker *asker)
{
	struct body_orphans *o = memory_new(sizeof *o);

	o->asker = *asker;
	o->page.bodies = b;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->idle, NULL);
	b->orphans = o;
	(void)bodies_ref(b); /* the work's */
	body_page_answered(&o->page);
}

void
body_orphans_stop(struct bodies *b)
{
	struct body_orphans *o = b == NULL ? NULL : b->orphans;

	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	o->stopped = true;
	while (o->working > 0 || o->queued)
		pthread_cond_wait(&o->idle, &o->lock);
	pthread_mutex_unlock(&o->lock);
}

bool
body_orphans_over(struct bodies *b)
{
	bool over;

	pthread_mutex_lock(&b->orphans->lock);
	over = b->orphans->over;
	pthread_mutex_unlock(&b->orphans->lock);
	return over;
}
