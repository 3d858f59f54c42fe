/* oms — the server of the sending side: its verbs. */
#include "common/auth/accounts_verbs.h"
#include "common/daemon/check_conf.h"
#include "common/daemon/check_peer.h"
#include "common/daemon/check_verbs.h"
#include "oms/check_peer.h"
#include "oms/run.h"
#include "oms/verbs.h"

static const struct options_verb verbs[] = {
	{ "run", "", 0, 0, "serve: take letters, notify, hand them out", NULL, oms_run, false },
	ACCOUNTS_VERBS(oms_verb_user_list),
	{ "queue", "", 0, 0, "the recipients whose letters are kept", oms_queue_options,
	    oms_verb_queue, false },
	{ "dkim new", "DOMAIN", 1, 1, "make keys for letters by SMTP; print the records", NULL,
	    oms_verb_dkim_new, false },
	{ "dkim list", "[DOMAIN]", 0, 1, "the keys, which of them sign, and their DNS", NULL,
	    oms_verb_dkim_list, false },
	{ "dkim retire", "DOMAIN KEYS", 2, 2, "delete keys; the next ones sign", NULL,
	    oms_verb_dkim_retire, false },
	{ "status", "", 0, 0, "state of the running daemon", NULL, oms_verb_status, false },
	{ "check", "", 0, 0, "would a start with this configuration go well?", check_conf_options,
	    oms_check, false },
	CHECK_VERBS,
	{ "check peer", "DOMAIN", 1, 1, CHECK_PEER_HELP, check_peer_options, oms_check_peer,
	    false },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false },
};

int
main(int argc, char **argv)
{
	static const struct options_program program = {
		"oms",
		"keeps letters at their sender's until they are called for",
		verbs,
		NULL,
		NULL,
	};

	return options_main(&program, argc, argv);
}
