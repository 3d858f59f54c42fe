/* refusal — the table is whole, words are unique, and errors say one clean line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/base/err.h"

static void
each_row_is_whole(void **state)
{
	(void)state;
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal r = (enum refusal)i;
		const char *enhanced = refusal_enhanced(r);
		int code = refusal_code(r);

		assert_int_equal(refusal_by_word(span_str(refusal_word(r))), i);
		assert_true(refusal_sentence(r)[0] != '\0');
		assert_true(refusal_status(r) >= 64 && refusal_status(r) <= 78);
		if (code == 0) {
			assert_string_equal(enhanced, "");
			continue;
		}
		assert_true(code >= 400 && code < 600);
		assert_int_equal(enhanced[0], '0' + code / 100);
		assert_int_equal(refusal_temporary(r), code < 500);
	}
}

/* SPEC.md has the table too; a missing row is printed as it should be. */
static void
the_spec_has_each_row(void **state)
{
	static char spec[512 * 1024];
	FILE *f = fopen("proto/SPEC.md", "r");
	size_t n;
	bool whole = true;

	(void)state;
	if (f == NULL)
		fail_msg("proto/SPEC.md cannot be read: run it from the root of the tree");
	n = fread(spec, 1, sizeof spec - 1, f);
	fclose(f);
	spec[n] = '\0';
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal r = (enum refusal)i;
		char code[32] = "never on the wire", row[512];

		if (refusal_code(r) != 0)
			snprintf(code, sizeof code, "%d %s", refusal_code(r), refusal_enhanced(r));
		snprintf(row, sizeof row, "| `%s` | %s | %d | %s |\n", refusal_word(r), code,
		    refusal_status(r), refusal_sentence(r));
		if (strstr(spec, row) == NULL) {
			print_message("# SPEC.md 3 lacks: %s", row);
			whole = false;
		}
	}
	assert_true(whole);
}

static void
words_are_words(void **state)
{
	(void)state;
	for (int i = 1; i < REFUSAL__COUNT; i++)
		for (const char *c = refusal_word((enum refusal)i); *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == '-');
	assert_int_equal(refusal_by_word(SPAN_LIT("no-such-word")), REFUSAL_NONE);
	assert_int_equal(refusal_by_word(SPAN_LIT("")), REFUSAL_NONE);
	assert_int_equal(refusal_code(REFUSAL_NONE), 250);
}

static void
errors_are_one_clean_line(void **state)
{
	struct err e;

	(void)state;
	assert_false(err_word(&e, REFUSAL_bad_id));
	assert_string_equal(e.text, refusal_sentence(REFUSAL_bad_id));
	err_set(&e, REFUSAL_bad_id, "a\r\nb\x7f\xc2\x85 \xff \xc3\xa4 \xe2\x82");
	assert_string_equal(e.text, "a??b??? ? \xc3\xa4 ??");
	assert_false(err_prefix(&e, "%s", "before"));
	assert_string_equal(e.text, "before: a??b??? ? \xc3\xa4 ??");
	err_set_errno(&e, REFUSAL_os_error, 2, "file");
	assert_string_equal(e.text, "file: No such file or directory");
	err_quote(&e, "b.test");
	assert_string_equal(e.text, "file: No such file or directory");
	err_set(&e, REFUSAL_gone, "a\" oms.b.test says: \"b");
	e.said = true;
	err_quote(&e, "b.test");
	assert_string_equal(e.text, "b.test says: \"a' oms.b.test says: 'b\"");
	assert_false(e.said);
}

/* A text that is cut must not end in half a character: it would break the peer's reader. */
static void
cut_text_stays_utf8(void **state)
{
	char text[ERR_TEXT_BYTES + 8];
	struct err e;

	(void)state;
	for (size_t pad = ERR_TEXT_BYTES - 5; pad < ERR_TEXT_BYTES; pad++) {
		memset(text, 'a', pad);
		memcpy(text + pad, "\xf0\x9f\x93\xac", 5);
		err_set(&e, REFUSAL_bad_id, "%s", text);
		assert_int_equal(strlen(e.text), pad == ERR_TEXT_BYTES - 5 ? pad + 4 : pad);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_whole),
		cmocka_unit_test(the_spec_has_each_row),
		cmocka_unit_test(words_are_words),
		cmocka_unit_test(errors_are_one_clean_line),
		cmocka_unit_test(cut_text_stays_utf8),
	};

	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
