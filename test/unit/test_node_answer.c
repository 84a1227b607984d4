/* Answers that this library never gives, and others do: what AnyCable makes of
 * them. */
#include "node_fixture.h"

#include "node/node.h"

static anycable_str list[] = {ANYCABLE_STR_INIT("a"), ANYCABLE_STR_INIT("b")};
static struct ac_pair changes[] = {
    {ANYCABLE_STR_INIT("i"), ANYCABLE_STR_INIT("1")},
    {ANYCABLE_STR_INIT("gone"), ANYCABLE_STR_INIT("")}};

static struct ac_exchange answer(anycable_client *client) {
  return (struct ac_exchange){.node = fx.node,
                              .client = client,
                              .method = ANYCABLE_COMMAND,
                              .identifier = ANYCABLE_STR(ROOM)};
}

/* The streams of a subscription that was refused leak. */
static void test_refused(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  struct ac_exchange exchange = answer(client);
  exchange.reply = (struct ac_wire_reply){.status = AC_WIRE_FAILURE,
                                          .streams = {list, 2},
                                          .istate = {changes, 2},
                                          .transmissions = {list, 1}};
  ac_answer_subscribe(&exchange);
  assert_frame(client, "a");
  assert_false(anycable_client_subscribed(client, ROOM));
  assert_string_equal(anycable_client_stream(client, ROOM, 1).ptr, "b");
  assert_string_equal(anycable_client_istate(client, ROOM, "i").ptr, "1");
  fx_publish("{\"stream\":\"b\",\"data\":\"1\"}");
  assert_true(anycable_client_receive(client).len > 0);
  assert_int_equal(anycable_client_perform(client, ROOM, ""),
                   ANYCABLE_ERR_PROTO);
}

static int tells(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  fx_say("%zu %s", anycable_request_subscription_count(request),
         anycable_socket_istate_of(socket, ANYCABLE_STR(ROOM), "i").ptr);
  return ANYCABLE_DONE;
}

/* State of an answer to "unsubscribe" comes back as an orphan. */
static void test_orphan(void **state) {
  (void)state;
  anycable_client *client = fx_subscribed();
  struct ac_exchange exchange = answer(client);
  exchange.reply = (struct ac_wire_reply){
      .status = AC_WIRE_FAILURE, .streams = {list, 1}, .istate = {changes, 1}};
  ac_answer_unsubscribe(&exchange);
  assert_false(anycable_client_subscribed(client, ROOM));
  assert_string_equal(anycable_client_stream(client, ROOM, 0).ptr, "a");
  fx.close = tells;
  anycable_client_close(client);
  assert_string_equal(fx.words, "0 1");
}

static void test_stop_all_wins(void **state) {
  (void)state;
  anycable_client *client = fx_subscribed();
  struct ac_exchange exchange = answer(client);
  exchange.reply =
      (struct ac_wire_reply){.status = AC_WIRE_SUCCESS, .streams = {list, 2}};
  ac_answer_message(&exchange);
  exchange.reply = (struct ac_wire_reply){.status = AC_WIRE_SUCCESS,
                                          .stop_streams = true,
                                          .stopped_streams = {list, 1},
                                          .streams = {list, 1}};
  ac_answer_message(&exchange);
  assert_string_equal(anycable_client_stream(client, ROOM, 0).ptr, "a");
  assert_int_equal(anycable_client_stream(client, ROOM, 1).len, 0);
}

/* Closed by the answer to its first RPC, a client with a token is gone before
 * AnyCable notes that there was one. */
static void test_closed_too_early(void **state) {
  (void)state;
  const anycable_client_options options = {.size = sizeof(options),
                                           .identifiers = "{}"};
  anycable_client *client = anycable_node_connect(fx.node, URL, &options);
  struct ac_exchange exchange = answer(client);
  exchange.reply =
      (struct ac_wire_reply){.status = AC_WIRE_FAILURE, .disconnect = true};
  ac_answer_subscribe(&exchange);
  assert_int_equal(anycable_client_close_code(client), 1006);
  assert_int_equal(fx.disconnects, 0);
}

static void test_no_answer(void **state) {
  (void)state;
  anycable_client *client = fx_connect();
  struct ac_exchange exchange = answer(client);
  exchange.failure = "broken";
  exchange.reply = (struct ac_wire_reply){.transmissions = {list, 2}};
  ac_answer_connect(&exchange);
  assert_silence(client);
  assert_int_equal(anycable_client_close_code(client), 1011);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_refused),       TEST(test_orphan),
      TEST(test_stop_all_wins), TEST(test_closed_too_early),
      TEST(test_no_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
