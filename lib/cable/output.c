/* What a channel puts out. When the client is gone there is nobody to hear it,
 * so that one callback does for both ways to leave. */
#include <stdarg.h>
#include <stdio.h>

#include "cable/cable.h"

static anycable_socket *socket_of(const anycable_channel *channel) {
  return channel->connection->socket;
}

/* --- messages ------------------------------------------------------------- */

static int transmit(anycable_channel *channel, anycable_str json) {
  anycable_socket *socket = socket_of(channel);
  const anycable_str pieces[] = {
      ANYCABLE_STR("{\"identifier\":"),
      anycable_socket_quote(socket, channel->identifier),
      ANYCABLE_STR(",\"message\":"), json, ANYCABLE_STR("}")};
  return anycable_socket_transmit_pieces(socket, pieces, 5);
}

int anycable_channel_transmit(anycable_channel *channel, anycable_str json) {
  if (channel->gone)
    return ANYCABLE_OK;
  int error = anycable_json_check(json);
  if (!error)
    return transmit(channel, json);
  anycable_channel_fail(channel, "the message is no JSON: %s",
                        anycable_strerror(error));
  return error;
}

int anycable_channel_transmit_string(anycable_channel *channel,
                                     anycable_str text) {
  if (channel->gone)
    return ANYCABLE_OK;
  anycable_str json = anycable_socket_quote(socket_of(channel), text);
  return json.len > 0 ? transmit(channel, json) : ANYCABLE_ERR_ENCODING;
}

int anycable_channel_transmit_frame(anycable_channel *channel,
                                    anycable_str frame) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_transmit(socket_of(channel), frame);
}

/* --- streams -------------------------------------------------------------- */

anycable_str anycable_channel_stream(const anycable_channel *channel,
                                     const char *prefix, anycable_str value) {
  const anycable_str pieces[] = {anycable_str_of(prefix), value};
  return ac_cable_join(socket_of(channel), pieces, 2);
}

int anycable_channel_stream_from(anycable_channel *channel, const char *prefix,
                                 anycable_str value) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_subscribe(
      socket_of(channel), channel->identifier,
      anycable_channel_stream(channel, prefix, value));
}

int anycable_channel_stop_stream(anycable_channel *channel, const char *prefix,
                                 anycable_str value) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_unsubscribe(
      socket_of(channel), channel->identifier,
      anycable_channel_stream(channel, prefix, value));
}

int anycable_channel_stop_all_streams(anycable_channel *channel) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_unsubscribe_from_all(socket_of(channel),
                                              channel->identifier);
}

int anycable_channel_whisper(anycable_channel *channel, anycable_str stream) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_whisper(socket_of(channel), stream);
}

int anycable_channel_presence_join(anycable_channel *channel,
                                   anycable_str stream, anycable_str id,
                                   anycable_str info) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_presence_join(socket_of(channel), stream, id, info);
}

int anycable_channel_presence_leave(anycable_channel *channel) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_presence_leave(socket_of(channel));
}

/* --- state ---------------------------------------------------------------- */

anycable_str anycable_channel_istate(const anycable_channel *channel,
                                     const char *key) {
  return anycable_socket_istate_of(socket_of(channel), channel->identifier,
                                   key);
}

int anycable_channel_set_istate(anycable_channel *channel, const char *key,
                                anycable_str value) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_set_istate(socket_of(channel), key, value);
}

anycable_str anycable_channel_cstate(const anycable_channel *channel,
                                     const char *key) {
  return anycable_socket_cstate(socket_of(channel), key);
}

int anycable_channel_set_cstate(anycable_channel *channel, const char *key,
                                anycable_str value) {
  if (channel->gone)
    return ANYCABLE_OK;
  return anycable_socket_set_cstate(socket_of(channel), key, value);
}

/* --- publishing ----------------------------------------------------------- */

int anycable_channel_broadcast(anycable_channel *channel, anycable_str stream,
                               anycable_str json) {
  return anycable_socket_broadcast(socket_of(channel), stream, json, NULL);
}

int anycable_channel_broadcast_to_others(anycable_channel *channel,
                                         anycable_str stream,
                                         anycable_str json) {
  anycable_socket *socket = socket_of(channel);
  const anycable_publish_options options = {
      .size = sizeof(options),
      .exclude_socket = anycable_request_sid(anycable_socket_request(socket))};
  return anycable_socket_broadcast(socket, stream, json, &options);
}

/* --- how it ends ---------------------------------------------------------- */

int anycable_channel_reject(anycable_channel *channel, const char *format,
                            ...) {
  char reason[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof(reason), format, args);
  va_end(args);
  return anycable_socket_reject(socket_of(channel), "%s", reason);
}

int anycable_channel_fail(anycable_channel *channel, const char *format, ...) {
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  return anycable_socket_fail(socket_of(channel), "%s", message);
}

int anycable_channel_close(anycable_channel *channel, const char *reason,
                           bool reconnect) {
  if (channel->gone)
    return ANYCABLE_OK;
  anycable_socket *socket = socket_of(channel);
  int error =
      reason ? ac_cable_disconnect(socket, anycable_str_of(reason), reconnect)
             : ANYCABLE_OK;
  return error ? error : anycable_socket_close(socket);
}
