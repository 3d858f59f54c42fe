/* ims_given_scene — letters that come by SMTP, for a store of ims_store_scene.h; after <cmocka.h>. */
#ifndef TESTS_UNIT_IMS_GIVEN_SCENE_H
#define TESTS_UNIT_IMS_GIVEN_SCENE_H

#include "tests/unit/ims_store_scene.h"
#include "tests/unit/source_scene.h"

#define GIFT_TO_MAX 210
#define HEAD        "Return-Path: <alice@old.test>\r\nReceived: from mx.old.test\r\nSubject: hello\r\n\r\n"

struct gift {
	unsigned number;                                 /* makes its id */
	const char *from;                                /* NULL: alice@old.test */
	const char *payer;                               /* NULL: the domain of from */
	const char *to[GIFT_TO_MAX], *user[GIFT_TO_MAX]; /* user NULL: the address's own name */
	size_t n_to;                                     /* 0: as many as `to` has */
	size_t size;                                     /* of the body */
	const char *chain;                               /* NULL: "chain of mx"; "": none */
	const char *crl;                                 /* NULL: none */
	const char *unaccountable;
	uint64_t sender_limit, mailbox_limit;
	struct ims_claim **claim;
};

static inline const char *
gift_from(const struct gift *g)
{
	return g->from != NULL ? g->from : "alice@old.test";
}

static inline struct domain
gift_payer(const struct gift *g)
{
	struct domain d;
	struct span payer = g->payer != NULL ? span_str(g->payer)
					     : address_domain(span_str(gift_from(g)));

	assert_true(domain_copy_span(&d, payer));
	return d;
}

static inline struct mailbox_marks
gift_marks(const struct gift *g)
{
	struct mailbox_marks m = { .spf = MAILBOX_RESULT_PASS,
		.dkim = MAILBOX_RESULT_FAIL,
		.dmarc = MAILBOX_RESULT_QUARANTINE,
		.via = true,
		.has_fingerprint = true,
		.fingerprint = { 0xfe, 0xed },
		.header_from = "author@a.test" };

	span_copy(span_str(g->unaccountable != NULL ? g->unaccountable : ""), m.unaccountable,
	    sizeof m.unaccountable);
	domain_copy_span(&m.ehlo, SPAN_LIT("mx.old.test"));
	domain_copy_span(&m.dkim_domain, SPAN_LIT("old.test"));
	return m;
}

/* The body is so many "y". */
static inline void
gift_body(struct world *w, const struct gift *g, struct ulid id, struct body_kept *kept)
{
	struct ims_letter l = { .id = id, .from_domain = gift_payer(g) };
	struct body_in *in = ims_store_body_in(w->store, &l, w->loop);
	char *octets = memory_new(g->size + 1);

	memset(octets, 'y', g->size);
	body_add(in, span_of(octets, g->size));
	free(octets);
	w->waiting++;
	body_end_take(in, on_kept, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	*kept = w->kept;
}

static inline size_t
gift_to(const struct gift *g, struct ims_given_to *to)
{
	size_t n = g->n_to;

	while (g->n_to == 0 && n < GIFT_TO_MAX && g->to[n] != NULL)
		n++;
	for (size_t i = 0; i < n; i++)
		to[i] = (struct ims_given_to) { .user = g->user[i] != NULL ? g->user[i] : g->to[i],
			.address = g->to[i] };
	return n;
}

static inline enum refusal
give(struct world *w, struct gift g)
{
	static const char spf[1][IMS_STORE_SPF_BYTES] = { "pass v=spf1 mx -all" };
	struct ims_given_to to[GIFT_TO_MAX];
	struct mailbox_marks marks = gift_marks(&g);
	const char *chain = g.chain != NULL ? g.chain : "chain of mx";
	struct crl_octets crl = { .der = span_str(g.crl != NULL ? g.crl : "") };
	struct ims_evidence ev = {
		.chain = span_str(chain),
		.chain_digest = digest_of(chain),
		.crls = &crl,
		.n_crls = g.crl != NULL,
		.issuer = chain[0] == '\0' ? "" : "CN=CA of hosts",
		.host = "192.0.2.25",
		.spf = spf,
		.received_s = w->now_s,
		.sender_limit = g.sender_limit,
		.mailbox_limit = g.mailbox_limit,
	};
	struct ims_given of = { .id = id_of(w, g.number),
		.payer = gift_payer(&g),
		.from = gift_from(&g),
		.marks = &marks,
		.head = SPAN_LIT(HEAD),
		.results = SPAN_LIT("spf=pass; dkim=fail; dmarc=fail"),
		.date_s = w->now_s - 5,
		.to = to,
		.n_to = gift_to(&g, to),
		.evidence = &ev };
	struct body_kept kept;

	digest_sha256(crl.der, crl.digest);
	gift_body(w, &g, of.id, &kept);
	w->waiting++;
	ims_store_give_take(w->store, &of, &kept, g.claim, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

/* HEAD and the body of so many "y". */
static inline void
assert_gift_body(struct world *w, const struct ims_letter *l, size_t size)
{
	struct buf all = BUF_INIT;
	char piece[40000];
	ssize_t n;

	assert_int_equal(l->size, strlen(HEAD) + size);
	assert_int_equal(body(w, l), REFUSAL_NONE);
	while (all.len < l->size) {
		n = source_read(w->body, w->loop, all.len, piece, sizeof piece, NULL);
		assert_true(n > 0);
		buf_add(&all, piece, (size_t)n);
	}
	w->body->free(w->body);
	assert_int_equal(all.len, l->size);
	assert_memory_equal(all.data, HEAD, strlen(HEAD));
	for (size_t i = strlen(HEAD); i < all.len; i++)
		assert_int_equal(all.data[i], 'y');
	buf_clear(&all);
}

#endif
