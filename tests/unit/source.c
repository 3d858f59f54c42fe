/* source — octets in memory, and before those of another source: each octet at its offset, whatever is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/source.h"

#define ALL "the head, and the rest of it"

/* Of ALL; waits before each octet of its own. */
struct reluctant {
	struct source source; /* first */
	size_t from;
	bool waited;
	bool *freed;
};

static ssize_t
reluctant_read(struct source *source, uint64_t offset, char *dst, size_t n)
{
	struct reluctant *s = (struct reluctant *)source;

	if (!s->waited) {
		s->waited = true;
		return SOURCE_WAIT;
	}
	s->waited = false;
	if (s->from + offset >= strlen(ALL))
		return -1;
	assert_true(n > 0);
	*dst = ALL[s->from + offset];
	return 1;
}

static void
reluctant_free(struct source *source)
{
	*((struct reluctant *)source)->freed = true;
	free(source);
}

static struct source *
joined(size_t head, bool *freed, struct source **rest)
{
	struct reluctant *s = calloc(1, sizeof *s);
	struct buf b = BUF_INIT;
	struct source *j;

	*s = (struct reluctant) { .source = { .read = reluctant_read, .free = reluctant_free },
		.from = head,
		.freed = freed };
	buf_add(&b, ALL, head);
	j = source_joined_take(&b, &s->source);
	*rest = &s->source;
	assert_int_equal(b.len, 0);
	buf_clear(&b);
	return j;
}

static void
woken(void *arg)
{
	++*(unsigned *)arg;
}

/* As a mover reads, from `offset` on, at most n octets at once. */
static void
reads(size_t head, uint64_t offset, size_t n)
{
	bool freed = false;
	struct source *rest, *j = joined(head, &freed, &rest);
	char text[sizeof ALL] = "";
	size_t len = 0;
	unsigned wakes = 0;

	while (offset + len < strlen(ALL)) {
		size_t room = strlen(ALL) - (size_t)offset - len;
		ssize_t got;

		j->wake = woken;
		j->wake_arg = &wakes;
		got = j->read(j, offset + len, text + len, room < n ? room : n);
		if (got == SOURCE_WAIT) {
			rest->wake(rest->wake_arg);
			continue;
		}
		assert_in_range(got, 1, n);
		len += (size_t)got;
	}
	assert_string_equal(text, ALL + offset);
	assert_int_equal(wakes, strlen(ALL) - (offset > head ? (size_t)offset : head));
	j->free(j);
	assert_true(freed);
}

static void
one_comes_after_the_other(void **state)
{
	(void)state;
	for (size_t head = 0; head <= strlen(ALL); head++)
		for (uint64_t offset = 0; offset < strlen(ALL); offset++)
			for (size_t n = 1; n <= strlen(ALL); n += 3)
				reads(head, offset, n);
}

static void
what_the_rest_refuses_is_refused(void **state)
{
	bool freed = false;
	struct source *rest, *j = joined(4, &freed, &rest);
	char octet;

	(void)state;
	assert_int_equal(j->read(j, strlen(ALL), &octet, 1), SOURCE_WAIT);
	assert_int_equal(j->read(j, strlen(ALL), &octet, 1), -1);
	j->free(j);
	assert_true(freed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_comes_after_the_other),
		cmocka_unit_test(what_the_rest_refuses_is_refused),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
