/* Catches signals for anycable_main. */
#include "server/main_signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int caught[] = {SIGTERM, SIGINT, SIGHUP};

enum { CAUGHT = sizeof(caught) / sizeof(caught[0]) };

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2,
               "signal handlers need atomics without locks");

static struct {
  atomic_bool taken;
  atomic_int fd;     /* an eventfd plus one, so that zero is none */
  atomic_int inside; /* handlers that may use |fd| */
  atomic_int stops;
  atomic_bool hangup;
  /* What was before. */
  sigset_t mask;
  struct sigaction actions[CAUGHT];
  struct sigaction pipe_action;
} signals;

void ac_signals_wake(void) {
  const uint64_t one = 1;
  atomic_fetch_add(&signals.inside, 1);
  int fd = atomic_load(&signals.fd) - 1;
  if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
    /* The count is at its limit: then it has woken already. */
  }
  atomic_fetch_sub(&signals.inside, 1);
}

static void on_signal(int number) {
  int saved = errno;
  if (number == SIGHUP)
    atomic_store(&signals.hangup, true);
  else
    atomic_fetch_add(&signals.stops, 1);
  ac_signals_wake();
  errno = saved;
}

static void install(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < CAUGHT; i++) {
    sigaddset(&action.sa_mask, caught[i]);
    sigaddset(&set, caught[i]);
  }
  for (size_t i = 0; i < CAUGHT; i++)
    sigaction(caught[i], &action, &signals.actions[i]);
  /* The log may go to a pipe whose reader ends. */
  sigaction(SIGPIPE, NULL, &signals.pipe_action);
  if (signals.pipe_action.sa_handler == SIG_DFL)
    sigaction(SIGPIPE, &ignore, NULL);
  pthread_sigmask(SIG_UNBLOCK, &set, &signals.mask);
}

int ac_signals_catch(void) {
  if (atomic_exchange(&signals.taken, true))
    return EBUSY;
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) {
    int error = errno;
    atomic_store(&signals.taken, false);
    return error;
  }
  atomic_store(&signals.stops, 0);
  atomic_store(&signals.hangup, false);
  atomic_store(&signals.fd, fd + 1);
  install();
  return 0;
}

void ac_signals_release(void) {
  for (size_t i = 0; i < CAUGHT; i++)
    sigaction(caught[i], &signals.actions[i], NULL);
  if (signals.pipe_action.sa_handler == SIG_DFL)
    sigaction(SIGPIPE, &signals.pipe_action, NULL);
  pthread_sigmask(SIG_SETMASK, &signals.mask, NULL);
  /* A handler may still run on another thread. It finds no descriptor, or is
   * waited for: a few instructions and a write that never blocks. */
  int fd = atomic_exchange(&signals.fd, 0) - 1;
  while (atomic_load(&signals.inside) > 0)
    sched_yield();
  close(fd);
  atomic_store(&signals.taken, false);
}

void ac_signals_wait(int timeout_ms) {
  struct pollfd pollfd = {atomic_load(&signals.fd) - 1, POLLIN, 0};
  uint64_t count;
  if (poll(&pollfd, 1, timeout_ms) > 0 &&
      read(pollfd.fd, &count, sizeof(count)) < 0) {
    /* Nobody else reads; and whoever waits looks at what there is. */
  }
}

int ac_signals_stops(void) {
  return atomic_load(&signals.stops);
}

bool ac_signals_take_hangup(void) {
  return atomic_exchange(&signals.hangup, false);
}
