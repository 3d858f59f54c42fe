/* accounts_verbs — `user add|password|remove|list` and `alias add|remove|list`, shared by oms and
 * ims: the same verbs on the same file, no daemon needed.
 *
 * The password comes from the file named by TILLCALLED_PASSWORD_FILE (first line; refused if
 * others can read it), else from the terminal twice without echo, else from standard input (first
 * line).  It never comes from an argument or from the environment itself.
 */
#ifndef COMMON_AUTH_ACCOUNTS_VERBS_H
#define COMMON_AUTH_ACCOUNTS_VERBS_H

#include "common/conf/options.h"

struct json;

extern const struct options_option accounts_user_add_options[];
extern const struct options_option accounts_user_list_options[];

int accounts_verb_user_add(struct options *o);
int accounts_verb_user_password(struct options *o);
int accounts_verb_user_remove(struct options *o);
int accounts_verb_user_list(struct options *o);
int accounts_verb_alias_add(struct options *o);
int accounts_verb_alias_remove(struct options *o);
int accounts_verb_alias_list(struct options *o);

/* The part of a daemon's `user list` about each user. */
struct accounts_more {
	void (*text)(void *arg, const char *address); /* on standard output, after the address */
	void (*json)(void *arg, const char *address, struct json *line);
	void *arg;
};
int accounts_list_users(struct options *o, const struct accounts_more *more);

/* The rows of a program's verb table; user_list: its `user list`. */
#define ACCOUNTS_VERBS(user_list)                                                                  \
	{ "user add", "ADDRESS", 1, 1, "make a mailbox; asks for its password",                    \
		accounts_user_add_options, accounts_verb_user_add, false },                        \
	    { "user password", "ADDRESS", 1, 1, "give a mailbox a new password", NULL,             \
		    accounts_verb_user_password, false },                                          \
	    { "user remove", "ADDRESS", 1, 1, "let nobody sign in as ADDRESS any more", NULL,      \
		    accounts_verb_user_remove, false },                                            \
	    { "user list", "", 0, 0, "the mailboxes and their aliases",                            \
		    accounts_user_list_options, user_list, false },                                \
	    { "alias add", "ALIAS ADDRESS", 2, 2, "a further address of a mailbox", NULL,          \
		    accounts_verb_alias_add, false },                                              \
	    { "alias remove", "ALIAS", 1, 1, "take an alias away", NULL,                           \
		    accounts_verb_alias_remove, false },                                           \
	{                                                                                          \
		"alias list", "", 0, 0, "the aliases", NULL, accounts_verb_alias_list, false       \
	}

#endif
