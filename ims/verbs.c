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

static int64_t
number(const struct json *line, const char *key)
{
	int64_t v = 0;

	json_get_int(line, key, &v);
	return v;
}

static void
show_status(void *arg, const struct json *line)
{
	(void)arg;
	printf("ims %s, process %" PRId64 ", up %" PRId64 " s\n", json_get_str(line, "version"),
	    number(line, "pid"), number(line, "up_s"));
	printf("  notices           %" PRId64 " in %" PRId64 " mailboxes\n",
	    number(line, "notices"), number(line, "mailboxes"));
	printf("  store             %" PRId64 " of %" PRId64 " MiB, %" PRId64 " writes in %" PRId64
	       " commits\n",
	    number(line, "store_used") >> 20, number(line, "store_size") >> 20,
	    number(line, "writes"), number(line, "commits"));
	printf("  connections       %" PRId64 "\n", number(line, "connections"));
	printf("  trust             %" PRId64 " CAs, %" PRId64 " CRLs, %" PRId64
	       " files left out\n",
	    number(line, "trusted_cas"), number(line, "crls"), number(line, "trust_files_skipped"));
	held_back_show(line);
}

int
ims_verb_status(struct options *o)
{
	struct ask a = { "status", CONF_ROLE_IMS, show_status, NULL };

	return ask_daemon(o, &a, NULL);
}
