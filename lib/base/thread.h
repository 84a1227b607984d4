/* Threads of the library's own. */
#ifndef AC_BASE_THREAD_H
#define AC_BASE_THREAD_H

#include <pthread.h>

/* Starts a thread to which no signal of the host's is delivered, but those
 * that tell of a fault of the thread's own, and a profiler's. Returns 0, or an
 * errno value. */
int ac_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg);

#endif
