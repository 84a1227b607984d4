/* Calls that are answered later, and time. */
#include "node_fixture.h"

static anycable_deferred *deferred[8];
static int n_deferred;
static int cancelled;

static void on_cancel(anycable_deferred *d, void *ctx) {
  (void)d, (void)ctx;
  cancelled++;
}

static int defer(anycable_socket *socket) {
  anycable_deferred *d = anycable_socket_defer(socket);
  if (!d)
    return ANYCABLE_ERR_LIMIT;
  anycable_deferred_on_cancel(d, on_cancel, NULL);
  deferred[n_deferred++] = d;
  return ANYCABLE_PENDING;
}

static int defer_command(anycable_socket *socket, anycable_str command) {
  anycable_str data = anycable_request_data(anycable_socket_request(socket));
  fx_say("[%s %s]", command.ptr, data.ptr);
  return defer(socket);
}

static int begin(void **state) {
  n_deferred = cancelled = 0;
  return fx_begin(state);
}

/* What is still held is given back after the node is gone. */
static int end(void **state) {
  fx_end(state);
  for (int i = 0; i < n_deferred; i++) {
    if (!deferred[i])
      continue;
    anycable_socket *socket = anycable_deferred_socket(deferred[i]);
    assert_true(anycable_deferred_cancelled(deferred[i]));
    assert_int_equal(anycable_socket_time_left(socket), 0);
    assert_int_equal(anycable_deferred_finish(deferred[i], ANYCABLE_DONE),
                     ANYCABLE_ERR_CANCELLED);
    anycable_deferred_free(deferred[i]);
  }
  return 0;
}

#define LATER(function) cmocka_unit_test_setup_teardown(function, begin, end)

static void finish(int i, const char *frame) {
  anycable_socket *socket = anycable_deferred_socket(deferred[i]);
  anycable_socket_transmit(socket, anycable_str_of(frame));
  assert_int_equal(anycable_deferred_finish(deferred[i], ANYCABLE_DONE),
                   ANYCABLE_OK);
  anycable_deferred_free(deferred[i]);
  deferred[i] = NULL;
}

/* One frame at a time: what follows waits. */
static void test_queue(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(client, ROOM);
  assert_int_equal(anycable_client_perform(client, ROOM, "1"), ANYCABLE_OK);
  assert_int_equal(anycable_client_perform(client, ROOM, "2"), ANYCABLE_OK);
  assert_int_equal(n_deferred, 1);
  assert_int_equal(anycable_node_run(fx.node), 1);
  finish(0, "{\"a\":1}");
  assert_silence(client);
  assert_int_equal(anycable_node_run(fx.node), 1);
  assert_frame(client, "{\"a\":1}");
  assert_true(anycable_client_subscribed(client, ROOM));
  assert_string_equal(fx.words, "[subscribe ][message 1]");
  finish(1, "{\"b\":1}");
  assert_int_equal(anycable_node_run(fx.node), 1);
  finish(2, "{\"c\":1}");
  assert_int_equal(anycable_node_run(fx.node), 0);
  assert_frame(client, "{\"b\":1}");
  assert_frame(client, "{\"c\":1}");
  assert_int_equal(cancelled, 0);
}

/* Answers are applied in the order in which they came. */
static void test_order(void **state) {
  (void)state;
  anycable_client *one = fx_connect(), *two = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(one, ROOM);
  anycable_client_subscribe(two, ROOM);
  finish(1, "{\"b\":1}");
  assert_int_equal(anycable_node_run(fx.node), 1);
  assert_frame(two, "{\"b\":1}");
  finish(0, "{\"a\":1}");
  assert_int_equal(anycable_node_run(fx.node), 0);
  assert_frame(one, "{\"a\":1}");
}

static void test_deadline(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(client, ROOM);
  anycable_socket *socket = anycable_deferred_socket(deferred[0]);
  assert_int_equal(anycable_socket_time_left(socket), 3000);
  anycable_node_advance(fx.node, 2999);
  assert_int_equal(anycable_socket_time_left(socket), 1);
  assert_int_equal(cancelled, 0);
  anycable_node_advance(fx.node, 1);
  assert_int_equal(cancelled, 1);
  assert_non_null(strstr(anycable_node_error(fx.node), "deadline"));
  assert_int_equal(anycable_node_run(fx.node), 0);
  assert_false(anycable_client_subscribed(client, ROOM));
  /* It can go on. */
  fx.command = NULL;
  anycable_client_subscribe(client, ROOM);
  assert_true(anycable_client_subscribed(client, ROOM));
}

static void test_connect(void **state) {
  (void)state;
  fx.open = defer;
  anycable_client *one = anycable_node_connect(fx.node, URL, NULL);
  anycable_client *two = anycable_node_connect(fx.node, URL, NULL);
  anycable_client *three = anycable_node_connect(fx.node, URL, NULL);
  assert_int_equal(anycable_client_subscribe(one, ROOM), ANYCABLE_OK);
  assert_false(anycable_client_connected(one));
  finish(0, "{\"welcome\":1}");
  anycable_client_close(three);
  assert_int_equal(anycable_node_run(fx.node), 1);
  assert_frame(one, "{\"welcome\":1}");
  assert_true(anycable_client_subscribed(one, ROOM));
  anycable_node_advance(fx.node, 3000);
  assert_int_equal(anycable_client_close_code(two), 1011);
  assert_int_equal(fx.disconnects, 0); /* none of them was in */
  assert_int_equal(cancelled, 2);
}

/* Who goes takes its call along, and is not in the subscription. */
static void test_close(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(client, ROOM);
  anycable_client_perform(client, ROOM, "1");
  anycable_client_close(client);
  assert_int_equal(cancelled, 1);
  assert_int_equal(fx.disconnects, 1);
  assert_int_equal(anycable_node_run(fx.node), 0);
  assert_string_equal(fx.words, "[subscribe ]");
}

static void test_deferred_disconnect(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  fx.close = defer;
  anycable_client_close(client);
  assert_int_equal(anycable_node_run(fx.node), 1);
  assert_int_equal(anycable_deferred_finish(deferred[0], ANYCABLE_DONE),
                   ANYCABLE_OK);
  assert_int_equal(anycable_node_run(fx.node), 0);
  anycable_deferred_free(deferred[0]);
  deferred[0] = NULL;
}

/* Given back by end(), when the node is gone. */
static void test_free_pending(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(client, ROOM);
  fx.open = defer;
  anycable_node_connect(fx.node, URL, NULL);
}

/* --- threads
 * ------------------------------------------------------------------ */

static void *answer(void *arg) {
  const struct timespec pause = {0, 20000000};
  (void)arg;
  nanosleep(&pause, NULL);
  finish(0, "{\"late\":1}");
  return NULL;
}

static void test_thread(void **state) {
  pthread_t thread;
  (void)state;
  anycable_client *client = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(client, ROOM);
  assert_int_equal(anycable_node_wait(fx.node, 1), ANYCABLE_ERR_TIMEOUT);
  assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
  assert_int_equal(anycable_node_wait(fx.node, 30000), ANYCABLE_OK);
  assert_frame(client, "{\"late\":1}");
  pthread_join(thread, NULL);
}

/* Asks what it can while the node goes. */
static void *linger(void *arg) {
  anycable_socket *socket = anycable_deferred_socket(arg);
  while (!anycable_deferred_cancelled(arg))
    anycable_socket_time_left(socket);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(anycable_socket_time_left(socket), 0);
  anycable_deferred_free(arg);
  return NULL;
}

static void test_free_beside(void **state) {
  pthread_t thread;
  (void)state;
  anycable_client *client = fx_connect();
  fx.command = defer_command;
  anycable_client_subscribe(client, ROOM);
  assert_int_equal(pthread_create(&thread, NULL, linger, deferred[0]), 0);
  deferred[0] = NULL;
  anycable_node_free(fx.node);
  fx.node = NULL;
  pthread_join(thread, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LATER(test_queue),        LATER(test_order),
      LATER(test_deadline),     LATER(test_connect),
      LATER(test_close),        LATER(test_deferred_disconnect),
      LATER(test_free_pending), LATER(test_thread),
      LATER(test_free_beside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
