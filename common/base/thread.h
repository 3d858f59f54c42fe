/* thread — threads that leave the signals to the main one. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Like pthread_create, returns 0 or an errno value.  The new thread blocks every signal; the caller's mask
 * does not change.  The caller joins the thread. */
int thread_start(pthread_t *t, void *(*run)(void *arg), void *arg);

#endif
