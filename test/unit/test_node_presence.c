/* What AnyCable does with a broker: presence, and positions in messages. */
#include "node_fixture.h"

#define FRAME(data)                                                            \
  "{\"type\":\"presence\",\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\","  \
  "\"message\":" data "}"

static anycable_str room(void) {
  return ANYCABLE_STR(ROOM);
}

/* "a" joins as a; "leave" leaves; "-" just subscribes. */
static int command(anycable_socket *socket, anycable_str name) {
  const anycable_request *request = anycable_socket_request(socket);
  anycable_str data = anycable_request_data(request);
  if (anycable_str_is(name, "subscribe")) {
    data = anycable_request_header(request, "cookie");
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("s"));
  }
  if (anycable_str_is(data, "leave"))
    return anycable_socket_presence_leave(socket);
  if (data.len == 0 || anycable_str_is(data, "-"))
    return ANYCABLE_DONE;
  return anycable_socket_presence_join(
      socket, ANYCABLE_STR("s"), data,
      anycable_str_is(data, "plain") ? ANYCABLE_STR("<no json")
                                     : ANYCABLE_STR("{\"n\":1.0,\"a\":null}"));
}

static anycable_client *subscribe_as(const char *id) {
  const char *const headers[] = {"cookie", id, NULL};
  const anycable_client_options options = {.size = sizeof(options),
                                           .headers = headers};
  anycable_client *client = anycable_node_connect(fx.node, URL, &options);
  assert_non_null(client);
  anycable_client_receive(client);
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_OK);
  return client;
}

static int ask(anycable_client *client) {
  return anycable_client_send(client,
                              "{\"command\":\"presence\",\"identifier\":"
                              "\"{\\\"channel\\\":\\\"Room\\\"}\"}");
}

static int begin(void **state) {
  int rc = fx_begin(state);
  anycable_node_use_broker(fx.node);
  fx.command = command;
  return rc;
}

static void test_join_and_leave(void **state) {
  (void)state;
  anycable_client *watcher = subscribe_as("-");
  assert_int_equal(ask(watcher), ANYCABLE_ERR_PROTO); /* it has no "$p" */
  assert_silence(watcher);
  anycable_client *a = subscribe_as("a");
  assert_frame(watcher, FRAME("{\"id\":\"a\",\"info\":{\"a\":null,\"n\":1},"
                              "\"type\":\"join\"}"));
  assert_frame(a, FRAME("{\"id\":\"a\",\"info\":{\"a\":null,\"n\":1},"
                        "\"type\":\"join\"}"));
  /* A second session of the same id is no news. */
  anycable_client *again = subscribe_as("a");
  assert_silence(watcher);
  subscribe_as("plain");
  assert_frame(watcher, FRAME("{\"id\":\"plain\",\"info\":\"\\u003cno json\","
                              "\"type\":\"join\"}"));
  anycable_client_receive(a);
  assert_int_equal(ask(a), ANYCABLE_OK);
  assert_frame(a, FRAME("{\"type\":\"info\",\"total\":2,\"records\":["
                        "{\"info\":{\"a\":null,\"n\":1},\"id\":\"a\"},"
                        "{\"info\":\"\\u003cno json\",\"id\":\"plain\"}]}"));
  anycable_client_perform(again, ROOM, "leave");
  assert_silence(watcher);
  anycable_client_unsubscribe(a, ROOM);
  assert_frame(watcher, FRAME("{\"id\":\"a\",\"type\":\"leave\"}"));
  assert_silence(watcher);
}

static void test_mismatch(void **state) {
  (void)state;
  anycable_client *a = subscribe_as("a");
  anycable_client_receive(a);
  anycable_client_perform(a, ROOM, "b");
  assert_string_equal(anycable_node_error(fx.node), "presence ID mismatch");
  assert_silence(a);
  anycable_client_perform(a, ROOM, "leave");
  assert_frame(a, FRAME("{\"id\":\"a\",\"type\":\"leave\"}"));
  anycable_client_perform(a, ROOM, "leave");
  assert_silence(a);
  anycable_client_perform(a, ROOM, "b");
  assert_true(anycable_client_receive(a).len > 0);
}

/* It lasts for a while. */
static void test_linger(void **state) {
  (void)state;
  anycable_client *watcher = subscribe_as("-");
  anycable_client *a = subscribe_as("a");
  anycable_client_receive(watcher);
  anycable_client_close(a);
  anycable_node_advance(fx.node, 14999);
  assert_silence(watcher);
  anycable_node_advance(fx.node, 1);
  assert_frame(watcher, FRAME("{\"id\":\"a\",\"type\":\"leave\"}"));
  anycable_node_advance(fx.node, 100000);
  assert_silence(watcher);
}

static void test_clients_ask(void **state) {
  (void)state;
  anycable_client *a = subscribe_as("a");
  anycable_client_receive(a);
  assert_int_equal(anycable_client_send(a,
                                        "{\"command\":\"leave\",\"identifier\":"
                                        "\"{\\\"channel\\\":\\\"Room\\\"}\"}"),
                   ANYCABLE_OK);
  assert_frame(a, FRAME("{\"id\":\"a\",\"type\":\"leave\"}"));
  assert_int_equal(
      anycable_client_send(a, "{\"command\":\"join\",\"identifier\":"
                              "\"{\\\"channel\\\":\\\"Room\\\"}\",\"presence\":"
                              "{\"id\":\"z\",\"info\":null}}"),
      ANYCABLE_OK);
  assert_frame(a, FRAME("{\"id\":\"z\",\"type\":\"join\"}"));
  assert_int_equal(anycable_client_send(a,
                                        "{\"command\":\"join\",\"identifier\":"
                                        "\"{\\\"channel\\\":\\\"Room\\\"}\"}"),
                   ANYCABLE_ERR_PROTO);
  anycable_client_send(a, "{\"command\":\"leave\",\"identifier\":"
                          "\"{\\\"channel\\\":\\\"Room\\\"}\"}");
  anycable_client_receive(a);
  ask(a);
  assert_frame(a, FRAME("{\"type\":\"info\",\"total\":0}"));
}

static void test_positions(void **state) {
  (void)state;
  anycable_client *client = subscribe_as("-");
  fx_publish("{\"stream\":\"s\",\"data\":\"1\"}");
  fx_publish("{\"stream\":\"s\",\"data\":\"2\",\"meta\":{\"transient\":true}}");
  fx_publish("{\"stream\":\"s\",\"data\":\"3\"}");
  assert_frame(client, "{\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\","
                       "\"message\":1,\"stream_id\":\"s\",\"epoch\":\"node\","
                       "\"offset\":1}");
  assert_frame(client, "{\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\","
                       "\"message\":2}");
  assert_frame(client, "{\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\","
                       "\"message\":3,\"stream_id\":\"s\",\"epoch\":\"node\","
                       "\"offset\":2}");
}

static void test_without(void **state) {
  (void)state;
  fx.command = command;
  anycable_client *a = subscribe_as("a");
  assert_true(anycable_client_subscribed(a, ROOM));
  assert_silence(a);
  assert_string_equal(anycable_node_error(fx.node), "presence not supported");
  assert_int_equal(ask(a), ANYCABLE_ERR_PROTO);
  assert_frame(a, FRAME("{\"type\":\"error\",\"total\":0}"));
}

#define BROKER(function)                                                       \
  cmocka_unit_test_setup_teardown(function, begin, fx_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      BROKER(test_join_and_leave), BROKER(test_mismatch),  BROKER(test_linger),
      BROKER(test_clients_ask),    BROKER(test_positions), TEST(test_without),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
