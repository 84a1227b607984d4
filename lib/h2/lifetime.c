/* Everything about a connection that has to do with time: handshake, age,
 * idleness, keepalive, peers that stall; and how it says goodbye. One timer a
 * connection, which is set anew only when it fires: a busy connection pays
 * nothing for it. */
#include <string.h>

#include "base/clock.h"
#include "h2/connection.h"

enum { GOAWAY_WAIT_S = 5, LINGER_S = 1 };

const uint8_t ac_h2_drain_ping[8] = {'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};

static void fire(struct ac_timer *timer);

/* The limit +- 10 %, so that connections made together do not end together. */
static uint64_t jittered(struct ac_h2 *h2, uint64_t limit) {
  h2->random = h2->random * 1664525 + 1013904223;
  uint64_t tenth = limit / 10;
  return limit - tenth + (tenth * 2) * (h2->random >> 16) / 65536;
}

static void earlier(uint64_t *due, uint64_t at) {
  if (at < *due)
    *due = at;
}

static uint64_t later(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Since when an answer to the ping can have come. */
static uint64_t ping_began(const struct ac_h2_connection *connection) {
  return later(connection->pinged_at, connection->read_since);
}

/* How often streams are looked at: often enough for the shortest limit. */
static uint64_t slice(const struct ac_h2_config *config) {
  uint64_t least = config->request_time < config->send_time
                       ? config->request_time
                       : config->send_time;
  uint64_t at = least / 4;
  return at < 10 * AC_MS ? 10 * AC_MS : at > AC_SECOND ? AC_SECOND : at;
}

static uint64_t next_due(const struct ac_h2_connection *connection) {
  const struct ac_h2_config *config = &connection->h2->config;
  uint64_t t = ac_h2_now(connection->h2);
  uint64_t due = UINT64_MAX;
  if (connection->phase == AC_H2_LINGER)
    return connection->phase_since + LINGER_S * AC_SECOND;
  if (!connection->greeted)
    earlier(&due, connection->began + config->handshake_time);
  if (connection->n_streams > 0 || connection->blocked)
    earlier(&due, t + slice(config));
  if (!connection->blocked && connection->pinged)
    earlier(&due, ping_began(connection) + config->keepalive_timeout);
  else if (!connection->blocked && config->keepalive_time)
    earlier(&due, connection->last_read + config->keepalive_time);
  if (connection->phase == AC_H2_NOTICE)
    earlier(&due, connection->phase_since + GOAWAY_WAIT_S * AC_SECOND);
  if (connection->phase == AC_H2_SERVING) {
    if (connection->aged)
      earlier(&due, connection->aged);
    if (config->idle_time && connection->n_streams == 0)
      earlier(&due, connection->last_active + config->idle_time);
  }
  if (connection->close_at)
    earlier(&due, connection->close_at);
  return due;
}

static void arm(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  uint64_t due = next_due(connection);
  connection->ticking = connection->n_streams > 0 || connection->blocked;
  if (due == UINT64_MAX)
    h2->runtime.timer_clear(h2->runtime.loop, &connection->timer);
  else if (h2->runtime.timer_set(h2->runtime.loop, &connection->timer, due) !=
           0)
    ac_h2_connection_kill(connection);
}

void ac_h2_lifetime_begin(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  uint64_t t = ac_h2_now(h2);
  connection->began = t;
  connection->last_read = t;
  connection->last_sent = t;
  connection->last_active = t;
  connection->timer.fire = fire;
  if (h2->config.age)
    connection->aged = t + jittered(h2, h2->config.age);
  arm(connection);
}

void ac_h2_lifetime_end(struct ac_h2_connection *connection) {
  struct ac_h2 *h2 = connection->h2;
  h2->runtime.timer_clear(h2->runtime.loop, &connection->timer);
}

void ac_h2_lifetime_turn(struct ac_h2_connection *connection) {
  bool streams = connection->n_streams > 0 || connection->blocked;
  if ((streams && !connection->ticking) || connection->phase != AC_H2_SERVING)
    arm(connection);
}

static void ping(struct ac_h2_connection *connection, const uint8_t *opaque) {
  if (nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, opaque) == 0)
    connection->pings_out++;
}

void ac_h2_lifetime_goodbye(struct ac_h2_connection *connection,
                            const char *farewell) {
  if (connection->phase != AC_H2_SERVING)
    return;
  if (!connection->greeted) { /* it would not understand */
    ac_h2_connection_kill(connection);
    return;
  }
  connection->phase = AC_H2_NOTICE;
  connection->phase_since = ac_h2_now(connection->h2);
  connection->farewell = farewell;
  nghttp2_submit_shutdown_notice(connection->session);
  ac_h2_connection_touch(connection);
  if (!connection->in_turn)
    arm(connection);
}

/* nghttp2 sends pings first: one that was submitted together with the GOAWAY
 * would come back before that has arrived. */
void ac_h2_lifetime_noticed(struct ac_h2_connection *connection) {
  if (connection->phase == AC_H2_NOTICE)
    ping(connection, ac_h2_drain_ping);
}

void ac_h2_lifetime_last_goaway(struct ac_h2_connection *connection) {
  if (connection->phase != AC_H2_NOTICE)
    return;
  connection->phase = AC_H2_LAST;
  connection->phase_since = ac_h2_now(connection->h2);
  nghttp2_submit_goaway(
      connection->session, NGHTTP2_FLAG_NONE,
      nghttp2_session_get_last_proc_stream_id(connection->session),
      NGHTTP2_NO_ERROR, (const uint8_t *)connection->farewell,
      strlen(connection->farewell));
  ac_h2_connection_touch(connection);
}

/* Not a goodbye: whoever floods is cut off at once, with the reason. */
void ac_h2_lifetime_punish(struct ac_h2_connection *connection,
                           const char *farewell) {
  if (connection->phase >= AC_H2_LINGER || connection->punished)
    return;
  connection->punished = true;
  ac_log_write(&connection->h2->log, ANYCABLE_LOG_WARN, "http2: %s: %s",
               ac_stream_peer(connection->stream), farewell);
  nghttp2_submit_goaway(
      connection->session, NGHTTP2_FLAG_NONE,
      nghttp2_session_get_last_proc_stream_id(connection->session),
      NGHTTP2_ENHANCE_YOUR_CALM, (const uint8_t *)farewell, strlen(farewell));
}

/* No stream gets on while the whole connection waits for its peer to read. */
static bool stalls(const struct ac_h2_stream *stream, uint64_t t) {
  const struct ac_h2_connection *connection = stream->connection;
  return stream->answering && !stream->deferred && !connection->blocked &&
         t - later(stream->progressed, connection->read_since) >=
             connection->h2->config.send_time;
}

/* Streams whose request does not come, or whose answer is not read. */
static void check_streams(struct ac_h2_connection *connection) {
  const struct ac_h2_config *config = &connection->h2->config;
  uint64_t t = ac_h2_now(connection->h2);
  for (struct ac_list *l = connection->streams.next; l != &connection->streams;
       l = l->next) {
    struct ac_h2_stream *stream = ac_container_of(l, struct ac_h2_stream, link);
    bool coming = !stream->ended && !stream->answering;
    if (coming)
      connection->h2->handler->waiting(stream->data, t);
    if (coming ? t - stream->began >= config->request_time : stalls(stream, t))
      ac_h2_stream_reset(stream, NGHTTP2_CANCEL);
  }
}

static bool over(const struct ac_h2_connection *connection) {
  const struct ac_h2_config *config = &connection->h2->config;
  uint64_t t = ac_h2_now(connection->h2);
  if (connection->phase == AC_H2_LINGER)
    return t - connection->phase_since >= LINGER_S * AC_SECOND;
  if (!connection->greeted && t - connection->began >= config->handshake_time)
    return true;
  if (connection->blocked && t - connection->last_sent >= config->send_time)
    return true;
  if (connection->close_at && t >= connection->close_at)
    return true;
  return connection->pinged && !connection->blocked &&
         t - ping_began(connection) >= config->keepalive_timeout;
}

/* Of a peer that does not read, nothing is read either; there, progress in
 * writing is watched. */
static void keepalive(struct ac_h2_connection *connection) {
  const struct ac_h2_config *config = &connection->h2->config;
  uint64_t t = ac_h2_now(connection->h2);
  if (!config->keepalive_time || connection->pinged || connection->blocked ||
      t - connection->last_read < config->keepalive_time)
    return;
  connection->pinged = true;
  connection->pinged_at = t;
  ping(connection, NULL);
  ac_h2_connection_touch(connection);
}

void ac_h2_lifetime_unblocked(struct ac_h2_connection *connection) {
  connection->read_since = ac_h2_now(connection->h2);
  connection->unsent = 0;
}

/* TLS sends what it holds by itself. */
static void note_progress(struct ac_h2_connection *connection) {
  size_t unsent = ac_stream_unsent(connection->stream);
  if (unsent < connection->unsent)
    connection->last_sent = ac_h2_now(connection->h2);
  connection->unsent = unsent;
}

static void fire(struct ac_timer *timer) {
  struct ac_h2_connection *connection =
      ac_container_of(timer, struct ac_h2_connection, timer);
  const struct ac_h2_config *config = &connection->h2->config;
  uint64_t t = ac_h2_now(connection->h2);
  note_progress(connection);
  if (over(connection)) {
    ac_h2_connection_kill(connection);
    return;
  }
  if (connection->n_streams == 0) /* what a burst took goes back */
    ac_h2_pool_trim(&connection->pool, AC_H2_POOL_IDLE);
  if (connection->phase < AC_H2_LINGER) {
    keepalive(connection);
    check_streams(connection);
  }
  if (connection->phase == AC_H2_SERVING) {
    if (connection->aged && t >= connection->aged) {
      connection->close_at = t + config->age_grace;
      ac_h2_lifetime_goodbye(connection, "max_age");
    } else if (config->idle_time && connection->n_streams == 0 &&
               t - connection->last_active >= config->idle_time) {
      ac_h2_lifetime_goodbye(connection, "max_idle");
    }
  } else if (connection->phase == AC_H2_NOTICE &&
             t - connection->phase_since >= GOAWAY_WAIT_S * AC_SECOND) {
    ac_h2_lifetime_last_goaway(connection);
  }
  arm(connection);
}
