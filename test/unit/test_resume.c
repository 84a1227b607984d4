/* Sessions that go on when a deferred call was finished, and defer it anew. */
#define FX_RESUME
#include <sched.h>

#include "rpc_fixture.h"

enum { STEPS = 5, CALLS = 200 };

static anycable_deferred *deferred;
static int steps, last_outcome;

static int defers(anycable_socket *socket) {
  deferred = anycable_socket_defer(socket);
  assert_non_null(deferred);
  assert_null(anycable_socket_defer(socket));
  return ANYCABLE_PENDING;
}

/* Once more, until there were STEPS. */
static int defers_again(anycable_socket *socket, int outcome) {
  last_outcome = outcome;
  return ++steps < STEPS ? defers(socket) : outcome;
}

static anycable_socket *begin(struct heard *heard) {
  steps = 0;
  fx.command = defers;
  fx.resume = defers_again;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, heard);
  assert_int_equal(heard->times, 0);
  return call;
}

static void test_goes_on(void **state) {
  anycable_deferred *all[STEPS];
  struct heard heard;
  (void)state;
  anycable_socket *call = begin(&heard);
  for (int i = 0; i < STEPS; i++) {
    anycable_deferred *mine = all[i] = deferred;
    assert_false(anycable_deferred_cancelled(mine));
    assert_ptr_equal(anycable_deferred_socket(mine), call);
    assert_int_equal(anycable_socket_transmit(call, ANYCABLE_STR("{}")), 0);
    assert_int_equal(atomic_load(&fx.completed), 0);
    assert_int_equal(anycable_deferred_finish(mine, ANYCABLE_REJECT), 0);
    assert_int_equal(anycable_deferred_finish(mine, ANYCABLE_DONE),
                     ANYCABLE_ERR_STATE);
    assert_int_equal(last_outcome, ANYCABLE_REJECT);
    if (i % 2)
      anycable_deferred_free(mine); /* some at once, some in the end */
  }
  fx_turn();
  assert_int_equal(heard.times, 1);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_FAILURE);
  assert_int_equal(ac_rpc_call_reply(call)->transmissions.n, STEPS);
  assert_int_equal(atomic_load(&fx.completed), 1);
  ac_rpc_release(call);
  for (int i = 0; i < STEPS; i += 2) {
    assert_int_equal(atomic_load(&fx.destroyed), 0);
    anycable_deferred_free(all[i]);
  }
  assert_int_equal(atomic_load(&fx.destroyed), 1);
  assert_int_equal(fx.rpc->n_deferred, 0);
  fx_end();
}

/* Freed without an answer: the session hears of an error. */
static void test_freed(void **state) {
  struct heard heard;
  (void)state;
  anycable_socket *call = begin(&heard);
  for (int i = 0; i < STEPS; i++) {
    last_outcome = 0;
    anycable_deferred_free(deferred);
    assert_int_equal(last_outcome, ANYCABLE_ERR_FAILED);
  }
  fx_turn();
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_ERROR);
  ac_rpc_release(call);
  fx_end();
}

/* Whoever finishes before the handler has returned leaves the rest to it. */
static int defers_and_finishes(anycable_socket *socket) {
  defers(socket);
  int before = steps;
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE), 0);
  assert_int_equal(steps, before);
  anycable_deferred_free(deferred);
  return ANYCABLE_PENDING;
}

static int finishes_again(anycable_socket *socket, int outcome) {
  return ++steps < STEPS ? defers_and_finishes(socket) : outcome;
}

static void test_finished_at_once(void **state) {
  struct heard heard;
  (void)state;
  steps = 0;
  fx.command = defers_and_finishes;
  fx.resume = finishes_again;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  assert_int_equal(steps, STEPS);
  assert_int_equal(heard.times, 1);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_SUCCESS);
  ac_rpc_release(call);
  fx_end();
}

/* A cancelled call goes on as well, to an end that nobody hears of. */
static void test_cancelled(void **state) {
  struct heard heard;
  (void)state;
  anycable_socket *call = begin(&heard);
  ac_rpc_release(call);
  for (int i = 0; i < STEPS; i++) {
    assert_int_equal(steps, i);
    assert_true(anycable_deferred_cancelled(deferred));
    anycable_deferred *mine = deferred;
    assert_int_equal(anycable_deferred_finish(mine, ANYCABLE_DONE),
                     ANYCABLE_ERR_CANCELLED);
    anycable_deferred_free(mine);
  }
  assert_int_equal(steps, STEPS);
  assert_int_equal(heard.times, 0);
  assert_int_equal(atomic_load(&fx.completed), 0);
  ac_rpc_collect(fx.rpc);
  fx_end();
}

static int cancels;
static void on_cancel(anycable_deferred *d, void *ctx) {
  assert_ptr_equal(d, ctx);
  cancels++;
}

/* Only the one that holds the call is told. */
static void test_told_of_cancelling(void **state) {
  struct heard heard;
  (void)state;
  anycable_socket *call = begin(&heard);
  anycable_deferred *first = deferred;
  cancels = 0;
  anycable_deferred_on_cancel(first, on_cancel, NULL); /* would fail */
  anycable_deferred_finish(first, ANYCABLE_DONE);
  anycable_deferred_on_cancel(deferred, on_cancel, deferred);
  assert_int_equal(fx_fire_timers(), 1);
  assert_int_equal(cancels, 1);
  assert_int_equal(heard.result, AC_RPC_EXPIRED);
  anycable_deferred_free(first);
  steps = STEPS;
  anycable_deferred_free(deferred);
  ac_rpc_release(call);
  ac_rpc_collect(fx.rpc);
  fx_end();
}

static void test_not_when_the_server_is_gone(void **state) {
  struct heard heard;
  (void)state;
  anycable_socket *call = begin(&heard);
  ac_rpc_release(call);
  ac_rpc_free(fx.rpc);
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_ERR_CANCELLED);
  assert_int_equal(steps, 0);
  anycable_deferred_free(deferred);
  assert_int_equal(atomic_load(&fx.destroyed), 1);
  ac_arena_pool_release(fx.pool);
  anycable_app_free(fx.app);
}

/* Resumed, it defers but answers: then that deferred is nobody's. */
static int defers_and_answers(anycable_socket *socket, int outcome) {
  defers(socket);
  return outcome;
}

static void test_answered_although_deferred(void **state) {
  struct heard heard;
  (void)state;
  anycable_socket *call = begin(&heard);
  anycable_deferred *first = deferred;
  fx.resume = defers_and_answers;
  assert_int_equal(anycable_deferred_finish(first, ANYCABLE_DONE), 0);
  assert_ptr_not_equal(first, deferred);
  assert_true(anycable_deferred_cancelled(deferred));
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_ERR_CANCELLED);
  anycable_deferred_free(deferred);
  anycable_deferred_free(first);
  fx_turn();
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_SUCCESS);
  ac_rpc_release(call);
  fx_end();
}

/* --- threads -------------------------------------------------------------- */

static const char step_key;

static void *finish_elsewhere(void *arg) {
  anycable_deferred_finish(arg, ANYCABLE_DONE);
  anycable_deferred_free(arg);
  return NULL;
}

static int defers_to_a_thread(anycable_socket *socket) {
  pthread_t thread;
  anycable_deferred *d = anycable_socket_defer(socket);
  assert_non_null(d);
  assert_int_equal(pthread_create(&thread, NULL, finish_elsewhere, d), 0);
  pthread_detach(thread);
  return ANYCABLE_PENDING;
}

static int to_another_thread(anycable_socket *socket, int outcome) {
  int *step = anycable_socket_data(socket, &step_key);
  if (!step) {
    step = anycable_socket_alloc(socket, sizeof(*step));
    anycable_socket_set_data(socket, &step_key, step);
  }
  anycable_socket_transmit(socket, ANYCABLE_STR("{}"));
  return ++*step < STEPS ? defers_to_a_thread(socket) : outcome;
}

static void test_from_thread_to_thread(void **state) {
  struct heard heard;
  (void)state;
  fx.command = defers_to_a_thread;
  fx.resume = to_another_thread;
  fx_start(2, 8);
  fx.rpc->config.deferred = CALLS * STEPS; /* threads free theirs late */
  for (int i = 0; i < CALLS; i++) {
    anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
    fx_submit(call, &heard);
    ac_rpc_flush(fx.rpc);
    if (i % 4 == 0) { /* some are not wanted any more */
      ac_rpc_release(call);
      continue;
    }
    while (heard.times == 0)
      fx_turn();
    assert_int_equal(ac_rpc_call_reply(call)->transmissions.n, STEPS);
    ac_rpc_release(call);
  }
  while (atomic_load(&fx.created) != atomic_load(&fx.destroyed))
    sched_yield();
  pthread_mutex_lock(&fx.rpc->mutex);
  while (fx.rpc->n_deferred > 0 || fx.rpc->running > 0) {
    pthread_mutex_unlock(&fx.rpc->mutex);
    sched_yield();
    pthread_mutex_lock(&fx.rpc->mutex);
  }
  pthread_mutex_unlock(&fx.rpc->mutex);
  fx_end();
}

static int setup(void **state) {
  (void)state;
  fx_begin();
  return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_goes_on),
      TEST(test_freed),
      TEST(test_finished_at_once),
      TEST(test_cancelled),
      TEST(test_told_of_cancelling),
      TEST(test_not_when_the_server_is_gone),
      TEST(test_answered_although_deferred),
      TEST(test_from_thread_to_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
