/* verbs — the verbs of the control socket, and `ims status`; see verbs.h. */
#include "ims/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"
#include "ims/evidence/evidence.h"
#include "ims/mailbox_verbs.h"

/* -- the daemon's side -------------------------------------------------------------------------- */

const struct control_verb ims_control[] = {
	{ "list", ims_control_list },
	{ "drop", ims_control_drop },
	{ "mailbox-export", ims_control_export },
	{ "mailbox-remove", ims_control_remove },
	{ "evidence", ims_control_evidence },
	{ NULL, NULL },
};

/* -- the command's side ---------------------------------------------------------------------------- */

static void
show_status(void *arg, const struct json *line)
{
	(void)arg;
	printf("ims %s, process %" PRId64 ", up %" PRId64 " s\n", json_get_str(line, "version"),
	    ask_line_number(line, "pid"), ask_line_number(line, "up_s"));
	printf("  notices           %" PRId64 " in %" PRId64 " mailboxes\n",
	    ask_line_number(line, "notices"), ask_line_number(line, "mailboxes"));
	printf("  store             %" PRId64 " of %" PRId64 " MiB, %" PRId64 " writes in %" PRId64
	       " commits\n",
	    ask_line_number(line, "store_used") >> 20, ask_line_number(line, "store_size") >> 20,
	    ask_line_number(line, "writes"), ask_line_number(line, "commits"));
	printf("  connections       %" PRId64 "\n", ask_line_number(line, "connections"));
	printf("  trust             %" PRId64 " CAs, %" PRId64 " CRLs, %" PRId64
	       " files left out\n",
	    ask_line_number(line, "trusted_cas"), ask_line_number(line, "crls"),
	    ask_line_number(line, "trust_files_skipped"));
	held_back_show(line);
}

int
ims_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_IMS, show_status, NULL };

	return ask_daemon(o, &a, NULL);
}
