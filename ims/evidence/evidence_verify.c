/* evidence_verify — checks evidence as a third party can; see evidence.h.
 *
 * Makes each check that the checks before it allow, so that one run shows all faults.  Only the keeper
 * vouches for the time and the source of the notification.  But the sender signed the seal's date, and
 * no receiver accepts an older seal.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/pki/judge.h"
#include "common/pki/sign.h"
#include "common/pki/trust_folder.h"
#include "common/text/digest.h"
#include "ims/evidence/evidence.h"
#include "proto/evidence.h"
#include "proto/seal.h"

const struct options_option ims_evidence_options[] = {
	{ "trust", 0, "PEM", "trust these CAs instead of the configured ones; may be repeated" },
	{ NULL, 0, NULL, NULL },
};

struct verifying {
	const struct options *options;
	const struct trust *trust;
	struct evidence evidence;
	struct sign_imported signature;
	struct seal seal;
	struct statement statement;
	unsigned failed;
};

/* -- output -------------------------------------------------------------------------------------- */

static void
print_check(struct verifying *v, const char *check, bool good, const char *text)
{
	struct json *line;
	struct buf out = BUF_INIT;

	v->failed += !good;
	if (v->options->quiet && !v->options->json)
		return;
	if (!v->options->json) {
		printf("%-4s %-11s %s\n", good ? "ok" : "FAIL", check, text);
		return;
	}
	line = json_new();
	json_put_str(line, "check", check);
	json_put_bool(line, "good", good);
	json_put_str(line, "text", text);
	json_write(line, &out);
	printf("%.*s\n", SPAN_FMT(buf_span(&out)));
	buf_clear(&out);
	json_free(&line);
}

static bool verdict(struct verifying *v, const char *check, bool good, const struct err *e,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static bool
verdict(struct verifying *v, const char *check, bool good, const struct err *e, const char *fmt,
    ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	if (good)
		vsnprintf(text, sizeof text, fmt, ap);
	else
		snprintf(text, sizeof text, "[%s] %s", refusal_word(e->why), e->text);
	va_end(ap);
	print_check(v, check, good, text);
	return good;
}

/* -- the checks ------------------------------------------------------------------------------------ */

static bool
check_file(struct verifying *v, struct span text, struct buf *octets)
{
	struct err e;

	return verdict(v, "file", evidence_parse(text, &v->evidence, octets, digest_sha256, &e), &e,
	    "complete and unchanged");
}

/* One check for the CMS, its signature and the form of the seal. */
static bool
check_seal(struct verifying *v)
{
	struct sign_imported *s = &v->signature;
	struct err e;
	char date[CLOCK_DATE_BYTES] = "";
	bool good = sign_import_cms(v->evidence.cms, s, &e) &&
	    sign_verify(s->chain, s->alg, buf_span(&s->text), buf_span(&s->signature), &e) &&
	    seal_parse(buf_span(&s->text), &v->seal, &e);

	if (good)
		clock_date(v->seal.date_s, date);
	return verdict(v, "seal", good, &e, "signed by %.*s for %.*s on %s (%s)",
	    SPAN_FMT(v->seal.signer), SPAN_FMT(v->seal.recipient_domain), date, good ? s->alg : "");
}

static bool
is_sealed(const struct verifying *v, struct err *e)
{
	unsigned char digest[DIGEST_BYTES];

	digest_sha256(v->evidence.statement, digest);
	if (!seal_has(&v->seal, digest, 0))
		return err_word(e, REFUSAL_seal_statement);
	if (!span_eq(v->statement.from_domain, v->seal.signer))
		return err_word(e, REFUSAL_from_domain);
	return span_eq(v->statement.recipient_domain, v->seal.recipient_domain) ||
	    err_word(e, REFUSAL_seal_for);
}

static void
check_statement(struct verifying *v)
{
	struct statement *st = &v->statement;
	char id[ULID_STR_BYTES] = "";
	struct err e;
	bool good = statement_parse(v->evidence.statement, st, &e) && is_sealed(v, &e);

	if (good)
		ulid_str(&st->id, id);
	verdict(v, "statement", good, &e, "%s of %s, %" PRIu64 " octets, is in the seal", id,
	    good ? log_value(st->from.whole) : "", st->size);
}

/* Checks the path, then revocation by the CRLs of that day, so that the output says which failed. */
static void
check_chain(struct verifying *v)
{
	struct judge_rules rules = { .no_revocation = true };
	const struct chain *c = v->signature.chain;
	struct trust *then;
	struct domain domain;
	struct err e;
	int64_t at_s = v->evidence.received_s;
	bool good = domain_set(&domain, v->seal.signer);

	rules.domain = domain.text;
	good = good && judge_chain_by(v->trust, c, &rules, at_s, NULL, &e);
	if (!verdict(v, "certificate", good, &e, "%s, by %s, was good for %s", chain_subject(c),
		chain_issuer(c), domain.text))
		return;
	good = trust_with_crls(v->trust, buf_span(&v->signature.crls), &then, &e);
	if (good) {
		good = judge_chain(then, c, domain.text, at_s, NULL, &e);
		verdict(v, "revocation", good, &e,
		    "not revoked at that time, by %u CRLs in force then", trust_crl_count(then));
		trust_unref(&then);
	} else {
		verdict(v, "revocation", false, &e, "%s", "");
	}
}

static void
check_receipt(struct verifying *v)
{
	char date[CLOCK_DATE_BYTES], spf[EVIDENCE_SPF_MAX + 1];
	struct err e;

	clock_date(v->evidence.received_s, date);
	verdict(v, "received",
	    seal_check(&v->seal, v->seal.signer, v->seal.recipient_domain, v->evidence.received_s,
		&e),
	    &e, "on %s from %.*s", date, SPAN_FMT(v->evidence.address));
	snprintf(spf, sizeof spf, "%.*s", SPAN_FMT(v->evidence.spf));
	print_check(v, "spf", span_starts(v->evidence.spf, SPAN_LIT("pass ")), spf);
}

static bool
check_all(void *arg, const char *path, struct span text, struct err *e)
{
	struct verifying *v = arg;
	struct buf octets = BUF_INIT;

	(void)path;
	(void)e;
	if (check_file(v, text, &octets) && check_seal(v)) {
		check_statement(v);
		check_chain(v);
		check_receipt(v);
	}
	sign_imported_clear(&v->signature);
	buf_clear(&octets);
	return true;
}

/* -- the command ------------------------------------------------------------------------------------ */

static bool
load_trust(const struct options *o, struct trust **out, struct err *e)
{
	const char *roots[OPTIONS_VALUES_MAX];
	struct guard_user user;
	size_t n = 0;
	struct conf *c;
	bool good;

	while (n < OPTIONS_VALUES_MAX && (roots[n] = options_value_at(o, "trust", n)) != NULL)
		n++;
	if (n > 0)
		return trust_load_files(roots, n, NULL, 0, out, e);
	if (!conf_load(conf_path(o->conf_file), CONF_FOR_VERBS, &c, NULL, e))
		return false;
	user = conf_user(c);
	good = trust_load(c->trust, NULL, NULL, &user, TRUST_LENIENT, out, e);
	conf_unref(&c);
	return good;
}

/* The file of all CAs that Debian's ca-certificates makes. */
static int
no_trust(const struct options *o, const struct err *e)
{
	struct buf file = BUF_INIT;
	int status;

	options_add_word(&file, o->args[0]);
	status = options_fail_cure(o, e,
	    "name the CAs to trust:  %s evidence verify --trust /etc/ssl/certs/ca-certificates.crt "
	    "%.*s",
	    o->command.data, SPAN_FMT(buf_span(&file)));
	buf_clear(&file);
	return status;
}

int
ims_verb_evidence_verify(struct options *o)
{
	struct verifying v = { .options = o };
	struct trust *trust;
	struct err e;
	bool read;

	if (!load_trust(o, &trust, &e))
		return no_trust(o, &e);
	v.trust = trust;
	read = trust_folder_file(o->args[0], EVIDENCE_MAX_BYTES, check_all, &v, &e);
	trust_unref(&trust);
	if (!read) {
		e.why = REFUSAL_no_input;
		return options_fail(o, &e);
	}
	return v.failed == 0 ? 0 : 1;
}
