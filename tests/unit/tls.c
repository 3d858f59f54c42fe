/* tls — generations, holders and the verdict on a peer; handshakes are conn's test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "tests/unit/tls_scene.h"

static int
set_up(void **state)
{
	struct tls_scene *s = malloc(sizeof *s);

	scene_open(s);
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	scene_close(*state);
	free(*state);
	return 0;
}

static void
identities_by_domain(void **state)
{
	struct tls_scene *s = *state;
	struct tls *t = tls_holder_get(s->hb);

	assert_int_equal(tls_generation(t), 1);
	assert_string_equal(chain_subject(tls_identity_chain(tls_identity(t, "c.test"))),
	    "CN=c.test");
	assert_non_null(tls_identity_key(tls_identity(t, "b.test")));
	assert_null(tls_identity(t, "a.test"));
	assert_null(tls_identity(t, "tillcalled.b.test"));
	assert_int_equal(trust_count(tls_trust(t)), 1);
	tls_unref(&t);
	assert_null(t);
}

static void
assert_no_start(const struct tls_settings *settings, const char *word)
{
	struct tls *t;
	struct err e;

	assert_false(tls_load(settings, &t, &e));
	assert_int_equal(e.why, REFUSAL_config);
	if (strstr(e.text, word) == NULL)
		fail_msg("%s", e.text);
}

static void
assert_host(struct tls_scene *s, const char *subject)
{
	struct tls *t = tls_holder_get(s->hb);

	assert_string_equal(chain_subject(tls_identity_chain(tls_host_identity(t))), subject);
	tls_unref(&t);
}

/* It is shown in SMTP alone: no domain has it. */
static void
the_host_has_an_identity(void **state)
{
	struct tls_scene *s = *state;
	struct cert *mx = cert_leaf("mx.b.test", s->inter),
		    *next = cert_leaf("mx.b.test", s->inter);
	struct tls_settings with = s->settings_b;
	struct tls_files host;
	struct tls *t = tls_holder_get(s->hb);
	struct err e;
	uint64_t n;

	assert_null(tls_host_identity(t));
	tls_unref(&t);
	scene_identity(s, &host, 0, "mx.b.test", mx,
	    s->inter); /* a.test's place: its files are read */
	with.host = &host;
	assert_true(tls_holder_reload(s->hb, &with, &e));
	assert_host(s, "CN=mx.b.test");
	t = tls_holder_get(s->hb);
	assert_null(tls_identity(t, "mx.b.test"));
	tls_unref(&t);
	/* Seen when it changes, and only then. */
	n = tls_holder_generation(s->hb);
	tls_holder_look(s->hb);
	assert_int_equal(tls_holder_generation(s->hb), n);
	certs_write_key(host.key, next);
	tls_holder_look(s->hb); /* does not fit yet: the old one stays */
	assert_host(s, "CN=mx.b.test");
	n = tls_holder_generation(s->hb);
	tls_holder_look(s->hb);
	assert_int_equal(tls_holder_generation(s->hb), n);
	certs_write(host.certificate, next, s->inter);
	tls_holder_look(s->hb);
	assert_int_equal(tls_holder_generation(s->hb), n + 1);
	t = tls_holder_get(s->hb);
	assert_int_equal(X509_cmp(chain_leaf(tls_identity_chain(tls_host_identity(t))), next->x),
	    0);
	tls_unref(&t);
	/* Another name is another identity. */
	host.domain = "smtp.b.test";
	host.certificate = s->of_b[1].certificate;
	host.key = s->of_b[1].key;
	assert_true(tls_holder_reload(s->hb, &with, &e));
	assert_host(s, "CN=c.test");
	with.host = NULL;
	assert_true(tls_holder_reload(s->hb, &with, &e));
	t = tls_holder_get(s->hb);
	assert_null(tls_host_identity(t));
	tls_unref(&t);
	/* None that cannot be read. */
	host.key = "/nowhere";
	with.host = &host;
	assert_no_start(&with, "smtp.b.test");
	cert_free(&mx);
	cert_free(&next);
}

static void
bad_files_keep_it_from_coming_up(void **state)
{
	struct tls_scene *s = *state;
	struct tls_settings bad = s->settings_a;
	struct tls_files twice[2] = { s->of_a[0], s->of_a[0] };
	const char *key = s->of_a[0].key;
	struct tls *t;
	struct err e;

	bad.trust = certs_path(s->folder, "nowhere");
	assert_no_start(&bad, "nowhere");
	bad.trust = s->crls;
	assert_no_start(&bad, "empty");
	bad = s->settings_a;
	bad.identities = twice;
	bad.n_identities = 2;
	assert_no_start(&bad, "twice");
	chmod(key, 0644);
	assert_no_start(&s->settings_a, "chmod 600");
	chmod(key, 0660);
	assert_no_start(&s->settings_a, "chmod 600");
	chmod(key, 0640);
	if (getegid() != 0) {
		assert_no_start(&s->settings_a, "group");
		bad = s->settings_a;
		bad.user.gid = getegid();
		assert_true(tls_load(&bad, &t, &e));
		tls_unref(&t);
	} else if (chown(key, (uid_t)-1, 12345) == 0) {
		chmod(key, 0640);
		assert_no_start(&s->settings_a, "group");
		bad = s->settings_a;
		bad.user.gid = 12345;
		assert_true(tls_load(&bad, &t, &e));
		tls_unref(&t);
	}
	certs_write_key(key, s->b);
	assert_no_start(&s->settings_a, "does not fit");
	remove(key);
	assert_no_start(&s->settings_a, "a.test");
	certs_write_key(key, s->a);
	chmod(key, 0600);
	remove(s->of_a[0].certificate);
	assert_no_start(&s->settings_a, "a.test.pem");
	certs_write(s->of_a[0].certificate, s->a, s->inter);
}

static void
peer_of(struct tls_scene *s, struct tls_peer *p, const struct cert *leaf)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7) };
	STACK_OF(X509) *rest = sk_X509_new_null();

	a.sin_addr.s_addr = htonl(0xc0000201);
	tls_peer_init(p, (struct sockaddr *)&a);
	sk_X509_push(rest, s->inter->x);
	p->chain = chain_new(leaf->x, rest);
	sk_X509_free(rest);
}

static void
a_peer_starts_as_refused(void **state)
{
	struct tls_scene *s = *state;
	struct tls_peer p;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	struct err e;

	a.sin6_addr.s6_addr[10] = a.sin6_addr.s6_addr[11] = 0xff;
	a.sin6_addr.s6_addr[15] = 1;
	tls_peer_init(&p, (struct sockaddr *)&a);
	assert_string_equal(p.host, "0.0.0.1");
	assert_false(tls_peer_check(&p, s->hb, &e));
	assert_int_equal(e.why, REFUSAL_no_certificate);
	assert_false(tls_peer_names(&p, "a.test", &e));
	assert_int_equal(e.why, REFUSAL_no_certificate);
	tls_peer_clear(&p);
}

/* As SMTP asks: a wildcard may name a host, and the verdict comes first. */
static void
a_peer_names_a_host(void **state)
{
	struct tls_scene *s = *state;
	struct cert *wild = cert_make(&(struct cert_spec) { .cn = "x", .san = "DNS:*.b.test" },
	    s->inter);
	struct cert *self = cert_leaf("mx.b.test", NULL);
	struct tls_peer p;
	struct err e;

	peer_of(s, &p, wild);
	assert_true(tls_peer_check(&p, s->ha, &e));
	assert_true(tls_peer_names_host(&p, "mx.b.test", &e));
	assert_false(tls_peer_names_host(&p, "b.test", &e));
	assert_int_equal(e.why, REFUSAL_certificate_name);
	assert_false(tls_peer_names(&p, "mx.b.test", &e));
	assert_int_equal(e.why, REFUSAL_certificate_wildcard);
	tls_peer_clear(&p);
	/* The name may be part of the verdict. */
	peer_of(s, &p, wild);
	strcpy(p.domain, "mx.b.test");
	p.is_host = true;
	assert_true(tls_peer_check(&p, s->ha, &e));
	tls_peer_clear(&p);
	peer_of(s, &p, wild);
	strcpy(p.domain, "mx.c.test");
	p.is_host = true;
	assert_false(tls_peer_check(&p, s->ha, &e));
	assert_int_equal(e.why, REFUSAL_certificate_name);
	tls_peer_clear(&p);
	peer_of(s, &p, self);
	assert_false(tls_peer_check(&p, s->ha, &e));
	assert_false(tls_peer_names_host(&p, "mx.b.test", &e));
	assert_int_equal(e.why, REFUSAL_certificate_selfsigned);
	tls_peer_clear(&p);
	cert_free(&wild);
	cert_free(&self);
}

static void
a_peer_has_names(void **state)
{
	struct tls_scene *s = *state;
	struct tls_peer p;
	struct err e;

	peer_of(s, &p, s->b);
	assert_true(tls_peer_check(&p, s->ha, &e));
	assert_true(tls_peer_names(&p, "b.test", &e));
	assert_true(tls_peer_names(&p, "tillcalled.b.test", &e));
	assert_false(tls_peer_names(&p, "a.test", &e));
	assert_int_equal(e.why, REFUSAL_certificate_name);
	tls_peer_clear(&p);
}

/* The CRL that vouched is over before the minute is. */
static void
nor_outlive_the_crl(void **state)
{
	struct tls_scene *s = *state;
	struct cert
	    *year = cert_make(&(struct cert_spec) { .cn = "a.test",
				  .san = "DNS:a.test",
				  .from_s = -60,
				  .to_s = 30 * 86400,
				  .ext = "crlDistributionPoints=URI:http://crl.test/a.crl" },
		s->inter);
	struct tls_peer p;
	int64_t ms = 1000000, now = (int64_t)time(NULL);
	struct err e;

	scene_crl(s, "inter.pem", s->inter, (struct crl_spec) { .from_s = -60, .to_s = 30 });
	assert_true(tls_holder_reload(s->hb, &s->settings_b, &e));
	peer_of(s, &p, year);
	assert_true(tls_peer_check_at(&p, s->hb, ms, now, &e));
	assert_int_equal(strlen(p.issuer_key), 64);
	assert_true(tls_peer_check_at(&p, s->hb, ms + 20000, now + 20, &e));
	assert_int_equal(p.judged_ms, ms);
	assert_false(tls_peer_check_at(&p, s->hb, ms + 40000, now + 40, &e));
	assert_int_equal(e.why, REFUSAL_revocation_unknown);
	tls_peer_clear(&p);
	remove(certs_path(s->crls, "inter.pem"));
	cert_free(&year);
}

/* Judged once a minute, at the end of its life, and by each new generation. */
static void
live_peers_age(void **state)
{
	struct tls_scene *s = *state;
	struct cert *brief = cert_make(&(struct cert_spec) { .cn = "a.test",
					   .san = "DNS:a.test",
					   .from_s = -60,
					   .to_s = 600 },
	    s->inter);
	struct tls_peer p;
	int64_t ms = 1000000, now = (int64_t)time(NULL);
	struct err e;

	peer_of(s, &p, brief);
	assert_true(tls_peer_check_at(&p, s->hb, ms, now, &e));
	assert_int_equal(p.judged_ms, ms);
	assert_true(tls_peer_check_at(&p, s->hb, ms + TLS_RECHECK_MS - 1, now + 59, &e));
	assert_int_equal(p.judged_ms, ms);
	assert_true(tls_peer_check_at(&p, s->hb, ms + TLS_RECHECK_MS, now + 60, &e));
	assert_int_equal(p.judged_ms, ms + TLS_RECHECK_MS);
	/* A second after its end, though the minute has not passed. */
	assert_true(tls_peer_check_at(&p, s->hb, ms + 590000, now + 590, &e));
	assert_false(tls_peer_check_at(&p, s->hb, ms + 601000, now + 601, &e));
	assert_int_equal(e.why, REFUSAL_certificate_expired);
	tls_peer_clear(&p);
	/* Revoked: a new generation says so at once. */
	peer_of(s, &p, brief);
	assert_true(tls_peer_check_at(&p, s->hb, ms, now, &e));
	scene_crl(s, "inter.pem", s->inter, (struct crl_spec) { .revoked = { brief } });
	assert_true(tls_peer_check_at(&p, s->hb, ms + 1, now, &e));
	assert_true(tls_holder_reload(s->hb, &s->settings_b, &e));
	assert_false(tls_peer_check_at(&p, s->hb, ms + 2, now, &e));
	assert_int_equal(e.why, REFUSAL_certificate_revoked);
	/* And taken back, where the CRL is. */
	remove(certs_path(s->crls, "inter.pem"));
	assert_true(tls_holder_reload(s->hb, &s->settings_b, &e));
	assert_true(tls_peer_check_at(&p, s->hb, ms + 3, now, &e));
	assert_int_equal(p.generation, 3);
	tls_peer_clear(&p);
	cert_free(&brief);
}

static void
a_removed_ca_is_no_longer_believed(void **state)
{
	struct tls_scene *s = *state;
	struct cert *other = cert_root("other");
	struct tls_peer p;
	struct err e;

	peer_of(s, &p, s->a);
	assert_true(tls_peer_check(&p, s->hb, &e));
	certs_write(certs_path(s->trust, "other.pem"), other, NULL);
	remove(certs_path(s->trust, "root.pem"));
	assert_true(tls_holder_reload(s->hb, &s->settings_b, &e));
	assert_false(tls_peer_check(&p, s->hb, &e));
	assert_int_equal(e.why, REFUSAL_certificate_untrusted);
	/* An empty folder is a mistake: the old trust stays. */
	remove(certs_path(s->trust, "other.pem"));
	assert_false(tls_holder_reload(s->hb, &s->settings_b, &e));
	assert_false(tls_peer_check(&p, s->hb, &e));
	certs_write(certs_path(s->trust, "root.pem"), s->root, NULL);
	assert_true(tls_holder_reload(s->hb, &s->settings_b, &e));
	assert_true(tls_peer_check(&p, s->hb, &e));
	tls_peer_clear(&p);
	cert_free(&other);
}

struct wanted {
	unsigned n;
	char url[JUDGE_URL_BYTES];
};

static void
on_wanted(void *arg, const struct chain *c, const struct judgement *j)
{
	struct wanted *w = arg;

	assert_non_null(c);
	w->n++;
	memcpy(w->url, j->urls[0], sizeof w->url);
}

static void
on_used(void *arg, const struct chain *c)
{
	assert_non_null(c);
	++*(unsigned *)arg;
}

static void
on_changed(void *arg)
{
	++*(unsigned *)arg;
}

static void
a_missing_crl_is_asked_for(void **state)
{
	struct tls_scene *s = *state;
	struct cert
	    *long_ = cert_make(&(struct cert_spec) { .cn = "a.test",
				   .san = "DNS:a.test",
				   .from_s = -60,
				   .to_s = 365 * CERTS_DAY,
				   .ext = "crlDistributionPoints=URI:http://crl.test/a.crl" },
		s->inter);
	struct wanted w = { 0 };
	unsigned used = 0, changed = 0;
	struct tls_peer p;
	struct err e;

	tls_holder_on_unknown(s->hb, on_wanted, &w);
	tls_holder_on_good(s->hb, on_used, &used);
	tls_holder_on_generation(s->hb, on_changed, &changed);
	peer_of(s, &p, long_);
	assert_false(tls_peer_check(&p, s->hb, &e));
	assert_int_equal(e.why, REFUSAL_revocation_unknown);
	assert_int_equal(w.n, 1);
	assert_int_equal(used, 0);
	assert_string_equal(w.url, "http://crl.test/a.crl");
	scene_crl(s, "inter.pem", s->inter, (struct crl_spec) { .number = 1 });
	tls_holder_look(s->hb);
	assert_int_equal(changed, 1); /* waiters for the CRL may try again */
	assert_true(tls_peer_check(&p, s->hb, &e));
	assert_int_equal(used, 1);
	tls_holder_look(s->hb);
	assert_int_equal(changed, 1);
	assert_true(tls_holder_reload(s->hb, &s->settings_b, &e));
	assert_int_equal(changed, 2);
	tls_peer_clear(&p);
	cert_free(&long_);
}

/* -- watching ----------------------------------------------------------------------------------- */

struct watch {
	struct tls_scene *s;
	struct loop *loop;
	struct loop_timer *timer;
	unsigned step, looks, waits;
	uint64_t before;
};

static uint64_t
generation(struct tls_holder *h)
{
	struct tls *t = tls_holder_get(h);
	uint64_t n = tls_generation(t);

	tls_unref(&t);
	return n;
}

/* One change after the other, each waited for. */
static void
on_look(void *arg)
{
	struct watch *w = arg;
	struct tls_scene *s = w->s;

	assert_true(++w->looks < 2000);
	loop_timer_set_ms(w->timer, 5);
	switch (w->step) {
	case 0:
		scene_crl(s, "x.pem", s->inter, (struct crl_spec) { .number = 1 });
		break;
	case 1:
		if (generation(s->hb) < 2)
			return;
		certs_write_key(s->of_b[1].key, s->a); /* does not fit: the old one stays */
		scene_crl(s, "x.pem", s->inter, (struct crl_spec) { .number = 2 });
		break;
	case 2:
		if (generation(s->hb) < 3)
			return;
		break;
	case 3:
		if (++w->waits < 10) /* and is not tried again and again */
			return;
		assert_true(generation(s->hb) <= 4);
		w->before = generation(s->hb);
		certs_write_key(s->of_b[1].key, s->c);
		certs_write(certs_path(s->trust, "more.pem"), s->c, NULL);
		break;
	default:
		if (generation(s->hb) == w->before)
			return;
		loop_stop(w->loop);
	}
	w->step++;
}

static void
changed_files_make_new_generations(void **state)
{
	struct tls_scene *s = *state;
	struct watch w = { .s = s };
	struct offload *o;
	struct tls *t;
	struct err e;

	assert_true(loop_new(&w.loop, &e) && offload_new(&o, 1, &e) && offload_start(o, &e));
	w.timer = loop_timer_new(w.loop, on_look, &w);
	loop_timer_set_ms(w.timer, 1);
	tls_holder_watch(s->hb, w.loop, o, 10);
	loop_run(w.loop);
	t = tls_holder_get(s->hb);
	assert_string_equal(chain_subject(tls_identity_chain(tls_identity(t, "c.test"))),
	    "CN=c.test");
	tls_unref(&t);
	tls_holder_unwatch(s->hb);
	offload_free(&o);
	loop_drain(w.loop);
	loop_timer_free(&w.timer);
	loop_free(&w.loop);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(identities_by_domain),
		TEST(the_host_has_an_identity),
		TEST(bad_files_keep_it_from_coming_up),
		TEST(a_peer_starts_as_refused),
		TEST(a_peer_has_names),
		TEST(a_peer_names_a_host),
		TEST(live_peers_age),
		TEST(nor_outlive_the_crl),
		TEST(a_removed_ca_is_no_longer_believed),
		TEST(a_missing_crl_is_asked_for),
		TEST(changed_files_make_new_generations),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
