/* A call's life, whatever brought it: checks, interceptors, the handler on a
 * worker or inline or later, the deadline, the reply.
 *
 * A transport makes a call in an arena, fills its request in, and submits it.
 * It is told once, on the I/O thread, by |answered|; or it cancels, and is
 * told nothing. Either way it lets go of the call with ac_rpc_release.
 *
 * Lock order: an ac_rpc's mutex is a leaf; no user code runs under it. */
#ifndef AC_RPC_RPC_H
#define AC_RPC_RPC_H

#include <anycable/app.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/pair.h"
#include "base/runtime.h"
#include "wire/message.h"

struct ac_rpc;

struct ac_rpc_config {
  int workers; /* 0: inline, on the I/O thread */
  size_t queue;
  size_t deferred;
  size_t reply_max;
  unsigned json_depth;
  bool version_check;
};

/* How a call ended, for the transport. */
enum ac_rpc_result {
  AC_RPC_REPLY,   /* the reply is there, ERROR included */
  AC_RPC_EXPIRED, /* its deadline passed */
  AC_RPC_REFUSED  /* no room in the queue; the handler did not run */
};

/* What a transport does with its calls. */
struct ac_rpc_transport {
  /* Puts a reply into the transport's form, in the call's arena, on the thread
   * that ends the call: it may use the arena after that, in destroy, and the
   * I/O thread must not. A NULL ptr without memory. May be NULL. */
  anycable_str (*encode)(int method, const struct ac_wire_reply *reply,
                         struct ac_arena *arena);
  /* The call has ended; on the I/O thread. */
  void (*answered)(anycable_socket *call, enum ac_rpc_result result,
                   void *origin);
};

/* NULL without memory. |app| is referenced until the last call is gone. */
struct ac_rpc *ac_rpc_new(anycable_app *app, const struct ac_rpc_config *config,
                          const struct ac_runtime *runtime,
                          const struct ac_log *log);

/* Has handlers run on the I/O thread after all, before there are any calls. */
void ac_rpc_run_inline(struct ac_rpc *rpc);

/* --- calls; the I/O thread ------------------------------------------------ */

/* A call of |method| in |arena|, which it takes. NULL without memory; |arena|
 * is then freed. */
anycable_socket *ac_rpc_call_new(struct ac_rpc *rpc, struct ac_arena *arena,
                                 int method);

/* Where its request is decoded to, and its memory, until it is submitted. */
struct ac_wire_request *ac_rpc_call_message(anycable_socket *call);
struct ac_arena *ac_rpc_call_arena(anycable_socket *call);

/* What came with the call; |pairs| live in its arena. */
void ac_rpc_call_metadata(anycable_socket *call, const struct ac_pair *pairs,
                          size_t n);

/* Runs the call inline, or puts it aside for ac_rpc_flush. |answered| may be
 * called before this returns. */
void ac_rpc_submit(anycable_socket *call, uint64_t deadline,
                   const struct ac_rpc_transport *transport, void *origin);

/* Hands what was submitted to the workers, under one lock. True if calls were
 * refused: answered, these or others that had waited. */
bool ac_rpc_flush(struct ac_rpc *rpc);

/* Collects what the workers finished, and answers. */
void ac_rpc_collect(struct ac_rpc *rpc);

/* The reply, once answered with AC_RPC_REPLY, and what |encode| made of it. */
const struct ac_wire_reply *ac_rpc_call_reply(const anycable_socket *call);
anycable_str ac_rpc_call_encoded(const anycable_socket *call);

/* The transport lets go: of an answered call's memory, or of one that it does
 * not want answered any more, which is cancelled. */
void ac_rpc_release(anycable_socket *call);

/* --- the end -------------------------------------------------------------- */

/* True if no handler runs and nothing is queued. */
bool ac_rpc_idle(struct ac_rpc *rpc);

/* Has the loop woken when that becomes true. */
void ac_rpc_watch_idle(struct ac_rpc *rpc);

/* Waits until no user code of this rpc runs, ends the workers, and lets go.
 * Deferred calls keep what they need. */
void ac_rpc_free(struct ac_rpc *rpc);

/* True on a thread that runs user code of this rpc just now. */
bool ac_rpc_inside(struct ac_rpc *rpc);

#endif
