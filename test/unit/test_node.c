/* What AnyCable does with answers, row by row. */
#include "node_fixture.h"

#define STREAM "all"

static anycable_str room(void) {
  return ANYCABLE_STR(ROOM);
}

/* Starts a stream, confirms, sets what the rest uses. */
static int streaming(anycable_socket *socket, anycable_str command) {
  if (!anycable_str_is(command, "subscribe"))
    return ANYCABLE_DONE;
  anycable_socket_subscribe(socket, room(), ANYCABLE_STR(STREAM));
  return fx_send(socket, "confirm_subscription");
}

#define MESSAGE(data)                                                          \
  "{\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\",\"message\":" data "}"
#define TYPED(type, data)                                                      \
  "{\"type\":\"" type "\",\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\","  \
  "\"message\":" data "}"
#define PLAIN(type)                                                            \
  "{\"type\":\"" type "\",\"identifier\":\"{\\\"channel\\\":\\\"Room\\\"}\"}"

/* --- coming and going ------------------------------------------------------
 */

static void test_connect(void **state) {
  (void)state;
  fx.identifiers = "{\"user\":\"jack\"}";
  anycable_client *client = anycable_node_connect(fx.node, URL, NULL);
  assert_frame(client, "{\"type\":\"welcome\",\"sid\":\"1\"}");
  assert_silence(client);
  assert_true(anycable_client_connected(client));
  assert_string_equal(anycable_client_identifiers(client).ptr,
                      "{\"user\":\"jack\"}");
  anycable_client_close(client);
  assert_false(anycable_client_connected(client));
  assert_int_equal(anycable_client_close_code(client), 0);
  assert_int_equal(fx.disconnects, 1);
  anycable_client_close(client); /* as of a session that was taken up */
  assert_int_equal(fx.disconnects, 2);
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_ERR_STATE);
}

static int says_no(anycable_socket *socket) {
  anycable_socket_transmit(socket, ANYCABLE_STR("{\"no\":1}"));
  return ANYCABLE_REJECT;
}

static int fails(anycable_socket *socket) {
  anycable_socket_transmit(socket, ANYCABLE_STR("{\"no\":1}"));
  return anycable_socket_fail(socket, "broken");
}

static void test_connect_rejected(void **state) {
  (void)state;
  fx.open = says_no;
  anycable_client *client = anycable_node_connect(fx.node, URL, NULL);
  assert_frame(client, "{\"no\":1}");
  assert_false(anycable_client_connected(client));
  assert_int_equal(anycable_client_close_code(client), 1000);
  assert_string_equal(anycable_client_close_reason(client), "Auth Failed");
  assert_int_equal(anycable_client_identifiers(client).len, 0);
  anycable_client_close(client);
  assert_int_equal(fx.disconnects, 0);
}

static void test_connect_failed(void **state) {
  (void)state;
  fx.open = fails;
  anycable_client *client = anycable_node_connect(fx.node, URL, NULL);
  assert_silence(client);
  assert_int_equal(anycable_client_close_code(client), 1011);
  assert_string_equal(anycable_client_close_reason(client), "Auth Error");
  assert_non_null(strstr(anycable_node_error(fx.node), "broken"));
  anycable_client_close(client);
  assert_int_equal(fx.disconnects, 0);
}

static int tells(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  fx_say("%s|%s|%s|%s|%s|%s", anycable_request_url(request).ptr,
         anycable_request_header(request, "cookie").ptr,
         anycable_request_header(request, "empty").ptr,
         anycable_request_remote_addr(request).ptr,
         anycable_request_sid(request).ptr,
         anycable_request_metadata(request, "protov").ptr);
  return ANYCABLE_DONE;
}

static void test_env(void **state) {
  (void)state;
  fx.open = tells;
  const char *const headers[] = {"Cookie", "a=1", "cookie", "b=2",
                                 "Empty",  "",    NULL};
  const anycable_client_options options = {.size = sizeof(options),
                                           .sid = "s9",
                                           .headers = headers,
                                           .remote_addr = "::1"};
  assert_non_null(
      anycable_node_connect(fx.node, "WSS://h:1?a=b%20c#d", &options));
  assert_string_equal(fx.words, "https://h:1/?a=b%20c|a=1||::1|s9|v1");
}

static void test_bad_connects(void **state) {
  (void)state;
  const char *const odd[] = {"a", NULL};
  const anycable_client_options bad[] = {
      {.size = 0},
      {.size = sizeof(bad[0]), .sid = ""},
      {.size = sizeof(bad[0]), .sid = "a b"},
      {.size = sizeof(bad[0]), .headers = odd},
  };
  const char *const urls[] = {"",          "/cable",          "ftp://x/",
                              "ws://",     "ws:///cable",     "ws://x/a b",
                              "ws://a@x/", "ws://x/\xc3\xa4", NULL};
  for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
    assert_null(anycable_node_connect(fx.node, urls[i], NULL));
    assert_true(strlen(anycable_node_error(fx.node)) > 0);
  }
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_null(anycable_node_connect(fx.node, URL, &bad[i]));
  struct {
    anycable_client_options known;
    char more;
  } newer = {{.size = sizeof(newer)}, 1};
  assert_null(anycable_node_connect(fx.node, URL, &newer.known));
  newer.more = 0;
  assert_non_null(anycable_node_connect(fx.node, URL, &newer.known));
  assert_int_equal(fx.connects, 1);
}

static void test_token(void **state) {
  (void)state;
  fx.command = streaming;
  const anycable_client_options options = {.size = sizeof(options),
                                           .identifiers = "{\"id\":7}"};
  anycable_client *client = anycable_node_connect(fx.node, URL, &options);
  assert_frame(client, "{\"type\":\"welcome\",\"sid\":\"1\"}");
  assert_int_equal(fx.connects, 0);
  assert_string_equal(anycable_client_identifiers(client).ptr, "{\"id\":7}");
  anycable_client_close(client);
  assert_int_equal(fx.disconnects, 0); /* no RPC, no interest */
  client = anycable_node_connect(fx.node, URL, &options);
  anycable_client_subscribe(client, ROOM);
  anycable_client_close(client);
  assert_int_equal(fx.disconnects, 1);
}

/* --- subscriptions ----------------------------------------------------------
 */

static void test_subscribe(void **state) {
  (void)state;
  fx.command = streaming;
  anycable_client *client = fx_connect();
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_OK);
  assert_frame(client, PLAIN("confirm_subscription"));
  assert_true(anycable_client_subscribed(client, ROOM));
  assert_string_equal(anycable_client_stream(client, ROOM, 0).ptr, STREAM);
  assert_int_equal(anycable_client_stream(client, ROOM, 1).len, 0);
  /* Twice is silence. */
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_ERR_PROTO);
  assert_silence(client);
  assert_int_equal(fx.commands, 1);
  fx_publish("{\"stream\":\"all\",\"data\":\"{\\\"b\\\":1,\\\"a\\\":2}\"}");
  assert_frame(client, MESSAGE("{\"a\":2,\"b\":1}"));
  assert_int_equal(anycable_client_unsubscribe(client, ROOM), ANYCABLE_OK);
  assert_silence(client);
  assert_false(anycable_client_subscribed(client, ROOM));
  assert_int_equal(anycable_client_unsubscribe(client, ROOM),
                   ANYCABLE_ERR_PROTO);
  assert_int_equal(fx.commands, 2);
  fx_publish("{\"stream\":\"all\",\"data\":\"1\"}");
  assert_silence(client);
  assert_int_equal(anycable_client_perform(client, ROOM, "{}"),
                   ANYCABLE_ERR_PROTO);
}

static int rejects(anycable_socket *socket, anycable_str command) {
  (void)command;
  anycable_socket_subscribe(socket, room(), ANYCABLE_STR(STREAM));
  anycable_socket_set_cstate(socket, "c", ANYCABLE_STR("1"));
  fx_send(socket, "reject_subscription");
  return ANYCABLE_REJECT;
}

static void test_reject(void **state) {
  (void)state;
  fx.command = rejects;
  anycable_client *client = fx_connect();
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_OK);
  assert_frame(client, PLAIN("reject_subscription"));
  assert_false(anycable_client_subscribed(client, ROOM));
  assert_string_equal(anycable_client_cstate(client, "c").ptr, "1");
  /* The library has taken the stream back. */
  assert_int_equal(anycable_client_stream(client, ROOM, 0).len, 0);
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_OK);
}

static int errs(anycable_socket *socket, anycable_str command) {
  (void)command;
  anycable_socket_set_cstate(socket, "c", ANYCABLE_STR("1"));
  fx_send(socket, "confirm_subscription");
  return anycable_socket_fail(socket, "no such room");
}

static void test_command_errors(void **state) {
  (void)state;
  fx.command = errs;
  anycable_client *client = fx_connect();
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_OK);
  assert_silence(client);
  assert_false(anycable_client_subscribed(client, ROOM));
  assert_int_equal(anycable_client_cstate(client, "c").len, 0);
  assert_non_null(strstr(anycable_node_error(fx.node), "no such room"));
  fx.command = streaming;
  anycable_client_subscribe(client, ROOM);
  fx.command = errs;
  assert_int_equal(anycable_client_unsubscribe(client, ROOM), ANYCABLE_OK);
  assert_true(anycable_client_subscribed(client, ROOM));
  assert_string_equal(anycable_client_stream(client, ROOM, 0).ptr, STREAM);
}

static int stops(anycable_socket *socket, anycable_str command) {
  anycable_str data = anycable_request_data(anycable_socket_request(socket));
  if (anycable_str_is(command, "subscribe")) {
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("a"));
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("b"));
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("a"));
  } else if (anycable_str_is(data, "one")) {
    anycable_socket_unsubscribe(socket, room(), ANYCABLE_STR("a"));
    anycable_socket_unsubscribe(socket, room(), ANYCABLE_STR("never"));
  } else if (anycable_str_is(data, "both")) {
    anycable_socket_unsubscribe(socket, room(), ANYCABLE_STR("b"));
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("b"));
  } else if (anycable_str_is(data, "all")) {
    anycable_socket_unsubscribe_from_all(socket, room());
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("c"));
  } else if (anycable_str_is(data, "reject")) {
    anycable_socket_subscribe(socket, room(), ANYCABLE_STR("d"));
    return ANYCABLE_REJECT; /* the same as DONE */
  }
  return ANYCABLE_DONE;
}

static void assert_streams(anycable_client *client, const char *expected) {
  char all[100] = "";
  anycable_str one;
  for (size_t i = 0; (one = anycable_client_stream(client, ROOM, i)).len; i++)
    strcat(all, one.ptr);
  assert_string_equal(all, expected);
}

static void test_streams(void **state) {
  (void)state;
  fx.command = stops;
  anycable_client *client = fx_subscribed();
  assert_streams(client, "ab");
  anycable_client_perform(client, ROOM, "one");
  assert_streams(client, "b");
  anycable_client_perform(client, ROOM, "both");
  assert_streams(client, "b");
  anycable_client_perform(client, ROOM, "all");
  assert_streams(client, "c");
  anycable_client_perform(client, ROOM, "reject");
  assert_streams(client, "cd");
}

/* --- state -------------------------------------------------------------------
 */

static int stateful(anycable_socket *socket, anycable_str command) {
  anycable_str data = anycable_request_data(anycable_socket_request(socket));
  (void)command;
  fx_say("(%s %s)", anycable_socket_cstate(socket, "c").ptr,
         anycable_socket_istate(socket, "i").ptr);
  anycable_socket_set_cstate(socket, "c", data);
  anycable_socket_set_istate(socket, "i", data);
  anycable_socket_set_istate(socket, "kept", ANYCABLE_STR("<k>"));
  return ANYCABLE_DONE;
}

static int tells_states(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  fx_say("[%zu %s %s %s %s]", anycable_request_subscription_count(request),
         anycable_request_subscription(request, 0).ptr,
         anycable_socket_cstate(socket, "c").ptr,
         anycable_socket_istate_of(socket, room(), "i").ptr,
         anycable_socket_istate_of(socket, room(), "kept").ptr);
  return ANYCABLE_DONE;
}

static void test_state(void **state) {
  (void)state;
  fx.command = stateful;
  fx.close = tells_states;
  anycable_client *client = fx_subscribed();
  anycable_client_perform(client, ROOM, "one");
  assert_string_equal(anycable_client_istate(client, ROOM, "i").ptr, "one");
  assert_string_equal(anycable_client_istate(client, ROOM, "kept").ptr, "<k>");
  anycable_client_perform(client, ROOM, ""); /* deletes */
  assert_int_equal(anycable_client_istate(client, ROOM, "i").len, 0);
  assert_int_equal(anycable_client_cstate(client, "c").len, 0);
  anycable_client_perform(client, ROOM, "two");
  assert_string_equal(fx.words, "( )( )(one one)( )");
  fx.words[0] = '\0';
  anycable_client_close(client);
  assert_string_equal(fx.words, "[1 " ROOM " two two <k>]");
}

static void test_unsubscribe_drops_state(void **state) {
  (void)state;
  fx.command = stateful;
  fx.close = tells_states;
  anycable_client *client = fx_subscribed();
  anycable_client_perform(client, ROOM, "one");
  anycable_client_unsubscribe(client, ROOM);
  assert_int_equal(anycable_client_istate(client, ROOM, "kept").len, 0);
  fx.words[0] = '\0';
  anycable_client_close(client);
  assert_string_equal(fx.words, "[0    ]");
}

/* --- closing
 * ------------------------------------------------------------------ */

static int closes(anycable_socket *socket, anycable_str command) {
  if (anycable_str_is(command, "message")) {
    anycable_socket_transmit(socket, ANYCABLE_STR("{\"bye\":1}"));
    anycable_socket_close(socket);
  }
  return ANYCABLE_DONE;
}

static void test_close(void **state) {
  (void)state;
  fx.command = closes;
  anycable_client *client = fx_subscribed();
  anycable_client_perform(client, ROOM, "");
  assert_frame(client, "{\"bye\":1}");
  assert_int_equal(anycable_client_close_code(client), 1006);
  assert_string_equal(anycable_client_close_reason(client), "Command Failed");
  assert_int_equal(fx.disconnects, 1);
  anycable_client_close(client);
  assert_int_equal(fx.disconnects, 1);
}

static void test_remote_disconnect(void **state) {
  (void)state;
  fx.identifiers = "{\"u\":1}";
  anycable_client *one = fx_connect(), *two = fx_connect();
  fx.identifiers = "{\"u\":2}";
  anycable_client *other = fx_connect();
  fx_publish("{\"command\":\"disconnect\",\"payload\":{\"identifier\":"
             "\"{\\\"u\\\":1}\",\"reconnect\":true}}");
  anycable_client *gone[] = {one, two};
  for (int i = 0; i < 2; i++) {
    assert_frame(gone[i], "{\"type\":\"disconnect\",\"reason\":\"remote\","
                          "\"reconnect\":true}");
    assert_int_equal(anycable_client_close_code(gone[i]), 1000);
    assert_string_equal(anycable_client_close_reason(gone[i]),
                        "Closed remotely");
  }
  assert_int_equal(fx.disconnects, 2);
  assert_true(anycable_client_connected(other));
  assert_int_equal(
      anycable_app_disconnect(fx.app, ANYCABLE_STR("{\"u\":2}"), false),
      ANYCABLE_OK);
  anycable_node_run(fx.node);
  assert_frame(other, "{\"type\":\"disconnect\",\"reason\":\"remote\","
                      "\"reconnect\":false}");
}

/* --- publications
 * -------------------------------------------------------------- */

static void test_publications(void **state) {
  (void)state;
  fx.command = streaming;
  anycable_client *client = fx_subscribed();
  static const char *const cases[][2] = {
      {"1", "1"},
      {"1.0", "1"},
      {"9007199254740993", "9007199254740992"},
      {"[ true , null ]", "[true,null]"},
      {"null", "\"null\""},
      {"not json", "\"not json\""},
      {"{\\\"b\\\":{\\\"z\\\":1,\\\"y\\\":2},\\\"a\\\":1,\\\"b\\\":[]}",
       "{\"a\":1,\"b\":[]}"},
      {"\\\"<&>\\\"", "\"\\u003c\\u0026\\u003e\""},
      {"1e21", "1e+21"},
      {"1e20", "100000000000000000000"},
      {"0.000001", "0.000001"},
      {"1.5e-7", "1.5e-7"},
      {"-0.0", "-0"},
      {"123.456", "123.456"},
      {"0.1", "0.1"},
      {"[1e400]", "[null]"},
      {"1e400", "\"1e400\""},
      {"\\\"\\\\ud800x\\\"", "\"\xef\xbf\xbdx\""},
      {"\\\"\\\\ud83d\\\\ude00\\\"", "\"\xf0\x9f\x98\x80\""},
      {"\\\"\\\\u0000\\\\u2028\\\\n\\\"", "\"\\u0000\\u2028\\n\""},
      {"", "\"\""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char json[512], frame[512];
    snprintf(json, sizeof(json), "{\"stream\":\"all\",\"data\":\"%s\"}",
             cases[i][0]);
    snprintf(frame, sizeof(frame), MESSAGE("%s"), cases[i][1]);
    fx_publish(json);
    assert_frame(client, frame);
  }
}

static void test_publication_forms(void **state) {
  (void)state;
  fx.command = streaming;
  anycable_client *one = fx_subscribed(), *two = fx_subscribed();
  fx_publish(" [ {\"stream\":\"all\",\"data\":\"1\"} , {\"stream\":\"all\","
             "\"data\":\"2\",\"meta\":{\"exclude_socket\":\"1\"}} ] ");
  assert_frame(one, MESSAGE("1"));
  assert_silence(one);
  assert_frame(two, MESSAGE("1"));
  assert_frame(two, MESSAGE("2"));
  fx_publish("{\"Stream\":\"all\",\"DATA\":\"3\",\"x\":1,\"meta\":"
             "{\"broadcast_type\":\"t<\",\"transient\":true}}");
  assert_frame(one, TYPED("t\\u003c", "3"));
  fx_publish("{\"command\":\"unknown\"}");
  static const char *const bad[] = {
      "",
      "null",
      "{}",
      "[]",
      "x",
      "\"stream\"",
      "{\"stream\":\"\",\"data\":\"1\"}",
      "{\"stream\":\"all\",\"data\":{}}",
      "{\"stream\":\"all\",\"data\":\"1\",\"meta\":1}",
      "{\"stream\":\"all\",\"data\":\"1\",\"meta\":{\"transient\":1}}",
      "{\"stream\":1,\"data\":\"1\"}",
      "[{\"stream\":\"all\",\"data\":\"1\"},null]",
      "[{\"stream\":\"all\",\"data\":\"1\"},{\"stream\":2}]",
      "[{\"stream\":\"\",\"data\":\"1\"}]",
      "{\"command\":\"disconnect\"}",
      "{\"command\":\"disconnect\",\"payload\":{\"identifier\":1}}",
      "{\"command\":\"\"}",
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(anycable_node_publish(fx.node, anycable_str_of(bad[i])),
                     ANYCABLE_ERR_PROTO);
    assert_true(strlen(anycable_node_error(fx.node)) > 0);
    assert_silence(one);
  }
}

static int publishes(anycable_socket *socket, anycable_str command) {
  if (!anycable_str_is(command, "message"))
    return streaming(socket, command);
  const anycable_publish_options options = {
      .size = sizeof(options),
      .exclude_socket = anycable_request_sid(anycable_socket_request(socket))};
  anycable_socket_transmit(socket, ANYCABLE_STR("{\"first\":1}"));
  anycable_socket_broadcast(socket, ANYCABLE_STR(STREAM), ANYCABLE_STR("1"),
                            NULL);
  return anycable_socket_broadcast(socket, ANYCABLE_STR(STREAM),
                                   ANYCABLE_STR("2"), &options);
}

static void test_handlers_publish(void **state) {
  (void)state;
  fx.command = publishes;
  anycable_client *one = fx_subscribed(), *two = fx_subscribed();
  anycable_client_perform(one, ROOM, "");
  assert_frame(one, "{\"first\":1}");
  assert_frame(one, MESSAGE("1"));
  assert_silence(one);
  assert_frame(two, MESSAGE("1"));
  assert_frame(two, MESSAGE("2"));
  anycable_app_broadcast(fx.app, ANYCABLE_STR(STREAM), ANYCABLE_STR("3"), NULL);
  assert_silence(two);
  anycable_node_run(fx.node);
  assert_frame(two, MESSAGE("3"));
}

/* --- whispers
 * -------------------------------------------------------------------- */

static int whispers(anycable_socket *socket, anycable_str command) {
  if (anycable_str_is(command, "subscribe"))
    anycable_socket_whisper(socket, ANYCABLE_STR(STREAM));
  return streaming(socket, command);
}

static void test_whisper(void **state) {
  (void)state;
  fx.command = streaming;
  anycable_client *deaf = fx_subscribed();
  fx.command = whispers;
  anycable_client *one = fx_subscribed(), *two = fx_subscribed();
  assert_int_equal(
      anycable_client_whisper(one, ROOM, "{\"b\":1.50, \"a\":\"<\"}"),
      ANYCABLE_OK);
  assert_silence(one);
  assert_frame(two, MESSAGE("{\"a\":\"\\u003c\",\"b\":1.5}"));
  assert_frame(deaf, MESSAGE("{\"a\":\"\\u003c\",\"b\":1.5}"));
  assert_int_equal(anycable_client_whisper(one, ROOM, NULL), ANYCABLE_OK);
  assert_frame(two, MESSAGE("\"null\""));
  /* Without a stream for it, nothing. */
  anycable_client_receive(deaf);
  assert_int_equal(anycable_client_whisper(deaf, ROOM, "1"), ANYCABLE_OK);
  assert_int_equal(anycable_client_whisper(deaf, "other", "1"), ANYCABLE_OK);
  assert_silence(one);
  assert_silence(two);
}

/* --- frames
 * ---------------------------------------------------------------------- */

static int tells_data(anycable_socket *socket, anycable_str command) {
  const anycable_request *request = anycable_socket_request(socket);
  fx_say("[%s %s %s]", command.ptr, anycable_request_identifier(request).ptr,
         anycable_request_data(request).ptr);
  return ANYCABLE_DONE;
}

static void test_frames(void **state) {
  (void)state;
  fx.command = tells_data;
  anycable_client *client = fx_connect();
  static const struct {
    const char *frame;
    int result;
    const char *words;
  } cases[] = {
      {"{\"command\":\"subscribe\",\"identifier\":\"a\"}", 0, "[subscribe a ]"},
      {"{\"Command\":\"x\",\"COMMAND\":\"message\",\"identifier\":\"a\","
       "\"data\":\"\\u00e4\",\"more\":1,\"identifier\":null}",
       0, "[message a \xc3\xa4]"},
      {"{\"command\":\"message\",\"identifier\":\"a\",\"data\":{}}",
       ANYCABLE_ERR_PROTO, ""},
      {"{\"command\":\"message\",\"identifier\":\"a\"}", ANYCABLE_ERR_PROTO,
       ""},
      /* A NUL gets as far as the backend, which refuses it. */
      {"{\"command\":\"message\",\"identifier\":\"a\",\"data\":\"\\u0000\"}", 0,
       ""},
      {"{\"command\":\"subscribe\"}", 0, "[subscribe  ]"},
      {"{\"command\":\"subscribe\"}", ANYCABLE_ERR_PROTO, ""},
      {"{\"command\":\"dance\",\"identifier\":\"a\"}", ANYCABLE_ERR_PROTO, ""},
      {"{}", ANYCABLE_ERR_PROTO, ""},
      {"null", 0, ""},
      {"{\"command\":\"pong\"}", 0, ""},
      {"{\"command\":\"history\",\"identifier\":\"a\"}", ANYCABLE_ERR_PROTO,
       ""},
      {"{\"command\":\"presence\",\"identifier\":\"b\"}", ANYCABLE_ERR_PROTO,
       ""},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fx.words[0] = '\0';
    assert_int_equal(anycable_client_send(client, cases[i].frame),
                     cases[i].result);
    assert_string_equal(fx.words, cases[i].words);
    if (cases[i].result)
      assert_true(strlen(anycable_node_error(fx.node)) > 0);
    assert_silence(client);
  }
  assert_int_equal(anycable_client_send(client, "{\"command\":\"ping\"}"), 0);
  assert_frame(client, "{\"type\":\"pong\"}");
  assert_int_equal(
      anycable_client_send(client, "{\"command\":\"history\",\"identifier\":"
                                   "\"a\",\"history\":{\"since\":1}}"),
      ANYCABLE_OK); /* of no stream */
  assert_frame(client, "{\"type\":\"confirm_history\",\"identifier\":\"a\"}");
}

/* After what is no frame, AnyCable does not read from the client any more. */
static void test_no_frames(void **state) {
  (void)state;
  static const char *const frames[] = {
      "", "x", "[]", "{\"command\":1}", "{\"command\":\"ping\"", "\"ping\""};
  for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
    anycable_client *client = fx_connect();
    assert_int_equal(anycable_client_send(client, frames[i]),
                     ANYCABLE_ERR_PROTO);
    assert_true(anycable_client_connected(client));
    assert_int_equal(anycable_client_send(client, "{\"command\":\"ping\"}"),
                     ANYCABLE_ERR_PROTO);
    assert_silence(client);
  }
  anycable_client *client = fx_connect();
  char *large = malloc(70001);
  memset(large, ' ', 70000);
  large[70000] = '\0';
  assert_int_equal(anycable_client_send(client, large), ANYCABLE_ERR_PROTO);
  assert_int_equal(anycable_client_close_code(client), 1009);
  assert_int_equal(fx.disconnects, 1);
  free(large);
}

/* --- what lies on the way ---------------------------------------------------
 */

static int before(anycable_socket *socket, void *ctx) {
  const anycable_request *request = anycable_socket_request(socket);
  (void)ctx;
  fx_say("<%s>", anycable_method_name(anycable_request_method(request)));
  return anycable_str_is(anycable_request_data(request), "no")
             ? anycable_socket_fail(socket, "intercepted")
             : ANYCABLE_DONE;
}

static int transmits_much(anycable_socket *socket, anycable_str command) {
  static char text[1 << 20];
  memset(text, 'x', sizeof(text));
  if (anycable_str_is(command, "message"))
    for (int i = 0; i < 5; i++)
      anycable_socket_transmit(socket, (anycable_str){text, sizeof(text)});
  return ANYCABLE_DONE;
}

static void test_guards(void **state) {
  (void)state;
  anycable_node_free(fx.node);
  anycable_app_free(fx.app);
  fx.app = anycable_app_new();
  anycable_app_set_factory(fx.app, &fx_ops, NULL, NULL);
  anycable_app_add_interceptor(fx.app, before, NULL, NULL);
  fx.node = anycable_node_new(fx.app);
  fx.command = transmits_much;
  anycable_client *client = fx_subscribed();
  assert_int_equal(anycable_client_perform(client, ROOM, "no"), ANYCABLE_OK);
  assert_non_null(strstr(anycable_node_error(fx.node), "intercepted"));
  assert_int_equal(fx.commands, 1);
  assert_int_equal(anycable_client_perform(client, ROOM, "yes"), ANYCABLE_OK);
  assert_silence(client);
  assert_true(strlen(anycable_node_error(fx.node)) > 0);
  anycable_client_close(client);
  assert_string_equal(fx.words,
                      "<connect><command><command><command><disconnect>");
}

/* --- nothing at all
 * ---------------------------------------------------------------- */

static void test_null(void **state) {
  (void)state;
  assert_null(anycable_node_new(NULL));
  anycable_node_free(NULL);
  anycable_node_use_broker(NULL);
  assert_null(anycable_node_connect(NULL, URL, NULL));
  assert_int_equal(anycable_client_subscribe(NULL, ROOM), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_client_send(NULL, "{}"), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_client_receive(NULL).len, 0);
  anycable_client_close(NULL);
  assert_false(anycable_client_connected(NULL));
  assert_int_equal(anycable_client_close_code(NULL), 0);
  assert_string_equal(anycable_client_close_reason(NULL), "");
  assert_int_equal(anycable_client_identifiers(NULL).len, 0);
  assert_false(anycable_client_subscribed(NULL, ROOM));
  assert_int_equal(anycable_client_stream(NULL, ROOM, 0).len, 0);
  assert_int_equal(anycable_client_cstate(NULL, "a").len, 0);
  assert_int_equal(anycable_client_istate(NULL, ROOM, "a").len, 0);
  assert_int_equal(anycable_node_run(NULL), 0);
  assert_int_equal(anycable_node_wait(NULL, 1), ANYCABLE_ERR_INVALID);
  anycable_node_advance(NULL, 1);
  assert_int_equal(anycable_node_publish(NULL, ANYCABLE_STR("{}")),
                   ANYCABLE_ERR_INVALID);
  anycable_node_on_rpc(NULL, NULL, NULL);
  assert_int_equal(anycable_node_replay(NULL, ANYCABLE_STR("{}")),
                   ANYCABLE_ERR_INVALID);
  anycable_app *app = anycable_app_new();
  assert_null(anycable_node_new(app));
  assert_non_null(strstr(anycable_app_error(app), "factory"));
  anycable_app_free(app);
}

/* After a node is gone, the application still publishes; and another one. */
static void test_again(void **state) {
  (void)state;
  anycable_node_free(fx.node);
  assert_int_equal(anycable_app_broadcast(fx.app, ANYCABLE_STR(STREAM),
                                          ANYCABLE_STR("1"), NULL),
                   ANYCABLE_OK);
  fx.node = anycable_node_new(fx.app);
  assert_non_null(fx.node);
  fx.command = streaming;
  anycable_client *client = fx_subscribed();
  anycable_app_broadcast(fx.app, ANYCABLE_STR(STREAM), ANYCABLE_STR("2"), NULL);
  anycable_node_run(fx.node);
  assert_frame(client, MESSAGE("2"));
  assert_silence(client);
}

static int calls_back(anycable_socket *socket, anycable_str command) {
  (void)socket, (void)command;
  assert_int_equal(anycable_node_publish(fx.node, ANYCABLE_STR("{}")),
                   ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_node_run(fx.node), 0);
  anycable_node_free(fx.node);
  return ANYCABLE_DONE;
}

static void test_from_handler(void **state) {
  (void)state;
  fx.command = calls_back;
  fx_subscribed();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_connect),
      TEST(test_connect_rejected),
      TEST(test_connect_failed),
      TEST(test_env),
      TEST(test_bad_connects),
      TEST(test_token),
      TEST(test_subscribe),
      TEST(test_reject),
      TEST(test_command_errors),
      TEST(test_streams),
      TEST(test_state),
      TEST(test_unsubscribe_drops_state),
      TEST(test_close),
      TEST(test_remote_disconnect),
      TEST(test_publications),
      TEST(test_publication_forms),
      TEST(test_handlers_publish),
      TEST(test_whisper),
      TEST(test_frames),
      TEST(test_no_frames),
      TEST(test_guards),
      TEST(test_null),
      TEST(test_again),
      TEST(test_from_handler),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
