#include "rpc/stats.h"

#include "rpc/call.h"

#define US UINT64_C(1000)
#define MS (1000 * US)
const uint64_t ac_rpc_bucket[AC_RPC_BUCKETS] = {
    100 * US, 250 * US, 500 * US, 1 * MS,   2500 * US, 5 * MS,    10 * MS,
    25 * MS,  50 * MS,  100 * MS, 250 * MS, 500 * MS,  1000 * MS, 5000 * MS};

const struct ac_rpc_stats *ac_rpc_stats(const struct ac_rpc *rpc) {
  return &rpc->stats;
}

void ac_rpc_waiting(struct ac_rpc *rpc, uint64_t *queued, uint64_t *deferred) {
  pthread_mutex_lock(&rpc->mutex);
  *queued = rpc->n_queued;
  *deferred = rpc->n_deferred;
  pthread_mutex_unlock(&rpc->mutex);
}

static enum ac_rpc_kind kind_of(const anycable_socket *call) {
  anycable_str command = call->request.message.command;
  if (call->request.method == ANYCABLE_CONNECT)
    return AC_RPC_CONNECT;
  if (call->request.method == ANYCABLE_DISCONNECT)
    return AC_RPC_DISCONNECT;
  if (anycable_str_is(command, "message"))
    return AC_RPC_MESSAGE;
  if (anycable_str_is(command, "subscribe"))
    return AC_RPC_SUBSCRIBE;
  return anycable_str_is(command, "unsubscribe") ? AC_RPC_UNSUBSCRIBE
                                                 : AC_RPC_OTHER_COMMAND;
}

void ac_rpc_count_begin(anycable_socket *call) {
  const struct ac_runtime *runtime = &call->rpc->runtime;
  call->began = runtime->now(runtime->loop);
  ac_count(&call->rpc->stats.began, 1);
}

void ac_rpc_count_end(anycable_socket *call, enum ac_rpc_end end) {
  struct ac_rpc *rpc = call->rpc;
  struct ac_rpc_stats *stats = &rpc->stats;
  ac_count(&stats->calls[kind_of(call)][end], 1);
  if (end >= AC_RPC_ENDS_EXPIRED)
    return;
  /* A turn's time does not go on while handlers run in it. */
  uint64_t now = rpc->runtime.now(rpc->runtime.loop);
  uint64_t time = (now > rpc->last_run ? now : rpc->last_run) - call->began;
  int i = 0;
  while (i < AC_RPC_BUCKETS && time > ac_rpc_bucket[i])
    i++;
  ac_count(&stats->durations[i], 1);
  ac_count(&stats->time, time);
}
