/* Streams: their memory, their answers, their end. */
#include <string.h>

#include "h2/connection.h"

enum { MOST_FIELDS = 16 };

struct ac_h2_stream *ac_h2_stream_new(struct ac_h2_connection *connection,
                                      int32_t id) {
  struct ac_h2 *h2 = connection->h2;
  size_t size = sizeof(struct ac_h2_stream) + h2->handler->stream_size;
  struct ac_h2_stream *stream = ac_h2_pool_alloc(&connection->pool, size);
  if (!stream)
    return NULL;
  memset(stream, 0, size);
  stream->connection = connection;
  stream->id = id;
  stream->began = connection->last_read;
  ac_list_init(&stream->ready);
  if (!h2->handler->begin(h2->owner, stream->data, stream)) {
    ac_h2_pool_free(&connection->pool, stream);
    return NULL;
  }
  ac_list_append(&connection->streams, &stream->link);
  connection->n_streams++;
  return stream;
}

/* Called by nghttp2, or by the end of the connection; the owner is told when
 * nghttp2 has returned. */
void ac_h2_stream_close(struct ac_h2_stream *stream) {
  struct ac_h2_connection *connection = stream->connection;
  if (connection->current == stream)
    connection->current = NULL;
  stream->gone = true;
  ac_list_remove(&stream->ready);
  ac_list_remove(&stream->link);
  ac_list_append(&connection->gone, &stream->link);
  connection->n_streams--;
  connection->last_active = ac_h2_now(connection->h2);
}

void ac_h2_streams_reap(struct ac_h2_connection *connection) {
  struct ac_list *link;
  while ((link = ac_list_shift(&connection->gone))) {
    struct ac_h2_stream *stream =
        ac_container_of(link, struct ac_h2_stream, link);
    connection->h2->handler->closed(stream->data);
    ac_h2_pool_free(&connection->pool, stream);
  }
}

void ac_h2_stream_schedule(struct ac_h2_stream *stream) {
  if (stream->gone || !ac_list_empty(&stream->ready))
    return;
  ac_list_append(&stream->connection->ready, &stream->ready);
  ac_h2_connection_touch(stream->connection);
}

static size_t to_nv(const struct ac_h2_field *fields, size_t n,
                    nghttp2_nv *nva) {
  if (n > MOST_FIELDS)
    n = MOST_FIELDS;
  for (size_t i = 0; i < n; i++) {
    nva[i].name = (uint8_t *)(uintptr_t)fields[i].name.ptr;
    nva[i].namelen = fields[i].name.len;
    nva[i].value = (uint8_t *)(uintptr_t)fields[i].value.ptr;
    nva[i].valuelen = fields[i].value.len;
    nva[i].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  }
  return n;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf,
                         size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user_data) {
  struct ac_h2_stream *stream = source->ptr;
  struct ac_h2_connection *connection = user_data;
  size_t n = stream->body.len < size ? stream->body.len : size;
  if (n == 0 && !stream->finishing) {
    stream->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (n > 0) { /* a stream may end without a word */
    memcpy(buf, stream->body.ptr, n);
    stream->body.ptr += n;
    stream->body.len -= n;
  }
  stream->progressed = ac_h2_now(connection->h2);
  if (stream->body.len == 0 && !stream->finishing)
    ac_h2_stream_schedule(stream);
  if (stream->body.len > 0 || !stream->finishing)
    return (ssize_t)n;
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream->n_tail > 0) {
    nghttp2_nv nva[MOST_FIELDS];
    size_t count = to_nv(stream->tail, stream->n_tail, nva);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (nghttp2_submit_trailer(session, id, nva, count) != 0)
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  return (ssize_t)n;
}

static bool submit(struct ac_h2_stream *stream,
                   const struct ac_h2_field *fields, size_t n, bool body) {
  struct ac_h2_connection *connection = stream->connection;
  if (stream->gone || stream->answering)
    return true; /* nobody listens any more */
  nghttp2_nv nva[MOST_FIELDS];
  size_t count = to_nv(fields, n, nva);
  nghttp2_data_provider provider = {{.ptr = stream}, read_body};
  if (nghttp2_submit_response(connection->session, stream->id, nva, count,
                              body ? &provider : NULL) != 0)
    return false;
  stream->answering = true;
  stream->progressed = ac_h2_now(connection->h2);
  ac_h2_connection_touch(connection);
  return true;
}

bool ac_h2_stream_reject(struct ac_h2_stream *stream,
                         const struct ac_h2_field *fields, size_t n) {
  return submit(stream, fields, n, false);
}

bool ac_h2_stream_respond(struct ac_h2_stream *stream,
                          const struct ac_h2_field *headers, size_t n_headers,
                          anycable_str body, const struct ac_h2_field *trailers,
                          size_t n_trailers) {
  stream->body = body;
  stream->finishing = true;
  stream->tail = trailers;
  stream->n_tail = n_trailers;
  return submit(stream, headers, n_headers, true);
}

bool ac_h2_stream_open(struct ac_h2_stream *stream,
                       const struct ac_h2_field *headers, size_t n) {
  return submit(stream, headers, n, true);
}

static bool resume(struct ac_h2_stream *stream) {
  if (stream->gone || !stream->deferred)
    return true;
  stream->deferred = false;
  ac_h2_connection_touch(stream->connection);
  return nghttp2_session_resume_data(stream->connection->session, stream->id) ==
         0;
}

bool ac_h2_stream_push(struct ac_h2_stream *stream, anycable_str body) {
  if (stream->body.len > 0)
    return false;
  stream->body = body;
  return resume(stream);
}

bool ac_h2_stream_is_sending(const struct ac_h2_stream *stream) {
  return stream->body.len > 0;
}

bool ac_h2_stream_finish(struct ac_h2_stream *stream,
                         const struct ac_h2_field *trailers, size_t n) {
  stream->finishing = true;
  stream->tail = trailers;
  stream->n_tail = n;
  return resume(stream);
}

void ac_h2_stream_reset(struct ac_h2_stream *stream, uint32_t code) {
  if (stream->gone)
    return;
  nghttp2_submit_rst_stream(stream->connection->session, NGHTTP2_FLAG_NONE,
                            stream->id, code);
  ac_h2_connection_touch(stream->connection);
}

void ac_h2_stream_consumed(struct ac_h2_stream *stream, size_t len) {
  if (!stream->gone && !stream->ended)
    nghttp2_session_consume_stream(stream->connection->session, stream->id,
                                   len);
}

bool ac_h2_stream_is_first(const struct ac_h2_stream *stream) {
  return stream->id == 1;
}

const char *ac_h2_stream_peer(const struct ac_h2_stream *stream) {
  return ac_stream_peer(stream->connection->stream);
}
