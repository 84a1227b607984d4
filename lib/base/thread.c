#include "base/thread.h"

#include <signal.h>

int ac_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg) {
  static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                            SIGTRAP, SIGABRT, SIGSYS, SIGPROF};
  sigset_t blocked, before;
  sigfillset(&blocked);
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
    sigdelset(&blocked, own[i]);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  int error = pthread_create(thread, NULL, fn, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}
