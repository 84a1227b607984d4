#include "services/health.h"

#include "wire/encode.h"

/* A Watch under way, in its call's arena. */
struct watch {
  struct ac_list link;
  struct ac_grpc_call *call;
  bool known; /* the service is one of ours */
};

void ac_health_init(struct ac_health *health) {
  health->serving = false;
  health->closed = false;
  health->limits = (struct ac_wire_limits){16, 16, 16};
  ac_list_init(&health->watches);
}

static enum ac_wire_health status(const struct ac_health *health) {
  return health->serving ? AC_WIRE_SERVING : AC_WIRE_NOT_SERVING;
}

static bool is_known(anycable_str service) {
  return service.len == 0 || anycable_str_is(service, "anycable.RPC");
}

static bool decode(struct ac_health *health, struct ac_grpc_call *call,
                   char *message, size_t len, anycable_str *service) {
  const char *reason;
  int error = ac_wire_decode_health(message, len, &health->limits, call->arena,
                                    service, &reason);
  if (error)
    ac_grpc_fail(call, AC_GRPC_INTERNAL, "failed to parse HealthCheckRequest");
  return error == ANYCABLE_OK;
}

void ac_health_check(struct ac_health *health, struct ac_grpc_call *call,
                     char *message, size_t len) {
  anycable_str service, framed;
  if (!decode(health, call, message, len, &service))
    return;
  if (!is_known(service))
    ac_grpc_fail(call, AC_GRPC_NOT_FOUND, "unknown service");
  else if (ac_wire_encode_health(status(health), AC_GRPC_PREFIX, call->arena,
                                 &framed))
    ac_grpc_reply(call, framed);
  else
    ac_grpc_fail(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
}

/* A client that has not read the message before, of seven bytes, by the time
 * of the next is none to keep. */
static void push(struct ac_grpc_call *call, enum ac_wire_health status) {
  anycable_str framed;
  if (!ac_wire_encode_health(status, AC_GRPC_PREFIX, call->arena, &framed) ||
      !ac_grpc_push(call, framed))
    ac_grpc_abort(call);
}

/* To who watches something else, nothing ever changes. */
static void tell_all(struct ac_health *health) {
  for (struct ac_list *l = health->watches.next; l != &health->watches;
       l = l->next) {
    struct watch *watch = ac_container_of(l, struct watch, link);
    if (watch->known)
      push(watch->call, status(health));
  }
}

/* A server that drains waits for every stream's end. */
static void send_all_away(struct ac_health *health) {
  struct ac_list *link;
  while ((link = ac_list_shift(&health->watches)))
    ac_grpc_finish(ac_container_of(link, struct watch, link)->call,
                   AC_GRPC_UNAVAILABLE);
}

void ac_health_set(struct ac_health *health, bool serving) {
  if (health->closed || health->serving == serving)
    return;
  health->serving = serving;
  tell_all(health);
}

void ac_health_close(struct ac_health *health) {
  ac_health_set(health, false);
  health->closed = true;
  send_all_away(health);
}

void ac_health_watch(struct ac_health *health, struct ac_grpc_call *call,
                     char *message, size_t len) {
  anycable_str service;
  if (!decode(health, call, message, len, &service))
    return;
  struct watch *watch = ac_arena_zalloc(call->arena, sizeof(*watch));
  if (!watch) {
    ac_grpc_fail(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
    return;
  }
  watch->call = call;
  watch->known = is_known(service);
  call->user = watch;
  ac_grpc_open(call);
  push(call, watch->known ? status(health) : AC_WIRE_SERVICE_UNKNOWN);
  ac_list_append(&health->watches, &watch->link);
  if (health->closed)
    send_all_away(health);
}

void ac_health_watch_closed(struct ac_grpc_call *call) {
  struct watch *watch = call->user;
  if (watch)
    ac_list_remove(&watch->link);
}
