/* oms — the server of the sending side: its verbs. */
#include "common/svc/accounts_verbs.h"

static const struct options_verb verbs[] = {
	ACCOUNTS_VERBS,
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false }
};

int
main(int argc, char **argv)
{
	static const struct options_program	 program = {
		"oms", "keeps letters at their sender's until they are called for", verbs, NULL
	};

	return options_main(&program, argc, argv);
}
