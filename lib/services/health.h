/* The service grpc.health.v1.Health, for "" and "anycable.RPC". It answers on
 * the I/O thread, so it does when every worker is busy. */
#ifndef AC_SERVICES_HEALTH_H
#define AC_SERVICES_HEALTH_H

#include "base/list.h"
#include "grpc/grpc.h"
#include "wire/decode.h"

struct ac_health {
  bool serving;
  struct ac_wire_limits limits;
  struct ac_list watches;
};

void ac_health_init(struct ac_health *health);

/* What is answered from now on; watchers are told. */
void ac_health_set(struct ac_health *health, bool serving);

void ac_health_check(struct ac_health *health, struct ac_grpc_call *call,
                     char *message, size_t len);
void ac_health_watch(struct ac_health *health, struct ac_grpc_call *call,
                     char *message, size_t len);
void ac_health_watch_closed(struct ac_grpc_call *call);

#endif
