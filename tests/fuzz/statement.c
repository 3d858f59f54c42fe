/* statement — an accepted statement or seal is, octet for octet, what the writer writes. */
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "proto/seal.h"
#include "proto/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_statement(const struct statement *st)
{
	static unsigned char hashes[STATEMENT_RECIPIENTS_MAX][STATEMENT_HASH_BYTES];
	struct buf out = BUF_INIT;
	struct err e;

	must(st->text.n <= STATEMENT_MAX_BYTES && st->n_recipients <= STATEMENT_RECIPIENTS_MAX);
	for (size_t i = 0; i < st->n_recipients; i++) {
		/* reversed: the writer sorts */
		statement_recipient(st, i, hashes[st->n_recipients - 1 - i]);
		must(statement_has(st, hashes[st->n_recipients - 1 - i]) == (int)i);
	}
	must(st->kind == STATEMENT_RECALL
		? statement_write_recall(&out, st, &e)
		: statement_write(&out, st, hashes, st->n_recipients, &e));
	must(span_eq(buf_span(&out), st->text));
	buf_clear(&out);
}

static void
check_seal(const struct seal *s)
{
	static unsigned char digests[SEAL_STATEMENTS_MAX][STATEMENT_HASH_BYTES];
	struct buf out = BUF_INIT;
	struct err e;

	must(s->n_statements >= 1 && s->n_statements <= SEAL_STATEMENTS_MAX);
	for (size_t i = 0; i < s->n_statements; i++) {
		size_t line = s->statements.n / s->n_statements;

		must(hex_parse(span_sub(s->statements, (i + 1) * line - 66, 64), digests[i], 32));
		must(seal_has(s, digests[i], i));
	}
	must(seal_write(&out, s->signer, s->recipient_domain, s->date_s, digests, s->n_statements,
	    &e));
	must(span_eq(buf_span(&out), s->text));
	buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct statement st;
	struct seal s;
	struct err e;

	if (statement_parse(span_of(data, n), &st, &e))
		check_statement(&st);
	if (seal_parse(span_of(data, n), &s, &e))
		check_seal(&s);
	return 0;
}
