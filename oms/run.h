/* run — `oms run`: the sending side's role within the daemon's frame (common/daemon/daemon.h). */
#ifndef OMS_RUN_H
#define OMS_RUN_H

struct options;

/* Each returns the exit status. */
int oms_run(struct options *o);
int oms_check(struct options *o);

#endif
