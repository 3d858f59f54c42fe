/* evidence — the file's form: what was written is read again, and no octet may be another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text/digest.h"
#include "proto/evidence.h"

static const char cms[300] = "as long as some lines";

static struct evidence
some(void)
{
	return (struct evidence) { .received_s = 1795737602,
		.address = SPAN_LIT("192.0.2.1"),
		.spf = SPAN_LIT("pass v=spf1 ip4:192.0.2.1 -all"),
		.statement = SPAN_LIT("a statement\r\n"),
		.cms = span_of(cms, sizeof cms) };
}

static void
what_was_written_is_read(void **state)
{
	struct evidence v = some(), got;
	struct buf text = BUF_INIT, octets = BUF_INIT;
	struct err e;

	(void)state;
	for (size_t n = 1; n <= sizeof cms; n++) {
		buf_reset(&text);
		v.cms.n = n;
		evidence_write(&text, &v, digest_sha256);
		if (!evidence_parse(buf_span(&text), &got, &octets, digest_sha256, &e))
			fail_msg("%s", e.text);
		assert_int_equal(got.received_s, v.received_s);
		assert_true(span_eq(got.address, v.address));
		assert_true(span_eq(got.spf, v.spf));
		assert_true(span_eq(got.statement, v.statement));
		assert_true(span_eq(got.cms, v.cms));
	}
	buf_clear(&text);
	buf_clear(&octets);
}

static void
foreign_octets_end_no_line(void **state)
{
	struct evidence v = some(), got;
	struct buf text = BUF_INIT, octets = BUF_INIT;
	struct err e;
	char vast[4096];

	(void)state;
	v.spf = SPAN_LIT("pass v=spf1\n\\\x1b\xc3 -all");
	evidence_write(&text, &v, digest_sha256);
	assert_true(evidence_parse(buf_span(&text), &got, &octets, digest_sha256, &e));
	assert_true(span_eq(got.spf, SPAN_LIT("pass v=spf1\\x0a\\x5c\\x1b\\xc3 -all")));
	memset(vast, 0xff, sizeof vast);
	v.spf = span_of(vast, sizeof vast);
	buf_reset(&text);
	evidence_write(&text, &v, digest_sha256);
	assert_true(evidence_parse(buf_span(&text), &got, &octets, digest_sha256, &e));
	assert_int_equal(got.spf.n, EVIDENCE_SPF_MAX);
	buf_clear(&text);
	buf_clear(&octets);
}

static void
no_octet_may_be_another(void **state)
{
	struct evidence v = some(), got;
	struct buf text = BUF_INIT, octets = BUF_INIT;
	struct err e;

	(void)state;
	evidence_write(&text, &v, digest_sha256);
	for (size_t i = 0; i < text.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			text.data[i] = (char)(text.data[i] ^ (1 << bit));
			assert_false(
			    evidence_parse(buf_span(&text), &got, &octets, digest_sha256, &e));
			assert_int_equal(e.why, REFUSAL_bad_syntax);
			text.data[i] = (char)(text.data[i] ^ (1 << bit));
		}
	for (size_t n = 0; n < text.len; n++)
		assert_false(
		    evidence_parse(span_of(text.data, n), &got, &octets, digest_sha256, &e));
	buf_add(&text, "\n", 1);
	assert_false(evidence_parse(buf_span(&text), &got, &octets, digest_sha256, &e));
	buf_clear(&text);
	buf_clear(&octets);
}

/* Somebody who makes the digest anew must still keep to the one form. */
static bool
reads(const char *from, const char *to)
{
	struct evidence v = some(), got;
	struct buf text = BUF_INIT, other = BUF_INIT, octets = BUF_INIT;
	unsigned char digest[DIGEST_BYTES];
	struct err e;
	char *at;
	bool good;

	evidence_write(&text, &v, digest_sha256);
	assert_non_null(at = memmem(text.data, text.len - 80, from, strlen(from)));
	buf_add(&other, text.data, (size_t)(at - text.data));
	buf_add(&other, to, strlen(to));
	at += strlen(from);
	buf_add(&other, at, (size_t)(text.data + text.len - 80 - at));
	digest_sha256(buf_span(&other), digest);
	buf_addf(&other, "Digest: sha256:");
	for (size_t i = 0; i < sizeof digest; i++)
		buf_addf(&other, "%02x", digest[i]);
	buf_addf(&other, "\n");
	good = evidence_parse(buf_span(&other), &got, &octets, digest_sha256, &e);
	if (!good)
		assert_int_equal(e.why, REFUSAL_bad_syntax);
	buf_clear(&text);
	buf_clear(&other);
	buf_clear(&octets);
	return good;
}

static void
there_is_one_form(void **state)
{
	(void)state;
	assert_true(reads("192.0.2.1\n", "192.0.2.9\n"));
	assert_false(reads("Evidence: 1", "Evidence: 2"));
	assert_false(reads("Evidence: 1", "Evidence: "));
	assert_false(reads("Received: ", "Received:"));
	assert_false(reads("T", "t"));
	assert_false(reads("2026-11-27T", "2026-11-31T"));
	assert_false(reads("192.0.2.1\n", "\n"));
	assert_false(reads("SPF: pass", "SPF: \tpass"));
	assert_false(reads("SPF: ", "spf: "));
	assert_false(reads("\n-----BEGIN CMS", "\n\n-----BEGIN CMS"));
	assert_false(reads("BEGIN CMS-----\n", "BEGIN CMS-----\n\n"));
	assert_false(
	    reads("BEGIN CMS-----\nYXMgbG9uZyBhcyBz", "BEGIN CMS-----\nYXMgbG9uZ\nyBhcyBz"));
	assert_false(reads("BEGIN CMS", "BEGIN PKCS7"));
	assert_false(reads("END CMS-----\n", "END CMS-----\n\n"));
	assert_false(reads("END CMS-----\n", ""));
	assert_false(reads("Cg==", "Ch=="));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(foreign_octets_end_no_line),
		cmocka_unit_test(no_octet_may_be_another),
		cmocka_unit_test(there_is_one_form),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
