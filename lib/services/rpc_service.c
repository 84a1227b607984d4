#include "services/rpc_service.h"

#include "wire/encode.h"

static anycable_str encode(int method, const struct ac_wire_reply *reply,
                           struct ac_arena *arena) {
  anycable_str framed;
  if (!ac_wire_encode(method, reply, AC_GRPC_PREFIX, arena, &framed))
    return ac_str(NULL, 0);
  return framed;
}

/* The status of a refusal decides what the server does: it tries again after
 * UNAVAILABLE and RESOURCE_EXHAUSTED, and after nothing else. */
static void answered(anycable_socket *rpc_call, enum ac_rpc_result result,
                     void *origin) {
  struct ac_grpc_call *call = origin;
  anycable_str framed;
  switch (result) {
  case AC_RPC_REPLY:
    framed = ac_rpc_call_encoded(rpc_call);
    if (framed.ptr)
      ac_grpc_reply(call, framed);
    else
      ac_grpc_fail(call, AC_GRPC_INTERNAL, "out of memory for the reply");
    return;
  case AC_RPC_EXPIRED:
    ac_grpc_fail(call, AC_GRPC_DEADLINE_EXCEEDED, "deadline exceeded");
    return;
  case AC_RPC_REFUSED:
    ac_grpc_fail(call, AC_GRPC_RESOURCE_EXHAUSTED, "too many calls wait");
    return;
  }
}

static const struct ac_rpc_transport transport = {encode, answered};

static const char *parse_error(int method) {
  switch (method) {
  case ANYCABLE_CONNECT:
    return "failed to parse ConnectionRequest";
  case ANYCABLE_COMMAND:
    return "failed to parse CommandMessage";
  default:
    return "failed to parse DisconnectRequest";
  }
}

static void serve(struct ac_rpc_service *service, struct ac_grpc_call *call,
                  int method, char *message, size_t len) {
  const char *reason;
  anycable_socket *rpc_call =
      ac_rpc_call_new(service->rpc, ac_grpc_take_arena(call), method);
  call->user = rpc_call;
  if (!rpc_call) {
    ac_grpc_fail(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
    return;
  }
  int error = ac_wire_decode(method, message, len, &service->limits,
                             ac_rpc_call_arena(rpc_call),
                             ac_rpc_call_message(rpc_call), &reason);
  if (error == ANYCABLE_ERR_NOMEM) {
    ac_grpc_fail(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
    return;
  }
  if (error) {
    ac_grpc_fail(call, AC_GRPC_INTERNAL, parse_error(method));
    return;
  }
  ac_rpc_call_metadata(rpc_call, call->metadata, call->n_metadata);
  ac_rpc_submit(rpc_call, call->deadline, &transport, call);
}

void ac_rpc_service_connect(struct ac_rpc_service *service,
                            struct ac_grpc_call *call, char *message,
                            size_t len) {
  serve(service, call, ANYCABLE_CONNECT, message, len);
}

void ac_rpc_service_command(struct ac_rpc_service *service,
                            struct ac_grpc_call *call, char *message,
                            size_t len) {
  serve(service, call, ANYCABLE_COMMAND, message, len);
}

void ac_rpc_service_disconnect(struct ac_rpc_service *service,
                               struct ac_grpc_call *call, char *message,
                               size_t len) {
  serve(service, call, ANYCABLE_DISCONNECT, message, len);
}

void ac_rpc_service_closed(struct ac_grpc_call *call) {
  if (call->user)
    ac_rpc_release(call->user);
}
