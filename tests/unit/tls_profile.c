/* tls_profile — what each kind of peer gets by its handshake: versions, suites, names, and who acts on the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include <openssl/err.h>

#include "tests/unit/conn_answer.h"

struct scene {
	struct tls_scene tls;
	struct toy_server of[TLS_KINDS]; /* those that accept */
};

static int
set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	scene_open(&s->tls);
	scene_hosts(&s->tls);
	for (enum tls_kind k = 0; k < TLS_KINDS; k++)
		if (tls_profile(k)->server)
			toy_open(&s->of[k], &s->tls, k);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *s = *state;

	for (enum tls_kind k = 0; k < TLS_KINDS; k++)
		if (tls_profile(k)->server)
			toy_close(&s->of[k]);
	scene_close(&s->tls);
	free(s);
	return 0;
}

#define ASSERT_WORD(why, word) assert_string_equal(refusal_word(why), word)

/* To the end of the handshake, in plain first where the kind begins so. */
static void
shake(struct scene *s, enum tls_kind k, struct raw *r)
{
	char text[8];

	raw_connect(r, s->of[k].port);
	if (tls_profile(k)->starts_plain) {
		raw_write(r, "STARTTLS\n");
		raw_read(r, text, sizeof text);
		assert_string_equal(text, "GO\n");
	}
	raw_shake(r);
}

static void
inside(struct raw *r)
{
	char text[8];

	raw_say(r, "BYE\n");
	raw_hear(r, text, sizeof text);
	assert_string_equal(text, "bye\n");
}

static bool
is_native(enum tls_kind k)
{
	return tls_profile(k)->alpn;
}

/* A client that every kind takes. */
static struct raw
client_of(struct scene *s, enum tls_kind k, int version)
{
	return (struct raw) { .sni = "c.test",
		.alpn = is_native(k) ? TOY_ALPN : NULL,
		.cert = s->tls.a,
		.by = s->tls.inter,
		.version = version };
}

/* The handshake fails, for this reason. */
static void
refused(struct scene *s, enum tls_kind k, struct raw r, const char *word)
{
	unsigned gones = toy_quiet(&s->of[k]);
	char text[8];

	shake(s, k, &r);
	if (r.shaken) { /* in TLS 1.3 a client is done before the server is */
		raw_say(&r, "BYE\n");
		raw_hear(&r, text, sizeof text);
		assert_string_equal(text, "");
	}
	assert_true(toy_wait(&s->of[k], &s->of[k].gones, gones + 1));
	ASSERT_WORD(s->of[k].why.why, word);
	raw_close(&r, false);
}

static void
taken(struct scene *s, enum tls_kind k, struct raw r)
{
	shake(s, k, &r);
	if (!r.shaken)
		fail_msg("kind %d, version %x", (int)k, (unsigned)r.version);
	inside(&r);
	raw_close(&r, true);
}

/* -- accepting ---------------------------------------------------------------------------------- */

static void
versions(void **state)
{
	struct scene *s = *state;

	for (enum tls_kind k = 0; k < TLS_KINDS; k++) {
		if (!tls_profile(k)->server)
			continue;
		taken(s, k, client_of(s, k, TLS1_3_VERSION));
		assert_string_equal(s->of[k].version, "TLSv1.3");
		if (is_native(k))
			refused(s, k, client_of(s, k, TLS1_2_VERSION), "tls-version");
		else
			taken(s, k, client_of(s, k, TLS1_2_VERSION));
		refused(s, k, client_of(s, k, TLS1_1_VERSION), "tls-version");
	}
	assert_non_null(strstr(s->of[TLS_PEERS].why.text, "TLS 1.3 is required"));
	assert_non_null(strstr(s->of[TLS_SMTP_IN].why.text, "TLS 1.2 or 1.3 is required"));
}

/* What the client asked for is what the role sees. */
static void
used(struct scene *s, enum tls_kind k, struct raw r)
{
	taken(s, k, r);
	assert_string_equal(s->of[k].version, "TLSv1.2");
	assert_string_equal(s->of[k].suite, r.suites);
}

static void
suites_of_the_old_version(void **state)
{
	static const struct {
		const char *suites;
		bool good;
	} table[] = { { "ECDHE-ECDSA-AES128-GCM-SHA256", true },
		{ "ECDHE-ECDSA-AES256-GCM-SHA384", true },
		{ "ECDHE-ECDSA-CHACHA20-POLY1305", true }, { "ECDHE-ECDSA-AES128-SHA256", false },
		{ "ECDHE-ECDSA-AES128-SHA", false }, { "ECDHE-ECDSA-AES128-CCM8", false },
		{ "AES128-GCM-SHA256", false }, { "DHE-RSA-AES128-GCM-SHA256", false },
		{ "AECDH-AES128-SHA", false } };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct raw r = client_of(s, TLS_SUBMISSIONS, TLS1_2_VERSION);

		r.suites = table[i].suites;
		if (table[i].good)
			used(s, TLS_SUBMISSIONS, r);
		else
			refused(s, TLS_SUBMISSIONS, r, "tls-failed");
	}
}

/* The server says no, which OpenSSL's client takes for the end. */
static void
nothing_is_negotiated_again(void **state)
{
	struct scene *s = *state;
	struct raw r = client_of(s, TLS_SUBMISSIONS, TLS1_2_VERSION);
	unsigned gones = toy_quiet(&s->of[TLS_SUBMISSIONS]);

	shake(s, TLS_SUBMISSIONS, &r);
	ERR_clear_error();
	assert_int_equal(SSL_renegotiate(r.ssl), 1);
	assert_int_not_equal(SSL_do_handshake(r.ssl), 1);
	assert_int_equal(SSL_num_renegotiations(r.ssl), 1); /* begun here, and never answered */
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	raw_close(&r, false);
	assert_true(toy_wait(&s->of[TLS_SUBMISSIONS], &s->of[TLS_SUBMISSIONS].gones, gones + 1));
}

static void
no_session_is_resumed(void **state)
{
	struct scene *s = *state;

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct raw r = client_of(s, TLS_SUBMISSIONS, v);
		SSL_SESSION *session;

		shake(s, TLS_SUBMISSIONS, &r);
		inside(&r);
		session = SSL_get1_session(r.ssl);
		assert_false(SSL_SESSION_has_ticket(session));
		SSL_SESSION_free(session);
		raw_close(&r, true);
	}
}

static int
on_request(SSL *ssl, void *raw)
{
	struct raw *r = raw;
	const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);

	r->requests++;
	r->ca_names += sk_X509_NAME_num(names) > 0;
	return 1;
}

/* A list of CAs would keep away a peer whose CA is not in it, though the CA is trusted by way of another. */
static void
who_is_asked_for_a_certificate(void **state)
{
	struct scene *s = *state;

	for (enum tls_kind k = 0; k < TLS_KINDS; k++)
		for (int v = TLS1_2_VERSION; tls_profile(k)->server && v <= TLS1_3_VERSION; v++) {
			struct raw r = client_of(s, k, v);

			if (v == TLS1_2_VERSION && is_native(k))
				continue;
			r.on_request = on_request;
			shake(s, k, &r);
			inside(&r);
			assert_int_equal(r.requests, tls_profile(k)->asks_certificate);
			assert_int_equal(r.ca_names, 0);
			ASSERT_WORD(s->of[k].verdict.why,
			    tls_profile(k)->asks_certificate ? "ok" : "no-certificate");
			raw_close(&r, true);
		}
}

/* Also in TLS 1.2, where the handshake itself could fail. */
static void
a_bad_verdict_does_not_end_a_session_of_smtp(void **state)
{
	struct scene *s = *state;
	struct cert *self = cert_leaf("a.test", NULL);

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct raw r = client_of(s, TLS_SMTP_IN, v);

		r.cert = self;
		r.by = NULL;
		taken(s, TLS_SMTP_IN, r);
		ASSERT_WORD(s->of[TLS_SMTP_IN].verdict.why, "certificate-selfsigned");
		r.cert = NULL;
		taken(s, TLS_SMTP_IN, r);
		ASSERT_WORD(s->of[TLS_SMTP_IN].verdict.why, "no-certificate");
	}
	cert_free(&self);
}

static void
shown_for(struct scene *s, enum tls_kind k, const char *sni, const char *subject)
{
	struct raw r = client_of(s, k, 0);
	char text[128];
	X509 *x;

	r.sni = sni;
	shake(s, k, &r);
	assert_true(r.shaken);
	x = SSL_get0_peer_certificate(r.ssl);
	X509_NAME_oneline(X509_get_subject_name(x), text, sizeof text);
	assert_string_equal(text, subject);
	inside(&r);
	raw_close(&r, true);
}

static void
whose_certificate_is_shown(void **state)
{
	static const enum tls_kind of_host[] = { TLS_SMTP_IN, TLS_SUBMISSION, TLS_SUBMISSIONS };
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof of_host / sizeof of_host[0]; i++) {
		shown_for(s, of_host[i], NULL, "/CN=mx.b.test");
		shown_for(s, of_host[i], "mx.b.test", "/CN=mx.b.test");
		shown_for(s, of_host[i], "unknown.test", "/CN=mx.b.test");
		/* c.test has a certificate for its own name, b.test has one for tillcalled.b.test. */
		shown_for(s, of_host[i], "C.test", "/CN=c.test");
		shown_for(s, of_host[i], "b.test", "/CN=mx.b.test");
	}
	/* No native handshake shows the host's. */
	for (enum tls_kind k = 0; k < TLS_KINDS; k++)
		if (tls_profile(k)->server && is_native(k)) {
			struct raw r = client_of(s, k, 0);

			r.sni = "mx.b.test";
			refused(s, k, r, "no-sni");
			r.sni = NULL;
			refused(s, k, r, "no-sni");
			shown_for(s, k, "b.test", "/CN=tillcalled.b.test");
		}
}

/* Some name "smtp" or "h2"; it means nothing. */
static void
alpn_is_not_looked_at_in_smtp(void **state)
{
	struct scene *s = *state;
	struct raw r = client_of(s, TLS_SUBMISSIONS, 0);
	const unsigned char *chosen;
	unsigned n;

	r.alpn = "h2";
	shake(s, TLS_SUBMISSIONS, &r);
	inside(&r);
	SSL_get0_alpn_selected(r.ssl, &chosen, &n);
	assert_int_equal(n, 0);
	raw_close(&r, true);
	r = client_of(s, TLS_PEERS, 0);
	r.alpn = "h2";
	refused(s, TLS_PEERS, r, "no-alpn");
	r.alpn = NULL;
	refused(s, TLS_PEERS, r, "no-alpn");
}

/* RFC 9266: in TLS 1.2 the exporter binds only with conditions that nobody checks here. */
static void
channels_are_bound_in_the_new_version_alone(void **state)
{
	static const unsigned char none[TLS_EXPORTER_BYTES];
	struct scene *s = *state;
	struct toy_server *t = &s->of[TLS_SUBMISSIONS];
	struct raw r = client_of(s, TLS_SUBMISSIONS, TLS1_2_VERSION);

	memset(t->exporter, 0, sizeof t->exporter);
	taken(s, TLS_SUBMISSIONS, r);
	assert_memory_equal(t->exporter, none, sizeof none);
	r.version = TLS1_3_VERSION;
	taken(s, TLS_SUBMISSIONS, r);
	assert_memory_not_equal(t->exporter, none, sizeof none);
}

/* -- connecting --------------------------------------------------------------------------------- */

static void
meet(struct scene *s, struct answer *a, struct toy_client *c, enum tls_kind k, const char *name)
{
	answer_begin(a);
	c->kind = k;
	client_run(c, s->tls.ha, a->port, is_native(k) ? "a.test" : NULL, name, 5000);
	answer_end(a);
}

static void
versions_that_we_take(void **state)
{
	struct scene *s = *state;
	struct answer old = { .shakes = true,
		.cert = s->tls.host_b,
		.by = s->tls.inter,
		.version = TLS1_2_VERSION },
		      older = old, native = old;
	struct toy_client c = { .say = "x" }, d = { .say = "x" }, n = { .say = "x" };

	meet(s, &old, &c, TLS_SMTPS_OUT, "mx.b.test");
	ASSERT_WORD(c.why.why, "ok");
	ASSERT_WORD(c.verdict.why, "ok");
	assert_int_equal(old.used, TLS1_2_VERSION);
	assert_string_equal(old.got, "x");
	older.version = TLS1_1_VERSION;
	meet(s, &older, &d, TLS_SMTPS_OUT, "mx.b.test");
	ASSERT_WORD(d.why.why, "tls-version");
	assert_false(d.up);
	meet(s, &native, &n, TLS_TO_PEER, "mx.b.test");
	ASSERT_WORD(n.why.why, "tls-version");
	assert_false(n.up);
}

/* The MX host's name, where a wildcard counts, is in SNI, and is judged; ours is shown. */
static void
hosts_that_we_meet(void **state)
{
	struct scene *s = *state;
	struct cert *wild = cert_make(&(struct cert_spec) { .cn = "wild", .san = "DNS:*.b.test" },
	    s->tls.inter);
	struct cert *old = cert_make(&(struct cert_spec) { .cn = "old",
					 .san = "DNS:mx.b.test",
					 .from_s = -7200,
					 .to_s = -60 },
	    s->tls.inter);
	const struct {
		const struct cert *cert, *by;
		const char *host, *word;
	} table[] = { { s->tls.host_b, s->tls.inter, "mx.b.test", "ok" },
		{ wild, s->tls.inter, "mx2.b.test", "ok" },
		{ wild, s->tls.inter, "b.test", "certificate-name" },
		/* named by our own label: a mail domain, no host */
		{ s->tls.b, s->tls.inter, "b.test", "certificate-name" },
		{ old, s->tls.inter, "mx.b.test", "certificate-expired" } };

	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++)
		for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
			struct answer a = { .shakes = true,
				.cert = table[i].cert,
				.by = table[i].by,
				.version = v };
			struct toy_client c = { .say = "inside" };

			meet(s, &a, &c, TLS_SMTPS_OUT, table[i].host);
			ASSERT_WORD(c.verdict.why, table[i].word);
			assert_true(c.up);
			assert_string_equal(a.got, "inside");
			assert_string_equal(a.sni, table[i].host);
			assert_string_equal(a.peer, "/CN=mx.a.test");
		}
	cert_free(&wild);
	cert_free(&old);
}

/* What may show the host's certificate says nothing without one. */
static void
no_host_no_session(void **state)
{
	struct scene *s = *state;
	struct tls_settings bare = s->tls.settings_a;
	struct toy_client c = { .say = "x", .kind = TLS_SMTPS_OUT };
	struct tls_holder *h;
	struct err e;

	bare.host = NULL;
	assert_true(tls_holder_new(&h, &bare, &e));
	client_run(&c, h, s->of[TLS_SUBMISSIONS].port, NULL, "mx.b.test", 5000);
	ASSERT_WORD(c.why.why, "internal");
	assert_false(c.up);
	tls_holder_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(suites_of_the_old_version),
		cmocka_unit_test(nothing_is_negotiated_again),
		cmocka_unit_test(no_session_is_resumed),
		cmocka_unit_test(who_is_asked_for_a_certificate),
		cmocka_unit_test(a_bad_verdict_does_not_end_a_session_of_smtp),
		cmocka_unit_test(whose_certificate_is_shown),
		cmocka_unit_test(alpn_is_not_looked_at_in_smtp),
		cmocka_unit_test(channels_are_bound_in_the_new_version_alone),
		cmocka_unit_test(versions_that_we_take),
		cmocka_unit_test(hosts_that_we_meet),
		cmocka_unit_test(no_host_no_session),
	};

	signal(SIGPIPE, SIG_IGN); /* of the raw peers, whose other side goes */
	return cmocka_run_group_tests_name("tls_profile", tests, set_up, tear_down);
}
