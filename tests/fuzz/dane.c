/* dane — any octets as TLSA records: read alike, none that is out of order counts, and none matches but by its data.
 *
 * The input is records, each after two octets with its length.  They are held against a leaf and its CA; then once
 * more beside a record that matches, which no other record may undo unless it is a stronger one.
 */
#include <stdlib.h>

#include <openssl/x509.h>

#include "common/pki/dane.h"
#include "tests/fuzz/vouch.h"

#define RECORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct chain *chain;
static unsigned char matching[3 + 32] = { 3, 0, 1 };

static void
start(void)
{
	struct cert *root = vouch_root(), *leaf = cert_leaf("a.test", root);
	STACK_OF(X509) *rest = sk_X509_new_null();
	unsigned n = 32;

	sk_X509_push(rest, root->x);
	chain = chain_new(leaf->x, rest);
	sk_X509_free(rest);
	vouch_must(X509_digest(leaf->x, EVP_sha256(), matching + 3, &n) == 1);
	cert_free(&leaf);
	cert_free(&root);
}

static void
one(struct span rdata, size_t *usable, bool *stronger)
{
	struct dane_record r;

	if (!dane_record_read(rdata, &r)) {
		vouch_must(rdata.n < 4);
		return;
	}
	vouch_must(r.data.n == rdata.n - 3);
	if (!dane_record_usable(&r))
		return;
	vouch_must((r.usage == 2 || r.usage == 3) && r.selector <= 1 && r.matching <= 2);
	vouch_must(r.matching != 1 || r.data.n == 32);
	vouch_must(r.matching != 2 || r.data.n == 64);
	++*usable;
	*stronger |= r.usage == 3 && r.selector == 0 && r.matching == 2;
}

static struct dane_verdict
judged(const struct span *record, size_t n)
{
	static const char *const name[1] = { "a.test" };
	struct dane_verdict v;

	dane_judge(&(struct dane_ask) { record, n, name, 1 }, chain, 1800000000, &v);
	vouch_must((v.outcome == DANE_NONE) == (n == 0));
	vouch_must((v.usable == 0) == (v.outcome == DANE_NONE || v.outcome == DANE_UNUSABLE));
	vouch_must((v.why.why == REFUSAL_dane_mismatch) == (v.outcome == DANE_MISMATCH));
	return v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span record[RECORDS + 1], in = span_of(data, n);
	size_t records = 0, usable = 0;
	bool stronger = false;
	struct dane_verdict v;

	if (chain == NULL)
		start();
	while (in.n > 0 && records < RECORDS) {
		size_t most = (size_t)(uint8_t)in.p[0] << 8 | (in.n > 1 ? (uint8_t)in.p[1] : 0);

		record[records] = span_sub(in, 2, most);
		in = span_sub(in, record[records].n + 2, in.n);
		one(record[records++], &usable, &stronger);
	}
	v = judged(record, records);
	vouch_must(v.usable == usable);
	record[records] = span_of(matching, sizeof matching);
	v = judged(record, records + 1);
	vouch_must(v.usable == usable + 1 && (stronger || v.outcome == DANE_MATCH_EE));
	return 0;
}
