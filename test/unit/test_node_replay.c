/* RPCs as lines, and made again. */
#include "node_fixture.h"

static char lines[16][2048];
static int n_lines;

static void record(anycable_str line, void *ctx) {
  assert_ptr_equal(ctx, lines);
  snprintf(lines[n_lines++], sizeof(lines[0]), "%s", line.ptr);
}

static const char *word = "one";

static int command(anycable_socket *socket, anycable_str name) {
  anycable_str data = anycable_request_data(anycable_socket_request(socket));
  if (anycable_str_is(name, "subscribe"))
    return fx_send(socket, "confirm_subscription");
  if (anycable_str_is(data, "fail"))
    return anycable_socket_fail(socket, "%s", word);
  anycable_socket_set_cstate(socket, "c", ANYCABLE_STR("1"));
  anycable_socket_set_istate(socket, "i", ANYCABLE_STR("<2>"));
  anycable_socket_subscribe(socket, ANYCABLE_STR(ROOM), ANYCABLE_STR("s"));
  anycable_socket_unsubscribe(socket, ANYCABLE_STR(ROOM), ANYCABLE_STR("t"));
  anycable_socket_presence_join(socket, ANYCABLE_STR("p"), ANYCABLE_STR("id"),
                                ANYCABLE_STR("{}"));
  anycable_socket_broadcast(socket, ANYCABLE_STR("s"), ANYCABLE_STR("1"), NULL);
  return anycable_socket_transmit(
      socket,
      anycable_socket_format(socket, "{\"word\":\"%s\",\"was\":\"%s\"}", word,
                             anycable_socket_cstate(socket, "c").ptr));
}

#define STATE                                                                  \
  "\"cstate\":{\"c\":\"1\"},\"istate\":{\"$p\":\"p\",\"i\":"                   \
  "\"\\u003c2\\u003e\"}"
#define ENV                                                                    \
  "\"env\":{\"url\":\"http://example.com/"                                     \
  "cable?user=jack\",\"headers\":{\"REMOTE_ADDR\":\"127.0.0.1\"}"
#define META "\"metadata\":{\"protov\":\"v1\",\"sid\":\"1\"}"
#define ID "\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\""

static void test_record_and_replay(void **state) {
  (void)state;
  n_lines = 0;
  word = "one";
  fx.command = command;
  anycable_node_on_rpc(fx.node, record, lines);
  anycable_client *client = fx_subscribed();
  anycable_client_perform(client, ROOM, "x");
  assert_true(anycable_client_receive(client).len > 0);
  assert_true(anycable_client_receive(client).len > 0); /* what it published */
  anycable_client_perform(client, ROOM, "fail");
  anycable_client_send(client,
                       "{\"command\":\"message\"," ID ",\"data\":\"\\u0000\"}");
  anycable_client_close(client);
  assert_int_equal(n_lines, 6);
  assert_string_equal(lines[0], "{\"method\":\"connect\"," META
                                ",\"request\":{" ENV "}},\"response\":"
                                "{\"status\":1,\"identifiers\":\"{}\","
                                "\"transmissions\":[\"{\\\"type\\\":"
                                "\\\"welcome\\\",\\\"sid\\\":\\\"1\\\"}\"]}}");
  assert_string_equal(
      lines[2],
      "{\"method\":\"command\"," META
      ",\"request\":{\"command\":\"message\"," ID
      ",\"connection_identifiers\":\"{}\",\"data\":\"x\"," ENV "}},"
      "\"response\":{\"status\":1,\"streams\":[\"s\"],\"stopped_streams\":"
      "[\"t\"],\"transmissions\":[\"{\\\"word\\\":\\\"one\\\",\\\"was\\\":"
      "\\\"1\\\"}\"],\"env\":{" STATE "},\"presence\":{\"type\":\"join\","
      "\"id\":\"id\",\"info\":\"{}\"}}}");
  assert_non_null(strstr(lines[3], "\"error_msg\":\"one\""));
  assert_non_null(strstr(lines[4], "\"error\":\""));
  assert_non_null(strstr(lines[5], "{\\\"$p\\\":\\\"p\\\""));
  int frames = fx.connects + fx.commands + fx.disconnects;
  for (int i = 0; i < n_lines; i++) {
    if (i == 4) /* the NUL never came through */
      continue;
    assert_int_equal(anycable_node_replay(fx.node, anycable_str_of(lines[i])),
                     ANYCABLE_OK);
  }
  assert_int_equal(n_lines, 6); /* not recorded again */
  assert_int_equal(fx.connects + fx.commands + fx.disconnects, frames + 5);
  assert_silence(client);
  word = "two";
  for (int i = 2; i < 4; i++) {
    assert_int_equal(anycable_node_replay(fx.node, anycable_str_of(lines[i])),
                     ANYCABLE_ERR_FAILED);
    assert_non_null(strstr(anycable_node_error(fx.node), "one"));
    assert_non_null(strstr(anycable_node_error(fx.node), "two"));
  }
}

static void test_bad_lines(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "{}",
      "x",
      "{\"method\":\"dance\",\"metadata\":{},\"request\":{},\"response\":{}}",
      "{\"method\":\"connect\",\"metadata\":{},\"request\":{}}",
      "{\"method\":\"connect\",\"metadata\":{},\"response\":{}}",
      "{\"method\":\"connect\",\"request\":{},\"response\":{}}",
      "{\"method\":\"connect\",\"metadata\":{\"sid\":1},\"request\":{},"
      "\"response\":{}}",
      "{\"method\":\"disconnect\",\"metadata\":{},\"request\":"
      "{\"subscriptions\":[1]},\"response\":{}}",
      "{\"method\":\"connect\",\"metadata\":{},\"request\":{\"env\":"
      "{\"headers\":{\"a\":1}}},\"response\":{}}",
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(anycable_node_replay(fx.node, anycable_str_of(bad[i])),
                     ANYCABLE_ERR_PROTO);
    assert_true(strlen(anycable_node_error(fx.node)) > 0);
  }
  assert_int_equal(fx.connects + fx.disconnects, 0);
}

static void *answer(void *arg) {
  const struct timespec pause = {0, 20000000};
  nanosleep(&pause, NULL);
  anycable_socket_transmit(anycable_deferred_socket(arg), ANYCABLE_STR("{}"));
  anycable_deferred_finish(arg, ANYCABLE_DONE);
  anycable_deferred_free(arg);
  return NULL;
}

static int defers(anycable_socket *socket) {
  pthread_t thread;
  anycable_deferred *d = anycable_socket_defer(socket);
  assert_int_equal(pthread_create(&thread, NULL, answer, d), 0);
  pthread_detach(thread);
  return ANYCABLE_PENDING;
}

static void test_deferred(void **state) {
  (void)state;
  fx.open = defers;
  assert_int_equal(
      anycable_node_replay(
          fx.node, ANYCABLE_STR("{\"method\":\"connect\",\"metadata\":{},"
                                "\"request\":{},\"response\":{\"status\":1.0,"
                                "\"transmissions\":[\"{}\"],\"identifiers\":"
                                "\"{}\"}}")),
      ANYCABLE_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_record_and_replay),
      TEST(test_bad_lines),
      TEST(test_deferred),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
