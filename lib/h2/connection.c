/* Connections: turns of reading, running and writing. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "h2/connection.h"

static void turn(void *owner);
static void writable(void *owner);

struct ac_h2 *ac_h2_new(const struct ac_h2_config *config,
                        const struct ac_h2_handler *handler, void *owner,
                        const struct ac_runtime *runtime,
                        const struct ac_log *log) {
  struct ac_h2 *h2 = calloc(1, sizeof(*h2));
  if (!h2)
    return NULL;
  h2->config = *config;
  h2->handler = handler;
  h2->owner = owner;
  h2->runtime = *runtime;
  h2->log = *log;
  h2->random = (uint32_t)ac_clock_now() | 1;
  ac_list_init(&h2->connections);
  ac_list_init(&h2->dirty);
  if (!ac_h2_callbacks_init(h2) || nghttp2_option_new(&h2->option) != 0) {
    ac_h2_free(h2);
    return NULL;
  }
  nghttp2_option_set_no_auto_window_update(h2->option, 1);
  nghttp2_option_set_no_http_messaging(h2->option, 1); /* rules.c does it */
  nghttp2_option_set_no_closed_streams(h2->option, 1);
  nghttp2_option_set_max_continuations(h2->option, 4);
  for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= 0xff; type++)
    nghttp2_option_set_user_recv_extension_type(h2->option, (uint8_t)type);
  /* guard.c counts resets; nghttp2's own count must not come first. */
  nghttp2_option_set_stream_reset_rate_limit(
      h2->option, 2 * (uint64_t)h2->config.resets + 1000,
      2 * (uint64_t)h2->config.resets_rate + 1000);
  return h2;
}

void ac_h2_free(struct ac_h2 *h2) {
  if (!h2)
    return;
  ac_h2_close_all(h2);
  nghttp2_session_callbacks_del(h2->callbacks);
  nghttp2_option_del(h2->option);
  free(h2);
}

size_t ac_h2_connections(const struct ac_h2 *h2) {
  return (size_t)(ac_counted(&h2->traffic.opened) -
                  ac_counted(&h2->traffic.closed));
}

const struct ac_traffic *ac_h2_traffic(const struct ac_h2 *h2) {
  return &h2->traffic;
}

static bool session_begin(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  if (nghttp2_session_server_new3(&connection->session, h2->callbacks,
                                  connection, h2->option,
                                  &connection->pool.mem) != 0)
    return false;
  nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h2->config.streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       (uint32_t)h2->config.header_bytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  return nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE,
                                 settings,
                                 sizeof(settings) / sizeof(settings[0])) == 0 &&
         nghttp2_session_set_local_window_size(
             connection->session, NGHTTP2_FLAG_NONE, 0, AC_H2_WINDOW) == 0;
}

/* Tells the owner of all that ends, then frees. Never inside a turn. */
static void destroy(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  ac_h2_lifetime_end(connection);
  connection->phase = AC_H2_DEAD;
  while (!ac_list_empty(&connection->streams))
    ac_h2_stream_close(
        ac_container_of(connection->streams.next, struct ac_h2_stream, link));
  ac_h2_streams_reap(connection);
  ac_list_remove(&connection->dirty);
  if (!ac_list_empty(&connection->link)) {
    ac_list_remove(&connection->link);
    ac_count(&h2->traffic.closed, 1);
    ac_log_write(&h2->log, h2->config.chatter_level, "http2: %s closed",
                 ac_stream_peer(connection->stream));
  }
  nghttp2_session_del(connection->session);
  ac_stream_free(connection->stream);
  ac_buffer_deinit(&connection->out);
  ac_h2_pool_deinit(&connection->pool);
  free(connection);
}

bool ac_h2_accept(struct ac_h2 *h2, struct ac_stream *stream) {
  struct ac_h2_connection *connection = calloc(1, sizeof(*connection));
  const struct ac_stream_owner owner = {connection, turn, writable};
  if (!connection) {
    ac_stream_free(stream);
    return false;
  }
  ac_stream_set_owner(stream, &owner);
  connection->h2 = h2;
  connection->stream = stream;
  ac_list_init(&connection->link);
  ac_list_init(&connection->dirty);
  ac_list_init(&connection->streams);
  ac_list_init(&connection->ready);
  ac_list_init(&connection->gone);
  ac_h2_pool_init(&connection->pool);
  ac_h2_guard_init(&connection->guard);
  if (!session_begin(connection)) {
    destroy(connection);
    return false;
  }
  ac_list_append(&h2->connections, &connection->link);
  ac_count(&h2->traffic.opened, 1);
  ac_log_write(&h2->log, h2->config.chatter_level, "http2: %s connected",
               ac_stream_peer(stream));
  ac_h2_lifetime_begin(connection);
  ac_h2_connection_touch(connection); /* SETTINGS go out at once */
  return true;
}

/* --- writing ------------------------------------------------------------- */

/* Writes what it can. What cannot be written is kept, and blocks the
 * connection: nothing more is read from a peer that does not read. */
static void put_out(struct ac_h2_connection *connection, const char *data,
                    size_t len) {
  struct ac_h2 *h2 = connection->h2;
  ssize_t n = ac_stream_write(connection->stream, data, len);
  if (n == AC_STREAM_FAILED) {
    connection->phase = AC_H2_DEAD;
    return;
  }
  size_t taken = n > 0 ? (size_t)n : 0;
  ac_count(&h2->traffic.sent, taken);
  if (taken > 0)
    connection->last_sent = ac_h2_now(h2);
  if (taken == len && ac_stream_unsent(connection->stream) == 0)
    return;
  if (!ac_buffer_append(&connection->out, data + taken, len - taken)) {
    connection->phase = AC_H2_DEAD;
    return;
  }
  if (!connection->blocked)
    connection->last_sent = ac_h2_now(h2);
  connection->blocked = true;
  ac_stream_interest(connection->stream, false, true);
}

/* Collects all that nghttp2 has to say in one write, or several of 64 KiB. */
static void flush(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  size_t len = 0;
  while (!connection->blocked && connection->phase != AC_H2_DEAD) {
    const uint8_t *data;
    ssize_t n = nghttp2_session_mem_send(connection->session, &data);
    if (n < 0) {
      connection->phase = AC_H2_DEAD;
      return;
    }
    if (n > 0 && len + (size_t)n <= sizeof(h2->out)) {
      memcpy(h2->out + len, data, (size_t)n);
      len += (size_t)n;
      continue;
    }
    if (len > 0)
      put_out(connection, h2->out, len);
    len = 0;
    if (n == 0)
      break;
    /* The frame at hand is gone from nghttp2, so it must go somewhere. */
    if (connection->blocked) {
      if (!ac_buffer_append(&connection->out, data, (size_t)n))
        connection->phase = AC_H2_DEAD;
    } else if ((size_t)n <= sizeof(h2->out)) {
      memcpy(h2->out, data, (size_t)n);
      len = (size_t)n;
    } else {
      put_out(connection, (const char *)data, (size_t)n);
    }
  }
}

/* --- turns --------------------------------------------------------------- */

static void run_ready(struct ac_h2_connection *connection) {
  struct ac_list *link;
  while ((link = ac_list_shift(&connection->ready))) {
    struct ac_h2_stream *stream =
        ac_container_of(link, struct ac_h2_stream, ready);
    connection->h2->handler->ready(stream->data);
  }
}

/* Runs what is ready and puts it out, until nothing is left to do. */
static void settle(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  do {
    run_ready(connection);
    h2->handler->settled(h2->owner);
    flush(connection);
    ac_h2_streams_reap(connection);
  } while (connection->phase != AC_H2_DEAD &&
           !ac_list_empty(&connection->ready));
}

/* A session that wants nothing any more has said its last word: the peer gets
 * a second to read it before the socket goes. */
static void linger(struct ac_h2_connection *connection) {
  if (connection->phase >= AC_H2_LINGER || connection->blocked)
    return;
  bool over = (connection->punished || (connection->phase == AC_H2_LAST &&
                                        connection->n_streams == 0)) &&
              !nghttp2_session_want_write(connection->session);
  if (!over && (nghttp2_session_want_read(connection->session) ||
                nghttp2_session_want_write(connection->session)))
    return;
  connection->phase = AC_H2_LINGER;
  connection->phase_since = ac_h2_now(connection->h2);
  ac_stream_shutdown(connection->stream);
}

static void turn_end(struct ac_h2_connection *connection) {
  linger(connection);
  connection->in_turn = false;
  if (connection->phase == AC_H2_DEAD)
    destroy(connection);
  else
    ac_h2_lifetime_turn(connection);
}

static void take(struct ac_h2_connection *connection, const char *data,
                 size_t len) {
  if (connection->phase == AC_H2_LINGER)
    return; /* read only to see the end */
  ssize_t n =
      nghttp2_session_mem_recv(connection->session, (const uint8_t *)data, len);
  if (connection->consumed > 0) {
    nghttp2_session_consume_connection(connection->session,
                                       connection->consumed);
    connection->consumed = 0;
  }
  if (n >= 0)
    return;
  ac_log_write(&connection->h2->log, connection->h2->config.chatter_level,
               "http2: %s: %s", ac_stream_peer(connection->stream),
               nghttp2_strerror((int)n));
  flush(connection);
  connection->phase = AC_H2_DEAD;
}

static void turn(void *owner) {
  struct ac_h2_connection *connection = owner;
  struct ac_h2 *h2 = connection->h2;
  connection->in_turn = true;
  for (int i = 0; i < AC_H2_TURNS; i++) {
    ssize_t n = ac_stream_read(connection->stream, h2->in, sizeof(h2->in));
    if (n == AC_STREAM_AGAIN)
      break;
    if (n <= 0) {
      connection->phase = AC_H2_DEAD;
      break;
    }
    connection->last_read = ac_h2_now(h2);
    ac_count(&h2->traffic.received, (uint64_t)n);
    connection->pinged = false;
    take(connection, h2->in, (size_t)n);
    settle(connection);
    if (connection->phase == AC_H2_DEAD || connection->blocked ||
        ((size_t)n < sizeof(h2->in) && !ac_stream_pending(connection->stream)))
      break;
  }
  turn_end(connection);
}

static void writable(void *owner) {
  struct ac_h2_connection *connection = owner;
  connection->in_turn = true;
  connection->blocked = false;
  ac_stream_interest(connection->stream, true, false);
  size_t len = ac_buffer_len(&connection->out);
  if (len > 0 || ac_stream_unsent(connection->stream) > 0) {
    struct ac_buffer out = connection->out;
    memset(&connection->out, 0, sizeof(connection->out));
    put_out(connection, out.data ? out.data + out.start : "", len);
    ac_buffer_deinit(&out);
  }
  if (!connection->blocked) {
    ac_h2_lifetime_unblocked(connection);
    settle(connection);
  }
  turn_end(connection);
}

void ac_h2_flush(struct ac_h2 *h2) {
  struct ac_list *link;
  while ((link = ac_list_shift(&h2->dirty))) {
    struct ac_h2_connection *connection =
        ac_container_of(link, struct ac_h2_connection, dirty);
    connection->in_turn = true;
    if (connection->phase != AC_H2_DEAD)
      settle(connection);
    turn_end(connection);
  }
}

void ac_h2_drain(struct ac_h2 *h2) {
  for (struct ac_list *l = h2->connections.next; l != &h2->connections;
       l = l->next)
    ac_h2_lifetime_goodbye(ac_container_of(l, struct ac_h2_connection, link),
                           "stopping");
}

void ac_h2_close_all(struct ac_h2 *h2) {
  while (!ac_list_empty(&h2->connections))
    destroy(
        ac_container_of(h2->connections.next, struct ac_h2_connection, link));
}
