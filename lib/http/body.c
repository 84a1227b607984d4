#include "http/body.h"

#include <string.h>

enum { FIRST_ROOM = 1024 };

int ac_http_body_reserve(struct ac_http_exchange *exchange, size_t need,
                         size_t max) {
  if (need > max)
    return 413;
  if (exchange->body && need <= exchange->body_room)
    return 0;
  size_t room =
      exchange->body_room < FIRST_ROOM ? FIRST_ROOM : 2 * exchange->body_room;
  room = room > need ? room : need;
  char *body = ac_arena_alloc(exchange->arena, room + 2 * AC_JSON_MARGIN);
  if (!body)
    return 503;
  body += AC_JSON_MARGIN;
  if (exchange->body_len > 0)
    memcpy(body, exchange->body, exchange->body_len);
  exchange->body = body;
  exchange->body_room = room;
  return 0;
}

int ac_http_body_append(struct ac_http_exchange *exchange, const char *bytes,
                        size_t len, size_t max) {
  int status = ac_http_body_reserve(exchange, exchange->body_len + len, max);
  if (status)
    return status;
  if (!ac_arena_charge(exchange->arena, len))
    return 503;
  if (len > 0)
    memcpy(exchange->body + exchange->body_len, bytes, len);
  exchange->body_len += len;
  return 0;
}
