/* What all outputs of a call share: size, text, the first error and its words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/call.h"

enum { MESSAGE_MAX = 1000 };

int ac_socket_failed(anycable_socket *call, int error) {
  if (!call->error && call->open)
    call->error = error;
  return error;
}

bool ac_socket_charge(anycable_socket *call, size_t n) {
  size_t max = call->rpc->config.reply_max;
  if (n > max || call->reply_size > max - n)
    return false;
  call->reply_size += n;
  return true;
}

size_t ac_socket_field_size(size_t len) {
  size_t size = 2 + len; /* the tag, and the length's first byte */
  for (size_t rest = len >> 7; rest; rest >>= 7)
    size++;
  return size;
}

int ac_socket_text(anycable_socket *call, anycable_str text,
                   anycable_str *out) {
  if (text.len == 0) {
    *out = ac_str_empty();
    return ANYCABLE_OK;
  }
  if (!ac_utf8_valid(text) || memchr(text.ptr, '\0', text.len))
    return ANYCABLE_ERR_ENCODING;
  *out = ac_arena_copy(call->arena, text);
  return out->ptr ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
}

int ac_socket_list_add(anycable_socket *call, struct ac_strings *list,
                       anycable_str text) {
  anycable_str copy;
  if (!ac_socket_charge(call, ac_socket_field_size(text.len)))
    return ac_socket_failed(call, ANYCABLE_ERR_LIMIT);
  int error = ac_socket_text(call, text, &copy);
  if (error)
    return ac_socket_failed(call, error);
  anycable_str *items = ac_arena_grow(call->arena, list->items, list->n,
                                      &list->room, 4, sizeof(*items));
  if (!items)
    return ac_socket_failed(call, ANYCABLE_ERR_NOMEM);
  list->items = items;
  list->items[list->n++] = copy;
  return ANYCABLE_OK;
}

/* --- words ---------------------------------------------------------------- */

static void set_message(anycable_socket *socket, const char *format,
                        va_list args) ANYCABLE_PRINTF(2, 0);

static void set_message(anycable_socket *socket, const char *format,
                        va_list args) {
  char text[MESSAGE_MAX * 2];
  int len = vsnprintf(text, sizeof(text), format, args);
  if (len < 0 || !socket->open)
    return;
  if ((size_t)len >= sizeof(text))
    len = sizeof(text) - 1;
  ac_utf8_scrub(text, (size_t)len); /* or the reply could not be decoded */
  size_t cut = ac_utf8_cut(ac_str(text, (size_t)len), MESSAGE_MAX);
  anycable_str message = ac_arena_copy(socket->arena, ac_str(text, cut));
  socket->message = message.ptr ? message : ac_str_empty();
}

int anycable_socket_fail(anycable_socket *socket, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_message(socket, format, args);
  va_end(args);
  return ac_socket_failed(socket, ANYCABLE_ERR_FAILED);
}

int anycable_socket_reject(anycable_socket *socket, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_message(socket, format, args);
  va_end(args);
  if (socket->open)
    socket->rejected = true;
  return ANYCABLE_REJECT;
}

void ac_socket_explain(anycable_socket *call, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set_message(call, format, args);
  va_end(args);
}

void ac_socket_vlog(anycable_socket *call, int level, const char *format,
                    va_list args) {
  char prefix[160];
  snprintf(prefix, sizeof(prefix),
           "rpc: %s sid=%.64s: ", anycable_method_name(call->request.method),
           call->request.sid.ptr);
  ac_log_vwrite(&call->rpc->log, level, prefix, format, args);
}

void ac_socket_log(anycable_socket *call, int level, const char *format, ...) {
  va_list args;
  if (!ac_log_wants(&call->rpc->log, level))
    return;
  va_start(args, format);
  ac_socket_vlog(call, level, format, args);
  va_end(args);
}
