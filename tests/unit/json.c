/* json — writes one line of UTF-8, reads one object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text/json.h"

static void
assert_writes(struct json *j, const char *want)
{
	struct buf b = BUF_INIT;

	json_write(j, &b);
	buf_add(&b, "", 1);
	assert_string_equal(b.data, want);
	buf_clear(&b);
	json_free(&j);
	assert_null(j);
}

static void
made(void **state)
{
	struct json *o = json_new(), *l = json_list();

	(void)state;
	json_push_str(l, "a@b");
	json_push_take(l, json_new());
	json_put_str(o, "z", "first stays first");
	json_put_str(o, "n", NULL);
	json_put_int(o, "i", INT64_MAX);
	json_put_bool(o, "b", false);
	json_put_take(o, "l", l);
	assert_writes(o,
	    "{\"z\":\"first stays first\",\"n\":null,\"i\":9223372036854775807,"
	    "\"b\":false,\"l\":[\"a@b\",{}]}");
}

static void
foreign_octets(void **state)
{
	static const struct {
		const char *raw, *want;
	} cases[] = {
		{ "b\xc3\xbc"
		  "c",
		    "{\"k\":\"b\xc3\xbc"
		    "c\"}" },
		{ "\xc3", "{\"k\":\"\xef\xbf\xbd\"}" },
		{ "\xc0\xaf", "{\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\"}" },
		{ "\xed\xa0\x80", "{\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}" },
		{ "\xf0\x9f\x93\xa7!", "{\"k\":\"\xf0\x9f\x93\xa7!\"}" },
		{ "\xf4\x90\x80\x80",
		    "{\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}" },
		{ "a\r\n\x1b\"\\", "{\"k\":\"a\\r\\n\\u001B\\\"\\\\\"}" },
		{ "", "{\"k\":\"\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json *o = json_new();

		json_put_span(o, "k", span_str(cases[i].raw));
		assert_writes(o, cases[i].want);
	}
}

static void
read_back(void **state)
{
	struct json *o = NULL;
	struct err e;
	int64_t n = 0;
	bool yes = false;

	(void)state;
	assert_true(
	    json_parse(span_str("{\"s\":\"x\",\"n\":-4,\"b\":true,\"l\":[\"q\"]}"), &o, &e));
	assert_string_equal(json_get_str(o, "s"), "x");
	assert_null(json_get_str(o, "n"));
	assert_null(json_get_str(o, "absent"));
	assert_true(json_get_int(o, "n", &n));
	assert_int_equal(n, -4);
	assert_false(json_get_int(o, "s", &n));
	assert_true(json_get_bool(o, "b", &yes) && yes);
	assert_false(json_get_bool(o, "l", &yes));
	assert_int_equal(json_count(json_get(o, "l")), 1);
	assert_string_equal(json_str(json_at(json_get(o, "l"), 0)), "q");
	assert_null(json_at(json_get(o, "l"), 1));
	json_free(&o);
}

static void
refused(void **state)
{
	static const char *const cases[] = { "", "[]", "\"x\"", "1", "{", "{}x",
		"{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "{\"a\":1e999}", "{'a':1}", "nul" };
	struct json *o = NULL;
	struct err e;
	char *big = malloc(JSON_READ_BYTES + 1);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(&e, 0, sizeof e);
		assert_false(json_parse(span_str(cases[i]), &o, &e));
		assert_int_equal(e.why, REFUSAL_bad_syntax);
		assert_null(o);
	}
	memset(big, ' ', JSON_READ_BYTES + 1);
	memcpy(big, "{}", 2);
	assert_true(json_parse(span_of(big, JSON_READ_BYTES), &o, &e));
	json_free(&o);
	assert_false(json_parse(span_of(big, JSON_READ_BYTES + 1), &o, &e));
	memset(big, '[', 100000);
	memcpy(big, "{\"a\":", 5);
	assert_false(json_parse(span_of(big, 100000), &o, &e)); /* jansson's depth limit */
	free(big);
}

static void
errors(void **state)
{
	struct err e, back = { 0 };
	struct json *o = json_new();

	(void)state;
	err_set(&e, REFUSAL_unreachable, "b.test is silent");
	json_put_err(o, &e);
	assert_true(json_get_err(o, &back));
	assert_int_equal(back.why, REFUSAL_unreachable);
	assert_string_equal(back.text, "b.test is silent");
	assert_writes(o,
	    "{\"error\":{\"code\":\"unreachable\",\"status\":75,\"temporary\":true,"
	    "\"text\":\"b.test is silent\"}}");
	assert_true(json_parse(span_str("{\"error\":{\"code\":\"never-heard-of\"}}"), &o, &e));
	assert_true(json_get_err(o, &back));
	assert_int_equal(back.why, REFUSAL_bad_reply);
	json_free(&o);
	o = json_new();
	assert_false(json_get_err(o, &back));
	json_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(foreign_octets),
		cmocka_unit_test(read_back),
		cmocka_unit_test(refused),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
