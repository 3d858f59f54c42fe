/* notify_scene — an OMS's side of a dialogue, written out: statements, seals, their faults; and the
 * fake role of the IMS's engine.
 *
 * A signature is the SHA-256 of "signed", the algorithm's name and the seal's text.
 */
#ifndef TESTS_NOTIFY_SCENE_H
#define TESTS_NOTIFY_SCENE_H

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/text/idn.h"
#include "proto/notify_server.h"

#define SCENE_NOW          INT64_C(1795442402)
#define SCENE_LETTERS      70
#define SCENE_ROLE_BATCHES 8

/* -- what is said ------------------------------------------------------------------------ */

struct scene_letter {
	const char *from, *recipient_domain;
	int64_t hold_until_s;
	size_t n_recipients;       /* 0: a recall */
	const char *recipients[4]; /* NULL: "userN@b.test" */
	bool no_rcpt;              /* a notification without its RCPT lines */
	unsigned number;           /* makes its id */
};

struct scene {
	struct buf wire;
	unsigned char digests[SCENE_LETTERS][32];
	size_t n;
};

static inline void
scene_sha256(struct span s, unsigned char out[32])
{
	SHA256((const unsigned char *)s.p, s.n, out);
}

static inline struct scene_letter
scene_letter(unsigned number)
{
	return (struct scene_letter) {
		.from = "alice@a.test",
		.recipient_domain = "b.test",
		.hold_until_s = SCENE_NOW + 86400,
		.n_recipients = 1,
		.number = number,
	};
}

static inline void
scene_salt(unsigned number, size_t i, unsigned char salt[16])
{
	memset(salt, 0, 16);
	salt[0] = (unsigned char)number;
	salt[1] = (unsigned char)i;
}

static inline struct span
scene_recipient(const struct scene_letter *l, size_t i, char out[ADDRESS_STR_BYTES])
{
	struct buf b = BUF_INIT;

	if (i < 4 && l->recipients[i] != NULL)
		return span_str(l->recipients[i]);
	buf_addf(&b, "user%zu@b.test", i);
	span_copy(buf_span(&b), out, ADDRESS_STR_BYTES);
	buf_clear(&b);
	return span_str(out);
}

/* The statement's text alone. */
static inline void
scene_statement(const struct scene_letter *l, struct buf *out)
{
	static unsigned char hashes[STATEMENT_RECIPIENTS_MAX + 1][32];
	struct statement st = {
		.from.whole = span_str(l->from),
		.from_domain = span_str(strchr(l->from, '@') + 1),
		.recipient_domain = span_str(l->recipient_domain),
		.date_s = SCENE_NOW - 86400 * 40,
		.hold_until_s = l->hold_until_s,
		.size = 1000 + l->number,
		.summary_size = 10,
	};
	unsigned char random[10] = { (unsigned char)l->number }, salt[16];
	char address[ADDRESS_STR_BYTES];
	struct err e;
	bool good;

	ulid_make(&st.id, SCENE_NOW * 1000, random);
	for (size_t i = 0; i < l->n_recipients; i++) {
		scene_salt(l->number, i, salt);
		statement_hash(scene_sha256, salt, scene_recipient(l, i, address), hashes[i]);
	}
	good = l->n_recipients ? statement_write(out, &st, hashes, l->n_recipients, &e)
			       : statement_write_recall(out, &st, &e);
	if (!good)
		abort();
}

static inline void
scene_raw(struct scene *s, const char *text)
{
	buf_add(&s->wire, text, strlen(text));
}

static inline void
scene_rcpt(struct scene *s, struct span address, const unsigned char salt[16])
{
	buf_addf(&s->wire, "RCPT <%.*s> ", SPAN_FMT(address));
	hex_add(&s->wire, salt, 16);
	scene_raw(s, "\r\n");
}

/* A statement of any text; the next seal will contain its digest, once. */
static inline void
scene_text(struct scene *s, struct span text)
{
	bool before = false;

	scene_sha256(text, s->digests[s->n]);
	for (size_t i = 0; i < s->n; i++)
		before = before || memcmp(s->digests[i], s->digests[s->n], 32) == 0;
	s->n += !before;
	buf_addf(&s->wire, "STATEMENT %zu\r\n", text.n);
	buf_add(&s->wire, text.p, text.n);
}

static inline void
scene_say(struct scene *s, const struct scene_letter *l)
{
	struct buf text = BUF_INIT;
	unsigned char salt[16];
	char address[ADDRESS_STR_BYTES];

	for (size_t i = 0; i < l->n_recipients && !l->no_rcpt; i++) {
		scene_salt(l->number, i, salt);
		scene_rcpt(s, scene_recipient(l, i, address), salt);
	}
	scene_statement(l, &text);
	scene_text(s, buf_span(&text));
	buf_clear(&text);
}

static inline void
scene_sign(struct span text, const char *alg, unsigned char out[32])
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "signed %s ", alg);
	buf_add(&b, text.p, text.n);
	scene_sha256(buf_span(&b), out);
	buf_clear(&b);
}

static inline void
scene_seal_text(struct scene *s, struct span text)
{
	unsigned char signature[32];

	scene_sign(text, "ecdsa-sha256", signature);
	buf_addf(&s->wire, "SEAL %zu ecdsa-sha256 32\r\n", text.n);
	buf_add(&s->wire, text.p, text.n);
	buf_add(&s->wire, signature, sizeof signature);
	s->n = 0;
}

static inline void
scene_seal_by(struct scene *s, const char *signer, const char *whom, int64_t date_s)
{
	struct buf text = BUF_INIT;
	struct err e;

	if (!seal_write(&text, span_str(signer), span_str(whom), date_s, s->digests, s->n, &e))
		abort();
	scene_seal_text(s, buf_span(&text));
	buf_clear(&text);
}

static inline void
scene_seal(struct scene *s)
{
	scene_seal_by(s, "a.test", "b.test", SCENE_NOW);
}

static inline void
scene_clear(struct scene *s)
{
	buf_clear(&s->wire);
	s->n = 0;
}

/* -- the fake role ------------------------------------------------------------------------ */

struct scene_role {
	struct notify_server engine;
	bool slow_hello, slow; /* answers come by hand */
	uint64_t hello_request;
	struct notify_batch *batches[SCENE_ROLE_BATCHES];
	size_t n_batches;
	size_t verified, accepted, letters;
	size_t held, held_most, may_hold; /* in memory; may_hold 0: any */
};

static inline bool
scene_admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static inline enum outcome
scene_hello(void *role, const char *domain, struct err *e)
{
	struct scene_role *r = role;

	if (strcmp(domain, "evil.test") == 0)
		return err_word(e, REFUSAL_spf_fail), REFUSED;
	r->hello_request = r->engine.server.request;
	return r->slow_hello ? PENDING : DONE;
}

static inline bool
scene_verify(void *role, enum seal_alg alg, struct span text, struct span signature, struct err *e)
{
	unsigned char want[32];

	((struct scene_role *)role)->verified++;
	scene_sign(text, seal_alg_name(alg), want);
	return span_eq(signature, span_of(want, sizeof want)) || err_word(e, REFUSAL_seal_bad);
}

/* full@ is full, again@ is known, all others are noticed. */
static inline void
scene_judge(struct scene_role *r, struct notify_batch *b)
{
	struct err e;

	err_word(&e, REFUSAL_mailbox_full);
	for (size_t i = 0; i < b->n_entries; i++) {
		struct span a = b->entries[i].address;

		if (b->entries[i].judged)
			continue;
		r->accepted++;
		if (span_starts(a, SPAN_LIT("full@")))
			notify_batch_refuse(b, i, &e);
		else
			notify_batch_accept(b, i,
			    a.n == 0                                 ? NOTIFY_RECALLED
				: span_starts(a, SPAN_LIT("again@")) ? NOTIFY_KNOWN
								     : NOTIFY_NOTICED);
	}
}

static inline bool
scene_answer(struct scene_role *r, size_t i)
{
	bool waited = false;

	scene_judge(r, r->batches[i]);
	waited = notify_server_answer(&r->engine, r->batches[i]);
	notify_batch_free(&r->batches[i]);
	return waited;
}

static inline void
scene_accept_take(void *role, struct notify_batch *b)
{
	struct scene_role *r = role;

	if (r->n_batches == SCENE_ROLE_BATCHES)
		r->n_batches = 0;
	notify_batch_free(&r->batches[r->n_batches]);
	r->batches[r->n_batches++] = b;
	r->letters += b->n_statements;
	if (!r->slow)
		scene_answer(r, r->n_batches - 1);
}

static inline bool
scene_hold(void *role, size_t bytes, bool forced, struct err *e)
{
	struct scene_role *r = role;

	if (bytes > r->held && r->may_hold != 0 && bytes > r->may_hold && !forced)
		return err_word(e, REFUSAL_batch_share);
	r->held = bytes;
	r->held_most = bytes > r->held_most ? bytes : r->held_most;
	return true;
}

static inline int64_t
scene_wall_s(void *role)
{
	(void)role;
	return SCENE_NOW;
}

static const struct notify_server_ops scene_ops = {
	.a_label = idn_a_label,
	.server = { .admit = scene_admit },
	.hello = scene_hello,
	.verify = scene_verify,
	.accept_take = scene_accept_take,
	.hold = scene_hold,
	.wall_s = scene_wall_s,
	.sha256 = scene_sha256,
};

static inline void
scene_role_init(struct scene_role *r)
{
	*r = (struct scene_role) { 0 };
	notify_server_init(&r->engine, "b.test", &scene_ops, r);
	r->engine.server.engine.now_ms = 1;
}

static inline void
scene_role_clear(struct scene_role *r)
{
	notify_server_clear(&r->engine);
	for (size_t i = 0; i < SCENE_ROLE_BATCHES; i++)
		notify_batch_free(&r->batches[i]);
}

#endif
