/* dkim_verify — RFC 6376's and RFC 8463's own letters, and a row for each word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "common/dkim/dkim_key.h"
#include "common/dkim/dkim_verify.h"
#include "tests/unit/dkim_scene.h"
#include "tests/unit/dns_world.h"

#define NOW_S 1800000000

/* clang-format off */
/* RFC 8463 A.3: Ed25519 and RSA over the same letter. */
static const char rfc8463_header[] =
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	" subject : date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
	" date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
	"From: Joe SixPack <joe@football.example.com>\r\n"
	"To: Suzie Q <suzie@shopping.example.net>\r\n"
	"Subject: Is dinner ready?\r\n"
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
static const char rfc8463_body[] =
	"Hi.\r\n"
	"\r\n"
	"We lost the game.  Are you hungry yet?\r\n"
	"\r\n"
	"Joe.\r\n";
/* RFC 6376 A.2: simple/simple. */
static const char rfc6376_header[] =
	"DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
	"      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
	"      h=Received : From : To : Subject : Date : Message-ID;\r\n"
	"      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	"      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
	"      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
	"      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
	"      4bmp/YzhwvcubU4=;\r\n"
	"Received: from client1.football.example.com  [192.0.2.1]\r\n"
	"      by submitserver.example.com with SUBMISSION;\r\n"
	"      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"
	"From: Joe SixPack <joe@football.example.com>\r\n"
	"To: Suzie Q <suzie@shopping.example.net>\r\n"
	"Subject: Is dinner ready?\r\n"
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
static const char rfc6376_body[] =
	"Hi.\r\n"
	"\r\n"
	"We lost the game. Are you hungry yet?\r\n"
	"\r\n"
	"Joe.\r\n";

#define RSA_HALVES(before, after)								\
	"\"" before "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2\" "	\
	"\"jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5Qjv"	\
	"HO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB" after "\""

static const char zone[] =
	"brisbane._domainkey.football.example.com. TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
	"test._domainkey.football.example.com. TXT " RSA_HALVES("v=DKIM1; k=rsa; ", "") "\n"
	"brisbane._domainkey.example.com. TXT \"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB\"\n"
	"plain._domainkey.a.test. TXT " RSA_HALVES("", "") "\n"
	"testing._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; t=y; n=a note; ", "") "\n"
	"exact._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; t=y:s; ", "") "\n"
	"listed._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; h=sha1:sha256; s=tlsrpt:email; ", "") "\n"
	"sha1._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; h=sha1; ", "") "\n"
	"service._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; s=tlsrpt; ", "") "\n"
	"late._domainkey.a.test. TXT " RSA_HALVES("k=rsa; v=DKIM1; ", "") "\n"
	"second._domainkey.a.test. TXT " RSA_HALVES("v=DKIM2; ", "") "\n"
	"broken._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; ", "x") "\n"
	"half._domainkey.a.test. TXT \"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GN\"\n";
static const char zone_rest[] =
	"other._domainkey.a.test. TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
	"revoked._domainkey.a.test. TXT \"v=DKIM1; p=\"\n"
	"spf._domainkey.a.test. TXT \"v=spf1 -all\"\n"
	"beside._domainkey.a.test. TXT \"v=spf1 -all\"\n"
	"beside._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; ", "") "\n"
	"two._domainkey.a.test. TXT " RSA_HALVES("v=DKIM1; ", "") "\n"
	"two._domainkey.a.test. TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
	"weak._domainkey.a.test. TXT \"v=DKIM1; p=MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAK601JfIsxio70iGzZGto+ZV7VV1IW4bFXTaw3HU4n4zKPCBDhdpKAyc6L4bHRWqVevrf21uB0ZAWDTkclZ4gt04o6efpFhawrsTLaoFNBXbF6NbUXdxmt1DK8r6OWs2+QIDAQAB\"\n"
	"failing._domainkey.a.test. CNAME failing._domainkey.a.test.\n"
	"plain._domainkey.xn--bcher-kva.test. TXT " RSA_HALVES("", "") "\n";

#define HEADER											\
	"Received: from x\r\n"									\
	"From: anna@a.test\r\n"									\
	"Subject:  one \r\n\t two\r\n"								\
	"Subject: upper\r\n"

#define BODY "one  two \r\n\r\n three\t\r\n\r\n\r\n"

struct row {
	const char *what, *tags; /* without bh= and b= */
	enum dkim_word want;
	bool testing;
	const char *from, *to; /* before it is verified, the first of these octets in the letter are others */
};

#define BASE "v=1; a=rsa-sha256; d=a.test; h=From:Subject; "
#define S    "s=plain; "

static const struct row rows[] = {
	{ "simple", BASE S, DKIM_good, false, NULL, NULL },
	{ "relaxed", BASE S "c=relaxed/relaxed;", DKIM_good, false, NULL, NULL },
	{ "relaxed header", BASE S "c=relaxed;", DKIM_good, false, NULL, NULL },
	{ "relaxed body", BASE S "c=simple/relaxed;", DKIM_good, false, NULL, NULL },
	{ "blanks in the header, relaxed", "v=1; a=rsa-sha256; d=a.test; h=From:Subject:Subject; " S "c=relaxed/simple;", DKIM_good, false, "Subject:  one \r\n\t two", "SUBJECT :one\r\n     two " },
	{ "blanks in the header, simple", "v=1; a=rsa-sha256; d=a.test; h=From:Subject:Subject; " S "c=simple/simple;", DKIM_signature, false, "Subject:  one \r\n\t two", "Subject: one \r\n\t two " },
	{ "blanks in the body, relaxed", BASE S "c=simple/relaxed;", DKIM_good, false, "one  two \r\n", "one two\t\t\r\n" },
	{ "blanks before a word, relaxed", BASE S "c=simple/relaxed;", DKIM_body, false, " three", "three" },
	{ "blanks in the body, simple", BASE S "c=simple/simple;", DKIM_body, false, "one  two \r\n", "one two \r\n" },
	{ "empty lines at the end", BASE S "c=simple/simple;", DKIM_good, false, "three\t\r\n\r\n", "three\t\r\n" },
	{ "an octet of the body", BASE S "c=relaxed/relaxed;", DKIM_body, false, "three", "thref" },
	{ "an octet of From", BASE S "c=relaxed/relaxed;", DKIM_signature, false, "anna@", "anne@" },
	{ "an octet of the lower of two fields", BASE S, DKIM_signature, false, "upper", "Upper" },
	{ "an octet of the upper, which is not signed", BASE S, DKIM_good, false, "  one ", "  One " },
	{ "both of two are signed", "v=1; a=rsa-sha256; d=a.test; h=From:Subject : subject; " S, DKIM_signature, false, "  one ", "  One " },
	{ "From is doubled, a second one comes", "v=1; a=rsa-sha256; d=a.test; h=From:From:Subject; " S, DKIM_signature, false, "Received: from x", "From: eve@b.test" },
	{ "an octet of Received, which is not signed", BASE S, DKIM_good, false, "from x", "from y" },
	{ "folds and blanks in the tags", "v = 1 ;\r\n a=rsa-sha256\r\n\t; d = a.test; h=From :\r\n Subject; " S, DKIM_good, false, NULL, NULL },
	{ "any case", "v=1; a=RSA-SHA256; d=A.TEST; h=fROM; s=PLAIN; c=Relaxed/SIMPLE;", DKIM_good, false, NULL, NULL },
	{ "tags of no meaning", BASE S "r=y; atps=b.test; zz=:;", DKIM_good, false, NULL, NULL },
	{ "i= the domain", BASE S "i=@a.test;", DKIM_good, false, NULL, NULL },
	{ "i= below it", BASE S "i=joe=20x@mail.a.test;", DKIM_good, false, NULL, NULL },
	{ "i= another", BASE S "i=joe@b.test;", DKIM_identity, false, NULL, NULL },
	{ "i= with the domain as its end alone", BASE S "i=joe@xa.test;", DKIM_identity, false, NULL, NULL },
	{ "i= above", "v=1; a=rsa-sha256; d=mail.a.test; h=From; s=plain; i=@a.test;", DKIM_identity, false, NULL, NULL },
	{ "i= without @", BASE S "i=joe;", DKIM_form, false, NULL, NULL },
	{ "l= the whole body", BASE S "l=22;", DKIM_good, false, NULL, NULL },
	{ "l= with zeros", BASE S "l=000022;", DKIM_good, false, NULL, NULL },
	{ "l= a part", BASE S "l=10;", DKIM_body_longer, false, NULL, NULL },
	{ "l= nothing", BASE S "l=0;", DKIM_body_longer, false, NULL, NULL },
	{ "l= a part, the header altered", BASE S "l=10;", DKIM_signature, false, "anna@", "anne@" },
	{ "l= more than there is", BASE S "l=23;", DKIM_body, false, NULL, NULL },
	{ "l= beyond all numbers", BASE S "l=99999999999999999999999999;", DKIM_body, false, NULL, NULL },
	{ "l= no number", BASE S "l=-1;", DKIM_form, false, NULL, NULL },
	{ "not yet expired", BASE S "t=1799999999; x=1800000000;", DKIM_good, false, NULL, NULL },
	{ "expired", BASE S "t=1700000000; x=1799999999;", DKIM_expired, false, NULL, NULL },
	{ "expires before it was made", BASE S "t=1900000000; x=1800000000;", DKIM_form, false, NULL, NULL },
	{ "t= no number", BASE S "t=soon;", DKIM_form, false, NULL, NULL },
	{ "t= of 13 digits", BASE S "t=1000000000000;", DKIM_form, false, NULL, NULL },
	{ "q= DNS among others", BASE S "q=paper:dns/txt;", DKIM_good, false, NULL, NULL },
	{ "q= no DNS", BASE S "q=paper;", DKIM_query, false, NULL, NULL },
	{ "version 2", "v=2; a=rsa-sha256; d=a.test; h=From; " S, DKIM_version, false, NULL, NULL },
	{ "no version", "a=rsa-sha256; d=a.test; h=From; " S, DKIM_form, false, NULL, NULL },
	{ "SHA-1", "v=1; a=rsa-sha1; d=a.test; h=From; " S, DKIM_algorithm, false, NULL, NULL },
	{ "no algorithm", "v=1; d=a.test; h=From; " S, DKIM_form, false, NULL, NULL },
	{ "no domain", "v=1; a=rsa-sha256; h=From; " S, DKIM_form, false, NULL, NULL },
	{ "a domain that is none", "v=1; a=rsa-sha256; d=a..test; h=From; " S, DKIM_form, false, NULL, NULL },
	{ "no selector", BASE, DKIM_form, false, NULL, NULL },
	{ "a selector that is none", BASE "s=a_b;", DKIM_form, false, NULL, NULL },
	{ "no h=", "v=1; a=rsa-sha256; d=a.test; " S, DKIM_form, false, NULL, NULL },
	{ "From is not signed", "v=1; a=rsa-sha256; d=a.test; h=Subject:Fromm; " S, DKIM_from, false, NULL, NULL },
	{ "a tag twice", BASE S "d=b.test;", DKIM_form, false, NULL, NULL },
	{ "no tag list", BASE S "what;", DKIM_form, false, NULL, NULL },
	{ "an empty tag", BASE S ";;", DKIM_form, false, NULL, NULL },
	{ "an unknown form", BASE S "c=nofws;", DKIM_canon, false, NULL, NULL },
	{ "an unknown form of bodies", BASE S "c=relaxed/;", DKIM_canon, false, NULL, NULL },
	{ "no key", BASE "s=nothing;", DKIM_no_key, false, NULL, NULL },
	{ "DNS fails", BASE "s=failing;", DKIM_key_unknown, false, NULL, NULL },
	{ "two keys", BASE "s=two;", DKIM_many_keys, false, NULL, NULL },
	{ "a key beside another record", BASE "s=beside;", DKIM_good, false, NULL, NULL },
	{ "no key in the record", BASE "s=spf;", DKIM_key_form, false, NULL, NULL },
	{ "v= not the first", BASE "s=late;", DKIM_key_form, false, NULL, NULL },
	{ "v= of the key another", BASE "s=second;", DKIM_key_form, false, NULL, NULL },
	{ "a broken key", BASE "s=broken;", DKIM_key_form, false, NULL, NULL },
	{ "half a key", BASE "s=half;", DKIM_key_form, false, NULL, NULL },
	{ "withdrawn", BASE "s=revoked;", DKIM_key_revoked, false, NULL, NULL },
	{ "another kind of key", BASE "s=other;", DKIM_key_other, false, NULL, NULL },
	{ "a key for SHA-1", BASE "s=sha1;", DKIM_key_other, false, NULL, NULL },
	{ "a key for another service", BASE "s=service;", DKIM_key_service, false, NULL, NULL },
	{ "a key for mail among others", BASE "s=listed;", DKIM_good, false, NULL, NULL },
	{ "a weak key", BASE "s=weak;", DKIM_key_weak, false, NULL, NULL },
	{ "a key in test", BASE "s=testing;", DKIM_good, true, NULL, NULL },
	{ "a key in test, altered", BASE "s=testing;", DKIM_signature, true, "anna@", "anne@" },
	{ "a key for the domain alone", BASE "s=exact; i=@a.test;", DKIM_good, true, NULL, NULL },
	{ "a key for the domain alone, i= below", BASE "s=exact; i=@b.a.test;", DKIM_key_other, false, NULL, NULL },
	{ "U-labels", "v=1; a=rsa-sha256; d=b\303\274cher.test; h=From; " S, DKIM_good, false, NULL, NULL },
	{ "a line that is no field", BASE S, DKIM_header, false, "Received: from x", "Received\303\274: ffrom x" },
};
/* clang-format on */

static void
open_zone(struct world *w)
{
	char text[8192];

	assert_true(snprintf(text, sizeof text, "%s%s", zone, zone_rest) < (int)sizeof text);
	world_open(w, text);
}

struct heard {
	struct loop *loop;
	struct dkim_verdict v[DKIM_SIGNATURES_MAX];
	size_t n, calls;
};

static void
verified(void *arg, const struct dkim_verdict *v, size_t n)
{
	struct heard *h = arg;

	memcpy(h->v, v, n * sizeof *v);
	h->n = n;
	h->calls++;
	loop_stop(h->loop);
}

static const struct dkim_about nobody = { "", NULL };

static struct heard
verify(struct world *w, struct span header, struct span body, size_t piece)
{
	struct heard h = { .loop = w->loop };
	struct dkim_verifier *v = dkim_verifier_new(w->dns, &nobody, NOW_S);

	dkim_verifier_header(v, header);
	for (size_t at = 0; at < body.n; at += piece)
		dkim_verifier_body(v, span_sub(body, at, piece));
	dkim_verifier_end(v, verified, &h);
	assert_int_equal(h.calls, 0);
	loop_run(w->loop);
	assert_int_equal(h.calls, 1);
	dkim_verifier_free(&v);
	return h;
}

static void
replace(struct buf *b, const char *from, const char *to)
{
	char *at;
	struct buf out = BUF_INIT;

	buf_add(b, "", 1);
	at = strstr(b->data, from);
	assert_non_null(at);
	buf_add(&out, b->data, (size_t)(at - b->data));
	buf_addf(&out, "%s%s", to, at + strlen(from));
	buf_clear(b);
	*b = out;
}

static void
one_row(struct world *w, EVP_PKEY *key, const struct row *r)
{
	struct buf letter = BUF_INIT;
	size_t at;

	dkim_scene_sign(&letter, r->tags, HEADER, BODY, key);
	at = letter.len;
	buf_addf(&letter, "\r\n%s", BODY);
	if (r->from != NULL)
		replace(&letter, r->from, r->to);
	buf_add(&letter, "", 1);
	letter.len--;
	at = (size_t)(strstr(letter.data, "\r\n\r\n") - letter.data) + 4;
	for (size_t piece = 1; piece < 8; piece += 3) {
		struct heard h = verify(w, span_of(letter.data, at),
		    span_of(letter.data + at, letter.len - at), piece);

		assert_int_equal(h.n, 1);
		if (h.v[0].word != r->want || h.v[0].testing != r->testing)
			fail_msg("%s: %s: %s", r->what, dkim_word_text(h.v[0].word),
			    dkim_word_sentence(h.v[0].word));
		assert_int_equal(h.v[0].result, dkim_word_result(r->want));
		assert_int_equal(strcmp(dkim_result_text(h.v[0].result), "pass") == 0,
		    r->want == DKIM_good);
	}
	buf_clear(&letter);
}

static void
table(void **state)
{
	EVP_PKEY *key = dkim_scene_key(DKIM_RSA_PEM);
	struct world w;

	(void)state;
	open_zone(&w);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		one_row(&w, key, &rows[i]);
	world_close(&w);
	EVP_PKEY_free(key);
}

static void
each_word_has_a_row(void **state)
{
	(void)state;
	for (enum dkim_word word = 0; word < DKIM_WORDS_END; word++) {
		bool has = word == DKIM_key_large; /* large_key */

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			has = has || rows[i].want == word;
		if (!has)
			fail_msg("%s", dkim_word_text(word));
	}
}

static enum dkim_word
word_of_key(EVP_PKEY *key)
{
	struct buf text = BUF_INIT;
	struct dkim_key k;
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	enum dkim_word w;

	buf_addf(&text, "p=");
	base64_add(&text, der, (size_t)n);
	w = dkim_key_parse(buf_span(&text), &(struct dkim_signature) { .alg = DKIM_RSA_SHA256 },
	    &k);
	assert_true((k.key != NULL) == (w == DKIM_good));
	dkim_key_clear(&k);
	OPENSSL_free(der);
	buf_clear(&text);
	EVP_PKEY_free(key);
	return w;
}

/* The modulus of a good key with another exponent, odd and of so many bits. */
static EVP_PKEY *
with_exponent(int bits)
{
	EVP_PKEY *key = dkim_scene_key(DKIM_RSA_PEM), *out = NULL;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = BN_new();
	OSSL_PARAM *p;

	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	assert_int_equal(BN_set_bit(e, 0) && BN_set_bit(e, bits - 1), 1);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	p = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &out, EVP_PKEY_PUBLIC_KEY, p), 1);
	OSSL_PARAM_free(p);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	BN_free(n);
	BN_free(e);
	return out;
}

static void
large_key(void **state)
{
	(void)state;
	assert_int_equal(word_of_key(EVP_RSA_gen(4104)), DKIM_key_large);
	assert_int_equal(word_of_key(with_exponent(63)), DKIM_good);
	assert_int_equal(word_of_key(with_exponent(64)), DKIM_good);
	assert_int_equal(word_of_key(with_exponent(65)), DKIM_key_large);
}

static void
rfc8463(void **state)
{
	struct world w;
	char body[sizeof rfc8463_body];

	(void)state;
	open_zone(&w);
	for (size_t piece = 1; piece < 40; piece += 7) {
		struct heard h = verify(&w, span_str(rfc8463_header), span_str(rfc8463_body),
		    piece);

		assert_int_equal(h.n, 2);
		for (size_t i = 0; i < 2; i++) {
			assert_string_equal(dkim_word_text(h.v[i].word), "good");
			assert_string_equal(h.v[i].domain.text, "football.example.com");
		}
		assert_string_equal(h.v[0].selector, "brisbane");
		assert_string_equal(dkim_alg_text(h.v[0].alg), "ed25519-sha256");
		assert_string_equal(h.v[0].b, "/gCrinpc");
		assert_string_equal(h.v[1].b, "F45dVWDf");
		assert_string_equal(dkim_alg_text(h.v[1].alg), "rsa-sha256");
	}
	for (size_t i = 0; i + 1 < sizeof body; i++) {
		struct heard h;

		memcpy(body, rfc8463_body, sizeof body);
		body[i] ^= 1;
		h = verify(&w, span_str(rfc8463_header), span_str(body), sizeof body);
		assert_int_equal(h.v[0].word, DKIM_body);
		assert_int_equal(h.v[1].word, DKIM_body);
	}
	world_close(&w);
}

static void
rfc6376(void **state)
{
	struct world w;
	struct heard h;

	(void)state;
	open_zone(&w);
	h = verify(&w, span_str(rfc6376_header), span_str(rfc6376_body), 3);
	assert_int_equal(h.n, 1);
	assert_string_equal(dkim_word_text(h.v[0].word), "good");
	assert_string_equal(h.v[0].domain.text, "example.com");
	world_close(&w);
}

static void
bounds(void **state)
{
	EVP_PKEY *key = dkim_scene_key(DKIM_RSA_PEM);
	struct buf one = BUF_INIT, many = BUF_INIT, fields = BUF_INIT;
	struct world w;
	struct heard h;

	(void)state;
	open_zone(&w);
	h = verify(&w, SPAN_LIT("From: a@a.test\r\n\r\n"), SPAN_LIT(""), 1);
	assert_int_equal(h.n, 0);
	dkim_scene_sign(&one, "v=1; a=rsa-sha256; d=a.test; h=From; s=plain;", "From: a@a.test\r\n",
	    BODY, key);
	one.len -= strlen("From: a@a.test\r\n");
	for (int i = 0; i < 7; i++)
		buf_add(&many, one.data, one.len);
	buf_addf(&many, "From: a@a.test\r\n");
	h = verify(&w, buf_span(&many), SPAN_LIT(BODY), 100);
	assert_int_equal(h.n, DKIM_SIGNATURES_MAX);
	for (size_t i = 0; i < h.n; i++)
		assert_int_equal(h.v[i].word, DKIM_good);
	for (int more = 0; more < 2; more++) {
		buf_reset(&fields);
		buf_add(&fields, one.data, one.len);
		for (int i = 0; i < DKIM_FIELDS_MAX - 2 + more; i++)
			buf_addf(&fields, "X: y\r\n");
		buf_addf(&fields, "From: a@a.test\r\n\r\n");
		h = verify(&w, buf_span(&fields), SPAN_LIT(BODY), 100);
		assert_int_equal(h.v[0].word, more ? DKIM_header : DKIM_good);
	}
	buf_clear(&one);
	buf_clear(&many);
	buf_clear(&fields);
	world_close(&w);
	EVP_PKEY_free(key);
}

/* Names in h=, tags, octets of b=: one more than the most. */
static void
bounds_of_a_signature(void **state)
{
	struct buf b = BUF_INIT;
	struct dkim_signature s;
	struct span rest;
	struct header_field f;

	(void)state;
	for (int more = 0; more < 2; more++) {
		buf_reset(&b);
		buf_addf(&b,
		    "DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; b=AA==; "
		    "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; h=from");
		for (int i = 1; i < DKIM_NAMES_MAX + more; i++)
			buf_addf(&b, ":x");
		rest = buf_span(&b);
		assert_int_equal(header_field_next(&rest, &f), HEADER_FIELD);
		assert_int_equal(dkim_signature_parse(&f, &s), more ? DKIM_form : DKIM_good);
		for (int i = 0; i < 65; i++)
			buf_addf(&b, "; x%d=", i);
		rest = buf_span(&b);
		assert_int_equal(header_field_next(&rest, &f), HEADER_FIELD);
		assert_int_equal(dkim_signature_parse(&f, &s), DKIM_form);
	}
	buf_clear(&b);
}

/* Freed while DNS is asked, and in done. */
static void
freed_early(void **state)
{
	struct world w;
	struct heard h = { 0 };
	struct dkim_verifier *v;

	(void)state;
	open_zone(&w);
	v = dkim_verifier_new(w.dns, &nobody, NOW_S);
	dkim_verifier_header(v, span_str(rfc8463_header));
	dkim_verifier_body(v, SPAN_LIT("x"));
	dkim_verifier_end(v, verified, &h);
	dkim_verifier_free(&v);
	assert_null(v);
	loop_stop(w.loop);
	loop_run(w.loop);
	assert_int_equal(h.calls, 0);
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8463),
		cmocka_unit_test(rfc6376),
		cmocka_unit_test(table),
		cmocka_unit_test(each_word_has_a_row),
		cmocka_unit_test(large_key),
		cmocka_unit_test(bounds),
		cmocka_unit_test(bounds_of_a_signature),
		cmocka_unit_test(freed_early),
	};

	return cmocka_run_group_tests_name("dkim_verify", tests, NULL, NULL);
}
