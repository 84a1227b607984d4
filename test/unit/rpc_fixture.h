/* An rpc with an application whose functions a test sets, and a loop that the
 * test turns by hand: time stands still until it is moved. */
#ifndef RPC_FIXTURE_H
#define RPC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/call.h"

enum { FX_TIMERS = 128 };

/* What the application does; the session is the socket itself. */
static struct fixture {
  int (*open)(anycable_socket *socket);
  int (*command)(anycable_socket *socket);
  int (*close)(anycable_socket *socket);
  int (*resume)(anycable_socket *socket, int outcome);
  const char *identifiers;
  bool no_session;
  atomic_int created, completed, destroyed;
  atomic_int completed_with;
  int errors, last_error;
  int output_in_on_error; /* if not 0: try, and what came of it */
  char last_message[1200];
  int logged;
  char last_log[1200];

  anycable_app *app;
  struct ac_rpc *rpc;
  struct ac_arena_pool *pool;
  struct ac_timer *timers[FX_TIMERS];
  bool no_timers;  /* as if there were no memory */
  uint64_t turned; /* when the turn began; 0: just now */
  pthread_mutex_t mutex;
  pthread_cond_t woken_cond;
  bool woken;
} fx;

/* How often these ran on this thread. */
static _Thread_local int fx_completed_here, fx_destroyed_here;

/* --- the loop ------------------------------------------------------------- */

static uint64_t fx_now(void *loop) {
  (void)loop;
  return fx.turned ? fx.turned : ac_clock_now();
}

static uint64_t fx_clock(void *loop) {
  (void)loop;
  return ac_clock_now();
}

static int fx_timer_set(void *loop, struct ac_timer *timer, uint64_t at) {
  (void)loop;
  if (fx.no_timers)
    return -1;
  timer->at = at;
  for (size_t i = 0; i < FX_TIMERS; i++) {
    if (fx.timers[i] == timer)
      return 0;
  }
  for (size_t i = 0; i < FX_TIMERS; i++) {
    if (!fx.timers[i]) {
      fx.timers[i] = timer;
      return 0;
    }
  }
  return -1;
}

static void fx_timer_clear(void *loop, struct ac_timer *timer) {
  (void)loop;
  for (size_t i = 0; i < FX_TIMERS; i++) {
    if (fx.timers[i] == timer)
      fx.timers[i] = NULL;
  }
}

static void fx_wake(void *loop) {
  (void)loop;
  pthread_mutex_lock(&fx.mutex);
  fx.woken = true;
  pthread_cond_signal(&fx.woken_cond);
  pthread_mutex_unlock(&fx.mutex);
}

/* Waits for a wake-up, then collects, as the loop does. */
static inline void fx_turn(void) {
  pthread_mutex_lock(&fx.mutex);
  while (!fx.woken)
    pthread_cond_wait(&fx.woken_cond, &fx.mutex);
  fx.woken = false;
  pthread_mutex_unlock(&fx.mutex);
  ac_rpc_collect(fx.rpc);
}

/* Fires every timer that is set, as if its time had come. */
static inline int fx_fire_timers(void) {
  int n = 0;
  for (size_t i = 0; i < FX_TIMERS; i++) {
    struct ac_timer *timer = fx.timers[i];
    if (!timer)
      continue;
    fx.timers[i] = NULL;
    timer->fire(timer);
    n++;
  }
  return n;
}

/* --- the application ------------------------------------------------------ */

static void *fx_create(anycable_socket *socket, anycable_str identifiers,
                       const anycable_str *subscriptions, size_t count,
                       void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count;
  assert_ptr_equal(ctx, &fx);
  if (fx.no_session)
    return NULL;
  atomic_fetch_add(&fx.created, 1);
  return socket;
}

static int fx_open(void *session) {
  return fx.open ? fx.open(session) : ANYCABLE_DONE;
}

static int fx_close(void *session) {
  return fx.close ? fx.close(session) : ANYCABLE_DONE;
}

static int fx_command(void *session, anycable_str identifier,
                      anycable_str command, anycable_str data) {
  (void)identifier, (void)command, (void)data;
  return fx.command ? fx.command(session) : ANYCABLE_DONE;
}

static anycable_str fx_identifiers(void *session) {
  (void)session;
  return anycable_str_of(fx.identifiers);
}

static void fx_completed(void *session, int outcome) {
  (void)session;
  atomic_store(&fx.completed_with, outcome);
  atomic_fetch_add(&fx.completed, 1);
  fx_completed_here++;
}

static void fx_destroy(void *session) {
  (void)session;
  atomic_fetch_add(&fx.destroyed, 1);
  fx_destroyed_here++;
}

static inline int fx_resume(void *session, int outcome) {
  return fx.resume ? fx.resume(session, outcome) : outcome;
}

/* Tests that define FX_RESUME have a session that goes on. */
static const anycable_session_ops fx_ops = {
    .size = sizeof(anycable_session_ops),
    .create = fx_create,
    .handle_open = fx_open,
    .handle_close = fx_close,
    .handle_channel_command = fx_command,
    .identifiers_json = fx_identifiers,
    .completed = fx_completed,
    .destroy = fx_destroy,
#ifdef FX_RESUME
    .resume = fx_resume,
#endif
};

static void fx_on_error(anycable_socket *socket, int error, const char *message,
                        void *ctx) {
  (void)ctx;
  fx.errors++;
  if (fx.output_in_on_error)
    fx.output_in_on_error =
        anycable_socket_transmit(socket, anycable_str_of("{}"));
  fx.last_error = error;
  snprintf(fx.last_message, sizeof(fx.last_message), "%s", message);
}

static void fx_log(int level, const char *message, void *ctx) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  (void)level, (void)ctx;
  fx.logged++;
  snprintf(fx.last_log, sizeof(fx.last_log), "%s", message);
  pthread_mutex_unlock(&mutex);
}

/* An application without a factory. */
static inline void fx_begin_bare(void) {
  memset(&fx, 0, sizeof(fx));
  pthread_mutex_init(&fx.mutex, NULL);
  pthread_cond_init(&fx.woken_cond, NULL);
  fx.app = anycable_app_new();
  anycable_app_on_error(fx.app, fx_on_error, NULL);
}

/* Interceptors are added between these two. */
static inline void fx_begin(void) {
  fx_begin_bare();
  anycable_app_set_factory(fx.app, &fx_ops, &fx, NULL);
}

static inline void fx_start(int workers, size_t queue) {
  const struct ac_rpc_config config = {.workers = workers,
                                       .queue = queue,
                                       .deferred = 4,
                                       .reply_max = 4096,
                                       .json_depth = 16,
                                       .version_check = true};
  const struct ac_runtime runtime = {&fx,          fx_now,         fx_clock,
                                     fx_timer_set, fx_timer_clear, fx_wake};
  const struct ac_log log = {.fn = fx_log, .level = ANYCABLE_LOG_DEBUG};
  assert_int_equal(ac_app_check(fx.app), ANYCABLE_OK);
  fx.pool = ac_arena_pool_new(4096, 16);
  fx.rpc = ac_rpc_new(fx.app, &config, &runtime, &log);
  assert_non_null(fx.rpc);
}

static inline void fx_end(void) {
  ac_rpc_free(fx.rpc);
  ac_arena_pool_release(fx.pool);
  anycable_app_free(fx.app);
  pthread_cond_destroy(&fx.woken_cond);
  pthread_mutex_destroy(&fx.mutex);
  assert_int_equal(atomic_load(&fx.created), atomic_load(&fx.destroyed));
}

/* --- calls ---------------------------------------------------------------- */

/* What the transport heard of one call. */
struct heard {
  int times;
  enum ac_rpc_result result;
};

static inline void fx_answered(anycable_socket *call, enum ac_rpc_result result,
                               void *origin) {
  struct heard *heard = origin;
  (void)call;
  heard->times++;
  heard->result = result;
}

static const struct ac_rpc_transport fx_transport = {NULL, fx_answered};

static const struct ac_pair fx_metadata[] = {{{"sid", 3}, {"s1", 2}},
                                             {{"protov", 6}, {"v1", 2}}};

static inline anycable_socket *fx_call(int method, const char *command) {
  anycable_socket *call =
      ac_rpc_call_new(fx.rpc, ac_arena_new(fx.pool, 1 << 20), method);
  struct ac_wire_request *message = ac_rpc_call_message(call);
  anycable_str empty = {"", 0};
  assert_non_null(call);
  message->env.url = empty;
  message->identifiers = empty;
  message->command = anycable_str_of(command);
  message->identifier = anycable_str_of("{\"channel\":\"A\"}");
  message->data = empty;
  ac_rpc_call_metadata(call, fx_metadata, 2);
  return call;
}

static inline void fx_submit(anycable_socket *call, struct heard *heard) {
  memset(heard, 0, sizeof(*heard));
  ac_rpc_submit(call, ac_clock_now() + 60 * AC_SECOND, &fx_transport, heard);
}

#endif
