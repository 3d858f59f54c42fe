/* verbs — what operators ask a running ims; see verbs.h. */
#include "ims/verbs.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/daemon/ask.h"
#include "common/daemon/held_back.h"
#include "ims/evidence/evidence.h"
#include "ims/ims.h"
#include "ims/store/store.h"

/* -- the daemon's side -------------------------------------------------------------------------- */

static bool
one_mailbox(void *arg, const char *user, uint64_t notices)
{
	struct control_request *r = arg;
	struct json *line = json_new();

	json_put_span(line, "mailbox", accounts_owner_address(user));
	json_put_int(line, "notices", (int64_t)notices);
	control_line_take(r, line);
	return !control_gone(r);
}

static void
do_list(void *role, struct control_request *r, const struct json *request)
{
	struct ims *i = role;
	struct err e;
	bool good = ims_store_mailboxes(i->store, one_mailbox, r, &e);

	(void)request;
	control_end(r, good ? NULL : &e);
}

const struct control_verb ims_control[] = {
	{ "list", do_list },
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
show_mailbox(void *arg, const struct json *line)
{
	const char *name = json_get_str(line, "mailbox");

	++*(int *)arg;
	printf("%-40s %" PRId64 " notice%s\n", name == NULL ? "?" : name, number(line, "notices"),
	    number(line, "notices") == 1 ? "" : "s");
}

int
ims_verb_list(struct options *o)
{
	int n = 0, status;
	struct ask a = { "list", CONF_ROLE_IMS, show_mailbox, &n };

	status = ask_daemon(o, &a, NULL);
	if (status == 0 && n == 0 && !o->json && !o->quiet)
		printf("No mailbox has a notice yet.\n");
	return status;
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
