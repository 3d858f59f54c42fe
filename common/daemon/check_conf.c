/* check_conf — the verb `check`; see check_conf.h. */
#include "common/daemon/check_conf.h"

#include <stdio.h>

#include "common/conf/conf.h"
#include "common/conf/options.h"
#include "common/dns/dns_resolver.h"
#include "common/pki/trust.h"
#include "common/text/json.h"

static void
say_good_json(const struct conf *c, const struct trust *t, struct buf *out)
{
	struct json *j = json_new();

	json_put_str(j, "configuration", c->file);
	json_put_bool(j, "good", true);
	json_put_int(j, "trusted_cas", trust_count(t));
	json_put_int(j, "crls", trust_crl_count(t));
	json_put_int(j, "trust_files_skipped", trust_skipped(t));
	json_put_bool(j, "dnssec_anchor_missing", dns_resolver_lacks_anchor(c->resolver));
	json_write(j, out);
	json_free(&j);
	buf_addf(out, "\n");
}

static void
say_good(const struct options *o, const struct conf *c, const struct trust *t)
{
	struct buf out = BUF_INIT;

	if (o->json) {
		say_good_json(c, t, &out);
	} else {
		if (o->verbose)
			conf_print(c, &out);
		else
			buf_addf(&out, "%s: no fault found\n", c->file);
		if (trust_skipped(t) > 0)
			buf_addf(&out,
			    "%s: %u of the files and CRLs to go by would be left out; see above\n",
			    c->file, trust_skipped(t));
		if (dns_resolver_lacks_anchor(c->resolver))
			buf_addf(&out,
			    "%s: DNSSEC would not be judged, for there is no root anchor: install "
			    "dns-root-data, or write anchor=FILE or anchor=none behind the resolver\n",
			    c->file);
	}
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
}

/* Both as a start would. */
static bool
load(struct options *o, struct conf **c, struct trust **t, struct err *e)
{
	struct buf faults = BUF_INIT;
	bool ok = conf_load(conf_path(o->conf_file), CONF_FOR_RUN, c, &faults, e);

	if (!ok && !o->json)
		fwrite(faults.data, 1, faults.len, stderr);
	buf_clear(&faults);
	if (!ok || trust_load((*c)->trust, (*c)->crls, NULL, TRUST_STRICT, t, e))
		return ok;
	conf_unref(c);
	return false;
}

int
check_conf(struct options *o)
{
	struct conf *c;
	struct trust *t;
	struct err e;

	if (!load(o, &c, &t, &e))
		return options_fail(o, &e);
	say_good(o, c, t);
	trust_unref(&t);
	conf_unref(&c);
	return 0;
}
