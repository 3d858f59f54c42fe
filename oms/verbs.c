/* verbs — what operators ask a running oms; see verbs.h. */
#include "oms/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"

const struct control_verb oms_control[] = {
	{ "queue", oms_control_queue },
	{ "users", oms_control_users },
	{ NULL, NULL },
};

const char *
oms_line_text(const struct json *line, const char *key)
{
	const char *s = json_get_str(line, key);

	return s == NULL ? "" : s;
}

int64_t
oms_line_number(const struct json *line, const char *key)
{
	int64_t v = 0;

	json_get_int(line, key, &v);
	return v;
}

static void
show_status(void *arg, const struct json *line)
{
	(void)arg;
	printf("oms %s, process %" PRId64 ", up %" PRId64 " s\n", oms_line_text(line, "version"),
	    oms_line_number(line, "pid"), oms_line_number(line, "up_s"));
	printf("  letters kept      %" PRId64 "\n", oms_line_number(line, "letters"));
	printf("  bodies handed out %" PRId64 " octets\n", oms_line_number(line, "fetched_octets"));
	printf("  spool             %" PRId64 " of %" PRId64 " MiB, %" PRId64 " writes in %" PRId64
	       " commits\n",
	    oms_line_number(line, "spool_used") >> 20, oms_line_number(line, "spool_size") >> 20,
	    oms_line_number(line, "writes"), oms_line_number(line, "commits"));
	printf("  connections       %" PRId64 "\n", oms_line_number(line, "connections"));
	printf("  domains known     %" PRId64 "\n", oms_line_number(line, "domains_remembered"));
	printf("  trust             %" PRId64 " CAs, %" PRId64 " CRLs, %" PRId64
	       " files left out\n",
	    oms_line_number(line, "trusted_cas"), oms_line_number(line, "crls"),
	    oms_line_number(line, "trust_files_skipped"));
	held_back_show(line);
}

int
oms_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_OMS, show_status, NULL };

	return ask_daemon(o, &a, NULL);
}
