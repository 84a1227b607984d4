/* Channels: subscribing, actions, what they read and what they put out. */
#include "cable_fixture.h"

#define CHAT "{\"channel\":\"ChatChannel\",\"room\":\"1\"}"
#define QUOTED_CHAT                                                            \
  "\"{\\\"channel\\\":\\\"ChatChannel\\\",\\\"room\\\":\\\"1\\\"}\""
#define CONFIRMED                                                              \
  ">{\"type\":\"confirm_subscription\",\"identifier\":" QUOTED_CHAT "}"
#define REJECTED                                                               \
  ">{\"type\":\"reject_subscription\",\"identifier\":" QUOTED_CHAT "}"
#define MESSAGE(json) ">{\"identifier\":" QUOTED_CHAT ",\"message\":" json "}"

/* What the callback of the test at hand does. */
static int (*does)(anycable_channel *channel);
static int ran;

static int callback(anycable_channel *channel, void *ctx) {
  assert_ptr_equal(ctx, &does);
  ran++;
  return does ? does(channel) : ANYCABLE_DONE;
}

static int action(anycable_channel *channel, anycable_str data, void *ctx) {
  assert_true(
      anycable_str_equal(data, anycable_request_data(anycable_socket_request(
                                   anycable_channel_socket(channel)))));
  return callback(channel, ctx);
}

static anycable_channel_class *chat_class(void) {
  return anycable_app_channel(fx.app, "ChatChannel");
}

/* An application with all callbacks. */
static anycable_channel_class *begin(int (*fn)(anycable_channel *channel)) {
  does = fn;
  ran = 0;
  anycable_channel_class *chat = chat_class();
  anycable_channel_class_on_subscribe(chat, callback, &does);
  anycable_channel_class_on_unsubscribe(chat, callback, &does);
  anycable_channel_class_on_action(chat, "speak", action, &does);
  anycable_channel_class_on_receive(chat, action, &does);
  return chat;
}

static const char *subscribes(int (*fn)(anycable_channel *channel)) {
  begin(fn);
  fx_start(0, 1);
  return commands("subscribe", CHAT, "");
}

static const char *speaks(int (*fn)(anycable_channel *channel)) {
  begin(fn);
  fx_start(0, 1);
  return commands("message", CHAT, "{\"action\":\"speak\"}");
}

/* --- commands ------------------------------------------------------------- */

static void test_no_callbacks(void **state) {
  (void)state;
  chat_class();
  fx_start(0, 1);
  assert_string_equal(commands("subscribe", CHAT, ""), "1 " CONFIRMED);
  assert_string_equal(commands("unsubscribe", CHAT, ""), "1");
  assert_non_null(strstr(commands("message", CHAT, "{\"action\":\"speak\"}"),
                         "0 !ChatChannel has no action \"speak\""));
  assert_string_equal(commands("message", CHAT, "{}"),
                      "0 !ChatChannel has no action \"\"");
}

static int streams(anycable_channel *channel) {
  anycable_channel_transmit(channel, ANYCABLE_STR("1"));
  return anycable_channel_stream_from(channel, "chat/",
                                      anycable_channel_param(channel, "room"));
}

/* The channel's own frames go first. */
static void test_subscribe(void **state) {
  (void)state;
  assert_string_equal(subscribes(streams),
                      "1 +chat/1 " MESSAGE("1") " " CONFIRMED);
  assert_int_equal(ran, 1);
}

static int rejects(anycable_channel *channel) {
  streams(channel);
  anycable_channel_set_istate(channel, "k", ANYCABLE_STR("v"));
  anycable_channel_set_cstate(channel, "c", ANYCABLE_STR("v"));
  anycable_channel_presence_join(channel, ANYCABLE_STR("s"), ANYCABLE_STR("id"),
                                 ANYCABLE_STR("1"));
  return ANYCABLE_REJECT;
}

/* No stream, no istate, no presence leaks. */
static void test_reject(void **state) {
  (void)state;
  assert_string_equal(subscribes(rejects),
                      "2 c:c=v " MESSAGE("1") " " REJECTED);
}

static int rejects_with_a_reason(anycable_channel *channel) {
  assert_int_equal(anycable_channel_reject(channel, "room %d is full", 1),
                   ANYCABLE_REJECT);
  return ANYCABLE_DONE; /* it is remembered */
}

static void test_reject_with_a_reason(void **state) {
  (void)state;
  assert_string_equal(subscribes(rejects_with_a_reason),
                      "2 " REJECTED " !room 1 is full");
}

static int fails(anycable_channel *channel) {
  streams(channel);
  assert_int_equal(anycable_channel_fail(channel, "no %s", "way"),
                   ANYCABLE_ERR_FAILED);
  return ANYCABLE_DONE;
}

/* Nothing of a call that failed goes out, confirmation included. */
static void test_fail(void **state) {
  (void)state;
  assert_string_equal(subscribes(fails), "0 !no way");
}

static int returns_error(anycable_channel *channel) {
  (void)channel;
  return ANYCABLE_ERR_BUSY;
}

static void test_error(void **state) {
  (void)state;
  assert_string_equal(subscribes(returns_error),
                      "0 !handlers are still running");
}

/* An output that failed, although nobody looked. */
static int streams_from_nothing(anycable_channel *channel) {
  assert_int_equal(
      anycable_channel_stream_from(channel, NULL, ANYCABLE_STR("")),
      ANYCABLE_ERR_INVALID);
  return ANYCABLE_DONE;
}

static void test_output_failed(void **state) {
  (void)state;
  assert_string_equal(subscribes(streams_from_nothing),
                      "0 !an output failed: invalid argument");
}

static int unsubscribes(anycable_channel *channel) {
  anycable_channel_set_istate(channel, "k", ANYCABLE_STR("v"));
  anycable_channel_set_cstate(channel, "c", ANYCABLE_STR("v"));
  return anycable_channel_transmit_string(channel, ANYCABLE_STR("bye"));
}

/* No istate, which would come back as an orphan. */
static void test_unsubscribe(void **state) {
  (void)state;
  begin(unsubscribes);
  fx_start(0, 1);
  assert_string_equal(commands("unsubscribe", CHAT, ""),
                      "1 c:c=v " MESSAGE("\"bye\""));
  assert_int_equal(ran, 1);
}

static void test_unknown_command(void **state) {
  (void)state;
  begin(NULL);
  fx_start(0, 1);
  assert_string_equal(commands("history", CHAT, ""),
                      "0 !unknown command: history");
  assert_string_equal(commands("", CHAT, ""), "0 !unknown command: ");
  assert_string_equal(commands("Subscribe", CHAT, ""),
                      "0 !unknown command: Subscribe");
  assert_int_equal(ran, 0);
}

static const char *const foreign[] = {
    "",
    "text",
    "{",
    "[]",
    "{}",
    "\"ChatChannel\"",
    "{\"channel\":\"\"}",
    "{\"channel\":1}",
    "{\"channel\":null}",
    "{\"channel\":[\"ChatChannel\"]}",
    "{\"channel\":\"chatchannel\"}",
    "{\"channel\":\"ChatChannel\"} x",
    "{\"channel\":\"ChatChannel\",\"channel\":\"ChatChannel\"}",
    "{\"channel\":\"ChatChannel\",\"a\":\"\\u0000\"}",
    "{\"channel\":\"$pubsub\",\"stream_name\":\"s\"}",
    "{\"channel\":\"Turbo::StreamsChannel\",\"signed_stream_name\":\"s\"}",
};

/* Subscribing is rejected, leaving is fine, all else is an error. */
static void test_unknown_channel(void **state) {
  (void)state;
  begin(NULL);
  fx_start(0, 1);
  for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
    const char *said = commands("subscribe", foreign[i], "");
    assert_true(anycable_str_starts_with(
        anycable_str_of(said),
        ANYCABLE_STR("2 >{\"type\":\"reject_subscription\",")));
    assert_non_null(strstr(said, "!no such channel: "));
    assert_string_equal(commands("unsubscribe", foreign[i], ""), "1");
    said = commands("message", foreign[i], "{\"action\":\"speak\"}");
    assert_true(anycable_str_starts_with(anycable_str_of(said),
                                         ANYCABLE_STR("0 !no such channel: ")));
  }
  assert_int_equal(ran, 0);
}

/* --- lookup --------------------------------------------------------------- */

static anycable_channel_class *unnamed;

static anycable_channel_class *look_up(anycable_str name, void *ctx) {
  assert_ptr_equal(ctx, &unnamed);
  return anycable_str_starts_with(name, ANYCABLE_STR("Game")) ? unnamed : NULL;
}

static int tells_name(anycable_channel *channel) {
  return anycable_channel_transmit_string(channel,
                                          anycable_channel_name(channel));
}

static void test_lookup(void **state) {
  (void)state;
  begin(NULL);
  unnamed = anycable_app_channel(fx.app, NULL);
  assert_non_null(unnamed);
  anycable_channel_class_on_subscribe(unnamed, callback, &does);
  anycable_app_channel_lookup(fx.app, look_up, &unnamed);
  fx_start(0, 1);
  does = tells_name;
  assert_non_null(strstr(
      commands("subscribe", "{\"channel\":\"Game\\u0031\"}", ""), "\"Game1\""));
  assert_non_null(
      strstr(commands("subscribe", "{\"channel\":\"Other\"}", ""), "2 >"));
}

/* --- actions -------------------------------------------------------------- */

static char action_ran[64];

static int notes_action(anycable_channel *channel) {
  snprintf(action_ran, sizeof(action_ran), "%s",
           anycable_channel_action(channel).ptr);
  return ANYCABLE_DONE;
}

static void test_actions(void **state) {
  static const struct {
    const char *data, *ran;
  } rows[] = {
      {"{\"action\":\"speak\"}", "speak"},
      {" \t\r\n{\"a\":[1,{\"action\":\"x\"}],\"action\":\"sp\\u0065ak\"} ",
       "speak"},
      {"{\"action\":\"receive\"}", "receive"},
      {"{\"action\":\"\"}", "receive"},
      {"{\"action\":null}", "receive"},
      {"{}", "receive"},
      {"{\"Action\":\"speak\"}", "receive"},
      {"", "receive"},
      {"any text", "receive"},
      {"[{\"action\":\"speak\"}]", "receive"},
      {"\"speak\"", "receive"},
      {"1 2", "receive"},
      /* What is not on the list is no action, whatever functions there are. */
      {"{\"action\":\"subscribe\"}", NULL},
      {"{\"action\":\"subscribed\"}", NULL},
      {"{\"action\":\"unsubscribe\"}", NULL},
      {"{\"action\":\"Speak\"}", NULL},
      {"{\"action\":\"speak \"}", NULL},
      {"{\"action\":\"speak\\u0000\"}", NULL},
      {"{\"action\":1}", NULL},
      {"{\"action\":[\"speak\"]}", NULL},
      {"{\"action\":{}}", NULL},
      {"{\"action\":true}", NULL},
      /* What readers differ on. */
      {"{\"action\":\"speak\",\"action\":\"receive\"}", NULL},
      {"{\"action\":\"speak\",\"acti\\u006fn\":\"receive\"}", NULL},
      {"{\"action\":\"speak\"} {}", NULL},
      {"{\"action\":\"speak\"", NULL},
      {"{\"action\":\"speak\",}", NULL},
      {"{'action':'speak'}", NULL},
  };
  (void)state;
  begin(notes_action);
  fx_start(0, 1);
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    ran = 0;
    const char *said = commands("message", CHAT, rows[i].data);
    if (!rows[i].ran) {
      assert_int_equal(said[0], '0');
      assert_int_equal(ran, 0);
      continue;
    }
    assert_string_equal(said, "1");
    assert_int_equal(ran, 1);
    assert_string_equal(action_ran, rows[i].ran);
  }
}

static void test_action_too_deep(void **state) {
  char data[200] = "{\"action\":\"speak\",\"a\":";
  (void)state;
  begin(NULL);
  fx_start(0, 1);
  size_t len = strlen(data);
  memset(data + len, '[', 15); /* with the object, as deep as may be */
  memset(data + len + 15, ']', 15);
  strcpy(data + len + 30, "}");
  assert_string_equal(commands("message", CHAT, data), "1");
  memset(data + len, '[', 16);
  memset(data + len + 16, ']', 16);
  strcpy(data + len + 32, "}");
  assert_string_equal(commands("message", CHAT, data),
                      "0 !the data is no JSON object: a limit is reached");
}

/* --- what it reads -------------------------------------------------------- */

static int reads(anycable_channel *channel) {
  const anycable_json *params = anycable_channel_params(channel);
  const anycable_json *data = anycable_channel_data(channel);
  anycable_connection *connection = anycable_channel_connection(channel);
  anycable_socket *socket = anycable_channel_socket(channel);
  int64_t number;
  assert_string_equal(anycable_channel_name(channel).ptr, "ChatChannel");
  assert_string_equal(
      anycable_channel_identifier(channel).ptr,
      anycable_request_identifier(anycable_socket_request(socket)).ptr);
  assert_string_equal(anycable_channel_param(channel, "room").ptr, "a\"b");
  assert_string_equal(anycable_channel_param(channel, "id").ptr,
                      "9007199254740993");
  assert_int_equal(anycable_json_int(params, "id", &number), 0);
  assert_true(number == INT64_C(9007199254740993));
  assert_int_equal(anycable_channel_param(channel, "none").len, 0);
  assert_int_equal(anycable_channel_param(channel, NULL).len, 0);
  assert_string_equal(anycable_channel_param(channel, "at").ptr, "{\"x\":1}");
  assert_string_equal(anycable_channel_data_string(channel, "text").ptr, "hi");
  assert_string_equal(anycable_channel_data_string(channel, "n").ptr, "1.50");
  assert_int_equal(anycable_channel_data_string(channel, NULL).len, 0);
  assert_int_equal(anycable_json_count(anycable_json_get(data, "list")), 2);
  assert_string_equal(anycable_connection_identifier(connection, "user").ptr,
                      "jack");
  assert_string_equal(anycable_connection_identifiers(connection).ptr,
                      "{\"user\":\"jack\"}");
  assert_string_equal(anycable_connection_param(connection, "user").ptr,
                      "jack");
  assert_ptr_equal(anycable_connection_socket(connection), socket);
  assert_ptr_equal(anycable_connection_request(connection),
                   anycable_socket_request(socket));
  assert_string_equal(anycable_channel_istate(channel, "seen").ptr, "3");
  assert_string_equal(anycable_channel_cstate(channel, "lang").ptr, "en");
  assert_string_equal(anycable_connection_cstate(connection, "lang").ptr, "en");
  return ANYCABLE_DONE;
}

static void test_reads(void **state) {
  struct ac_pair istate[] = {{ANYCABLE_STR("seen"), ANYCABLE_STR("3")}};
  struct ac_pair cstate[] = {{ANYCABLE_STR("lang"), ANYCABLE_STR("en")}};
  (void)state;
  cable_istate = (struct ac_wire_map){istate, 1};
  cable_cstate = (struct ac_wire_map){cstate, 1};
  begin(reads);
  fx_start(0, 1);
  assert_string_equal(
      commands("message",
               "{\"room\":\"a\\\"b\",\"id\":9007199254740993,\"at\":{\"x\":1},"
               "\"channel\":\"ChatChannel\"}",
               "{\"action\":\"speak\",\"text\":\"h\\u0069\",\"n\":1.50,"
               "\"list\":[1,2]}"),
      "1");
  assert_int_equal(ran, 1);
}

static int reads_no_data(anycable_channel *channel) {
  assert_null(anycable_channel_data(channel));
  assert_int_equal(anycable_channel_data_string(channel, "text").len, 0);
  return ANYCABLE_DONE;
}

static void test_no_data(void **state) {
  (void)state;
  assert_string_equal(subscribes(reads_no_data), "1 " CONFIRMED);
  assert_string_equal(commands("message", CHAT, "[1]"), "1");
}

/* --- what it puts out ----------------------------------------------------- */

static int transmits(anycable_channel *channel) {
  anycable_channel_transmit(channel, ANYCABLE_STR(" {\"a\" : 1} "));
  anycable_channel_transmit(channel, ANYCABLE_STR("9007199254740993"));
  anycable_channel_transmit_string(channel, ANYCABLE_STR("true"));
  anycable_channel_transmit_string(channel, ANYCABLE_STR(""));
  anycable_channel_transmit_string(channel, ANYCABLE_STR("a\"\n"));
  return anycable_channel_transmit_frame(channel,
                                         ANYCABLE_STR("{\"type\":\"x\"}"));
}

static void test_transmit(void **state) {
  (void)state;
  assert_string_equal(
      speaks(transmits),
      "1 " MESSAGE(" {\"a\" : 1} ") " " MESSAGE("9007199254740993") " " MESSAGE(
          "\"true\"") " " MESSAGE("\"\"") " " MESSAGE("\"a\\\"\\n\"") " >{"
                                                                      "\"type\""
                                                                      ":\"x\""
                                                                      "}");
}

static const char *bad_message;
static int bad_error;

static int transmits_bad(anycable_channel *channel) {
  assert_int_equal(
      anycable_channel_transmit(channel, anycable_str_of(bad_message)),
      bad_error);
  return ANYCABLE_DONE;
}

/* A frame that is not JSON would be the end of more than itself. */
static void test_transmit_bad(void **state) {
  static const char *const bad[] = {"",    "text",       "{",     "{}{}",
                                    "'a'", "{\"a\":1,}", "[1 2]", NULL};
  (void)state;
  begin(transmits_bad);
  fx_start(0, 1);
  bad_error = ANYCABLE_ERR_PROTO;
  for (size_t i = 0; bad[i]; i++) {
    bad_message = bad[i];
    assert_int_equal(commands("message", CHAT, "{\"action\":\"speak\"}")[0],
                     '0');
  }
  bad_message = "\"\xff\"";
  bad_error = ANYCABLE_ERR_ENCODING;
  assert_int_equal(commands("message", CHAT, "{\"action\":\"speak\"}")[0], '0');
}

static int all_streams(anycable_channel *channel) {
  anycable_str value = ANYCABLE_STR("1");
  anycable_channel_stream_from(channel, "", ANYCABLE_STR("news"));
  anycable_channel_stream_from(channel, NULL, ANYCABLE_STR("all"));
  anycable_channel_stream_from(channel, "lobby", ANYCABLE_STR(""));
  anycable_channel_stream_from(channel, "chat/", value);
  anycable_channel_stop_stream(channel, "old/", value);
  assert_string_equal(anycable_channel_stream(channel, "chat/", value).ptr,
                      "chat/1");
  return ANYCABLE_DONE;
}

static void test_streams(void **state) {
  (void)state;
  assert_string_equal(speaks(all_streams),
                      "1 -old/1 +news +all +lobby +chat/1");
}

static int stops_all(anycable_channel *channel) {
  all_streams(channel);
  anycable_channel_stop_all_streams(channel);
  return anycable_channel_stream_from(channel, "chat/", ANYCABLE_STR("2"));
}

static void test_stop_all(void **state) {
  (void)state;
  assert_string_equal(speaks(stops_all), "1 -* +chat/2");
}

static int sets_state(anycable_channel *channel) {
  anycable_channel_set_istate(channel, "a", ANYCABLE_STR("1"));
  assert_string_equal(anycable_channel_istate(channel, "a").ptr, "1");
  anycable_channel_set_istate(channel, "seen", ANYCABLE_STR(""));
  anycable_channel_set_cstate(channel, "b", ANYCABLE_STR("2"));
  assert_string_equal(anycable_channel_cstate(channel, "b").ptr, "2");
  anycable_channel_whisper(channel, ANYCABLE_STR("chat/1"));
  return anycable_channel_presence_join(channel, ANYCABLE_STR("chat/1"),
                                        ANYCABLE_STR("jack"),
                                        ANYCABLE_STR("{\"a\":1}"));
}

static void test_state_and_presence(void **state) {
  struct ac_pair istate[] = {{ANYCABLE_STR("seen"), ANYCABLE_STR("3")}};
  (void)state;
  cable_istate = (struct ac_wire_map){istate, 1};
  assert_string_equal(speaks(sets_state),
                      "1 i:a=1 i:seen= i:$w=chat/1 i:$p=chat/1 c:b=2 "
                      "p:join,jack,{\"a\":1}");
}

static int leaves_presence(anycable_channel *channel) {
  return anycable_channel_presence_leave(channel);
}

static void test_presence_leave(void **state) {
  (void)state;
  assert_string_equal(speaks(leaves_presence), "1 p:leave,,");
}

static int closes(anycable_channel *channel) {
  return anycable_channel_close(channel, "over", false);
}

static int closes_silently(anycable_channel *channel) {
  return anycable_channel_close(channel, NULL, false);
}

static void test_close(void **state) {
  (void)state;
  assert_string_equal(
      speaks(closes),
      "1 >{\"type\":\"disconnect\",\"reason\":\"over\",\"reconnect\":false} "
      "close");
  does = closes_silently;
  assert_string_equal(commands("message", CHAT, "{}"), "1 close");
}

static int broadcasts(anycable_channel *channel) {
  return anycable_channel_broadcast(channel, ANYCABLE_STR("s"),
                                    ANYCABLE_STR("1"));
}

/* Nobody to publish by: an error that is seen. */
static void test_no_broadcaster(void **state) {
  (void)state;
  assert_int_equal(speaks(broadcasts)[0], '0');
}

/* --- hooks ---------------------------------------------------------------- */

static char hooks[256];
static int before_outcome;

static void note(const char *what, anycable_channel *channel) {
  size_t len = strlen(hooks);
  snprintf(hooks + len, sizeof(hooks) - len, "%s%s:%s", len ? " " : "", what,
           anycable_channel_action(channel).ptr);
}

static int before(anycable_channel *channel, void *ctx) {
  note(ctx, channel);
  return strcmp(ctx, "b2") == 0 ? before_outcome : ANYCABLE_DONE;
}

static void after(anycable_channel *channel, int outcome, void *ctx) {
  note(ctx, channel);
  size_t len = strlen(hooks);
  snprintf(hooks + len, sizeof(hooks) - len, "=%d", outcome);
  anycable_channel_transmit_string(channel, ANYCABLE_STR("after"));
}

static int notes_itself(anycable_channel *channel) {
  note("run", channel);
  return ANYCABLE_DONE;
}

static void with_hooks(void) {
  anycable_channel_class *chat = begin(notes_itself);
  anycable_channel_class_before(chat, before, (char *)"b1");
  anycable_channel_class_after(chat, after, (char *)"a1");
  anycable_channel_class_before(chat, before, (char *)"b2");
  anycable_channel_class_after(chat, after, (char *)"a2");
  before_outcome = ANYCABLE_DONE;
  fx_start(0, 1);
}

static const char *hooked(const char *command, const char *data) {
  hooks[0] = '\0';
  commands(command, CHAT, data);
  return hooks;
}

static void test_hooks(void **state) {
  (void)state;
  with_hooks();
  assert_string_equal(hooked("subscribe", ""),
                      "b1:subscribe b2:subscribe run:subscribe a2:subscribe=0 "
                      "a1:subscribe=0");
  assert_string_equal(cable_text, "1 " MESSAGE("\"after\"") " " MESSAGE(
                                      "\"after\"") " " CONFIRMED);
  assert_string_equal(hooked("message", "{\"action\":\"speak\"}"),
                      "b1:speak b2:speak run:speak a2:speak=0 a1:speak=0");
  assert_string_equal(
      hooked("message", "{}"),
      "b1:receive b2:receive run:receive a2:receive=0 a1:receive=0");
  assert_string_equal(hooked("unsubscribe", ""),
                      "b1:unsubscribe b2:unsubscribe run:unsubscribe "
                      "a2:unsubscribe=0 a1:unsubscribe=0");
  assert_string_equal(hooked("message", "{\"action\":\"other\"}"), "");
}

static void test_hook_says_no(void **state) {
  (void)state;
  with_hooks();
  before_outcome = ANYCABLE_REJECT;
  assert_string_equal(hooked("subscribe", ""),
                      "b1:subscribe b2:subscribe a2:subscribe=1 "
                      "a1:subscribe=1");
  assert_int_equal(cable_text[0], '2');
  before_outcome = ANYCABLE_ERR_BUSY;
  assert_string_equal(hooked("message", "{}"),
                      "b1:receive b2:receive a2:receive=-9 a1:receive=-9");
  assert_int_equal(cable_text[0], '0');
  before_outcome = ANYCABLE_PENDING;
  hooked("message", "{}");
  assert_string_equal(cable_text, "0 !a hook cannot answer later");
}

/* --- later ---------------------------------------------------------------- */

static anycable_deferred *deferred;

static int defers(anycable_channel *channel) {
  deferred = anycable_channel_defer(channel);
  assert_non_null(deferred);
  return ANYCABLE_PENDING;
}

static void test_defer(void **state) {
  (void)state;
  with_hooks();
  does = defers;
  hooks[0] = '\0';
  cable_send(ANYCABLE_COMMAND, "subscribe", CHAT, "");
  assert_int_equal(cable_heard.times, 0);
  anycable_channel *channel = anycable_deferred_channel(deferred);
  assert_non_null(channel);
  assert_ptr_equal(anycable_channel_connection(channel),
                   anycable_deferred_connection(deferred));
  assert_string_equal(anycable_channel_param(channel, "room").ptr, "1");
  assert_string_equal(hooks, "b1:subscribe b2:subscribe");
  streams(channel);
  assert_int_equal(anycable_deferred_finish(deferred, ANYCABLE_DONE), 0);
  fx_turn();
  assert_string_equal(answered(),
                      "1 +chat/1 " MESSAGE("1") " " MESSAGE(
                          "\"after\"") " " MESSAGE("\"after\"") " " CONFIRMED);
  anycable_deferred_free(deferred);
}

static void test_defer_and_reject(void **state) {
  (void)state;
  begin(defers);
  fx_start(0, 1);
  cable_send(ANYCABLE_COMMAND, "subscribe", CHAT, "");
  anycable_deferred_finish(deferred, ANYCABLE_REJECT);
  anycable_deferred_free(deferred);
  fx_turn();
  assert_string_equal(answered(), "2 " REJECTED);
}

/* The client left meanwhile: what was taken is given back, once. */
static void gives_up(int outcome, int more) {
  cable_send(ANYCABLE_COMMAND, "subscribe", CHAT, "");
  ac_rpc_release(cable_call);
  int before_it = ran;
  does = notes_itself;
  hooks[0] = '\0';
  anycable_deferred_finish(deferred, outcome);
  anycable_deferred_free(deferred);
  assert_int_equal(ran - before_it, more);
  assert_string_equal(hooks, more ? "run:unsubscribe" : "");
  ac_rpc_collect(fx.rpc);
  does = defers;
}

static void test_given_up(void **state) {
  (void)state;
  begin(defers);
  fx_start(0, 1);
  gives_up(ANYCABLE_DONE, 1);
  gives_up(ANYCABLE_REJECT, 0);
  gives_up(ANYCABLE_ERR_BUSY, 0);
}

static void test_not_deferred(void **state) {
  (void)state;
  assert_null(anycable_deferred_channel(NULL));
  assert_null(anycable_deferred_connection(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CABLE_TEST(test_no_callbacks),
      CABLE_TEST(test_subscribe),
      CABLE_TEST(test_reject),
      CABLE_TEST(test_reject_with_a_reason),
      CABLE_TEST(test_fail),
      CABLE_TEST(test_error),
      CABLE_TEST(test_output_failed),
      CABLE_TEST(test_unsubscribe),
      CABLE_TEST(test_unknown_command),
      CABLE_TEST(test_unknown_channel),
      CABLE_TEST(test_lookup),
      CABLE_TEST(test_actions),
      CABLE_TEST(test_action_too_deep),
      CABLE_TEST(test_reads),
      CABLE_TEST(test_no_data),
      CABLE_TEST(test_transmit),
      CABLE_TEST(test_transmit_bad),
      CABLE_TEST(test_streams),
      CABLE_TEST(test_stop_all),
      CABLE_TEST(test_state_and_presence),
      CABLE_TEST(test_presence_leave),
      CABLE_TEST(test_close),
      CABLE_TEST(test_no_broadcaster),
      CABLE_TEST(test_hooks),
      CABLE_TEST(test_hook_says_no),
      CABLE_TEST(test_defer),
      CABLE_TEST(test_defer_and_reject),
      CABLE_TEST(test_given_up),
      CABLE_TEST(test_not_deferred),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
