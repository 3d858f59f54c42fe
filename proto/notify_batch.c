/* notify_batch — the statements under one seal; see notify_batch.h. */
#include "proto/notify_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "proto/reply.h"

#define FIRST_STATEMENTS 2 /* doubled when they are full; most batches have one letter */
#define FIRST_ENTRIES    4
#define FIRST_OCTETS     2048

/* -- verdicts ------------------------------------------------------------------------------ */

static void
settle(struct notify_batch *b, size_t i)
{
	assert(i < b->n_entries && !b->entries[i].judged);
	b->entries[i].judged = true;
	b->n_open--;
}

void
notify_batch_accept(struct notify_batch *b, size_t i, enum notify_done done)
{
	settle(b, i);
	b->entries[i].done = done;
}

static size_t
keep_text(struct notify_batch *b, const struct err *e)
{
	size_t at = b->texts.len;

	buf_add(&b->texts, e->text, strlen(e->text) + 1);
	return at;
}

static void
refuse_with(struct notify_batch *b, size_t i, enum refusal why, size_t text)
{
	settle(b, i);
	b->entries[i].why = why == REFUSAL_NONE ? REFUSAL_internal : why;
	b->entries[i].text = text;
}

void
notify_batch_refuse(struct notify_batch *b, size_t i, const struct err *e)
{
	refuse_with(b, i, e->why, keep_text(b, e));
}

/* All of them share one text. */
static void
refuse_some(struct notify_batch *b, size_t first, size_t end, const struct err *e)
{
	size_t text = keep_text(b, e);

	for (size_t i = first; i < end; i++)
		if (!b->entries[i].judged)
			refuse_with(b, i, e->why, text);
}

void
notify_batch_refuse_all(struct notify_batch *b, const struct err *e)
{
	refuse_some(b, 0, b->n_entries, e);
}

static void
reply_one(const struct notify_batch *b, const struct notify_entry *n, struct buf *out)
{
	static const char *const said[] = {
		[NOTIFY_NOTICED] = "250 2.1.5 noticed\r\n",
		[NOTIFY_KNOWN] = "250 2.1.5 " NOTIFY_REPEAT_TEXT "\r\n",
		[NOTIFY_RECALLED] = "250 2.1.5 recalled\r\n",
	};
	struct err e;

	if (n->why == REFUSAL_NONE) {
		buf_add(out, said[n->done], strlen(said[n->done]));
		return;
	}
	e.why = n->why;
	span_copy(span_str(b->texts.data + n->text), e.text, sizeof e.text);
	reply_add_refusal(out, &e);
}

void
notify_batch_reply(const struct notify_batch *b, struct buf *out)
{
	assert(b->n_open == 0);
	for (size_t i = 0; i < b->n_entries; i++)
		reply_one(b, &b->entries[i], out);
}

/* -- gathering ------------------------------------------------------------------------------ */

struct notify_batch *
notify_batch_new(uint64_t id)
{
	struct notify_batch *b = memory_new(sizeof *b);

	b->id = id;
	buf_room(&b->octets, FIRST_OCTETS);
	return b;
}

void
notify_batch_free(struct notify_batch **b)
{
	if (*b == NULL)
		return;
	free((*b)->statements);
	free((*b)->digests);
	free((*b)->starts);
	free((*b)->entries);
	buf_clear(&(*b)->octets);
	buf_clear(&(*b)->texts);
	free(*b);
	*b = NULL;
}

size_t
notify_batch_bytes(const struct notify_batch *b)
{
	return sizeof *b + b->octets.cap + b->texts.cap + b->cap_entries * sizeof *b->entries +
	    b->cap_statements * (sizeof *b->statements + sizeof *b->digests + sizeof *b->starts) +
	    (b->n_entries + b->n_statements) * NOTIFY_ROLE_BYTES;
}

void
notify_batch_add_rcpt(struct notify_batch *b, struct span address,
    const unsigned char salt[STATEMENT_SALT_BYTES], const struct err *e)
{
	struct notify_entry *n;

	if (b->n_entries == b->cap_entries) {
		b->cap_entries = b->cap_entries ? 2 * b->cap_entries : FIRST_ENTRIES;
		b->entries = memory_resize(b->entries, b->cap_entries, sizeof *b->entries);
	}
	n = &b->entries[b->n_entries++];
	b->n_open++;
	*n = (struct notify_entry) {
		.at = b->octets.len,
		.address.n = address.n,
		.statement = NOTIFY_NO_STATEMENT,
	};
	memcpy(n->salt, salt, sizeof n->salt);
	buf_add(&b->octets, address.p, address.n);
	if (e != NULL)
		notify_batch_refuse(b, b->n_entries - 1, e);
}

static void
add_room(struct notify_batch *b)
{
	if (b->n_statements < b->cap_statements)
		return;
	b->cap_statements = b->cap_statements ? 2 * b->cap_statements : FIRST_STATEMENTS;
	b->statements = memory_resize(b->statements, b->cap_statements, sizeof *b->statements);
	b->digests = memory_resize(b->digests, b->cap_statements, sizeof *b->digests);
	b->starts = memory_resize(b->starts, b->cap_statements, sizeof *b->starts);
}

void
notify_batch_add_statement(struct notify_batch *b, const struct err *e)
{
	static const unsigned char no_salt[STATEMENT_SALT_BYTES];

	if (b->waiting == b->n_entries)
		notify_batch_add_rcpt(b, (struct span) { "", 0 }, no_salt, NULL);
	if (e != NULL) {
		refuse_some(b, b->waiting, b->n_entries, e);
		b->waiting = b->n_entries;
		return;
	}
	add_room(b);
	b->starts[b->n_statements] = b->octets.len;
}

void
notify_batch_end_statement(struct notify_batch *b)
{
	struct statement *st = &b->statements[b->n_statements];

	*st = (struct statement) { 0 };
	st->text.n = b->octets.len - b->starts[b->n_statements];
	for (; b->waiting < b->n_entries; b->waiting++)
		b->entries[b->waiting].statement = b->n_statements;
	b->n_statements++;
}

/* -- the seal ---------------------------------------------------------------------------------- */

/* Nothing is appended any more, so pointers into the octets stay valid. */
static void
point(struct notify_batch *b)
{
	for (size_t i = 0; i < b->n_statements; i++)
		b->statements[i].text.p = b->octets.data + b->starts[i];
	for (size_t i = 0; i < b->n_entries; i++)
		b->entries[i].address.p = b->octets.data + b->entries[i].at;
}

bool
notify_batch_seal(struct notify_batch *b, struct span text, enum seal_alg alg,
    struct span signature, const struct notify_bounds *bounds, struct err *e)
{
	size_t at = b->octets.len;
	struct err none;

	buf_add(&b->octets, text.p, text.n);
	buf_add(&b->octets, signature.p, signature.n);
	point(b);
	b->alg = alg;
	b->signature = span_of(b->octets.data + at + text.n, signature.n);
	if (b->waiting < b->n_entries) {
		err_set(&none, REFUSAL_bad_sequence, "no STATEMENT came after this RCPT");
		refuse_some(b, b->waiting, b->n_entries, &none);
	}
	return seal_parse(span_of(b->octets.data + at, text.n), &b->seal, e) &&
	    seal_check(&b->seal, bounds->peer, bounds->served, bounds->now_s, e);
}

/* -- statements --------------------------------------------------------------------------------- */

static bool
came_before(const struct notify_batch *b, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (memcmp(b->digests[k], b->digests[i], STATEMENT_HASH_BYTES) == 0)
			return true;
	return false;
}

/* The bindings of one statement: to the seal, the sender, the recipient domain and the hold time. */
static bool
judge_statement(struct notify_batch *b, size_t i, const struct notify_bounds *bounds, struct err *e)
{
	struct statement *st = &b->statements[i];

	if (RULE(duplicate) && came_before(b, i))
		return err_word(e, REFUSAL_duplicate);
	if (RULE(seal_statement) && !seal_has(&b->seal, b->digests[i], i))
		return err_word(e, REFUSAL_seal_statement);
	if (!statement_parse(st->text, st, e))
		return false;
	if (RULE(from_domain) && !span_eq(st->from_domain, bounds->peer))
		return err_word(e, REFUSAL_from_domain);
	if (RULE(domain_not_served) && !span_eq(st->recipient_domain, bounds->served))
		return err_set(e, REFUSAL_domain_not_served,
		    "the statement is for another domain than %.*s", SPAN_FMT(bounds->served));
	if (RULE(hold_expired) && st->kind == STATEMENT_NOTIFICATION &&
	    st->hold_until_s <= bounds->now_s)
		return err_word(e, REFUSAL_hold_expired);
	return true;
}

static bool
named_before(const struct notify_batch *b, size_t first, size_t i)
{
	for (size_t k = first; k < i; k++)
		if (span_eq(b->entries[k].address, b->entries[i].address))
			return true;
	return false;
}

/* The bindings of one recipient, or of a recall, which has no recipient. */
static bool
judge_entry(const struct notify_batch *b, size_t first, size_t i,
    const struct notify_bounds *bounds, struct err *e)
{
	const struct notify_entry *n = &b->entries[i];
	const struct statement *st = &b->statements[n->statement];
	unsigned char hash[STATEMENT_HASH_BYTES];

	if (st->kind == STATEMENT_RECALL) {
		if (RULE(bad_sequence) && n->address.n > 0)
			return err_set(e, REFUSAL_bad_sequence, "a recall has no recipients");
		return true;
	}
	if (RULE(no_recipient) && n->address.n == 0)
		return err_set(e, REFUSAL_no_recipient, "no RCPT came before this statement");
	if (RULE(domain_not_served) && !span_eq(address_domain(n->address), bounds->served))
		return err_set(e, REFUSAL_domain_not_served,
		    "the recipient is of another domain than %.*s", SPAN_FMT(bounds->served));
	if (RULE(duplicate) && named_before(b, first, i))
		return err_set(e, REFUSAL_duplicate, "the recipient is named twice");
	statement_hash(bounds->sha256, n->salt, n->address, hash);
	if (RULE(rcpt_hash) && statement_has(st, hash) < 0)
		return err_word(e, REFUSAL_rcpt_hash);
	return true;
}

static void
judge_entries(struct notify_batch *b, size_t first, size_t end, const struct notify_bounds *bounds)
{
	struct err e;

	for (size_t i = first; i < end; i++)
		if (!b->entries[i].judged && !judge_entry(b, first, i, bounds, &e))
			notify_batch_refuse(b, i, &e);
}

/* The entries of a statement are neighbours.  Entries without a statement were judged when they came. */
void
notify_batch_judge(struct notify_batch *b, const struct notify_bounds *bounds)
{
	size_t first = 0, end;
	struct err e;

	for (size_t i = 0; i < b->n_statements; i++)
		bounds->sha256(b->statements[i].text, b->digests[i]);
	for (size_t i = 0; i < b->n_statements; i++, first = end) {
		while (b->entries[first].statement != i)
			first++;
		for (end = first; end < b->n_entries && b->entries[end].statement == i; end++)
			continue;
		if (judge_statement(b, i, bounds, &e)) {
			judge_entries(b, first, end, bounds);
			continue;
		}
		refuse_some(b, first, end, &e);
		b->statements[i] = (struct statement) { .text = b->statements[i].text };
	}
}
