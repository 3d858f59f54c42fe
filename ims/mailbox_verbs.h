/* mailbox_verbs — an operator's verbs on mailboxes.
 *
 *	ims list                            list mailboxes, their notices and their users
 *	ims list MAILBOX                    list its notices
 *	ims list --senders                  list what each sender's domain takes of the store
 *	ims drop --from DOMAIN [--subdomains] [--mailbox M] [--opened]     drop a sender's notices
 *	ims mailbox export MAILBOX FOLDER   write its notices and fetched letters to a new folder
 *	ims mailbox remove MAILBOX          delete a removed user's mailbox; --in-use: any user's
 *
 * The address or alias of a user names the user's mailbox.  `ims list` shows the name of a removed user's
 * mailbox, "ADDRESS GENERATION" (common/auth/accounts.h), which differs from the next user's.
 */
#ifndef IMS_MAILBOX_VERBS_H
#define IMS_MAILBOX_VERBS_H

#include "common/conf/options.h"
#include "common/daemon/control.h"

extern const struct options_option ims_list_options[];
extern const struct options_option ims_drop_options[];
extern const struct options_option ims_mailbox_remove_options[];

void ims_control_list(void *role, struct control_request *r, const struct json *request);
void ims_control_drop(void *role, struct control_request *r, const struct json *request);
void ims_control_export(void *role, struct control_request *r, const struct json *request);
void ims_control_notices(void *role, struct control_request *r, const struct json *request);
void ims_control_remove(void *role, struct control_request *r, const struct json *request);

int ims_verb_list(struct options *o);
int ims_verb_drop(struct options *o);
int ims_verb_mailbox_export(struct options *o);
int ims_verb_mailbox_remove(struct options *o);

#endif
