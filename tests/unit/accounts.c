/* accounts — the file's form, its verbs, and readers beside writers. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auth/accounts.h"
#include "common/base/buf.h"
#include "tests/temp.h"

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SALT   "AAECAwQFBgcICQoLDA0ODw=="
#define KEYS   "scram-sha-256 100000 " SALT " " SECRET " " SECRET
#define NOW    2000000000
#define HEAD   "tillcalled-accounts 1 " SECRET "\n"

static char dir[64], file[96];
static const struct auth_keys some = {
	.iterations = 100000, .salt = { 1 }, .stored = { 2 }, .server = { 3 }
};

static int
make_dir(void **state)
{
	(void)state;
	temp_name(dir, sizeof dir, "accounts.XXXXXX");
	snprintf(file, sizeof file, "%s/f", mkdtemp(dir));
	return 0;
}

static int
remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static void
write_file(const char *text, size_t n, mode_t mode)
{
	int fd;

	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
reads(void **state)
{
	static const char text[] = HEAD "alias b.ob@a.test bob@a.test\nuser zoe@a.test " KEYS "\n"
					"user bob@a.test " KEYS "\nalias bobby@b.test bob@a.test\n"
					"user b\xc3\xbc@a.test " KEYS "\n";
	struct accounts *a = NULL;
	struct accounts_set *s;
	const struct account *bob;
	struct err e;

	(void)state;
	write_file(text, sizeof text - 1, 0640);
	assert_true(accounts_new(file, &a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_count(s), 3);
	bob = accounts_find(s, span_str("BOB@A.test"));
	assert_non_null(bob);
	assert_string_equal(bob->address, "bob@a.test");
	assert_int_equal(bob->n_addresses, 3);
	assert_ptr_equal(bob->addresses[0], bob->address);
	assert_string_equal(bob->addresses[1], "b.ob@a.test");
	assert_string_equal(bob->addresses[2], "bobby@b.test");
	assert_int_equal(bob->keys.iterations, 100000);
	assert_int_equal(bob->keys.stored[31], 31);
	assert_ptr_equal(accounts_find(s, span_str("bobby@b.test")), bob);
	assert_null(accounts_find(s, span_str("bobby@a.test")));
	assert_null(accounts_find(s, span_str("")));
	assert_null(accounts_find(s, span_of("bob@a.test\0", 11)));
	assert_true(accounts_owns(s, "bob@a.test", span_str("b.ob@a.test")));
	assert_false(
	    accounts_owns(s, "bobby@b.test", span_str("bob@a.test"))); /* an alias owns nothing */
	assert_false(accounts_owns(s, "zoe@a.test", span_str("bob@a.test")));
	assert_false(accounts_owns(s, "x@a.test", span_str("x@a.test")));
	assert_false(accounts_owns(s, "bob@a.test 7", span_str("bob@a.test"))); /* not this one */
	assert_string_equal(bob->owner, "bob@a.test"); /* a line of an early version */
	assert_int_equal(bob->generation, 0);
	assert_ptr_equal(accounts_at(s, 0), bob);
	assert_null(accounts_at(s, 3));
	accounts_free(&a);
	assert_string_equal(bob->address, "bob@a.test"); /* our reference keeps it */
	accounts_set_put(&s);
	assert_null(s);
}

static void
damaged(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
		{ "", "it is empty" },
		{ "tillcalled-accounts 2 " SECRET "\n", "line 1" },
		{ "tillcalled-accounts 1 AAAA\n", "line 1" },
		{ "user bob@a.test " KEYS "\n", "line 1" },
		{ HEAD "user bob@a.test " KEYS, "line 2 has no end" },
		{ HEAD "user bob@a.test " KEYS " x\n", "line 2" },
		{ HEAD "user bob@a.test " KEYS " 0\n", "line 2" },
		{ HEAD "user bob@a.test " KEYS " 1 1\n", "line 2" },
		{ HEAD "removed bob@a.test 1\n", "line 2" },
		{ HEAD "removed bob 1 1\n", "line 2" },
		{ HEAD "removed bob@a.test -1 1\n", "line 2" },
		{ HEAD "removed bob@a.test 1 18446744073709551615\n", "line 2" },
		{ HEAD "removed bob@a.test 1 1\nremoved bob@a.test 1 2\n",
		    "generation 1 of bob@a.test appears twice" },
		{ HEAD "removed bob@a.test 0 1\nuser bob@a.test " KEYS "\n",
		    "generation 0 of bob@a.test appears twice" },
		{ HEAD "user bob@a.test scram-sha-1 100000 " SALT " " SECRET " " SECRET "\n",
		    "line 2" },
		{ HEAD "user bob@a.test scram-sha-256 4095 " SALT " " SECRET " " SECRET "\n",
		    "line 2" },
		{ HEAD "user bob@a.test scram-sha-256 10000001 " SALT " " SECRET " " SECRET "\n",
		    "line 2" },
		{ HEAD "user bob@a.test scram-sha-256 100000 " SECRET " " SECRET " " SECRET "\n",
		    "line 2" },
		{ HEAD "user Bob@a.test " KEYS "\n", "line 2" },
		{ HEAD "user bob " KEYS "\n", "line 2" },
		{ HEAD "user bob@test " KEYS "\n", "line 2" },
		{ HEAD "user a..b@a.test " KEYS "\n", "line 2" },
		{ HEAD "user b\xc3@a.test " KEYS "\n", "line 2" },
		{ HEAD "user  bob@a.test " KEYS "\n", "line 2" },
		{ HEAD "user bob@a.test " KEYS "\r\n", "line 2" },
		{ HEAD "\n", "line 2" },
		{ HEAD "# note\n", "line 2" },
		{ HEAD "user bob@a.test " KEYS "\nuser bob@a.test " KEYS "\n", "appears twice" },
		{ HEAD "user bob@a.test " KEYS "\nalias bob@a.test bob@a.test\n", "appears twice" },
		{ HEAD "alias bob@a.test zoe@a.test\n", "is of nobody" },
		{ HEAD "user z@a.test " KEYS "\nalias b@a.test z@a.test\nalias c@a.test b@a.test\n",
		    "is of nobody" },
	};
	struct accounts *a = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		write_file(cases[i].text, strlen(cases[i].text), 0600);
		if (accounts_new(file, &a, &e))
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(e.why, REFUSAL_config);
		if (strstr(e.text, cases[i].what) == NULL || strstr(e.text, file) == NULL)
			fail_msg("case %zu said: %s", i, e.text);
	}
	write_file(HEAD "user b\0b@a.test", sizeof HEAD + 14, 0600);
	assert_false(accounts_new(file, &a, &e));
	write_file(HEAD, sizeof HEAD - 1, 0644);
	assert_false(accounts_new(file, &a, &e));
	assert_non_null(strstr(e.text, "chmod 640"));
	write_file(HEAD, sizeof HEAD - 1, 0660);
	assert_false(accounts_new(file, &a, &e));
	assert_null(a);
}

static void
edit(bool (*change)(struct accounts_edit *x, struct err *e))
{
	struct accounts_edit *x = NULL;
	struct err e;

	if (!accounts_edit_new(file, (gid_t)-1, &x, &e) || !change(x, &e) ||
	    !accounts_edit_commit(x, &e))
		fail_msg("%s", e.text);
	accounts_edit_free(&x);
	assert_null(x);
}

static bool
fill(struct accounts_edit *x, struct err *e)
{
	return accounts_edit_add(x, span_str("Bob@A.Test"), &some, NOW, e) &&
	    accounts_edit_add(x, span_str("zoe@a.test"), &some, NOW, e) &&
	    accounts_edit_alias(x, span_str("bobby@a.test"), span_str("bob@a.test"), e) &&
	    accounts_edit_alias(x, span_str("Robert@a.test"), span_str("bob@a.test"), e);
}

static bool
unalias(struct accounts_edit *x, struct err *e)
{
	struct auth_keys other = some;

	other.stored[0] = 99;
	return accounts_edit_unalias(x, span_str("BOBBY@a.test"), e) &&
	    accounts_edit_keys(x, span_str("bob@a.test"), &other, e);
}

static bool
remove_bob(struct accounts_edit *x, struct err *e)
{
	return accounts_edit_remove(x, span_str("bob@a.test"), NOW, e);
}

static void
writes(void **state)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct stat st;
	struct err e;

	(void)state;
	unlink(file);
	edit(fill);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_true(accounts_new(file, &a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_count(s), 2);
	assert_string_equal(accounts_find(s, span_str("robert@a.test"))->address, "bob@a.test");
	accounts_set_put(&s);
	assert_true(accounts_refresh(a, &e));

	edit(unalias);
	assert_true(accounts_refresh(a, &e));
	s = accounts_set_get(a);
	assert_null(accounts_find(s, span_str("bobby@a.test")));
	assert_int_equal(accounts_find(s, span_str("robert@a.test"))->keys.stored[0], 99);
	assert_int_equal(accounts_find(s, span_str("zoe@a.test"))->keys.stored[0], 2);
	accounts_set_put(&s);

	edit(remove_bob);
	assert_true(accounts_refresh(a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_count(s), 1);
	assert_null(accounts_find(s, span_str("robert@a.test")));
	accounts_set_put(&s);
	accounts_free(&a);
}

/* -- generations ------------------------------------------------------------------------------- */

static void
assert_owner(const char *address, const char *owner)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	const struct account *found;
	struct err e;

	assert_true(accounts_new(file, &a, &e));
	s = accounts_set_get(a);
	found = accounts_find(s, span_str(address));
	if (owner == NULL) {
		assert_null(found);
	} else {
		assert_non_null(found);
		assert_string_equal(found->owner, owner);
		assert_ptr_equal(accounts_of_owner(s, owner), found);
		assert_true(span_eq(accounts_owner_address(owner), span_str(found->address)));
	}
	accounts_set_put(&s);
	accounts_free(&a);
}

static bool
change(const char *what, const char *address, int64_t now_s)
{
	struct accounts_edit *x = NULL;
	struct span s = span_str(address);
	struct err e;
	bool good;

	assert_true(accounts_edit_new(file, (gid_t)-1, &x, &e));
	good = *what == '+' ? accounts_edit_add(x, s, &some, now_s, &e)
	    : *what == '-'  ? accounts_edit_remove(x, s, now_s, &e)
			    : accounts_edit_restore(x, s, &some, now_s, &e);
	assert_true(good ? accounts_edit_commit(x, &e) : e.why == REFUSAL_no_such_user);
	accounts_edit_free(&x);
	return good;
}

/* The next user of an address is another owner, in whatever order they come and go. */
static void
owners_differ(void **state)
{
	static const char text[] = HEAD "user bob@a.test " KEYS "\n";
	struct accounts *a = NULL;
	struct accounts_set *s;
	const struct account_removed *r;
	struct err e;

	(void)state;
	write_file(text, sizeof text - 1, 0640);
	assert_owner("bob@a.test", "bob@a.test");
	assert_true(change("-", "bob@a.test", NOW));
	assert_owner("bob@a.test", NULL);
	assert_true(change("+", "bob@a.test", NOW));
	assert_owner("bob@a.test", "bob@a.test 2000000000");
	assert_true(change("-", "bob@a.test", NOW + 1));
	assert_true(change("+", "bob@a.test", NOW - 1000)); /* the clock was set back */
	assert_owner("bob@a.test", "bob@a.test 2000000001");
	assert_true(change("+", "zoe@a.test", NOW - 1000));
	assert_owner("zoe@a.test", "zoe@a.test 2000000002");

	assert_true(accounts_new(file, &a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_removed_count(s), 2);
	r = accounts_removed_at(s, 0);
	assert_string_equal(r->owner, "bob@a.test");
	assert_int_equal(r->until_s, NOW + ACCOUNTS_KEEP_S);
	r = accounts_removed_at(s, 1);
	assert_string_equal(r->owner, "bob@a.test 2000000000");
	assert_ptr_equal(accounts_removed(s, "bob@a.test 2000000000"), r);
	assert_null(accounts_removed(s, "bob@a.test 2000000001")); /* lives */
	assert_null(accounts_of_owner(s, "bob@a.test 2000000000"));
	assert_null(accounts_removed_at(s, 2));
	accounts_set_put(&s);
	accounts_free(&a);
}

static void
restores(void **state)
{
	(void)state;
	unlink(file);
	assert_true(change("+", "bob@a.test", NOW));
	assert_false(change("*", "zoe@a.test", NOW));
	assert_true(change("-", "bob@a.test", NOW));
	assert_false(change("*", "bob@a.test", NOW + ACCOUNTS_KEEP_S)); /* they are gone */
	assert_true(change("*", "bob@a.test", NOW + ACCOUNTS_KEEP_S - 1));
	assert_owner("bob@a.test", "bob@a.test 2000000000");
	assert_true(change("-", "bob@a.test", NOW + 5));
	assert_true(change("+", "bob@a.test", NOW + 5));
	assert_true(change("-", "bob@a.test", NOW + 6));
	assert_true(change("*", "bob@a.test", NOW + 7)); /* the last one */
	assert_owner("bob@a.test", "bob@a.test 2000000005");
	assert_true(change("-", "bob@a.test", NOW + 8));
	assert_true(change("*", "bob@a.test", NOW + 8));
	assert_owner("bob@a.test", "bob@a.test 2000000005");
}

/* A year after the data went, so does the line. */
static void
forgets_removed(void **state)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct err e;

	(void)state;
	unlink(file);
	assert_true(change("+", "bob@a.test", NOW) && change("+", "zoe@a.test", NOW) &&
	    change("+", "eve@a.test", NOW));
	assert_true(change("-", "bob@a.test", NOW));
	assert_true(change("-", "zoe@a.test", NOW + ACCOUNTS_KEEP_S + ACCOUNTS_FORGET_S));
	assert_true(change("-", "eve@a.test", NOW + ACCOUNTS_KEEP_S + ACCOUNTS_FORGET_S + 1));
	assert_true(accounts_new(file, &a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_removed_count(s), 2);
	accounts_set_put(&s);
	accounts_free(&a);
}

static void
refuses_edits(void **state)
{
	static const char *const bad[] = { "bob", "@a.test", "bob@", "bob@test", "b ob@a.test",
		"b\n@a.test", "\"b\"@a.test", "bob@[192.0.2.1]", "bob@a.test@b.test",
		"<bob@a.test>", ".b@a.test", "b.@a.test" };
	struct accounts_edit *x = NULL;
	struct err e;
	char longest[80];

	(void)state;
	unlink(file);
	edit(fill);
	assert_true(accounts_edit_new(file, (gid_t)-1, &x, &e));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(accounts_edit_add(x, span_str(bad[i]), &some, NOW, &e));
		assert_int_equal(e.why, REFUSAL_bad_address);
	}
	memset(longest, 'x', sizeof longest);
	snprintf(longest + 64, 16, "@a.test");
	assert_true(accounts_edit_add(x, span_str(longest), &some, NOW, &e));
	snprintf(longest + 65, 15, "@a.test");
	longest[64] = 'x';
	assert_false(accounts_edit_add(x, span_str(longest), &some, NOW, &e));
	assert_false(accounts_edit_add(x, span_str("BOB@a.test"), &some, NOW, &e));
	assert_string_equal(e.text, "bob@a.test has a mailbox already");
	assert_false(accounts_edit_add(x, span_str("bobby@a.test"), &some, NOW, &e));
	assert_string_equal(e.text, "bobby@a.test is an alias of bob@a.test already");
	assert_false(accounts_edit_remove(x, span_str("bobby@a.test"), NOW, &e));
	assert_int_equal(e.why, REFUSAL_no_such_user);
	assert_false(accounts_edit_remove(x, span_str("x@a.test"), NOW, &e));
	assert_false(accounts_edit_keys(x, span_str("x@a.test"), &some, &e));
	assert_false(accounts_edit_unalias(x, span_str("bob@a.test"), &e));
	assert_false(accounts_edit_alias(x, span_str("zoe@a.test"), span_str("bob@a.test"), &e));
	assert_false(accounts_edit_alias(x, span_str("n@a.test"), span_str("bobby@a.test"), &e));
	assert_false(accounts_edit_alias(x, span_str("n@a.test"), span_str("x@a.test"), &e));
	accounts_edit_free(&x); /* without commit: nothing */
	assert_true(accounts_edit_new(file, (gid_t)-1, &x, &e));
	assert_false(accounts_edit_remove(x, span_str("xxxx@a.test"), NOW, &e));
	accounts_edit_free(&x);
}

static void
most_aliases(void **state)
{
	struct buf text = BUF_INIT;
	struct accounts_edit *x = NULL;
	struct err e;

	(void)state;
	buf_addf(&text, HEAD "user bob@a.test " KEYS "\n");
	for (int i = 1; i < ACCOUNTS_ALIASES_MAX; i++)
		buf_addf(&text, "alias a%d@a.test bob@a.test\n", i);
	write_file(text.data, text.len, 0640);
	buf_clear(&text);
	assert_true(accounts_edit_new(file, (gid_t)-1, &x, &e));
	assert_true(accounts_edit_alias(x, span_str("last@a.test"), span_str("bob@a.test"), &e));
	assert_false(accounts_edit_alias(x, span_str("more@a.test"), span_str("bob@a.test"), &e));
	assert_true(accounts_edit_commit(x, &e));
	accounts_edit_free(&x);
	assert_true(accounts_edit_new(file, (gid_t)-1, &x, &e));
	accounts_edit_free(&x);
}

static void
bad_change_keeps_the_old(void **state)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct err e;

	(void)state;
	unlink(file);
	edit(fill);
	assert_true(accounts_new(file, &a, &e));
	write_file("rubbish\n", 8, 0640);
	assert_false(accounts_refresh(a, &e));
	assert_int_equal(e.why, REFUSAL_config);
	assert_true(accounts_refresh(a, &e)); /* said once */
	s = accounts_set_get(a);
	assert_int_equal(accounts_count(s), 2);
	accounts_set_put(&s);
	unlink(file);
	assert_false(accounts_refresh(a, &e));
	assert_true(accounts_refresh(a, &e));
	edit(fill);
	assert_true(accounts_refresh(a, &e));
	accounts_free(&a);
}

static void
absent_has_no_users(void **state)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct err e;
	unsigned char first[AUTH_KEY_BYTES], second[AUTH_KEY_BYTES];

	(void)state;
	unlink(file);
	assert_true(accounts_new(file, &a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_count(s), 0);
	assert_null(accounts_find(s, span_str("bob@a.test")));
	assert_true(accounts_are_missing(s));
	accounts_set_put(&s);
	edit(fill);
	assert_true(accounts_refresh(a, &e));
	s = accounts_set_get(a);
	assert_false(accounts_are_missing(s));
	accounts_set_put(&s);
	accounts_auth_ops.secret(a, first);
	edit(remove_bob);
	assert_true(accounts_refresh(a, &e));
	accounts_auth_ops.secret(a, second);
	assert_memory_equal(first, second, sizeof first); /* it outlives changes */
	accounts_free(&a);
	assert_null(a);
}

static void
signs_in(void **state)
{
	struct accounts *a = NULL;
	struct auth_keys k;
	struct err e;
	char user[AUTH_USER_BYTES];

	(void)state;
	unlink(file);
	edit(fill);
	assert_true(accounts_new(file, &a, &e));
	assert_true(accounts_auth_ops.find(a, span_str("ROBERT@a.test"), user, &k));
	assert_string_equal(user, "bob@a.test 2000000000");
	assert_memory_equal(&k, &some, sizeof k);
	assert_false(accounts_auth_ops.find(a, span_str("nobody@a.test"), user, &k));
	accounts_free(&a);
}

static void *
write_ten(void *arg)
{
	for (int i = 0; i < 10; i++) {
		struct accounts_edit *x = NULL;
		struct err e;
		char address[64];

		snprintf(address, sizeof address, "u%d.%d@a.test", *(int *)arg, i);
		if (accounts_edit_new(file, (gid_t)-1, &x, &e) &&
		    accounts_edit_add(x, span_str(address), &some, NOW, &e) &&
		    accounts_edit_commit(x, &e))
			*(int *)arg += 100;
		accounts_edit_free(&x);
	}
	return NULL;
}

struct readers {
	struct accounts *accounts;
	atomic_bool stop;
	atomic_uint wrong;
};

static void *
read_on(void *arg)
{
	struct readers *r = arg;

	while (!atomic_load(&r->stop)) {
		struct accounts_set *s = accounts_set_get(r->accounts);

		if (accounts_find(s, span_str("bobby@a.test")) == NULL)
			atomic_fetch_add(&r->wrong, 1);
		accounts_set_put(&s);
	}
	return NULL;
}

static void
writers_and_readers(void **state)
{
	struct readers r = { 0 };
	pthread_t reader, writers[3];
	int number[3] = { 1, 2, 3 };
	struct accounts_set *s;
	struct err e;

	(void)state;
	unlink(file);
	edit(fill);
	assert_true(accounts_new(file, &r.accounts, &e));
	pthread_create(&reader, NULL, read_on, &r);
	for (int i = 0; i < 3; i++)
		pthread_create(&writers[i], NULL, write_ten, &number[i]);
	for (int i = 0; i < 50; i++) {
		assert_true(accounts_refresh(r.accounts, &e));
		usleep(2000);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(writers[i], NULL);
	assert_true(accounts_refresh(r.accounts, &e));
	atomic_store(&r.stop, true);
	pthread_join(reader, NULL);
	assert_int_equal(atomic_load(&r.wrong), 0);
	assert_int_equal(number[0] + number[1] + number[2], 3006);
	s = accounts_set_get(r.accounts);
	assert_int_equal(accounts_count(s), 32);
	accounts_set_put(&s);
	accounts_free(&r.accounts);
}

static void
unwritable(void **state)
{
	struct accounts_edit *x = NULL;
	struct err e;
	char absent[128], leftover[128];
	int fd;

	(void)state;
	snprintf(absent, sizeof absent, "%s/none/f", dir);
	assert_false(accounts_edit_new(absent, (gid_t)-1, &x, &e));
	assert_int_equal(e.why, REFUSAL_cannot_write);
	assert_null(x);
	unlink(file);
	snprintf(leftover, sizeof leftover, "%s.new", file); /* of a writer that died */
	fd = open(leftover, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	edit(fill);
	assert_int_equal(access(leftover, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(damaged),
		cmocka_unit_test(writes),
		cmocka_unit_test(owners_differ),
		cmocka_unit_test(restores),
		cmocka_unit_test(forgets_removed),
		cmocka_unit_test(refuses_edits),
		cmocka_unit_test(most_aliases),
		cmocka_unit_test(bad_change_keeps_the_old),
		cmocka_unit_test(absent_has_no_users),
		cmocka_unit_test(signs_in),
		cmocka_unit_test(writers_and_readers),
		cmocka_unit_test(unwritable),
	};

	return cmocka_run_group_tests_name("accounts", tests, make_dir, remove_dir);
}
