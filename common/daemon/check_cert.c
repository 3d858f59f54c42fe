/* check_cert — judge_chain for a person or a suite, on files; see check_verbs.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/daemon/check_verbs.h"
#include "common/pki/judge.h"
#include "common/text/idn.h"
#include "common/text/json.h"

const struct options_option check_cert_options[] = {
	{ "domain", 0, "D", "the mail domain that it must name" },
	{ "chain", 0, "PEM", "the certificate, followed by its chain" },
	{ "trust", 0, "PEM", "the CAs to believe; may be given again" },
	{ "crl", 0, "FILE", "a CRL, PEM or DER; may be given again" },
	{ "at", 0, "TIME", "when, as 2026-11-23T14:00:00Z or in seconds since 1970; else now" },
	{ "name", 0, "N", "exactly this name (or address) instead of the mail domain's" },
	{ "no-revocation", 0, NULL, "leave out whether it is revoked" },
	{ NULL, 0, NULL, NULL },
};

struct question {
	struct domain domain, name;
	struct judge_rules rules;
	int64_t at_s;
	bool later; /* by a part of a second */
	struct trust *trust;
	struct chain *chain;
};

/* -- times ----------------------------------------------------------------------------------------- */

static bool
seconds(const char *s, int64_t *out)
{
	char *end;

	if (strspn(s, "-0123456789") != strlen(s) || *s == '\0' || strlen(s) > 15)
		return false;
	*out = strtoll(s, &end, 10);
	return *end == '\0';
}

static bool
two_digits(struct span s, size_t at, int64_t most, int64_t *out)
{
	if (s.n < at + 2 || s.p[at] < '0' || s.p[at] > '9' || s.p[at + 1] < '0' ||
	    s.p[at + 1] > '9')
		return false;
	*out = (s.p[at] - '0') * 10 + s.p[at + 1] - '0';
	return *out <= most;
}

/* time-offset = "Z" / ("+" / "-") time-hour ":" time-minute */
static bool
offset_s(struct span s, int64_t *out)
{
	int64_t hours, minutes;

	*out = 0;
	if (s.n == 1)
		return s.p[0] == 'Z' || s.p[0] == 'z';
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' ||
	    !two_digits(s, 1, 23, &hours) || !two_digits(s, 4, 59, &minutes))
		return false;
	*out = (hours * 60 + minutes) * (s.p[0] == '-' ? -60 : 60);
	return true;
}

/* date-time of RFC 3339; *later: it is less than a second after *out */
static bool
parse_time(const char *text, int64_t *out, bool *later)
{
	struct span s = span_str(text), rest;
	char plain[CLOCK_DATE_BYTES];
	int64_t off;

	if (seconds(text, out))
		return true;
	if (s.n < 20)
		return false;
	memcpy(plain, text, 19);
	memcpy(plain + 19, "Z", 2);
	if (plain[10] == 't' || plain[10] == ' ')
		plain[10] = 'T';
	rest = span_sub(s, 19, s.n);
	if (rest.p[0] == '.') {
		size_t digits = strspn(rest.p + 1, "0123456789");

		if (digits == 0)
			return false;
		*later = strspn(rest.p + 1, "0") < digits;
		rest = span_sub(rest, 1 + digits, rest.n);
	}
	if (!clock_parse_date(span_str(plain), out) || !offset_s(rest, &off))
		return false;
	*out -= off;
	return true;
}

/* -- the question ------------------------------------------------------------------------------------ */

static size_t
values(const struct options *o, const char *name, const char *out[OPTIONS_VALUES_MAX])
{
	size_t n = 0;

	while (n < OPTIONS_VALUES_MAX && (out[n] = options_value_at(o, name, n)) != NULL)
		n++;
	return n;
}

/* --name may be an address or a host's name.  One with U-labels is compared as A-labels. */
static bool
take_name(struct question *q, const char *given, struct err *e)
{
	bool ascii = true;

	for (const char *c = given; c != NULL && *c != '\0'; c++)
		ascii = ascii && (unsigned char)*c < 0x80;
	q->rules.name = given;
	if (ascii)
		return true;
	q->rules.name = q->name.text;
	return idn_a_label(span_str(given), &q->name, e);
}

/* 0, or the exit status. */
static int
ask_for(struct options *o, struct question *q)
{
	const char *domain = options_value(o, "domain"), *at = options_value(o, "at");
	struct err e;

	if (!take_name(q, options_value(o, "name"), &e))
		return options_usage(o, "--name: %s", e.text);
	q->rules.no_revocation = options_has(o, "no-revocation");
	q->at_s = clock_wall_ms() / 1000;
	if (options_value(o, "chain") == NULL || options_value(o, "trust") == NULL)
		return options_usage(o, "check cert needs --%s; try: %s check cert --help",
		    options_value(o, "chain") == NULL ? "chain" : "trust", o->called);
	if (domain == NULL && q->rules.name == NULL)
		return options_usage(o,
		    "check cert needs --domain or --name; try: %s check cert --help", o->called);
	if (at != NULL && !parse_time(at, &q->at_s, &q->later))
		return options_usage(o,
		    "--at %s: write 2026-11-23T14:00:00Z, or seconds since 1970", at);
	if (domain != NULL && !idn_a_label(span_str(domain), &q->domain, &e))
		return options_usage(o, "--domain: %s", e.text);
	q->rules.domain = domain != NULL ? q->domain.text : NULL;
	return 0;
}

static bool
load_trust(struct options *o, struct question *q, struct err *e)
{
	const char *roots[OPTIONS_VALUES_MAX], *crls[OPTIONS_VALUES_MAX];
	size_t n_roots = values(o, "trust", roots), n_crls = values(o, "crl", crls);

	return trust_load_files(roots, n_roots, crls, n_crls, &q->trust, e);
}

/* A file that is there, and whose certificates cannot be read, is a bad peer's. */
static bool
judge(struct options *o, struct question *q, struct judgement *j, struct err *e)
{
	if (!chain_read(options_value(o, "chain"), &q->chain, e)) {
		if (e->why == REFUSAL_config)
			e->why = REFUSAL_certificate_form;
		return false;
	}
	/* Between two seconds it is good if it is good at both. */
	return judge_chain_by(q->trust, q->chain, &q->rules, q->at_s, j, e) &&
	    (!q->later || judge_chain_by(q->trust, q->chain, &q->rules, q->at_s + 1, j, e));
}

/* -- the answer -------------------------------------------------------------------------------------- */

static void
show_json(const struct question *q, const struct judgement *j, bool good, const struct err *e)
{
	struct json *o = json_new(), *urls = json_list();
	struct buf line = BUF_INIT;
	char date[CLOCK_DATE_BYTES];

	json_put_str(o, "result", good ? "accepted" : refusal_word(e->why));
	if (!good) {
		json_put_str(o, "why", e->text);
		json_put_bool(o, "temporary", refusal_temporary(e->why));
	}
	if (q->chain != NULL) {
		json_put_str(o, "fingerprint", chain_fingerprint(q->chain));
		json_put_str(o, "subject", chain_subject(q->chain));
		json_put_str(o, "issuer", chain_issuer(q->chain));
	}
	if (good && j->until_s > 0) {
		clock_date(j->until_s, date);
		json_put_str(o, "until", date);
	}
	for (unsigned i = 0; i < j->n_urls; i++)
		json_push_str(urls, j->urls[i]);
	json_put_take(o, "crl_urls", urls);
	json_write(o, &line);
	printf("%.*s\n", SPAN_FMT(buf_span(&line)));
	buf_clear(&line);
	json_free(&o);
}

static void
show(const struct options *o, const struct question *q, const struct judgement *j, bool good,
    const struct err *e)
{
	char date[CLOCK_DATE_BYTES];

	if (o->json) {
		show_json(q, j, good, e);
		return;
	}
	printf("%s\n", good ? "accepted" : refusal_word(e->why));
	if (o->quiet)
		return;
	if (!good) {
		printf("%s\n", e->text);
	} else {
		clock_date(j->until_s > 0 ? j->until_s : 0, date);
		printf("%s, by %s, until %s\n", chain_subject(q->chain), chain_issuer(q->chain),
		    date);
	}
	for (unsigned i = 0; i < j->n_urls; i++)
		printf("CRL: %s\n", j->urls[i]);
}

int
check_verb_cert(struct options *o)
{
	struct question q = { .trust = NULL };
	struct judgement j = { .n_urls = 0 };
	struct err e;
	bool good;
	int status = ask_for(o, &q);

	if (status != 0)
		return status;
	if (!load_trust(o, &q, &e))
		return options_fail(o, &e);
	good = judge(o, &q, &j, &e);
	if (!good && e.why == REFUSAL_no_input) {
		status = options_fail(o, &e);
	} else {
		show(o, &q, &j, good, &e);
		status = good ? 0 : 1;
	}
	chain_unref(&q.chain);
	trust_unref(&q.trust);
	return status;
}
