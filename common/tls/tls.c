/* tls — generations; see tls.h. */
#include "common/tls/tls.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/tls/tls_private.h"

struct kept {
	struct tls_identity *identity; /* NULL: none */
	uint64_t seen;                 /* signature of its files, readable or not */
};

struct tls {
	atomic_uint refs;
	uint64_t generation;
	uint64_t folders; /* their signature when they were read */
	struct trust *trust;
	struct kept *of; /* the domains */
	size_t n;
	uint64_t *tried; /* `seen` of all in the settings, also of those that are left out */
	struct kept host;
	_Atomic(SSL_CTX *) context[TLS_KINDS];
};

uint64_t
tls_folders_signature(const struct tls_settings *s)
{
	uint64_t h = trust_signature(s->trust);

	if (s->crls != NULL && *s->crls != '\0')
		h = h * 31 + trust_signature(s->crls);
	if (s->cache != NULL && *s->cache != '\0')
		h = h * 31 + trust_signature(s->cache);
	return h;
}

/* t->n: no such identity. */
static size_t
find(const struct tls *t, const char *domain)
{
	size_t i = 0;

	while (i < t->n && strcmp(tls_identity_domain(t->of[i].identity), domain) != 0)
		i++;
	return i;
}

/* -- making ------------------------------------------------------------------------------------- */

/* *out NULL: it cannot be read, and there was none before; the others go on. */
static bool
read_identity(const struct tls_files *f, const struct guard_user *u, struct tls_identity *old,
    enum tls_occasion when, struct tls_identity **out, struct err *e)
{
	if (tls_identity_load(f, u, out, e))
		return true;
	if (when == TLS_START)
		return err_prefix(e, "%s", f->domain);
	log_fact(LOG_ERROR, "tls.identity", "domain=%s kept=%s why=%s", log_str(f->domain),
	    old == NULL ? "none" : "old", log_str(e->text));
	*out = old == NULL ? NULL : tls_identity_ref(old);
	return true;
}

/* Unreadable files are not tried again until they change. */
static bool
take(const struct tls_files *f, const struct guard_user *u, const struct kept *old,
    enum tls_occasion when, struct kept *out, struct err *e)
{
	out->seen = tls_identity_files(f);
	if (old->identity == NULL ||
	    (out->seen != tls_identity_signature(old->identity) &&
		(when != TLS_WATCH || out->seen != old->seen)))
		return read_identity(f, u, old->identity, when, &out->identity, e);
	out->identity = tls_identity_ref(old->identity);
	return true;
}

static bool
take_identity(struct tls *t, const struct tls_settings *s, size_t i, const struct tls *before,
    enum tls_occasion when, struct err *e)
{
	const struct tls_files *f = &s->identities[i];
	size_t at = before == NULL ? 0 : find(before, f->domain);
	struct kept none = { 0 }, fresh;

	if (find(t, f->domain) != t->n)
		return err_set(e, REFUSAL_config, "the domain %s appears twice", f->domain);
	if (!take(f, &s->user, before == NULL || at == before->n ? &none : &before->of[at], when,
		&fresh, e))
		return false;
	t->tried[i] = fresh.seen;
	if (fresh.identity != NULL)
		t->of[t->n++] = fresh;
	return true;
}

static bool
take_host(struct tls *t, const struct tls_settings *s, const struct tls *before,
    enum tls_occasion when, struct err *e)
{
	struct kept old = { 0 };

	if (s->host == NULL)
		return true;
	if (before != NULL && before->host.identity != NULL &&
	    strcmp(tls_identity_domain(before->host.identity), s->host->domain) == 0)
		old = before->host;
	return take(s->host, &s->user, &old, when, &t->host, e);
}

static bool
take_identities(struct tls *t, const struct tls_settings *s, const struct tls *before,
    enum tls_occasion when, struct err *e)
{
	t->of = memory_array(s->n_identities + 1, sizeof *t->of);
	t->tried = memory_array(s->n_identities + 1, sizeof *t->tried);
	for (size_t i = 0; i < s->n_identities; i++)
		if (!take_identity(t, s, i, before, when, e))
			return false;
	return take_host(t, s, before, when, e);
}

/* Peers judge as this host does, so warn early.  Revocation is left to them. */
static void
judge_own(const struct tls *t, const struct tls_identity *id, const struct judge_rules *r)
{
	struct err e;

	if (!judge_chain_by(t->trust, tls_identity_chain(id), r, clock_wall_ms() / 1000, NULL,
		&e) &&
	    e.why != REFUSAL_revocation_unknown)
		log_fact(LOG_WARN, "tls.own-certificate", "domain=%s word=%s why=%s",
		    log_str(tls_identity_domain(id)), refusal_word(e.why), log_str(e.text));
}

static void
judge_all_own(const struct tls *t)
{
	for (size_t i = 0; i < t->n; i++)
		judge_own(t, t->of[i].identity,
		    &(struct judge_rules) { .domain = tls_identity_domain(t->of[i].identity) });
	if (t->host.identity != NULL)
		judge_own(t, t->host.identity,
		    &(struct judge_rules) { .host = tls_identity_domain(t->host.identity) });
}

bool
tls_make(const struct tls_settings *s, const struct tls *before, enum tls_occasion when,
    struct tls **out, struct err *e)
{
	struct tls *t = memory_new(sizeof *t);
	bool ok = true;

	atomic_init(&t->refs, 1);
	t->generation = before == NULL ? 1 : before->generation + 1;
	t->folders = tls_folders_signature(s);
	if (before != NULL && before->folders == t->folders)
		t->trust = trust_ref(before->trust);
	else
		ok = trust_load(s->trust, s->crls, s->cache, &s->user,
		    when == TLS_WATCH ? TRUST_LENIENT : TRUST_STRICT, &t->trust, e);
	if (!ok || !take_identities(t, s, before, when, e)) {
		tls_unref(&t);
		return false;
	}
	judge_all_own(t);
	log_fact(LOG_INFO, "tls.generation",
	    "number=%llu roots=%u crls=%u skipped=%u domains=%zu host=%s",
	    (unsigned long long)t->generation, trust_count(t->trust), trust_crl_count(t->trust),
	    trust_skipped(t->trust), t->n,
	    t->host.identity == NULL ? "-" : log_str(tls_identity_domain(t->host.identity)));
	*out = t;
	return true;
}

bool
tls_load(const struct tls_settings *s, struct tls **out, struct err *e)
{
	return tls_make(s, NULL, TLS_START, out, e);
}

bool
tls_outdated(const struct tls *t, const struct tls_settings *s)
{
	if (tls_folders_signature(s) != t->folders)
		return true;
	for (size_t i = 0; i < s->n_identities; i++) {
		size_t at = find(t, s->identities[i].domain);

		if (tls_identity_files(&s->identities[i]) !=
		    (at == t->n ? t->tried[i] : t->of[at].seen))
			return true;
	}
	return s->host != NULL && tls_identity_files(s->host) != t->host.seen;
}

/* -- asking ------------------------------------------------------------------------------------- */

struct tls *
tls_ref(struct tls *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void
tls_unref(struct tls **tp)
{
	struct tls *t = *tp;

	*tp = NULL;
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	for (size_t i = 0; i < TLS_KINDS; i++)
		SSL_CTX_free(t->context[i]);
	for (size_t i = 0; i < t->n; i++)
		tls_identity_unref(&t->of[i].identity);
	tls_identity_unref(&t->host.identity);
	free(t->of);
	free(t->tried);
	trust_unref(&t->trust);
	free(t);
}

struct trust *
tls_trust(const struct tls *t)
{
	return t->trust;
}

uint64_t
tls_generation(const struct tls *t)
{
	return t->generation;
}

const struct tls_identity *
tls_identity(const struct tls *t, const char *domain)
{
	size_t at = find(t, domain);

	return at == t->n ? NULL : t->of[at].identity;
}

const struct tls_identity *
tls_host_identity(const struct tls *t)
{
	return t->host.identity;
}

const struct tls_identity *
tls_any_identity(const struct tls *t)
{
	return t->n == 0 ? NULL : t->of[0].identity;
}

SSL_CTX *
tls_context(struct tls *t, enum tls_kind kind)
{
	SSL_CTX *c = atomic_load(&t->context[kind]), *other = NULL;

	if (c != NULL)
		return c;
	c = tls_context_new(tls_profile(kind));
	if (atomic_compare_exchange_strong(&t->context[kind], &other, c))
		return c;
	SSL_CTX_free(c);
	return other;
}
