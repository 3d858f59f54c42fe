/* ims — the verbs of the receiving side's server. */
#include "common/auth/accounts_verbs.h"
#include "common/daemon/check_conf.h"
#include "common/daemon/check_peer.h"
#include "common/daemon/check_verbs.h"
#include "ims/check_peer.h"
#include "ims/evidence/evidence.h"
#include "ims/mailbox_verbs.h"
#include "ims/run.h"
#include "ims/verbs.h"

static const struct options_verb verbs[] = {
	{ "run", "", 0, 0, "serve: accept notices, keep mailboxes, fetch", NULL, ims_run, false },
	ACCOUNTS_VERBS(accounts_verb_user_list),
	{ "list", "[MAILBOX]", 0, 1, "list mailboxes, or the notices of one", ims_list_options,
	    ims_verb_list, false },
	{ "drop", "", 0, 0, "drop the notices of a sender's domain", ims_drop_options,
	    ims_verb_drop, false },
	{ "mailbox list", "[MAILBOX]", 0, 1, "the same as list", NULL, ims_verb_list, false },
	{ "mailbox export", "MAILBOX FOLDER", 2, 2, "write what it holds into a new folder", NULL,
	    ims_verb_mailbox_export, false },
	{ "mailbox remove", "MAILBOX", 1, 1, "delete the mailbox of a user who was removed",
	    ims_mailbox_remove_options, ims_verb_mailbox_remove, false },
	{ "evidence show", "MAILBOX NUMBER | ID", 1, 2, "write evidence for a third party", NULL,
	    ims_verb_evidence_show, false },
	{ "evidence verify", "FILE", 1, 1, "check evidence; needs no daemon", ims_evidence_options,
	    ims_verb_evidence_verify, false },
	{ "status", "", 0, 0, "state of the running daemon", NULL, ims_verb_status, false },
	{ "check", "", 0, 0, "would a start with this configuration go well?", check_conf_options,
	    ims_check, false },
	CHECK_VERBS,
	{ "check peer", "DOMAIN", 1, 1, CHECK_PEER_HELP, check_peer_options, ims_check_peer,
	    false },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false },
};

int
main(int argc, char **argv)
{
	static const struct options_program program = {
		"ims",
		"is told of letters, and fetches them when their readers ask",
		verbs,
		NULL,
		NULL,
	};

	return options_main(&program, argc, argv);
}
