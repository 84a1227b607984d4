/* Connections: turns, goodbyes, limits of time, peers that do not read. */
#include "h2_fixture.h"

/* --- time ---------------------------------------------------------------- */

static void test_no_preface(void **state) {
  (void)state;
  accept_peer(NULL);
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
    assert_non_null(fx.streams[0]);
  }
  unblock();
  pass(19 * AC_SECOND);
  assert_true(alive());
  free((char *)(uintptr_t)fx.body.ptr);
}

/* --- goodbyes ------------------------------------------------------------ */

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
  accept_peer(NULL);
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

/* --- floods and mishaps -------------------------------------------------- */

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
