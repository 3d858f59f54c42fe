/* signin — signing in on one connection; see signin.h. */
#include "common/auth/signin.h"

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/auth/guess.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"
#include "common/net/conn.h"
#include "common/share/share.h"

LIST_HEAD(signins, signin);
STAILQ_HEAD(plain_checks, plain_check);

/* One message of PLAIN.  Its signin may end meanwhile. */
struct plain_check {
	struct offload_job job;
	STAILQ_ENTRY(plain_check) link; /* while it waits */
	struct signin_desk *desk;
	struct signin *signin; /* NULL: it has ended */
	struct auth_plain *plain;
	struct guess guess;
	uint64_t request;
	bool good;
	struct err why; /* else */
};

struct signin_desk {
	struct loop *loop;
	struct accounts *accounts;
	struct share *share;
	struct offload *offload;
	struct auth *auth;
	struct plain_checks waiting;
	size_t n_waiting;
	bool checking;
	struct signins sessions; /* that have signed in */
};

struct signin {
	LIST_ENTRY(signin) link; /* while signed in */
	struct signin_desk *desk;
	struct auth_server *server; /* NULL: no exchange under way */
	struct loop_timer *penalty;
	struct conn *conn;
	const char *name;
	bool bound; /* to the connection, by these octets */
	unsigned char binding[AUTH_BINDING_BYTES];
	struct plain_check *check; /* NULL: no password is being checked */
	unsigned failures;
	/* once signed in */
	char owner[ACCOUNTS_OWNER_BYTES], user[ACCOUNTS_ADDRESS_BYTES];
	unsigned char stored[AUTH_KEY_BYTES]; /* of the password that was given */
	struct share_hold place;              /* among the sessions of the user */
	uint64_t refused;                     /* the request whose refusal is held back */
	struct err why;                       /* ... and its reason */
	signin_late_fn *late;
	void *arg;
};

/* -- the desk --------------------------------------------------------------------------------- */

struct signin_desk *
signin_desk_new(struct loop *l, struct accounts *a, struct share *sh, struct offload *o)
{
	struct signin_desk *d = memory_new(sizeof *d);

	d->loop = l;
	d->accounts = a;
	d->share = sh;
	d->offload = o;
	STAILQ_INIT(&d->waiting);
	d->auth = auth_new(&accounts_auth_ops, a);
	LIST_INIT(&d->sessions);
	return d;
}

void
signin_desk_free(struct signin_desk **d)
{
	if (*d == NULL)
		return;
	auth_free(&(*d)->auth);
	free(*d);
	*d = NULL;
}

static void
end_session(struct signin *s, enum refusal why)
{
	struct err e;

	err_word(&e, why);
	log_fact_of(span_str(s->user), LOG_INFO, "signin.ended",
	    "protocol=%s sid=%llx user=%s word=%s", s->name, (unsigned long long)conn_id(s->conn),
	    log_str(s->user), refusal_word(why));
	conn_drop(s->conn, &e);
}

void
signin_desk_review(struct signin_desk *d)
{
	struct accounts_set *set = accounts_set_get(d->accounts);
	struct signin *s;

	LIST_FOREACH (s, &d->sessions, link) {
		const struct account *a = accounts_of_owner(set, s->owner);

		if (a == NULL)
			end_session(s, REFUSAL_no_such_user);
		else if (CRYPTO_memcmp(a->keys.stored, s->stored, sizeof s->stored) != 0)
			end_session(s, REFUSAL_auth_failed);
	}
	accounts_set_put(&set);
}

/* -- one connection --------------------------------------------------------------------------- */

static void
penalty_over(void *arg)
{
	struct signin *s = arg;
	char key[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(s->conn, key), LOG_WARN, "signin.refused",
	    "protocol=%s sid=%llx peer=%s word=%s", s->name, (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host, refusal_word(s->why.why));
	if (s->late(s->arg, s->refused, &s->why))
		conn_kick(s->conn);
}

void
signin_new_any(struct signin **out, struct signin_desk *d, struct conn *c, const char *name,
    signin_late_fn *late, void *arg)
{
	struct signin *s = memory_new(sizeof *s);

	s->bound = conn_exporter(c, s->binding);
	s->desk = d;
	s->conn = c;
	s->name = name;
	s->late = late;
	s->arg = arg;
	s->penalty = loop_timer_new(d->loop, penalty_over, s);
	*out = s;
}

bool
signin_new(struct signin **out, struct signin_desk *d, struct conn *c, const char *name,
    signin_late_fn *late, void *arg, struct err *e)
{
	signin_new_any(out, d, c, name, late, arg);
	if ((*out)->bound)
		return true;
	signin_free(out);
	return err_set(e, REFUSAL_internal, "TLS gives no channel binding");
}

bool
signin_is_bound(const struct signin *s)
{
	return s->bound;
}

void
signin_free(struct signin **s)
{
	if (*s == NULL)
		return;
	if ((*s)->owner[0] != '\0')
		LIST_REMOVE(*s, link);
	if ((*s)->check != NULL)
		(*s)->check->signin = NULL;
	share_release((*s)->desk->share, &(*s)->place, 1, loop_now_ms((*s)->desk->loop));
	auth_server_free(&(*s)->server);
	loop_timer_free(&(*s)->penalty);
	free(*s);
	*s = NULL;
}

static bool
fail(struct signin *s, uint64_t request)
{
	s->refused = request;
	auth_server_free(&s->server);
	loop_timer_set_ms(s->penalty, auth_penalty_ms(++s->failures));
	return false;
}

/* False: the user has as many sessions as one may have. */
static bool
take_place(struct signin *s, const char *owner)
{
	struct signin_desk *d = s->desk;

	return !RULE(too_many_connections) ||
	    share_hold(d->share, &s->place, SHARE_sessions_user, accounts_owner_address(owner), 1,
		loop_now_ms(d->loop), &s->why);
}

/* The engine takes no AUTH after this one. */
static void
done(struct signin *s, const char *owner, const struct auth_keys *keys)
{
	snprintf(s->owner, sizeof s->owner, "%s", owner);
	span_copy(accounts_owner_address(s->owner), s->user, sizeof s->user);
	memcpy(s->stored, keys->stored, sizeof s->stored);
	auth_server_free(&s->server);
	LIST_INSERT_HEAD(&s->desk->sessions, s, link);
	log_fact_of(span_str(s->user), LOG_INFO, "signin.user",
	    "protocol=%s sid=%llx peer=%s user=%s", s->name, (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host, log_str(s->user));
}

/* One step.  A check of a password counts as a guess until it has proved right. */
static enum auth_result
step(struct signin *s, struct span message, struct buf *out)
{
	bool proves = auth_server_proves(s->server);
	struct signin_desk *d = s->desk;
	enum auth_result r;
	struct guess g;

	if (proves &&
	    !guess_take(&g, d->share, auth_server_named(s->server),
		(const struct sockaddr *)&conn_peer(s->conn)->address, loop_now_ms(d->loop),
		&s->why))
		return AUTH_FAILED;
	r = auth_server_step(s->server, message, out, &s->why);
	if (proves && r == AUTH_DONE)
		guess_give(&g, d->share, loop_now_ms(d->loop));
	return r;
}

bool
signin_step(struct signin *s, struct span mechanism, struct span message, uint64_t request,
    struct buf *out, bool *signed_in)
{
	enum auth_result r;

	if (mechanism.n > 0) {
		auth_server_free(&s->server);
		if (!auth_server_new(s->desk->auth, mechanism,
			span_of(s->binding, s->bound ? sizeof s->binding : 0), &s->server, &s->why))
			return fail(s, request);
	}
	if (s->server == NULL) {
		err_set(&s->why, REFUSAL_bad_sequence, "no exchange is under way");
		return fail(s, request);
	}
	r = step(s, message, out);
	if (r == AUTH_FAILED || (r == AUTH_DONE && !take_place(s, auth_server_user(s->server))))
		return fail(s, request);
	if ((*signed_in = r == AUTH_DONE))
		done(s, auth_server_user(s->server), auth_server_keys(s->server));
	return true;
}

/* -- PLAIN ------------------------------------------------------------------------------------- */

static void
check_free(struct plain_check **k)
{
	if ((*k)->signin != NULL)
		(*k)->signin->check = NULL;
	auth_plain_free(&(*k)->plain);
	free(*k);
	*k = NULL;
}

/* On a thread of the pool. */
static void
check(void *arg)
{
	struct plain_check *k = arg;

	k->good = auth_plain_check(k->plain, &k->why);
}

/* The user may have been removed, or got another password, while the password was checked; signin_desk_review
 * sees only sessions that have signed in. */
static bool
is_still(struct signin *s, const struct auth_plain *p)
{
	struct accounts_set *set = accounts_set_get(s->desk->accounts);
	const struct account *a = accounts_of_owner(set, auth_plain_user(p));
	bool still = a != NULL &&
	    CRYPTO_memcmp(a->keys.stored, auth_plain_keys(p)->stored, sizeof a->keys.stored) == 0;

	accounts_set_put(&set);
	return still || err_word(&s->why, REFUSAL_auth_failed);
}

static void
conclude(struct signin *s, const struct plain_check *k)
{
	s->why = k->why;
	if (!k->good || !is_still(s, k->plain) || !take_place(s, auth_plain_user(k->plain))) {
		(void)fail(s, k->request);
		return;
	}
	done(s, auth_plain_user(k->plain), auth_plain_keys(k->plain));
	if (s->late(s->arg, k->request, NULL))
		conn_kick(s->conn);
}

static void
end_check(struct plain_check *k)
{
	struct signin *s = k->signin;

	if (s != NULL) {
		s->check = NULL;
		k->signin = NULL;
		conclude(s, k);
	}
	check_free(&k);
}

static void check_next(struct signin_desk *d);

static void
checked(void *arg)
{
	struct plain_check *k = arg;
	struct signin_desk *d = k->desk;

	d->checking = false;
	if (k->good)
		guess_give(&k->guess, d->share, loop_now_ms(d->loop));
	end_check(k);
	check_next(d);
}

/* A check whose connection has ended is not made; its tokens stay taken, as for a wrong password. */
static void
check_next(struct signin_desk *d)
{
	struct plain_check *k;

	while (!d->checking && (k = STAILQ_FIRST(&d->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&d->waiting, link);
		d->n_waiting--;
		k->job = (struct offload_job) { NULL, d->loop, check, checked, k };
		d->checking = k->signin != NULL && offload_take(d->offload, &k->job);
		if (!d->checking)
			end_check(k);
	}
}

/* False: *why is set. */
static bool
begin_check(struct signin *s, struct span message, uint64_t request, struct err *why)
{
	struct signin_desk *d = s->desk;
	struct plain_check *k;
	struct auth_plain *p;
	struct guess g;

	if (RULE(too_many_outstanding) && d->n_waiting >= SIGNIN_WAITING_MAX)
		return err_word(why, REFUSAL_too_many_outstanding);
	if (!auth_plain_new(d->auth, message, &p, why))
		return false;
	if (!guess_take(&g, d->share, auth_plain_named(p),
		(const struct sockaddr *)&conn_peer(s->conn)->address, loop_now_ms(d->loop), why)) {
		auth_plain_free(&p);
		return false;
	}
	k = s->check = memory_new(sizeof *k);
	*k = (struct plain_check) { .desk = d,
		.signin = s,
		.plain = p,
		.guess = g,
		.request = request };
	(void)err_word(&k->why, REFUSAL_closing); /* unless the check is made */
	STAILQ_INSERT_TAIL(&d->waiting, k, link);
	d->n_waiting++;
	return true;
}

void
signin_plain(struct signin *s, struct span message, uint64_t request)
{
	auth_server_free(&s->server);
	if (begin_check(s, message, request, &s->why))
		check_next(s->desk);
	else
		(void)fail(s, request);
}

const char *
signin_user(const struct signin *s)
{
	return s->user;
}

const char *
signin_owner(const struct signin *s)
{
	return s->owner;
}

void
signin_log_refused(const struct signin *s, const char *event, const char *to, const struct err *e)
{
	char key[SHARE_KEY_ADDRESS_BYTES];

	log_fact_of(conn_peer_key(s->conn, key), LOG_WARN, event,
	    "sid=%llx peer=%s user=%s%s%s word=%s text=%s", (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn)->host, log_str(s->user[0] != '\0' ? s->user : "-"),
	    to != NULL ? " to=" : "", to != NULL ? log_str(to) : "", refusal_word(e->why),
	    log_str(e->text));
}
