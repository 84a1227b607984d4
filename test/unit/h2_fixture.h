/* Connections over a socket pair, in a time that the test moves, with an owner
 * of streams that answers at once or when the test says so. */
#ifndef H2_FIXTURE_H
#define H2_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "h2/connection.h"
#include "h2_peer.h"
#include "io/loop.h"

enum { MOST_TIMERS = 16, MOST_STREAMS = 64 };

static struct {
  uint64_t now;
  struct ac_timer *timers[MOST_TIMERS];
  struct ac_loop *loop;
  struct ac_h2 *h2;
  struct ac_h2_config config;
  struct peer peer;
  struct ac_h2_stream *streams[MOST_STREAMS]; /* that began, NULL when gone */
  int n_streams;
  int ready, closed;
  bool hold; /* requests are not answered at once */
  anycable_str body;
  bool no_memory;   /* streams cannot begin */
  int small_buffer; /* of the socket; 0: as usual */
} fx;

/* --- time ---------------------------------------------------------------- */

static uint64_t now(void *loop) {
  (void)loop;
  return fx.now;
}

static void timer_clear(void *loop, struct ac_timer *timer) {
  (void)loop;
  for (int i = 0; i < MOST_TIMERS; i++) {
    if (fx.timers[i] == timer)
      fx.timers[i] = NULL;
  }
}

static int timer_set(void *loop, struct ac_timer *timer, uint64_t at) {
  timer_clear(loop, timer);
  timer->at = at;
  for (int i = 0; i < MOST_TIMERS; i++) {
    if (!fx.timers[i]) {
      fx.timers[i] = timer;
      return 0;
    }
  }
  return -1;
}

static void wake(void *loop) {
  (void)loop;
}

static inline struct ac_timer *next_timer(uint64_t until) {
  struct ac_timer *next = NULL;
  for (int i = 0; i < MOST_TIMERS; i++) {
    if (fx.timers[i] && fx.timers[i]->at <= until &&
        (!next || fx.timers[i]->at < next->at))
      next = fx.timers[i];
  }
  return next;
}

/* All that there is to do now. */
static inline void settle(void) {
  do
    ac_h2_flush(fx.h2);
  while (ac_loop_dispatch(fx.loop, 0));
}

/* Time passes; timers fire in their order, what is due in between included. */
static inline void pass(uint64_t ns) {
  uint64_t until = fx.now + ns;
  struct ac_timer *timer;
  settle();
  while ((timer = next_timer(until))) {
    if (timer->at > fx.now)
      fx.now = timer->at;
    timer_clear(NULL, timer);
    timer->fire(timer);
    settle();
  }
  fx.now = until;
}

/* --- the owner of streams ------------------------------------------------ */

static const struct ac_h2_field headers[] = {{{":status", 7}, {"200", 3}}};
static const struct ac_h2_field trailers[] = {{{"grpc-status", 11}, {"0", 1}}};

static bool on_begin(void *owner, void *data, struct ac_h2_stream *stream) {
  (void)owner;
  if (fx.no_memory)
    return false;
  *(struct ac_h2_stream **)data = stream;
  assert_true(fx.n_streams < MOST_STREAMS);
  fx.streams[fx.n_streams++] = stream;
  return true;
}

static bool on_header(void *data, anycable_str name, anycable_str value) {
  (void)data, (void)name, (void)value;
  return true;
}

static void on_headers_end(void *data, enum ac_h2_verdict verdict) {
  (void)data, (void)verdict;
}

static void on_body(void *data, const char *bytes, size_t len) {
  (void)bytes;
  ac_h2_stream_consumed(*(struct ac_h2_stream **)data, len);
}

static void on_end(void *data) {
  ac_h2_stream_schedule(*(struct ac_h2_stream **)data);
}

static inline void answer(struct ac_h2_stream *stream) {
  assert_true(ac_h2_stream_respond(stream, headers, 1, fx.body, trailers, 1));
}

static void on_ready(void *data) {
  fx.ready++;
  if (!fx.hold)
    answer(*(struct ac_h2_stream **)data);
}

static void on_waiting(void *data, uint64_t t) {
  (void)data, (void)t;
}

static void on_closed(void *data) {
  fx.closed++;
  for (int i = 0; i < fx.n_streams; i++) {
    if (fx.streams[i] == *(struct ac_h2_stream **)data)
      fx.streams[i] = NULL;
  }
}

static void on_settled(void *owner) {
  (void)owner;
}

static const struct ac_h2_handler handler = {
    sizeof(struct ac_h2_stream *),
    on_begin,
    on_header,
    on_headers_end,
    on_body,
    on_end,
    on_waiting,
    on_ready,
    on_closed,
    on_settled,
};

/* --- setting up ---------------------------------------------------------- */

static const struct ac_h2_config defaults = {
    .header_bytes = 16384,
    .header_count = 100,
    .streams = 1000,
    .handshake_time = 10 * AC_SECOND,
    .request_time = 30 * AC_SECOND,
    .send_time = 20 * AC_SECOND,
    .idle_time = 300 * AC_SECOND,
    .age = 0,
    .age_grace = 30 * AC_SECOND,
    .keepalive_time = 60 * AC_SECOND,
    .keepalive_timeout = 20 * AC_SECOND,
    .ping_interval = 5 * AC_SECOND,
    .ping_strikes = 100,
    .pings_rate = 100,
    .settings_rate = 10,
    .resets = 10000,
    .resets_rate = 1000,
    .glitches = 200,
    .glitches_rate = 20,
    .empty_frames = 10,
    .chatter_level = ANYCABLE_LOG_DEBUG,
};

static inline int setup(void **state) {
  const struct ac_loop_hooks hooks = {NULL, NULL, NULL};
  (void)state;
  memset(&fx, 0, sizeof(fx));
  fx.now = 1000 * AC_SECOND;
  fx.config = defaults;
  fx.loop = ac_loop_new(&hooks);
  fx.body = ac_str("hello", 5);
  assert_non_null(fx.loop);
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  ac_h2_free(fx.h2);
  ac_loop_free(fx.loop);
  peer_close(&fx.peer);
  assert_int_equal(next_timer(UINT64_MAX) != NULL, 0);
  return 0;
}

/* A connection whose peer has not said anything yet. */
static inline void accept_peer(struct ac_tls *tls) {
  const struct ac_runtime runtime = {NULL,      now,         now,
                                     timer_set, timer_clear, wake};
  const struct ac_stream_owner nobody = {0};
  const struct ac_log log = {0};
  int fds[2];
  fx.h2 = ac_h2_new(&fx.config, &handler, NULL, &runtime, &log);
  assert_non_null(fx.h2);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  if (fx.small_buffer)
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &fx.small_buffer, sizeof(int));
  peer_begin(&fx.peer, fds[0]);
  struct ac_stream *stream = ac_stream_new(fx.loop, fds[1], tls, &nobody);
  assert_non_null(stream);
  assert_true(ac_h2_accept(fx.h2, stream));
  settle();
}

/* One that is greeted, with |window| as the initial one of streams. */
static inline void connect_peer(uint32_t window) {
  const unsigned char settings[6] = {
      0,
      4,
      (unsigned char)(window >> 24),
      (unsigned char)(window >> 16),
      (unsigned char)(window >> 8),
      (unsigned char)window,
  };
  accept_peer(NULL);
  assert_true(peer_hello(&fx.peer, settings, sizeof(settings)));
  settle();
}

/* The next frame of |type|; false if none comes now. */
static inline bool frame_of(unsigned type, struct peer_frame *frame) {
  for (;;) {
    settle();
    peer_receive(&fx.peer, MSG_DONTWAIT);
    while (peer_take(&fx.peer, frame)) {
      if (frame->type == type)
        return true;
    }
    if (!peer_receive(&fx.peer, MSG_DONTWAIT))
      return false;
  }
}

static inline void call(uint32_t id) {
  assert_true(peer_call(&fx.peer, id, "/a/b", NULL, 0));
  settle();
}

static inline void window_update(uint32_t id, uint32_t more) {
  assert_true(peer_window(&fx.peer, id, more));
  settle();
}

static inline bool alive(void) {
  settle();
  return ac_h2_connections(fx.h2) == 1;
}

#endif
