/* The stub of a client's socket: takes what a handler puts out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "rpc/call.h"

enum { MESSAGE_MAX = 1000, FLAG_SIZE = 2 };

const anycable_request *anycable_socket_request(const anycable_socket *socket) {
  return &socket->request;
}

/* --- shared by all outputs ------------------------------------------------ */

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
  if (list->n == list->room) {
    size_t room = list->room ? list->room * 2 : 4;
    anycable_str *items = ac_arena_alloc(call->arena, room * sizeof(*items));
    if (!items)
      return ac_socket_failed(call, ANYCABLE_ERR_NOMEM);
    if (list->n > 0)
      memcpy(items, list->items, list->n * sizeof(*items));
    list->items = items;
    list->room = room;
  }
  list->items[list->n++] = copy;
  return ANYCABLE_OK;
}

/* Streams and all that belongs to a subscription: in a Command only, and for
 * its own identifier. */
static int command_only(anycable_socket *socket) {
  return socket->open && socket->request.method == ANYCABLE_COMMAND
             ? ANYCABLE_OK
             : ac_socket_failed(socket, ANYCABLE_ERR_STATE);
}

static int own(anycable_socket *socket, anycable_str identifier) {
  int error = command_only(socket);
  if (error)
    return error;
  return anycable_str_equal(identifier, socket->request.message.identifier)
             ? ANYCABLE_OK
             : ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
}

/* --- transmissions and streams -------------------------------------------- */

int anycable_socket_transmit(anycable_socket *socket, anycable_str frame) {
  if (!socket->open || socket->request.method == ANYCABLE_DISCONNECT)
    return ac_socket_failed(socket, ANYCABLE_ERR_STATE);
  if (frame.len == 0)
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  return ac_socket_list_add(socket, &socket->transmissions, frame);
}

int anycable_socket_subscribe(anycable_socket *socket, anycable_str identifier,
                              anycable_str stream) {
  int error = own(socket, identifier);
  if (error)
    return error;
  if (stream.len == 0)
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  if (anycable_str_is(socket->request.message.command, "unsubscribe"))
    return ac_socket_failed(socket, ANYCABLE_ERR_STATE); /* it would leak */
  return ac_socket_list_add(socket, &socket->streams, stream);
}

static void remove_all(struct ac_strings *list, anycable_str text) {
  size_t kept = 0;
  for (size_t i = 0; i < list->n; i++) {
    if (!anycable_str_equal(list->items[i], text))
      list->items[kept++] = list->items[i];
  }
  list->n = kept;
}

static anycable_str whisper_key(void) {
  return ac_str("$w", 2);
}

static int end_whisper(anycable_socket *socket, const anycable_str *stream) {
  anycable_str now = ac_state_get(
      &socket->istate, &socket->request.message.env.istate, whisper_key());
  if (now.len == 0 || (stream && !anycable_str_equal(now, *stream)))
    return ANYCABLE_OK;
  return ac_state_set(socket, &socket->istate, whisper_key(), ac_str_empty());
}

int anycable_socket_unsubscribe(anycable_socket *socket,
                                anycable_str identifier, anycable_str stream) {
  int error = own(socket, identifier);
  if (error)
    return error;
  if (stream.len == 0)
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  remove_all(&socket->streams, stream);
  error = ac_socket_list_add(socket, &socket->stopped, stream);
  return error ? error : end_whisper(socket, &stream);
}

int anycable_socket_unsubscribe_from_all(anycable_socket *socket,
                                         anycable_str identifier) {
  int error = own(socket, identifier);
  if (error)
    return error;
  socket->streams.n = 0;
  socket->stopped.n = 0;
  if (!socket->stop_all && !ac_socket_charge(socket, FLAG_SIZE))
    return ac_socket_failed(socket, ANYCABLE_ERR_LIMIT);
  socket->stop_all = true;
  return end_whisper(socket, NULL);
}

int anycable_socket_whisper(anycable_socket *socket, anycable_str stream) {
  int error = command_only(socket);
  if (error)
    return error;
  return ac_state_set(socket, &socket->istate, whisper_key(), stream);
}

int anycable_socket_close(anycable_socket *socket) {
  int error = command_only(socket);
  if (error)
    return error;
  if (!socket->close && !ac_socket_charge(socket, FLAG_SIZE))
    return ac_socket_failed(socket, ANYCABLE_ERR_LIMIT);
  socket->close = true;
  return ANYCABLE_OK;
}

/* --- presence ------------------------------------------------------------- */

int anycable_socket_presence_join(anycable_socket *socket, anycable_str stream,
                                  anycable_str id, anycable_str info) {
  struct ac_wire_presence presence = {ac_str("join", 4), id, info};
  int error = command_only(socket);
  if (error)
    return error;
  if (stream.len == 0 || id.len == 0)
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  size_t size = ac_socket_field_size(4) + ac_socket_field_size(id.len) +
                ac_socket_field_size(info.len);
  if (!ac_socket_charge(socket, ac_socket_field_size(size)))
    return ac_socket_failed(socket, ANYCABLE_ERR_LIMIT);
  error = ac_socket_text(socket, id, &presence.id);
  if (!error)
    error = ac_socket_text(socket, info, &presence.info);
  if (error)
    return ac_socket_failed(socket, error);
  error = ac_state_set(socket, &socket->istate, ac_str("$p", 2), stream);
  if (!error)
    socket->presence = presence;
  return error;
}

int anycable_socket_presence_leave(anycable_socket *socket) {
  int error = command_only(socket);
  if (error)
    return error;
  if (!ac_socket_charge(socket, ac_socket_field_size(ac_socket_field_size(5))))
    return ac_socket_failed(socket, ANYCABLE_ERR_LIMIT);
  /* "$p" stays: the server looks there for what is left. */
  socket->presence = (struct ac_wire_presence){ac_str("leave", 5),
                                               ac_str_empty(), ac_str_empty()};
  return ANYCABLE_OK;
}

/* --- the call's memory ---------------------------------------------------- */

void *anycable_socket_alloc(anycable_socket *socket, size_t size) {
  return ac_arena_zalloc(socket->arena, size ? size : 1);
}

/* --- what is kept with a call ----------------------------------------------
 */

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

/* --- errors and logs ------------------------------------------------------ */

/* Bytes that are no UTF-8 would make the whole reply undecodable. */
static void scrub(char *text, size_t len) {
  size_t at = 0;
  while (at < len) {
    size_t n = ac_utf8_char_len(ac_str(text + at, len - at));
    if (n == 0)
      text[at] = '?';
    at += n ? n : 1;
  }
}

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
  scrub(text, (size_t)len);
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

int64_t anycable_socket_time_left(const anycable_socket *socket) {
  uint64_t now = ac_clock_now();
  if (atomic_load(&socket->cancelled))
    return 0;
  return socket->deadline > now ? (int64_t)((socket->deadline - now) / AC_MS)
                                : 0;
}

static void ANYCABLE_PRINTF(3, 0)
    vlog(anycable_socket *call, int level, const char *format, va_list args) {
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
  vlog(call, level, format, args);
  va_end(args);
}

/* A deferred call's holder may log when the server is long gone: then nobody
 * is there to listen. */
void anycable_socket_log(anycable_socket *socket, int level, const char *format,
                         ...) {
  struct ac_visit visit;
  va_list args;
  if (!ac_log_wants(&socket->rpc->log, level))
    return;
  bool visiting = socket->deferred.taken;
  if (visiting && !ac_rpc_enter(socket->rpc, &visit))
    return;
  va_start(args, format);
  vlog(socket, level, format, args);
  va_end(args);
  if (visiting)
    ac_rpc_leave(socket->rpc, &visit);
}
