#include "http/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/list.h"

enum {
  READ_SIZE = 8192, /* at a time, and ahead of a request that is under way */
  TURNS = 16,       /* reads before others have theirs */
  OUT_KEEP = 64 * 1024
};

#define LINGER_TIME AC_SECOND

enum phase {
  WAITING,   /* for a request to begin */
  READING,   /* one */
  SERVING,   /* it */
  ANSWERED,  /* and the answer is not all sent */
  LINGERING, /* the last word is said; the peer may read it */
  DEAD
};

struct ac_http1 {
  struct ac_http1_config config;
  struct ac_arena_pool *arenas;
  struct ac_runtime runtime;
  struct ac_log log;
  struct ac_list connections;
  struct ac_list dirty;
  struct ac_traffic traffic;
  ac_counter errors;    /* answers of 400 and above */
  uint64_t draining;    /* since when; 0: not */
  struct ac_buffer out; /* an answer that is being put together */
  char in[READ_SIZE];
};

struct connection {
  struct ac_list link;
  struct ac_list dirty; /* in the list of those that go on in a flush */
  struct ac_http1 *http1;
  struct ac_http_service *service;
  struct ac_stream *stream;
  struct ac_timer timer;
  enum phase phase;
  uint64_t since; /* the phase, or progress in it */
  bool in_turn;
  bool used;              /* a request has come */
  bool close;             /* behind the answer */
  struct ac_buffer ahead; /* read behind the request */
  struct ac_buffer unsent;
  struct ac_http_reader reader;
  struct ac_http_exchange exchange;
};

static const struct ac_http_bearer bearer;

static uint64_t now(const struct ac_http1 *http1) {
  return http1->runtime.now(http1->runtime.loop);
}

static void enter(struct connection *connection, enum phase phase) {
  connection->phase = phase;
  connection->since = now(connection->http1);
}

/* --- time ----------------------------------------------------------------- */

static uint64_t due(const struct connection *connection) {
  const struct ac_http1 *http1 = connection->http1;
  const struct ac_http1_config *config = &http1->config;
  uint64_t since = connection->since;
  uint64_t time = UINT64_MAX;
  switch (connection->phase) {
  case WAITING:
    time = connection->used ? config->idle_time : config->handshake_time;
    if (http1->draining && (!time || time > AC_HTTP1_LAST_CALLS)) {
      time = AC_HTTP1_LAST_CALLS;
      since = since > http1->draining ? since : http1->draining;
    }
    break;
  case READING:
    time = config->request_time;
    break;
  case ANSWERED:
    time = config->send_time;
    break;
  case LINGERING:
    time = LINGER_TIME;
    break;
  case SERVING: /* a call has a deadline of its own */
  case DEAD:
    break;
  }
  return time && time < UINT64_MAX - since ? since + time : UINT64_MAX;
}

/* The timer is moved only to fire earlier: when it fires too early, it is set
 * again. So a busy connection pays nothing for it. */
static void arm(struct connection *connection) {
  const struct ac_runtime *runtime = &connection->http1->runtime;
  uint64_t at = due(connection);
  if (connection->timer.slot != 0 && at >= connection->timer.at)
    return;
  if (runtime->timer_set(runtime->loop, &connection->timer, at) != 0)
    connection->phase = DEAD;
}

/* --- life ----------------------------------------------------------------- */

/* Lets go of the request at hand. */
static void finish_exchange(struct connection *connection) {
  struct ac_arena *arena =
      connection->exchange.lent ? NULL : connection->exchange.arena;
  ac_http_closed(&connection->exchange);
  ac_arena_free(arena);
  memset(&connection->exchange, 0, sizeof(connection->exchange));
}

static void destroy(struct connection *connection) {
  struct ac_http1 *http1 = connection->http1;
  finish_exchange(connection);
  ac_list_remove(&connection->link);
  ac_list_remove(&connection->dirty);
  ac_count(&http1->traffic.closed, 1);
  http1->runtime.timer_clear(http1->runtime.loop, &connection->timer);
  ac_log_write(&http1->log, http1->config.chatter_level, "http: %s closed",
               ac_stream_peer(connection->stream));
  ac_stream_free(connection->stream);
  ac_buffer_deinit(&connection->ahead);
  ac_buffer_deinit(&connection->unsent);
  free(connection);
}

/* Has the connection looked at in the next flush, unless it is in its turn. */
static void touch(struct connection *connection) {
  if (!connection->in_turn && ac_list_empty(&connection->dirty))
    ac_list_append(&connection->http1->dirty, &connection->dirty);
}

static void kill(struct connection *connection) {
  connection->phase = DEAD;
  touch(connection);
}

static void fire(struct ac_timer *timer) {
  struct connection *connection =
      ac_container_of(timer, struct connection, timer);
  if (now(connection->http1) < due(connection)) {
    arm(connection);
    if (connection->phase != DEAD)
      return;
  }
  if (connection->phase == READING) { /* who sends slowly may be told so */
    connection->close = true;
    enter(connection, SERVING);
    ac_http_refuse(&connection->exchange, 408);
    touch(connection);
  } else {
    kill(connection);
  }
}

/* --- answers -------------------------------------------------------------- */

/* What cannot be sent now is kept; nothing is read until it is gone. */
static void put_out(struct connection *connection, const char *data,
                    size_t len) {
  ssize_t n = ac_stream_write(connection->stream, data, len);
  if (n == AC_STREAM_FAILED) {
    kill(connection);
    return;
  }
  size_t sent = n > 0 ? (size_t)n : 0;
  ac_count(&connection->http1->traffic.sent, sent);
  if (sent == len && ac_stream_unsent(connection->stream) == 0)
    return;
  if (!ac_buffer_append(&connection->unsent, data + sent, len - sent))
    kill(connection);
  else
    ac_stream_interest(connection->stream, false, true);
}

static bool is_sent(const struct connection *connection) {
  return ac_buffer_len(&connection->unsent) == 0 &&
         ac_stream_unsent(connection->stream) == 0;
}

/* Room for all that is in front of a body; what is put there are constants. */
enum { HEAD = 512 };

static inline char *put(char *at, const char *text) {
  size_t len = strlen(text);
  memcpy(at, text, len);
  return at + len;
}

static char *put_number(char *at, size_t number) {
  char digits[24];
  size_t n = sizeof(digits);
  do
    digits[--n] = (char)('0' + number % 10);
  while (number /= 10);
  memcpy(at, digits + n, sizeof(digits) - n);
  return at + sizeof(digits) - n;
}

/* One of a few lines that an answer may have. */
static inline char *put_line(char *at, const char *name, const char *value) {
  return value ? put(put(put(at, name), value), "\r\n") : at;
}

static char *put_head(char *at, const struct ac_http_response *response,
                      bool close) {
  at = put_number(put(at, "HTTP/1.1 "), (size_t)response->status);
  at = put_line(put(at, " "), "", response->reason);
  at = put_line(at, "Content-Type: ", response->content_type);
  at = put_line(at, "Allow: ", response->allow);
  at =
      put_line(at, "WWW-Authenticate: ", response->challenge ? "Bearer" : NULL);
  at = put_line(at, "Connection: ", close ? "close" : NULL);
  at = put_number(put(at, "Content-Length: "), response->body.len);
  return put(at, "\r\n\r\n");
}

static void respond(struct ac_http_exchange *exchange,
                    const struct ac_http_response *response) {
  struct connection *connection =
      ac_container_of(exchange, struct connection, exchange);
  struct ac_http1 *http1 = connection->http1;
  struct ac_buffer *out = &http1->out;
  anycable_str body = response->body;
  char *begin = ac_buffer_reserve(out, HEAD + body.len);
  if (!begin) {
    kill(connection);
    return;
  }
  connection->close = connection->close || http1->draining != 0;
  if (response->status >= 400)
    ac_http_tell_error(response, ac_stream_peer(connection->stream),
                       &http1->errors, &http1->log,
                       http1->config.chatter_level);
  char *end = put_head(begin, response, connection->close);
  if (body.len > 0 && !anycable_str_is(exchange->method, "HEAD")) {
    memcpy(end, body.ptr, body.len);
    end += body.len;
  }
  enter(connection, ANSWERED);
  put_out(connection, begin, (size_t)(end - begin));
  ac_buffer_consume(out, 0, OUT_KEEP);
  touch(connection);
}

static const struct ac_http_bearer bearer = {respond};

/* --- requests ------------------------------------------------------------- */

static bool begin_request(struct connection *connection) {
  struct ac_http1 *http1 = connection->http1;
  struct ac_http_exchange *exchange = &connection->exchange;
  exchange->bearer = &bearer;
  exchange->arena = ac_arena_new(http1->arenas, http1->config.arena_cap);
  if (!exchange->arena)
    return false;
  exchange->method = exchange->path = ac_str_empty();
  ac_http_reader_init(&connection->reader, &http1->config.limits, exchange);
  connection->used = true;
  enter(connection, READING);
  return true;
}

static void serve(struct connection *connection, int status) {
  connection->close = connection->close || connection->reader.close || status;
  enter(connection, SERVING);
  if (status)
    ac_http_refuse(&connection->exchange, status);
  else
    ac_http_serve(connection->service, &connection->exchange);
}

/* Reads on in the request at hand, or begins with one; returns how many bytes
 * that took. */
static size_t take(struct connection *connection, const char *data,
                   size_t len) {
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
  struct ac_http_reader *reader = &connection->reader;
  size_t taken = 0;
  if (connection->phase == WAITING && !begin_request(connection)) {
    connection->phase = DEAD;
    return len;
  }
  int status = ac_http_read(reader, data, len, &taken);
  if (status || reader->phase == AC_HTTP_COMPLETE) {
    serve(connection, status);
  } else if (reader->continues) {
    reader->continues = false;
    if (reader->exchange->body_len == 0)
      put_out(connection, go_on, sizeof(go_on) - 1);
  }
  return taken;
}

static bool takes_requests(const struct connection *connection) {
  return connection->phase == WAITING || connection->phase == READING;
}

/* The answer is sent: on to the next request, or the end. */
static void move_on(struct connection *connection) {
  if (connection->phase != ANSWERED || !is_sent(connection))
    return;
  finish_exchange(connection);
  if (connection->close) {
    ac_stream_shutdown(connection->stream);
    ac_buffer_deinit(&connection->ahead);
    enter(connection, LINGERING);
  } else {
    enter(connection, WAITING);
  }
}

/* Takes what was read, in as many requests as there are. */
static void digest(struct connection *connection, const char *data,
                   size_t len) {
  while (len > 0 && takes_requests(connection)) {
    size_t n = take(connection, data, len);
    data += n;
    len -= n;
    move_on(connection);
  }
  if (connection->phase == LINGERING || connection->phase == DEAD || len == 0)
    return;
  if (!ac_buffer_append(&connection->ahead, data, len))
    connection->phase = DEAD;
}

static void digest_ahead(struct connection *connection) {
  if (ac_buffer_len(&connection->ahead) == 0 || !takes_requests(connection))
    return;
  struct ac_buffer ahead = connection->ahead;
  memset(&connection->ahead, 0, sizeof(connection->ahead));
  digest(connection, ahead.data + ahead.start, ac_buffer_len(&ahead));
  ac_buffer_deinit(&ahead);
}

/* --- turns ---------------------------------------------------------------- */

/* Whether more may be read, without keeping ever more of it. */
static bool has_room(const struct connection *connection) {
  return connection->phase != DEAD && is_sent(connection) &&
         ac_buffer_len(&connection->ahead) < READ_SIZE;
}

static void turn_end(struct connection *connection) {
  move_on(connection);
  digest_ahead(connection);
  if (connection->phase != DEAD)
    arm(connection);
  connection->in_turn = false;
  if (connection->phase == DEAD)
    destroy(connection);
  else if (is_sent(connection))
    ac_stream_interest(connection->stream, has_room(connection), false);
}

/* The end, also of a client whose call is under way: that is given up. */
static void readable(void *owner) {
  struct connection *connection = owner;
  struct ac_http1 *http1 = connection->http1;
  connection->in_turn = true;
  for (int i = 0; i < TURNS && has_room(connection); i++) {
    ssize_t n =
        ac_stream_read(connection->stream, http1->in, sizeof(http1->in));
    if (n == AC_STREAM_AGAIN)
      break;
    if (n <= 0) {
      connection->phase = DEAD;
      break;
    }
    ac_count(&http1->traffic.received, (uint64_t)n);
    if (connection->phase != LINGERING) /* read only to see the end */
      digest(connection, http1->in, (size_t)n);
    if ((size_t)n < sizeof(http1->in) && !ac_stream_pending(connection->stream))
      break;
  }
  turn_end(connection);
}

static void writable(void *owner) {
  struct connection *connection = owner;
  struct ac_buffer unsent = connection->unsent;
  connection->in_turn = true;
  memset(&connection->unsent, 0, sizeof(connection->unsent));
  connection->since = now(connection->http1);
  put_out(connection, unsent.data ? unsent.data + unsent.start : "",
          ac_buffer_len(&unsent));
  ac_buffer_deinit(&unsent);
  turn_end(connection);
}

void ac_http1_flush(struct ac_http1 *http1) {
  struct ac_list *link;
  while (http1 && (link = ac_list_shift(&http1->dirty))) {
    struct connection *connection =
        ac_container_of(link, struct connection, dirty);
    connection->in_turn = true;
    turn_end(connection);
  }
}

/* --- all of them ---------------------------------------------------------- */

struct ac_http1 *ac_http1_new(const struct ac_http1_config *config,
                              struct ac_arena_pool *arenas,
                              const struct ac_runtime *runtime,
                              const struct ac_log *log) {
  struct ac_http1 *http1 = calloc(1, sizeof(*http1));
  if (!http1)
    return NULL;
  http1->config = *config;
  http1->arenas = arenas;
  http1->runtime = *runtime;
  http1->log = *log;
  ac_list_init(&http1->connections);
  ac_list_init(&http1->dirty);
  return http1;
}

void ac_http1_free(struct ac_http1 *http1) {
  if (!http1)
    return;
  ac_http1_close_all(http1);
  ac_buffer_deinit(&http1->out);
  free(http1);
}

bool ac_http1_accept(struct ac_http1 *http1, struct ac_stream *stream,
                     struct ac_http_service *service) {
  struct connection *connection = calloc(1, sizeof(*connection));
  const struct ac_stream_owner owner = {connection, readable, writable};
  if (!connection) {
    ac_stream_free(stream);
    return false;
  }
  connection->http1 = http1;
  connection->service = service;
  connection->stream = stream;
  connection->timer.fire = fire;
  ac_list_init(&connection->dirty);
  ac_list_append(&http1->connections, &connection->link);
  ac_count(&http1->traffic.opened, 1);
  ac_log_write(&http1->log, http1->config.chatter_level, "http: %s connected",
               ac_stream_peer(stream));
  enter(connection, WAITING);
  ac_stream_set_owner(stream, &owner);
  arm(connection);
  if (connection->phase != DEAD)
    return true;
  destroy(connection);
  return false;
}

size_t ac_http1_connections(const struct ac_http1 *http1) {
  return http1 ? (size_t)(ac_counted(&http1->traffic.opened) -
                          ac_counted(&http1->traffic.closed))
               : 0;
}

const struct ac_traffic *ac_http1_traffic(const struct ac_http1 *http1) {
  return &http1->traffic;
}

uint64_t ac_http1_errors(const struct ac_http1 *http1) {
  return http1 ? ac_counted(&http1->errors) : 0;
}

void ac_http1_drain(struct ac_http1 *http1) {
  if (!http1)
    return;
  http1->draining = http1->runtime.now(http1->runtime.loop);
  for (struct ac_list *l = http1->connections.next; l != &http1->connections;
       l = l->next)
    touch(ac_container_of(l, struct connection, link));
}

void ac_http1_close_all(struct ac_http1 *http1) {
  while (http1 && !ac_list_empty(&http1->connections))
    destroy(ac_container_of(http1->connections.next, struct connection, link));
}
