/* recount — opens the store of a stopped oms or ims, and compares its sums with a count of what is there.
 *
 *	recount oms FOLDER BYTES
 *	recount ims FOLDER BYTES
 *
 * BYTES is spool-size or store-size.  At an oms: each user's letters and octets, and the files of bodies.  At an
 * ims: what each sender's domain takes in all and in each mailbox, the entries of the seen set, the notices of
 * each mailbox, and the files.  Prints what it counted; status 0: all sums are true.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/store/body_orphans.h"
#include "oms/policy/letter.h"
#include "oms/store/store.h"
#include "tests/ims_truth.h"

static const char *folder;
static uint64_t size;

struct open_store {
	struct loop *loop;
	struct offload *offload;
	struct oms_store *oms;
	struct ims_store *ims;
};

static void
begin(struct open_store *o)
{
	struct err e;

	*o = (struct open_store) { .loop = NULL };
	assert_true(loop_new(&o->loop, &e));
	assert_true(offload_new(&o->offload, 1, &e) && offload_start(o->offload, &e));
}

static void
end(struct open_store *o)
{
	offload_free(&o->offload);
	loop_drain(o->loop);
	loop_free(&o->loop);
}

/* Until its answer is here. */
static void
await(struct open_store *o, const bool *answered)
{
	while (!*answered) {
		loop_drain(o->loop);
		usleep(100);
	}
}

/* After the opening: files that no record names go. */
static void
wait_for_orphans(struct bodies *b)
{
	while (!body_orphans_over(b))
		usleep(1000);
}

static uint64_t
files(const char *where)
{
	char path[4096];
	uint64_t n = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "%s/%s", folder, where);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* -- an oms ------------------------------------------------------------------------------------------------- */

struct user {
	char name[OMS_STORE_USER_BYTES];
	struct oms_user_counts counts;
};

struct count {
	struct user *users;
	size_t n;
	uint64_t files;
	/* the letter whose deliveries are coming */
	struct oms_letter letter;
	size_t recipients;
	bool open;
	/* of the page */
	struct oms_place next;
	bool more, answered;
};

static struct user *
user_of(struct count *c, const char *name)
{
	struct user *u;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->users[i].name, name) == 0)
			return &c->users[i];
	c->users = memory_resize(c->users, c->n + 1, sizeof *c->users);
	u = &c->users[c->n++];
	memset(u, 0, sizeof *u);
	snprintf(u->name, sizeof u->name, "%s", name);
	return u;
}

static void
letter_is_whole(struct count *c)
{
	struct user *u;

	if (c->recipients == 0)
		return;
	u = user_of(c, c->letter.user);
	u->counts.octets += oms_letter_price(c->recipients);
	if (c->open) {
		u->counts.letters++;
		u->counts.octets += c->letter.size;
		c->files += c->letter.size > BODY_INLINE_BYTES;
	}
}

/* A letter's deliveries come one after the other, perhaps on two pages. */
static void
count_listed(struct count *c, const struct oms_listed *x)
{
	if (!ulid_eq(&x->letter.id, &c->letter.id)) {
		letter_is_whole(c);
		c->letter = x->letter;
		c->recipients = 0;
		c->open = false;
	}
	for (size_t i = 0; i < x->n; i++) {
		c->recipients += x->deliveries[i].n_recipients;
		c->open = c->open || !oms_delivery_is_over(&x->deliveries[i]);
	}
}

static void
on_page(void *arg, const struct oms_listed *page, size_t n, const struct oms_place *next, bool more,
    const struct err *e)
{
	struct count *c = arg;

	assert_null(e);
	for (size_t i = 0; i < n; i++)
		count_listed(c, &page[i]);
	c->next = *next;
	c->more = more;
	c->answered = true;
}

static void
count_all(struct open_store *o, struct count *c)
{
	do {
		struct oms_place at = c->next;

		c->answered = false;
		oms_store_queue(o->oms, &at, OMS_STORE_LIST_PAGE, o->loop, on_page, c);
		await(o, &c->answered);
	} while (c->more);
	letter_is_whole(c);
}

struct kept {
	struct oms_user_counts counts;
	bool answered;
};

static void
on_user(void *arg, const struct oms_user_counts *counts, const struct err *e)
{
	struct kept *k = arg;

	assert_null(e);
	k->counts = *counts;
	k->answered = true;
}

static void
compare_user(struct open_store *o, const struct user *u)
{
	struct kept k = { .answered = false };

	oms_store_user(o->oms, u->name, o->loop, on_user, &k);
	await(o, &k.answered);
	printf("# user %s: %llu letters, %llu octets; the sums say %llu, %llu\n", u->name,
	    (unsigned long long)u->counts.letters, (unsigned long long)u->counts.octets,
	    (unsigned long long)k.counts.letters, (unsigned long long)k.counts.octets);
	assert_int_equal(k.counts.letters, u->counts.letters);
	assert_int_equal(k.counts.octets, u->counts.octets);
}

static void
oms_sums_are_true(void **state)
{
	struct count c = { .n = 0 };
	struct open_store o;
	struct err e;

	(void)state;
	begin(&o);
	if (!oms_store_open(folder, size, o.offload, &o.oms, &e))
		fail_msg("%s", e.text);
	count_all(&o, &c);
	for (size_t i = 0; i < c.n; i++)
		compare_user(&o, &c.users[i]);
	wait_for_orphans(oms_store_bodies(o.oms));
	printf("# %llu files of bodies, %llu letters that need one\n",
	    (unsigned long long)files("bodies"), (unsigned long long)c.files);
	assert_int_equal(files("bodies"), c.files);
	free(c.users);
	oms_store_close(&o.oms);
	end(&o);
}

/* -- an ims ----------------------------------------------------------------------------------------------------- */

static void
ims_sums_are_true(void **state)
{
	struct open_store o;
	uint64_t in_files;
	struct err e;

	(void)state;
	begin(&o);
	if (!ims_store_open(folder, size, o.offload, &o.ims, &e))
		fail_msg("%s", e.text);
	assert_sums_are_true(o.ims, o.loop, &in_files);
	wait_for_orphans(ims_store_bodies(o.ims));
	printf("# %llu files of bodies, %llu letters that need one\n",
	    (unsigned long long)files("store/bodies"), (unsigned long long)in_files);
	assert_int_equal(files("store/bodies"), in_files);
	ims_store_close(&o.ims);
	end(&o);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest oms[] = { cmocka_unit_test(oms_sums_are_true) };
	const struct CMUnitTest ims[] = { cmocka_unit_test(ims_sums_are_true) };

	if (argc != 4 || (strcmp(argv[1], "oms") != 0 && strcmp(argv[1], "ims") != 0)) {
		fprintf(stderr, "usage: recount oms|ims FOLDER BYTES\n");
		return 64;
	}
	folder = argv[2];
	size = strtoull(argv[3], NULL, 10);
	if (strcmp(argv[1], "oms") == 0)
		return cmocka_run_group_tests_name("recount", oms, NULL, NULL);
	return cmocka_run_group_tests_name("recount", ims, NULL, NULL);
}
