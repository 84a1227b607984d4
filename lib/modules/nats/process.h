/* What nats.c would do to the process, held back. */
#ifndef AC_NATS_PROCESS_H
#define AC_NATS_PROCESS_H

#include <pthread.h>
#include <stdbool.h>

/* Opens nats.c, once in a process. The host's handling of SIGPIPE and its
 * sequence of rand() are as before, and no signal is delivered to its threads.
 * False if nats.c refuses. Any thread. */
bool ac_nats_open(void);

/* Starts a thread to which no signal of the host's is delivered, but those
 * that tell of a fault of its own, and a profiler's. 0, or an errno value. */
int ac_nats_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg);

#endif
