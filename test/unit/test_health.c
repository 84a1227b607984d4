/* grpc.health.v1.Health of a real server: what it answers, and that nobody who
 * watches holds up its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "h2_peer.h"
#include "trivial_app.h"

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"

enum { UNKNOWN = 0, SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

static anycable_server *server;
static anycable_app *app;
static struct peer peer;

static int setup(void **state) {
  anycable_config *config = anycable_config_new();
  (void)state;
  app = anycable_app_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  anycable_config_set_workers(config, 0);
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  anycable_config_free(config);
  peer_begin(&peer, raw_connect(anycable_server_address(server, 0)));
  assert_true(peer_hello(&peer, NULL, 0));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  peer_close(&peer);
  anycable_server_free(server);
  anycable_app_free(app);
  return 0;
}

static void ask(uint32_t id, const char *path, const char *service) {
  unsigned char message[64] = {0x0a, (unsigned char)strlen(service)};
  size_t len = strlen(service);
  memcpy(message + 2, service, len);
  assert_true(peer_call(&peer, id, path, message, len ? len + 2 : 0));
}

static void assert_told(uint32_t id, int status) {
  struct peer_frame frame;
  assert_true(peer_await_type(&peer, PEER_DATA, id, &frame));
  assert_int_equal(frame.len, 7);
  assert_int_equal(frame.payload[5], 0x08);
  assert_int_equal(frame.payload[6], status);
}

static void assert_trailers(uint32_t id, const char *status) {
  struct peer_frame frame;
  do {
    assert_true(peer_await_type(&peer, PEER_HEADERS, id, &frame));
  } while (!(frame.flags & PEER_END));
  assert_non_null(strstr(frame.text, status));
}

static void test_check(void **state) {
  (void)state;
  ask(1, CHECK, "");
  assert_told(1, SERVING);
  assert_trailers(1, "grpc-status: 0\n");
  ask(3, CHECK, "anycable.RPC");
  assert_told(3, SERVING);
  ask(5, CHECK, "anycable.Rpc");
  assert_trailers(5, "grpc-status: 5\n");
  assert_true(peer_call(&peer, 7, CHECK, "\xff", 1));
  assert_trailers(7, "grpc-status: 13\n");
}

static void *stops(void *arg) {
  *(int *)arg = anycable_server_stop(server, INT64_MAX);
  return NULL;
}

/* Stops with all the time there is, so that a stream that does not end would
 * be seen. */
static void drain_with_watch(const char *service, int before, bool known) {
  struct peer_frame frame;
  pthread_t thread;
  int rc = 1;
  ask(1, WATCH, service);
  assert_told(1, before);
  assert_int_equal(pthread_create(&thread, NULL, stops, &rc), 0);
  if (known)
    assert_told(1, NOT_SERVING);
  assert_trailers(1, "grpc-status: 14\n");
  while (peer_await(&peer, &frame)) {
    if (frame.type == PEER_PING && !(frame.flags & 1))
      assert_true(peer_send(&peer, PEER_PING, 1, 0, frame.payload, 8));
  }
  pthread_join(thread, NULL);
  assert_int_equal(rc, ANYCABLE_OK);
}

static void test_watchers_are_sent_away(void **state) {
  (void)state;
  drain_with_watch("anycable.RPC", SERVING, true);
}

static void test_who_watches_nothing_is_sent_away(void **state) {
  (void)state;
  drain_with_watch("nothing", SERVICE_UNKNOWN, false);
}

/* Who comes while the server drains is told so, and does not hold it up. */
static void test_watch_while_draining(void **state) {
  struct peer_frame frame;
  (void)state;
  ask(1, CHECK, "");
  assert_told(1, SERVING);
  anycable_server_request_stop(server);
  assert_true(peer_await_type(&peer, PEER_GOAWAY, 0, &frame));
  ask(3, WATCH, "");
  assert_told(3, NOT_SERVING);
  assert_trailers(3, "grpc-status: 14\n");
  ask(5, WATCH, "nothing");
  assert_told(5, SERVICE_UNKNOWN);
  assert_trailers(5, "grpc-status: 14\n");
  ask(7, CHECK, "");
  assert_told(7, NOT_SERVING);
}

static void test_watcher_leaves(void **state) {
  (void)state;
  ask(1, WATCH, "");
  assert_told(1, SERVING);
  assert_true(peer_send(&peer, PEER_RST, 0, 1, "\0\0\0\x08", 4));
  ask(3, CHECK, "");
  assert_told(3, SERVING);
}

/* Calls are served meanwhile: Check is one. */
static void test_not_ready(void **state) {
  (void)state;
  anycable_server_set_ready(NULL, false);
  ask(1, WATCH, "");
  assert_told(1, SERVING);
  anycable_server_set_ready(server, false);
  assert_told(1, NOT_SERVING);
  ask(3, CHECK, "");
  assert_told(3, NOT_SERVING);
  anycable_server_set_ready(server, false);
  anycable_server_set_ready(server, true);
  assert_told(1, SERVING);
  ask(5, CHECK, "anycable.RPC");
  assert_told(5, SERVING);
}

/* A server that drains is not ready, whatever is said. */
static void test_never_ready_again(void **state) {
  struct peer_frame frame;
  (void)state;
  ask(1, CHECK, "");
  assert_told(1, SERVING);
  anycable_server_request_stop(server);
  assert_true(peer_await_type(&peer, PEER_GOAWAY, 0, &frame));
  anycable_server_set_ready(server, true);
  ask(3, CHECK, "");
  assert_told(3, NOT_SERVING);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_check),
      TEST(test_watchers_are_sent_away),
      TEST(test_who_watches_nothing_is_sent_away),
      TEST(test_watch_while_draining),
      TEST(test_watcher_leaves),
      TEST(test_not_ready),
      TEST(test_never_ready_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
