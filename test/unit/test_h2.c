/* Connections over a socket pair, in a time that the test moves: turns,
 * goodbyes, limits of time, peers that do not read. */
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
  bool no_memory; /* streams cannot begin */
} fx;

/* --- time ------------------------------------------------------------------
 */

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

static struct ac_timer *next_timer(uint64_t until) {
  struct ac_timer *next = NULL;
  for (int i = 0; i < MOST_TIMERS; i++) {
    if (fx.timers[i] && fx.timers[i]->at <= until &&
        (!next || fx.timers[i]->at < next->at))
      next = fx.timers[i];
  }
  return next;
}

/* All that there is to do now. */
static void settle(void) {
  do
    ac_h2_flush(fx.h2);
  while (ac_loop_dispatch(fx.loop, 0));
}

/* Time passes; timers fire in their order, what is due in between included. */
static void pass(uint64_t ns) {
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

/* --- the owner of streams ---------------------------------------------------
 */

static const struct ac_h2_field headers[] = {{{":status", 7}, {"200", 3}}};
static const struct ac_h2_field trailers[] = {{{"grpc-status", 11}, {"0", 1}}};

static bool begin(void *owner, void *data, struct ac_h2_stream *stream) {
  (void)owner;
  if (fx.no_memory)
    return false;
  *(struct ac_h2_stream **)data = stream;
  assert_true(fx.n_streams < MOST_STREAMS);
  fx.streams[fx.n_streams++] = stream;
  return true;
}

static bool header(void *data, anycable_str name, anycable_str value) {
  (void)data, (void)name, (void)value;
  return true;
}

static void headers_end(void *data, enum ac_h2_verdict verdict) {
  (void)data, (void)verdict;
}

static void body(void *data, const char *bytes, size_t len) {
  (void)bytes;
  ac_h2_stream_consumed(*(struct ac_h2_stream **)data, len);
}

static void end(void *data) {
  ac_h2_stream_schedule(*(struct ac_h2_stream **)data);
}

static void answer(struct ac_h2_stream *stream) {
  assert_true(ac_h2_stream_respond(stream, headers, 1, fx.body, trailers, 1));
}

static void ready(void *data) {
  fx.ready++;
  if (!fx.hold)
    answer(*(struct ac_h2_stream **)data);
}

static void waiting(void *data, uint64_t t) {
  (void)data, (void)t;
}

static void closed(void *data) {
  fx.closed++;
  for (int i = 0; i < fx.n_streams; i++) {
    if (fx.streams[i] == *(struct ac_h2_stream **)data)
      fx.streams[i] = NULL;
  }
}

static void settled(void *owner) {
  (void)owner;
}

static const struct ac_h2_handler handler = {
    sizeof(struct ac_h2_stream *),
    begin,
    header,
    headers_end,
    body,
    end,
    waiting,
    ready,
    closed,
    settled,
};

/* --- setting up -------------------------------------------------------------
 */

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

static int setup(void **state) {
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

static int teardown(void **state) {
  (void)state;
  ac_h2_free(fx.h2);
  ac_loop_free(fx.loop);
  peer_close(&fx.peer);
  assert_int_equal(next_timer(UINT64_MAX) != NULL, 0);
  return 0;
}

/* A connection whose peer has not said anything yet. */
static void accept_peer(void) {
  const struct ac_runtime runtime = {NULL, now, timer_set, timer_clear, wake};
  const struct ac_log log = {NULL, NULL, 0};
  int fds[2];
  fx.h2 = ac_h2_new(&fx.config, &handler, NULL, &runtime, &log);
  assert_non_null(fx.h2);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  peer_begin(&fx.peer, fds[0]);
  assert_true(ac_h2_accept(fx.h2, fx.loop, fds[1], NULL));
  settle();
}

/* One that is greeted, with |window| as the initial one of streams. */
static void connect_peer(uint32_t window) {
  const unsigned char settings[6] = {
      0,
      4,
      (unsigned char)(window >> 24),
      (unsigned char)(window >> 16),
      (unsigned char)(window >> 8),
      (unsigned char)window,
  };
  accept_peer();
  assert_true(peer_hello(&fx.peer, settings, sizeof(settings)));
  settle();
}

/* The next frame of |type|; false if none comes now. */
static bool frame_of(unsigned type, struct peer_frame *frame) {
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

static void call(uint32_t id) {
  assert_true(peer_call(&fx.peer, id, "/a/b", NULL, 0));
  settle();
}

static void window_update(uint32_t id, uint32_t more) {
  assert_true(peer_window(&fx.peer, id, more));
  settle();
}

static bool alive(void) {
  settle();
  return ac_h2_connections(fx.h2) == 1;
}

/* --- time -------------------------------------------------------------------
 */

static void test_no_preface(void **state) {
  (void)state;
  accept_peer();
  pass(9 * AC_SECOND);
  assert_true(alive());
  pass(2 * AC_SECOND);
  assert_false(alive());
}

static void test_request_that_does_not_end(void **state) {
  struct peer_frame frame;
  (void)state;
  connect_peer(65535);
  assert_true(peer_headers(&fx.peer, 1, "/a/b"));
  pass(29 * AC_SECOND);
  assert_false(frame_of(PEER_RST, &frame));
  pass(2 * AC_SECOND);
  assert_true(frame_of(PEER_RST, &frame));
  assert_int_equal(frame.payload[3], AC_H2_CANCEL);
  assert_int_equal(fx.closed, 1);
  assert_true(alive());
}

/* The time to read an answer begins with the answer, however long that took
 * and the peer was silent. */
static void test_answer_after_a_long_time(void **state) {
  struct peer_frame frame;
  (void)state;
  fx.config.keepalive_time = 0;
  fx.hold = true;
  fx.body.ptr = calloc(1, 100000);
  fx.body.len = 100000;
  connect_peer(65535);
  call(1);
  pass(40 * AC_SECOND);
  answer(fx.streams[0]);
  pass(19 * AC_SECOND);
  assert_false(frame_of(PEER_RST, &frame));
  window_update(0, 10000);
  window_update(1, 10000); /* progress */
  pass(19 * AC_SECOND);
  assert_false(frame_of(PEER_RST, &frame));
  pass(2 * AC_SECOND);
  assert_true(frame_of(PEER_RST, &frame));
  assert_int_equal(frame.payload[3], AC_H2_CANCEL);
  free((char *)(uintptr_t)fx.body.ptr);
}

/* A connection is idle from the end of its last stream on. */
static void test_idle(void **state) {
  struct peer_frame frame;
  (void)state;
  fx.config.keepalive_time = 0;
  fx.hold = true;
  connect_peer(65535);
  call(1);
  pass(400 * AC_SECOND);
  assert_false(frame_of(PEER_GOAWAY, &frame));
  answer(fx.streams[0]);
  assert_true(frame_of(PEER_HEADERS, &frame));
  pass(299 * AC_SECOND);
  assert_false(frame_of(PEER_GOAWAY, &frame));
  pass(2 * AC_SECOND);
  assert_true(frame_of(PEER_GOAWAY, &frame));
}

static void test_ping_is_activity(void **state) {
  struct peer_frame frame;
  (void)state;
  connect_peer(65535);
  for (int i = 0; i < 100; i++) {
    pass(10 * AC_SECOND);
    assert_true(peer_send(&fx.peer, PEER_PING, 0, 0, "12345678", 8));
    assert_true(frame_of(PEER_PING, &frame));
    assert_int_equal(frame.flags, 1);
  }
  assert_true(alive());
}

static void test_keepalive(void **state) {
  struct peer_frame frame;
  (void)state;
  connect_peer(65535);
  pass(59 * AC_SECOND);
  assert_false(frame_of(PEER_PING, &frame));
  pass(2 * AC_SECOND);
  assert_true(frame_of(PEER_PING, &frame));
  assert_true(peer_send(&fx.peer, PEER_PING, 1, 0, frame.payload, 8));
  pass(60 * AC_SECOND);
  assert_true(frame_of(PEER_PING, &frame));
  pass(19 * AC_SECOND);
  assert_true(alive());
  pass(2 * AC_SECOND);
  assert_false(alive());
}

/* After the process was stopped for a while, peers still get their time. */
static void test_keepalive_after_a_pause(void **state) {
  struct peer_frame frame;
  (void)state;
  connect_peer(65535);
  fx.now += 200 * AC_SECOND;
  pass(1);
  assert_true(frame_of(PEER_PING, &frame));
  pass(19 * AC_SECOND);
  assert_true(alive());
  pass(2 * AC_SECOND);
  assert_false(alive());
}

/* Fills the socket with an answer that is not read. */
static void block(void) {
  fx.body.ptr = calloc(1, 8 << 20);
  fx.body.len = 8 << 20;
  connect_peer(0x7fffffff);
  window_update(0, 0x7f000000);
  call(1);
}

static void unblock(void) {
  while (peer_receive(&fx.peer, MSG_DONTWAIT)) {
    fx.peer.len = 0; /* nobody looks at it */
    settle();
  }
}

static void test_peer_that_does_not_read(void **state) {
  (void)state;
  block();
  pass(19 * AC_SECOND);
  assert_true(alive());
  pass(2 * AC_SECOND);
  assert_false(alive());
  assert_int_equal(fx.closed, 1);
  free((char *)(uintptr_t)fx.body.ptr);
}

/* Who reads slowly is not taken for dead, though we do not read meanwhile. */
static void test_slow_reader(void **state) {
  (void)state;
  block();
  for (int i = 0; i < 15; i++) {
    pass(10 * AC_SECOND);
    while (peer_receive(&fx.peer, MSG_DONTWAIT))
      fx.peer.len = 0;
    assert_true(alive());
  }
  unblock();
  pass(19 * AC_SECOND);
  assert_true(alive());
  free((char *)(uintptr_t)fx.body.ptr);
}

/* --- goodbyes ---------------------------------------------------------------
 */

static uint32_t last_id(const struct peer_frame *goaway) {
  const unsigned char *p = goaway->payload;
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

static void assert_farewell(const struct peer_frame *goaway, const char *text) {
  assert_int_equal(goaway->len, 8 + strlen(text));
  assert_memory_equal(goaway->payload + 8, text, strlen(text));
}

/* The ping comes behind the first GOAWAY: its answer tells that this arrived,
 * and calls that were under way count. */
static void test_two_steps(void **state) {
  struct peer_frame frame;
  (void)state;
  fx.config.keepalive_time = 0;
  fx.hold = true;
  connect_peer(65535);
  call(1);
  ac_h2_drain(fx.h2);
  assert_true(frame_of(PEER_GOAWAY, &frame));
  assert_int_equal(last_id(&frame), 0x7fffffff);
  assert_true(frame_of(PEER_PING, &frame));
  call(3); /* was under way */
  assert_int_equal(fx.ready, 2);
  assert_true(peer_send(&fx.peer, PEER_PING, 1, 0, frame.payload, 8));
  assert_true(frame_of(PEER_GOAWAY, &frame));
  assert_int_equal(last_id(&frame), 3);
  assert_farewell(&frame, "stopping");
  call(5); /* ignored */
  assert_int_equal(fx.ready, 2);
  answer(fx.streams[0]);
  pass(100 * AC_SECOND); /* a drain by itself has no end but the calls' */
  assert_true(alive());
  answer(fx.streams[1]);
  assert_true(frame_of(PEER_HEADERS, &frame));
  pass(2 * AC_SECOND);
  assert_false(alive());
}

static void test_peer_that_ignores_goodbye(void **state) {
  struct peer_frame frame;
  (void)state;
  connect_peer(65535);
  ac_h2_drain(fx.h2);
  assert_true(frame_of(PEER_GOAWAY, &frame));
  pass(4 * AC_SECOND);
  assert_false(frame_of(PEER_GOAWAY, &frame));
  pass(1 * AC_SECOND);
  assert_true(frame_of(PEER_GOAWAY, &frame));
  assert_int_equal(last_id(&frame), 0);
  pass(2 * AC_SECOND);
  assert_false(alive());
}

static void test_drain_without_greeting(void **state) {
  (void)state;
  accept_peer();
  ac_h2_drain(fx.h2);
  assert_false(alive());
}

static void test_age_and_grace(void **state) {
  struct peer_frame frame;
  (void)state;
  fx.config.age = 100 * AC_SECOND;
  fx.config.keepalive_time = 0;
  fx.hold = true;
  connect_peer(65535);
  call(1);
  pass(89 * AC_SECOND);
  assert_false(frame_of(PEER_GOAWAY, &frame));
  pass(22 * AC_SECOND);
  assert_true(frame_of(PEER_GOAWAY, &frame));
  assert_true(frame_of(PEER_GOAWAY, &frame) || alive());
  pass(31 * AC_SECOND);
  assert_false(alive());
  assert_int_equal(fx.closed, 1);
}

/* --- floods and mishaps -----------------------------------------------------
 */

static void test_goaway_flood(void **state) {
  struct peer_frame frame;
  unsigned char out[17 * 1000];
  size_t n = 0;
  (void)state;
  connect_peer(65535);
  while (n < sizeof(out))
    n += raw_frame(out + n, PEER_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
  assert_true(peer_write(&fx.peer, out, n));
  assert_true(frame_of(PEER_GOAWAY, &frame));
  assert_farewell(&frame, "too_many_glitches");
  pass(2 * AC_SECOND);
  assert_false(alive());
}

/* That we are out of memory is not the peer's fault. */
static void test_no_memory_for_streams(void **state) {
  struct peer_frame frame;
  (void)state;
  connect_peer(65535);
  fx.no_memory = true;
  for (uint32_t id = 1; id < 1000; id += 2) {
    call(id);
    assert_true(frame_of(PEER_RST, &frame));
    assert_int_equal(frame.id, id);
    assert_int_equal(frame.payload[3], AC_H2_REFUSED_STREAM);
  }
  fx.no_memory = false;
  call(1001);
  assert_true(frame_of(PEER_DATA, &frame));
  assert_true(alive());
}

/* An idle connection does not keep the memory of its busiest time. */
static void test_memory_after_a_burst(void **state) {
  (void)state;
  fx.hold = true;
  connect_peer(65535);
  for (uint32_t id = 1; id < 2 * MOST_STREAMS; id += 2)
    call(id);
  for (int i = 0; i < MOST_STREAMS; i++)
    answer(fx.streams[i]);
  settle();
  assert_int_equal(fx.closed, MOST_STREAMS);
  struct ac_h2_connection *connection =
      ac_container_of(fx.h2->connections.next, struct ac_h2_connection, link);
  assert_true(connection->pool.kept > AC_H2_POOL_IDLE);
  pass(2 * AC_SECOND);
  assert_true(connection->pool.kept <= AC_H2_POOL_IDLE);
}

static void test_closed_under_way(void **state) {
  (void)state;
  fx.hold = true;
  connect_peer(65535);
  call(1);
  call(3);
  ac_h2_close_all(fx.h2);
  assert_int_equal(fx.closed, 2);
  assert_false(alive());
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_no_preface),
      TEST(test_request_that_does_not_end),
      TEST(test_answer_after_a_long_time),
      TEST(test_idle),
      TEST(test_ping_is_activity),
      TEST(test_keepalive),
      TEST(test_keepalive_after_a_pause),
      TEST(test_peer_that_does_not_read),
      TEST(test_slow_reader),
      TEST(test_two_steps),
      TEST(test_peer_that_ignores_goodbye),
      TEST(test_drain_without_greeting),
      TEST(test_age_and_grace),
      TEST(test_goaway_flood),
      TEST(test_no_memory_for_streams),
      TEST(test_memory_after_a_burst),
      TEST(test_closed_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
