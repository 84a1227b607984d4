/* The call's memory, as the application uses it. */
#include <anycable/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "rpc/call.h"

void *anycable_socket_alloc(anycable_socket *socket, size_t size) {
  return ac_arena_zalloc(socket->arena, size ? size : 1);
}

/* --- what is kept with a call -------------------------------------------- */

struct ac_socket_datum {
  struct ac_socket_datum *next;
  const void *key;
  void *data;
};

static struct ac_socket_datum *datum_of(const anycable_socket *socket,
                                        const void *key) {
  struct ac_socket_datum *datum = socket->data;
  while (datum && datum->key != key)
    datum = datum->next;
  return datum;
}

int anycable_socket_set_data(anycable_socket *socket, const void *key,
                             void *data) {
  struct ac_socket_datum *datum = datum_of(socket, key);
  if (!datum) {
    datum = ac_arena_alloc(socket->arena, sizeof(*datum));
    if (!datum)
      return ac_socket_failed(socket, ANYCABLE_ERR_NOMEM);
    datum->next = socket->data;
    datum->key = key;
    socket->data = datum;
  }
  datum->data = data;
  return ANYCABLE_OK;
}

void *anycable_socket_data(const anycable_socket *socket, const void *key) {
  const struct ac_socket_datum *datum = datum_of(socket, key);
  return datum ? datum->data : NULL;
}

static anycable_str ANYCABLE_PRINTF(2, 0)
    vformat(anycable_socket *socket, const char *format, va_list args) {
  char small[256];
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(small, sizeof(small), format, args);
  char *text = len < 0 ? NULL : ac_arena_alloc(socket->arena, (size_t)len + 1);
  if (text && (size_t)len < sizeof(small))
    memcpy(text, small, (size_t)len + 1);
  else if (text)
    vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  if (text)
    return ac_str(text, (size_t)len);
  ac_socket_failed(socket, len < 0 ? ANYCABLE_ERR_INVALID : ANYCABLE_ERR_NOMEM);
  return ac_str_empty();
}

anycable_str anycable_socket_format(anycable_socket *socket, const char *format,
                                    ...) {
  va_list args;
  va_start(args, format);
  anycable_str text = vformat(socket, format, args);
  va_end(args);
  return text;
}

anycable_str anycable_socket_quote(anycable_socket *socket, anycable_str text) {
  anycable_str out = {NULL, 0};
  int error = ANYCABLE_ERR_ENCODING;
  if (ac_utf8_valid(text)) {
    out = ac_json_quoted(socket->arena, text);
    error = ANYCABLE_ERR_NOMEM;
  }
  if (out.ptr)
    return out;
  ac_socket_failed(socket, error);
  return ac_str_empty();
}

int anycable_json_check(anycable_str text) {
  return ac_json_check(text, 64);
}
