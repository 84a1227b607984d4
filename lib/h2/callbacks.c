/* What nghttp2 calls. Everything here only takes notes: handlers run when
 * nghttp2 has returned. */
#include <string.h>

#include "h2/connection.h"

static struct ac_h2_stream *find(struct ac_h2_connection *connection,
                                 int32_t id) {
  if (connection->current && connection->current->id == id)
    return connection->current;
  struct ac_h2_stream *stream =
      nghttp2_session_get_stream_user_data(connection->session, id);
  if (stream)
    connection->current = stream;
  return stream;
}

static void count(struct ac_h2_connection *connection, enum ac_h2_event event) {
  struct ac_h2 *h2 = connection->h2;
  const char *farewell =
      ac_h2_guard_count(&connection->guard, &h2->config,
                        h2->runtime.now(h2->runtime.loop), event);
  if (farewell)
    ac_h2_lifetime_punish(connection, farewell);
}

/* Resets a stream; nghttp2 is to ignore the rest of its headers. */
static int reset(struct ac_h2_connection *connection, int32_t id,
                 uint32_t code) {
  nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, id, code);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int malformed(struct ac_h2_stream *stream) {
  return reset(stream->connection, stream->id, NGHTTP2_PROTOCOL_ERROR);
}

/* Without memory, before anything was done: the peer may try again. */
static int refused(struct ac_h2_connection *connection, int32_t id) {
  return reset(connection, id, NGHTTP2_REFUSED_STREAM);
}

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *user_data) {
  struct ac_h2_connection *connection = user_data;
  struct ac_h2_stream *stream;
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
    stream = find(connection, frame->hd.stream_id);
    if (stream)
      stream->trailers = true;
    return 0;
  }
  stream = ac_h2_stream_new(connection, frame->hd.stream_id);
  connection->last_id = frame->hd.stream_id;
  if (!stream)
    return refused(connection, frame->hd.stream_id);
  nghttp2_session_set_stream_user_data(session, stream->id, stream);
  connection->current = stream;
  connection->last_active = connection->last_read;
  count(connection, AC_H2_EVENT_STREAM);
  if (stream->id >= 1 << 30) /* ids run out; the client opens a connection */
    ac_h2_lifetime_goodbye(connection, "max_streams");
  return 0;
}

/* The limits are RFC 9113's measure: name, value and 32 bytes. What is over
 * them is answered with 431; what is far over them (an HPACK bomb) is not even
 * looked at. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     nghttp2_rcbuf *name_buf, nghttp2_rcbuf *value_buf,
                     uint8_t flags, void *user_data) {
  struct ac_h2_connection *connection = user_data;
  struct ac_h2 *h2 = connection->h2;
  struct ac_h2_stream *stream = find(connection, frame->hd.stream_id);
  (void)session;
  (void)flags;
  if (!stream)
    return 0;
  nghttp2_vec n = nghttp2_rcbuf_get_buf(name_buf);
  nghttp2_vec v = nghttp2_rcbuf_get_buf(value_buf);
  anycable_str name = ac_str((const char *)n.base, n.len);
  anycable_str value = ac_str((const char *)v.base, v.len);
  stream->header_bytes += name.len + value.len + 32;
  stream->header_count++;
  if (stream->header_bytes > 4 * h2->config.header_bytes) {
    count(connection, AC_H2_EVENT_GLITCH);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  if (stream->trailers)
    return ac_h2_rules_trailer(name, value) ? 0 : malformed(stream);
  if (!ac_h2_rules_header(&stream->rules, name, value))
    return malformed(stream);
  if (stream->header_bytes > h2->config.header_bytes ||
      stream->header_count > h2->config.header_count)
    return 0;
  return h2->handler->header(stream->data, name, value)
             ? 0
             : refused(connection, stream->id);
}

static void request_end(struct ac_h2_stream *stream) {
  if (!ac_h2_rules_end(&stream->rules)) {
    malformed(stream);
    return;
  }
  stream->ended = true;
  stream->connection->h2->handler->end(stream->data);
}

static void headers_received(struct ac_h2_connection *connection,
                             const nghttp2_frame *frame) {
  struct ac_h2 *h2 = connection->h2;
  struct ac_h2_stream *stream = find(connection, frame->hd.stream_id);
  if (!stream)
    return;
  bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
  if (stream->trailers) {
    if (end)
      request_end(stream);
    else
      malformed(stream);
    return;
  }
  if (!ac_h2_rules_headers_end(&stream->rules)) {
    malformed(stream);
    return;
  }
  bool large = stream->header_bytes > h2->config.header_bytes ||
               stream->header_count > h2->config.header_count;
  h2->handler->headers_end(stream->data,
                           large ? AC_H2_TOO_LARGE : AC_H2_ACCEPT);
  if (end)
    request_end(stream);
}

static void data_received(struct ac_h2_connection *connection,
                          const nghttp2_frame *frame) {
  bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
  if (frame->hd.length > frame->data.padlen)
    count(connection, AC_H2_EVENT_DATA);
  else if (!end)
    count(connection, AC_H2_EVENT_EMPTY_DATA);
  struct ac_h2_stream *stream = find(connection, frame->hd.stream_id);
  if (stream && end)
    request_end(stream);
}

static void ping_received(struct ac_h2_connection *connection,
                          const nghttp2_frame *frame) {
  if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
    connection->last_active = connection->last_read;
    count(connection, AC_H2_EVENT_PING);
    return;
  }
  if (connection->pings_out == 0) { /* nobody asked */
    count(connection, AC_H2_EVENT_GLITCH);
    return;
  }
  connection->pings_out--;
  if (connection->phase == AC_H2_NOTICE &&
      memcmp(frame->ping.opaque_data, ac_h2_drain_ping, 8) == 0) {
    ac_h2_lifetime_last_goaway(connection);
  }
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame,
                         void *user_data) {
  struct ac_h2_connection *connection = user_data;
  (void)session;
  switch (frame->hd.type) {
  case NGHTTP2_HEADERS:
    headers_received(connection, frame);
    break;
  case NGHTTP2_DATA:
    data_received(connection, frame);
    break;
  case NGHTTP2_PING:
    ping_received(connection, frame);
    break;
  case NGHTTP2_SETTINGS:
    connection->greeted = true;
    break;
  case NGHTTP2_RST_STREAM:
    count(connection, AC_H2_EVENT_RESET);
    break;
  default:
    break;
  }
  return 0;
}

/* nghttp2 tells of frames of unknown types only if somebody wants to read
 * them; nobody does. */
static int unpack_unknown(nghttp2_session *session, void **payload,
                          const nghttp2_frame_hd *hd, void *user_data) {
  (void)session;
  (void)payload;
  (void)hd;
  (void)user_data;
  return NGHTTP2_ERR_CANCEL;
}

/* Sees every frame, those too that are ignored. */
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd,
                          void *user_data) {
  struct ac_h2_connection *connection = user_data;
  (void)session;
  switch (hd->type) {
  case NGHTTP2_WINDOW_UPDATE:
  case NGHTTP2_PRIORITY:
  case NGHTTP2_GOAWAY:
    count(connection, AC_H2_EVENT_CHATTER);
    break;
  case NGHTTP2_SETTINGS:
    count(connection, AC_H2_EVENT_SETTINGS);
    break;
  case NGHTTP2_HEADERS:
    if (hd->stream_id <= connection->last_id &&
        !find(connection, hd->stream_id)) /* trailers of a dead stream */
      count(connection, AC_H2_EVENT_GLITCH);
    break;
  case NGHTTP2_DATA:
    if (!find(connection, hd->stream_id)) /* honest, for a while */
      count(connection, AC_H2_EVENT_CHATTER);
    break;
  case NGHTTP2_RST_STREAM:
  case NGHTTP2_PING:
  case NGHTTP2_CONTINUATION:
    break;
  default:
    count(connection, AC_H2_EVENT_GLITCH);
  }
  return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
                         const uint8_t *data, size_t len, void *user_data) {
  struct ac_h2_connection *connection = user_data;
  (void)session;
  (void)flags;
  connection->consumed += len;
  struct ac_h2_stream *stream = find(connection, id);
  if (!stream)
    return 0;
  if (!ac_h2_rules_body(&stream->rules, len)) {
    malformed(stream);
    return 0;
  }
  connection->h2->handler->body(stream->data, (const char *)data, len);
  return 0;
}

static int on_invalid_frame(nghttp2_session *session,
                            const nghttp2_frame *frame, int error,
                            void *user_data) {
  (void)session;
  (void)frame;
  (void)error;
  count(user_data, AC_H2_EVENT_GLITCH);
  return 0;
}

static void sent_rst(struct ac_h2_connection *connection,
                     const nghttp2_frame *frame) {
  switch (frame->rst_stream.error_code) {
  case NGHTTP2_NO_ERROR:
  case NGHTTP2_INTERNAL_ERROR:
  case NGHTTP2_CANCEL:
  case NGHTTP2_REFUSED_STREAM:
    return; /* our own doing, not the peer's */
  default:
    count(connection, AC_H2_EVENT_GLITCH);
  }
}

static void sent_answer(struct ac_h2_connection *connection,
                        const nghttp2_frame *frame) {
  ac_h2_guard_count(&connection->guard, &connection->h2->config, 0,
                    AC_H2_EVENT_SENT_DATA);
  if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
    return;
  struct ac_h2_stream *stream = find(connection, frame->hd.stream_id);
  if (stream && !stream->ended) /* answered before all was said */
    reset(connection, stream->id, NGHTTP2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame,
                         void *user_data) {
  struct ac_h2_connection *connection = user_data;
  (void)session;
  switch (frame->hd.type) {
  case NGHTTP2_HEADERS:
  case NGHTTP2_DATA:
    sent_answer(connection, frame);
    break;
  case NGHTTP2_RST_STREAM:
    sent_rst(connection, frame);
    break;
  case NGHTTP2_GOAWAY:
    ac_h2_lifetime_noticed(connection);
    break;
  default:
    break;
  }
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
                           void *user_data) {
  struct ac_h2_stream *stream =
      nghttp2_session_get_stream_user_data(session, id);
  (void)code;
  (void)user_data;
  if (stream)
    ac_h2_stream_close(stream);
  return 0;
}

bool ac_h2_callbacks_init(struct ac_h2 *h2) {
  if (nghttp2_session_callbacks_new(&h2->callbacks) != 0)
    return false;
  nghttp2_session_callbacks *c = h2->callbacks;
  nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
  nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
  nghttp2_session_callbacks_set_unpack_extension_callback(c, unpack_unknown);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
      c, on_invalid_frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
  return true;
}
