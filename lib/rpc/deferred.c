/* Calls that are answered later. The holder may be on any thread, and may come
 * when call, connection and server are long gone. */
#include <string.h>

#include "rpc/call.h"

bool ac_call_is_deferred(const anycable_socket *call) {
  return call->current != NULL;
}

void ac_call_set_deferred(anycable_socket *call,
                          struct anycable_deferred *deferred) {
  pthread_mutex_lock(&call->rpc->mutex);
  call->current = deferred;
  pthread_mutex_unlock(&call->rpc->mutex);
}

anycable_deferred *anycable_socket_defer(anycable_socket *socket) {
  struct ac_rpc *rpc = socket->rpc;
  struct anycable_deferred *deferred = &socket->deferred;
  if (!socket->deferrable || socket->current)
    return NULL;
  if (deferred->call) /* taken, and perhaps not freed yet */
    deferred = ac_arena_zalloc(socket->arena, sizeof(*deferred));
  if (!deferred)
    return NULL;
  pthread_mutex_lock(&rpc->mutex);
  bool room = rpc->n_deferred < rpc->config.deferred && !rpc->closed;
  if (room) {
    rpc->n_deferred++;
    deferred->call = socket;
    socket->current = deferred;
  }
  pthread_mutex_unlock(&rpc->mutex);
  if (!room)
    return NULL;
  atomic_fetch_add(&rpc->refs, 1);
  atomic_fetch_add(&socket->holders, 1);
  return deferred;
}

bool anycable_socket_deferred(const anycable_socket *socket) {
  pthread_mutex_lock(&socket->rpc->mutex);
  bool held = socket->current && !socket->current->freed;
  pthread_mutex_unlock(&socket->rpc->mutex);
  return held;
}

anycable_socket *anycable_deferred_socket(const anycable_deferred *deferred) {
  return deferred ? deferred->call : NULL;
}

bool anycable_deferred_cancelled(const anycable_deferred *deferred) {
  return !deferred || atomic_load(&deferred->call->cancelled);
}

void anycable_deferred_on_cancel(anycable_deferred *deferred,
                                 void (*fn)(anycable_deferred *deferred,
                                            void *ctx),
                                 void *ctx) {
  if (!deferred)
    return;
  struct ac_rpc *rpc = deferred->call->rpc;
  pthread_mutex_lock(&rpc->mutex);
  bool now = fn && atomic_load(&deferred->call->cancelled);
  deferred->on_cancel = now ? NULL : fn;
  deferred->on_cancel_ctx = ctx;
  pthread_mutex_unlock(&rpc->mutex);
  if (now)
    fn(deferred, ctx);
}

/* The flag is set under the lock, so that on_cancel either sees it or is seen
 * here. The call's memory is kept over user code, which may free the deferred.
 */
void ac_call_cancel(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  struct ac_visit visit;
  pthread_mutex_lock(&rpc->mutex);
  atomic_store(&call->cancelled, true);
  struct anycable_deferred *deferred = call->current;
  void (*fn)(anycable_deferred *, void *) =
      deferred ? deferred->on_cancel : NULL;
  void *ctx = deferred ? deferred->on_cancel_ctx : NULL;
  if (fn) {
    deferred->on_cancel = NULL;
    ac_rpc_enter_locked(rpc, &visit);
    deferred->cancelling = &visit;
    atomic_fetch_add(&call->refs, 1);
  }
  pthread_mutex_unlock(&rpc->mutex);
  if (!fn)
    return;
  fn(deferred, ctx);
  pthread_mutex_lock(&rpc->mutex);
  deferred->cancelling = NULL;
  ac_rpc_leave_locked(rpc, &visit);
  pthread_cond_broadcast(&rpc->quiet);
  pthread_mutex_unlock(&rpc->mutex);
  ac_call_unref(call);
}

/* Goes on with a pending call on the holder's thread, to its end as a rule.
 * False if the server is gone. */
static bool go_on(anycable_deferred *deferred, int outcome) {
  anycable_socket *call = deferred->call;
  struct ac_visit visit;
  deferred->handed_over = true;
  if (!ac_rpc_enter(call->rpc, &visit))
    return false;
  if (ac_call_resume(call, &outcome)) {
    atomic_store(&call->phase, AC_CALL_DONE);
    ac_call_complete(call, outcome);
    ac_rpc_finished(call);
  } else {
    deferred->handed_over = false; /* to the next one */
  }
  ac_rpc_leave(call->rpc, &visit);
  return true;
}

/* Has the handler's thread end the call, if it still runs the handler. */
static bool leave_to_handler(anycable_socket *call, int outcome) {
  int running = AC_CALL_RUNNING;
  call->outcome = outcome;
  return atomic_compare_exchange_strong(&call->phase, &running,
                                        AC_CALL_FINISHED);
}

int anycable_deferred_finish(anycable_deferred *deferred, int outcome) {
  if (!deferred || outcome == ANYCABLE_PENDING || outcome == ANYCABLE_ANSWERED)
    return ANYCABLE_ERR_INVALID;
  anycable_socket *call = deferred->call;
  if (deferred->finished)
    return ANYCABLE_ERR_STATE;
  bool cancelled = atomic_load(&call->cancelled);
  if (cancelled && !call->rpc->app->ops.resume)
    return ANYCABLE_ERR_CANCELLED;
  deferred->finished = true;
  bool gone_on = leave_to_handler(call, outcome) ||
                 /* else the handler answered by itself */
                 (atomic_load(&call->phase) == AC_CALL_PENDING &&
                  go_on(deferred, outcome));
  return gone_on && !cancelled ? ANYCABLE_OK : ANYCABLE_ERR_CANCELLED;
}

void anycable_deferred_free(anycable_deferred *deferred) {
  if (!deferred)
    return;
  anycable_socket *call = deferred->call;
  struct ac_rpc *rpc = call->rpc;
  if (!deferred->finished) {
    deferred->finished = true;
    if (atomic_load(&call->phase) != AC_CALL_DONE &&
        !atomic_load(&call->cancelled))
      ac_socket_explain(call, "a deferred call was freed without an answer");
    if (!leave_to_handler(call, ANYCABLE_ERR_FAILED) &&
        atomic_load(&call->phase) == AC_CALL_PENDING)
      go_on(deferred, ANYCABLE_ERR_FAILED);
  }
  pthread_mutex_lock(&rpc->mutex);
  deferred->on_cancel = NULL;
  while (deferred->cancelling &&
         !pthread_equal(deferred->cancelling->thread, pthread_self()))
    pthread_cond_wait(&rpc->quiet, &rpc->mutex);
  rpc->n_deferred--;
  deferred->freed = true;
  pthread_mutex_unlock(&rpc->mutex);
  if (deferred->handed_over)
    ac_call_drop_holder(call);
  ac_call_drop_holder(call);
  ac_rpc_unref(rpc);
}
