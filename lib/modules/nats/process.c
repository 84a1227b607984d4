#include "modules/nats/process.h"

#include <nats/nats.h>
#include <signal.h>
#include <stdlib.h>

static void block_signals(sigset_t *before) {
  static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                            SIGTRAP, SIGABRT, SIGSYS, SIGPROF};
  sigset_t blocked;
  sigfillset(&blocked);
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
    sigdelset(&blocked, own[i]);
  pthread_sigmask(SIG_SETMASK, &blocked, before);
}

int ac_nats_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg) {
  sigset_t before;
  block_signals(&before);
  int error = pthread_create(thread, NULL, fn, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

/* nats.c seeds rand(). The C library changes to a state of ours and back, so
 * that the host's sequence goes on where it was. */
static bool open_without_seed(void) {
  char ours[64];
  char *before = initstate(1, ours, sizeof(ours));
  bool opened = nats_Open(-1) == NATS_OK;
  if (before)
    setstate(before);
  return opened;
}

/* nats.c ignores SIGPIPE, in the whole process. It need not: its threads and
 * ours inherit a mask that blocks it, and only they write to its sockets. */
static bool open_with_signals(void) {
  struct sigaction pipe;
  sigset_t mask;
  block_signals(&mask);
  bool saved = sigaction(SIGPIPE, NULL, &pipe) == 0;
  bool opened = open_without_seed();
  if (saved)
    sigaction(SIGPIPE, &pipe, NULL);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  return opened;
}

bool ac_nats_open(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool opened;
  pthread_mutex_lock(&lock);
  if (!opened)
    opened = open_with_signals();
  bool result = opened;
  pthread_mutex_unlock(&lock);
  return result;
}
