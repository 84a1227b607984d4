/* The loop: order of timers, removal during a batch, wake-ups from threads and
 * signals, and that its descriptor tells a host all that there is to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"

struct world {
  struct ac_loop *loop;
  int collected;
  int settled;
};

static void on_collect(void *owner) {
  ((struct world *)owner)->collected++;
}
static void on_settle(void *owner) {
  ((struct world *)owner)->settled++;
}

static int setup(void **state) {
  struct world *world = calloc(1, sizeof(*world));
  struct ac_loop_hooks hooks = {world, on_collect, on_settle};
  world->loop = ac_loop_new(&hooks);
  *state = world;
  return world->loop ? 0 : -1;
}

static int teardown(void **state) {
  struct world *world = *state;
  ac_loop_free(world->loop);
  free(world);
  return 0;
}

static bool readable(const struct ac_loop *loop) {
  struct pollfd fd = {.fd = ac_loop_fd(loop), .events = POLLIN};
  return poll(&fd, 1, 0) == 1;
}

static void drain(struct ac_loop *loop) {
  while (ac_loop_dispatch(loop, 0)) {
  }
  assert_false(readable(loop));
}

/* --- timers --------------------------------------------------------------- */

enum { MANY = 10000 };

struct tick {
  struct ac_timer timer;
  struct world *world;
  int fired;
  struct tick *clears;
  struct tick *moves;
  uint64_t again; /* sets itself to this, if not 0 */
};

static uint64_t last_fired;

static void on_tick(struct ac_timer *timer) {
  struct tick *tick = ac_container_of(timer, struct tick, timer);
  struct ac_loop *loop = tick->world->loop;
  assert_int_equal(timer->slot, 0);
  assert_true(timer->at <= ac_loop_now(loop));
  assert_true(timer->at >= last_fired);
  last_fired = timer->at;
  tick->fired++;
  if (tick->clears)
    ac_loop_timer_clear(loop, &tick->clears->timer);
  if (tick->moves)
    ac_loop_timer_set(loop, &tick->moves->timer, ac_loop_now(loop) + 1);
  if (tick->again)
    ac_loop_timer_set(loop, timer, tick->again);
}

static struct tick *new_ticks(struct world *world, size_t n) {
  struct tick *ticks = calloc(n, sizeof(*ticks));
  last_fired = 0;
  for (size_t i = 0; i < n; i++) {
    ticks[i].timer.fire = on_tick;
    ticks[i].world = world;
  }
  return ticks;
}

/* The past: nothing has to be waited for, and the order is the same. */
static void timers_fire_in_order(void **state) {
  struct world *world = *state;
  struct tick *ticks = new_ticks(world, MANY);
  unsigned seed = 7;
  for (int i = 0; i < MANY; i++) {
    seed = seed * 1103515245 + 12345;
    assert_int_equal(ac_loop_timer_set(world->loop, &ticks[i].timer, seed >> 8),
                     0);
    assert_int_not_equal(ticks[i].timer.slot, 0);
  }
  /* Every third is moved, every fifth cleared, some of them twice. */
  for (int i = 0; i < MANY; i += 3) {
    seed = seed * 1103515245 + 12345;
    ac_loop_timer_set(world->loop, &ticks[i].timer, seed >> 8);
  }
  for (int i = 0; i < MANY; i += 5) {
    ac_loop_timer_clear(world->loop, &ticks[i].timer);
    ac_loop_timer_clear(world->loop, &ticks[i].timer);
    assert_int_equal(ticks[i].timer.slot, 0);
  }
  drain(world->loop);
  for (int i = 0; i < MANY; i++)
    assert_int_equal(ticks[i].fired, i % 5 != 0);
  free(ticks);
}

static void timers_are_bounded_in_a_round(void **state) {
  struct world *world = *state;
  struct tick *ticks = new_ticks(world, 1000);
  for (int i = 0; i < 1000; i++)
    ac_loop_timer_set(world->loop, &ticks[i].timer, 1);
  assert_true(ac_loop_dispatch(world->loop, 0));
  int fired = 0;
  for (int i = 0; i < 1000; i++)
    fired += ticks[i].fired;
  assert_in_range(fired, 1, 100);
  assert_true(readable(world->loop)); /* the host is told of the rest */
  drain(world->loop);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(ticks[i].fired, 1);
  free(ticks);
}

static void timer_that_sets_itself_does_not_hang(void **state) {
  struct world *world = *state;
  struct tick *tick = new_ticks(world, 1);
  tick->again = 1;
  ac_loop_timer_set(world->loop, &tick->timer, 0);
  for (int i = 0; i < 10; i++)
    assert_true(ac_loop_dispatch(world->loop, 0));
  assert_in_range(tick->fired, 10, 1000);
  assert_int_equal(world->settled, 10);
  ac_loop_timer_clear(world->loop, &tick->timer);
  drain(world->loop);
  free(tick);
}

static void clears_and_moves_inside_callbacks(void **state) {
  struct world *world = *state;
  struct tick *ticks = new_ticks(world, 4);
  ticks[0].clears = &ticks[1];
  ticks[0].moves = &ticks[2];
  ticks[2].clears = &ticks[2]; /* itself, not set any more */
  for (unsigned i = 0; i < 4; i++)
    ac_loop_timer_set(world->loop, &ticks[i].timer, 10 + i);
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(ticks[0].fired, 1);
  assert_int_equal(ticks[1].fired, 0);
  assert_int_equal(ticks[2].fired, 0); /* a nanosecond later */
  assert_int_equal(ticks[3].fired, 1);
  while (ticks[2].fired == 0)
    ac_loop_dispatch(world->loop, -1);
  drain(world->loop);
  free(ticks);
}

static void future_timers_wake_the_host(void **state) {
  struct world *world = *state;
  struct tick *ticks = new_ticks(world, 3);
  uint64_t now = ac_loop_refresh(world->loop);
  ac_loop_timer_set(world->loop, &ticks[0].timer, now + 3600 * AC_SECOND);
  ac_loop_timer_set(world->loop, &ticks[1].timer, now + 20 * AC_MS);
  ac_loop_timer_set(world->loop, &ticks[2].timer, now + 10 * AC_MS);
  assert_false(ac_loop_dispatch(world->loop, 0));
  ac_loop_wait(world->loop, -1);
  assert_true(readable(world->loop));
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_true(ac_clock_now() >= now + 10 * AC_MS);
  assert_int_equal(ticks[2].fired, 1);
  while (ticks[1].fired == 0)
    ac_loop_dispatch(world->loop, -1);
  assert_int_equal(ticks[0].fired, 0);
  /* The wait ends although nothing happens. */
  ac_loop_wait(world->loop, 1);
  assert_false(ac_loop_dispatch(world->loop, 1));
  ac_loop_timer_clear(world->loop, &ticks[0].timer);
  free(ticks);
}

/* The timerfd is not set again when the earliest is cleared or moved away: it
 * then wakes for nothing, and must be set for the next. */
static void late_wakeup_rearms(void **state) {
  struct world *world = *state;
  struct tick *ticks = new_ticks(world, 2);
  uint64_t now = ac_loop_refresh(world->loop);
  ac_loop_timer_set(world->loop, &ticks[0].timer, now + 2 * AC_MS);
  ac_loop_timer_set(world->loop, &ticks[1].timer, now + 10 * AC_MS);
  ac_loop_timer_clear(world->loop, &ticks[0].timer);
  while (ticks[1].fired == 0)
    ac_loop_dispatch(world->loop, -1);
  assert_int_equal(ticks[0].fired, 0);
  drain(world->loop);

  ac_loop_timer_set(world->loop, &ticks[0].timer,
                    ac_loop_refresh(world->loop) + 2 * AC_MS);
  ac_loop_timer_set(world->loop, &ticks[0].timer, UINT64_MAX);
  ac_loop_wait(world->loop, -1); /* for nothing */
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_false(readable(world->loop));
  assert_int_equal(ticks[0].fired, 0);
  ac_loop_timer_clear(world->loop, &ticks[0].timer);
  free(ticks);
}

/* --- descriptors ---------------------------------------------------------- */

struct pipe_end {
  struct ac_watch watch;
  struct world *world;
  int other;
  int called;
  uint32_t events;
  struct pipe_end *removes; /* unwatched and freed by the callback */
  struct pipe_end *mutes;   /* told to wait for nothing */
};

static void free_end(struct pipe_end *end) {
  ac_loop_unwatch(end->world->loop, &end->watch);
  close(end->watch.fd);
  close(end->other);
  free(end);
}

static struct pipe_end *first_called;

static void on_ready(struct ac_watch *watch, uint32_t events) {
  struct pipe_end *end = ac_container_of(watch, struct pipe_end, watch);
  if (!first_called)
    first_called = end;
  end->called++;
  end->events = events;
  struct pipe_end *removes = end->removes;
  end->removes = NULL;
  if (end->mutes)
    ac_loop_watch(end->world->loop, &end->mutes->watch, 0);
  if (removes)
    free_end(removes);
}

static struct pipe_end *new_end(struct world *world, uint32_t events) {
  struct pipe_end *end = calloc(1, sizeof(*end));
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  end->watch.fd = fds[0];
  end->watch.ready = on_ready;
  end->other = fds[1];
  end->world = world;
  assert_true(ac_loop_watch(world->loop, &end->watch, events));
  return end;
}

static void reports_what_is_waited_for(void **state) {
  struct world *world = *state;
  struct pipe_end *end = new_end(world, EPOLLIN);
  char byte;
  assert_false(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(write(end->other, "x", 1), 1);
  assert_true(readable(world->loop));
  for (int i = 1; i <= 3; i++) { /* level-triggered */
    assert_true(ac_loop_dispatch(world->loop, 0));
    assert_int_equal(end->called, i);
    assert_int_equal(end->events, EPOLLIN);
  }
  assert_int_equal(world->settled, 3);
  assert_int_equal(read(end->watch.fd, &byte, 1), 1);
  assert_false(ac_loop_dispatch(world->loop, 0));
  assert_true(ac_loop_watch(world->loop, &end->watch, EPOLLIN | EPOLLOUT));
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(end->events, EPOLLOUT);
  assert_true(ac_loop_watch(world->loop, &end->watch, EPOLLIN));
  assert_false(ac_loop_dispatch(world->loop, 0));
  ac_loop_unwatch(world->loop, &end->watch);
  ac_loop_unwatch(world->loop, &end->watch);
  assert_int_equal(write(end->other, "x", 1), 1);
  assert_false(ac_loop_dispatch(world->loop, 0));
  free_end(end);
}

static void refuses_a_bad_descriptor(void **state) {
  struct world *world = *state;
  struct ac_watch watch = {.fd = -1, .ready = on_ready};
  errno = 0;
  assert_false(ac_loop_watch(world->loop, &watch, EPOLLIN));
  assert_int_equal(errno, EBADF);
  assert_false(watch.registered);
  ac_loop_unwatch(world->loop, &watch);
}

/* Whichever is called first frees the other, whose event is in the batch. */
static void removed_watch_is_not_called(void **state) {
  struct world *world = *state;
  struct pipe_end *ends[2];
  for (int i = 0; i < 2; i++) {
    ends[i] = new_end(world, EPOLLIN);
    assert_int_equal(write(ends[i]->other, "x", 1), 1);
  }
  ends[0]->removes = ends[1];
  ends[1]->removes = ends[0];
  first_called = NULL;
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_non_null(first_called);
  assert_null(first_called->removes);
  assert_int_equal(first_called->called, 1);
  assert_int_equal(world->settled, 1);
  free_end(first_called);
}

/* What waits for nothing any more is not called for what the batch has. */
static void muted_watch_is_not_called(void **state) {
  struct world *world = *state;
  struct pipe_end *a = new_end(world, EPOLLIN);
  struct pipe_end *b = new_end(world, EPOLLIN);
  assert_int_equal(write(a->other, "x", 1), 1);
  assert_int_equal(write(b->other, "x", 1), 1);
  a->mutes = b;
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(a->called, 1);
  assert_int_equal(b->called, 0);
  a->mutes = NULL;
  assert_true(ac_loop_watch(world->loop, &b->watch, EPOLLIN));
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(b->called, 1);
  free_end(a);
  free_end(b);
}

/* A copy of the descriptor, as a forked child has, keeps nothing alive. */
static void copies_do_not_matter(void **state) {
  struct world *world = *state;
  struct pipe_end *end = new_end(world, EPOLLIN);
  int copy = dup(end->watch.fd);
  assert_int_equal(write(end->other, "x", 1), 1);
  free_end(end);
  assert_false(ac_loop_dispatch(world->loop, 0));
  close(copy);
}

static void on_remove_self(struct ac_watch *watch, uint32_t events) {
  struct pipe_end *end = ac_container_of(watch, struct pipe_end, watch);
  (void)events;
  (*(int *)end->removes)++;
  end->removes = NULL;
  free_end(end);
}

static void watch_removes_itself(void **state) {
  struct world *world = *state;
  int called = 0;
  for (int i = 0; i < 200; i++) { /* more than a batch */
    struct pipe_end *end = new_end(world, EPOLLIN);
    end->watch.ready = on_remove_self;
    end->removes = (void *)&called;
    assert_int_equal(write(end->other, "x", 1), 1);
  }
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_in_range(called, 1, 199);
  drain(world->loop);
  assert_int_equal(called, 200);
}

/* More are ready than a batch holds. */
static void everybody_gets_a_turn(void **state) {
  struct world *world = *state;
  enum { N = 150 };
  struct pipe_end *ends[N];
  for (int i = 0; i < N; i++) {
    ends[i] = new_end(world, EPOLLIN);
    assert_int_equal(write(ends[i]->other, "x", 1), 1);
  }
  for (int i = 0; i < 3; i++)
    ac_loop_dispatch(world->loop, 0);
  for (int i = 0; i < N; i++)
    assert_in_range(ends[i]->called, 1, 2);
  for (int i = 0; i < N; i++)
    free_end(ends[i]);
}

/* --- nesting -------------------------------------------------------------- */

static void on_nested(struct ac_watch *watch, uint32_t events) {
  struct pipe_end *end = ac_container_of(watch, struct pipe_end, watch);
  (void)events;
  end->called++;
  assert_false(ac_loop_dispatch(end->world->loop, 0));
}

static void dispatch_inside_a_callback_does_nothing(void **state) {
  struct world *world = *state;
  struct pipe_end *end = new_end(world, EPOLLOUT);
  end->watch.ready = on_nested;
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(end->called, 1);
  free_end(end);
}

/* --- wake-ups ------------------------------------------------------------- */

static void wakes(void **state) {
  struct world *world = *state;
  assert_false(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(world->settled, 0);
  errno = EDOM;
  ac_loop_wake(world->loop);
  assert_int_equal(errno, EDOM);
  ac_loop_wake(world->loop);
  assert_true(readable(world->loop));
  ac_loop_wait(world->loop, -1);
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(world->collected, 1);
  assert_int_equal(world->settled, 1);
  assert_false(readable(world->loop));
  assert_false(ac_loop_dispatch(world->loop, 0));
}

static void on_collect_wake(void *owner) {
  struct world *world = owner;
  if (++world->collected < 3)
    ac_loop_wake(world->loop);
}

static void wake_inside_collect_is_not_lost(void **state) {
  (void)state;
  struct world world = {0};
  struct ac_loop_hooks hooks = {&world, on_collect_wake, NULL};
  world.loop = ac_loop_new(&hooks);
  ac_loop_wake(world.loop);
  for (int i = 1; i <= 3; i++) {
    assert_true(ac_loop_dispatch(world.loop, 0));
    assert_int_equal(world.collected, i);
  }
  assert_false(ac_loop_dispatch(world.loop, 0));
  ac_loop_free(world.loop);
}

static void hooks_may_be_missing(void **state) {
  (void)state;
  static const struct ac_loop_hooks hooks;
  struct ac_loop *loop = ac_loop_new(&hooks);
  ac_loop_wake(loop);
  assert_true(ac_loop_dispatch(loop, -1));
  ac_loop_free(loop);
  ac_loop_free(NULL);
}

enum { THREADS = 4, WAKES = 5000 };

static atomic_int produced;

static void *producer(void *arg) {
  for (int i = 0; i < WAKES; i++) {
    atomic_fetch_add(&produced, 1);
    ac_loop_wake(arg);
  }
  return NULL;
}

static void on_collect_count(void *owner) {
  struct world *world = owner;
  world->collected = atomic_load(&produced);
}

/* Whatever was produced before a wake-up is seen after it, by a loop that only
 * ever blocks. */
static void wakes_from_threads(void **state) {
  (void)state;
  struct world world = {0};
  struct ac_loop_hooks hooks = {&world, on_collect_count, NULL};
  pthread_t threads[THREADS];
  world.loop = ac_loop_new(&hooks);
  atomic_store(&produced, 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, producer, world.loop),
                     0);
  while (world.collected < THREADS * WAKES)
    ac_loop_dispatch(world.loop, -1);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  ac_loop_free(world.loop);
}

static struct ac_loop *signalled;

static void on_signal(int number) {
  (void)number;
  ac_loop_wake(signalled);
}

/* A signal handler's wake-up is seen, whether it interrupts the wait or comes
 * before it. */
static void wakes_from_a_signal_handler(void **state) {
  struct world *world = *state;
  struct sigaction action = {.sa_handler = on_signal}, before;
  signalled = world->loop;
  sigaction(SIGUSR1, &action, &before);
  for (int i = 1; i <= 100; i++) {
    raise(SIGUSR1);
    while (world->collected < i)
      ac_loop_dispatch(world->loop, -1);
  }
  sigaction(SIGUSR1, &before, NULL);
}

/* --- the host's process --------------------------------------------------- */

static int count_fds(bool *cloexec) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  struct dirent *entry;
  while ((entry = readdir(dir))) {
    int fd = atoi(entry->d_name);
    n++;
    if (fd > 2 && fd != dirfd(dir) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
      *cloexec = false;
  }
  closedir(dir);
  return n;
}

static void leaks_no_descriptor(void **state) {
  (void)state;
  static const struct ac_loop_hooks hooks;
  bool before = true, during = true;
  int count = count_fds(&before);
  struct ac_loop *loop = ac_loop_new(&hooks);
  assert_int_equal(count_fds(&during), count + 3);
  assert_int_equal(during, before);
  ac_loop_free(loop);
  assert_int_equal(count_fds(&during), count);

  /* Also where it cannot have all that it needs. */
  struct rlimit limit, low;
  getrlimit(RLIMIT_NOFILE, &limit);
  low = limit;
  int next = dup(0);
  close(next);
  for (int spare = 0; spare < 3; spare++) {
    low.rlim_cur = (rlim_t)(next + spare);
    setrlimit(RLIMIT_NOFILE, &low);
    loop = ac_loop_new(&hooks);
    int error = errno;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_null(loop);
    assert_int_equal(error, EMFILE);
    assert_int_equal(count_fds(&during), count);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(timers_fire_in_order),
      TEST(timers_are_bounded_in_a_round),
      TEST(timer_that_sets_itself_does_not_hang),
      TEST(clears_and_moves_inside_callbacks),
      TEST(future_timers_wake_the_host),
      TEST(late_wakeup_rearms),
      TEST(reports_what_is_waited_for),
      TEST(refuses_a_bad_descriptor),
      TEST(removed_watch_is_not_called),
      TEST(muted_watch_is_not_called),
      TEST(copies_do_not_matter),
      TEST(watch_removes_itself),
      TEST(everybody_gets_a_turn),
      TEST(dispatch_inside_a_callback_does_nothing),
      TEST(wakes),
      cmocka_unit_test(wake_inside_collect_is_not_lost),
      cmocka_unit_test(hooks_may_be_missing),
      cmocka_unit_test(wakes_from_threads),
      TEST(wakes_from_a_signal_handler),
      cmocka_unit_test(leaks_no_descriptor),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
