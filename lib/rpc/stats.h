/* What calls there were, and how they ended. Counted on the I/O thread, where
 * all calls begin and end. */
#ifndef AC_RPC_STATS_H
#define AC_RPC_STATS_H

#include "base/counter.h"

struct ac_rpc;

enum ac_rpc_kind {
  AC_RPC_CONNECT,
  AC_RPC_SUBSCRIBE,
  AC_RPC_UNSUBSCRIBE,
  AC_RPC_MESSAGE,
  AC_RPC_OTHER_COMMAND,
  AC_RPC_DISCONNECT,
  AC_RPC_KINDS
};

enum ac_rpc_end {
  AC_RPC_ENDS_ERROR, /* the first three are as an ac_wire_status */
  AC_RPC_ENDS_SUCCESS,
  AC_RPC_ENDS_FAILURE,
  AC_RPC_ENDS_EXPIRED,
  AC_RPC_ENDS_REFUSED,
  AC_RPC_ENDS_CANCELLED,
  AC_RPC_ENDS
};

/* Up to how many nanoseconds each bucket of durations goes; what took longer is
 * in one more. */
enum { AC_RPC_BUCKETS = 14 };
extern const uint64_t ac_rpc_bucket[AC_RPC_BUCKETS];

struct ac_rpc_stats {
  ac_counter calls[AC_RPC_KINDS][AC_RPC_ENDS];
  ac_counter began;
  ac_counter durations[AC_RPC_BUCKETS + 1]; /* of calls that were answered */
  ac_counter time;                          /* their sum, ns */
};

/* Any thread. */
const struct ac_rpc_stats *ac_rpc_stats(const struct ac_rpc *rpc);
void ac_rpc_waiting(struct ac_rpc *rpc, uint64_t *queued, uint64_t *deferred);

#endif
