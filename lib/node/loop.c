#include "node/loop.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

/* Any time but zero. */
#define START (1000 * AC_SECOND)

void ac_node_loop_init(struct ac_node_loop *loop) {
  pthread_condattr_t monotonic;
  atomic_init(&loop->now, START);
  pthread_mutex_init(&loop->mutex, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&loop->cond, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

void ac_node_loop_deinit(struct ac_node_loop *loop) {
  pthread_cond_destroy(&loop->cond);
  pthread_mutex_destroy(&loop->mutex);
  free(loop->timers);
}

/* --- the runtime ---------------------------------------------------------- */

static uint64_t now(void *owner) {
  struct ac_node_loop *loop = owner;
  return atomic_load_explicit(&loop->now, memory_order_relaxed);
}

static int timer_set(void *owner, struct ac_timer *timer, uint64_t at) {
  struct ac_node_loop *loop = owner;
  timer->at = at;
  if (timer->slot)
    return 0;
  if (loop->n == loop->room) {
    size_t room = loop->room * 2 + 8;
    struct ac_timer **more =
        realloc((void *)loop->timers, room * sizeof(*more));
    if (!more)
      return -1;
    loop->timers = more;
    loop->room = room;
  }
  loop->timers[loop->n++] = timer;
  timer->slot = (uint32_t)loop->n;
  return 0;
}

static void timer_clear(void *owner, struct ac_timer *timer) {
  struct ac_node_loop *loop = owner;
  if (!timer->slot)
    return;
  struct ac_timer *last = loop->timers[--loop->n];
  loop->timers[timer->slot - 1] = last;
  last->slot = timer->slot;
  timer->slot = 0;
}

static void wake(void *owner) {
  struct ac_node_loop *loop = owner;
  pthread_mutex_lock(&loop->mutex);
  loop->woken = true;
  pthread_cond_signal(&loop->cond);
  pthread_mutex_unlock(&loop->mutex);
}

struct ac_runtime ac_node_loop_runtime(struct ac_node_loop *loop) {
  return (struct ac_runtime){loop, now, now, timer_set, timer_clear, wake};
}

/* --- the node's side ------------------------------------------------------ */

static struct ac_timer *first(const struct ac_node_loop *loop) {
  struct ac_timer *timer = NULL;
  for (size_t i = 0; i < loop->n; i++) {
    if (!timer || loop->timers[i]->at < timer->at)
      timer = loop->timers[i];
  }
  return timer;
}

uint64_t ac_node_loop_next(const struct ac_node_loop *loop) {
  const struct ac_timer *timer = first(loop);
  return timer ? timer->at : UINT64_MAX;
}

void ac_node_loop_fire(struct ac_node_loop *loop) {
  struct ac_timer *timer;
  while ((timer = first(loop)) && timer->at <= now(loop)) {
    timer_clear(loop, timer);
    timer->fire(timer);
  }
}

bool ac_node_loop_wait(struct ac_node_loop *loop, uint64_t deadline) {
  const struct timespec until = {(time_t)(deadline / AC_SECOND),
                                 (long)(deadline % AC_SECOND)};
  int error = 0;
  pthread_mutex_lock(&loop->mutex);
  while (!loop->woken && error == 0)
    error = pthread_cond_timedwait(&loop->cond, &loop->mutex, &until);
  bool woken = loop->woken;
  loop->woken = false;
  pthread_mutex_unlock(&loop->mutex);
  return woken;
}
