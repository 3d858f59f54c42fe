/* Character sets by their labels, encoded words, flowed text, and what joins or is filler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mc/charset.h"
#include "mc/flowed.h"
#include "mc/visible.h"
#include "mc/words.h"

static unsigned faults;

static void
says(const char *what, struct buf *b, const char *want)
{
	if (!span_eq(buf_span(b), span_str(want))) {
		print_error("%s: \"%.*s\", not \"%s\"\n", what, (int)b->len,
		    b->len == 0 ? "" : b->data, want);
		faults++;
	}
	buf_clear(b);
}

static void
charsets(void **state)
{
	static const struct {
		const char *label, *octets, *want;
		bool all;
	} rows[] = {
		{ "", "Gr\303\274\303\237e", "Grüße", true },
		{ "", "Gr\374\337e", "Grüße", true },
		{ "us-ascii", "Gr\303\274\303\237e", "Grüße", true },
		{ "US-ASCII", "Gr\374\337e \200", "Grüße €", true },
		{ " ", "Gr\374n", "Grün", true },
		{ "", "viel \303\274\303\237\303\266 und \374", "viel üßö und \374", false },
		{ "utf-8", "Gr\374n", "Gr\374n", false },
		{ "UTF8", "\357\273\277a", "a", true },
		{ "iso-8859-1", "\200\223\201", "€“\302\201", true },
		{ "latin1", "\226", "–", true },
		{ "ISO_8859-1:1987", "\226", "–", true },
		{ "iso-8859-9", "\200\360", "€ğ", true },
		{ "iso-8859-15", "\244", "€", true },
		{ "iso-8859-2", "P\370\355li\271", "Příliš", true },
		{ "iso-8859-11", "\240\241\200", "\302\240ก€", true },
		{ "tis-620", "\241\205", "ก…", true },
		{ "iso-8859-8-i", "\371\354\345\355", "שלום", true },
		{ "koi8-r", "\360\322\311\327\305\324", "Привет", true },
		{ "koi8-u", "\244\246", "єі", true },
		{ "windows-1251", "\317\360\350", "При", true },
		{ "macintosh", "\212", "ä", true },
		{ "gb2312", "\200\x87\xa3", "€嚕", true },
		{ "gbk", "\xfe\x50\x81\x30\x81\x30", "\u2e81\302\200", true },
		{ "gb18030", "\xd6\xd0", "中", true },
		{ "big5", "\xa4\xa4\xf9\xd6", "中碁", true },
		{ "big5", "\xa1\x45\xa1\x4e\xa2\xcc\xa2\xce\xc6\xa1\x87\x40", "‧﹑十卅①䏰", true },
		{ "cn-big5", "a\x88\x62\x88\x66z\xa4", "aÊ̄Êz\xa4", false },
		{ "koi8-u", "\xae\xc1\xbe", "ўаЎ", true },
		{ "x-mac-cyrillic", "\xff\xa2", "€Ґ", true },
		{ "shift_jis", "\x87@\x81`\x87\x8a\x81|\xb1", "①～㈱－ｱ", true },
		{ "x-sjis", "\xed\x40\xfa\x54", "纊￢", true },
		{ "shift_jis", "\x87", "\x87", false },
		{ "euc-jp", "\xad\xa1\xa1\xc1\x8f\xb0\xa1", "①～丂", true },
		{ "iso-2022-jp", "\033$B-!F|K\\\033(B.", "①日本.", true },
		{ "iso-2022-jp", "\033$@F|K\\\033(J\\~\033(B\\~", "日本¥‾\\~", true },
		{ "iso-2022-jp", "\033(I1\033(B1\0161\0171", "ｱ1ｱ1", true },
		{ "csISO2022JP", "\033$(D0!\033(B", "丂", true },
		{ "iso-2022-jp", "\033$B!A!]\033(B", "～－", true },
		{ "iso-2022-jp", "\xe5\x89\x8d a", "前 a", false },
		{ "iso-2022-jp", "\033$BF", "F", false },
		{ "euc-kr",
		    "\x8c"
		    "c\xb9\xe6",
		    "똠방", true },
		{ "ks_c_5601-1987",
		    "\x8c"
		    "c",
		    "똠", true },
		{ "utf-16", "\376\377\0a", "", true },
		{ "utf-7", "a+AOQ-", "aä", true },
		{ "no-such-set", "plain", "plain", true },
		{ "no-such-set", "a\374", "a\374", false },
		{ "x//translit", "a\374", "a\374", false },
		{ "unknown-8bit", "Gr\303\274n", "Grün", true },
		{ "'utf-8'", "Gr\303\274n", "Grün", true },
		{ "iso-8859-1 (Latin 1)", "\226", "–", true },
		{ "\"iso-8859-1", "\226", "–", true },
		{ "hz-gb-2312", "a~{VPND~}~~b", "a中文~b", true },
		{ "utf-8", "", "", true },
	};

	(void)state;
	faults = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;
		bool all = charset_add(&b, span_str(rows[i].label), span_str(rows[i].octets));

		if (all != rows[i].all) {
			print_error("row %zu, %s: %d\n", i, rows[i].label, all);
			faults++;
		}
		says(rows[i].label, &b, rows[i].want);
	}
	assert_int_equal(faults, 0);
}

static void
utf16(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_true(charset_add(&b, span_str("utf-16"), span_of("\376\377\0a\1\2", 6)));
	assert_true(charset_add(&b, span_str("iso-8859-1"), span_of("\377\376a\0", 4)));
	assert_true(charset_add(&b, span_str("utf-16be"), span_of("\0b", 2)));
	assert_true(charset_add(&b, span_str("utf-16"), span_of("c\0", 2)));
	faults = 0;
	says("UTF-16", &b, "aĂabc");
	assert_int_equal(faults, 0);
}

static void
words(void **state)
{
	static const struct {
		const char *value, *text, *plain;
	} rows[] = {
		{ " plain\r\n  text ", "plain  text", "plain  text" },
		{ "=?utf-8?B?R3LDvMOfZQ==?=\r\n =?utf-8?B?IGF1cw==?=", "Grüße aus",
		    "=?utf-8?B?R3LDvMOfZSBhdXM=?=" },
		{ "=?utf-8?B?R3LDvA?= =?UTF-8?Q?=C3=9F=65?=", "Grüße", "=?utf-8?B?R3LDvMOfZQ==?=" },
		/* a character cut in two */
		{ "=?utf-8?Q?Gr=C3?=\r\n\t=?utf-8?Q?=BCn?=", "Grün", "=?utf-8?B?R3LDvG4=?=" },
		{ "=?iso-8859-1?Q?a=96?= =?utf-8?Q?=E2=80=93b?=", "a––b",
		    "=?utf-8?B?YeKAk+KAk2I=?=" },
		{ "=?utf-8*de?q?=C3=BC_?= x", "ü  x", "=?utf-8?B?w7wg?= x" },
		{ "Re: =?iso-8859-1?Q?J\374rgen?=!", "Re: Jürgen!",
		    "Re: =?utf-8?B?SsO8cmdlbg==?=!" },
		{ "Gr\374\337e \226 Info", "Grüße – Info", "Grüße – Info" },
		{ "=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①", "=?utf-8?B?4pGg?=" },
		{ "a =?utf-8?X?b?= =?utf-8?B?", "a =?utf-8?X?b?= =?utf-8?B?",
		    "a =?utf-8?X?b?= =?utf-8?B?" },
		{ "=??B?YQ==?= =?utf-8?Q?=C3=?=", "=??B?YQ==?= \303=",
		    "=??B?YQ==?= =?utf-8?B?wz0=?=" },
		{ "\"C:\\Users\\b\" \\x \"a\\\"b\\\\\"", "\"C:\\Users\\b\" \\x \"a\\\"b\\\\\"",
		    "\"C:\\\\Users\\\\b\" \\x \"a\\\"b\\\\\"" },
		{ "=?utf-8?Q?a,_b?= <a@b.test>", "a, b <a@b.test>",
		    "=?utf-8?B?YSwgYg==?= <a@b.test>" },
		{ "", "", "" },
	};

	(void)state;
	faults = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;

		words_text(&b, span_str(rows[i].value), SPAN_LIT(""));
		says(rows[i].value, &b, rows[i].text);
		words_plain(&b, span_str(rows[i].value), SPAN_LIT(""));
		says(rows[i].value, &b, rows[i].plain);
	}
	assert_int_equal(faults, 0);
}

/* Words without an end: each is looked for, and it costs no more than the field is long. */
static void
endless_words(void **state)
{
	struct buf value = BUF_INIT, b = BUF_INIT;

	(void)state;
	while (value.len < 100 * 1024)
		buf_add(&value, "=?a?Q?x", 7);
	words_text(&b, buf_span(&value), SPAN_LIT(""));
	assert_int_equal(b.len, value.len);
	buf_clear(&value);
	buf_clear(&b);
}

static void
flowed(void **state)
{
	static const struct {
		const char *text, *want;
		bool delsp;
	} rows[] = {
		{ "a \r\nb\r\nc\r\n", "a b\nc\n", false },
		{ "a \r\nb", "ab\n", true },
		{ " >x\r\n  y\r\n", ">x\n y\n", false },
		{ "> a \r\n> b\r\n>> c \r\nd\r\n", "> a b\n>> c \nd\n", false },
		{ "x\r\n-- \r\nme \r\nyou\r\n", "x\n-- \nme you\n", false },
		{ "soft \r\n-- \r\nme\r\n", "soft \n-- \nme\n", false },
		{ "end ", "end \n", false },
		{ "", "", false },
	};

	(void)state;
	faults = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;

		flowed_add(&b, span_str(rows[i].text), rows[i].delsp);
		says(rows[i].text, &b, rows[i].want);
	}
	assert_int_equal(faults, 0);
}

static void
fillers(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "می‌خواهم", "می‌خواهم" },
		{ "क्‍ष", "क्‍ष" },
		{ "ന്‍ ", "ന്‍ " },
		{ "👨‍👩‍👧", "👨‍👩‍👧" },
		{ "👩🏽‍💻 ❤️‍🔥", "👩🏽‍💻 ❤️‍🔥" },
		{ "☎︎ 1️⃣ a️", "☎︎ 1️⃣ a" },
		{ "a\u200cb a\u200db", "ab ab" },
		{ "\u200cم م\u200c", "م م" },
		{ "a\u00adb\u034fc\u200bd\u2060e\ufefff\u3164g", "abcdefg" },
		{ "a\u202eb\u2066c", "a\u202eb\u2066c" }, /* made visible elsewhere */
		{ "\377\u200b\303", "\377\303" },
	};

	(void)state;
	faults = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;

		visible_add(&b, span_str(rows[i].text));
		says(rows[i].text, &b, rows[i].want);
	}
	assert_int_equal(faults, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(charsets),
		cmocka_unit_test(utf16),
		cmocka_unit_test(words),
		cmocka_unit_test(endless_words),
		cmocka_unit_test(flowed),
		cmocka_unit_test(fillers),
	};

	return cmocka_run_group_tests_name("mc_text", tests, NULL, NULL);
}
