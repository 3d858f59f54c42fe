/* statement — one form, every field in its place, every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include <cmocka.h>

#include "common/base/hex.h"
#include "proto/statement.h"

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "22222222222222222222222222222222222222222222222222222222222222ff"

static const char notification[] = "Tillcalled-Notification: 1\r\n"
				   "Id: 01JDZ5TPB4M4Q8W1RZ9H1V6K3C\r\n"
				   "From: <alice@a.test>\r\n"
				   "Recipient-Domain: b.test\r\n"
				   "Recipient: sha256:" H1 "\r\n"
				   "Recipient: sha256:" H2 "\r\n"
				   "Date: 2026-11-23T14:00:00Z\r\n"
				   "Hold-Until: 2026-12-23T14:00:00Z\r\n"
				   "Size: 18231\r\n"
				   "Digest: sha256:" H1 "\r\n"
				   "Summary-Size: 612\r\n"
				   "Summary-Digest: sha256:" H2 "\r\n";

static const char recall[] = "Tillcalled-Recall: 1\r\n"
			     "Id: 01JDZ5TPB4M4Q8W1RZ9H1V6K3C\r\n"
			     "From-Domain: a.test\r\n"
			     "Recipient-Domain: b.test\r\n"
			     "Date: 2026-11-23T14:00:00Z\r\n";

static void
sha256(struct span octets, unsigned char out[STATEMENT_HASH_BYTES])
{
	SHA256((const unsigned char *)octets.p, octets.n, out);
}

/* `text` with the first `what` replaced. */
static struct span
changed(const char *text, const char *what, const char *by)
{
	static char out[64 * 1024];
	const char *at = strstr(text, what);

	assert_non_null(at);
	snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	return span_str(out);
}

static void
refused(struct span text, enum refusal why)
{
	struct statement st;
	struct err e = { 0 };

	if (statement_parse(text, &st, &e))
		fail_msg("accepted:\n%.*s", SPAN_FMT(text));
	assert_int_equal(e.why, why);
}

static void
each_field_is_read(void **state)
{
	struct statement st;
	struct err e;
	unsigned char hash[STATEMENT_HASH_BYTES];
	char id[ULID_STR_BYTES];

	(void)state;
	assert_true(statement_parse(SPAN_LIT(notification), &st, &e));
	assert_int_equal(st.kind, STATEMENT_NOTIFICATION);
	ulid_str(&st.id, id);
	assert_string_equal(id, "01JDZ5TPB4M4Q8W1RZ9H1V6K3C");
	assert_true(span_eq(st.from.whole, SPAN_LIT("alice@a.test")));
	assert_true(span_eq(st.from_domain, SPAN_LIT("a.test")));
	assert_true(span_eq(st.recipient_domain, SPAN_LIT("b.test")));
	assert_int_equal(st.n_recipients, 2);
	statement_recipient(&st, 1, hash);
	assert_int_equal(statement_has(&st, hash), 1);
	hash[0] ^= 1;
	assert_int_equal(statement_has(&st, hash), -1);
	assert_true(st.date_s == 1795442400 && st.hold_until_s == 1795442400 + 30 * 86400);
	assert_int_equal(st.size, 18231);
	assert_int_equal(st.digest[0], 0x11);
	assert_int_equal(st.summary_size, 612);
	assert_int_equal(st.summary_digest[31], 0xff);
	assert_true(statement_parse(SPAN_LIT(recall), &st, &e));
	assert_int_equal(st.kind, STATEMENT_RECALL);
	assert_true(span_eq(st.from_domain, SPAN_LIT("a.test")));
	assert_true(span_eq(st.recipient_domain, SPAN_LIT("b.test")));
	assert_int_equal(st.n_recipients, 0);
}

/* Each line left out, doubled, or swapped with the next. */
static void
order_is_fixed(const char *text)
{
	char *lines[16], copy[4096], out[8192];
	size_t n = 0;

	strcpy(copy, text);
	for (char *at = strtok(copy, "\n"); at != NULL; at = strtok(NULL, "\n"))
		lines[n++] = at;
	for (size_t i = 0; i < n; i++) {
		for (int how = 0; how < 3; how++) {
			bool hash = strncmp(lines[i], "Recipient: ", 11) == 0;

			out[0] = '\0';
			for (size_t k = 0; k < n; k++) {
				size_t which = how == 2 && k == i && i + 1 < n ? k + 1
				    : how == 2 && k == i + 1                   ? i
									       : k;

				if (how == 0 && k == i)
					continue;
				strcat(strcat(out, lines[which]), "\n");
				if (how == 1 && k == i)
					strcat(strcat(out, lines[which]), "\n");
			}
			if ((how == 0 && hash) || (how == 2 && i + 1 == n))
				continue;
			refused(span_str(out), REFUSAL_bad_statement);
		}
	}
}

static void
missing_doubled_and_swapped_fields(void **state)
{
	(void)state;
	order_is_fixed(notification);
	order_is_fixed(recall);
}

static void
every_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof notification - 1; n++)
		refused(span_of(notification, n), REFUSAL_bad_statement);
	for (size_t n = 0; n < sizeof recall - 1; n++)
		refused(span_of(recall, n), REFUSAL_bad_statement);
}

static void
non_minimal_forms(void **state)
{
	static const char *const bad[][2] = { { ": 1", ": 01" }, { ": 1", ": 2" }, { ": 1", ":1" },
		{ ": 1", ":  1" }, { ": 1", ": 1 " }, { "Tillcalled-N", "tillcalled-n" },
		{ "\r\n", "\n" }, { "\r\n", "\r\r\n" }, { "\r\nId", "\r\n\r\nId" },
		{ "\r\nId", "\r\nX-Y: z\r\nId" }, { "01JD", "01jd" },
		{ "<alice@a.test>", "alice@a.test" }, { "<alice", "<\"alice\"" },
		{ "a.test", "A.test" }, { "a.test", "[192.0.2.1]" }, { "<alice@a.test>", "<>" },
		{ "<alice@a.test>", "<" }, { "a.test>", "a.test> (Alice)" },
		{ ": b.test", ": B.test" }, { ": b.test", ": test" },
		{ ": b.test", ": b\xc3\xbc.test" }, { "sha256:1", "SHA256:1" },
		{ "sha256:1", "sha1:1" }, { "sha256:1", "sha256:A" }, { "sha256:1", "sha256:11" },
		{ "sha256:1", "sha256:" }, { H2 "\r\nDate", H1 "\r\nDate" }, { ":1111", ":f111" },
		{ "14:00:00Z", "14:00:00.0Z" }, { "14:00:00Z", "14:00:00+00:00" },
		{ "11-23T", "11-31T" }, { "2026-12-23", "2026-11-22" }, { "18231", "018231" },
		{ "18231", "+18231" }, { "18231", "18231 " }, { "18231", "" }, { "18231", "0x10" },
		{ "18231", "611" }, { "612", "18232" }, { "612", "-1" } };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(changed(notification, bad[i][0], bad[i][1]), REFUSAL_bad_statement);
	refused(changed(recall, ": 1", ": 2"), REFUSAL_bad_statement);
	refused(changed(recall, "a.test", "A.test"), REFUSAL_bad_statement);
	refused(changed(recall, "Date: ", "Date:"), REFUSAL_bad_statement);
}

/* Every single octet changed to every other: what is still accepted writes itself back. */
static void
what_is_accepted_is_canonical(void **state)
{
	char text[sizeof notification];
	struct statement st;
	struct buf out = BUF_INIT;
	struct err e;
	unsigned char hashes[2][STATEMENT_HASH_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(text, notification, sizeof text);
			text[i] = (char)c;
			if (!statement_parse(span_of(text, sizeof text - 1), &st, &e))
				continue;
			statement_recipient(&st, 0, hashes[1]);
			statement_recipient(&st, 1, hashes[0]);
			buf_reset(&out);
			assert_true(statement_write(&out, &st, hashes, 2, &e));
			assert_true(span_eq(buf_span(&out), span_of(text, sizeof text - 1)));
		}
	}
	buf_clear(&out);
}

static void
limits(void **state)
{
	struct statement st;
	char *big = calloc(1, STATEMENT_MAX_BYTES + 2);
	struct err e;

	(void)state;
	memset(big, 'x', STATEMENT_MAX_BYTES + 1);
	refused(span_of(big, STATEMENT_MAX_BYTES - 1), REFUSAL_bad_statement);
	refused(span_of(big, STATEMENT_MAX_BYTES), REFUSAL_bad_statement);
	refused(span_of(big, STATEMENT_MAX_BYTES + 1), REFUSAL_statement_too_big);
	free(big);
	assert_true(statement_parse(changed(notification, "612", "8191"), &st, &e));
	assert_true(statement_parse(changed(notification, "612", "8192"), &st, &e));
	refused(changed(notification, "612", "8193"), REFUSAL_bad_statement);
	assert_true(statement_parse(changed(notification, "18231", "1099511627775"), &st, &e));
	assert_true(statement_parse(changed(notification, "18231", "1099511627776"), &st, &e));
	refused(changed(notification, "18231", "1099511627777"), REFUSAL_bad_statement);
	assert_true(statement_parse(changed(notification, "18231", "612"), &st, &e));
	assert_true(statement_parse(changed(notification, "2026-12-23", "2026-11-23"), &st, &e));
}

static struct statement
sample(void)
{
	struct statement st;
	struct err e;

	assert_true(statement_parse(SPAN_LIT(notification), &st, &e));
	return st;
}

static void
recipients(void **state)
{
	unsigned char hashes[STATEMENT_RECIPIENTS_MAX + 1][STATEMENT_HASH_BYTES];
	struct statement st = sample(), back;
	struct buf out = BUF_INIT;
	struct err e;

	(void)state;
	for (size_t n = 0; n <= STATEMENT_RECIPIENTS_MAX + 1; n++) {
		for (size_t i = 0; i < n; i++)
			sha256(span_of(&i, sizeof i), hashes[i]);
		buf_reset(&out);
		if (n == 0 || n > STATEMENT_RECIPIENTS_MAX) {
			assert_false(statement_write(&out, &st, hashes, n, &e));
			assert_int_equal(e.why,
			    n ? REFUSAL_too_many_recipients : REFUSAL_bad_statement);
			assert_int_equal(out.len, 0);
			continue;
		}
		assert_true(statement_write(&out, &st, hashes, n, &e));
		assert_true(statement_parse(buf_span(&out), &back, &e));
		assert_int_equal(back.n_recipients, n);
		for (size_t i = 0; i < n; i++) {
			unsigned char hash[STATEMENT_HASH_BYTES];

			sha256(span_of(&i, sizeof i), hash);
			assert_true(statement_has(&back, hash) >= 0);
			hash[31] ^= 1;
			assert_int_equal(statement_has(&back, hash), -1);
		}
	}
	sha256(SPAN_LIT("twice"), hashes[0]);
	sha256(SPAN_LIT("twice"), hashes[1]);
	buf_reset(&out);
	assert_false(statement_write(&out, &st, hashes, 2, &e));
	assert_int_equal(e.why, REFUSAL_bad_statement);
	buf_clear(&out);
}

static void
writers_write_what_readers_read(void **state)
{
	struct statement st = sample();
	unsigned char hashes[2][STATEMENT_HASH_BYTES];
	struct buf out = BUF_INIT;
	struct err e;

	(void)state;
	statement_recipient(&st, 0, hashes[1]); /* in the wrong order: it sorts */
	statement_recipient(&st, 1, hashes[0]);
	assert_true(statement_write(&out, &st, hashes, 2, &e));
	assert_true(span_eq(buf_span(&out), SPAN_LIT(notification)));
	buf_reset(&out);
	buf_add(&out, "before", 6);
	assert_true(statement_write_recall(&out, &st, &e));
	assert_true(span_eq(span_sub(buf_span(&out), 6, out.len), SPAN_LIT(recall)));
	buf_reset(&out);
	st.from.whole = SPAN_LIT("alice@a.test>\r\nSize: 1");
	assert_false(statement_write(&out, &st, hashes, 2, &e));
	st.from_domain = SPAN_LIT("a.test\r\nDate: x");
	assert_false(statement_write_recall(&out, &st, &e));
	assert_int_equal(out.len, 0);
	buf_clear(&out);
}

static void
salted_hash(void **state)
{
	unsigned char salt[STATEMENT_SALT_BYTES], hash[STATEMENT_HASH_BYTES];
	char preimage[STATEMENT_PREIMAGE_MAX], digits[2 * STATEMENT_HASH_BYTES + 1];
	char longest[ADDRESS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof salt; i++)
		salt[i] = (unsigned char)i;
	assert_int_equal(statement_preimage(salt, SPAN_LIT("bob@b.test"), preimage), 47);
	assert_memory_equal(preimage, "tillcalled recipient\0\0\1\2", 24);
	assert_memory_equal(preimage + 37, "bob@b.test", 10);
	/* printf 'tillcalled recipient\0\0\1...\17bob@b.test' | sha256sum */
	statement_hash(sha256, salt, SPAN_LIT("bob@b.test"), hash);
	hex_str(digits, hash, sizeof hash);
	assert_string_equal(digits,
	    "92d37985061597f3956ca5fcaca28858a76c104d781580831d8299849567ef22");
	memset(longest, 'a', sizeof longest);
	assert_int_equal(statement_preimage(salt, span_of(longest, sizeof longest), preimage),
	    STATEMENT_PREIMAGE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_read),
		cmocka_unit_test(missing_doubled_and_swapped_fields),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(non_minimal_forms),
		cmocka_unit_test(what_is_accepted_is_canonical),
		cmocka_unit_test(limits),
		cmocka_unit_test(recipients),
		cmocka_unit_test(writers_write_what_readers_read),
		cmocka_unit_test(salted_hash),
	};

	return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
