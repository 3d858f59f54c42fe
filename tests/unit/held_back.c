/* held_back — whoever is held back, by whichever kind, is shown once, in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon/held_back.h"
#include "common/share/share.h"
#include "common/share/share_key.h"

#define DOMAIN SPAN_LIT("c.test")
#define HOST   SPAN_LIT("192.0.2.1")
#define USER   SPAN_LIT("bob@b.test")

/* What the command prints; free() it. */
static char *
shown(struct share *s, int64_t now_ms)
{
	struct json *status = json_new();
	char *out = calloc(1, 1 << 16);
	FILE *f = tmpfile();
	int was = dup(STDOUT_FILENO);

	held_back_put(s, now_ms, status);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	held_back_show(status);
	fflush(stdout);
	dup2(was, STDOUT_FILENO);
	close(was);
	assert_true(pread(fileno(f), out, (1 << 16) - 1, 0) >= 0);
	fclose(f);
	json_free(&status);
	return out;
}

static void
use_up(struct share *s, enum share_kind k, struct span key)
{
	struct err e;

	while (share_take(s, k, key, 1, 0, &e))
		continue;
}

static void
overfill(struct share *s, enum share_kind k, struct span key)
{
	struct share_hold h = { 0 };
	struct err e;

	while (share_hold(s, &h, k, key, 1 << 12, 0, &e))
		continue;
	share_release(s, &h, h.n, 0);
}

static const char *const lines[SHARE__COUNT] = {
	[SHARE_sessions] = "connections of c.test: 1 refused",
	[SHARE_sessions_address] = "connections of 192.0.2.1: 1 refused",
	[SHARE_sessions_user] = "connections of bob@b.test: 1 refused",
	[SHARE_gathered] = "memory for notices of c.test: 1 refused",
	[SHARE_gathered_address] = "memory for notices of 192.0.2.1: 1 refused",
	[SHARE_unknown] = "unknown recipients of c.test: 1 refused",
	[SHARE_unknown_address] = "unknown recipients of 192.0.2.1: 1 refused",
	[SHARE_questions] = "DNS questions of c.test: 1 refused",
	[SHARE_questions_address] = "DNS questions of 192.0.2.1: 1 refused",
	[SHARE_reads] = "letters waited for of bob@b.test: 1 refused",
	[SHARE_guess_address] = "wrong passwords of 192.0.2.1: 1 refused",
	[SHARE_guess_network] = "wrong passwords of 2001:db8::/48: 1 refused",
	[SHARE_guess_account] = "wrong passwords of bob@b.test: 1 refused",
	[SHARE_guess_pair] = "wrong passwords of bob@b.test from 192.0.2.1: 1 refused",
	[SHARE_guess_pairs] = "wrong passwords from many addresses of bob@b.test: 1 refused",
	[SHARE_guess_known] = "wrong passwords from known addresses of bob@b.test: 1 refused",
	[SHARE_storage] = "storage of c.test: 1 refused",
	[SHARE_storage_mailbox] = "storage of one mailbox of c.test: 1 refused",
	[SHARE_outbox] = "letters kept of bob@b.test: 1 refused",
};

static struct span
key_of(enum share_kind k, char both[SHARE_KEY_BYTES])
{
	if (k == SHARE_guess_pair)
		return share_key_pair(USER, HOST, both);
	if (k == SHARE_guess_network)
		return SPAN_LIT("2001:db8::/48");
	if (strstr(lines[k], "192.0.2.1") != NULL)
		return HOST;
	return strstr(lines[k], "c.test") != NULL ? DOMAIN : USER;
}

static bool
is_gauge(enum share_kind k)
{
	return k == SHARE_sessions || k == SHARE_sessions_address || k == SHARE_sessions_user ||
	    k == SHARE_gathered || k == SHARE_gathered_address || k == SHARE_questions ||
	    k == SHARE_questions_address || k == SHARE_reads;
}

/* All kinds but those of the log, of which nobody is told. */
static void
every_kind_is_shown(void **state)
{
	struct share *s = share_new();
	char both[SHARE_KEY_BYTES], *out;

	(void)state;
	for (enum share_kind k = 0; k < SHARE__COUNT; k++) {
		struct span key = lines[k] == NULL ? DOMAIN : key_of(k, both);

		if (is_gauge(k))
			overfill(s, k, key);
		else
			use_up(s, k, key);
	}
	out = shown(s, 90 * SHARE_SECOND);
	for (enum share_kind k = 0; k < SHARE__COUNT; k++)
		if (lines[k] != NULL && strstr(out, lines[k]) == NULL)
			fail_msg("%s: not in\n%s", lines[k], out);
	assert_null(strstr(out, "log"));
	assert_non_null(strstr(out, " refused in 90 s\n"));
	free(out);
	share_free(&s);
}

static void
it_says_since_when(void **state)
{
	struct share *s = share_new();
	char *out;

	(void)state;
	share_note(s, SHARE_outbox, USER, 0);
	out = shown(s, 0);
	assert_string_equal(out,
	    "  held back         letters kept of bob@b.test: 1 refused just now\n");
	free(out);
	share_note(s, SHARE_outbox, USER, 300 * SHARE_SECOND);
	out = shown(s, 301 * SHARE_SECOND);
	assert_string_equal(out,
	    "  held back         letters kept of bob@b.test: 2 refused in 5 min\n");
	free(out);
	out = shown(s, 300 * SHARE_SECOND + SHARE_CALM_MS);
	assert_string_equal(out, "");
	free(out);
	share_free(&s);
}

/* Those that share one row have no name. */
static void
others_are_one(void **state)
{
	struct share *s = share_new();
	char name[32], *out;

	(void)state;
	for (unsigned i = 0; i < 4097; i++) {
		snprintf(name, sizeof name, "d%u.test", i);
		use_up(s, SHARE_storage, span_str(name));
	}
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "e%u.test", i);
		share_note(s, SHARE_storage, span_str(name), 0);
	}
	out = shown(s, 0);
	assert_non_null(strstr(out, "storage of others together: 101 refused just now\n"));
	free(out);
	share_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_shown),
		cmocka_unit_test(it_says_since_when),
		cmocka_unit_test(others_are_one),
	};

	return cmocka_run_group_tests_name("held_back", tests, NULL, NULL);
}
