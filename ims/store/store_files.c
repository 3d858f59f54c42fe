/* store_files — the IMS's mailboxes: does a letter name the file of a body?  See common/store/body_orphans.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/store/body_orphans.h"
#include "ims/store/store_private.h"

/* -- files that are found ------------------------------------------------------------------------------------------ */

/* Which letter names a file?  Each name has the letter's key (ims_store_body_in). */
struct asking {
	struct body_page *page;
	atomic_size_t waiting;
	struct one_file {
		struct ims_naming what; /* first: what is applied */
		struct kv_op op;
		struct asking *of;
	} file[BODY_PAGE];
};

static void
file_asked(void *arg, const struct err *e)
{
	struct one_file *f = arg;
	struct asking *a = f->of;

	a->page->named[f - a->file] = e != NULL || f->what.named;
	if (atomic_fetch_sub(&a->waiting, 1) > 1)
		return;
	body_page_answered(a->page);
	free(a);
}

void
ims_ask_files(void *store, struct body_page *p)
{
	struct ims_store *s = store;
	struct asking *a = memory_new(sizeof *a);
	struct err e;

	a->page = p;
	atomic_init(&a->waiting, p->n + 1);
	for (size_t i = 0; i < p->n; i++) {
		struct one_file *f = &a->file[i];
		struct kv_part part;

		f->of = a;
		f->what.file = p->name[i];
		if (!ims_part_of_file(p->name[i], &part, f->what.domain_hash)) {
			file_asked(f, NULL);
			continue;
		}
		f->op = (struct kv_op) {
			.part = part,
			.apply = ims_letter_op_names,
			.done = file_asked,
			.arg = f,
			.frees = true,
		};
		if (!kv_take(s->base.kv, &f->op, &e))
			file_asked(f, &e);
	}
	if (atomic_fetch_sub(&a->waiting, 1) > 1)
		return;
	body_page_answered(p);
	free(a);
}

/* -- files that were dropped --------------------------------------------------------------------------------------- */

/* What a mailbox states to a letter need not have arrived yet: a letter that still names the file is asked once more
 * by the next sweep.  A restart finds what is then left (body_orphans.h). */
struct of_file {
	struct kv_question question;
	struct ims_naming what;
	char file[BODY_NAME_BYTES];
	bool again;
};

static void
look_for_file(struct kv_txn *t, void *arg, struct err *why)
{
	struct of_file *q = arg;

	if (!ims_letter_op_names(t, &q->what, why))
		q->what.named = true;
}

static void
ask_later(struct ims_store *s, const char *file)
{
	struct ims_named_file *f;

	pthread_mutex_lock(&s->lock);
	if (s->n_named < IMS_NAMED_MAX) {
		f = memory_new(sizeof *f);
		memcpy(f->file, file, sizeof f->file);
		f->next = s->named;
		s->named = f;
		s->n_named++;
	}
	pthread_mutex_unlock(&s->lock);
}

static void
tell_file(struct kv_question *question, const struct err *e)
{
	struct of_file *q = (struct of_file *)question;

	if (e == NULL && !q->what.named)
		body_remove(question->store->bodies, q->file);
	else if (e == NULL && !q->again)
		ask_later(ims_store_of(question), q->file);
}

static void
ask_for_file(struct ims_store *s, const char *file, bool again, struct loop *l)
{
	struct of_file *q = memory_new(sizeof *q);
	struct kv_part part;

	span_copy(span_str(file), q->file, sizeof q->file);
	q->question.next = kv_question_answer;
	q->question.tell = tell_file;
	q->what.file = q->file;
	q->again = again;
	kv_question_begin(&q->question, ims_base(s), l);
	if (ims_part_of_file(q->file, &part, q->what.domain_hash))
		kv_question_judge(&q->question, part, look_for_file, q);
	else
		kv_question_answer(&q->question);
}

void
ims_file_dropped(struct ims_store *s, const char *file, struct loop *l)
{
	if (file[0] != '\0')
		ask_for_file(s, file, false, l);
}

static struct ims_named_file *
take_named(struct ims_store *s)
{
	struct ims_named_file *all;

	pthread_mutex_lock(&s->lock);
	all = s->named;
	s->named = NULL;
	s->n_named = 0;
	pthread_mutex_unlock(&s->lock);
	return all;
}

void
ims_files_asked_again(struct ims_store *s, struct loop *l)
{
	struct ims_named_file *f = s == NULL ? NULL : take_named(s), *next;

	for (; f != NULL; f = next) {
		next = f->next;
		ask_for_file(s, f->file, true, l);
		free(f);
	}
}
