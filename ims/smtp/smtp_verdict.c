/* smtp_verdict — see smtp_verdict.h. */
#include "ims/smtp/smtp_verdict.h"

#include <string.h>

/* What has been found while the rules are gone through. */
struct judging {
	struct err *e;
	bool marked, refused;
};

/* The rule is broken as *why says. */
static void
broken(struct judging *j, const struct err *why, bool refuses)
{
	if (j->refused || (j->marked && !refuses))
		return;
	*j->e = *why;
	j->marked = true;
	j->refused = refuses;
}

static void
broken_by(struct judging *j, enum refusal why, bool refuses)
{
	struct err e;

	err_word(&e, why);
	broken(j, &e, refuses);
}

static bool
is_bad(const struct err *why)
{
	return why->why != REFUSAL_NONE;
}

static void
judge_host(struct judging *j, const struct smtp_heard *h, bool refuses)
{
	if (is_bad(&h->certificate))
		broken(j, &h->certificate, refuses);
	if (RULE(bad_ehlo) && h->ehlo == SMTP_NAME_OTHER)
		broken_by(j, REFUSAL_bad_ehlo, refuses);
	if (RULE(ehlo_mismatch) && !is_bad(&h->certificate) && h->ehlo == SMTP_NAME_HOST &&
	    is_bad(&h->name))
		broken(j, &h->name, refuses);
}

enum smtp_verdict
smtp_judge(const struct smtp_heard *h, const struct smtp_modes *m, struct err *e)
{
	struct judging j = { .e = e };
	bool excepted = m->excepted && !is_bad(&h->spf);

	if (RULE(address_literal) && h->ehlo == SMTP_NAME_LITERAL)
		broken_by(&j, REFUSAL_address_literal, true);
	judge_host(&j, h, m->certificate == CONF_ENFORCE && !excepted && !m->open);
	if (is_bad(&h->spf))
		broken(&j, &h->spf, m->spf == CONF_ENFORCE && !m->open);
	if (is_bad(&h->mx))
		broken(&j, &h->mx, m->mx == CONF_ENFORCE && !m->open);
	return j.refused ? SMTP_REFUSED : j.marked ? SMTP_MARKED : SMTP_ACCEPTED;
}

/* "*.example.org" is like each name of one label more. */
static bool
is_like(const char *pattern, const char *name)
{
	const char *dot = strchr(name, '.');

	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, name) == 0;
	return dot != NULL && dot != name && strcmp(pattern + 1, dot) == 0;
}

const char *
smtp_certificate_name(const struct conf_pairs *pairs, const char *ehlo)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (is_like(pairs->at[i].from, ehlo))
			return pairs->at[i].to;
	return ehlo;
}
