/* AnyCable's messages as JSON: what Go's encoding/json makes of the protocol's
 * structs, and reads into them. Names are the protocol's, statuses numbers. */
#ifndef AC_HTTP_JSON_H
#define AC_HTTP_JSON_H

#include <anycable/request.h>

#include "base/arena.h"
#include "wire/message.h"

struct ac_http_json_limits {
  size_t elements; /* entries of maps and lists in one message */
  unsigned depth;  /* of fields that are not known too */
};

/* Reads the request of |method| (an anycable_method) from |body|, and leaves
 * its strings there, decoded. Around it are margins as base/json_cursor.h has
 * them. Fields that are not known are passed over,
 * null is as nothing at all; keys that come twice are refused, as readers
 * differ, and so is a NUL in a string. Arrays are from |arena|. ANYCABLE_OK;
 * ANYCABLE_ERR_PROTO, _ENCODING or _LIMIT, and |*reason|, a constant, says what
 * is wrong; ANYCABLE_ERR_NOMEM. */
int ac_http_read_request(int method, char *body, size_t len,
                         const struct ac_http_json_limits *limits,
                         struct ac_arena *arena, struct ac_wire_request *out,
                         const char **reason);

/* Writes a reply. Its ptr is NULL without memory. */
anycable_str ac_http_write_reply(const struct ac_wire_reply *reply,
                                 struct ac_arena *arena);

#endif
