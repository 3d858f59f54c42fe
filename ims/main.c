/* ims — the server of the receiving side: its verbs. */
#include "common/auth/accounts_verbs.h"
#include "common/daemon/check_peer.h"
#include "common/daemon/check_verbs.h"
#include "ims/check_peer.h"
#include "ims/evidence/evidence.h"
#include "ims/mailbox_verbs.h"
#include "ims/run.h"
#include "ims/verbs.h"

static const struct options_verb verbs[] = {
	{ "run", "", 0, 0, "serve: accept notifications, keep mailboxes, call for letters", NULL,
	    ims_run, false },
	ACCOUNTS_VERBS(accounts_verb_user_list),
	{ "list", "", 0, 0, "mailboxes, how many notices each holds, and whose each is",
	    ims_list_options, ims_verb_list, false },
	{ "drop", "", 0, 0, "drop the notices of a sender's domain", ims_drop_options,
	    ims_verb_drop, false },
	{ "mailbox list", "", 0, 0, "the same as list", NULL, ims_verb_list, false },
	{ "mailbox export", "MAILBOX FOLDER", 2, 2,
	    "write its notices and the letters that were fetched into a new folder", NULL,
	    ims_verb_mailbox_export, false },
	{ "mailbox remove", "MAILBOX", 1, 1, "delete the mailbox of a user who was removed",
	    ims_mailbox_remove_options, ims_verb_mailbox_remove, false },
	{ "evidence show", "MAILBOX NUMBER | ID", 1, 2,
	    "what was kept of a sender's promise, as a file for strangers", NULL,
	    ims_verb_evidence_show, false },
	{ "evidence verify", "FILE", 1, 1, "does it hold?  No daemon is asked",
	    ims_evidence_options, ims_verb_evidence_verify, false },
	{ "status", "", 0, 0, "how the running daemon fares", NULL, ims_verb_status, false },
	{ "check", "", 0, 0, "would a start with this configuration go well?", NULL, ims_check,
	    false },
	CHECK_VERBS,
	{ "check peer", "DOMAIN", 1, 1,
	    "what another domain looks like from here; no letter is sent", check_peer_options,
	    ims_check_peer, false },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false },
};

int
main(int argc, char **argv)
{
	static const struct options_program program = {
		"ims",
		"learns of letters, and calls for them when their readers do",
		verbs,
		NULL,
		NULL,
	};

	return options_main(&program, argc, argv);
}
