/* verbs — what operators ask a running oms: its side of the control socket, and the commands. */
#ifndef OMS_VERBS_H
#define OMS_VERBS_H

#include "common/conf/options.h"
#include "common/daemon/control.h"

extern const struct control_verb oms_control[]; /* role: struct oms; ended by an empty row */

int oms_verb_queue(struct options *o); /* each recipient of each letter that is kept */
int oms_verb_status(struct options *o);
int oms_verb_user_list(struct options *o); /* with each user's share of the spool in use */

#endif
