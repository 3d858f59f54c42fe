/* store_job — runs a job page by page; see store_job.h. */
#include "ims/store/store_job.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"

#define PAGE_OCTETS 4096 /* a page deletes and puts little */

struct ims_job *
ims_job_new(struct ims_store *s, ims_job_page *const *pages)
{
	struct ims_job *j = memory_new(sizeof *j);

	j->store = s;
	j->spool = spool_ref(s->spool);
	j->pages = pages;
	j->rows = IMS_JOB_PAGE;
	return j;
}

static void
end(void *arg)
{
	struct ims_job *j = arg;

	spool_free(&j->spool);
	j->done(j->arg, j->notices, j->why.why == REFUSAL_NONE ? NULL : &j->why);
	free(j);
}

struct news {
	void (*progress)(void *arg, uint64_t notices);
	void *arg;
	uint64_t notices;
};

static void
call_news(void *arg)
{
	struct news *n = arg;

	n->progress(n->arg, n->notices);
	free(n);
}

static void
post_progress(struct ims_job *j)
{
	struct news *n;

	if (j->progress == NULL || j->staged.notices == 0)
		return;
	n = memory_new(sizeof *n);
	*n = (struct news) { j->progress, j->arg, j->notices };
	loop_post(j->loop, call_news, n);
}

static bool
apply_page(struct db_txn *t, void *arg, struct err *e)
{
	struct ims_job *j = arg;

	j->staged.more = false;
	j->staged.at = j->at;
	j->staged.notices = 0;
	j->staged.n_files = 0;
	return (*j->pages)(t, j, e) && !db_fault(t, e);
}

static void
follow_up(struct ims_job *j)
{
	for (size_t i = 0; i < j->staged.n_files; i++)
		spool_remove(j->spool, j->staged.file[i]);
	j->notices += j->staged.notices;
	j->rows = j->rows < IMS_JOB_PAGE / 2 ? 2 * j->rows : IMS_JOB_PAGE;
	j->at = j->staged.at;
	if (!j->staged.more) {
		j->pages++;
		j->at.n = 0;
	}
	post_progress(j);
}

static void
finish(struct ims_job *j)
{
	if (j->loop != NULL)
		loop_post(j->loop, end, j);
	else
		end(j);
}

/* Runs on the writer's thread.  When the store is being closed the job ends without an error; the next job
 * of its kind does the rest. */
static void
applied(void *arg, const struct err *e)
{
	struct ims_job *j = arg;

	if (e == NULL)
		follow_up(j);
	else if (e->why == REFUSAL_system_full && j->rows > 1)
		j->rows = (j->rows + 3) / 4;
	else
		j->why = *e;
	if (j->why.why == REFUSAL_NONE && *j->pages != NULL &&
	    db_write_take(j->store->db, &j->write, &j->write.why))
		return;
	finish(j);
}

void
ims_job_start_take(struct ims_job *j)
{
	j->write = (struct db_write) {
		.apply = apply_page,
		.done = applied,
		.arg = j,
		.octets = PAGE_OCTETS,
		.frees = true,
	};
	if (!db_write_take(j->store->db, &j->write, &j->why))
		finish(j);
}
