/* Decodes requests, in time linear in their length, bounded in everything.
 *
 * What Google's protobuf accepts decodes to the same fields, but for the
 * refusals named here: more elements, unknown fields or repeats of a singular
 * field than the limits allow, more elements than the length allows memory
 * for, and a NUL inside any string. */
#ifndef AC_WIRE_DECODE_H
#define AC_WIRE_DECODE_H

#include <anycable/error.h>
#include <anycable/request.h>

#include "base/arena.h"
#include "wire/message.h"

struct ac_wire_limits {
  size_t elements;         /* map entries and list items of one message */
  size_t unknown_fields;   /* of one message, nested ones included */
  size_t singular_repeats; /* how often any other field may come */
};

/* Decodes the request of |method| (an anycable_method) from |data|, |len|
 * bytes that the decoder may change, with one more byte behind them that it
 * sets to NUL. Arrays come from |arena|, never more than three times |len| and
 * 64 KiB: 40 bytes for a map's entry, 16 for a list's. On failure |out| is
 * empty, the message unchanged, and |*reason|, a constant, says what was wrong.
 * ANYCABLE_OK, ANYCABLE_ERR_PROTO, ANYCABLE_ERR_ENCODING, ANYCABLE_ERR_LIMIT,
 * ANYCABLE_ERR_NOMEM. */
int ac_wire_decode(int method, char *data, size_t len,
                   const struct ac_wire_limits *limits, struct ac_arena *arena,
                   struct ac_wire_request *out, const char **reason);

/* Decodes a grpc.health.v1.HealthCheckRequest likewise. */
int ac_wire_decode_health(char *data, size_t len,
                          const struct ac_wire_limits *limits,
                          struct ac_arena *arena, anycable_str *service,
                          const char **reason);

#endif
