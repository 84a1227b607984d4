/* The event loop: epoll for descriptors, a timerfd for timers, an eventfd for
 * wake-ups, all behind one descriptor that a host can poll.
 *
 * Owned by one thread at a time, the one that dispatches; only ac_loop_wake
 * may be called from elsewhere. Nothing here blocks but ac_loop_wait. */
#ifndef AC_IO_LOOP_H
#define AC_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/runtime.h"

struct ac_loop;

/* One descriptor's registration, embedded in what owns it. */
struct ac_watch {
  int fd;
  uint32_t events; /* EPOLLIN, EPOLLOUT: what is waited for */
  bool registered;
  void (*ready)(struct ac_watch *watch, uint32_t events);
};

/* Where a loop begins and ends a round: |collect| runs when ac_loop_wake was
 * called; |settle| after each batch of events, before the loop looks for more.
 * Either may be NULL. */
struct ac_loop_hooks {
  void *owner;
  void (*collect)(void *owner);
  void (*settle)(void *owner);
};

/* NULL, with errno, where the system refuses. All descriptors CLOEXEC. */
struct ac_loop *ac_loop_new(const struct ac_loop_hooks *hooks);
void ac_loop_free(struct ac_loop *loop);

/* Readable when ac_loop_dispatch has work. */
int ac_loop_fd(const struct ac_loop *loop);

/* Waits for |timeout_ms| at most (-1: for ever) until there is work. */
void ac_loop_wait(struct ac_loop *loop, int timeout_ms);

/* Handles one batch of events and the timers that are due, without blocking.
 * |timeout_ms| as above makes it wait for the batch, in one system call. True
 * if there was anything to do. Inside a callback it does nothing. */
bool ac_loop_dispatch(struct ac_loop *loop, int timeout_ms);

/* Starts to watch |watch->fd|, or changes what is waited for. False, with
 * errno, where the system refuses. A watch may be removed from any callback,
 * also another's: it will not be called again, even if its event is in the
 * batch at hand. */
bool ac_loop_watch(struct ac_loop *loop, struct ac_watch *watch,
                   uint32_t events);
void ac_loop_unwatch(struct ac_loop *loop, struct ac_watch *watch);

/* Time, timers: see base/runtime.h. The time is read once a batch, and again
 * by ac_loop_refresh. */
uint64_t ac_loop_now(const struct ac_loop *loop);
uint64_t ac_loop_refresh(struct ac_loop *loop);
int ac_loop_timer_set(struct ac_loop *loop, struct ac_timer *timer,
                      uint64_t at);
void ac_loop_timer_clear(struct ac_loop *loop, struct ac_timer *timer);

/* Any thread, and signal handlers: has |collect| called. */
void ac_loop_wake(struct ac_loop *loop);

#endif
