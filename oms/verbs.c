/* verbs — what operators ask a running oms; see verbs.h. */
#include "oms/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/daemon/accounts_missing.h"
#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"

const struct control_verb oms_control[] = {
	{ "queue", oms_control_queue },
	{ "users", oms_control_users },
	{ "dkim", oms_control_dkim },
	{ NULL, NULL },
};

static void
show_status(void *arg, const struct json *line)
{
	char a[QUANTITY_BYTES], b[QUANTITY_BYTES], c[QUANTITY_BYTES], d[QUANTITY_BYTES];

	(void)arg;
	printf("oms %s, process %" PRId64 ", up %" PRId64 " s\n", ask_line_text(line, "version"),
	    ask_line_number(line, "pid"), ask_line_number(line, "up_s"));
	printf("  letters kept      %" PRId64 "\n", ask_line_number(line, "letters"));
	printf("  bodies handed out %s\n",
	    ask_line_count(line, "fetched_octets", "octet", "octets", a));
	printf("  spool             %s of %s, %s in %s\n", ask_line_size(line, "spool_used", a),
	    ask_line_size(line, "spool_size", b),
	    ask_line_count(line, "writes", "write", "writes", c),
	    ask_line_count(line, "commits", "commit", "commits", d));
	printf("  connections       %" PRId64 "\n", ask_line_number(line, "connections"));
	printf("  domains known     %" PRId64 "\n", ask_line_number(line, "domains_remembered"));
	printf("  trust             %s, %s, %s left out\n",
	    ask_line_count(line, "trusted_cas", "CA", "CAs", a),
	    ask_line_count(line, "crls", "CRL", "CRLs", b),
	    ask_line_count(line, "trust_files_skipped", "file", "files", c));
	held_back_show(line);
	accounts_missing_show(line);
}

int
oms_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_OMS, show_status, NULL, false };

	return ask_daemon(o, &a, NULL);
}
