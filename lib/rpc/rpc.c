/* Where calls run: inline, or on workers behind a queue; and how the I/O
 * thread hears of their end.
 *
 * The mutex guards the queue, the list of finished calls and the counters. A
 * whole turn's calls are queued under one lock; one worker is woken, and wakes
 * the next one if there is more to do; the I/O thread is woken only when the
 * list of finished calls was empty. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "rpc/call.h"

static void *work(void *arg);
static void expire(struct ac_timer *timer);

struct ac_rpc *ac_rpc_new(anycable_app *app, const struct ac_rpc_config *config,
                          const struct ac_runtime *runtime,
                          const struct ac_log *log) {
  struct ac_rpc *rpc = calloc(1, sizeof(*rpc));
  size_t room = config->workers > 0 ? (size_t)config->workers : 1;
  pthread_t *threads = calloc(room, sizeof(*threads));
  if (!rpc || !threads) {
    free(threads);
    free(rpc);
    return NULL;
  }
  atomic_init(&rpc->refs, 1);
  rpc->app = app;
  ac_app_ref(app);
  rpc->config = *config;
  rpc->runtime = *runtime;
  rpc->log = *log;
  rpc->threads = threads;
  ac_list_init(&rpc->batch);
  ac_list_init(&rpc->queue);
  ac_list_init(&rpc->finished);
  ac_list_init(&rpc->visits);
  pthread_mutex_init(&rpc->mutex, NULL);
  pthread_cond_init(&rpc->work, NULL);
  pthread_cond_init(&rpc->quiet, NULL);
  return rpc;
}

void ac_rpc_unref(struct ac_rpc *rpc) {
  if (atomic_fetch_sub(&rpc->refs, 1) != 1)
    return;
  pthread_cond_destroy(&rpc->quiet);
  pthread_cond_destroy(&rpc->work);
  pthread_mutex_destroy(&rpc->mutex);
  ac_app_unref(rpc->app);
  free(rpc->threads);
  free(rpc);
}

/* --- calls ---------------------------------------------------------------- */

anycable_socket *ac_rpc_call_new(struct ac_rpc *rpc, struct ac_arena *arena,
                                 int method) {
  anycable_socket *call = ac_arena_zalloc(arena, sizeof(*call));
  if (!call) {
    ac_arena_free(arena);
    return NULL;
  }
  call->rpc = rpc;
  call->arena = arena;
  call->request.method = method;
  call->request.arena = arena;
  call->request.sid = ac_str_empty();
  call->message = ac_str_empty();
  call->identifiers = ac_str_empty();
  call->timer.fire = expire;
  call->reply_size = AC_CALL_REPLY_FIXED;
  ac_list_init(&call->link);
  atomic_init(&call->refs, 2);
  atomic_init(&call->holders, 1);
  return call;
}

void ac_call_unref(anycable_socket *call) {
  if (atomic_fetch_sub(&call->refs, 1) == 1)
    ac_arena_free(call->arena);
}

struct ac_wire_request *ac_rpc_call_message(anycable_socket *call) {
  return &call->request.message;
}

struct ac_arena *ac_rpc_call_arena(anycable_socket *call) {
  return call->arena;
}

void ac_rpc_call_metadata(anycable_socket *call, const struct ac_pair *pairs,
                          size_t n) {
  call->request.metadata = pairs;
  call->request.n_metadata = n;
  call->request.sid = ac_request_metadata(&call->request, ac_str("sid", 3));
}

const struct ac_wire_reply *ac_rpc_call_reply(const anycable_socket *call) {
  return &call->reply;
}

anycable_str ac_rpc_call_encoded(const anycable_socket *call) {
  return call->encoded;
}

/* Tells the transport, once; it may release the call from inside. */
static void answer(anycable_socket *call, enum ac_rpc_result result) {
  struct ac_rpc *rpc = call->rpc;
  if (!call->awaited)
    return;
  call->awaited = false;
  rpc->runtime.timer_clear(rpc->runtime.loop, &call->timer);
  call->transport->answered(call, result, call->origin);
}

/* Takes a call that no thread runs yet out of the batch or the queue. */
static bool withdraw(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  if (call->in_batch) {
    call->in_batch = false;
    ac_list_remove(&call->link);
    return true;
  }
  pthread_mutex_lock(&rpc->mutex);
  bool queued = call->queued;
  if (queued) {
    call->queued = false;
    ac_list_remove(&call->link);
    rpc->n_queued--;
  }
  pthread_mutex_unlock(&rpc->mutex);
  return queued;
}

static void expire(struct ac_timer *timer) {
  anycable_socket *call = ac_container_of(timer, anycable_socket, timer);
  atomic_fetch_add(&call->refs, 1);
  if (withdraw(call))
    ac_call_drop_holder(call); /* it will never run */
  else if (atomic_load(&call->phase) != AC_CALL_DONE)
    ac_call_cancel(call);
  answer(call, AC_RPC_EXPIRED);
  ac_call_unref(call);
}

void ac_rpc_release(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  call->awaited = false;
  rpc->runtime.timer_clear(rpc->runtime.loop, &call->timer);
  if (atomic_load(&call->phase) != AC_CALL_DONE) {
    if (!call->submitted || withdraw(call))
      ac_call_drop_holder(call);
    else
      ac_call_cancel(call);
  }
  ac_call_unref(call);
}

/* For ac_rpc_inside, which asks only whether its own thread is the one. */
static void set_inline(struct ac_rpc *rpc, bool running) {
  atomic_store_explicit(&rpc->inline_thread, pthread_self(),
                        memory_order_relaxed);
  atomic_store_explicit(&rpc->inline_running, running, memory_order_relaxed);
}

static bool inline_here(struct ac_rpc *rpc) {
  return atomic_load_explicit(&rpc->inline_running, memory_order_relaxed) &&
         pthread_equal(
             atomic_load_explicit(&rpc->inline_thread, memory_order_relaxed),
             pthread_self());
}

/* A handler may take its time: what the clock said after the last one counts
 * where the turn began before. */
static bool too_late(const struct ac_rpc *rpc, const anycable_socket *call) {
  uint64_t now = rpc->runtime.now(rpc->runtime.loop);
  return (now > rpc->last_run ? now : rpc->last_run) >= call->deadline;
}

static void run_inline(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  if (too_late(rpc, call)) {
    atomic_store(&call->phase, AC_CALL_DONE);
    answer(call, AC_RPC_EXPIRED);
    ac_call_drop_holder(call);
    return;
  }
  set_inline(rpc, true);
  bool done = ac_call_run(call);
  rpc->last_run = ac_clock_now();
  if (done)
    answer(call, too_late(rpc, call) ? AC_RPC_EXPIRED : call->result);
  else if (rpc->runtime.timer_set(rpc->runtime.loop, &call->timer,
                                  call->deadline) != 0)
    expire(&call->timer);
  if (done)
    ac_call_drop_holder(call); /* user code too */
  set_inline(rpc, false);
}

void ac_rpc_submit(anycable_socket *call, uint64_t deadline,
                   const struct ac_rpc_transport *transport, void *origin) {
  struct ac_rpc *rpc = call->rpc;
  call->submitted = true;
  call->deadline = deadline;
  call->transport = transport;
  call->origin = origin;
  call->awaited = true;
  if (rpc->config.workers == 0) {
    run_inline(call);
    return;
  }
  call->in_batch = true;
  ac_list_append(&rpc->batch, &call->link);
}

/* --- the queue ------------------------------------------------------------ */

static bool spawn(struct ac_rpc *rpc) {
  if (ac_thread_start(&rpc->threads[rpc->n_threads], work, rpc) != 0)
    return false;
  rpc->n_threads++;
  return true;
}

/* Has one more worker look at the queue. Under the lock. */
static void rouse(struct ac_rpc *rpc) {
  if (rpc->waking || ac_list_empty(&rpc->queue))
    return;
  if (rpc->idle > 0)
    pthread_cond_signal(&rpc->work);
  else if (rpc->n_threads >= rpc->config.workers || !spawn(rpc))
    return;
  rpc->waking = true;
}

/* How many calls may wait: the queue, and one for each worker that could take
 * it at once. */
static size_t room(const struct ac_rpc *rpc) {
  size_t free_workers = (size_t)rpc->config.workers > rpc->running
                            ? (size_t)rpc->config.workers - rpc->running
                            : 0;
  size_t most = rpc->config.queue + free_workers;
  return most > rpc->n_queued ? most - rpc->n_queued : 0;
}

/* Before calls are in the queue, where they are others' too. Those for which
 * there is no memory go to |refused|. */
static void set_timers(struct ac_rpc *rpc, struct ac_list *refused) {
  struct ac_list *next;
  for (struct ac_list *l = rpc->batch.next; l != &rpc->batch; l = next) {
    anycable_socket *call = ac_container_of(l, anycable_socket, link);
    next = l->next;
    if (rpc->runtime.timer_set(rpc->runtime.loop, &call->timer,
                               call->deadline) == 0)
      continue;
    ac_list_remove(l);
    ac_list_append(refused, l);
  }
}

static void refuse(struct ac_list *refused) {
  struct ac_list *link;
  while ((link = ac_list_shift(refused))) {
    anycable_socket *call = ac_container_of(link, anycable_socket, link);
    call->in_batch = false;
    call->queued = false;
    atomic_store(&call->phase, AC_CALL_DONE);
    answer(call, AC_RPC_REFUSED);
    ac_call_drop_holder(call);
  }
}

void ac_rpc_flush(struct ac_rpc *rpc) {
  struct ac_list refused;
  struct ac_list *link;
  if (ac_list_empty(&rpc->batch))
    return;
  ac_list_init(&refused);
  set_timers(rpc, &refused);
  pthread_mutex_lock(&rpc->mutex);
  size_t left = rpc->closed ? 0 : room(rpc);
  while (left > 0 && (link = ac_list_shift(&rpc->batch))) {
    anycable_socket *call = ac_container_of(link, anycable_socket, link);
    call->in_batch = false;
    call->queued = true;
    ac_list_append(&rpc->queue, link);
    rpc->n_queued++;
    left--;
  }
  rouse(rpc);
  if (rpc->n_threads == 0) { /* not one to be had */
    ac_list_splice(&refused, &rpc->queue);
    rpc->n_queued = 0;
  }
  pthread_mutex_unlock(&rpc->mutex);
  ac_list_splice(&refused, &rpc->batch);
  refuse(&refused);
}

/* --- workers -------------------------------------------------------------- */

/* Takes the next call that is worth running. Under the lock. */
static anycable_socket *next_call(struct ac_rpc *rpc) {
  struct ac_list *link = ac_list_shift(&rpc->queue);
  if (!link)
    return NULL;
  anycable_socket *call = ac_container_of(link, anycable_socket, link);
  call->queued = false;
  rpc->n_queued--;
  rpc->running++;
  rouse(rpc);
  return call;
}

/* Waits for a call. NULL when the rpc is closed. Under the lock. */
static anycable_socket *await(struct ac_rpc *rpc) {
  for (;;) {
    anycable_socket *call = rpc->closed ? NULL : next_call(rpc);
    if (call || rpc->closed)
      return call;
    rpc->idle++;
    pthread_cond_wait(&rpc->work, &rpc->mutex);
    rpc->idle--;
    rpc->waking = false;
  }
}

/* Runs a call. True if it is done, false if it is pending now. */
static bool run(anycable_socket *call) {
  if (ac_clock_now() >= call->deadline) { /* too late to begin */
    call->result = AC_RPC_EXPIRED;
    atomic_store(&call->phase, AC_CALL_DONE);
    return true;
  }
  return ac_call_run(call);
}

/* User code has run. Under the lock. */
static void ran(struct ac_rpc *rpc) {
  rpc->running--;
  if (rpc->closed)
    pthread_cond_broadcast(&rpc->quiet);
  else if (rpc->watched && rpc->running == 0)
    rpc->runtime.wake(rpc->runtime.loop);
}

/* Hands a call over to the I/O thread. True if that must be woken. Under the
 * lock. */
static bool publish(struct ac_rpc *rpc, anycable_socket *call) {
  bool first = ac_list_empty(&rpc->finished);
  ac_list_append(&rpc->finished, &call->link);
  return first;
}

/* One lock a call, as long as there are calls. */
static void *work(void *arg) {
  struct ac_rpc *rpc = arg;
  pthread_mutex_lock(&rpc->mutex);
  rpc->waking = false;
  anycable_socket *call = await(rpc);
  while (call) {
    pthread_mutex_unlock(&rpc->mutex);
    bool done = run(call);
    if (done) {
      atomic_fetch_add(&call->refs, 1); /* for the list of finished calls */
      ac_call_drop_holder(call);
    }
    pthread_mutex_lock(&rpc->mutex);
    bool wake = done && publish(rpc, call);
    ran(rpc);
    call = rpc->closed ? NULL : next_call(rpc);
    if (wake) {
      pthread_mutex_unlock(&rpc->mutex);
      rpc->runtime.wake(rpc->runtime.loop);
      pthread_mutex_lock(&rpc->mutex);
    }
    if (!call)
      call = await(rpc);
  }
  pthread_mutex_unlock(&rpc->mutex);
  return NULL;
}

void ac_rpc_finished(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  atomic_fetch_add(&call->refs, 1);
  pthread_mutex_lock(&rpc->mutex);
  bool wake = publish(rpc, call);
  pthread_mutex_unlock(&rpc->mutex);
  if (wake)
    rpc->runtime.wake(rpc->runtime.loop);
}

void ac_rpc_collect(struct ac_rpc *rpc) {
  struct ac_list finished;
  struct ac_list *link;
  ac_list_init(&finished);
  pthread_mutex_lock(&rpc->mutex);
  ac_list_splice(&finished, &rpc->finished);
  pthread_mutex_unlock(&rpc->mutex);
  while ((link = ac_list_shift(&finished))) {
    anycable_socket *call = ac_container_of(link, anycable_socket, link);
    answer(call, call->result);
    ac_call_unref(call);
  }
}

/* --- visits and the end --------------------------------------------------- */

void ac_rpc_enter_locked(struct ac_rpc *rpc, struct ac_visit *visit) {
  visit->thread = pthread_self();
  ac_list_append(&rpc->visits, &visit->link);
  rpc->running++;
}

void ac_rpc_leave_locked(struct ac_rpc *rpc, struct ac_visit *visit) {
  ac_list_remove(&visit->link);
  ran(rpc);
}

bool ac_rpc_enter(struct ac_rpc *rpc, struct ac_visit *visit) {
  pthread_mutex_lock(&rpc->mutex);
  bool open = !rpc->closed;
  if (open)
    ac_rpc_enter_locked(rpc, visit);
  pthread_mutex_unlock(&rpc->mutex);
  return open;
}

void ac_rpc_leave(struct ac_rpc *rpc, struct ac_visit *visit) {
  pthread_mutex_lock(&rpc->mutex);
  ac_rpc_leave_locked(rpc, visit);
  pthread_mutex_unlock(&rpc->mutex);
}

bool ac_rpc_idle(struct ac_rpc *rpc) {
  pthread_mutex_lock(&rpc->mutex);
  bool idle =
      rpc->running == 0 && rpc->n_queued == 0 && ac_list_empty(&rpc->finished);
  pthread_mutex_unlock(&rpc->mutex);
  return idle && ac_list_empty(&rpc->batch) && !inline_here(rpc);
}

void ac_rpc_watch_idle(struct ac_rpc *rpc) {
  pthread_mutex_lock(&rpc->mutex);
  rpc->watched = true;
  pthread_mutex_unlock(&rpc->mutex);
}

void ac_rpc_run_inline(struct ac_rpc *rpc) {
  rpc->config.workers = 0;
}

bool ac_rpc_inside(struct ac_rpc *rpc) {
  pthread_t self = pthread_self();
  if (inline_here(rpc))
    return true;
  bool inside = false;
  pthread_mutex_lock(&rpc->mutex);
  for (int i = 0; i < rpc->n_threads && !inside; i++)
    inside = pthread_equal(rpc->threads[i], self);
  for (struct ac_list *l = rpc->visits.next; l != &rpc->visits && !inside;
       l = l->next)
    inside =
        pthread_equal(ac_container_of(l, struct ac_visit, link)->thread, self);
  pthread_mutex_unlock(&rpc->mutex);
  return inside;
}

/* The transports have released their calls by now, so the queue is empty. */
void ac_rpc_free(struct ac_rpc *rpc) {
  if (!rpc)
    return;
  pthread_mutex_lock(&rpc->mutex);
  rpc->closed = true;
  pthread_cond_broadcast(&rpc->work);
  while (rpc->running > 0)
    pthread_cond_wait(&rpc->quiet, &rpc->mutex);
  pthread_mutex_unlock(&rpc->mutex);
  for (int i = 0; i < rpc->n_threads; i++)
    pthread_join(rpc->threads[i], NULL);
  rpc->n_threads = 0;
  ac_rpc_collect(rpc);
  ac_rpc_unref(rpc);
}
