/* dkim_sign — see dkim_sign.h. */
#include "common/dkim/dkim_sign.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/memory.h"
#include "common/dkim/canon.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"

#define FIELDS_MAX   2000
#define LINE_COLUMNS 72 /* columns of the field's lines */

/* What is signed where a letter has it, each as often as it is there: what people see, how the content is read, and
 * what lists are known by (RFC 6376 5.4.1).  What hosts on the way change is not among them. */
static const char *const signed_names[] = {
	"From",
	"Sender",
	"Reply-To",
	"Subject",
	"Date",
	"Message-ID",
	"To",
	"Cc",
	"In-Reply-To",
	"References",
	"MIME-Version",
	"Content-Type",
	"Content-Transfer-Encoding",
	"Content-Disposition",
	"Content-Language",
	"List-Id",
	"List-Help",
	"List-Unsubscribe",
	"List-Unsubscribe-Post",
	"List-Subscribe",
	"List-Post",
	"List-Owner",
	"List-Archive",
};

/* Outlives a signer that is freed while the pool signs. */
struct job {
	struct offload_job offload;
	struct dkim_signer *signer; /* NULL: freed */
	struct dkim_keys *keys;
	const struct dkim_pair *pair;
	struct buf fields[2]; /* by enum dkim_alg: up to b=, as they are signed */
	unsigned char digest[2][DIGEST_BYTES];
	struct buf out;
	struct err why;
};

struct dkim_signer {
	struct job *job;
	struct domain domain;
	int64_t now_s;
	struct buf names;  /* h= */
	struct buf header; /* the form of the fields that are signed */
	struct canon_body *body;
	struct loop_timer *over; /* set: tells why nothing is signed */
	bool working;
	dkim_signed *done;
	void *arg;
};

/* -- the header -------------------------------------------------------------------------------- */

static void
add_name(struct dkim_signer *s, const char *name)
{
	buf_addf(&s->names, "%s%s", s->names.len == 0 ? "" : ":", name);
}

/* Each field of the name from the lowest up, as the verifier takes them. */
static size_t
add_fields(struct dkim_signer *s, const char *name, const struct header_field *f, size_t n)
{
	size_t found = 0;

	while (n-- > 0) {
		if (!header_field_named(&f[n], name))
			continue;
		add_name(s, name);
		canon_field(CANON_RELAXED, &f[n], &s->header);
		buf_add(&s->header, "\r\n", 2);
		found++;
	}
	return found;
}

void
dkim_signer_header(struct dkim_signer *s, struct span header)
{
	struct header_field *f = memory_array(FIELDS_MAX + 1, sizeof *f);
	enum header_next next;
	size_t n = 0, from = 0;

	while ((next = header_field_next(&header, &f[n])) == HEADER_FIELD && n < FIELDS_MAX)
		n++;
	for (size_t i = 0; i < sizeof signed_names / sizeof signed_names[0]; i++) {
		size_t found = add_fields(s, signed_names[i], f, n);

		if (i == 0) {
			from = found;
			add_name(s, signed_names[0]); /* one that is not there */
		}
	}
	free(f);
	if (next != HEADER_END || from != 1)
		err_set(&s->job->why, REFUSAL_bad_message,
		    "a letter can be signed that has one From and a header of at most %d fields",
		    FIELDS_MAX);
}

void
dkim_signer_body(struct dkim_signer *s, struct span piece)
{
	canon_body_add(s->body, piece);
}

/* -- the fields -------------------------------------------------------------------------------- */

/* Breaks lines at the colons between names. */
static void
add_names(struct buf *out, struct span names)
{
	size_t column = sizeof "\th=" - 1;

	while (names.n > 0) {
		struct span name = span_cut(&names, ':');

		if (column + name.n + 1 > LINE_COLUMNS) {
			buf_addf(out, "\r\n\t");
			column = 1;
		}
		buf_addf(out, "%.*s%s", SPAN_FMT(name), names.n > 0 ? ":" : "");
		column += name.n + 1;
	}
}

static void
add_folded(struct buf *out, struct span text)
{
	for (size_t at = 0; at < text.n; at += LINE_COLUMNS)
		buf_addf(out, "\r\n\t%.*s", SPAN_FMT(span_sub(text, at, LINE_COLUMNS)));
}

/* Up to b=, whose value the digest leaves out. */
static void
make_field(struct dkim_signer *s, enum dkim_alg alg, const unsigned char body[DIGEST_BYTES])
{
	struct buf *out = &s->job->fields[alg], form = BUF_INIT;
	struct header_field f;
	struct span rest;

	buf_addf(out,
	    "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed; t=%" PRId64
	    ";\r\n\td=%s;\r\n\ts=%s;\r\n\th=",
	    dkim_alg_text(alg), s->now_s, s->domain.text, s->job->pair->selector[alg]);
	add_names(out, buf_span(&s->names));
	buf_addf(out, ";\r\n\tbh=");
	base64_add(out, body, DIGEST_BYTES);
	buf_addf(out, ";\r\n\tb=");
	buf_add(&form, s->header.data, s->header.len);
	rest = buf_span(out);
	if (header_field_next(&rest, &f) != HEADER_FIELD)
		abort();
	canon_field(CANON_RELAXED, &f, &form);
	digest_sha256(buf_span(&form), s->job->digest[alg]);
	buf_clear(&form);
}

/* -- signing, on the pool ---------------------------------------------------------------------- */

static bool
sign_ed25519(EVP_PKEY *k, const unsigned char digest[DIGEST_BYTES], unsigned char *out, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k) == 1 &&
	    EVP_DigestSign(ctx, out, n, digest, DIGEST_BYTES) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool
sign_rsa(EVP_PKEY *k, const unsigned char digest[DIGEST_BYTES], unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);
	bool good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_sign(ctx, out, n, digest, DIGEST_BYTES) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool
sign(struct job *j, enum dkim_alg alg)
{
	unsigned char value[DKIM_VALUE_MAX];
	size_t n = sizeof value;
	struct buf text = BUF_INIT;

	if (!(alg == DKIM_RSA_SHA256 ? sign_rsa : sign_ed25519)(j->pair->key[alg], j->digest[alg],
		value, &n)) {
		ERR_clear_error();
		return err_set(&j->why, REFUSAL_internal, "the key %s does not sign",
		    j->pair->selector[alg]);
	}
	base64_add(&text, value, n);
	buf_add(&j->out, j->fields[alg].data, j->fields[alg].len);
	add_folded(&j->out, buf_span(&text));
	buf_add(&j->out, "\r\n", 2);
	buf_clear(&text);
	return true;
}

static void
work(void *arg)
{
	struct job *j = arg;

	for (int a = 0; a < 2; a++)
		if (j->pair->key[a] != NULL && !sign(j, (enum dkim_alg)a))
			return;
}

static void
job_free(struct job *j)
{
	dkim_keys_unref(&j->keys);
	for (int a = 0; a < 2; a++)
		buf_clear(&j->fields[a]);
	buf_clear(&j->out);
	free(j);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void
tell(void *arg)
{
	struct dkim_signer *s = arg;
	const struct job *j = s->job;

	if (j->why.why == REFUSAL_NONE)
		s->done(s->arg, buf_span(&j->out), NULL);
	else
		s->done(s->arg, SPAN_LIT(""), &j->why);
}

static void
worked(void *arg)
{
	struct job *j = arg;

	if (j->signer == NULL) {
		job_free(j);
		return;
	}
	j->signer->working = false;
	tell(j->signer);
}

void
dkim_signer_end(struct dkim_signer *s, struct offload *pool, struct loop *home, dkim_signed *done,
    void *arg)
{
	unsigned char body[DIGEST_BYTES];
	struct job *j = s->job;
	uint64_t octets;

	s->done = done;
	s->arg = arg;
	canon_body_end(s->body, body, &octets);
	if (j->why.why == REFUSAL_NONE) {
		for (int a = 0; a < 2; a++)
			if (j->pair->key[a] != NULL)
				make_field(s, (enum dkim_alg)a, body);
		j->offload = (struct offload_job) { .home = home,
			.work = work,
			.done = worked,
			.arg = j };
		s->working = offload_take(pool, &j->offload);
		if (s->working)
			return;
		err_word(&j->why, REFUSAL_closing);
	}
	s->over = loop_timer_new(home, tell, s);
	loop_timer_set_ms(s->over, 0);
}

/* -- life -------------------------------------------------------------------------------------- */

struct dkim_signer *
dkim_signer_new(struct dkim_keys *k, const char *domain, int64_t now_s)
{
	const struct dkim_pair *pair;
	struct dkim_signer *s;

	if (dkim_keys_of(k, domain, &pair) == 0)
		return NULL;
	s = memory_new(sizeof *s);
	s->job = memory_new(sizeof *s->job);
	s->job->signer = s;
	s->job->keys = dkim_keys_ref(k);
	s->job->pair = pair;
	s->domain = domain_copy(domain);
	s->now_s = now_s;
	s->body = canon_body_new(CANON_RELAXED);
	return s;
}

void
dkim_signer_free(struct dkim_signer **signer)
{
	struct dkim_signer *s = *signer;

	*signer = NULL;
	if (s == NULL)
		return;
	if (s->working)
		s->job->signer = NULL;
	else
		job_free(s->job);
	canon_body_free(&s->body);
	loop_timer_free(&s->over);
	buf_clear(&s->names);
	buf_clear(&s->header);
	free(s);
}
