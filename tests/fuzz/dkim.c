/* dkim — any octets as a header, a signature, a key's record, a DMARC record and a body: bounded, and in pieces the same
 * as at once.
 *
 * The first octet chooses.
 */
#include <stdlib.h>
#include <string.h>

#include "common/dkim/canon.h"
#include "common/dkim/dkim_key.h"
#include "common/dkim/dmarc.h"
#include "common/dkim/tag_list.h"

#define FIELDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* The fields with CRLFs after them are the header again, and even fields even out to themselves. */
static void
header(struct span in)
{
	struct header_field f[FIELDS];
	struct buf all = BUF_INIT, once = BUF_INIT, twice = BUF_INIT;
	struct span rest = in;
	struct dkim_signature s;
	unsigned char digest[DIGEST_BYTES];
	bool scratch[FIELDS];
	size_t n = 0;

	while (n < FIELDS && header_field_next(&rest, &f[n]) == HEADER_FIELD) {
		struct header_field again;
		struct span text;

		must(f[n].name.n > 0 && f[n].whole.n > f[n].name.n);
		buf_add(&all, f[n].whole.p, f[n].whole.n);
		buf_add(&all, "\r\n", 2);
		buf_reset(&once);
		buf_reset(&twice);
		canon_field(CANON_RELAXED, &f[n], &once);
		text = buf_span(&once);
		must(header_field_next(&text, &again) == HEADER_FIELD && text.n == 0);
		canon_field(CANON_RELAXED, &again, &twice);
		must(span_eq(buf_span(&once), buf_span(&twice)));
		n++;
	}
	must(span_starts(buf_span(&all), span_sub(in, 0, all.len)));
	for (size_t i = 0; i < n; i++)
		if (dkim_signature_parse(&f[i], &s) == DKIM_good) {
			must(s.value_n > 0 && s.value_n <= sizeof s.value);
			must(domain_is_canonical(domain_span(&s.domain)));
			dkim_signature_header_digest(&s, &f[i], f, n, scratch, digest);
		}
	buf_clear(&all);
	buf_clear(&once);
	buf_clear(&twice);
}

/* A list that is good is good with blanks around its tags, and says the same. */
static void
tags(struct span in)
{
	struct tag_list l, again;
	struct buf wide = BUF_INIT;

	if (!tag_list_parse(in, &l))
		return;
	must(l.n > 0 && l.n <= TAGS_MAX);
	for (size_t i = 0; i < l.n; i++) {
		must(tag_list_find(&l, "?") == NULL);
		buf_addf(&wide, " ");
		buf_add(&wide, l.tag[i].name.p, l.tag[i].name.n);
		buf_addf(&wide, "\t=\r\n ");
		buf_add(&wide, l.tag[i].value.p, l.tag[i].value.n);
		buf_addf(&wide, " ;");
	}
	must(tag_list_parse(buf_span(&wide), &again) && again.n == l.n);
	for (size_t i = 0; i < l.n; i++)
		must(span_eq(again.tag[i].name, l.tag[i].name) &&
		    span_eq(again.tag[i].value, l.tag[i].value));
	buf_clear(&wide);
}

static void
records(struct span in)
{
	static const enum dkim_alg algs[] = { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };
	struct dkim_signature s = { .same_domain = true, .value_n = 64 };
	unsigned char digest[DIGEST_BYTES] = { 0 };
	struct dmarc_record d;
	struct dkim_key k;
	struct buf text = BUF_INIT;

	if (dkim_txt_join(in, DKIM_RECORD_MAX, &text))
		must(text.len <= DKIM_RECORD_MAX && text.len <= in.n);
	buf_clear(&text);
	for (size_t i = 0; i < 2; i++) {
		s.alg = algs[i];
		if (dkim_key_parse(in, &s, &k) == DKIM_good)
			must(k.key != NULL && !dkim_key_verifies(&k, &s, digest));
		else
			must(k.key == NULL);
		dkim_key_clear(&k);
	}
	if (dmarc_parse(in, &d))
		must(d.percent <= 100 && d.domain <= DMARC_P_REJECT &&
		    d.subdomains <= DMARC_P_REJECT);
}

static void
digest_of(enum canon how, struct span in, size_t piece, unsigned char digest[DIGEST_BYTES],
    uint64_t *octets)
{
	struct canon_body *c = canon_body_new(how);

	for (size_t at = 0; at < in.n; at += piece)
		canon_body_add(c, span_sub(in, at, piece));
	canon_body_end(c, digest, octets);
	canon_body_free(&c);
}

static void
body(struct span in)
{
	for (int how = 0; how < 2; how++) {
		unsigned char one[DIGEST_BYTES], two[DIGEST_BYTES];
		uint64_t n, m;

		digest_of((enum canon)how, in, in.n + 1, one, &n);
		digest_of((enum canon)how, in, 1 + in.n % 7, two, &m);
		must(n == m && memcmp(one, two, sizeof one) == 0 && n <= in.n + 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const kinds[])(struct span) = { header, tags, records, body };

	if (n > 0)
		kinds[data[0] % 4](span_of(data + 1, n - 1));
	return 0;
}
