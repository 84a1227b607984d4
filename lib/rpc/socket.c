/* The stub of a client's socket: takes what a handler puts out. */
#include <stdarg.h>

#include "base/clock.h"
#include "rpc/call.h"

enum { FLAG_SIZE = 2 };

const anycable_request *anycable_socket_request(const anycable_socket *socket) {
  return &socket->request;
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

int anycable_socket_transmit_pieces(anycable_socket *socket,
                                    const anycable_str *pieces, size_t n) {
  bool empty = true;
  if (!socket->open || socket->request.method == ANYCABLE_DISCONNECT)
    return ac_socket_failed(socket, ANYCABLE_ERR_STATE);
  for (size_t i = 0; i < n && empty; i++)
    empty = pieces[i].len == 0;
  if (empty)
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  return ac_socket_list_join(socket, &socket->transmissions, pieces, n);
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

/* --- deadline and log ----------------------------------------------------- */

/* A deferred call's holder may ask when the clock is long gone; the call is
 * cancelled then. */
int64_t anycable_socket_time_left(const anycable_socket *socket) {
  struct ac_rpc *rpc = socket->rpc;
  struct ac_visit visit;
  bool visiting = socket->deferred.call != NULL;
  if (atomic_load(&socket->cancelled) ||
      (visiting && !ac_rpc_enter(rpc, &visit)))
    return 0;
  uint64_t now = rpc->runtime.clock(rpc->runtime.loop);
  if (visiting)
    ac_rpc_leave(rpc, &visit);
  return socket->deadline > now ? (int64_t)((socket->deadline - now) / AC_MS)
                                : 0;
}

/* A deferred call's holder may log when the server is long gone: then nobody
 * is there to listen. */
void anycable_socket_log(anycable_socket *socket, int level, const char *format,
                         ...) {
  struct ac_visit visit;
  va_list args;
  if (!ac_log_wants(&socket->rpc->log, level))
    return;
  bool visiting = socket->deferred.call != NULL;
  if (visiting && !ac_rpc_enter(socket->rpc, &visit))
    return;
  va_start(args, format);
  ac_socket_vlog(socket, level, format, args);
  va_end(args);
  if (visiting)
    ac_rpc_leave(socket->rpc, &visit);
}
