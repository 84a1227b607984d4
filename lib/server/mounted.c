/* A stream is gRPC's until its path says otherwise. That comes among the first
 * fields, of which only the method need be remembered. */
#include "server/mounted.h"

#include <stdio.h>
#include <string.h>

#include "http/body.h"
#include "server/server.h"

enum { METHOD_SIZE = 16 }; /* a longer one is none that is served */

struct http_stream {
  struct ac_http_exchange exchange;
  struct ac_h2_stream *stream;
  anycable_server *server;
  struct ac_pair *headers;
  size_t headers_room;
  int refused; /* the status it is refused with; 0 */
  bool served;
  char status[4];
  char length[24];
};

struct stream {
  anycable_server *server;
  char method[METHOD_SIZE];
  bool is_http;
  union {
    struct ac_grpc_call grpc;
    struct http_stream http;
  };
};

/* --- the answer ----------------------------------------------------------- */

static void add(struct ac_h2_field *fields, size_t *n, const char *name,
                const char *value) {
  if (value)
    fields[(*n)++] =
        (struct ac_h2_field){anycable_str_of(name), anycable_str_of(value)};
}

static void respond(struct ac_http_exchange *exchange,
                    const struct ac_http_response *response) {
  struct http_stream *http =
      ac_container_of(exchange, struct http_stream, exchange);
  struct ac_h2_field fields[5];
  size_t n = 0;
  anycable_server *server = http->server;
  if (response->status >= 400)
    ac_http_tell_error(response, ac_h2_stream_peer(http->stream),
                       &server->http2_errors, &server->log,
                       server->grpc.chatter_level);
  snprintf(http->status, sizeof(http->status), "%d", response->status);
  snprintf(http->length, sizeof(http->length), "%zu", response->body.len);
  add(fields, &n, ":status", http->status);
  add(fields, &n, "content-type", response->content_type);
  add(fields, &n, "content-length", http->length);
  add(fields, &n, "allow", response->allow);
  add(fields, &n, "www-authenticate", response->challenge ? "Bearer" : NULL);
  bool empty =
      response->body.len == 0 || anycable_str_is(exchange->method, "HEAD");
  if (empty ? !ac_h2_stream_reject(http->stream, fields, n)
            : !ac_h2_stream_respond(http->stream, fields, n, response->body,
                                    NULL, 0))
    ac_h2_stream_reset(http->stream, AC_H2_INTERNAL_ERROR);
}

static const struct ac_http_bearer bearer = {respond};

static void refuse(struct http_stream *http, int status) {
  if (http->refused)
    return;
  http->refused = status;
  ac_h2_stream_schedule(http->stream);
}

/* --- the request ---------------------------------------------------------- */

/* What was gRPC's is HTTP's from here on. */
static bool become_http(struct stream *s, anycable_str path) {
  struct ac_h2_stream *stream = s->grpc.stream;
  struct ac_arena *arena = s->grpc.arena;
  const char *end = memchr(path.ptr, '?', path.len);
  memset(&s->http, 0, sizeof(s->http));
  s->is_http = true;
  s->http.stream = stream;
  s->http.server = s->server;
  s->http.exchange.bearer = &bearer;
  s->http.exchange.arena = arena;
  if (end)
    path.len = (size_t)(end - path.ptr);
  s->http.exchange.path = ac_arena_copy(arena, path);
  return s->http.exchange.path.ptr != NULL;
}

static bool http_header(struct http_stream *http, anycable_str name,
                        anycable_str value) {
  struct ac_http_exchange *exchange = &http->exchange;
  struct ac_pair *items =
      ac_arena_grow(exchange->arena, http->headers, exchange->n_headers,
                    &http->headers_room, 8, sizeof(*items));
  if (!items)
    return false;
  items[exchange->n_headers] =
      (struct ac_pair){ac_arena_copy(exchange->arena, name),
                       ac_arena_copy(exchange->arena, value)};
  http->headers = items;
  exchange->headers = items;
  exchange->n_headers++;
  return items[exchange->n_headers - 1].value.ptr != NULL;
}

static bool begin(void *owner, void *data, struct ac_h2_stream *stream) {
  struct stream *s = data;
  s->server = owner;
  return ac_grpc_handler.begin(&s->server->grpc, &s->grpc, stream);
}

static bool header(void *data, anycable_str name, anycable_str value) {
  struct stream *s = data;
  if (name.ptr[0] == ':') {
    if (anycable_str_is(name, ":method") && value.len < METHOD_SIZE)
      memcpy(s->method, value.ptr, value.len);
    if (anycable_str_is(name, ":path") &&
        ac_http_mounted(&s->server->http, value))
      return become_http(s, value);
    if (s->is_http)
      return true;
  }
  return s->is_http ? http_header(&s->http, name, value)
                    : ac_grpc_handler.header(&s->grpc, name, value);
}

static void headers_end(void *data, enum ac_h2_verdict verdict) {
  struct stream *s = data;
  if (!s->is_http) {
    ac_grpc_handler.headers_end(&s->grpc, verdict);
    return;
  }
  s->http.exchange.method = anycable_str_of(s->method);
  if (verdict == AC_H2_TOO_LARGE)
    refuse(&s->http, 431);
  else if (!ac_arena_charge(s->http.exchange.arena,
                            s->http.exchange.arena->used))
    refuse(&s->http, 503);
}

static void http_body(struct http_stream *http, const char *bytes, size_t len) {
  if (http->refused)
    return;
  int status = ac_http_body_append(&http->exchange, bytes, len,
                                   http->server->grpc.config.message_max);
  if (status)
    refuse(http, status);
}

static void body(void *data, const char *bytes, size_t len) {
  struct stream *s = data;
  if (!s->is_http) {
    ac_grpc_handler.body(&s->grpc, bytes, len);
    return;
  }
  http_body(&s->http, bytes, len);
  ac_h2_stream_consumed(s->http.stream, len);
}

static void end(void *data) {
  struct stream *s = data;
  if (s->is_http)
    ac_h2_stream_schedule(s->http.stream);
  else
    ac_grpc_handler.end(&s->grpc);
}

static void waiting(void *data, uint64_t now) {
  struct stream *s = data;
  if (!s->is_http)
    ac_grpc_handler.waiting(&s->grpc, now);
}

/* --- outside nghttp2 ------------------------------------------------------ */

static void ready(void *data) {
  struct stream *s = data;
  if (!s->is_http) {
    ac_grpc_handler.ready(&s->grpc);
  } else if (s->http.refused) {
    ac_http_refuse(&s->http.exchange, s->http.refused);
  } else {
    s->http.served = true;
    ac_http_serve(&s->server->http, &s->http.exchange);
  }
}

static void closed(void *data) {
  struct stream *s = data;
  if (!s->is_http) {
    ac_grpc_handler.closed(&s->grpc);
    return;
  }
  bool lent = s->http.exchange.lent;
  if (s->http.served)
    ac_http_closed(&s->http.exchange);
  if (!lent)
    ac_arena_free(s->http.exchange.arena);
}

static void settled(void *owner) {
  ac_server_settled(owner);
}

const struct ac_h2_handler ac_mounted_handler = {
    .stream_size = sizeof(struct stream),
    .begin = begin,
    .header = header,
    .headers_end = headers_end,
    .body = body,
    .end = end,
    .waiting = waiting,
    .ready = ready,
    .closed = closed,
    .settled = settled,
};
