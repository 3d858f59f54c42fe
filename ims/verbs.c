/* verbs — the verbs of the control socket, and `ims status`; see verbs.h. */
#include "ims/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/daemon/accounts_missing.h"
#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"
#include "ims/evidence/evidence.h"
#include "ims/mailbox_verbs.h"
#include "ims/nearly_full.h"

/* -- the daemon's side -------------------------------------------------------------------------- */

const struct control_verb ims_control[] = {
	{ "list", ims_control_list },
	{ "drop", ims_control_drop },
	{ "notices", ims_control_notices },
	{ "mailbox-export", ims_control_export },
	{ "mailbox-remove", ims_control_remove },
	{ "evidence", ims_control_evidence },
	{ NULL, NULL },
};

/* -- the command's side ---------------------------------------------------------------------------- */

static void
show_status(void *arg, const struct json *line)
{
	char a[QUANTITY_BYTES], b[QUANTITY_BYTES], c[QUANTITY_BYTES], d[QUANTITY_BYTES];

	printf("ims %s, process %" PRId64 ", up %" PRId64 " s\n", ask_line_text(line, "version"),
	    ask_line_number(line, "pid"), ask_line_number(line, "up_s"));
	printf("  notices           %" PRId64 " in %s\n", ask_line_number(line, "notices"),
	    ask_line_count(line, "mailboxes", "mailbox", "mailboxes", a));
	printf("  store             %s of %s, %s in %s\n", ask_line_size(line, "store_used", a),
	    ask_line_size(line, "store_size", b),
	    ask_line_count(line, "writes", "write", "writes", c),
	    ask_line_count(line, "commits", "commit", "commits", d));
	if (ask_line_number(line, "unreadable") > 0)
		printf(
		    "  damaged           %s cannot be read; store.unreadable in the log names them\n",
		    ask_line_count(line, "unreadable", "part of the store", "parts of the store",
			a));
	nearly_full_show(line, ((const struct options *)arg)->command.data);
	printf("  connections       %" PRId64 "\n", ask_line_number(line, "connections"));
	printf("  trust             %s, %s, %s left out\n",
	    ask_line_count(line, "trusted_cas", "CA", "CAs", a),
	    ask_line_count(line, "crls", "CRL", "CRLs", b),
	    ask_line_count(line, "trust_files_skipped", "file", "files", c));
	held_back_show(line);
	accounts_missing_show(line);
}

int
ims_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_IMS, show_status, o, false };

	return ask_daemon(o, &a, NULL);
}
