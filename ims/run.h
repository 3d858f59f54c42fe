/* run — `ims run`: the role of the receiving side in the common daemon (common/daemon/daemon.h). */
#ifndef IMS_RUN_H
#define IMS_RUN_H

struct options;

/* Each returns the exit status. */
int ims_run(struct options *o);
int ims_check(struct options *o);

#endif
