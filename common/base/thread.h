/* thread — threads that leave the signals to the main one. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* As pthread_create: 0, or an errno value.  The new thread has every signal blocked; the caller's mask is as
 * it was.  To be joined. */
int thread_start(pthread_t *t, void *(*run)(void *arg), void *arg);

#endif
