/* spf — RFC 7208 by cases (tests/spf/cases.txt), and what the cases cannot say: cache, limits of
 * time, cancelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/svc/address_scope.h"
#include "common/svc/check_spf.h"
#include "common/svc/loop.h"

#define CASES	"tests/spf/cases.txt"

struct world {
	char		 path[32];
	struct loop	*loop;
	struct dns	*dns;
	struct spf	*spf;
};

struct answer {
	struct world		*w;
	unsigned		 calls;
	enum spf_result		 result;
	uint32_t		 ttl_s;
	bool			 depends;
	unsigned		 lookups;
	char			 why[ERR_TEXT_BYTES];
	unsigned		*left;		/* answers to wait for */
};

static void
world_open(struct world *w, struct span zone)
{
	struct err	 e;
	char		 spec[64];
	FILE		*f;
	int		 fd;

	snprintf(w->path, sizeof(w->path), "/tmp/spf-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fwrite(zone.p, 1, zone.n, f);
	fclose(f);
	assert_true(loop_new(&w->loop, &e));
	snprintf(spec, sizeof(spec), "zone:%s", w->path);
	if (!dns_new(&w->dns, w->loop, spec, &e))
		fail_msg("%s", e.text);
	spf_new(&w->spf, w->loop, w->dns);
}

static void
world_close(struct world *w)
{
	spf_free(&w->spf);
	dns_free(&w->dns);
	loop_free(&w->loop);
	unlink(w->path);
}

static void
judged(void *arg, const struct spf_verdict *v)
{
	struct answer	*a = arg;

	a->calls++;
	a->result = v->result;
	a->ttl_s = v->ttl_s;
	a->depends = v->depends_on_local_part;
	a->lookups = v->lookups;
	snprintf(a->why, sizeof(a->why), "%s", v->why);
	if (a->left == NULL || --*a->left == 0)
		loop_stop(a->w->loop);
}

static struct spf_query *
ask(struct world *w, struct answer *a, const char *ip, const char *helo, const char *from)
{
	struct sockaddr_storage	 address;

	memset(a, 0, sizeof(*a));
	a->w = w;
	if (!address_parse(span_str(ip), 0, &address))
		fail_msg("%s is no address", ip);
	return spf_check(w->spf, (struct sockaddr *)&address, span_str(helo), span_str(from), judged, a);
}

static struct answer
check(struct world *w, const char *ip, const char *helo, const char *from)
{
	struct answer	 a;

	ask(w, &a, ip, helo, from);
	assert_int_equal(a.calls, 0);		/* never inside the call */
	loop_run(w->loop);
	assert_int_equal(a.calls, 1);
	return a;
}

/* -- the cases --------------------------------------------------------------------------------- */

static struct span
field(struct span *rest)
{
	struct span	 s = span_cut(rest, '|');

	while (s.n > 0 && s.p[0] == ' ')
		s = span_sub(s, 1, s.n);
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static bool
wanted(struct span words, const char *word)
{
	while (words.n > 0)
		if (span_eq(span_cut(&words, '/'), span_str(word)))
			return true;
	return false;
}

static bool
run_case(struct world *w, struct span line)
{
	struct span	 rest = line, name = field(&rest);
	char		 ip[64], helo[600], from[600];
	struct answer	 a;

	assert_true(span_copy(field(&rest), ip, sizeof(ip)));
	assert_true(span_copy(field(&rest), helo, sizeof(helo)));
	assert_true(span_copy(field(&rest), from, sizeof(from)));
	if (strcmp(from, "<>") == 0)
		from[0] = '\0';
	a = check(w, ip, helo, from);
	if (wanted(field(&rest), spf_result_word(a.result)))
		return true;
	print_message("# %.*s: %s (%s)\n", SPAN_FMT(name), spf_result_word(a.result), a.why);
	return false;
}

static void
cases(void **state)
{
	struct buf	 zone = BUF_INIT;
	struct world	 w;
	char		*line = NULL;
	size_t		 cap = 0, n = 0, wrong = 0;
	ssize_t		 got;
	bool		 open = false;
	FILE		*f = fopen(CASES, "r");

	(void)state;
	assert_non_null(f);
	while ((got = getline(&line, &cap, f)) > 0) {
		struct span	 s = span_of(line, (size_t)got - (line[got - 1] == '\n'));

		if (s.n == 0 || s.p[0] == '#')
			continue;
		if (span_starts(s, SPAN_LIT("world "))) {
			if (open)
				world_close(&w);
			open = false;
			buf_reset(&zone);
		} else if (s.p[0] == '\t') {
			buf_addf(&zone, "%.*s\n", SPAN_FMT(span_sub(s, 1, s.n)));
		} else {
			if (!open)
				world_open(&w, buf_span(&zone));
			open = true;
			n++;
			wrong += !run_case(&w, s);
		}
	}
	if (open)
		world_close(&w);
	fclose(f);
	free(line);
	buf_clear(&zone);
	assert_true(n >= 120);
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(cases),
	};

	return cmocka_run_group_tests_name("spf", tests, NULL, NULL);
}
