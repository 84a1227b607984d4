/* HTTP/2 for one call at a time; the only file that drives nghttp2. What the
 * answer means is decided in grpc_answer.c. */
#include "grpc_client.h"
#include "grpc_answer.h"
#include "wait.h"

#include <anycable/version.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

struct grpc_client {
  const struct address *address;
  struct connection *connection;
  nghttp2_session *session;
  bool secure;
  char authority[280];

  char first[5]; /* the first bytes that came: do they look like HTTP/2? */
  size_t first_len;
  bool going_away;
  char detail[ERROR_SIZE / 2]; /* of GOAWAY, or what nghttp2 complained of */

  const uint8_t *output; /* nghttp2's, not sent yet */
  size_t output_len;
  bool write_broken;

  /* The call at hand. */
  const struct grpc_call *call;
  struct grpc_answer answer;
  int32_t stream;
  size_t sent; /* of prefix and request */
};

static bool is_ours(const struct grpc_client *client, int32_t stream) {
  return client->call && stream == client->stream;
}

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *ctx) {
  struct grpc_client *client = ctx;

  (void)session;
  if (is_ours(client, frame->hd.stream_id))
    grpc_answer_begin_headers(&client->answer);
  return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *ctx) {
  struct grpc_client *client = ctx;

  (void)session, (void)name_len, (void)value_len, (void)flags;
  /* nghttp2 lets no NUL in, and puts one behind. */
  if (is_ours(client, frame->hd.stream_id))
    grpc_answer_header(&client->answer, (const char *)name,
                       (const char *)value);
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                   const uint8_t *data, size_t len, void *ctx) {
  struct grpc_client *client = ctx;

  (void)session, (void)flags;
  if (is_ours(client, stream))
    grpc_answer_data(&client->answer, data, len);
  return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *ctx) {
  struct grpc_client *client = ctx;
  bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

  (void)session;
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    client->going_away = true;
    snprintf(client->detail, sizeof client->detail, "%.*s",
             (int)frame->goaway.opaque_data_len,
             (const char *)frame->goaway.opaque_data);
  }
  if (!is_ours(client, frame->hd.stream_id))
    return 0;
  if (frame->hd.type == NGHTTP2_HEADERS)
    grpc_answer_end_headers(&client->answer, end);
  if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
      end)
    grpc_answer_end(&client->answer);
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream,
                           uint32_t code, void *ctx) {
  struct grpc_client *client = ctx;

  (void)session;
  if (!is_ours(client, stream))
    return 0;
  if (client->going_away && code == NGHTTP2_REFUSED_STREAM)
    grpc_answer_fail(&client->answer, GRPC_UNAVAILABLE, "%s is going away%s%s",
                     client->address->text, client->detail[0] ? ": " : "",
                     client->detail);
  else
    grpc_answer_fail(&client->answer, grpc_code_of_reset(code),
                     "the call was reset: %s%s%s", nghttp2_http2_strerror(code),
                     client->detail[0] ? ", " : "", client->detail);
  return 0;
}

static int on_error(nghttp2_session *session, int code, const char *text,
                    size_t len, void *ctx) {
  struct grpc_client *client = ctx;

  (void)session, (void)code;
  snprintf(client->detail, sizeof client->detail, "%.*s", (int)len, text);
  return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream,
                            uint8_t *out, size_t size, uint32_t *flags,
                            nghttp2_data_source *source, void *ctx) {
  struct grpc_client *client = ctx;
  const struct grpc_call *call = client->call;
  size_t len, total, done = 0;
  uint8_t prefix[5];

  (void)session, (void)source;
  if (!is_ours(client, stream))
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  len = call->request_len;
  total = sizeof prefix + len;
  prefix[0] = 0;
  for (int i = 1; i < 5; i++)
    prefix[i] = (uint8_t)(len >> (8 * (4 - i)));

  while (done < size && client->sent < sizeof prefix)
    out[done++] = prefix[client->sent++];
  if (done < size && client->sent < total) {
    size_t n = total - client->sent;
    if (n > size - done)
      n = size - done;
    memcpy(out + done, call->request + (client->sent - sizeof prefix), n);
    done += n;
    client->sent += n;
  }
  if (client->sent == total)
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)done;
}

static void new_session(struct grpc_client *client) {
  nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};
  nghttp2_session_callbacks *callbacks = NULL;

  nghttp2_session_callbacks_new(&callbacks);
  text_must(callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                          on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         on_stream_close);
  nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
  nghttp2_session_client_new(&client->session, callbacks, client);
  nghttp2_session_callbacks_del(callbacks);
  text_must(client->session);
  nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, settings, 2);
}

struct grpc_client *grpc_client_new(const struct address *address,
                                    const struct tls *tls, int64_t deadline,
                                    struct grpc_status *status) {
  struct grpc_client *client = text_must(calloc(1, sizeof *client));
  bool v6 = strchr(address->host, ':') != NULL;

  client->address = address;
  client->secure = tls != NULL;
  snprintf(client->authority, sizeof client->authority, "%s%s%s%s%s",
           v6 ? "[" : "", address->host, v6 ? "]" : "",
           address->path ? "" : ":", address->port);
  client->connection = connection_open(address, tls, deadline, status);
  if (!client->connection) {
    grpc_client_free(client);
    return NULL;
  }
  new_session(client);
  return client;
}

/* Writes what nghttp2 has to say, as far as it goes. What is written once the
 * other side is gone fails; but its last words may be waiting to be read. */
static bool send_output(struct grpc_client *client) {
  bool moved = false;

  while (!client->write_broken) {
    ssize_t n;

    if (client->output_len == 0) {
      n = nghttp2_session_mem_send(client->session, &client->output);
      if (n <= 0)
        return moved;
      client->output_len = (size_t)n;
    }
    n = connection_write(client->connection, client->output,
                         client->output_len);
    if (n == CONNECTION_AGAIN)
      return moved;
    if (n < 0) {
      client->write_broken = true;
    } else {
      client->output += n;
      client->output_len -= (size_t)n;
      moved = true;
    }
  }
  return moved;
}

static bool looks_like(const struct grpc_client *client, const char *begin) {
  size_t len = strlen(begin);

  return client->first_len >= len && memcmp(client->first, begin, len) == 0;
}

/* The connection is of no use any more: says why, as far as one can see. */
static void lose(struct grpc_client *client, const char *reason) {
  const char *peer = client->address->text;
  struct grpc_answer *answer = &client->answer;

  if (looks_like(client, "HTTP/"))
    grpc_answer_fail(answer, GRPC_UNAVAILABLE,
                     "%s speaks HTTP/1.1, gRPC needs HTTP/2", peer);
  else if (!client->secure && looks_like(client, "\x15\x03"))
    grpc_answer_fail(answer, GRPC_UNAVAILABLE,
                     "%s speaks TLS: try --tls or --ca", peer);
  else if (client->going_away)
    grpc_answer_fail(answer, GRPC_UNAVAILABLE, "%s is going away%s%s", peer,
                     client->detail[0] ? ": " : "", client->detail);
  else
    grpc_answer_fail(answer, GRPC_UNAVAILABLE, "%s: %s%s%s", peer, reason,
                     client->detail[0] ? ": " : "", client->detail);
}

/* Reads what is there and lets nghttp2 take it. */
static bool receive_input(struct grpc_client *client) {
  uint8_t buffer[16384];
  ssize_t n = connection_read(client->connection, buffer, sizeof buffer);

  if (n == CONNECTION_AGAIN)
    return false;
  if (n < 0) {
    lose(client, connection_error(client->connection));
    return true;
  }
  if (n == 0) {
    lose(client, "closed the connection before the answer");
    return true;
  }
  for (ssize_t i = 0; i < n && client->first_len < sizeof client->first; i++)
    client->first[client->first_len++] = (char)buffer[i];
  n = nghttp2_session_mem_recv(client->session, buffer, (size_t)n);
  if (n < 0)
    lose(client, nghttp2_strerror((int)n));
  return true;
}

static void exchange(struct grpc_client *client, int64_t deadline) {
  while (!client->answer.ended) {
    bool moved = send_output(client);

    /* nghttp2 has sent a GOAWAY for the server's mistake. */
    if (!nghttp2_session_want_read(client->session))
      lose(client, "breaks the rules of HTTP/2");
    if (receive_input(client) || moved)
      continue;
    if (!connection_wait(client->connection,
                         client->output_len > 0 && !client->write_broken,
                         deadline))
      grpc_answer_fail(&client->answer, GRPC_DEADLINE_EXCEEDED,
                       "no answer in time from %s%s", client->address->text,
                       client->first_len ? ""
                                         : ", which takes connections but "
                                           "sends nothing");
  }
}

void grpc_client_free(struct grpc_client *client) {
  if (!client)
    return;
  if (client->session) {
    /* Farewell, if it can be said without waiting. */
    nghttp2_session_terminate_session(client->session, NGHTTP2_NO_ERROR);
    send_output(client);
    nghttp2_session_del(client->session);
  }
  connection_close(client->connection);
  free(client);
}

static nghttp2_nv header(const char *name, const char *value) {
  return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                      .value = (uint8_t *)(uintptr_t)value,
                      .namelen = strlen(name),
                      .valuelen = strlen(value)};
}

static int32_t submit(struct grpc_client *client,
                      const struct grpc_call *call) {
  nghttp2_data_provider body = {.read_callback = read_request};
  nghttp2_nv *headers =
      text_must(calloc(call->metadata_count + 8, sizeof *headers));
  char timeout[32];
  size_t n = 0;
  int32_t stream;

  headers[n++] = header(":method", "POST");
  headers[n++] = header(":scheme", client->secure ? "https" : "http");
  headers[n++] = header(":path", call->method);
  headers[n++] = header(":authority", client->authority);
  headers[n++] = header("content-type", "application/grpc");
  headers[n++] = header("user-agent", "anycable/" ANYCABLE_VERSION_STRING);
  headers[n++] = header("te", "trailers");
  if (call->deadline >= 0) {
    /* At most eight digits, by the rules: target.c allows a day. */
    int64_t left = call->deadline - clock_now();
    snprintf(timeout, sizeof timeout, "%" PRId64 "m", left > 0 ? left : 1);
    headers[n++] = header("grpc-timeout", timeout);
  }
  for (size_t i = 0; i < call->metadata_count; i++)
    headers[n++] = header(call->metadata[i].name, call->metadata[i].value);
  stream =
      nghttp2_submit_request(client->session, NULL, headers, n, &body, NULL);
  free(headers);
  return stream;
}

bool grpc_client_stream(struct grpc_client *client,
                        const struct grpc_call *call,
                        struct grpc_status *status) {
  grpc_answer_init(&client->answer, call);
  client->call = call;
  client->sent = 0;
  client->stream = submit(client, call);
  if (client->stream < 0)
    grpc_answer_fail(&client->answer, GRPC_UNAVAILABLE, "%s: %s",
                     client->address->text, nghttp2_strerror(client->stream));
  exchange(client, call->deadline);

  /* Trailers may come before the request is out, and a failure of ours before
   * the trailers: the server need not go on. */
  if (nghttp2_session_get_stream_local_close(client->session, client->stream) >=
      0)
    nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE,
                              client->stream, NGHTTP2_CANCEL);
  client->call = NULL;
  *status = client->answer.status;
  grpc_answer_deinit(&client->answer);
  return status->code == GRPC_OK;
}

struct unary {
  const struct grpc_call *call;
  uint8_t *data;
  size_t len;
  int count;
};

static bool keep_message(const uint8_t *data, size_t len,
                         struct grpc_status *status, void *ctx) {
  struct unary *unary = ctx;

  if (unary->count++ > 0)
    return grpc_status_set(status, GRPC_UNIMPLEMENTED,
                           "the server answers with more than one message");
  unary->data = text_must(malloc(len + 1));
  memcpy(unary->data, data, len);
  unary->len = len;
  return true;
}

bool grpc_client_unary(struct grpc_client *client, const struct grpc_call *call,
                       struct grpc_status *status) {
  struct unary unary = {.call = call};
  struct grpc_call inner = *call;
  bool ok;

  inner.on_message = keep_message;
  inner.ctx = &unary;
  ok = grpc_client_stream(client, &inner, status);
  if (ok && unary.count == 0)
    ok = grpc_status_set(status, GRPC_UNIMPLEMENTED,
                         "the server answers without a message");
  if (ok)
    ok = call->on_message(unary.data, unary.len, status, call->ctx);
  free(unary.data);
  return ok;
}
