/* Encodes replies, by protobuf-c's generated code. */
#ifndef AC_WIRE_ENCODE_H
#define AC_WIRE_ENCODE_H

#include <anycable/request.h>

#include "base/arena.h"
#include "wire/message.h"

/* Encodes the reply to |method| behind |prefix| bytes that are left for the
 * caller, all in |arena|: |out| spans both. False without memory. Fields that
 * the method's message lacks are left out. */
bool ac_wire_encode(int method, const struct ac_wire_reply *reply,
                    size_t prefix, struct ac_arena *arena, anycable_str *out);

/* The values of grpc.health.v1.HealthCheckResponse.ServingStatus. */
enum ac_wire_health {
  AC_WIRE_SERVING = 1,
  AC_WIRE_NOT_SERVING = 2,
  AC_WIRE_SERVICE_UNKNOWN = 3
};

/* Encodes a grpc.health.v1.HealthCheckResponse likewise. */
bool ac_wire_encode_health(enum ac_wire_health status, size_t prefix,
                           struct ac_arena *arena, anycable_str *out);

#endif
