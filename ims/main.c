/* ims — the server of the receiving side: its verbs. */
#include "common/svc/accounts_verbs.h"

static const struct options_verb verbs[] = {
	ACCOUNTS_VERBS,
	{ NULL, NULL, 0, 0, NULL, NULL, NULL, false }
};

int
main(int argc, char **argv)
{
	static const struct options_program	 program = {
		"ims", "learns of letters, and calls for them when their readers do", verbs, NULL
	};

	return options_main(&program, argc, argv);
}
