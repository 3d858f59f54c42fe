/* seal — the text that is signed; see seal.h. */
#include "proto/seal.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "proto/fields.h"

static const char *const alg_names[] = {
	[SEAL_ECDSA_SHA256] = "ecdsa-sha256",
	[SEAL_ECDSA_SHA384] = "ecdsa-sha384",
	[SEAL_RSA_SHA256] = "rsa-sha256",
};

const char *
seal_alg_name(enum seal_alg alg)
{
	return alg_names[alg];
}

/* alg = "ecdsa-sha256" / "ecdsa-sha384" / "rsa-sha256" */
bool
seal_alg_parse(struct span s, enum seal_alg *alg)
{
	for (int i = SEAL_ECDSA_SHA256; i <= SEAL_RSA_SHA256; i++) {
		if (span_eq(s, span_str(alg_names[i]))) {
			*alg = (enum seal_alg)i;
			return true;
		}
	}
	return false;
}

static struct span
digits_at(const struct seal *s, size_t i)
{
	return fields_hash_digits(s->statements, s->n_statements, i);
}

/* Digests differ in their first octets, or somebody meant them not to. */
static bool
has_double(const struct seal *s)
{
	uint64_t first[SEAL_STATEMENTS_MAX];

	for (size_t i = 0; i < s->n_statements; i++) {
		memcpy(&first[i], digits_at(s, i).p, sizeof first[i]);
		for (size_t k = 0; k < i; k++)
			if (first[i] == first[k] && span_eq(digits_at(s, i), digits_at(s, k)))
				return true;
	}
	return false;
}

/* seal = "Tillcalled-Seal: 1" CRLF signer for date 1*64statement */
bool
seal_parse(struct span text, struct seal *s, struct err *e)
{
	struct fields f = fields_of(text);

	*s = (struct seal) { .text = text };
	if (RULE(bad_seal_form) && text.n > SEAL_MAX_BYTES)
		return err_set(e, REFUSAL_bad_seal_form, "a seal has at most %d octets",
		    SEAL_MAX_BYTES);
	if (!span_eq(fields_value(&f, "Tillcalled-Seal"), SPAN_LIT("1")))
		fields_fail(&f, "Tillcalled-Seal");
	s->signer = fields_domain(&f, "Signer");
	s->recipient_domain = fields_domain(&f, "For");
	s->date_s = fields_date(&f, "Date");
	s->statements = fields_hash_lines(&f, "Statement", &s->n_statements);
	if (RULE(too_many_statements) && s->n_statements > SEAL_STATEMENTS_MAX)
		return err_word(e, REFUSAL_too_many_statements);
	if (f.fault == NULL && s->n_statements <= SEAL_STATEMENTS_MAX && has_double(s))
		fields_fail(&f, "Statement");
	return fields_done(&f, REFUSAL_bad_seal_form, e) || !RULE(bad_seal_form);
}

bool
seal_check(const struct seal *s, struct span signer, struct span recipient_domain, int64_t now_s,
    struct err *e)
{
	int64_t skew = s->date_s > now_s ? s->date_s - now_s : now_s - s->date_s;

	if (RULE(seal_signer) && !span_eq(s->signer, signer))
		return err_word(e, REFUSAL_seal_signer);
	if (RULE(seal_for) && !span_eq(s->recipient_domain, recipient_domain))
		return err_word(e, REFUSAL_seal_for);
	if (RULE(seal_date) && skew > SEAL_SKEW_S)
		return err_word(e, REFUSAL_seal_date);
	return true;
}

bool
seal_has(const struct seal *s, const unsigned char digest[STATEMENT_HASH_BYTES], size_t hint)
{
	char digits[2 * STATEMENT_HASH_BYTES + 1];

	hex_str(digits, digest, STATEMENT_HASH_BYTES);
	for (size_t i = 0; i < s->n_statements; i++) {
		struct span at = digits_at(s, (hint + i) % s->n_statements);

		if (memcmp(at.p, digits, at.n) == 0)
			return true;
	}
	return false;
}

bool
seal_write(struct buf *out, struct span signer, struct span recipient_domain, int64_t date_s,
    unsigned char (*digests)[STATEMENT_HASH_BYTES], size_t n, struct err *e)
{
	char date[CLOCK_DATE_BYTES];
	size_t start = out->len;
	struct seal again;

	clock_date(date_s, date);
	buf_addf(out, "Tillcalled-Seal: 1\r\nSigner: %.*s\r\nFor: %.*s\r\nDate: %s\r\n",
	    SPAN_FMT(signer), SPAN_FMT(recipient_domain), date);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "Statement: sha256:");
		hex_add(out, digests[i], STATEMENT_HASH_BYTES);
		buf_addf(out, "\r\n");
	}
	if (seal_parse(span_sub(buf_span(out), start, out->len), &again, e))
		return true;
	out->len = start;
	return false;
}
