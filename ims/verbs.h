/* verbs — the ims's verbs of the control socket, and `ims status`. */
#ifndef IMS_VERBS_H
#define IMS_VERBS_H

#include "common/conf/options.h"
#include "common/daemon/control.h"

extern const struct control_verb ims_control[]; /* role: struct ims; ends with an empty row */

int ims_verb_status(struct options *o);

#endif
