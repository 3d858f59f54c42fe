/* run — `oms run`: the sending side's role behind the daemon's frame (common/daemon/daemon.h). */
#ifndef OMS_RUN_H
#define OMS_RUN_H

struct options;

int oms_run(struct options *o); /* returns the exit status */

#endif
