/* notify_server — the IMS's side of notify; see notify_server.h. */
#include "proto/notify_server.h"

#include <string.h>

#include "common/base/hex.h"

enum { NEW = 1, READY = 2 };

static struct notify_server *
self(struct server *s)
{
	return (struct notify_server *)s;
}

/* -- HELLO ---------------------------------------------------------------------------------- */

static void
welcome(struct notify_server *n)
{
	n->server.state = READY;
	server_reply(&n->server, 250, "2.0.0", "%s listens to %s", n->served.text, n->peer.text);
}

/* hello = "HELLO" SP domain */
static enum outcome
do_hello(struct server *s, struct span args, struct err *e)
{
	struct notify_server *n = self(s);
	enum outcome o;

	if (!domain_parse(args, n->ops->a_label, &n->peer, e))
		return REFUSED;
	o = n->ops->hello(s->role, n->peer.text, e);
	if (o == DONE)
		welcome(n);
	if (o == REFUSED)
		server_end(s, e);
	return o == PENDING ? PENDING : DONE;
}

bool
notify_server_hello_answer(struct notify_server *n, uint64_t request, const struct err *e)
{
	if (n->server.state != NEW || !server_answered(&n->server, request))
		return false;
	if (e == NULL)
		welcome(n);
	else
		server_end(&n->server, e);
	return true;
}

/* -- gathering --------------------------------------------------------------------------------- */

/* The memory that the session takes, with `announced` octets that will come. */
static size_t
bytes_held(const struct notify_server *n, size_t announced)
{
	size_t bytes = announced + n->server.engine.out.len;

	if (n->gathering != NULL)
		bytes += notify_batch_bytes(n->gathering);
	for (size_t i = 0; i < NOTIFY_SEALS_MAX; i++)
		bytes += n->queue[i].replies.len + n->queue[i].later.len;
	return (bytes + NOTIFY_HOLD_STEP - 1) / NOTIFY_HOLD_STEP * NOTIFY_HOLD_STEP;
}

/* Tells the role if this has changed.  Before HELLO is accepted the role knows no domain to charge, and
 * nothing is gathered.  False: it is too much. */
static bool
hold(struct notify_server *n, size_t announced, bool forced, struct err *e)
{
	size_t bytes = bytes_held(n, announced);

	if (n->ops->hold == NULL || n->server.state == NEW || bytes == n->held)
		return true;
	if (!n->ops->hold(n->server.role, bytes, forced, e))
		return false;
	n->held = bytes;
	return true;
}

/* Ends the session if it has gathered too much, and frees what it has gathered. */
static bool
hold_batch(struct notify_server *n, size_t announced)
{
	struct err e;

	if (!RULE(batch_share) || hold(n, announced, false, &e))
		return true;
	notify_batch_free(&n->gathering);
	server_end(&n->server, &e);
	(void)hold(n, 0, true, &e);
	return false;
}

/* Counts a line (verb SP args CRLF) and the octets it announces.  False: the batch is too big, and the
 * session has ended, as these octets are not read. */
static bool
count(struct notify_server *n, const char *verb, struct span args, uint64_t announced)
{
	uint64_t line = strlen(verb) + 1 + args.n + 2;
	struct err e;

	if (n->gathering == NULL)
		n->gathering = notify_batch_new(++n->last_id);
	if (RULE(batch_too_big) &&
	    (announced > NOTIFY_BATCH_BYTES ||
		n->batch_bytes + line + announced > NOTIFY_BATCH_BYTES)) {
		err_word(&e, REFUSAL_batch_too_big);
		server_end(&n->server, &e);
		return false;
	}
	n->batch_bytes += (size_t)(line + announced);
	return hold_batch(n, (size_t)announced);
}

/* After a line that does not say how many octets follow, the next line cannot be found. */
static enum outcome
lost_count(struct server *s, const char *verb)
{
	struct err e;

	err_set(&e, REFUSAL_bad_syntax, "%s does not say how many octets follow", verb);
	server_end(s, &e);
	return DONE;
}

/* Before HELLO the session ends: the octets that the line announces must not be read as requests. */
static bool
too_early(struct server *s, const char *verb)
{
	struct err e;

	if (!RULE(bad_sequence) || s->state != NEW)
		return false;
	err_set(&e, REFUSAL_bad_sequence, "%s is not allowed now", verb);
	server_end(s, &e);
	return true;
}

/* rcpt = "RCPT" SP "<" address ">" SP salt        salt = 32( DIGIT / %x61-66 ) */
static bool
parse_rcpt(struct span args, struct address *a, unsigned char salt[STATEMENT_SALT_BYTES],
    struct err *e)
{
	struct span rest = args, path = span_cut(&rest, ' ');

	if (RULE(bad_address) && (path.n < 2 || path.p[0] != '<' || path.p[path.n - 1] != '>'))
		return err_set(e, REFUSAL_bad_address, "the address is not in < >");
	if (!address_parse_canonical(span_sub(path, 1, path.n - 2), a, e))
		return false;
	if (RULE(bad_syntax) && !hex_parse(rest, salt, STATEMENT_SALT_BYTES))
		return err_set(e, REFUSAL_bad_syntax, "the salt is not %d hexadecimal digits",
		    STATEMENT_SALT_DIGITS);
	return true;
}

static bool
has_entry_room(struct notify_server *n)
{
	struct err e;

	if (!RULE(too_many_recipients) || n->gathering->n_entries < NOTIFY_ENTRIES_MAX)
		return true;
	err_set(&e, REFUSAL_too_many_recipients, "more than %d replies to one seal",
	    NOTIFY_ENTRIES_MAX);
	server_end(&n->server, &e);
	return false;
}

static enum outcome
do_rcpt(struct server *s, struct span args, struct err *e)
{
	struct notify_server *n = self(s);
	struct notify_batch *b;
	struct address a = { 0 };
	unsigned char salt[STATEMENT_SALT_BYTES] = { 0 };
	bool good;

	if (!count(n, "RCPT", args, 0) || !has_entry_room(n))
		return DONE;
	b = n->gathering;
	good = parse_rcpt(args, &a, salt, e);
	if (RULE(too_many_recipients) && good &&
	    b->n_entries - b->waiting >= STATEMENT_RECIPIENTS_MAX)
		good = err_word(e, REFUSAL_too_many_recipients);
	notify_batch_add_rcpt(b, good ? a.whole : (struct span) { "", 0 }, salt, good ? NULL : e);
	return DONE;
}

static void
add_statement_octets(struct server *s, struct span in)
{
	buf_add(&self(s)->gathering->octets, in.p, in.n);
}

static enum outcome
statement_end(struct server *s, struct span whole, struct err *e)
{
	(void)whole;
	(void)e;
	notify_batch_end_statement(self(s)->gathering);
	return DONE;
}

/* statement = "STATEMENT" SP octets CRLF octets*OCTET */
static enum outcome
do_statement(struct server *s, struct span args, struct err *e)
{
	struct notify_server *n = self(s);
	uint64_t octets;
	bool good = true;

	if (too_early(s, "STATEMENT"))
		return DONE;
	if (!span_u64(args, &octets))
		return lost_count(s, "STATEMENT");
	if (!count(n, "STATEMENT", args, octets) || !has_entry_room(n))
		return DONE;
	if (RULE(statement_too_big) && octets > STATEMENT_MAX_BYTES)
		good = err_word(e, REFUSAL_statement_too_big);
	else if (RULE(too_many_statements) && n->gathering->n_statements >= SEAL_STATEMENTS_MAX)
		good = err_word(e, REFUSAL_too_many_statements);
	notify_batch_add_statement(n->gathering, good ? NULL : e);
	if (good)
		server_expect(s, octets, add_statement_octets, statement_end);
	else
		server_skip(s, octets);
	return DONE;
}

/* -- the seal ------------------------------------------------------------------------------------ */

static struct notify_pending *
pending_at(struct notify_server *n, size_t i)
{
	return &n->queue[(n->head + i) % NOTIFY_SEALS_MAX];
}

static struct notify_pending *
pending_find(struct notify_server *n, uint64_t id)
{
	for (size_t i = 0; i < n->count; i++)
		if (pending_at(n, i)->id == id && !pending_at(n, i)->answered)
			return pending_at(n, i);
	return NULL;
}

/* Replies to requests after this seal follow the seal's own. */
static void
enqueue(struct notify_server *n, uint64_t id)
{
	struct notify_pending *p = pending_at(n, n->count++);

	p->id = id;
	p->answered = false;
	server_hold(&n->server, &p->later);
	n->server.full = n->count == NOTIFY_SEALS_MAX;
}

static void
move(struct buf *from, struct buf *to)
{
	buf_add(to, from->data, from->len);
	buf_clear(from);
}

static void
flush(struct notify_server *n)
{
	while (n->count > 0 && pending_at(n, 0)->answered) {
		move(&pending_at(n, 0)->replies, &n->server.engine.out);
		move(&pending_at(n, 0)->later, &n->server.engine.out);
		n->head = (n->head + 1) % NOTIFY_SEALS_MAX;
		n->count--;
		n->server.full = false;
		n->server.stirred = true;
	}
	if (n->count == 0)
		server_release(&n->server);
}

bool
notify_server_answer(struct notify_server *n, const struct notify_batch *b)
{
	struct notify_pending *p = pending_find(n, b->id);

	if (p == NULL)
		return false;
	p->answered = true;
	notify_batch_reply(b, p == pending_at(n, 0) ? &n->server.engine.out : &p->replies);
	flush(n);
	return true;
}

static void
refuse_batch(struct notify_server *n, struct notify_batch *b, const struct err *e)
{
	notify_batch_refuse_all(b, e);
	n->server.errors++;
}

/* Judges what can be judged without the role.  True: entries are left for the role to judge. */
static bool
judge(struct notify_server *n, struct notify_batch *b, struct span text, enum seal_alg alg,
    struct span signature)
{
	const struct notify_server_ops *ops = n->ops;
	struct notify_bounds bounds = {
		.peer = domain_span(&n->peer),
		.served = domain_span(&n->served),
		.now_s = ops->wall_s(n->server.role),
		.sha256 = ops->sha256,
	};
	struct err e;

	if (!notify_batch_seal(b, text, alg, signature, &bounds, &e)) {
		refuse_batch(n, b, &e);
		return false;
	}
	if (RULE(seal_bad) && b->n_open > 0 &&
	    !ops->verify(n->server.role, alg, b->seal.text, b->signature, &e)) {
		refuse_batch(n, b, &e);
		return false;
	}
	notify_batch_judge(b, &bounds);
	return b->n_open > 0;
}

/* The role has seen nothing of this batch; its log gets the first refusal. */
static void
report_fault(const struct notify_server *n, const struct notify_batch *b)
{
	const struct notify_entry *first = b->entries;
	struct err e;

	if (n->server.ops->fault == NULL || b->n_entries == 0)
		return;
	err_set(&e, first->why, "%s", b->texts.data + first->text);
	if (b->n_entries > 1)
		err_prefix(&e, "the first of %zu", b->n_entries);
	n->server.ops->fault(n->server.role, &e);
}

static void
finish(struct notify_server *n, bool open)
{
	struct notify_batch *b = n->gathering;
	struct err e;

	n->gathering = NULL;
	n->batch_bytes = 0;
	enqueue(n, b->id);
	if (open) {
		(void)hold(n, 0, true, &e);
		n->ops->accept_take(n->server.role, b);
		return;
	}
	report_fault(n, b);
	notify_server_answer(n, b);
	notify_batch_free(&b);
}

static enum outcome
seal_end(struct server *s, struct span whole, struct err *e)
{
	struct notify_server *n = self(s);
	struct span text = span_sub(whole, 0, n->seal_octets);

	(void)e;
	finish(n,
	    judge(n, n->gathering, text, n->seal_alg, span_sub(whole, n->seal_octets, whole.n)));
	return DONE;
}

/* The line was malformed but said how many octets follow. */
static enum outcome
seal_skipped(struct server *s, struct span whole, struct err *e)
{
	(void)whole;
	(void)e;
	refuse_batch(self(s), self(s)->gathering, &self(s)->seal_fault);
	finish(self(s), false);
	return DONE;
}

static void
forget(struct server *s, struct span in)
{
	(void)s;
	(void)in;
}

static bool
seal_line_is_good(struct notify_server *n, uint64_t octets, struct span alg, uint64_t signature)
{
	struct err *e = &n->seal_fault;

	if (RULE(bad_seal_form) && octets > SEAL_MAX_BYTES)
		return err_set(e, REFUSAL_bad_seal_form, "a seal has at most %d octets",
		    SEAL_MAX_BYTES);
	if (RULE(bad_seal_form) && signature > SEAL_SIGNATURE_MAX)
		return err_set(e, REFUSAL_bad_seal_form, "a signature has at most %d octets",
		    SEAL_SIGNATURE_MAX);
	if (!seal_alg_parse(alg, &n->seal_alg))
		return err_set(e, REFUSAL_bad_seal_form, "the algorithm is not known");
	return true;
}

/* seal = "SEAL" SP octets SP alg SP octets CRLF seal-text signature */
static enum outcome
do_seal(struct server *s, struct span args, struct err *e)
{
	struct notify_server *n = self(s);
	struct span rest = args, text = span_cut(&rest, ' ');
	struct span alg = span_cut(&rest, ' ');
	uint64_t octets, signature;

	if (too_early(s, "SEAL"))
		return DONE;
	if (!span_u64(text, &octets) || !span_u64(rest, &signature) ||
	    octets > NOTIFY_BATCH_BYTES || signature > NOTIFY_BATCH_BYTES)
		return lost_count(s, "SEAL");
	if (!count(n, "SEAL", args, octets + signature))
		return DONE;
	if (RULE(bad_sequence) && n->gathering->n_entries == 0) {
		n->batch_bytes = 0;
		server_skip(s, octets + signature);
		return err_set(e, REFUSAL_bad_sequence, "nothing came before this seal"), REFUSED;
	}
	n->seal_octets = (size_t)octets;
	if (seal_line_is_good(n, octets, alg, signature))
		server_expect_whole(s, octets + signature, seal_end);
	else
		server_expect(s, octets + signature, forget, seal_skipped);
	return DONE;
}

/* -- the rest -------------------------------------------------------------------------------------- */

/* The mover calls this after each event, so also when replies have left. */
static size_t
feed(struct engine *engine, struct span in)
{
	struct notify_server *n = (struct notify_server *)engine;
	size_t taken = n->feed(engine, in);
	struct err e;

	(void)hold(n, n->server.skipping ? 0 : (size_t)n->server.expect, true, &e);
	return taken;
}

/* clang-format off */
static const struct verb	 verbs[] = {
	{ "HELLO",	NEW,		do_hello },
	{ "RCPT",	READY,		do_rcpt },
	{ "STATEMENT",	NEW | READY,	do_statement },	/* NEW: they end the session */
	{ "SEAL",	NEW | READY,	do_seal },
	{ "NOOP",	NEW | READY,	server_do_noop },
	{ "QUIT",	NEW | READY,	server_do_quit },
};
/* clang-format on */

void
notify_server_init(struct notify_server *n, const char *served, const struct notify_server_ops *ops,
    void *role)
{
	*n = (struct notify_server) { .ops = ops };
	span_copy(span_str(served), n->served.text, sizeof n->served.text);
	server_init(&n->server, verbs, sizeof verbs / sizeof verbs[0], &ops->server, role);
	n->server.state = NEW;
	n->server.greets = true;
	n->feed = n->server.engine.feed;
	n->server.engine.feed = feed;
}

void
notify_server_clear(struct notify_server *n)
{
	notify_batch_free(&n->gathering);
	for (size_t i = 0; i < NOTIFY_SEALS_MAX; i++) {
		buf_clear(&n->queue[i].replies);
		buf_clear(&n->queue[i].later);
	}
	n->count = 0;
	server_clear(&n->server);
}
