/* What all threads share of an rpc: the list of finished calls, by which the
 * I/O thread hears of their end, who runs user code, and the end of it all. The
 * I/O thread is woken only when the list was empty. */
#include <stdlib.h>

#include "rpc/call.h"

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
  for (int i = 0; i < AC_LINES; i++)
    ac_list_init(&rpc->lines[i].calls);
  ac_list_init(&rpc->finished);
  ac_list_init(&rpc->visits);
  pthread_mutex_init(&rpc->mutex, NULL);
  pthread_cond_init(&rpc->work, NULL);
  pthread_cond_init(&rpc->quiet, NULL);
  return rpc;
}

void ac_rpc_run_inline(struct ac_rpc *rpc) {
  rpc->config.workers = 0;
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

/* --- finished calls ------------------------------------------------------- */

/* Tells the transport, once; it may release the call from inside. */
void ac_rpc_answer(anycable_socket *call, enum ac_rpc_result result) {
  struct ac_rpc *rpc = call->rpc;
  if (!call->awaited)
    return;
  call->awaited = false;
  ac_rpc_count_end(call, result == AC_RPC_REPLY
                             ? (enum ac_rpc_end)call->reply.status
                         : result == AC_RPC_EXPIRED ? AC_RPC_ENDS_EXPIRED
                                                    : AC_RPC_ENDS_REFUSED);
  rpc->runtime.timer_clear(rpc->runtime.loop, &call->timer);
  call->transport->answered(call, result, call->origin);
}

bool ac_rpc_publish_locked(struct ac_rpc *rpc, anycable_socket *call) {
  bool first = ac_list_empty(&rpc->finished);
  ac_list_append(&rpc->finished, &call->link);
  return first;
}

void ac_rpc_finished(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  atomic_fetch_add(&call->refs, 1);
  pthread_mutex_lock(&rpc->mutex);
  bool wake = ac_rpc_publish_locked(rpc, call);
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
    ac_rpc_answer(call, call->result);
    ac_call_unref(call);
  }
}

/* --- visits and the end --------------------------------------------------- */

void ac_rpc_ran_locked(struct ac_rpc *rpc) {
  rpc->running--;
  if (rpc->closed)
    pthread_cond_broadcast(&rpc->quiet);
  else if (rpc->watched && rpc->running == 0)
    rpc->runtime.wake(rpc->runtime.loop);
}

void ac_rpc_enter_locked(struct ac_rpc *rpc, struct ac_visit *visit) {
  visit->thread = pthread_self();
  ac_list_append(&rpc->visits, &visit->link);
  rpc->running++;
  rpc->visiting++;
}

void ac_rpc_leave_locked(struct ac_rpc *rpc, struct ac_visit *visit) {
  ac_list_remove(&visit->link);
  rpc->visiting--;
  ac_rpc_ran_locked(rpc);
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

static bool inline_here(struct ac_rpc *rpc) {
  return atomic_load_explicit(&rpc->inline_running, memory_order_relaxed) &&
         pthread_equal(
             atomic_load_explicit(&rpc->inline_thread, memory_order_relaxed),
             pthread_self());
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
