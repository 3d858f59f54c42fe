/* ims_recipient — what a sender that named too many unknown recipients learns: nothing, not even by the
 * work that an answer takes.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/share/share.h"
#include "ims/notify/notify_recipient.h"
#include "tests/unit/ims_store_scene.h"

#define CAROL "carol@b.test"

/* -- what is counted ------------------------------------------------------------------------------ */

/* Calls of LMDB, and looks at the accounts file, by this thread: these definitions come before the libraries'. */
static _Thread_local struct work {
	unsigned begun, gets, cursors, looks;
} work;

#define NEXT(name, ...)                                                                            \
	__extension__({                                                                            \
		__typeof__(&(name)) next_;                                                         \
		*(void **)&next_ = dlsym(RTLD_NEXT, #name);                                        \
		next_(__VA_ARGS__);                                                                \
	})

int
mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
	work.begun++;
	return NEXT(mdb_txn_begin, env, parent, flags, txn);
}

int
mdb_txn_renew(MDB_txn *txn)
{
	work.begun++;
	return NEXT(mdb_txn_renew, txn);
}

int
mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	work.gets++;
	return NEXT(mdb_get, txn, dbi, key, data);
}

int
mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
	work.cursors++;
	return NEXT(mdb_cursor_get, cursor, key, data, op);
}

int
stat(const char *restrict path, struct stat *restrict out)
{
	work.looks++;
	return NEXT(stat, path, out);
}

/* -- scenes --------------------------------------------------------------------------------------- */

struct scene {
	struct world w;
	struct share *share;
	char path[128]; /* of the accounts */
	struct accounts *accounts;
	struct sockaddr_in address;
	struct notify_asker asker;
	char user[IMS_STORE_USER_BYTES];
	struct err why;
};

static void
write_accounts(const char *path)
{
	static const char keys[] = "scram-sha-256 100000 AAECAwQFBgcICQoLDA0ODw== "
				   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= "
				   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	dprintf(fd, "tillcalled-accounts 1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
	dprintf(fd, "user %s %s\nuser %s %s\nalias b.ob@b.test %s\n", BOB, keys, CAROL, keys, BOB);
	close(fd);
}

static void
scene_without_accounts(struct scene *s)
{
	struct err e;

	*s = (struct scene) { .address.sin_family = AF_INET };
	world_of(&s->w);
	snprintf(s->path, sizeof s->path, "%s/accounts", s->w.folder);
	if (!accounts_new(s->path, &s->accounts, &e))
		fail_msg("%s", e.text);
	s->share = share_new();
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &s->address.sin_addr), 1);
	s->asker = (struct notify_asker) { s->share, s->w.store, s->accounts, "a.test",
		(const struct sockaddr *)&s->address, s->w.loop, 0 };
}

static void
scene_of(struct scene *s)
{
	struct err e;

	scene_without_accounts(s);
	write_accounts(s->path);
	assert_true(accounts_refresh(s->accounts, &e));
}

static void
scene_clear(struct scene *s)
{
	accounts_free(&s->accounts);
	share_free(&s->share);
	world_clear(&s->w);
}

static enum refusal
judge(struct scene *s, const char *address)
{
	struct accounts_set *set = accounts_set_get(s->accounts);
	enum notify_recipient is;

	s->why.why = REFUSAL_NONE;
	work = (struct work) { 0 };
	s->w.waiting = 1;
	is = notify_recipient_judge(&s->asker, &set, span_str(address), s->user, on_done, &s->w,
	    &s->why);
	assert_int_equal(s->w.waiting, 1); /* never inside the call */
	if (is == NOTIFY_RECIPIENT_ASKED) {
		wait_for(&s->w);
		s->why.why = s->w.why;
	} else {
		s->w.waiting = 0;
		assert_int_equal(is == NOTIFY_RECIPIENT_ACCEPTED, s->why.why == REFUSAL_NONE);
	}
	accounts_set_put(&set);
	return s->why.why;
}

static void
use_up(struct scene *s)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(judge(s, "nobody@b.test"), REFUSAL_no_such_user);
}

static uint64_t
refused(struct scene *s, const char *kind, const char *key)
{
	struct share_seen seen[SHARE_SEEN_MAX];
	size_t n = share_seen(s->share, s->asker.now_ms, seen, SHARE_SEEN_MAX);

	for (size_t i = 0; i < n; i++)
		if (strcmp(seen[i].kind, kind) == 0 && strcmp(seen[i].key, key) == 0)
			return seen[i].refused;
	return 0;
}

/* -- tests ---------------------------------------------------------------------------------------- */

static void
a_recipient_is_found(void **state)
{
	struct scene s;

	(void)state;
	scene_of(&s);
	assert_int_equal(judge(&s, "b.ob@b.test"), REFUSAL_NONE);
	assert_string_equal(s.user, BOB);
	assert_int_equal(work.gets, 0);
	use_up(&s);
	assert_int_equal(judge(&s, "nobody@b.test"), REFUSAL_recipient_share);
	scene_clear(&s);
}

/* The file was lost: nobody is refused for good, and no share is taken. */
static void
without_accounts_nobody_is_unknown(void **state)
{
	struct scene s;

	(void)state;
	scene_without_accounts(&s);
	for (int i = 0; i < 40; i++)
		assert_int_equal(judge(&s, BOB), REFUSAL_internal);
	write_accounts(s.path);
	assert_int_equal(judge(&s, BOB), REFUSAL_NONE);
	assert_int_equal(judge(&s, "nobody@b.test"), REFUSAL_no_such_user);
	scene_clear(&s);
}

/* For each way to be held back: the same word, the same reads of the store and looks at the accounts file, the
 * same count of refusals. */
static void
nobody_can_tell_them_apart(void **state)
{
	static const char *const addresses[] = { "nobody@b.test", CAROL, "b.ob@b.test",
		"somebody.with.a.long.name.that.is.nobody@b.test" };
	struct work first = { 0 };
	struct scene s;
	char domain[32];

	(void)state;
	for (int by_address = 0; by_address < 2; by_address++) {
		scene_of(&s);
		for (int i = 0; by_address && i < 5; i++) {
			snprintf(domain, sizeof domain, "d%d.test", i);
			s.asker.domain = domain;
			use_up(&s);
		}
		s.asker.domain = "a.test";
		if (!by_address)
			use_up(&s);
		for (uint64_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
			assert_int_equal(judge(&s, addresses[i]), REFUSAL_recipient_share);
			if (i == 0)
				first = work;
			assert_true(first.gets > 0 && first.begun > 0);
			assert_memory_equal(&work, &first, sizeof work);
			assert_int_equal(refused(&s, "unknown recipients",
					     by_address ? "192.0.2.1" : "a.test"),
			    i + 1);
		}
		scene_clear(&s);
	}
}

static void
who_had_its_mail_goes_on_to_get_it(void **state)
{
	struct scene s;

	(void)state;
	scene_of(&s);
	accepts(&s.w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	use_up(&s);
	assert_int_equal(judge(&s, BOB), REFUSAL_NONE);
	assert_string_equal(s.user, BOB);
	assert_int_equal(judge(&s, CAROL), REFUSAL_recipient_share);
	s.asker.domain = "c.test";
	assert_int_equal(judge(&s, CAROL), REFUSAL_NONE);
	scene_clear(&s);
}

static void
add_user(const struct scene *s, const char *name)
{
	struct accounts_edit *x;
	struct auth_keys keys = { .iterations = 100000 };
	char path[128], address[64];
	struct err e;

	snprintf(path, sizeof path, "%s/accounts", s->w.folder);
	snprintf(address, sizeof address, "%s@b.test", name);
	if (!accounts_edit_new(path, (gid_t)-1, &x, &e) ||
	    !accounts_edit_add(x, span_str(address), &keys, s->w.now_s, &e) ||
	    !accounts_edit_commit(x, &e))
		fail_msg("%s", e.text);
	accounts_edit_free(&x);
}

/* Nobody waits for the daemon to read the file again. */
static void
a_user_who_was_added_just_now_is_found(void **state)
{
	struct scene s;
	char name[32], address[64];

	(void)state;
	scene_of(&s);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "new%d", i);
		snprintf(address, sizeof address, "%s@b.test", name);
		add_user(&s, name);
		assert_int_equal(judge(&s, address), REFUSAL_NONE);
		assert_true(span_eq(accounts_owner_address(s.user), span_str(address)));
	}
	/* It has cost nothing of the sender's share. */
	use_up(&s);
	add_user(&s, "last");
	assert_int_equal(judge(&s, "last@b.test"), REFUSAL_recipient_share);
	scene_clear(&s);
}

/* A provider's domains share its address, and earn by it what they need. */
static void
accepted_mail_earns(void **state)
{
	struct scene s;
	char domain[32];

	(void)state;
	scene_of(&s);
	for (int i = 0; i < 200; i++) {
		snprintf(domain, sizeof domain, "d%d.test", i);
		s.asker.domain = domain;
		notify_recipient_accepted(&s.asker, 20);
		assert_int_equal(judge(&s, "nobody@b.test"), REFUSAL_no_such_user);
	}
	s.asker.domain = "a.test";
	for (int i = 0; i < 20; i++)
		assert_int_equal(judge(&s, "nobody@b.test"), REFUSAL_no_such_user);
	notify_recipient_accepted(&s.asker, 19);
	assert_int_equal(judge(&s, CAROL), REFUSAL_recipient_share);
	notify_recipient_accepted(&s.asker, 1);
	assert_int_equal(judge(&s, "nobody@b.test"), REFUSAL_no_such_user);
	scene_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recipient_is_found),
		cmocka_unit_test(without_accounts_nobody_is_unknown),
		cmocka_unit_test(nobody_can_tell_them_apart),
		cmocka_unit_test(who_had_its_mail_goes_on_to_get_it),
		cmocka_unit_test(a_user_who_was_added_just_now_is_found),
		cmocka_unit_test(accepted_mail_earns),
	};

	return cmocka_run_group_tests_name("ims_recipient", tests, NULL, NULL);
}
