/* What a new connection speaks, where both gRPC and HTTP are served: TLS tells
 * by ALPN, and else the first two bytes do. All of HTTP/2 begins with "PRI",
 * which is no method of HTTP/1.1; but "P" alone may be POST's. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/door.h"
#include "server/server.h"

/* How often it is looked whether more follows a "P": it stays readable. */
#define PEEK_AGAIN (5 * AC_MS)

enum speech {
  SPEECH_HTTP1,
  SPEECH_HTTP2,
  SPEECH_SILENCE,
  SPEECH_HALF_A_WORD,
  SPEECH_GONE
};

struct visitor {
  struct ac_list link; /* in the server's list of visitors */
  anycable_server *server;
  struct ac_stream *stream;
  struct ac_timer timer;
  uint64_t until; /* when it must have said what it speaks */
  bool tls;
};

static void leave(struct visitor *visitor) {
  anycable_server *server = visitor->server;
  ac_list_remove(&visitor->link);
  server->n_visitors--;
  ac_loop_timer_clear(server->loop, &visitor->timer);
  ac_stream_free(visitor->stream);
  free(visitor);
}

/* Moving a timer to an earlier time cannot fail. */
void ac_visitors_drain(anycable_server *server) {
  uint64_t end = ac_loop_now(server->loop) + AC_HTTP1_LAST_CALLS;
  for (struct ac_list *l = server->visitors.next; l != &server->visitors;
       l = l->next) {
    struct visitor *visitor = ac_container_of(l, struct visitor, link);
    if (visitor->until <= end)
      continue;
    visitor->until = end;
    if (visitor->timer.at > end)
      ac_loop_timer_set(server->loop, &visitor->timer, end);
  }
}

void ac_visitors_free(anycable_server *server) {
  while (!ac_list_empty(&server->visitors))
    leave(ac_container_of(server->visitors.next, struct visitor, link));
}

static enum speech agreed(const struct visitor *visitor) {
  if (!ac_stream_tls_ready(visitor->stream))
    return SPEECH_GONE;
  return anycable_str_is(ac_stream_protocol(visitor->stream), "h2")
             ? SPEECH_HTTP2
             : SPEECH_HTTP1;
}

static enum speech heard(const struct visitor *visitor) {
  char bytes[2];
  ssize_t n = ac_stream_peek(visitor->stream, bytes, sizeof(bytes));
  if (n == AC_STREAM_AGAIN)
    return SPEECH_SILENCE;
  if (n <= 0)
    return SPEECH_GONE;
  if (bytes[0] != 'P')
    return SPEECH_HTTP1;
  if (n == 1)
    return SPEECH_HALF_A_WORD;
  return bytes[1] == 'R' ? SPEECH_HTTP2 : SPEECH_HTTP1;
}

/* Hands the stream over. Who speaks HTTP/2 is not even greeted by a server that
 * drains: such clients repeat what was not. */
static void show_in(struct visitor *visitor, enum speech speech) {
  anycable_server *server = visitor->server;
  if (speech == SPEECH_HTTP2 && atomic_load(&server->stops) > 0) {
    leave(visitor);
    return;
  }
  struct ac_stream *stream = visitor->stream;
  visitor->stream = NULL;
  leave(visitor);
  bool served = speech == SPEECH_HTTP2
                    ? ac_h2_accept(server->h2, stream)
                    : ac_http1_accept(server->http1, stream, &server->http);
  if (!served)
    ac_log_write(&server->log, ANYCABLE_LOG_ERROR,
                 "a connection was refused: out of memory");
}

static void look(void *owner) {
  struct visitor *visitor = owner;
  struct ac_loop *loop = visitor->server->loop;
  uint64_t soon = ac_loop_now(loop) + PEEK_AGAIN;
  enum speech speech = visitor->tls ? agreed(visitor) : heard(visitor);
  switch (speech) {
  case SPEECH_HTTP1:
  case SPEECH_HTTP2:
    show_in(visitor, speech);
    return;
  case SPEECH_SILENCE:
    return;
  case SPEECH_HALF_A_WORD: /* moving a timer cannot fail */
    ac_stream_interest(visitor->stream, false, false);
    ac_loop_timer_set(loop, &visitor->timer,
                      soon < visitor->until ? soon : visitor->until);
    return;
  case SPEECH_GONE:
    leave(visitor);
    return;
  }
}

static void fire(struct ac_timer *timer) {
  struct visitor *visitor = ac_container_of(timer, struct visitor, timer);
  if (ac_loop_now(visitor->server->loop) >= visitor->until)
    leave(visitor);
  else
    look(visitor);
}

bool ac_visitor_receive(anycable_server *server, struct ac_stream *stream,
                        bool tls) {
  struct visitor *visitor = calloc(1, sizeof(*visitor));
  if (!visitor) {
    ac_stream_free(stream);
    return false;
  }
  const struct ac_stream_owner owner = {visitor, look, look};
  int64_t ms = server->config->limits[ANYCABLE_LIMIT_HANDSHAKE_TIME];
  visitor->server = server;
  visitor->stream = stream;
  visitor->tls = tls;
  visitor->timer.fire = fire;
  visitor->until = ac_loop_now(server->loop) + (uint64_t)ms * AC_MS;
  ac_list_append(&server->visitors, &visitor->link);
  server->n_visitors++;
  if (ac_loop_timer_set(server->loop, &visitor->timer, visitor->until) != 0) {
    leave(visitor);
    return false;
  }
  ac_stream_set_owner(stream, &owner);
  return true;
}
