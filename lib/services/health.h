/* The service grpc.health.v1.Health, for "" and "anycable.RPC". It answers on
 * the I/O thread, so it does when every worker is busy. */
#ifndef AC_SERVICES_HEALTH_H
#define AC_SERVICES_HEALTH_H

#include "base/list.h"
#include "grpc/grpc.h"
#include "wire/decode.h"

struct ac_health {
  bool serving; /* at first not */
  bool closed;  /* ac_health_close was called */
  struct ac_wire_limits limits;
  struct ac_list watches;
};

void ac_health_init(struct ac_health *health);

/* From now on SERVING is answered, or NOT_SERVING. Not after ac_health_close.
 */
void ac_health_set(struct ac_health *health, bool serving);

/* From now on NOT_SERVING is answered; watchers are told, and sent away, those
 * too that still come, as a drained server has none. */
void ac_health_close(struct ac_health *health);

void ac_health_check(struct ac_health *health, struct ac_grpc_call *call,
                     char *message, size_t len);
void ac_health_watch(struct ac_health *health, struct ac_grpc_call *call,
                     char *message, size_t len);
void ac_health_watch_closed(struct ac_grpc_call *call);

#endif
