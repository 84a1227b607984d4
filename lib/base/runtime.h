/* What the parts above the event loop need of it: timers and wake-ups. The
 * server fills the table from its loop, so that neither rpc nor h2 nor grpc
 * knows one, and tests can drive time themselves. */
#ifndef AC_BASE_RUNTIME_H
#define AC_BASE_RUNTIME_H

#include <stdint.h>

/* Embedded in what it belongs to; all zero is "not set". */
struct ac_timer {
  uint64_t at;   /* ac_clock time */
  uint32_t slot; /* the loop's own: 0 while not set */
  void (*fire)(struct ac_timer *timer);
};

struct ac_runtime {
  void *loop;
  /* The time at which the current turn began. */
  uint64_t (*now)(void *loop);
  /* The time right now. Any thread. */
  uint64_t (*clock)(void *loop);
  /* Sets, or moves, a timer: |fire| is called on the loop's thread, once, not
   * before |at|. 0, or -1 without memory. */
  int (*timer_set)(void *loop, struct ac_timer *timer, uint64_t at);
  void (*timer_clear)(void *loop, struct ac_timer *timer);
  /* Has the loop's owner collect finished work soon. Any thread. */
  void (*wake)(void *loop);
};

#endif
