/* run — `ims run`: the receiving side's role behind the daemon's frame (common/daemon/daemon.h). */
#ifndef IMS_RUN_H
#define IMS_RUN_H

struct options;

/* Each returns the exit status. */
int ims_run(struct options *o);
int ims_check(struct options *o);

#endif
