/* The event loop: one batch of events, then the timers that are due, then what
 * other threads finished, then the owner's settling.
 *
 * Its descriptors are all in one epoll instance. Timers are a 4-ary heap; the
 * timerfd is set for the earliest of them and left alone when that is removed:
 * most timers are deadlines that never come, and one wake-up too many costs
 * less than a system call for each. */
#include "io/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"

enum {
  BATCH = 64,        /* events of one round */
  TIMERS_ROUND = 64, /* timers of one round; more make the next one due */
  ARITY = 4,
  HEAP_START = 64
};

#define NEVER UINT64_MAX

/* The time lies beside the pointer: comparing touches no timer. */
struct heap_entry {
  uint64_t at;
  struct ac_timer *timer;
};

struct ac_loop {
  struct ac_loop_hooks hooks;
  int epoll_fd;
  struct ac_watch timer_watch;
  struct ac_watch wake_watch;
  uint64_t now;

  struct heap_entry *heap;
  uint32_t timers;
  uint32_t heap_size;
  uint64_t armed; /* what the timerfd is set for; NEVER if it is not */

  bool dispatching;
  bool woken;
  bool expired; /* the timerfd is readable until it is set again */
  int batch_at; /* the events from here on are still to be handled */
  int batch_len;
  struct epoll_event batch[BATCH];
};

/* --- timers --------------------------------------------------------------- */

static void heap_put(struct ac_loop *loop, uint32_t i,
                     struct heap_entry entry) {
  loop->heap[i] = entry;
  entry.timer->slot = i + 1;
}

static void heap_up(struct ac_loop *loop, uint32_t i, struct heap_entry entry) {
  while (i > 0) {
    uint32_t parent = (i - 1) / ARITY;
    if (loop->heap[parent].at <= entry.at)
      break;
    heap_put(loop, i, loop->heap[parent]);
    i = parent;
  }
  heap_put(loop, i, entry);
}

static void heap_down(struct ac_loop *loop, uint32_t i,
                      struct heap_entry entry) {
  for (;;) {
    uint32_t child = i * ARITY + 1;
    if (child >= loop->timers)
      break;
    uint32_t end = child + ARITY;
    if (end > loop->timers)
      end = loop->timers;
    uint32_t least = child;
    while (++child < end)
      if (loop->heap[child].at < loop->heap[least].at)
        least = child;
    if (entry.at <= loop->heap[least].at)
      break;
    heap_put(loop, i, loop->heap[least]);
    i = least;
  }
  heap_put(loop, i, entry);
}

static void heap_place(struct ac_loop *loop, uint32_t i,
                       struct heap_entry entry) {
  if (i > 0 && entry.at < loop->heap[(i - 1) / ARITY].at)
    heap_up(loop, i, entry);
  else
    heap_down(loop, i, entry);
}

static int heap_grow(struct ac_loop *loop) {
  uint32_t size = loop->heap_size ? loop->heap_size * 2 : HEAP_START;
  if (size > UINT32_MAX / (2 * ARITY))
    return -1;
  struct heap_entry *heap = realloc(loop->heap, size * sizeof(*heap));
  if (!heap)
    return -1;
  loop->heap = heap;
  loop->heap_size = size;
  return 0;
}

static uint64_t earliest(const struct ac_loop *loop) {
  return loop->timers ? loop->heap[0].at : NEVER;
}

/* Setting the timerfd also makes it unreadable; it is never read. */
static void arm(struct ac_loop *loop) {
  uint64_t at = earliest(loop);
  if (at >= loop->armed && !loop->expired)
    return;
  struct itimerspec when = {{0, 0}, {0, 0}};
  if (at != NEVER) {
    when.it_value.tv_sec = (time_t)(at / AC_SECOND);
    when.it_value.tv_nsec = (long)(at % AC_SECOND);
    if (at == 0)
      when.it_value.tv_nsec = 1; /* all zero would switch it off */
  }
  timerfd_settime(loop->timer_watch.fd, TFD_TIMER_ABSTIME, &when, NULL);
  loop->armed = at;
  loop->expired = false;
}

int ac_loop_timer_set(struct ac_loop *loop, struct ac_timer *timer,
                      uint64_t at) {
  timer->at = at;
  struct heap_entry entry = {at, timer};
  if (timer->slot) {
    heap_place(loop, timer->slot - 1, entry);
  } else {
    if (loop->timers == loop->heap_size && heap_grow(loop) != 0)
      return -1;
    heap_up(loop, loop->timers++, entry);
  }
  if (!loop->dispatching)
    arm(loop);
  return 0;
}

void ac_loop_timer_clear(struct ac_loop *loop, struct ac_timer *timer) {
  if (!timer->slot)
    return;
  uint32_t i = timer->slot - 1;
  timer->slot = 0;
  struct heap_entry last = loop->heap[--loop->timers];
  if (i < loop->timers)
    heap_place(loop, i, last);
}

static void fire_timers(struct ac_loop *loop) {
  for (int n = 0; n < TIMERS_ROUND && earliest(loop) <= loop->now; n++) {
    struct ac_timer *timer = loop->heap[0].timer;
    ac_loop_timer_clear(loop, timer);
    timer->fire(timer);
  }
}

/* --- descriptors ---------------------------------------------------------- */

bool ac_loop_watch(struct ac_loop *loop, struct ac_watch *watch,
                   uint32_t events) {
  if (watch->registered && watch->events == events)
    return true;
  struct epoll_event event = {.events = events, .data = {.ptr = watch}};
  int op = watch->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(loop->epoll_fd, op, watch->fd, &event) != 0)
    return false;
  watch->registered = true;
  watch->events = events;
  return true;
}

/* Closing a descriptor is not enough: a forked child's copy would keep the
 * registration alive, and with it the pointer. */
void ac_loop_unwatch(struct ac_loop *loop, struct ac_watch *watch) {
  if (!watch->registered)
    return;
  epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch->registered = false;
  for (int i = loop->batch_at; i < loop->batch_len; i++)
    if (loop->batch[i].data.ptr == watch)
      loop->batch[i].data.ptr = NULL;
}

static void handle_events(struct ac_loop *loop) {
  while (loop->batch_at < loop->batch_len) {
    struct epoll_event *event = &loop->batch[loop->batch_at++];
    struct ac_watch *watch = event->data.ptr;
    if (!watch)
      continue;
    /* An earlier callback may have changed what this one waits for. */
    uint32_t events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
    if (events)
      watch->ready(watch, events);
  }
  loop->batch_at = loop->batch_len = 0;
}

/* --- the loop ------------------------------------------------------------- */

static void timer_ready(struct ac_watch *watch, uint32_t events) {
  (void)events;
  ac_container_of(watch, struct ac_loop, timer_watch)->expired = true;
}

static void wake_ready(struct ac_watch *watch, uint32_t events) {
  (void)events;
  ac_container_of(watch, struct ac_loop, wake_watch)->woken = true;
}

struct ac_loop *ac_loop_new(const struct ac_loop_hooks *hooks) {
  struct ac_loop *loop = calloc(1, sizeof(*loop));
  if (!loop)
    return NULL;
  loop->hooks = *hooks;
  loop->armed = NEVER;
  loop->now = ac_clock_now();
  loop->timer_watch.ready = timer_ready;
  loop->wake_watch.ready = wake_ready;
  loop->timer_watch.fd = loop->wake_watch.fd = -1;

  loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll_fd < 0)
    goto fail;
  loop->timer_watch.fd =
      timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (loop->timer_watch.fd < 0 ||
      !ac_loop_watch(loop, &loop->timer_watch, EPOLLIN))
    goto fail;
  /* Edge-triggered: each wake-up is reported once, and there is no need to
   * read the counter, which would take 2^64 of them to fill. */
  loop->wake_watch.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (loop->wake_watch.fd < 0 ||
      !ac_loop_watch(loop, &loop->wake_watch, EPOLLIN | EPOLLET))
    goto fail;
  return loop;

fail:;
  int error = errno;
  ac_loop_free(loop);
  errno = error;
  return NULL;
}

void ac_loop_free(struct ac_loop *loop) {
  if (!loop)
    return;
  if (loop->wake_watch.fd >= 0)
    close(loop->wake_watch.fd);
  if (loop->timer_watch.fd >= 0)
    close(loop->timer_watch.fd);
  if (loop->epoll_fd >= 0)
    close(loop->epoll_fd);
  free(loop->heap);
  free(loop);
}

int ac_loop_fd(const struct ac_loop *loop) {
  return loop->epoll_fd;
}

void ac_loop_wait(struct ac_loop *loop, int timeout_ms) {
  struct pollfd fd = {.fd = loop->epoll_fd, .events = POLLIN};
  poll(&fd, 1, timeout_ms);
}

bool ac_loop_dispatch(struct ac_loop *loop, int timeout_ms) {
  if (loop->dispatching)
    return false;
  int n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, timeout_ms);
  loop->now = ac_clock_now();
  if (n <= 0)
    return false;

  loop->dispatching = true;
  loop->batch_len = n;
  handle_events(loop);
  fire_timers(loop);
  if (loop->woken) {
    loop->woken = false;
    if (loop->hooks.collect)
      loop->hooks.collect(loop->hooks.owner);
  }
  if (loop->hooks.settle)
    loop->hooks.settle(loop->hooks.owner);
  loop->dispatching = false;
  arm(loop);
  return true;
}

uint64_t ac_loop_now(const struct ac_loop *loop) {
  return loop->now;
}

uint64_t ac_loop_refresh(struct ac_loop *loop) {
  return loop->now = ac_clock_now();
}

/* Nothing is locked, and errno is kept: a signal handler may call this. */
void ac_loop_wake(struct ac_loop *loop) {
  int error = errno;
  uint64_t one = 1;
  ssize_t n = write(loop->wake_watch.fd, &one, sizeof(one));
  (void)n;
  errno = error;
}
