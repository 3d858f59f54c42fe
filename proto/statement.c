/* statement — notifications and recalls; see statement.h. */
#include "proto/statement.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "proto/fields.h"

#define NOTIFICATION "Tillcalled-Notification"
#define RECALL       "Tillcalled-Recall"

/* -- reading ---------------------------------------------------------------------------------- */

static void
parse_version(struct fields *f, const char *name)
{
	if (!span_eq(fields_value(f, name), SPAN_LIT("1")))
		fields_fail(f, name);
}

static void
parse_id(struct fields *f, struct ulid *id)
{
	if (!ulid_parse(fields_value(f, "Id"), id))
		fields_fail(f, "Id");
}

static void
parse_from(struct fields *f, struct address *from)
{
	struct span v = fields_value(f, "From");
	struct err why;

	if (v.n < 2 || v.p[0] != '<' || v.p[v.n - 1] != '>' ||
	    !address_parse_canonical(span_sub(v, 1, v.n - 2), from, &why))
		fields_fail(f, "From");
}

/* Salted hashes have no order of their own to betray; sorted, none can occur twice. */
static void
parse_recipients(struct fields *f, struct statement *st)
{
	st->recipients = fields_hash_lines(f, "Recipient", &st->n_recipients);
	for (size_t i = 1; f->fault == NULL && i < st->n_recipients; i++) {
		struct span a = fields_hash_digits(st->recipients, st->n_recipients, i - 1);
		struct span b = fields_hash_digits(st->recipients, st->n_recipients, i);

		if (memcmp(a.p, b.p, a.n) >= 0)
			fields_fail(f, "Recipient");
	}
}

/* notification = version id from recipient-domain 1*100recipient date hold-until size digest
 *                summary-size summary-digest */
static bool
parse_notification(struct span text, struct statement *st, struct err *e)
{
	struct fields f = fields_of(text);

	st->kind = STATEMENT_NOTIFICATION;
	parse_version(&f, NOTIFICATION);
	parse_id(&f, &st->id);
	parse_from(&f, &st->from);
	st->from_domain = st->from.domain;
	st->recipient_domain = fields_domain(&f, "Recipient-Domain");
	parse_recipients(&f, st);
	st->date_s = fields_date(&f, "Date");
	st->hold_until_s = fields_date(&f, "Hold-Until");
	st->size = fields_number(&f, "Size", STATEMENT_SIZE_MAX);
	fields_hash(&f, "Digest", st->digest);
	st->summary_size = fields_number(&f, "Summary-Size", STATEMENT_SUMMARY_MAX);
	fields_hash(&f, "Summary-Digest", st->summary_digest);
	if (st->hold_until_s < st->date_s)
		fields_fail(&f, "Hold-Until");
	if (st->summary_size > st->size)
		fields_fail(&f, "Summary-Size");
	if (RULE(too_many_recipients) && st->n_recipients > STATEMENT_RECIPIENTS_MAX)
		return err_word(e, REFUSAL_too_many_recipients);
	return fields_done(&f, REFUSAL_bad_statement, e);
}

/* recall = version id from-domain recipient-domain date */
static bool
parse_recall(struct span text, struct statement *st, struct err *e)
{
	struct fields f = fields_of(text);

	st->kind = STATEMENT_RECALL;
	parse_version(&f, RECALL);
	parse_id(&f, &st->id);
	st->from_domain = fields_domain(&f, "From-Domain");
	st->recipient_domain = fields_domain(&f, "Recipient-Domain");
	st->date_s = fields_date(&f, "Date");
	return fields_done(&f, REFUSAL_bad_statement, e);
}

bool
statement_parse(struct span text, struct statement *st, struct err *e)
{
	*st = (struct statement) { .text = text };
	if (RULE(statement_too_big) && text.n > STATEMENT_MAX_BYTES)
		return err_word(e, REFUSAL_statement_too_big);
	if (span_starts(text, SPAN_LIT(RECALL ": ")))
		return parse_recall(text, st, e);
	return parse_notification(text, st, e) || !RULE(bad_statement);
}

/* -- recipients ------------------------------------------------------------------------------- */

int
statement_has(const struct statement *st, const unsigned char hash[STATEMENT_HASH_BYTES])
{
	char digits[2 * STATEMENT_HASH_BYTES + 1];
	size_t low = 0, high = st->n_recipients;

	hex_str(digits, hash, STATEMENT_HASH_BYTES);
	while (low < high) {
		size_t mid = (low + high) / 2;
		struct span at = fields_hash_digits(st->recipients, st->n_recipients, mid);
		int order = memcmp(digits, at.p, at.n);

		if (order == 0)
			return (int)mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

void
statement_recipient(const struct statement *st, size_t i, unsigned char hash[STATEMENT_HASH_BYTES])
{
	hex_parse(fields_hash_digits(st->recipients, st->n_recipients, i), hash,
	    STATEMENT_HASH_BYTES);
}

size_t
statement_preimage(const unsigned char salt[STATEMENT_SALT_BYTES], struct span address,
    char out[STATEMENT_PREIMAGE_MAX])
{
	static const char domain[21] = "tillcalled recipient"; /* with its NUL */
	size_t n = address.n < ADDRESS_MAX ? address.n : ADDRESS_MAX;

	memcpy(out, domain, sizeof domain);
	memcpy(out + sizeof domain, salt, STATEMENT_SALT_BYTES);
	memcpy(out + sizeof domain + STATEMENT_SALT_BYTES, address.p, n);
	return sizeof domain + STATEMENT_SALT_BYTES + n;
}

void
statement_hash(statement_sha256_fn *sha256, const unsigned char salt[STATEMENT_SALT_BYTES],
    struct span address, unsigned char out[STATEMENT_HASH_BYTES])
{
	char preimage[STATEMENT_PREIMAGE_MAX];

	sha256(span_of(preimage, statement_preimage(salt, address, preimage)), out);
}

/* -- writing ---------------------------------------------------------------------------------- */

static int
order(const void *a, const void *b)
{
	return memcmp(a, b, STATEMENT_HASH_BYTES);
}

static void
add_span(struct buf *out, const char *name, struct span value)
{
	buf_addf(out, "%s: ", name);
	buf_add(out, value.p, value.n);
	buf_add(out, "\r\n", 2);
}

static void
add_date(struct buf *out, const char *name, int64_t wall_s)
{
	char date[CLOCK_DATE_BYTES];

	clock_date(wall_s, date);
	buf_addf(out, "%s: %s\r\n", name, date);
}

static void
add_hash(struct buf *out, const char *name, const unsigned char hash[STATEMENT_HASH_BYTES])
{
	buf_addf(out, "%s: sha256:", name);
	hex_add(out, hash, STATEMENT_HASH_BYTES);
	buf_add(out, "\r\n", 2);
}

static void
add_id(struct buf *out, const struct ulid *id)
{
	char digits[ULID_STR_BYTES];

	ulid_str(id, digits);
	buf_addf(out, "Id: %s\r\n", digits);
}

/* The reader judges what was written from `start` on. */
static bool
proofread(struct buf *out, size_t start, struct err *e)
{
	struct statement again;

	if (statement_parse(span_sub(buf_span(out), start, out->len), &again, e))
		return true;
	out->len = start;
	return false;
}

bool
statement_write(struct buf *out, const struct statement *st,
    unsigned char (*hashes)[STATEMENT_HASH_BYTES], size_t n, struct err *e)
{
	size_t start = out->len;

	if (n > 1)
		qsort(hashes, n, sizeof *hashes, order);
	buf_addf(out, NOTIFICATION ": 1\r\n");
	add_id(out, &st->id);
	buf_addf(out, "From: <");
	buf_add(out, st->from.whole.p, st->from.whole.n);
	buf_addf(out, ">\r\n");
	add_span(out, "Recipient-Domain", st->recipient_domain);
	for (size_t i = 0; i < n; i++)
		add_hash(out, "Recipient", hashes[i]);
	add_date(out, "Date", st->date_s);
	add_date(out, "Hold-Until", st->hold_until_s);
	buf_addf(out, "Size: %llu\r\n", (unsigned long long)st->size);
	add_hash(out, "Digest", st->digest);
	buf_addf(out, "Summary-Size: %llu\r\n", (unsigned long long)st->summary_size);
	add_hash(out, "Summary-Digest", st->summary_digest);
	return proofread(out, start, e);
}

bool
statement_write_recall(struct buf *out, const struct statement *st, struct err *e)
{
	size_t start = out->len;

	buf_addf(out, RECALL ": 1\r\n");
	add_id(out, &st->id);
	add_span(out, "From-Domain", st->from_domain);
	add_span(out, "Recipient-Domain", st->recipient_domain);
	add_date(out, "Date", st->date_s);
	return proofread(out, start, e);
}
