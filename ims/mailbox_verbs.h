/* mailbox_verbs — what operators do to mailboxes: list them, drop a sender's notices, export or remove one.
 *
 *	ims list                            mailboxes, how many notices each holds, whose each is
 *	ims list --senders                  what each sender's domain takes of the store
 *	ims drop --from DOMAIN [--mailbox M] [--opened]
 *	ims mailbox export MAILBOX FOLDER   its notices, and the letters that were fetched
 *	ims mailbox remove MAILBOX          of a user who was removed; --in-use: of one who was not
 *
 * A mailbox is named by its user's address or alias.  That of a removed user is named as `ims list` shows
 * it, "ADDRESS GENERATION" (common/auth/accounts.h), so that it is never taken for the next user's.
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
void ims_control_remove(void *role, struct control_request *r, const struct json *request);

int ims_verb_list(struct options *o);
int ims_verb_drop(struct options *o);
int ims_verb_mailbox_export(struct options *o);
int ims_verb_mailbox_remove(struct options *o);

#endif
