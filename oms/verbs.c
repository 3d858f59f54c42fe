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

static void
show_status(void *arg, const struct json *line)
{
	(void)arg;
	printf("oms %s, process %" PRId64 ", up %" PRId64 " s\n", ask_line_text(line, "version"),
	    ask_line_number(line, "pid"), ask_line_number(line, "up_s"));
	printf("  letters kept      %" PRId64 "\n", ask_line_number(line, "letters"));
	printf("  bodies handed out %" PRId64 " octets\n", ask_line_number(line, "fetched_octets"));
	printf("  spool             %" PRId64 " of %" PRId64 " MiB, %" PRId64 " writes in %" PRId64
	       " commits\n",
	    ask_line_number(line, "spool_used") >> 20, ask_line_number(line, "spool_size") >> 20,
	    ask_line_number(line, "writes"), ask_line_number(line, "commits"));
	printf("  connections       %" PRId64 "\n", ask_line_number(line, "connections"));
	printf("  domains known     %" PRId64 "\n", ask_line_number(line, "domains_remembered"));
	printf("  trust             %" PRId64 " CAs, %" PRId64 " CRLs, %" PRId64
	       " files left out\n",
	    ask_line_number(line, "trusted_cas"), ask_line_number(line, "crls"),
	    ask_line_number(line, "trust_files_skipped"));
	held_back_show(line);
}

int
oms_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_OMS, show_status, NULL };

	return ask_daemon(o, &a, NULL);
}
