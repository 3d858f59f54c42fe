/* body_orphans_private — the state of looking through the folder of bodies; for body_orphans.c, which looks, and
 * body_made.c, which keeps what this process makes and removes meanwhile. */
#ifndef COMMON_STORE_BODY_ORPHANS_PRIVATE_H
#define COMMON_STORE_BODY_ORPHANS_PRIVATE_H

#include <dirent.h>
#include <pthread.h>

#include "common/store/body_orphans.h"
#include "common/store/body_private.h"

#define BODY_MADE_BUCKETS 1024

/* A file that this process has made. */
struct body_made {
	struct body_made *next;
	char name[BODY_NAME_BYTES];
};

struct body_orphans {
	struct body_asker asker;
	struct offload_job job; /* one at a time */
	struct body_page page;
	DIR *dir;
	bool opened;
	uint64_t files, removed;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	/* under lock */
	unsigned working; /* threads in a call of work */
	bool queued;      /* a call is to come */
	bool stopped;
	bool over;
	struct body_made *made[BODY_MADE_BUCKETS]; /* until it is over */
	struct body_removal *removals;             /* wait until it is over */
};

/* Has this process made the file?  Its temporary name counts too. */
bool body_made_has(struct body_orphans *o, const char *file);
void body_made_forget(struct body_orphans *o);

#endif
