/* Drives a server: on a thread of its own, on the caller's, or in the host's
 * loop; and stops it. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "io/errors.h"
#include "server/hosted.h"
#include "server/server.h"

/* --- states -------------------------------------------------------------- */

static enum ac_state state_of(anycable_server *server) {
  pthread_mutex_lock(&server->mutex);
  enum ac_state state = server->state;
  pthread_mutex_unlock(&server->mutex);
  return state;
}

static void enter(anycable_server *server, enum ac_state state) {
  pthread_mutex_lock(&server->mutex);
  server->state = state;
  pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->mutex);
  /* A host's loop shall hear of it; its descriptor stays readable. */
  if (state == AC_STATE_CLOSED)
    ac_loop_wake(server->loop);
}

static void drain(anycable_server *server) {
  enter(server, AC_STATE_DRAINING);
  ac_log_write(&server->log, ANYCABLE_LOG_INFO, "stopping");
  ac_health_close(&server->health);
  ac_doors_close(server, false);
  ac_rpc_watch_idle(server->rpc);
  ac_h2_drain(server->h2);
  ac_visitors_drain(server);
  ac_http1_drain(server->http1);
}

size_t ac_server_connections(const anycable_server *server) {
  return ac_h2_connections(server->h2) + ac_http1_connections(server->http1) +
         server->n_visitors + server->n_hosted;
}

/* --- hooks of the loop: the I/O thread ----------------------------------- */

/* What the application said last. */
static void tell_health(anycable_server *server) {
  ac_health_set(&server->health, !atomic_load(&server->unready));
}

void ac_server_collect(void *owner) {
  anycable_server *server = owner;
  ac_count(&server->rounds, 1);
  tell_health(server);
  ac_hosted_collect(server);
  ac_rpc_collect(server->rpc);
}

static void close_all(anycable_server *server) {
  ac_h2_close_all(server->h2);
  ac_http1_close_all(server->http1);
  ac_visitors_free(server);
  ac_hosted_give_up(server);
}

static void stop_if_asked(anycable_server *server) {
  int stops = atomic_load(&server->stops);
  if (stops > 0 && state_of(server) == AC_STATE_READY)
    drain(server);
  if (stops > 1)
    close_all(server);
}

static void close_down(anycable_server *server) {
  ac_doors_close(server, true);
  ac_http1_close_all(server->probes1);
  enter(server, AC_STATE_CLOSED);
  ac_hosted_give_up(server); /* who came just before */
}

static void flush(anycable_server *server) {
  do { /* whose call is refused goes on, perhaps with the next one */
    ac_http1_flush(server->http1);
    ac_http1_flush(server->probes1);
  } while (ac_rpc_flush(server->rpc));
  ac_h2_flush(server->h2);
}

void ac_server_settle(void *owner) {
  anycable_server *server = owner;
  flush(server);
  if (atomic_load_explicit(&server->stops, memory_order_relaxed) == 0)
    return;
  stop_if_asked(server);
  flush(server);
  if (ac_server_connections(server) > 0)
    return;
  if (ac_rpc_idle(server->rpc))
    close_down(server);
  else
    enter(server, AC_STATE_CLOSING);
}

void ac_server_settled(void *owner) {
  anycable_server *server = owner;
  ac_rpc_flush(server->rpc);
}

/* --- beginning ----------------------------------------------------------- */

static bool forked(const anycable_server *server) {
  return ac_forked(server->fork_page);
}

/* Decides for a way of driving. */
static int claim(anycable_server *server, enum ac_driver driver) {
  pthread_mutex_lock(&server->mutex);
  bool free =
      server->driver == AC_DRIVER_NONE && server->state == AC_STATE_STARTING;
  if (free) {
    server->driver = driver;
    server->driving = driver != AC_DRIVER_HOST;
  }
  pthread_mutex_unlock(&server->mutex);
  return free ? ANYCABLE_OK
              : ac_server_fail(server, ANYCABLE_ERR_STATE,
                               "the server is driven already, or was stopped");
}

static void open_doors(anycable_server *server) {
  int workers = server->config->workers;
  if (server->driver == AC_DRIVER_HOST) {
    ac_rpc_run_inline(server->rpc);
    workers = 0;
  }
  ac_doors_announce(server, workers);
  if (server->tls && ac_tls_expired(server->tls))
    ac_log_write(&server->log, ANYCABLE_LOG_WARN,
                 "rpc_tls_cert: the certificate has expired");
  tell_health(server);
  enter(server, AC_STATE_READY);
  ac_loop_refresh(server->loop);
}

static void serve(anycable_server *server) {
  open_doors(server);
  while (state_of(server) != AC_STATE_CLOSED)
    ac_loop_dispatch(server->loop, -1);
}

/* The loop has ended. If a handler asked for it, the server goes with it. */
static void finish(anycable_server *server) {
  if (atomic_load(&server->free_asked)) {
    if (server->joinable)
      pthread_detach(pthread_self());
    ac_server_destroy(server);
    return;
  }
  pthread_mutex_lock(&server->mutex);
  server->driving = false;
  pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->mutex);
}

static void *thread_main(void *arg) {
  anycable_server *server = arg;
  serve(server);
  finish(server);
  return NULL;
}

int anycable_server_start(anycable_server *server) {
  if (!server)
    return ANYCABLE_ERR_INVALID;
  if (forked(server))
    return ANYCABLE_ERR_FORKED;
  int error = claim(server, AC_DRIVER_THREAD);
  if (error)
    return error;
  server->joinable = true;
  error = ac_thread_start(&server->thread, thread_main, server);
  if (error == 0)
    return ANYCABLE_OK;
  pthread_mutex_lock(&server->mutex);
  server->driver = AC_DRIVER_NONE;
  server->driving = false;
  server->joinable = false;
  pthread_mutex_unlock(&server->mutex);
  return ac_server_fail(server, ANYCABLE_ERR_IO, ac_errno_text(error));
}

int anycable_server_run(anycable_server *server) {
  if (!server)
    return ANYCABLE_ERR_INVALID;
  if (forked(server))
    return ANYCABLE_ERR_FORKED;
  int error = claim(server, AC_DRIVER_RUN);
  if (error)
    return error;
  serve(server);
  finish(server);
  return ANYCABLE_OK;
}

static int dispatch(anycable_server *server, int timeout_ms) {
  ac_loop_dispatch(server->loop, timeout_ms);
  if (state_of(server) != AC_STATE_CLOSED)
    return ANYCABLE_OK;
  return ANYCABLE_CLOSED;
}

int anycable_server_dispatch(anycable_server *server) {
  if (!server)
    return ANYCABLE_ERR_INVALID;
  if (forked(server))
    return ANYCABLE_ERR_FORKED;
  if (state_of(server) == AC_STATE_CLOSED)
    return ANYCABLE_CLOSED;
  if (server->driver != AC_DRIVER_HOST) {
    int error = claim(server, AC_DRIVER_HOST);
    if (error)
      return error;
    open_doors(server);
  }
  if (ac_rpc_inside(server->rpc))
    return ac_server_fail(server, ANYCABLE_ERR_STATE,
                          "anycable_server_dispatch() in a handler");
  int rc = dispatch(server, 0);
  if (atomic_load(&server->free_asked)) {
    ac_server_destroy(server);
    return ANYCABLE_CLOSED;
  }
  return rc;
}

void anycable_server_set_ready(anycable_server *server, bool ready) {
  if (!server || forked(server))
    return;
  atomic_store(&server->unready, !ready);
  ac_loop_wake(server->loop);
}

/* --- ending -------------------------------------------------------------- */

void anycable_server_request_stop(anycable_server *server) {
  if (!server || forked(server))
    return;
  atomic_fetch_add(&server->stops, 1);
  ac_loop_wake(server->loop);
}

static void ask_at_least(anycable_server *server, int stops) {
  while (atomic_load(&server->stops) < stops)
    anycable_server_request_stop(server);
  ac_loop_wake(server->loop);
}

/* Waits for the driving thread to come to |state|, until |deadline|. */
static bool await(anycable_server *server, enum ac_state state,
                  uint64_t deadline) {
  struct timespec until = {(time_t)(deadline / AC_SECOND),
                           (long)(deadline % AC_SECOND)};
  pthread_mutex_lock(&server->mutex);
  int error = 0;
  while (server->state < state && error == 0)
    error = pthread_cond_timedwait(&server->changed, &server->mutex, &until);
  bool there = server->state >= state;
  pthread_mutex_unlock(&server->mutex);
  return there;
}

/* The same, where nobody but the caller drives. */
static bool drive_to(anycable_server *server, enum ac_state state,
                     uint64_t deadline) {
  for (;;) {
    if (state_of(server) >= state)
      return true;
    uint64_t now = ac_clock_now();
    if (now >= deadline)
      return false;
    uint64_t left = (deadline - now) / AC_MS + 1;
    dispatch(server, left > 1000 ? 1000 : (int)left);
  }
}

static bool wait_for(anycable_server *server, enum ac_state state,
                     uint64_t deadline) {
  return server->driver == AC_DRIVER_HOST ? drive_to(server, state, deadline)
                                          : await(server, state, deadline);
}

/* When |ms| are over. A year is for ever; more would overflow. */
static uint64_t deadline_in(int64_t ms) {
  const int64_t most = INT64_C(366) * 24 * 3600 * 1000;
  uint64_t wait = (uint64_t)(ms < 0 ? 0 : ms > most ? most : ms);
  return ac_clock_now() + wait * AC_MS;
}

/* A server that nobody ever drove has nothing to drain. */
static bool close_undriven(anycable_server *server) {
  pthread_mutex_lock(&server->mutex);
  bool undriven = server->driver == AC_DRIVER_NONE;
  if (undriven)
    server->state = AC_STATE_CLOSED;
  pthread_mutex_unlock(&server->mutex);
  if (undriven)
    ac_doors_close(server, true);
  return undriven;
}

int anycable_server_stop(anycable_server *server, int64_t grace_ms) {
  const int64_t closing_ms = 5000; /* it takes no time, normally */
  if (!server)
    return ANYCABLE_ERR_INVALID;
  if (forked(server))
    return ANYCABLE_ERR_FORKED;
  if (ac_rpc_inside(server->rpc))
    return ac_server_fail(server, ANYCABLE_ERR_STATE,
                          "anycable_server_stop() in a handler");
  if (close_undriven(server))
    return ANYCABLE_OK;
  ask_at_least(server, 1);
  if (wait_for(server, AC_STATE_CLOSED, deadline_in(grace_ms)))
    return ANYCABLE_OK;
  ask_at_least(server, 2);
  wait_for(server, AC_STATE_CLOSING, deadline_in(closing_ms));
  if (state_of(server) == AC_STATE_CLOSED)
    return ANYCABLE_OK;
  return ac_server_fail(server, ANYCABLE_ERR_BUSY, "handlers still run");
}

void anycable_server_free(anycable_server *server) {
  if (!server || forked(server))
    return; /* all that a child could close is its parent's */
  ask_at_least(server, 2);
  if (ac_rpc_inside(server->rpc)) {
    atomic_store(&server->free_asked, true);
    return;
  }
  pthread_mutex_lock(&server->mutex);
  while (server->driving)
    pthread_cond_wait(&server->changed, &server->mutex);
  pthread_mutex_unlock(&server->mutex);
  if (server->joinable)
    pthread_join(server->thread, NULL);
  ac_server_destroy(server);
}
