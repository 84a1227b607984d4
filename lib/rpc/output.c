/* What all outputs of a call share: size, text, the first error and its words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
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
  if (len > SIZE_MAX / 2)
    return SIZE_MAX / 2; /* more than fits anywhere */
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

/* |text| is good to send and lives as long as the call. */
static int push(anycable_socket *call, struct ac_strings *list,
                anycable_str text) {
  anycable_str *items = ac_arena_grow(call->arena, list->items, list->n,
                                      &list->room, 4, sizeof(*items));
  if (!items)
    return ac_socket_failed(call, ANYCABLE_ERR_NOMEM);
  list->items = items;
  list->items[list->n++] = text;
  return ANYCABLE_OK;
}

int ac_socket_list_add(anycable_socket *call, struct ac_strings *list,
                       anycable_str text) {
  anycable_str copy;
  if (!ac_socket_charge(call, ac_socket_field_size(text.len)))
    return ac_socket_failed(call, ANYCABLE_ERR_LIMIT);
  int error = ac_socket_text(call, text, &copy);
  return error ? ac_socket_failed(call, error) : push(call, list, copy);
}

/* Pieces of a frame are short as a rule. */
static inline char *append(char *end, anycable_str text) {
  size_t len = text.len;
  if (len > 16) {
    memcpy(end, text.ptr, len);
  } else if (len >= 8) {
    memcpy(end, text.ptr, 8);
    memcpy(end + len - 8, text.ptr + len - 8, 8);
  } else {
    for (size_t i = 0; i < len; i++)
      end[i] = text.ptr[i];
  }
  return end + len;
}

int ac_socket_list_join(anycable_socket *call, struct ac_strings *list,
                        const anycable_str *texts, size_t n) {
  size_t len = 0;
  bool fits = true;
  for (size_t i = 0; i < n; i++) {
    len += texts[i].len;
    fits = fits && len >= texts[i].len;
  }
  if (!fits || !ac_socket_charge(call, ac_socket_field_size(len)))
    return ac_socket_failed(call, ANYCABLE_ERR_LIMIT);
  char *joined = ac_arena_alloc(call->arena, len + 1);
  if (!joined)
    return ac_socket_failed(call, ANYCABLE_ERR_NOMEM);
  char *end = joined;
  for (size_t i = 0; i < n; i++)
    end = append(end, texts[i]);
  *end = '\0';
  anycable_str text = ac_str(joined, len);
  if (!ac_utf8_valid(text) || memchr(joined, '\0', len))
    return ac_socket_failed(call, ANYCABLE_ERR_ENCODING);
  return push(call, list, text);
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

/* The name of the channel that the call is for, as it is in its identifier. */
static anycable_str channel_of(const anycable_socket *call) {
  anycable_str value, identifier = call->request.message.identifier;
  unsigned depth = call->rpc->config.json_depth;
  bool found =
      identifier.len > 0 &&
      ac_json_member(identifier, ac_str("channel", 7), depth, &value) == 1 &&
      *value.ptr == '"';
  return found ? ac_str(value.ptr + 1, value.len - 2) : ac_str_empty();
}

/* For records: once the call is closed to outputs, its end is known. */
static anycable_log_record about(const anycable_socket *call) {
  static const char *const statuses[] = {"error", "success", "failure"};
  const struct ac_runtime *runtime = &call->rpc->runtime;
  anycable_log_record record = {.method =
                                    anycable_method_name(call->request.method),
                                .sid = call->request.sid,
                                .channel = channel_of(call),
                                .duration_us = -1};
  if (!call->open && call->result == AC_RPC_REPLY) {
    record.status = statuses[call->reply.status];
    record.duration_us =
        (int64_t)(runtime->clock(runtime->loop) - call->began) / 1000;
  }
  return record;
}

void ac_socket_vlog(anycable_socket *call, int level, const char *format,
                    va_list args) {
  char prefix[160];
  const struct ac_log *log = &call->rpc->log;
  if (log->records) {
    const anycable_log_record record = about(call);
    ac_log_vwrite_about(log, level, &record, NULL, format, args);
    return;
  }
  snprintf(prefix, sizeof(prefix),
           "rpc: %s sid=%.64s: ", anycable_method_name(call->request.method),
           call->request.sid.ptr);
  ac_log_vwrite(log, level, prefix, format, args);
}

void ac_socket_log(anycable_socket *call, int level, const char *format, ...) {
  va_list args;
  if (!ac_log_wants(&call->rpc->log, level))
    return;
  va_start(args, format);
  ac_socket_vlog(call, level, format, args);
  va_end(args);
}
