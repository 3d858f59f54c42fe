/* auth — whole exchanges of our client with our server, and every way to spoil one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsasl.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cmocka.h>

#include "common/auth/auth.h"
#include "common/base/base64.h"

static struct auth_keys alice; /* her password is "correct horse" */
static const char password[] = "correct horse";
static char binding[AUTH_BINDING_BYTES + 1] = "0123456789abcdef0123456789abcdef";

static bool
find(void *arg, struct span name, char user[ADDRESS_STR_BYTES], struct auth_keys *keys)
{
	(void)arg;
	if (!span_eq_nocase(name, SPAN_LIT("alice@a.test")) &&
	    !span_eq_nocase(name, SPAN_LIT("ally@a.test")))
		return false;
	snprintf(user, 256, "alice@a.test");
	*keys = alice;
	return true;
}

static void
secret(void *arg, unsigned char out[AUTH_KEY_BYTES])
{
	memset(out, *(char *)arg, AUTH_KEY_BYTES);
}

static const struct auth_ops ops = { find, secret };
static char seed = 7;
static struct auth *auth;

static int
setup(void **state)
{
	struct err e;

	(void)state;
	auth = auth_new(&ops, &seed);
	return auth_keys_make(&alice, span_str(password), &e) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	auth_free(&auth);
	assert_null(auth);
	return 0;
}

/* One exchange; `spoil`, where there is one, changes message number `at` on its way. */
struct exchange {
	const char *user, *pass;
	struct span client_binding, server_binding;
	const char *mechanism; /* NULL: the client's */
	struct auth_cache *cache;
	int spoil_at; /* 1..4; 0: none */
	void (*spoil)(struct buf *message);
	enum auth_result client, server; /* out */
	struct err client_why, server_why;
	char signed_in[256];
	struct buf messages[5];
};

static void
travel(struct exchange *x, int at, const struct buf *from)
{
	buf_add(&x->messages[at], from->data, from->len);
	if (x->spoil_at == at)
		x->spoil(&x->messages[at]);
}

static void
exchange(struct exchange *x)
{
	struct auth_client *c = NULL;
	struct auth_server *s = NULL;
	struct buf out = BUF_INIT;
	int at = 1;

	assert_true(auth_client_new(span_str(x->user), span_str(x->pass), x->client_binding,
	    x->cache, &c, &x->client_why));
	assert_true(auth_server_new(auth,
	    span_str(x->mechanism != NULL ? x->mechanism : auth_client_mechanism(c)),
	    x->server_binding, &s, &x->server_why));
	x->server = AUTH_MORE;
	x->client = auth_client_step(c, span_str(""), &out, &x->client_why);
	while (x->client == AUTH_MORE && x->server == AUTH_MORE && at < 5) {
		travel(x, at, &out);
		buf_reset(&out);
		x->server = auth_server_step(s, buf_span(&x->messages[at++]), &out, &x->server_why);
		if (x->server == AUTH_FAILED)
			break;
		travel(x, at, &out);
		buf_reset(&out);
		x->client = auth_client_step(c, buf_span(&x->messages[at++]), &out, &x->client_why);
	}
	if (x->server == AUTH_DONE)
		snprintf(x->signed_in, sizeof x->signed_in, "%s", auth_server_user(s));
	if (x->server == AUTH_FAILED) {
		assert_int_equal(x->server_why.why, REFUSAL_auth_failed);
		assert_string_equal(x->server_why.text, refusal_sentence(REFUSAL_auth_failed));
		assert_int_equal(auth_server_step(s, span_str(""), &out, &x->server_why),
		    AUTH_FAILED);
	}
	buf_clear(&out);
	auth_client_free(&c);
	auth_server_free(&s);
	assert_null(c);
	assert_null(s);
}

static void
forget(struct exchange *x)
{
	for (int i = 0; i < 5; i++)
		buf_clear(&x->messages[i]);
}

static struct exchange
between(const char *user, const char *pass, bool plus)
{
	struct exchange x = { .user = user,
		.pass = pass,
		.server_binding = span_of(binding, AUTH_BINDING_BYTES) };

	if (plus)
		x.client_binding = x.server_binding;
	return x;
}

static void
decoded(const struct buf *message, struct buf *out)
{
	buf_reset(out);
	assert_true(base64_parse(buf_span(message), out));
	buf_add(out, "", 1);
}

static void
succeeds(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	for (int plus = 0; plus <= 1; plus++) {
		struct exchange x = between("alice@a.test", password, plus);

		exchange(&x);
		assert_int_equal(x.client, AUTH_DONE);
		assert_int_equal(x.server, AUTH_DONE);
		assert_string_equal(x.signed_in, "alice@a.test");
		decoded(&x.messages[1], &text);
		assert_int_equal(strncmp(text.data, plus ? "p=tls-exporter,," : "n,,",
				     plus ? 16 : 3),
		    0);
		decoded(&x.messages[2], &text);
		assert_non_null(strstr(text.data, ",i=100000"));
		forget(&x);
	}
	buf_clear(&text);
}

static void
alias_signs_in_as_its_user(void **state)
{
	struct exchange x = between("Ally@A.test", password, true);

	(void)state;
	exchange(&x);
	assert_int_equal(x.server, AUTH_DONE);
	assert_string_equal(x.signed_in, "alice@a.test");
	forget(&x);
}

static void
wrong_password(void **state)
{
	static const char *const wrong[] = { "correct hors", "Correct horse", "correct horse ",
		"x" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct exchange x = between("alice@a.test", wrong[i], true);

		exchange(&x);
		assert_int_equal(x.server, AUTH_FAILED);
		assert_int_equal(x.messages[4].len, 0);
		forget(&x);
	}
}

static void
salt_of(const char *user, char out[64])
{
	struct exchange x = between(user, "whatever", true);
	struct buf text = BUF_INIT;

	exchange(&x);
	assert_int_equal(x.server, AUTH_FAILED);
	assert_int_equal(x.messages[4].len, 0); /* it fails where a known one fails */
	assert_true(x.messages[3].len > 0);
	decoded(&x.messages[2], &text);
	assert_non_null(strstr(text.data, ",i=100000"));
	snprintf(out, 64, "%.24s", strstr(text.data, ",s=") + 3);
	buf_clear(&text);
	forget(&x);
}

static void
unknown_user(void **state)
{
	char first[64], second[64], cased[64], other[64], known[64], reseeded[64];

	(void)state;
	salt_of("mallory@a.test", first);
	salt_of("mallory@a.test", second);
	salt_of("MALLORY@a.test", cased);
	salt_of("mallorz@a.test", other);
	salt_of("alice@a.test", known);
	assert_string_equal(first, second);
	assert_string_equal(first, cased);
	assert_string_not_equal(first, other);
	assert_int_equal(strlen(first), strlen(known));
	seed++;
	salt_of("mallory@a.test", reseeded);
	assert_string_not_equal(first, reseeded);
}

static void
flip_last(struct buf *m)
{
	struct buf raw = BUF_INIT;

	assert_true(base64_parse(buf_span(m), &raw));
	raw.data[raw.len - 5] = raw.data[raw.len - 5] == 'A' ? 'B' : 'A';
	buf_reset(m);
	base64_add(m, raw.data, raw.len);
	buf_clear(&raw);
}

static void
replace(struct buf *m, const char *from, const char *to)
{
	struct buf raw = BUF_INIT;
	char *at;
	size_t n;

	assert_true(base64_parse(buf_span(m), &raw));
	buf_add(&raw, "", 1);
	at = strstr(raw.data, from);
	assert_non_null(at);
	n = (size_t)(at - raw.data);
	buf_reset(m);
	{
		struct buf changed = BUF_INIT;

		buf_add(&changed, raw.data, n);
		buf_addf(&changed, "%s%s", to, at + strlen(from));
		base64_add(m, changed.data, changed.len);
		buf_clear(&changed);
	}
	buf_clear(&raw);
}

static void
become_bob(struct buf *m)
{
	replace(m, "n=alice@a.test", "n=ally@a.test");
}
static void
claim_y(struct buf *m)
{
	replace(m, "n,,", "y,,");
}
static void
claim_plus(struct buf *m)
{
	replace(m, "n,,", "p=tls-exporter,,");
}
static void
claim_unique(struct buf *m)
{
	replace(m, "p=tls-exporter", "p=tls-unique");
}
static void
unbind(struct buf *m)
{
	replace(m, "p=tls-exporter,,", "n,,");
}
static void
as_other(struct buf *m)
{
	replace(m, "n,,", "n,a=bob@a.test,");
}
static void
as_self(struct buf *m)
{
	replace(m, "n,,", "n,a=alice@a.test,");
}
static void
few_rounds(struct buf *m)
{
	replace(m, "i=100000", "i=4095");
}
static void
many_rounds(struct buf *m)
{
	replace(m, "i=100000", "i=10000001");
}
static void
other_nonce(struct buf *m)
{
	replace(m, "r=", "r=x");
}
static void
not_base64(struct buf *m)
{
	buf_add(m, "!", 1);
}
static void
with_nul(struct buf *m)
{
	buf_reset(m);
	base64_add(m, "n,,n=alice@a.test\0,r=abc", 24);
}
static void
nothing(struct buf *m)
{
	buf_reset(m);
	buf_add(m, "=", 1);
}

static void
extend(struct buf *m)
{
	buf_reset(m);
	while (m->len <= AUTH_MESSAGE_BYTES)
		buf_add(m, "QUFB", 4);
}

static void
tampered(void **state)
{
	static const struct {
		const char *what;
		bool plus;
		int at;
		void (*spoil)(struct buf *m);
		enum auth_result client, server;
	} cases[] = {
		{ "another user", true, 1, become_bob, AUTH_MORE, AUTH_FAILED },
		{ "a downgrade shown by y", false, 1, claim_y, AUTH_MORE, AUTH_FAILED },
		{ "binding claimed without -PLUS", false, 1, claim_plus, AUTH_MORE, AUTH_FAILED },
		{ "another kind of binding", true, 1, claim_unique, AUTH_MORE, AUTH_FAILED },
		{ "-PLUS without binding", true, 1, unbind, AUTH_MORE, AUTH_FAILED },
		{ "in the name of another", false, 1, as_other, AUTH_MORE, AUTH_FAILED },
		{ "no base64", true, 1, not_base64, AUTH_MORE, AUTH_FAILED },
		{ "a NUL", true, 1, with_nul, AUTH_MORE, AUTH_FAILED },
		{ "too long", true, 1, extend, AUTH_MORE, AUTH_FAILED },
		{ "the proof changed", true, 3, flip_last, AUTH_MORE, AUTH_FAILED },
		{ "the nonce changed", true, 3, other_nonce, AUTH_MORE, AUTH_FAILED },
		{ "no proof", true, 3, nothing, AUTH_MORE, AUTH_FAILED },
		{ "few rounds", true, 2, few_rounds, AUTH_FAILED, AUTH_MORE },
		{ "many rounds", true, 2, many_rounds, AUTH_FAILED, AUTH_MORE },
		{ "the server's nonce", true, 2, other_nonce, AUTH_FAILED, AUTH_MORE },
		{ "the server's proof", true, 4, flip_last, AUTH_FAILED, AUTH_DONE },
		{ "no server's proof", true, 4, nothing, AUTH_FAILED, AUTH_DONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct exchange x = between("alice@a.test", password, cases[i].plus);

		x.spoil_at = cases[i].at;
		x.spoil = cases[i].spoil;
		exchange(&x);
		if (x.client != cases[i].client || x.server != cases[i].server)
			fail_msg("%s: client %d, server %d", cases[i].what, (int)x.client,
			    (int)x.server);
		forget(&x);
	}
}

/* An authorisation identity that is one's own is no fault of the form; but the messages' signature
 * covers it, so putting it in on the way is noticed at the proof. */
static void
own_identity(void **state)
{
	struct exchange x = between("alice@a.test", password, false);

	(void)state;
	x.spoil_at = 1;
	x.spoil = as_self;
	exchange(&x);
	assert_int_equal(x.server, AUTH_FAILED);
	assert_true(x.messages[3].len > 0);
	forget(&x);
}

static void
bound_to_another_connection(void **state)
{
	struct exchange x = between("alice@a.test", password, true);
	char other[AUTH_BINDING_BYTES];

	(void)state;
	memcpy(other, binding, sizeof other);
	other[31] ^= 1;
	x.client_binding = span_of(other, sizeof other);
	exchange(&x);
	assert_int_equal(x.server, AUTH_FAILED);
	forget(&x);
}

/* A client of another make, which knows the password and signs all that it says. */
static enum auth_result
strange_client(const char *as, char *signed_in)
{
	Gsasl *g;
	Gsasl_session *c;
	struct auth_server *s;
	struct buf out = BUF_INIT;
	struct err e;
	char *said = NULL;
	enum auth_result r = AUTH_MORE;

	assert_int_equal(gsasl_init(&g), GSASL_OK);
	assert_int_equal(gsasl_client_start(g, "SCRAM-SHA-256", &c), GSASL_OK);
	gsasl_property_set(c, GSASL_AUTHID, "alice@a.test");
	gsasl_property_set(c, GSASL_PASSWORD, password);
	gsasl_property_set(c, GSASL_AUTHZID, as);
	assert_true(auth_server_new(auth, SPAN_LIT("SCRAM-SHA-256"),
	    span_of(binding, AUTH_BINDING_BYTES), &s, &e));
	while (r == AUTH_MORE) {
		buf_add(&out, "", 1);
		assert_true(gsasl_step64(c, out.data, &said) <= GSASL_NEEDS_MORE);
		buf_reset(&out);
		r = auth_server_step(s, span_str(said), &out, &e);
		gsasl_free(said);
	}
	snprintf(signed_in, 256, "%s", r == AUTH_DONE ? auth_server_user(s) : "");
	buf_clear(&out);
	gsasl_finish(c);
	gsasl_done(g);
	auth_server_free(&s);
	return r;
}

static void
as_another_in_good_form(void **state)
{
	char who[256];

	(void)state;
	assert_int_equal(strange_client(NULL, who), AUTH_DONE);
	assert_string_equal(who, "alice@a.test");
	assert_int_equal(strange_client("alice@a.test", who), AUTH_DONE);
	assert_int_equal(strange_client("bob@a.test", who), AUTH_FAILED);
}

static void
mechanisms(void **state)
{
	static const char *const no[] = { "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "",
		"ANONYMOUS", "EXTERNAL", "LOGIN", "SCRAM-SHA-256-PLUS-PLUS" };
	struct auth_server *s = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		assert_false(auth_server_new(auth, span_str(no[i]), span_of(binding, 32), &s, &e));
		assert_int_equal(e.why, REFUSAL_auth_mechanism);
	}
	assert_false(auth_server_new(auth, span_str(AUTH_PLUS), span_of(binding, 0), &s, &e));
	assert_true(auth_server_new(auth, span_str("scram-sha-256"), span_of(binding, 0), &s, &e));
	auth_server_free(&s);
}

static void
cache(void **state)
{
	struct auth_cache k = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct exchange x = between("alice@a.test", i < 2 ? password : "no matter", true);

		x.cache = &k;
		exchange(&x);
		assert_int_equal(x.server, AUTH_DONE);
		assert_true(k.full);
		assert_memory_equal(k.salt, alice.salt, AUTH_SALT_BYTES);
		forget(&x);
	}
	k.salt[0] ^= 1; /* of another account: worked out anew */
	{
		struct exchange x = between("alice@a.test", password, true);

		x.cache = &k;
		exchange(&x);
		assert_int_equal(x.server, AUTH_DONE);
		forget(&x);
	}
}

static void
passwords(void **state)
{
	char longest[AUTH_PASSWORD_BYTES + 1];
	struct auth_keys k;
	struct err e;

	(void)state;
	memset(longest, 'x', sizeof longest);
	assert_false(auth_keys_make(&k, span_str(""), &e));
	assert_false(auth_keys_make(&k, span_str("a\x01"), &e));
	assert_false(auth_keys_make(&k, span_str("\xff"), &e));
	assert_false(auth_keys_make(&k, span_of("a\0b", 3), &e));
	assert_false(auth_keys_make(&k, span_of(longest, sizeof longest), &e));
	assert_true(auth_keys_make(&k, span_of(longest, sizeof longest - 1), &e));
	assert_int_equal(k.iterations, AUTH_ITERATIONS);
	assert_true(auth_password_fits(&alice, span_str(password)));
	assert_false(auth_password_fits(&alice, span_str("correct horsf")));
	assert_false(auth_password_fits(&alice, span_str("")));
	assert_true(auth_keys_make(&k, span_str("I\xc2\xadX"),
	    &e)); /* RFC 4013: soft hyphen maps to nothing */
	assert_true(auth_password_fits(&k, span_str("IX")));
}

/* RFC 7677 section 3. */
static void
rfc7677(void **state)
{
	static const char messages[] =
	    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	struct auth_keys k = { .iterations = 4096 };
	unsigned char mac[32], proof[32], hash[32];
	unsigned int n;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_true(base64_parse_exact(span_str("W22ZaJ0SNY7soEsUEjb6gQ=="), k.salt, 16));
	assert_true(auth_keys_derive(&k, span_str("pencil"), &e));
	HMAC(EVP_sha256(), k.server, 32, (const unsigned char *)messages, sizeof messages - 1, mac,
	    &n);
	base64_add(&b, mac, 32);
	assert_true(
	    span_eq(buf_span(&b), span_str("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	HMAC(EVP_sha256(), k.stored, 32, (const unsigned char *)messages, sizeof messages - 1, mac,
	    &n);
	assert_true(base64_parse_exact(span_str("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
	    proof, 32));
	for (int i = 0; i < 32; i++)
		proof[i] ^= mac[i];
	SHA256(proof, 32, hash);
	assert_memory_equal(hash, k.stored, 32);
	buf_clear(&b);
}

static void
penalties(void **state)
{
	(void)state;
	assert_int_equal(auth_penalty_ms(0), 0);
	assert_int_equal(auth_penalty_ms(1), 1000);
	assert_int_equal(auth_penalty_ms(2), 2000);
	assert_int_equal(auth_penalty_ms(5), 16000);
	assert_int_equal(auth_penalty_ms(6), 30000);
	assert_int_equal(auth_penalty_ms(4000000000U), 30000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(succeeds),
		cmocka_unit_test(alias_signs_in_as_its_user),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(unknown_user),
		cmocka_unit_test(tampered),
		cmocka_unit_test(own_identity),
		cmocka_unit_test(bound_to_another_connection),
		cmocka_unit_test(as_another_in_good_form),
		cmocka_unit_test(mechanisms),
		cmocka_unit_test(cache),
		cmocka_unit_test(passwords),
		cmocka_unit_test(rfc7677),
		cmocka_unit_test(penalties),
	};

	return cmocka_run_group_tests_name("auth", tests, setup, teardown);
}
