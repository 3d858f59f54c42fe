/* signin — signing in over real connections, with a channel binding and without; PLAIN, whose password is checked by
 * other threads.
 *
 * The server's requests are lines: PLAIN message, AUTH mechanism message, STEP message.  It greets with "bound" or
 * "loose", and answers 235 and the user, 334 and a message, or 535 and the word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/auth/guess.h"
#include "common/auth/signin.h"
#include "common/base/base64.h"
#include "common/base/memory.h"
#include "common/loop/offload.h"
#include "common/net/listen.h"
#include "common/share/share.h"
#include "tests/unit/conn_scene.h"

struct scene {
	struct tls_scene tls;
	char accounts_file[128];
	struct accounts *accounts;
	struct share *share;
	struct offload *offload;
	struct workers *workers;
	struct listen *listen;
	struct signin_desk *desk;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	unsigned plains, gones, held;
	bool hold; /* the only thread of the pool waits */
};

struct session {
	struct engine engine; /* first */
	struct scene *scene;
	struct conn *conn;
	struct signin *signin;
	uint64_t request;
};

static void
count(struct scene *x, unsigned *n)
{
	pthread_mutex_lock(&x->lock);
	++*n;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
}

/* At most 20 s. */
static void
await(struct scene *x, const unsigned *n, unsigned wanted)
{
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 20;
	pthread_mutex_lock(&x->lock);
	while (*n < wanted && r == 0)
		r = pthread_cond_timedwait(&x->changed, &x->lock, &t);
	pthread_mutex_unlock(&x->lock);
	assert_int_equal(r, 0);
}

/* -- the server --------------------------------------------------------------------------------- */

static bool
late(void *arg, uint64_t request, const struct err *e)
{
	struct session *s = arg;

	if (!s->engine.owing || request != s->request)
		abort();
	s->engine.owing = false;
	if (e == NULL)
		buf_addf(&s->engine.out, "235 %s\n", signin_user(s->signin));
	else
		buf_addf(&s->engine.out, "535 %s\n", refusal_word(e->why));
	return true;
}

static void
take_step(struct session *s, struct span mechanism, struct span message)
{
	struct buf out = BUF_INIT;
	bool signed_in = false;

	if (signin_step(s->signin, mechanism, message, s->request, &out, &signed_in)) {
		s->engine.owing = false;
		buf_addf(&s->engine.out, signed_in ? "235 %s %.*s\n" : "334 %s%.*s\n",
		    signed_in ? signin_user(s->signin) : "", SPAN_FMT(buf_span(&out)));
	}
	buf_clear(&out);
}

static size_t
feed(struct engine *e, struct span in)
{
	struct session *s = (struct session *)e;
	struct span rest = in, line, verb;

	if (e->closing)
		return in.n;
	if (e->owing || !span_has(in, '\n'))
		return 0;
	line = span_cut(&rest, '\n');
	verb = span_cut(&line, ' ');
	e->owing = true;
	s->request++;
	if (span_eq(verb, SPAN_LIT("PLAIN"))) {
		signin_plain(s->signin, line, s->request);
		count(s->scene, &s->scene->plains);
	} else if (span_eq(verb, SPAN_LIT("AUTH"))) {
		struct span mechanism = span_cut(&line, ' ');

		take_step(s, mechanism, line);
	} else {
		take_step(s, SPAN_LIT(""), line);
	}
	return in.n - rest.n;
}

static void
up(struct conn *c, void *role)
{
	struct session *s = role;
	struct signin *strict = NULL;
	bool bound;
	struct err e;

	s->conn = c;
	s->engine.feed = feed;
	signin_new_any(&s->signin, s->scene->desk, c, "test", late, s);
	bound = signin_is_bound(s->signin);
	if (signin_new(&strict, s->scene->desk, c, "test", late, s, &e) != bound ||
	    (strict != NULL) != bound)
		abort();
	signin_free(&strict);
	buf_addf(&s->engine.out, bound ? "bound\n" : "loose\n");
	conn_set_engine(c, &s->engine);
}

static void
gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;

	(void)c;
	(void)why;
	signin_free(&s->signin);
	engine_clear(&s->engine);
	count(s->scene, &s->scene->gones);
	free(s);
}

static const struct conn_events events = { .up = up, .forget_conn = gone };

static void
accepted(void *arg, unsigned worker, struct listen_incoming *in)
{
	struct scene *x = arg;
	struct session *s = memory_new(sizeof *s);

	s->scene = x;
	conn_accept(workers_loop(x->workers, worker), in, x->tls.hb, TLS_SUBMISSIONS, NULL, &events,
	    s);
}

/* -- the scene ---------------------------------------------------------------------------------- */

static void
user_add(struct scene *x, const char *address, bool again)
{
	struct accounts_edit *edit = NULL;
	struct auth_keys keys;
	struct err e;

	assert_true(auth_keys_make(&keys, again ? SPAN_LIT("new") : SPAN_LIT("pencils"), &e));
	assert_true(accounts_edit_new(x->accounts_file, (gid_t)-1, &edit, &e));
	assert_true(again ? accounts_edit_keys(edit, span_str(address), &keys, &e)
			  : accounts_edit_add(edit, span_str(address), &keys, 0, &e));
	assert_true(accounts_edit_commit(edit, &e));
	accounts_edit_free(&edit);
}

static int
scene_up(void **state)
{
	struct scene *x = memory_new(sizeof *x);
	struct err e;

	scene_open(&x->tls);
	scene_hosts(&x->tls);
	snprintf(x->accounts_file, sizeof x->accounts_file, "%s/accounts", x->tls.folder);
	user_add(x, "alice@b.test", false);
	user_add(x, "bob@b.test", false);
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->changed, NULL);
	x->share = share_new();
	if (!accounts_new(x->accounts_file, &x->accounts, &e) || !workers_new(&x->workers, 1, &e) ||
	    !offload_new(&x->offload, 1, &e) || !offload_start(x->offload, &e) ||
	    !listen_new(&x->listen, NULL, &e) ||
	    !listen_open(x->listen, "127.0.0.1:0", 0, accepted, x, &e))
		return -1;
	x->desk = signin_desk_new(workers_loop(x->workers, 0), x->accounts, x->share, x->offload);
	*state = x;
	return workers_start(x->workers, &e) && listen_start(x->listen, x->workers, &e) ? 0 : -1;
}

/* In the order of the daemons (common/daemon/daemon.c). */
static int
scene_down(void **state)
{
	struct scene *x = *state;
	struct loop *l = workers_loop(x->workers, 0);

	listen_stop(x->listen);
	workers_stop(x->workers);
	offload_stop(x->offload);
	loop_drain(l);
	conn_drop_all(l, NULL);
	loop_drain(l);
	signin_desk_free(&x->desk);
	loop_drain(l);
	offload_free(&x->offload);
	workers_free(&x->workers);
	listen_free(&x->listen);
	accounts_free(&x->accounts);
	share_free(&x->share);
	scene_close(&x->tls);
	pthread_cond_destroy(&x->changed);
	pthread_mutex_destroy(&x->lock);
	free(x);
	return 0;
}

/* The pool does nothing until it is let go. */
static void
held(void *arg)
{
	struct scene *x = arg;

	count(x, &x->held);
	pthread_mutex_lock(&x->lock);
	while (x->hold)
		pthread_cond_wait(&x->changed, &x->lock);
	pthread_mutex_unlock(&x->lock);
}

static void
pool_hold(struct scene *x)
{
	struct err e;

	x->hold = true;
	x->held = 0;
	assert_true(offload_run(x->offload, NULL, held, NULL, x, &e));
	await(x, &x->held, 1);
}

static void
pool_let_go(struct scene *x)
{
	pthread_mutex_lock(&x->lock);
	x->hold = false;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
}

/* -- the client --------------------------------------------------------------------------------- */

static void
comes(struct scene *x, struct raw *r, int version)
{
	char line[64];

	*r = (struct raw) { .version = version };
	raw_open(r, listen_port(x->listen, 0));
	assert_true(r->shaken);
	raw_hear(r, line, sizeof line);
	assert_string_equal(line, version == TLS1_2_VERSION ? "loose\n" : "bound\n");
}

static void
says_plain(struct raw *r, const char *user, const char *password)
{
	struct buf raw = BUF_INIT, line = BUF_INIT;

	buf_add(&raw, "", 1);
	buf_addf(&raw, "%s", user);
	buf_add(&raw, "", 1);
	buf_addf(&raw, "%s", password);
	buf_addf(&line, "PLAIN ");
	base64_add(&line, raw.data, raw.len);
	buf_addf(&line, "\n");
	buf_add(&line, "", 1);
	raw_say(r, line.data);
	buf_clear(&raw);
	buf_clear(&line);
}

static void
hears(struct raw *r, const char *wanted)
{
	char line[512];

	raw_hear(r, line, sizeof line);
	assert_string_equal(line, wanted);
}

/* One whole session of PLAIN. */
static void
plain(struct scene *x, const char *user, const char *password, const char *wanted)
{
	struct raw r;

	comes(x, &r, 0);
	says_plain(&r, user, password);
	hears(&r, wanted);
	raw_close(&r, true);
}

/* One whole session of SCRAM. */
static void
scram(struct scene *x, int version, const char *wanted)
{
	unsigned char octets[AUTH_BINDING_BYTES];
	struct auth_client *c = NULL;
	struct buf out = BUF_INIT, line = BUF_INIT;
	struct err e;
	struct raw r;
	char heard[1024];
	bool plus = version != TLS1_2_VERSION;

	comes(x, &r, version);
	if (plus)
		assert_int_equal(SSL_export_keying_material(r.ssl, octets, sizeof octets,
				     "EXPORTER-Channel-Binding", 24, NULL, 0, 0),
		    1);
	assert_true(auth_client_new(SPAN_LIT("alice@b.test"), SPAN_LIT("pencils"),
	    span_of((char *)octets, plus ? sizeof octets : 0), NULL, &c, &e));
	assert_int_equal(auth_client_step(c, SPAN_LIT(""), &out, &e), AUTH_MORE);
	buf_addf(&line, "AUTH %s ", auth_client_mechanism(c));
	do {
		buf_addf(&line, "%.*s\n", SPAN_FMT(buf_span(&out)));
		buf_add(&line, "", 1);
		raw_say(&r, line.data);
		raw_hear(&r, heard, sizeof heard);
		buf_reset(&out);
		buf_reset(&line);
		buf_addf(&line, "STEP ");
		heard[strcspn(heard, "\n")] = '\0';
	} while (strncmp(heard, "334 ", 4) == 0 &&
	    auth_client_step(c, span_str(heard + 4), &out, &e) != AUTH_FAILED);
	heard[strlen(wanted)] = '\0';
	assert_string_equal(heard, wanted);
	buf_clear(&out);
	buf_clear(&line);
	auth_client_free(&c);
	raw_close(&r, true);
}

/* -- the tests ---------------------------------------------------------------------------------- */

static void
binding_or_none(void **state)
{
	struct raw r;

	scram(*state, 0, "235 alice@b.test");
	scram(*state, TLS1_2_VERSION, "235 alice@b.test");
	comes(*state, &r, TLS1_2_VERSION);
	raw_say(&r, "AUTH SCRAM-SHA-256-PLUS biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\n");
	hears(&r, "535 auth-mechanism\n");
	raw_close(&r, true);
}

static void
by_password(void **state)
{
	struct scene *x = *state;

	plain(x, "alice@b.test", "pencils", "235 alice@b.test\n");
	plain(x, "Alice@B.test", "pencils", "235 alice@b.test\n");
	plain(x, "alice@b.test", "pens", "535 auth-failed\n");
	plain(x, "nobody@b.test", "pencils", "535 auth-failed\n");
}

/* More of them than an account has tokens. */
static void
a_right_password_costs_nothing(void **state)
{
	for (int i = 0; i < 15; i++)
		plain(*state, "alice@b.test", "pencils", "235 alice@b.test\n");
}

static void
a_client_that_leaves_holds_up_nobody(void **state)
{
	struct scene *x = *state;
	struct raw first, second;
	unsigned plains, gones;

	pool_hold(x);
	comes(x, &first, 0);
	comes(x, &second, 0);
	pthread_mutex_lock(&x->lock);
	plains = x->plains;
	gones = x->gones;
	pthread_mutex_unlock(&x->lock);
	says_plain(&first, "alice@b.test", "pencils"); /* the pool has it */
	await(x, &x->plains, plains + 1);
	says_plain(&second, "alice@b.test", "pencils"); /* waits */
	await(x, &x->plains, plains + 2);
	/* In order, the server would wait for the answer. */
	raw_close(&first, false);
	raw_close(&second, false);
	await(x, &x->gones, gones + 2);
	pool_let_go(x);
	plain(x, "alice@b.test", "pencils", "235 alice@b.test\n");
}

static void
so_many_wait_and_no_more(void **state)
{
	static const struct share_limits ample = { 200, 128, 20, 10000 };
	static struct raw r[SIGNIN_WAITING_MAX + 2]; /* the pool has the first */
	struct scene *x = *state;

	share_limit(x->share, &ample);
	pool_hold(x);
	for (unsigned i = 0; i < SIGNIN_WAITING_MAX + 2; i++) {
		comes(x, &r[i], 0);
		says_plain(&r[i], "alice@b.test", "pencils");
		await(x, &x->plains, i + 1);
	}
	pool_let_go(x); /* the last was refused by then: whoever waits hears the end of a check */
	hears(&r[SIGNIN_WAITING_MAX + 1], "535 too-many-outstanding\n");
	for (unsigned i = 0; i < SIGNIN_WAITING_MAX + 1; i++)
		hears(&r[i], "235 alice@b.test\n");
	for (unsigned i = 0; i < SIGNIN_WAITING_MAX + 2; i++)
		raw_close(&r[i], true);
}

static void
another_password_meanwhile(void **state)
{
	struct scene *x = *state;
	unsigned plains;
	struct raw r;
	struct err e;

	pool_hold(x);
	comes(x, &r, 0);
	pthread_mutex_lock(&x->lock);
	plains = x->plains;
	pthread_mutex_unlock(&x->lock);
	says_plain(&r, "bob@b.test", "pencils");
	await(x, &x->plains, plains + 1);
	user_add(x, "bob@b.test", true);
	assert_true(accounts_refresh(x->accounts, &e));
	pool_let_go(x);
	hears(&r, "535 auth-failed\n");
	raw_close(&r, true);
	plain(x, "bob@b.test", "new", "235 bob@b.test\n");
}

/* An address that has none left is not asked for its password. */
static void
the_budget_holds(void **state)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct scene *x = *state;
	struct guess g;
	struct err e;

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while (guess_take(&g, x->share, SPAN_LIT("alice@b.test"), (struct sockaddr *)&here,
	    clock_mono_ms(), &e))
		;
	plain(x, "alice@b.test", "pencils", "535 password-share\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binding_or_none),
		cmocka_unit_test(by_password),
		cmocka_unit_test(a_right_password_costs_nothing),
		cmocka_unit_test(a_client_that_leaves_holds_up_nobody),
		cmocka_unit_test(another_password_meanwhile),
		cmocka_unit_test_setup_teardown(so_many_wait_and_no_more, scene_up, scene_down),
		cmocka_unit_test(the_budget_holds),
	};

	return cmocka_run_group_tests_name("signin", tests, scene_up, scene_down);
}
