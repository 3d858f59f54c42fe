/* full — accounts and cached CRLs on a file system without a block left: what was there stays
 * whole, nothing is left half written, and writing works as soon as there is space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#include "common/auth/accounts.h"
#include "common/revoke/crl_cache.h"
#include "tests/unit/full_scene.h"

static const struct auth_keys keys = { .iterations = 100000, .salt = { 1 } };

static unsigned
files(const struct full *f)
{
	DIR *dir = opendir(f->disk);
	struct dirent *d;
	unsigned n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static bool
add_user(const char *path, const char *address, struct err *e)
{
	struct accounts_edit *x = NULL;
	bool good;

	if (!accounts_edit_new(path, (gid_t)-1, &x, e))
		return false;
	good = accounts_edit_add(x, span_str(address), &keys, 1, e) && accounts_edit_commit(x, e);
	accounts_edit_free(&x);
	return good;
}

static void
expect_users(const char *path, size_t n)
{
	struct accounts *a = NULL;
	struct accounts_set *s;
	struct err e;

	assert_true(accounts_new(path, &a, &e));
	s = accounts_set_get(a);
	assert_int_equal(accounts_count(s), n);
	accounts_set_put(&s);
	accounts_free(&a);
}

static void
accounts_on(enum full_kind kind)
{
	struct full f;
	struct err e;
	char path[128];
	unsigned n;

	full_mount(&f, kind);
	snprintf(path, sizeof path, "%s/accounts", f.disk);
	assert_true(add_user(path, "bob@b.test", &e));
	full_fill(&f);
	n = files(&f);
	e.why = REFUSAL_NONE;
	assert_false(add_user(path, "carol@b.test", &e));
	assert_int_equal(e.why, REFUSAL_cannot_write);
	assert_non_null(strstr(e.text, "No space left"));
	assert_int_equal(files(&f), n);
	expect_users(path, 1);
	full_relieve(&f);
	assert_true(add_user(path, "carol@b.test", &e));
	expect_users(path, 2);
	full_unmount(&f);
}

static void
accounts_on_a_full_tmpfs(void **state)
{
	(void)state;
	accounts_on(FULL_TMPFS);
}

static void
accounts_on_a_full_ext4(void **state)
{
	(void)state;
	accounts_on(FULL_EXT4);
}

/* -- CRLs --------------------------------------------------------------------------------------- */

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OLD "an old list"

static void
crls_on(enum full_kind kind)
{
	static const char crl[200000];
	struct full f;
	struct buf got = BUF_INIT;
	struct err e;
	unsigned n;

	full_mount(&f, kind);
	assert_true(crl_cache_put(f.disk, HEX, SPAN_LIT(OLD), &e));
	full_fill(&f);
	n = files(&f);
	assert_false(crl_cache_put(f.disk, HEX, span_of(crl, sizeof crl), &e));
	assert_int_equal(e.why, REFUSAL_cannot_write);
	assert_int_equal(files(&f), n);
	assert_true(crl_cache_get(f.disk, HEX, &got));
	assert_true(span_eq(buf_span(&got), SPAN_LIT(OLD)));
	buf_clear(&got);
	full_relieve(&f);
	assert_true(crl_cache_put(f.disk, HEX, span_of(crl, sizeof crl), &e));
	assert_true(crl_cache_get(f.disk, HEX, &got));
	assert_int_equal(got.len, sizeof crl);
	buf_clear(&got);
	full_unmount(&f);
}

static void
crls_on_a_full_tmpfs(void **state)
{
	(void)state;
	crls_on(FULL_TMPFS);
}

static void
crls_on_a_full_ext4(void **state)
{
	(void)state;
	crls_on(FULL_EXT4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_on_a_full_tmpfs),
		cmocka_unit_test(accounts_on_a_full_ext4),
		cmocka_unit_test(crls_on_a_full_tmpfs),
		cmocka_unit_test(crls_on_a_full_ext4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
