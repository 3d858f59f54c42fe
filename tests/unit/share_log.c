/* share_log — one peer's flood makes a bounded number of lines, and says how many it left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/share/share_log.h"

#define LINES     1000
#define LOG_BYTES (64 << 20)

#define A SPAN_LIT("a.test")
#define B SPAN_LIT("b.test")

struct scene {
	struct share *share;
	FILE *f;
	int was; /* standard error */
	int64_t began_ms;
};

static void
begin(struct scene *s)
{
	s->share = share_new();
	s->f = tmpfile();
	s->was = dup(STDERR_FILENO);
	assert_true(s->f != NULL && s->was >= 0);
	dup2(fileno(s->f), STDERR_FILENO);
	log_open("ims", LOG_INFO);
	share_log_begin(s->share);
	s->began_ms = clock_mono_ms();
}

/* What a bucket may have given since the beginning, however slow the machine is: its most, and what it was filled
 * up with again. */
static uintmax_t
most(const struct scene *s, unsigned full, unsigned a_second)
{
	return full + (uintmax_t)(clock_mono_ms() - s->began_ms + 1000) * a_second / 1000;
}

/* What was logged; free() it. */
static char *
end(struct scene *s)
{
	char *out = calloc(1, LOG_BYTES);

	share_log_end();
	share_free(&s->share);
	dup2(s->was, STDERR_FILENO);
	close(s->was);
	assert_true(pread(fileno(s->f), out, LOG_BYTES - 1, 0) >= 0);
	fclose(s->f);
	return out;
}

static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void
flood(const char *event, struct span peer)
{
	for (int i = 0; i < LINES; i++)
		log_fact_of(peer, LOG_WARN, event, "n=%d", i);
}

static void
a_flood_is_a_few_lines(void **state)
{
	struct scene s;
	char *out;

	(void)state;
	begin(&s);
	flood("notify.refused", A);
	log_fact_of(B, LOG_WARN, "notify.refused", "who=other");
	log_fact_of(A, LOG_WARN, "notify.gone", "what=other");
	log_fact(LOG_WARN, "ours", "always=%d", 1);
	out = end(&s);
	assert_in_range(count(out, "notify.refused n="), 50, most(&s, 50, 5));
	assert_int_equal(count(out, "who=other"), 1);
	assert_int_equal(count(out, "what=other"), 1);
	assert_int_equal(count(out, "always=1"), 1);
	free(out);
}

static void
all_peers_together_have_a_bound(void **state)
{
	struct scene s;
	char *out, peer[32];

	(void)state;
	begin(&s);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(peer, sizeof peer, "%u.test", i);
		flood("notify.refused", span_str(peer));
	}
	out = end(&s);
	assert_in_range(count(out, "notify.refused n="), 5000, most(&s, 5000, 500));
	free(out);
}

/* What became of each recipient is told to the end, unless a domain has very many. */
static void
letters_have_more_lines(void **state)
{
	struct scene s;
	char *out;

	(void)state;
	begin(&s);
	flood("recipient.state", A);
	flood("recipient.state", A);
	share_log_tell(s.share, clock_mono_ms() + 2 * SHARE_LOG_QUIET_MS);
	out = end(&s);
	assert_in_range(count(out, "recipient.state n="), 1000, most(&s, 1000, 100));
	assert_int_equal(count(out, "log.missed event=recipient.state peer=a.test"), 1);
	free(out);
}

static void
strangers_silence_nobody_who_is_known(void **state)
{
	struct scene s;
	char *out, peer[32];

	(void)state;
	begin(&s);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(peer, sizeof peer, i % 2 ? "2001:db8:%u::/64" : "192.0.2.%u", i / 2);
		flood("tls.refused", span_str(peer));
	}
	log_fact_of(A, LOG_INFO, "notify.batch", "known=domain");
	log_fact_of(SPAN_LIT("1@b.test"), LOG_INFO, "signin.user", "known=user");
	share_log_tell(s.share, clock_mono_ms() + 2 * SHARE_LOG_QUIET_MS);
	out = end(&s);
	assert_in_range(count(out, "tls.refused n="), 4000, most(&s, 4000, 400));
	assert_int_equal(count(out, "known=domain"), 1);
	assert_int_equal(count(out, "known=user"), 1);
	free(out);
}

/* Each line that was asked for was written, or is counted once. */
static void
what_was_left_out_is_counted(void **state)
{
	struct scene s;
	unsigned written, missed = 0;
	long before;
	char *out, *at;

	(void)state;
	begin(&s);
	flood("notify.refused", A);
	fseek(s.f, 0, SEEK_END);
	before = ftell(s.f);
	for (written = 0; written < 1000; written++) {
		log_fact_of(A, LOG_WARN, "notify.refused", "later=%u", written);
		fseek(s.f, 0, SEEK_END);
		if (ftell(s.f) > before)
			break;
		usleep(10000);
	}
	flood("notify.refused", A);
	share_log_tell(s.share, clock_mono_ms());
	share_log_tell(s.share, clock_mono_ms() + SHARE_LOG_QUIET_MS);
	share_log_tell(s.share, clock_mono_ms() + 2 * SHARE_LOG_QUIET_MS);
	out = end(&s);
	assert_true(count(out, " missed=") >= 2);
	assert_int_equal(count(out, "log.missed event=notify.refused peer=a.test missed="), 1);
	for (at = out; (at = strstr(at, " missed=")) != NULL; at++)
		missed += (unsigned)strtoul(at + 8, NULL, 10);
	assert_int_equal(count(out, "notify.refused ") - 1 + missed, 2 * LINES + written + 1);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_a_few_lines),
		cmocka_unit_test(all_peers_together_have_a_bound),
		cmocka_unit_test(letters_have_more_lines),
		cmocka_unit_test(strangers_silence_nobody_who_is_known),
		cmocka_unit_test(what_was_left_out_is_counted),
	};

	return cmocka_run_group_tests_name("share_log", tests, NULL, NULL);
}
