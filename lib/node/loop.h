/* The node's own time, which stands still until it is moved. */
#ifndef AC_NODE_LOOP_H
#define AC_NODE_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/runtime.h"

struct ac_node_loop {
  _Atomic uint64_t now;
  struct ac_timer **timers;
  size_t n;
  size_t room;
  pthread_mutex_t mutex; /* of |woken| */
  pthread_cond_t cond;
  bool woken;
};

void ac_node_loop_init(struct ac_node_loop *loop);
void ac_node_loop_deinit(struct ac_node_loop *loop);

struct ac_runtime ac_node_loop_runtime(struct ac_node_loop *loop);

/* When the next timer is due, UINT64_MAX without one. */
uint64_t ac_node_loop_next(const struct ac_node_loop *loop);

/* Fires those whose time has come. */
void ac_node_loop_fire(struct ac_node_loop *loop);

/* Waits for a wake-up until |deadline|, of ac_clock_now(). False if it has
 * passed. */
bool ac_node_loop_wait(struct ac_node_loop *loop, uint64_t deadline);

#endif
