/* check_verbs — verdicts for people and for suites; see check_verbs.h. */
#include "common/daemon/check_verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/daemon/check_spf.h"
#include "common/text/json.h"

const struct options_option check_spf_options[] = {
	{ "ip", 0, "ADDRESS", "the address that connects" },
	{ "helo", 0, "NAME", "what it calls itself" },
	{ "from", 0, "ADDRESS", "the sender's address; <> for none" },
	{ "resolver", 0, "SPEC",
	    "system, ADDRESS@PORT or zone:FILE, instead of the configuration's" },
	{ NULL, 0, NULL, NULL },
};

/* Without a configuration the system's resolver serves; one that was named must be there. */
static bool
resolver_of(const struct options *o, char *out, size_t cap, struct err *e)
{
	const char *given = options_value(o, "resolver");
	const char *path = conf_path(o->conf_file);
	struct conf *c;

	if (given == NULL && (o->conf_file != NULL || access(path, F_OK) == 0)) {
		if (!conf_load(path, CONF_FOR_VERBS, &c, NULL, e))
			return false;
		snprintf(out, cap, "%s", c->resolver);
		conf_unref(&c);
		return true;
	}
	if (given == NULL)
		given = "system";
	return span_copy(span_str(given), out, cap) ||
	    err_set(e, REFUSAL_usage, "--resolver is longer than %zu octets", cap - 1);
}

/* "<a@b>" is a@b, and "<>" nobody. */
static bool
bare_address(const char *from, char *out, size_t cap)
{
	struct span s = span_str(from);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = span_sub(s, 1, s.n - 2);
	return span_copy(s, out, cap);
}

static void
show_spf(const struct options *o, const struct check_spf *c)
{
	struct json *j;
	struct buf line = BUF_INIT;

	if (!o->json) {
		printf("%s\n", spf_result_word(c->verdict.result));
		if (!o->quiet)
			printf("%s\n", c->why);
		return;
	}
	j = json_new();
	json_put_str(j, "result", spf_result_word(c->verdict.result));
	json_put_str(j, "why", c->why);
	if (c->record.len > 0)
		json_put_span(j, "record", buf_span(&c->record));
	json_put_int(j, "lookups", c->verdict.lookups);
	json_put_int(j, "ttl_s", c->verdict.ttl_s);
	json_put_bool(j, "depends_on_local_part", c->verdict.depends_on_local_part);
	json_write(j, &line);
	printf("%.*s\n", SPAN_FMT(buf_span(&line)));
	buf_clear(&line);
	json_free(&j);
}

int
check_verb_spf(struct options *o)
{
	const char *ip = options_value(o, "ip"), *helo = options_value(o, "helo");
	const char *given = options_value(o, "from");
	char resolver[CONF_PATH_BYTES], from[1024];
	struct check_spf c;
	struct err e;
	int status;

	if (ip == NULL || helo == NULL || given == NULL)
		return options_usage(o, "check spf needs --%s; try: %s check spf --help",
		    ip == NULL         ? "ip"
			: helo == NULL ? "helo"
				       : "from",
		    o->called);
	if (!bare_address(given, from, sizeof from))
		return options_usage(o, "--from is longer than %zu octets", sizeof from - 1);
	if (!resolver_of(o, resolver, sizeof resolver, &e))
		return options_fail(o, &e);
	if (!check_spf_run(&c, resolver, ip, helo, from, &e)) {
		status = options_fail(o, &e);
	} else {
		show_spf(o, &c);
		status = c.verdict.result == SPF_PASS ? 0 : 1;
	}
	check_spf_clear(&c);
	return status;
}
