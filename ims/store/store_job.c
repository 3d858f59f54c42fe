/* store_job — runs a job page by page; see store_job_private.h. */
#include "ims/store/store_job_private.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"

struct ims_job *
ims_job_new(struct ims_store *s, ims_job_page *const *pages)
{
	struct ims_job *j = memory_new(sizeof *j);

	j->store = s;
	j->bodies = bodies_ref(s->bodies);
	j->pages = pages;
	return j;
}

static void
end(void *arg, const struct err *e)
{
	struct ims_job *j = arg;

	bodies_free(&j->bodies);
	j->done(j->arg, j->notices, e);
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
apply_page(struct db_txn *t, void *arg, size_t rows, struct err *e)
{
	struct ims_job *j = arg;

	j->rows = rows;
	j->staged.more = false;
	j->staged.at = j->at;
	j->staged.notices = 0;
	j->staged.n_files = 0;
	return (*j->pages)(t, j, e) && !db_fault(t, e);
}

static bool
follow_up(void *arg)
{
	struct ims_job *j = arg;

	for (size_t i = 0; i < j->staged.n_files; i++)
		body_remove(j->bodies, j->staged.file[i]);
	j->notices += j->staged.notices;
	j->at = j->staged.at;
	if (!j->staged.more) {
		j->pages++;
		j->at.n = 0;
	}
	post_progress(j);
	return *j->pages != NULL;
}

void
ims_job_start_take(struct ims_job *j)
{
	j->run = (struct db_pages) {
		.apply = apply_page,
		.follow = follow_up,
		.done = end,
		.arg = j,
		.home = j->loop,
		.most = IMS_JOB_PAGE,
	};
	db_pages_take(j->store->db, &j->run);
}
