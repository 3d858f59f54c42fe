/* load_letters — users' programs that give letters to an oms, each the next after its 250. */
#include "tests/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "proto/submit_client.h"

#define RETRY_MS     100
#define IDLE_AT_ONCE 32 /* signing in */

struct letter {
	char token[ULID_STR_BYTES]; /* "" : free */
	long turn;                  /* whose it is */
	bool open;                  /* sent on the present connection */
	int64_t sent_us;
	unsigned char digest[DIGEST_BYTES];
};

struct sender {
	struct submit_client client;
	struct load *load;
	struct letters *all;
	struct conn *conn;
	struct auth_client *auth;
	struct loop_timer *timer;
	long taken; /* letters of that user */
	char address[ADDRESS_STR_BYTES];
	struct buf body; /* of --size, of that user; the token is at `at` */
	size_t at;
	bool up, signed_in;
	bool idle, counted; /* sends nothing; has signed in once, or failed to */
	struct letter letters[LOAD_WINDOW_MAX];
};

struct letters {
	struct load *load;
	char password[LOAD_PASSWORD_BYTES];
	struct auth_cache cache;
	long users;             /* that have had a connection */
	struct sender *senders; /* the idle ones after the others */
	long busy;              /* connections that have letters to send */
	long idle, idle_begun, idle_counted, busy_counted;
	bool sending; /* all of them are counted */
};

/* -- letters ------------------------------------------------------------------------------------ */

static void
make_body(struct sender *s)
{
	const struct load_options *o = &s->load->o;
	struct buf *b = &s->body;
	size_t size = (size_t)o->size, line;

	buf_reset(b);
	buf_addf(b, "From: <%s>\r\nTo: <%s>\r\nSubject: load ",
	    o->header != NULL ? o->header : s->address, o->recipient);
	s->at = b->len;
	buf_addf(b, "%026d\r\n\r\n", 0);
	while (b->len + 2 < size) {
		line = size - b->len - 2 < 76 ? size - b->len - 2 : 76;
		if (size - b->len - 2 - line < 3) /* what would be left is no line */
			line = size - b->len - 2;
		memset(buf_room(b, line), 'x', line);
		b->len += line;
		buf_add(b, "\r\n", 2);
	}
}

static void
new_letter(struct load *load, struct letter *l)
{
	struct ulid id;
	unsigned char random[10];

	random_bytes(random, sizeof random);
	ulid_make(&id, clock_wall_ms(), random);
	ulid_str(&id, l->token);
	l->turn = load_turn(load);
}

static bool
give(struct sender *s, struct letter *l)
{
	const struct load_options *o = &s->load->o;
	char recipient[ADDRESS_STR_BYTES];
	const char *const to[] = { recipient };
	struct submit_draft d = { o->envelope != NULL ? o->envelope : s->address, to, 1, 0,
		l->token, s->body.len };
	struct err e;

	load_numbered(o->recipient, l->turn, recipient);
	memcpy(s->body.data + s->at, l->token, ULID_DIGITS);
	if (s->load->journal >= 0)
		digest_sha256(buf_span(&s->body), l->digest);
	l->sent_us = load_now_us();
	l->open = submit_client_send(&s->client, &d, buf_span(&s->body), l, &e);
	if (!l->open)
		load_refused(s->load, &e);
	return l->open;
}

static bool
is_open(const struct sender *s)
{
	for (long i = 0; i < s->load->o.window; i++)
		if (s->letters[i].open)
			return true;
	return false;
}

static bool
is_used_up(const struct sender *s)
{
	return s->load->o.per_user > 0 && s->taken >= s->load->o.per_user;
}

static bool
take_letter(struct sender *s)
{
	if (is_used_up(s) || !load_take(s->load))
		return false;
	s->taken++;
	return true;
}

static void
fill(struct sender *s)
{
	bool some = false;

	if (!s->signed_in || s->conn == NULL || s->idle || !s->all->sending)
		return;
	for (long i = 0; i < s->load->o.window && submit_client_may_send(&s->client); i++) {
		struct letter *l = &s->letters[i];

		if (l->open)
			continue;
		if (l->token[0] == '\0' && take_letter(s))
			new_letter(s->load, l);
		if (l->token[0] != '\0')
			some = give(s, l) || some;
	}
	if (some)
		conn_kick(s->conn);
	else if (!is_open(s))
		conn_close(s->conn);
}

static void
answered(struct sender *s, struct letter *l, const struct ulid *id, const struct err *e)
{
	char recipient[ADDRESS_STR_BYTES];

	l->open = false;
	if (e == NULL) {
		load_numbered(s->load->o.recipient, l->turn, recipient);
		load_acked(s->load, l->sent_us, id, l->digest, recipient);
	} else if (e->why == s->load->expected) {
		load_answered(s->load, l->sent_us);
	} else if (s->load->o.again && refusal_temporary(e->why)) {
		return;
	} else {
		load_refused(s->load, e);
	}
	l->token[0] = '\0';
}

static void
on_taken(void *role, void *arg, const struct ulid *id, const struct err *e)
{
	struct sender *s = role;
	struct letter *l = NULL;

	(void)arg; /* answers come in the order of the letters */
	for (long i = 0; i < s->load->o.window; i++)
		if (s->letters[i].open && (l == NULL || s->letters[i].sent_us < l->sent_us))
			l = &s->letters[i];
	if (l == NULL)
		return;
	answered(s, l, id, e);
	if (s->load->o.pause_ms > 0)
		loop_timer_set_ms(s->timer, s->load->o.pause_ms);
	else
		fill(s);
}

/* -- who is there --------------------------------------------------------------------------------- */

static void
begin_some(struct letters *a, long from, long n)
{
	for (long i = from; i < from + n; i++)
		loop_timer_set_ms(a->senders[i].timer, 0);
}

/* As soon as one is signed in, or has failed, the next one begins; after the last one those that send. */
static void
count_idle(struct letters *a)
{
	if (a->idle_begun < a->idle)
		begin_some(a, a->load->o.connections + a->idle_begun++, 1);
	if (++a->idle_counted == a->idle)
		begin_some(a, 0, a->load->o.connections);
}

/* To sign in takes long, so the first letter waits for the last user. */
static void
count_busy(struct letters *a)
{
	if (++a->busy_counted < a->load->o.connections)
		return;
	a->sending = true;
	load_begin(a->load);
	for (long i = 0; i < a->load->o.connections; i++)
		fill(&a->senders[i]);
}

static void
count(struct sender *s)
{
	if (s->counted)
		return;
	s->counted = true;
	if (s->idle)
		count_idle(s->all);
	else
		count_busy(s->all);
}

static void
end_idle(struct letters *a)
{
	for (long i = 0; i < a->idle; i++) {
		struct sender *s = &a->senders[a->load->o.connections + i];

		if (s->conn != NULL)
			conn_close(s->conn);
	}
}

/* -- signing in ----------------------------------------------------------------------------------- */

static enum outcome
on_step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return load_step(((struct sender *)role)->auth, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	struct sender *s = role;

	auth_client_free(&s->auth);
	s->signed_in = e == NULL;
	if (e == NULL) {
		count(s);
		fill(s);
		return;
	}
	if (!s->load->o.again)
		load_refused(s->load, e);
	if (s->conn != NULL)
		conn_close(s->conn);
}

static void
on_lost(void *role, const struct err *e)
{
	struct sender *s = role;

	(void)e;
	s->signed_in = false;
}

static const struct submit_client_ops ops = {
	.sasl = { .step = on_step, .signed_in = on_signed_in },
	.taken = on_taken,
	.lost = on_lost,
};

/* -- users --------------------------------------------------------------------------------------- */

static void
become(struct sender *s, long user)
{
	s->taken = 0;
	load_numbered(s->load->o.user, user, s->address);
	if (!s->idle)
		make_body(s);
}

/* One that has had no connection yet. */
static bool
next_user(struct sender *s)
{
	const struct load_options *o = &s->load->o;
	struct err e;

	if (s->all->users >= o->users) {
		err_set(&e, REFUSAL_outbox_full, "each of %ld users has sent %ld letters", o->users,
		    o->per_user);
		load_refused(s->load, &e);
		return false;
	}
	become(s, ++s->all->users);
	return true;
}

/* -- the connection --------------------------------------------------------------------------------- */

static void
on_up(struct conn *c, void *role)
{
	struct sender *s = role;

	s->up = true;
	submit_client_init(&s->client, &ops, s);
	s->auth = load_sign_in(c, s->address, s->all->password, &s->all->cache);
	if (s->auth == NULL) {
		conn_close(c);
		return;
	}
	submit_client_auth(&s->client, auth_client_mechanism(s->auth));
	conn_set_engine(c, &s->client.sasl.client.engine);
}

static bool
has_letters(const struct sender *s)
{
	for (long i = 0; i < s->load->o.window; i++)
		if (s->letters[i].token[0] != '\0')
			return true;
	return false;
}

/* Does it connect again, and after how long? */
static bool
goes_on(struct sender *s, int64_t *after_ms)
{
	const struct load *l = s->load;
	bool has = has_letters(s), turn = is_used_up(s) && !has;

	*after_ms = turn ? 0 : RETRY_MS;
	if (s->idle || l->stopping || !(turn || l->o.again) ||
	    !(has || l->o.count == 0 || l->sent < (uint64_t)l->o.count))
		return false;
	return !turn || next_user(s);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct sender *s = role;
	struct load *l = s->load;
	struct err closed;
	int64_t after_ms;

	(void)c;
	s->conn = NULL;
	s->signed_in = false;
	err_set(&closed, REFUSAL_unreachable, "the server closed the connection");
	if (s->up) {
		client_lost(&s->client.sasl.client, why != NULL ? why : &closed);
		submit_client_clear(&s->client);
	}
	if (s->auth != NULL)
		auth_client_free(&s->auth);
	s->up = false;
	if (why != NULL) {
		l->broken++;
		if (!l->o.again)
			load_refused(l, why);
	}
	count(s);
	if (goes_on(s, &after_ms)) {
		loop_timer_set_ms(s->timer, after_ms);
		return;
	}
	loop_timer_cancel(s->timer);
	if (!s->idle && --s->all->busy == 0)
		end_idle(s->all);
	load_closed(l);
}

static const struct conn_events events = { .up = on_up, .forget_conn = on_gone };

/* Connects, or goes on after a pause. */
static void
on_timer(void *arg)
{
	struct sender *s = arg;

	if (s->conn == NULL)
		s->conn = load_connect(s->load, SUBMIT_ALPN, &events, s);
	else
		fill(s);
}

/* -- all of them ------------------------------------------------------------------------------------ */

void *
load_letters(struct load *l)
{
	struct letters *a = memory_new(sizeof *a);

	a->load = l;
	load_password(l, a->password);
	a->idle = l->o.idle;
	a->busy = l->o.connections;
	a->senders = memory_array((size_t)(a->busy + a->idle), sizeof *a->senders);
	l->open = (unsigned)(a->busy + a->idle);
	for (long i = 0; i < a->busy + a->idle; i++) {
		struct sender *s = &a->senders[i];

		s->load = l;
		s->all = a;
		s->idle = i >= a->busy;
		s->timer = loop_timer_new(l->loop, on_timer, s);
		become(s, i % l->o.users + 1); /* idle ones share theirs */
	}
	a->users = a->busy;
	a->idle_begun = a->idle < IDLE_AT_ONCE ? a->idle : IDLE_AT_ONCE;
	if (a->idle > 0)
		begin_some(a, a->busy, a->idle_begun);
	else
		begin_some(a, 0, a->busy);
	return a;
}

void
load_letters_free(void *all)
{
	struct letters *a = all;

	for (long i = 0; i < a->load->o.connections + a->idle; i++) {
		loop_timer_free(&a->senders[i].timer);
		buf_clear(&a->senders[i].body);
	}
	free(a->senders);
	free(a);
}
