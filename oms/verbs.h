/* verbs — what operators ask a running oms: its side of the control socket, and the commands. */
#ifndef OMS_VERBS_H
#define OMS_VERBS_H

#include "common/conf/conf.h"
#include "common/conf/options.h"
#include "common/daemon/control.h"

extern const struct control_verb oms_control[]; /* role: struct oms; ended by an empty row */
void oms_control_queue(void *role, struct control_request *r, const struct json *request);
void oms_control_users(void *role, struct control_request *r, const struct json *request);
void oms_control_dkim(void *role, struct control_request *r, const struct json *request);

extern const struct options_option oms_queue_options[];

int oms_verb_queue(struct options *o); /* the recipients whose letters are kept */
int oms_verb_status(struct options *o);
int oms_verb_user_list(struct options *o); /* with the use of each user's share */
int oms_verb_dkim_new(struct options *o);  /* prints the records to publish */
int oms_verb_dkim_list(struct options *o); /* 1: the keys that sign are not published as they are */
int oms_verb_dkim_retire(struct options *o);

/* Where the keys for DKIM are. */
void oms_dkim_folder(const struct conf *c, char out[CONF_PATH_BYTES]);

#endif
