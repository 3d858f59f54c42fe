/* kv_model — a small post office on the engine in memory, against what its clients were told, thousands of seeds.
 *
 * A user submits letters, each by a token: one operation on the user, which awaits the letter, which awaits its
 * disk.  User and disk have limits, so each may refuse.  Letters shrink and end, and tell user and disk.  Nodes
 * crash.  A failing seed is printed; TILLCALLED_SEED=N repeats it.  TILLCALLED_SIM_SECONDS=T tries new ones for so
 * long (make sim).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/store/kv_memory.h"
#include "tests/kv_scene.h"

#define SEEDS       2000
#define USERS       3
#define TOKENS      4
#define DISKS       2
#define NODES       3
#define LETTER_MAX  50
#define USER_LIMIT  120
#define DISK_LIMIT  150
#define REQUESTS    60
#define ROUNDS      900
#define ROUNDS_LATE 100 /* the last ones, without crashes and requests */

/* -- the store ----------------------------------------------------------------------------------------------- */

enum { P_USER, P_LETTER, P_DISK, P_AUDIT, P_KINDS };
enum { F_LETTER = 1, F_ON_DISK, F_OUTBOX, F_AUDIT };

static struct kv_part
user_part(unsigned kind, unsigned user)
{
	char name = (char)('a' + user);

	return kv_part_of(kind, span_of(&name, 1));
}

static struct kv_part
letter_part(unsigned user, unsigned token)
{
	char name[2] = { (char)('a' + user), (char)('0' + token) };

	return kv_part_of(P_LETTER, span_of(name, 2));
}

static struct kv_part
disk_part(const struct kv_part *letter)
{
	return user_part(P_DISK, letter->name[1] % DISKS);
}

static struct span
name_of(const struct kv_part *p)
{
	return span_of(p->name, p->n);
}

/* The row of a token: its first octet says which. */
static const char *
token_row(char row, char token)
{
	static _Thread_local char key[2][3];
	static _Thread_local unsigned turn;
	char *out = key[turn++ % 2];

	out[0] = row;
	out[1] = token;
	out[2] = 0;
	return out;
}

static void
emit(struct kv_txn *t, struct kv_part to, unsigned what, struct span name, uint64_t version,
    uint64_t value, bool awaited)
{
	char text[24];
	struct kv_fact f = { (unsigned char)what, name, { 0, version }, value == 0, { 0 } };

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	f.value = span_str(text);
	if (awaited)
		kv_emit_awaited(t, &to, &f);
	else
		kv_emit(t, &to, &f);
}

static uint64_t
count_up(struct kv_txn *t, const char *key)
{
	uint64_t n = scene_row(t, key, 0) + 1;

	scene_put(t, key, n);
	return n;
}

static void
del(struct kv_txn *t, const char *key)
{
	kv_del(t, span_str(key));
}

/* What the user submits is promised in the user's partition until the letter has decided. */
static bool
user_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	char token = (char)to->name[1];

	(void)why;
	(void)arg;
	(void)e;
	if (scene_row(t, token_row('v', token), 0) != fact->version.n)
		return true; /* it was taken back before */
	scene_put(t, "sum", scene_row(t, "sum", 0) - scene_row(t, token_row('t', token), 0));
	del(t, token_row('t', token));
	del(t, token_row('v', token));
	emit(t, *to, F_LETTER, SPAN_LIT("letter"), count_up(t, "n"), 0, false);
	return true;
}

/* What the letter takes, or that it is gone. */
static bool
user_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	char token = (char)from->name[1];
	uint64_t promised = scene_row(t, token_row('t', token), 0);
	uint64_t before = was != NULL ? scene_number(was->value) : promised;

	(void)arg;
	(void)e;
	if (promised == 0)
		return true;
	scene_put(t, "sum", scene_row(t, "sum", 0) - before + scene_number(now->value));
	if (now->gone) {
		del(t, token_row('t', token));
		del(t, token_row('v', token));
		scene_put(t, token_row('e', token), 1); /* the token is known as ended */
	}
	return true;
}

static bool
letter_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	const struct kv_part *here = kv_here(t);
	uint64_t size = scene_number(now->value);

	(void)from;
	(void)was;
	(void)arg;
	(void)e;
	if (now->gone) {
		del(t, "size");
		return true;
	}
	scene_put(t, "size", size);
	emit(t, disk_part(here), F_ON_DISK, name_of(here), count_up(t, "n"), size, true);
	return true;
}

static bool
letter_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	(void)to;
	(void)fact;
	(void)why;
	(void)arg;
	(void)e;
	del(t, "size");
	return true;
}

static bool
disk_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	uint64_t sum = scene_row(t, "sum", 0);

	(void)from;
	(void)arg;
	sum = sum - (was == NULL ? 0 : scene_number(was->value)) + scene_number(now->value);
	scene_put(t, "sum", sum);
	return sum <= DISK_LIMIT || err_word(e, REFUSAL_system_full);
}

/* Each came once, and in the order in which it was stated. */
static bool
audit_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	uint64_t n = scene_number(now->name);

	(void)from;
	(void)was;
	(void)arg;
	(void)e;
	if (n != scene_row(t, "last", 0) + 1)
		scene_put(t, "bad", n);
	scene_put(t, "last", n);
	return true;
}

static const struct kv_kind kinds[P_KINDS] = {
	[P_USER] = { "user", 1, user_receive, user_refused },
	[P_LETTER] = { "letter", 2, letter_receive, letter_refused },
	[P_DISK] = { "disk", 1, disk_receive, NULL },
	[P_AUDIT] = { "audit", 1, audit_receive, NULL },
};
static const struct kv_schema schema = { kinds, P_KINDS, NULL };

/* -- what clients ask for ---------------------------------------------------------------------------------------- */

enum ask { SUBMIT, SHRINK, END, ASKS };

struct request {
	struct kv_op op;
	struct kv_look look;
	struct play *play;
	struct request *next;
	enum ask ask;
	unsigned node, user, token;
	uint64_t size;
	bool looks; /* it is a read */
	bool answered;
	char key[8];  /* a read: of the row */
	bool expects; /* ... that the letter is there, or has ended */
	bool is_there;
	uint64_t seen;
};

/* What the clients of one letter know. */
struct known {
	uint64_t size;
	unsigned asked[ASKS], accepted[ASKS], refused[ASKS];
};

struct play {
	uint64_t seed, random;
	struct kv_memory *memory;
	struct kv *nodes[NODES];
	unsigned n_nodes, n_requests, answers;
	struct request *requests;
	struct known known[USERS][TOKENS];
	char fault[160];
};

static uint64_t
draw(struct play *p, uint64_t below)
{
	p->random = p->random * 6364136223846793005U + 1442695040888963407U;
	return (p->random >> 33) % below;
}

static bool
wrong(struct play *p, const char *what, unsigned user, unsigned token, uint64_t is,
    uint64_t expected)
{
	if (p->fault[0] == 0)
		snprintf(p->fault, sizeof p->fault, "%s of %c%c: %lld, not %lld", what, 'a' + user,
		    '0' + token, (long long)is, (long long)expected);
	return false;
}

static bool
submit(struct kv_txn *t, void *arg, struct err *e)
{
	struct request *r = arg;
	char token = (char)('0' + r->token), seq[24];
	uint64_t size = scene_row(t, token_row('t', token), 0);
	uint64_t version = scene_row(t, token_row('v', token), 0), sum = scene_row(t, "sum", 0);

	if (scene_row(t, token_row('e', token), 0) != 0)
		return true;
	if (size == 0) {
		size = r->size;
		if (sum + size > USER_LIMIT)
			return err_word(e, REFUSAL_outbox_full);
		version = count_up(t, "n");
		scene_put(t, token_row('t', token), size);
		scene_put(t, token_row('v', token), version);
		scene_put(t, "sum", sum + size);
		snprintf(seq, sizeof seq, "%llu", (unsigned long long)count_up(t, "seq"));
		emit(t, user_part(P_AUDIT, r->user), F_AUDIT, span_str(seq), 1, 1, false);
	}
	emit(t, letter_part(r->user, r->token), F_LETTER, SPAN_LIT("letter"), version, size, true);
	return true;
}

static bool
change(struct kv_txn *t, void *arg, struct err *e)
{
	struct request *r = arg;
	const struct kv_part *here = kv_here(t);
	uint64_t size = scene_row(t, "size", 0), n;

	(void)e;
	if (size == 0)
		return true; /* it has ended */
	size = r->ask == END ? 0 : (size + 1) / 2;
	n = count_up(t, "n");
	if (size == 0)
		del(t, "size");
	else
		scene_put(t, "size", size);
	emit(t, user_part(P_USER, r->user), F_OUTBOX, name_of(here), n, size, false);
	emit(t, disk_part(here), F_ON_DISK, name_of(here), n, size, false);
	return true;
}

static struct request *
add_request(struct play *p, unsigned node, unsigned user, unsigned token)
{
	struct request *r = memory_new(sizeof *r);

	r->play = p;
	r->node = node;
	r->user = user;
	r->token = token;
	r->next = p->requests;
	p->requests = r;
	return r;
}

static void
look(struct kv_txn *t, void *arg)
{
	struct request *r = arg;
	struct kv_fact f;

	if (kv_here(t)->kind == P_DISK && r->key[0] != 's') {
		struct kv_part letter = letter_part(r->user, r->token);

		r->seen = kv_get_fact(t, F_ON_DISK, name_of(&letter), &f) ? scene_number(f.value)
									  : 0;
	} else {
		r->seen = scene_row(t, r->key, 0);
	}
}

static void
looked(void *arg, const struct err *e)
{
	struct request *r = arg;
	struct known *k = &r->play->known[r->user][r->token];

	r->answered = true;
	if (e != NULL)
		wrong(r->play, "a read is refused", r->user, r->token, e->why, 0);
	else if (r->expects && r->is_there && k->asked[END] == 0 && r->seen == 0)
		wrong(r->play, "an accepted letter cannot be read", r->user, r->token, 0, 1);
	else if (r->expects && !r->is_there && r->seen != 0)
		wrong(r->play, "an ended letter is read", r->user, r->token, r->seen, 0);
}

static struct request *
ask_row(struct play *p, unsigned node, struct kv_part at, const char *key, unsigned user,
    unsigned token)
{
	struct request *r = add_request(p, node, user, token);

	r->looks = true;
	snprintf(r->key, sizeof r->key, "%s", key);
	r->look = (struct kv_look) { .part = at, .look = look, .done = looked, .arg = r };
	kv_read(p->nodes[node], &r->look);
	return r;
}

static void
answered(void *arg, const struct err *e)
{
	struct request *r = arg, *l;
	struct play *p = r->play;
	struct known *k = &p->known[r->user][r->token];
	struct kv_part letter = letter_part(r->user, r->token);

	r->answered = true;
	p->answers++;
	if (e != NULL)
		k->refused[r->ask]++;
	else
		k->accepted[r->ask]++;
	if (e != NULL || p->nodes[r->node] == NULL)
		return;
	l = ask_row(p, r->node, letter, "size", r->user, r->token);
	l->expects = true;
	l->is_there = r->ask != END;
	if (r->ask != SUBMIT)
		return;
	l = ask_row(p, r->node, disk_part(&letter), "f", r->user, r->token);
	l->expects = l->is_there = true;
}

static void
take_request(struct play *p, unsigned node)
{
	unsigned user = (unsigned)draw(p, USERS), token = (unsigned)draw(p, TOKENS);
	struct known *k = &p->known[user][token];
	struct request *r;
	struct err e;

	/* A letter is changed when it was accepted, and not submitted any more when its end was asked for. */
	if (k->asked[END] > 0 && k->accepted[END] > 0)
		return;
	r = add_request(p, node, user, token);
	r->ask = SUBMIT;
	if (k->asked[END] > 0)
		r->ask = END;
	else if (k->accepted[SUBMIT] > 0 && draw(p, 4) > 0)
		r->ask = draw(p, 3) > 0 ? SHRINK : END;
	if (k->size == 0)
		k->size = 1 + draw(p, LETTER_MAX);
	r->size = k->size;
	k->asked[r->ask]++;
	p->n_requests++;
	r->op = (struct kv_op) {
		.part = r->ask == SUBMIT ? user_part(P_USER, user) : letter_part(user, token),
		.apply = r->ask == SUBMIT ? submit : change,
		.done = answered,
		.arg = r,
		.octets = 100,
	};
	if (!kv_take(p->nodes[node], &r->op, &e))
		wrong(p, "an operation is not taken", user, token, e.why, 0);
}

static void
crash(struct play *p, unsigned node)
{
	struct request **at = &p->requests;

	kv_memory_crash(&p->nodes[node]);
	while (*at != NULL) {
		struct request *r = *at;

		if (r->node != node || r->answered) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		free(r);
	}
}

/* -- what must be true once all is quiet -------------------------------------------------------------------------- */

static uint64_t
see(struct play *p, struct kv_part at, const char *key, unsigned user, unsigned token)
{
	struct request *r = ask_row(p, 0, at, key, user, token);

	while (!r->answered && p->fault[0] == 0)
		if (!kv_memory_step(p->memory))
			wrong(p, "a read is not answered", user, token, 0, 0);
	return r->seen;
}

static bool
same(struct play *p, const char *what, unsigned user, unsigned token, uint64_t is,
    uint64_t expected)
{
	return is == expected || wrong(p, what, user, token, is, expected);
}

/* Adds the letter's size to *of_user and to its disk's. */
static void
check_letter(struct play *p, unsigned user, unsigned token, uint64_t *of_user, uint64_t *of_disk)
{
	const struct known *k = &p->known[user][token];
	struct kv_part letter = letter_part(user, token);
	uint64_t size = see(p, letter, "size", user, token);
	char row[3] = { 't', (char)('0' + token), 0 };

	if (k->accepted[SUBMIT] > 0 && k->asked[END] == 0 && size == 0)
		wrong(p, "an accepted letter is lost", user, token, 0, k->size);
	if (k->accepted[END] > 0 && size != 0)
		wrong(p, "an ended letter is there", user, token, size, 0);
	if (k->asked[SUBMIT] == k->refused[SUBMIT] && size != 0)
		wrong(p, "a refused letter is there", user, token, size, 0);
	if (size != 0 && k->asked[SHRINK] == 0)
		same(p, "the size", user, token, size, k->size);
	if (size != 0 && k->accepted[SHRINK] > 0 && size > (k->size + 1) / 2)
		wrong(p, "the size after a change", user, token, size, (k->size + 1) / 2);
	same(p, "what the disk keeps", user, token, see(p, disk_part(&letter), "f", user, token),
	    size);
	same(p, "whether the user knows it", user, token,
	    see(p, user_part(P_USER, user), row, user, token) != 0, size != 0);
	*of_user += size;
	of_disk[letter.name[1] % DISKS] += size;
}

static void
check(struct play *p)
{
	uint64_t of_disk[DISKS] = { 0 }, of_user;

	for (const struct request *r = p->requests; r != NULL; r = r->next)
		if (!r->answered)
			wrong(p, "a request is not answered", r->user, r->token, r->ask, 0);
	for (unsigned u = 0; u < USERS; u++) {
		struct kv_part audit = user_part(P_AUDIT, u), user = user_part(P_USER, u);

		of_user = 0;
		for (unsigned t = 0; t < TOKENS; t++)
			check_letter(p, u, t, &of_user, of_disk);
		same(p, "the sum", u, 0, see(p, user, "sum", u, 0), of_user);
		same(p, "what was stated in order", u, 0, see(p, audit, "bad", u, 0), 0);
		same(p, "what was stated", u, 0, see(p, audit, "last", u, 0),
		    see(p, user, "seq", u, 0));
	}
	for (unsigned d = 0; d < DISKS; d++) {
		uint64_t sum = see(p, user_part(P_DISK, d), "sum", d, 0);

		same(p, "the disk's sum", d, 0, sum, of_disk[d]);
		if (sum > DISK_LIMIT)
			wrong(p, "the limit of the disk", d, 0, sum, DISK_LIMIT);
	}
}

/* -- a play of one seed ---------------------------------------------------------------------------------------------- */

static void
open_node(struct play *p, unsigned node)
{
	p->nodes[node] = kv_memory_open(p->memory, &schema);
}

static void
play_round(struct play *p, bool late)
{
	unsigned node = (unsigned)draw(p, p->n_nodes);
	uint64_t what = draw(p, 100);

	if (p->nodes[node] == NULL && (late || what < 10))
		open_node(p, node);
	else if (what < 12 && !late && p->nodes[node] != NULL && p->n_requests < REQUESTS)
		take_request(p, node);
	else if (what == 99 && !late && p->nodes[node] != NULL && draw(p, 2) == 0)
		crash(p, node);
	else
		kv_memory_step(p->memory);
}

static void
end_play(struct play *p)
{
	for (unsigned i = 0; i < p->n_nodes; i++)
		if (p->fault[0] == 0)
			kv_close(&p->nodes[i]);
		else
			crash(p, i);
	kv_memory_free(&p->memory);
	while (p->requests != NULL) {
		struct request *next = p->requests->next;

		free(p->requests);
		p->requests = next;
	}
}

/* What chance has tried, in all plays. */
static struct kv_memory_counts tried;
static uint64_t answers, refusals;

static void
count(const struct play *p)
{
	struct kv_memory_counts c = kv_memory_counted(p->memory);

	tried.steps += c.steps;
	tried.commits += c.commits;
	tried.races += c.races;
	tried.repeats += c.repeats;
	tried.takeovers += c.takeovers;
	answers += p->answers;
	for (unsigned u = 0; u < USERS; u++)
		for (unsigned t = 0; t < TOKENS; t++)
			refusals += p->known[u][t].refused[SUBMIT];
}

/* One seed in eight plays what LMDB promises. */
static void
play(uint64_t seed)
{
	struct play p = { .seed = seed, .random = seed };
	struct kv_memory_plan plan = { .apart = seed % 8 != 0, .seed = seed, .size = 1 << 20 };

	p.n_nodes = plan.apart ? 1 + (unsigned)draw(&p, NODES) : 1;
	p.memory = kv_memory_new(&plan);
	for (unsigned i = 0; i < ROUNDS && p.fault[0] == 0; i++)
		play_round(&p, i + ROUNDS_LATE >= ROUNDS);
	for (unsigned i = 0; i < p.n_nodes; i++)
		if (p.nodes[i] == NULL)
			open_node(&p, i);
	kv_memory_settle(p.memory);
	if (p.fault[0] == 0)
		check(&p);
	count(&p);
	end_play(&p);
	if (p.fault[0] != 0)
		fail_msg("TILLCALLED_SEED=%llu: %s", (unsigned long long)seed, p.fault);
}

static uint64_t
number_in_environment(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : scene_number(span_str(text));
}

static void
nothing_acknowledged_is_lost_and_sums_are_right(void **state)
{
	uint64_t seed = number_in_environment("TILLCALLED_SEED");
	uint64_t seconds = number_in_environment("TILLCALLED_SIM_SECONDS"), plays = 0;
	int64_t until = clock_mono_ms() + (int64_t)seconds * 1000;

	(void)state;
	if (seed != 0) {
		play(seed);
		return;
	}
	/* The known ones first, then those that nobody has tried. */
	for (plays = 0; plays < SEEDS; plays++)
		play(plays + 1);
	for (seed = (uint64_t)clock_wall_ms() << 20; seconds > 0 && clock_mono_ms() < until;
	     plays++)
		play(seed++);
	print_message(
	    "# %llu seeds, %llu steps, %llu commits, %llu races, %llu repeats, %llu takeovers, "
	    "%llu answers, %llu refusals\n",
	    (unsigned long long)plays, (unsigned long long)tried.steps,
	    (unsigned long long)tried.commits, (unsigned long long)tried.races,
	    (unsigned long long)tried.repeats, (unsigned long long)tried.takeovers,
	    (unsigned long long)answers, (unsigned long long)refusals);
	assert_true(tried.races > SEEDS && tried.repeats > SEEDS && tried.takeovers > SEEDS);
	assert_true(answers > 10 * SEEDS && refusals > SEEDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acknowledged_is_lost_and_sums_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
