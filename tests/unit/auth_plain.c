/* auth_plain — the message of PLAIN: who is let in by it, and every way to spoil it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/auth/auth.h"
#include "common/base/base64.h"

static struct auth_keys
    alice; /* her password is "correct horse", with a blank that no space bar makes */
static struct auth *auth;

static bool
find(void *arg, struct span name, char user[AUTH_USER_BYTES], struct auth_keys *keys)
{
	(void)arg;
	if (!span_eq_nocase(name, SPAN_LIT("alice@a.test")) &&
	    !span_eq_nocase(name, SPAN_LIT("ally@a.test")))
		return false;
	snprintf(user, AUTH_USER_BYTES, "alice@a.test 7");
	*keys = alice;
	return true;
}

static void
secret(void *arg, unsigned char out[AUTH_KEY_BYTES])
{
	(void)arg;
	memset(out, 7, AUTH_KEY_BYTES);
}

static const struct auth_ops ops = { find, secret };

static int
setup(void **state)
{
	struct err e;

	(void)state;
	auth = auth_new(&ops, NULL);
	return auth_keys_make(&alice, SPAN_LIT("correct\xc2\xa0horse"), &e) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	auth_free(&auth);
	return 0;
}

static struct auth_plain *
taken(struct span raw)
{
	struct auth_plain *p = NULL;
	struct buf message = BUF_INIT;
	struct err e;

	base64_add(&message, raw.p, raw.n);
	if (!auth_plain_new(auth, buf_span(&message), &p, &e)) {
		assert_int_equal(e.why, REFUSAL_auth_failed);
		assert_string_equal(e.text, refusal_sentence(REFUSAL_auth_failed));
		assert_null(p);
	}
	buf_clear(&message);
	return p;
}

static void
lets_in(struct span raw)
{
	struct auth_plain *p = taken(raw);
	struct err e;

	if (p == NULL)
		fail_msg("malformed: %.*s", SPAN_FMT(raw));
	assert_true(auth_plain_check(p, &e));
	assert_string_equal(auth_plain_user(p), "alice@a.test 7");
	assert_true(span_eq(auth_plain_named(p), SPAN_LIT("alice@a.test 7")));
	assert_memory_equal(auth_plain_keys(p), &alice, sizeof alice);
	auth_plain_free(&p);
	assert_null(p);
}

static void
keeps_out(struct span raw)
{
	struct auth_plain *p = taken(raw);
	struct err e;

	if (p == NULL)
		return;
	if (auth_plain_check(p, &e))
		fail_msg("let in");
	assert_int_equal(e.why, REFUSAL_auth_failed);
	assert_string_equal(e.text, refusal_sentence(REFUSAL_auth_failed));
	auth_plain_free(&p);
}

static void
malformed(struct span raw)
{
	struct auth_plain *p = taken(raw);

	if (p != NULL)
		fail_msg("taken: %.*s", SPAN_FMT(raw));
}

static void
the_user(void **state)
{
	(void)state;
	lets_in(SPAN_LIT("\0alice@a.test\0correct horse"));
	lets_in(SPAN_LIT("alice@a.test\0alice@a.test\0correct horse"));
	lets_in(SPAN_LIT("Alice@A.test\0alice@a.test\0correct horse"));
	lets_in(SPAN_LIT("\0ally@a.test\0correct horse")); /* an alias */
}

/* SASLprep (RFC 4013): each of these is the same name or the same password. */
static void
prepared(void **state)
{
	(void)state;
	lets_in(SPAN_LIT("\0alice@a.test\0correct\xc2\xa0horse"));
	lets_in(SPAN_LIT("\0alice@a.test\0co\xc2\xadrrect horse")); /* SOFT HYPHEN */
	lets_in(
	    SPAN_LIT("\0\xef\xbd\x81lice@a.test\0\xef\xbd\x83orrect horse")); /* FULLWIDTH A, C */
	malformed(SPAN_LIT("\0alice\xff@a.test\0correct horse"));
	malformed(SPAN_LIT("\0alice\x07@a.test\0correct horse"));
	keeps_out(SPAN_LIT("\0alice@a.test\0correct horse\xff"));
	keeps_out(SPAN_LIT("\0alice@a.test\0correct\x07horse"));
}

static void
others(void **state)
{
	(void)state;
	keeps_out(SPAN_LIT("\0alice@a.test\0wrong horse"));
	keeps_out(SPAN_LIT("\0alice@a.test\0Correct horse"));
	keeps_out(SPAN_LIT("\0alice@a.test\0correct horse "));
	keeps_out(SPAN_LIT("\0bob@a.test\0correct horse"));
	malformed(SPAN_LIT("bob@a.test\0alice@a.test\0correct horse"));
	malformed(SPAN_LIT("ally@a.test\0alice@a.test\0correct horse"));
	malformed(SPAN_LIT("alice@a.test \0alice@a.test\0correct horse"));
}

static void
forms(void **state)
{
	struct auth_plain *p = NULL;
	struct err e;

	(void)state;
	malformed(SPAN_LIT(""));
	malformed(SPAN_LIT("\0"));
	malformed(SPAN_LIT("\0\0"));
	malformed(SPAN_LIT("\0alice@a.test"));
	malformed(SPAN_LIT("\0alice@a.test\0"));
	malformed(SPAN_LIT("\0\0correct horse"));
	malformed(SPAN_LIT("alice@a.test\0correct horse"));
	malformed(SPAN_LIT("\0alice@a.test\0correct horse\0"));
	malformed(SPAN_LIT("\0alice@a.test\0correct\0horse"));
	assert_false(auth_plain_new(auth, SPAN_LIT("="), &p, &e));
	assert_false(auth_plain_new(auth, SPAN_LIT("AGFsaWNl!"), &p, &e));
	assert_false(auth_plain_new(auth, SPAN_LIT("AGFsaWNl\r\n"), &p, &e));
	assert_null(p);
}

/* [authzid] NUL authcid NUL passwd, with so many octets of each. */
static struct span
sized(char out[4096], size_t authzid, size_t authcid, size_t passwd)
{
	memset(out, 'x', 4096);
	out[authzid] = '\0';
	out[authzid + 1 + authcid] = '\0';
	return span_of(out, authzid + authcid + passwd + 2);
}

static void
limits(void **state)
{
	char space[4096];

	(void)state;
	keeps_out(sized(space, 0, 255, AUTH_PASSWORD_BYTES));
	keeps_out(sized(space, 255, 255, AUTH_PASSWORD_BYTES)); /* 2048 characters of base64 */
	malformed(sized(space, 256, 256, AUTH_PASSWORD_BYTES - 1));
	malformed(sized(space, 0, 256, 10));
	malformed(sized(space, 0, 255, AUTH_PASSWORD_BYTES + 1));
	malformed(sized(space, 0, 1000, 2000));
}

static void
named(void **state)
{
	struct auth_plain *p = taken(SPAN_LIT("\0Bob@a.test\0correct horse"));

	(void)state;
	assert_non_null(p);
	assert_true(span_eq(auth_plain_named(p), SPAN_LIT("Bob@a.test")));
	auth_plain_free(&p);
}

/* Nobody learns by the time who exists: a name that nobody has costs the same work. */
static int64_t
cost_us(struct span raw)
{
	struct auth_plain *p = taken(raw);
	struct timespec from, to;
	struct err e;

	assert_non_null(p);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	(void)auth_plain_check(p, &e);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	auth_plain_free(&p);
	return (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
}

static void
same_work(void **state)
{
	int64_t known = cost_us(SPAN_LIT("\0alice@a.test\0wrong horse"));
	int64_t unknown = cost_us(SPAN_LIT("\0bob@a.test\0wrong horse"));

	(void)state;
	if (unknown * 4 < known)
		fail_msg("%lld us for a user, %lld us for none", (long long)known,
		    (long long)unknown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_user),
		cmocka_unit_test(prepared),
		cmocka_unit_test(others),
		cmocka_unit_test(forms),
		cmocka_unit_test(limits),
		cmocka_unit_test(named),
		cmocka_unit_test(same_work),
	};

	return cmocka_run_group_tests_name("auth_plain", tests, setup, teardown);
}
