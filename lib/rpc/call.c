/* Calls as a transport sees them: their memory, and what is in them. */
#include "rpc/call.h"

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
