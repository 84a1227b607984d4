/* The other side of the wire, for the test kit: requests encoded as AnyCable
 * does, and replies decoded. */
#ifndef AC_WIRE_CLIENT_H
#define AC_WIRE_CLIENT_H

#include <anycable/error.h>
#include <anycable/request.h>

#include "base/arena.h"
#include "wire/message.h"

/* Encodes the request of |method| into |arena|, with one spare byte behind it
 * for ac_wire_decode(). Strings may hold anything. A NULL without memory. */
char *ac_wire_encode_request(int method, const struct ac_wire_request *request,
                             struct ac_arena *arena, size_t *len);

/* Decodes the reply to |method|, by protobuf-c, into |arena|. ANYCABLE_OK;
 * ANYCABLE_ERR_ENCODING for text that is not UTF-8, ANYCABLE_ERR_PROTO for what
 * is no reply, or lack of memory. */
int ac_wire_decode_reply(int method, anycable_str bytes, struct ac_arena *arena,
                         struct ac_wire_reply *reply);

#endif
