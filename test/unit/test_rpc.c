/* Where calls run, and how they end: inline, on workers, later from other
 * threads; deadlines, cancelling, stopping. Made for TSan as well. */

#include "rpc_fixture.h"

/* A gate that a handler waits at until a test opens it. */
static struct gate {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  int waiting;
  bool open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static void gate_wait(void) {
  pthread_mutex_lock(&gate.mutex);
  gate.waiting++;
  pthread_cond_broadcast(&gate.cond);
  while (!gate.open)
    pthread_cond_wait(&gate.cond, &gate.mutex);
  gate.waiting--;
  pthread_mutex_unlock(&gate.mutex);
}

static void gate_await(int waiting) {
  pthread_mutex_lock(&gate.mutex);
  while (gate.waiting < waiting)
    pthread_cond_wait(&gate.cond, &gate.mutex);
  pthread_mutex_unlock(&gate.mutex);
}

static void gate_open(void) {
  pthread_mutex_lock(&gate.mutex);
  gate.open = true;
  pthread_cond_broadcast(&gate.cond);
  pthread_mutex_unlock(&gate.mutex);
}

static int setup(void **state) {
  (void)state;
  gate.open = false;
  gate.waiting = 0;
  fx_begin();
  return 0;
}

static int blocks(anycable_socket *socket) {
  (void)socket;
  gate_wait();
  return ANYCABLE_DONE;
}

static void await_answers(struct heard *heard, int n) {
  for (int i = 0; i < n; i++) {
    while (heard[i].times == 0)
      fx_turn();
  }
}

/* --- workers ------------------------------------------------------------- */

static void test_workers_answer(void **state) {
  enum { CALLS = 50 };
  anycable_socket *calls[CALLS];
  struct heard heard[CALLS];
  (void)state;
  fx_start(4, 1000);
  for (int i = 0; i < CALLS; i++) {
    calls[i] = fx_call(ANYCABLE_COMMAND, "message");
    fx_submit(calls[i], &heard[i]);
  }
  ac_rpc_flush(fx.rpc);
  await_answers(heard, CALLS);
  for (int i = 0; i < CALLS; i++) {
    assert_int_equal(heard[i].times, 1);
    assert_int_equal(heard[i].result, AC_RPC_REPLY);
    ac_rpc_release(calls[i]);
  }
  fx_end();
}

/* Room is the queue and the workers that are free. */
static void test_queue_full(void **state) {
  enum { CALLS = 8 };
  anycable_socket *calls[CALLS];
  struct heard heard[CALLS];
  (void)state;
  fx.command = blocks;
  fx_start(2, 3);
  for (int i = 0; i < CALLS; i++) {
    calls[i] = fx_call(ANYCABLE_COMMAND, "message");
    fx_submit(calls[i], &heard[i]);
  }
  ac_rpc_flush(fx.rpc);
  for (int i = 0; i < CALLS; i++) { /* 2 + 3 go in, in order */
    assert_int_equal(heard[i].times, i >= 5);
    if (i >= 5)
      assert_int_equal(heard[i].result, AC_RPC_REFUSED);
  }
  gate_await(2);
  anycable_socket *late = fx_call(ANYCABLE_COMMAND, "message");
  struct heard late_heard;
  fx_submit(late, &late_heard);
  ac_rpc_flush(fx.rpc);
  assert_int_equal(late_heard.result, AC_RPC_REFUSED);
  assert_int_equal(atomic_load(&fx.created), 2); /* none of them ran */
  gate_open();
  await_answers(heard, CALLS);
  for (int i = 0; i < CALLS; i++)
    ac_rpc_release(calls[i]);
  ac_rpc_release(late);
  assert_int_equal(atomic_load(&fx.created), 5);
  fx_end();
}

/* In which order calls were begun, by the first letter of their method. */
static char begun[64];
static pthread_mutex_t begun_mutex = PTHREAD_MUTEX_INITIALIZER;

static int notes(anycable_socket *socket) {
  int method = anycable_request_method(anycable_socket_request(socket));
  pthread_mutex_lock(&begun_mutex);
  size_t n = strlen(begun);
  begun[n] = "?cmd"[method]; /* connect, message, disconnect */
  begun[n + 1] = '\0';
  pthread_mutex_unlock(&begun_mutex);
  return ANYCABLE_DONE;
}

/* |n| calls of |method|, all at once; returns how many were refused. */
static int flood(anycable_socket **calls, struct heard *heard, int n,
                 int method) {
  int refused = 0;
  for (int i = 0; i < n; i++) {
    calls[i] = fx_call(method, method == ANYCABLE_COMMAND ? "message" : "");
    fx_submit(calls[i], &heard[i]);
  }
  bool answered = ac_rpc_flush(fx.rpc);
  for (int i = 0; i < n; i++)
    refused += heard[i].times && heard[i].result == AC_RPC_REFUSED;
  assert_int_equal(answered, refused > 0);
  return refused;
}

/* A flood of one method locks out none of the others, nor holds them up; and
 * the queue never holds more than its size. */
static void test_storm(void **state) {
  enum { QUEUE = 16, SHARE = QUEUE / 8, CALLS = 20, FLOODS = 3 };
  static const int orders[3][FLOODS] = {
      {ANYCABLE_CONNECT, ANYCABLE_COMMAND, ANYCABLE_DISCONNECT},
      {ANYCABLE_COMMAND, ANYCABLE_DISCONNECT, ANYCABLE_CONNECT},
      {ANYCABLE_DISCONNECT, ANYCABLE_CONNECT, ANYCABLE_COMMAND}};
  anycable_socket *running, *calls[FLOODS * CALLS];
  struct heard first, heard[FLOODS * CALLS];
  const int *order = orders[*(int *)*state];
  begun[0] = '\0';
  fx.command = blocks;
  fx_start(1, QUEUE);
  running = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(running, &first);
  ac_rpc_flush(fx.rpc);
  gate_await(1);
  fx.open = fx.command = fx.close = notes;
  const int taken[] = {QUEUE, SHARE, SHARE};
  for (int i = 0; i < FLOODS; i++)
    assert_int_equal(
        flood(calls + i * CALLS, heard + i * CALLS, CALLS, order[i]),
        CALLS - taken[i]);
  /* For the later ones, the newest of the first gave way. */
  for (int i = 0; i < CALLS; i++)
    assert_int_equal(heard[i].times, i >= QUEUE - 2 * SHARE);
  /* Two that give up make room for two, of those that had less. */
  int gone = 0;
  for (int i = 0; i < CALLS && gone < 2; i++, gone++)
    ac_rpc_release(calls[i]);
  anycable_socket *late[3];
  struct heard late_heard[3];
  assert_int_equal(flood(late, late_heard, 3, order[2]), 1);
  gate_open();
  await_answers(&first, 1);
  await_answers(heard + gone, FLOODS * CALLS - gone);
  await_answers(late_heard, 3);
  assert_int_equal(strlen(begun), QUEUE);
  /* All six of the later floods' first calls are among the first eight. */
  int others = 0;
  for (int i = 0; i < 8; i++)
    others += begun[i] != "?cmd"[order[0]];
  assert_true(others >= 5);
  for (int i = gone; i < FLOODS * CALLS; i++)
    ac_rpc_release(calls[i]);
  for (int i = 0; i < 3; i++)
    ac_rpc_release(late[i]);
  ac_rpc_release(running);
  fx_end();
}

/* Who ends a deferred call elsewhere takes no worker's place. */
static void test_room_beside_visits(void **state) {
  anycable_socket *calls[2];
  struct heard heard[2];
  struct ac_visit visit;
  (void)state;
  fx.command = blocks;
  fx_start(1, 1);
  assert_true(ac_rpc_enter(fx.rpc, &visit));
  for (int i = 0; i < 2; i++) {
    calls[i] = fx_call(ANYCABLE_COMMAND, "message");
    fx_submit(calls[i], &heard[i]);
  }
  ac_rpc_flush(fx.rpc);
  assert_int_equal(heard[0].times + heard[1].times, 0);
  ac_rpc_leave(fx.rpc, &visit);
  gate_open();
  await_answers(heard, 2);
  for (int i = 0; i < 2; i++)
    ac_rpc_release(calls[i]);
  fx_end();
}

/* A call whose deadline passes in the queue is answered then, and never runs.
 */
static void test_expired_in_the_queue(void **state) {
  anycable_socket *running, *queued;
  struct heard heard[2];
  (void)state;
  fx.command = blocks;
  fx_start(1, 10);
  running = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(running, &heard[0]);
  ac_rpc_flush(fx.rpc);
  gate_await(1);
  queued = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(queued, &heard[1]);
  ac_rpc_flush(fx.rpc);
  assert_int_equal(fx_fire_timers(), 2);
  assert_int_equal(heard[0].result, AC_RPC_EXPIRED);
  assert_int_equal(heard[1].result, AC_RPC_EXPIRED);
  assert_true(atomic_load(&running->cancelled));
  ac_rpc_release(queued);
  gate_open();
  while (!ac_rpc_idle(fx.rpc))
    ac_rpc_collect(fx.rpc);
  assert_int_equal(heard[0].times, 1); /* no late answer */
  ac_rpc_release(running);
  assert_int_equal(atomic_load(&fx.created), 1);
  fx_end();
}

static void test_cancelled_in_the_queue(void **state) {
  anycable_socket *running, *queued, *batched;
  struct heard heard[3];
  (void)state;
  fx.command = blocks;
  fx_start(1, 10);
  running = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(running, &heard[0]);
  ac_rpc_flush(fx.rpc);
  gate_await(1);
  queued = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(queued, &heard[1]);
  ac_rpc_flush(fx.rpc);
  batched = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(batched, &heard[2]);
  ac_rpc_release(queued);
  ac_rpc_release(batched);
  ac_rpc_release(running);
  ac_rpc_flush(fx.rpc);
  gate_open();
  while (!ac_rpc_idle(fx.rpc))
    ac_rpc_collect(fx.rpc);
  assert_int_equal(atomic_load(&fx.created), 1);
  assert_int_equal(atomic_load(&fx.completed), 0); /* nobody to tell */
  assert_int_equal(heard[0].times + heard[1].times + heard[2].times, 0);
  fx_end();
}

static void test_never_submitted(void **state) {
  (void)state;
  fx_start(0, 1);
  ac_rpc_release(fx_call(ANYCABLE_CONNECT, ""));
  assert_int_equal(atomic_load(&fx.created), 0);
  fx_end();
}

static int overruns(anycable_socket *socket) {
  socket->deadline = ac_clock_now(); /* as if the handler had taken its time */
  return ANYCABLE_DONE;
}

static void test_inline_handler_too_late(void **state) {
  struct heard heard;
  (void)state;
  fx.command = overruns;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  assert_int_equal(heard.result, AC_RPC_EXPIRED);
  ac_rpc_release(call);
  fx_end();
}

static int passes_time(anycable_socket *socket) {
  (void)socket;
  while (ac_clock_now() <= fx.turned + AC_MS)
    ;
  return ANYCABLE_DONE;
}

/* A call that expired while others of its turn ran is not run at all. */
static void test_inline_expired_before(void **state) {
  struct heard heard[2];
  (void)state;
  fx.command = passes_time;
  fx_start(0, 1);
  fx.turned = ac_clock_now();
  for (int i = 0; i < 2; i++) {
    anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
    memset(&heard[i], 0, sizeof(heard[i]));
    ac_rpc_submit(call, fx.turned + (i ? AC_MS : AC_SECOND), &fx_transport,
                  &heard[i]);
    ac_rpc_release(call);
  }
  assert_int_equal(heard[0].result, AC_RPC_REPLY);
  assert_int_equal(heard[1].result, AC_RPC_EXPIRED);
  assert_int_equal(atomic_load(&fx.created), 1);
  fx_end();
}

/* Without a timer a call could wait for ever. */
static void test_no_memory_for_a_timer(void **state) {
  struct heard heard;
  (void)state;
  fx_start(1, 10);
  fx.no_timers = true;
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  ac_rpc_flush(fx.rpc);
  assert_int_equal(heard.times, 1);
  assert_int_equal(heard.result, AC_RPC_REFUSED);
  ac_rpc_release(call);
  fx.no_timers = false;
  call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  ac_rpc_flush(fx.rpc);
  await_answers(&heard, 1);
  assert_int_equal(heard.result, AC_RPC_REPLY);
  ac_rpc_release(call);
  assert_int_equal(atomic_load(&fx.created), 1);
  fx_end();
}

/* --- deferred ------------------------------------------------------------ */

static anycable_deferred *deferred;
static int defers(anycable_socket *socket) {
  deferred = anycable_socket_defer(socket);
  assert_non_null(deferred);
  assert_null(anycable_socket_defer(socket)); /* once */
  return ANYCABLE_PENDING;
}

static anycable_socket *pend(struct heard *heard) {
  fx.command = defers;
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, heard);
  assert_int_equal(heard->times, 0);
  assert_ptr_equal(anycable_deferred_socket(deferred), call);
  return call;
}

static void test_no_deferred(void **state) {
  (void)state;
  assert_null(anycable_deferred_socket(NULL));
  assert_true(anycable_deferred_cancelled(NULL));
  anycable_deferred_on_cancel(NULL, NULL, NULL);
  assert_int_equal(anycable_deferred_finish(NULL, ANYCABLE_DONE),
                   ANYCABLE_ERR_INVALID);
  anycable_deferred_free(NULL);
}

static void test_finish_later(void **state) {
  struct heard heard;
  (void)state;
  fx_start(0, 1);
  anycable_socket *call = pend(&heard);
  assert_false(anycable_deferred_cancelled(deferred));
  assert_int_equal(anycable_socket_transmit(call, ANYCABLE_STR("{}")), 0);
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_PENDING),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_OK);
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_ERR_STATE);
  fx_turn();
  assert_int_equal(heard.result, AC_RPC_REPLY);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_SUCCESS);
  assert_int_equal(ac_rpc_call_reply(call)->transmissions.n, 1);
  ac_rpc_release(call);
  assert_int_equal(atomic_load(&fx.destroyed), 0); /* not before free */
  anycable_deferred_free(deferred);
  assert_int_equal(atomic_load(&fx.destroyed), 1);
  fx_end();
}

static void test_free_without_an_answer(void **state) {
  struct heard heard;
  (void)state;
  fx_start(0, 1);
  anycable_socket *call = pend(&heard);
  anycable_deferred_free(deferred);
  fx_turn();
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_ERROR);
  assert_non_null(strstr(ac_rpc_call_reply(call)->error_msg.ptr, "freed"));
  assert_int_equal(fx.errors, 1);
  ac_rpc_release(call);
  fx_end();
}

static int cancels;
static void on_cancel(anycable_deferred *d, void *ctx) {
  assert_ptr_equal(ctx, &cancels);
  assert_true(anycable_deferred_cancelled(d));
  cancels++;
}

static void on_cancel_free(anycable_deferred *d, void *ctx) {
  on_cancel(d, ctx);
  anycable_deferred_free(d);
}

static void test_cancelled_by_the_peer(void **state) {
  struct heard heard;
  (void)state;
  cancels = 0;
  fx_start(0, 1);
  anycable_socket *call = pend(&heard);
  anycable_deferred_on_cancel(deferred, on_cancel, &cancels);
  ac_rpc_release(call);
  assert_int_equal(cancels, 1);
  assert_int_equal(anycable_socket_time_left(call), 0);
  assert_string_equal(
      anycable_request_sid(
          anycable_socket_request(anycable_deferred_socket(deferred)))
          .ptr,
      "s1"); /* the memory is there until free */
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_ERR_CANCELLED);
  anycable_deferred_on_cancel(deferred, on_cancel, &cancels); /* at once */
  assert_int_equal(cancels, 2);
  anycable_deferred_free(deferred);
  assert_int_equal(heard.times, 0);
  assert_int_equal(atomic_load(&fx.completed), 0);
  ac_rpc_collect(fx.rpc);
  fx_end();
}

static void test_freed_in_on_cancel(void **state) {
  struct heard heard;
  (void)state;
  cancels = 0;
  fx_start(0, 1);
  anycable_socket *call = pend(&heard);
  anycable_deferred_on_cancel(deferred, on_cancel_free, &cancels);
  assert_int_equal(fx_fire_timers(), 1);
  assert_int_equal(cancels, 1);
  assert_int_equal(heard.result, AC_RPC_EXPIRED);
  ac_rpc_release(call);
  ac_rpc_collect(fx.rpc);
  fx_end();
}

static void test_too_many_deferred(void **state) {
  anycable_deferred *all[4];
  anycable_socket *calls[4];
  struct heard heard[4];
  (void)state;
  fx_start(0, 1);
  for (int i = 0; i < 4; i++) {
    calls[i] = pend(&heard[i]);
    all[i] = deferred;
  }
  ac_rpc_release(calls[0]); /* cancelled, but not yet given back */
  fx.command = NULL;
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  call->deferrable = true;
  assert_null(anycable_socket_defer(call));
  anycable_deferred_free(all[0]);
  call->deferrable = false;
  ac_rpc_release(call);
  calls[0] = pend(&heard[0]);
  all[0] = deferred;
  for (int i = 0; i < 4; i++) {
    anycable_deferred_free(all[i]);
    ac_rpc_release(calls[i]);
  }
  ac_rpc_collect(fx.rpc);
  fx_end();
}

static int defers_and_answers(anycable_socket *socket) {
  deferred = anycable_socket_defer(socket);
  return ANYCABLE_REJECT;
}

static void test_answered_although_deferred(void **state) {
  struct heard heard;
  (void)state;
  fx.command = defers_and_answers;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_FAILURE);
  assert_true(anycable_deferred_cancelled(deferred));
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_ERR_CANCELLED);
  anycable_deferred_free(deferred);
  ac_rpc_release(call);
  assert_int_equal(heard.times, 1);
  fx_end();
}

/* The server is gone before its deferred calls are. */
static void test_outlives_the_server(void **state) {
  struct heard heard;
  (void)state;
  fx_start(0, 1);
  anycable_socket *call = pend(&heard);
  ac_rpc_release(call);
  ac_rpc_free(fx.rpc);
  ac_arena_pool_release(fx.pool);
  anycable_app_free(fx.app);
  int logged = fx.logged;
  anycable_socket_log(anycable_deferred_socket(deferred), ANYCABLE_LOG_ERROR,
                      "late");
  assert_int_equal(fx.logged, logged);
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE),
                   ANYCABLE_ERR_CANCELLED);
  anycable_deferred_free(deferred);
  assert_int_equal(atomic_load(&fx.destroyed), 1);
}

/* --- races --------------------------------------------------------------- */

static atomic_int destroyed_elsewhere;

/* Where the call is ended here, so is its session. */
static void *finish_elsewhere(void *arg) {
  anycable_deferred *d = arg;
  fx_completed_here = fx_destroyed_here = 0;
  anycable_socket_transmit(anycable_deferred_socket(d), ANYCABLE_STR("{}"));
  anycable_deferred_finish(d, ANYCABLE_DONE);
  anycable_deferred_free(d);
  if (fx_completed_here > fx_destroyed_here)
    atomic_fetch_add(&destroyed_elsewhere, 1);
  return NULL;
}

/* The other thread may finish and free before the handler has returned. */
static int hands_over(anycable_socket *socket) {
  pthread_t thread;
  anycable_deferred *d = anycable_socket_defer(socket);
  if (!d)
    return ANYCABLE_ERR_LIMIT;
  assert_int_equal(pthread_create(&thread, NULL, finish_elsewhere, d), 0);
  pthread_detach(thread);
  return ANYCABLE_PENDING;
}

static void race(int workers, bool cancel_some) {
  enum { ROUNDS = 200, CALLS = 4 };
  fx.command = hands_over;
  fx_start(workers, 1000);
  for (int round = 0; round < ROUNDS; round++) {
    anycable_socket *calls[CALLS];
    struct heard heard[CALLS];
    for (int i = 0; i < CALLS; i++) {
      calls[i] = fx_call(ANYCABLE_COMMAND, "message");
      fx_submit(calls[i], &heard[i]);
    }
    ac_rpc_flush(fx.rpc);
    for (int i = 0; i < CALLS; i++) {
      if (cancel_some && i % 2)
        ac_rpc_release(calls[i]);
    }
    for (int i = 0; i < CALLS; i++) {
      if (cancel_some && i % 2)
        continue;
      await_answers(&heard[i], 1);
      assert_int_equal(heard[i].times, 1);
      ac_rpc_release(calls[i]);
    }
  }
  /* Holders that are still at it are waited for by their own free. */
  pthread_mutex_lock(&fx.rpc->mutex);
  while (fx.rpc->n_deferred > 0) {
    pthread_mutex_unlock(&fx.rpc->mutex);
    ac_rpc_collect(fx.rpc);
    pthread_mutex_lock(&fx.rpc->mutex);
  }
  pthread_mutex_unlock(&fx.rpc->mutex);
  while (atomic_load(&fx.created) != atomic_load(&fx.destroyed))
    ac_rpc_collect(fx.rpc);
  assert_int_equal(atomic_load(&destroyed_elsewhere), 0);
  fx_end();
}

static void test_race_inline(void **state) {
  (void)state;
  race(0, false);
}

static void test_race_workers(void **state) {
  (void)state;
  race(4, false);
}

static void test_race_cancelling(void **state) {
  (void)state;
  race(4, true);
}

/* --- interceptors -------------------------------------------------------- */

static char trace[200];
static int before_outcome;
static char name_a[] = "a", name_b[] = "b", name_c[] = "c";

static int before(anycable_socket *socket, void *ctx) {
  (void)socket;
  strcat(trace, ctx);
  strcat(trace, "< ");
  return *(const char *)ctx == 'b' ? before_outcome : ANYCABLE_DONE;
}

static void after(anycable_socket *socket, int outcome, void *ctx) {
  char text[32];
  assert_int_equal(anycable_socket_transmit(socket, ANYCABLE_STR("{}")),
                   ANYCABLE_ERR_STATE); /* the answer is complete */
  snprintf(text, sizeof(text), "%s>%d ", (const char *)ctx, outcome);
  strcat(trace, text);
}

static int traced(anycable_socket *socket) {
  (void)socket;
  strcat(trace, "handler ");
  return ANYCABLE_DONE;
}

static void test_interceptors(void **state) {
  static const struct {
    int outcome;
    const char *trace;
    int status;
  } rows[] = {
      {ANYCABLE_DONE, "a< b< c< handler c>0 b>0 a>0 ", AC_WIRE_SUCCESS},
      {ANYCABLE_ANSWERED, "a< b< b>0 a>0 ", AC_WIRE_SUCCESS},
      {ANYCABLE_REJECT, "a< b< b>1 a>1 ", AC_WIRE_FAILURE},
      {ANYCABLE_ERR_LIMIT, "a< b< b>-7 a>-7 ", AC_WIRE_ERROR},
      {ANYCABLE_PENDING, "a< b< b>-3 a>-3 ", AC_WIRE_ERROR},
  };
  (void)state;
  anycable_app_add_interceptor(fx.app, before, after, name_a);
  anycable_app_add_interceptor(fx.app, before, after, name_b);
  anycable_app_add_interceptor(fx.app, before, after, name_c);
  fx.command = traced;
  fx_start(0, 1);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct heard heard;
    trace[0] = '\0';
    before_outcome = rows[i].outcome;
    anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
    fx_submit(call, &heard);
    assert_string_equal(trace, rows[i].trace);
    assert_int_equal(ac_rpc_call_reply(call)->status, rows[i].status);
    ac_rpc_release(call);
  }
  fx_end();
}

/* An answered Connect has identifiers too. */
static void test_interceptor_answers_connect(void **state) {
  struct heard heard;
  (void)state;
  anycable_app_add_interceptor(fx.app, before, NULL, name_b);
  fx_start(0, 1);
  before_outcome = ANYCABLE_ANSWERED;
  trace[0] = '\0';
  anycable_socket *call = fx_call(ANYCABLE_CONNECT, "");
  fx_submit(call, &heard);
  assert_string_equal(ac_rpc_call_reply(call)->identifiers.ptr, "{}");
  assert_int_equal(atomic_load(&fx.created), 0);
  ac_rpc_release(call);
  fx_end();
}

static void test_interceptors_hear_of_cancelling(void **state) {
  struct heard heard;
  (void)state;
  anycable_app_add_interceptor(fx.app, NULL, after, name_a);
  fx_start(0, 1);
  anycable_socket *call = pend(&heard);
  trace[0] = '\0';
  ac_rpc_release(call);
  assert_string_equal(trace, "");
  anycable_deferred_free(deferred);
  assert_string_equal(trace, "a>-12 ");
  ac_rpc_collect(fx.rpc);
  fx_end();
}

int main(void) {
  static int storms[] = {0, 1, 2};
#define TEST(name) cmocka_unit_test_setup(name, setup)
  const struct CMUnitTest tests[] = {
      TEST(test_workers_answer),
      TEST(test_queue_full),
      cmocka_unit_test_prestate_setup_teardown(test_storm, setup, NULL,
                                               &storms[0]),
      cmocka_unit_test_prestate_setup_teardown(test_storm, setup, NULL,
                                               &storms[1]),
      cmocka_unit_test_prestate_setup_teardown(test_storm, setup, NULL,
                                               &storms[2]),
      TEST(test_room_beside_visits),
      TEST(test_expired_in_the_queue),
      TEST(test_cancelled_in_the_queue),
      TEST(test_never_submitted),
      TEST(test_inline_handler_too_late),
      TEST(test_inline_expired_before),
      TEST(test_no_memory_for_a_timer),
      cmocka_unit_test(test_no_deferred),
      TEST(test_finish_later),
      TEST(test_free_without_an_answer),
      TEST(test_cancelled_by_the_peer),
      TEST(test_freed_in_on_cancel),
      TEST(test_too_many_deferred),
      TEST(test_answered_although_deferred),
      TEST(test_outlives_the_server),
      TEST(test_race_inline),
      TEST(test_race_workers),
      TEST(test_race_cancelling),
      TEST(test_interceptors),
      TEST(test_interceptor_answers_connect),
      TEST(test_interceptors_hear_of_cancelling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
