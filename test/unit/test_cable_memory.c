/* Channels out of memory, at every point: registering is refused with the
 * reason, a call ends in Status ERROR, and nothing is leaked. */
#include <anycable/identity.h>

#include "cable_fixture.h"
#include "failing_malloc.h"

static int on_connect(anycable_connection *connection, void *ctx) {
  char value[300];
  (void)ctx;
  memset(value, 'v', sizeof(value));
  for (char name[2] = "e"; *name >= 'a'; --*name)
    anycable_connection_identify(connection, name,
                                 (anycable_str){value, sizeof(value)});
  return ANYCABLE_DONE;
}

static int on_channel(anycable_channel *channel, void *ctx) {
  (void)ctx;
  for (int i = 0; i < 3; i++) {
    anycable_str param = anycable_channel_param(channel, "long");
    anycable_channel_transmit_string(channel, param);
    anycable_channel_stream_from(channel, "s/", param);
    anycable_channel_set_istate(channel, "k", param);
  }
  return ANYCABLE_DONE;
}

static int on_data(anycable_channel *channel, anycable_str data, void *ctx) {
  anycable_channel_transmit(channel, data);
  return on_channel(channel, ctx);
}

static void after(anycable_channel *channel, int outcome, void *ctx) {
  (void)channel, (void)outcome, (void)ctx;
}

static void set_up(void) {
  anycable_app_on_connect(fx.app, on_connect, NULL);
  anycable_app_on_connect_at(fx.app, "/a", on_connect, NULL);
  anycable_app_on_disconnect_at(fx.app, "/b", on_connect, NULL);
  for (int i = 0; i < 3; i++) {
    static const char *const names[] = {"B", "AA", "A"};
    anycable_channel_class *a = anycable_app_channel(fx.app, names[i]);
    anycable_channel_class_on_subscribe(a, on_channel, NULL);
    anycable_channel_class_on_action(a, "b", on_data, NULL);
    anycable_channel_class_on_action(a, "a", on_data, NULL);
    anycable_channel_class_before(a, on_channel, NULL);
    anycable_channel_class_after(a, after, NULL);
  }
}

static void test_registering(void **state) {
  bool failed = true;
  int refusals = 0;
  (void)state;
  for (int i = 1; failed; i++) {
    fx_begin_bare();
    fail_at(i, false);
    set_up();
    failed = fail_no_more();
    if (failed) {
      assert_non_null(strstr(refused(), ": out of memory"));
      refusals++;
    } else {
      assert_int_equal(ac_app_check(fx.app), ANYCABLE_OK);
    }
    anycable_app_free(fx.app);
  }
  assert_true(refusals > 20);
}

static void test_identity(void **state) {
  bool failed = true;
  (void)state;
  for (int i = 1; failed; i++) {
    fail_at(i, false);
    anycable_identity *identity = anycable_identity_new();
    int b = anycable_identity_set(identity, "b", ANYCABLE_STR("1"));
    int a = anycable_identity_set(identity, "a", ANYCABLE_STR("2"));
    int again = anycable_identity_set(identity, "b", ANYCABLE_STR("3"));
    failed = fail_no_more();
    anycable_str json = anycable_identity_json(identity);
    if (a || b || again || !identity)
      assert_int_equal(json.len, 0);
    else
      assert_string_equal(json.ptr, "{\"a\":\"2\",\"b\":\"3\"}");
    assert_true(failed || json.len > 0);
    anycable_identity_free(identity);
  }
}

/* A call's memory ends at each block that it takes. */
static void each_point(int method, const char *command, const char *identifier,
                       const char *data) {
  bool failed = true;
  int errors = 0;
  for (int i = 1; failed; i++) {
    fx_begin_bare();
    set_up();
    fx_start(0, 1);
    ac_arena_pool_release(fx.pool);
    fx.pool = ac_arena_pool_new(256, 0);
    cable_call = fx_call(method, command);
    struct ac_wire_request *message = ac_rpc_call_message(cable_call);
    message->env.url = anycable_str_of("http://h/cable");
    message->identifier = anycable_str_of(identifier);
    message->data = anycable_str_of(data);
    fail_at(i, true);
    fx_submit(cable_call, &cable_heard);
    failed = fail_no_more();
    bool error = ac_rpc_call_reply(cable_call)->status == AC_WIRE_ERROR;
    if (!failed && error)
      fail_msg("%s", ac_rpc_call_reply(cable_call)->error_msg.ptr);
    errors += error;
    if (failed && !error) /* it was not needed for what it answered */
      assert_int_equal(cable_heard.result, AC_RPC_REPLY);
    ac_rpc_release(cable_call);
    fx_end();
  }
  assert_true(errors >= 3);
}

static char identifier[400];

static void test_calls(void **state) {
  char text[90];
  (void)state;
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  snprintf(identifier, sizeof(identifier),
           "{\"channel\":\"A\",\"long\":\"%s\"}", text);
  each_point(ANYCABLE_CONNECT, "", "", "");
  each_point(ANYCABLE_COMMAND, "subscribe", identifier, "");
  each_point(ANYCABLE_COMMAND, "message", identifier,
             "{\"action\":\"a\",\"list\":[1,2,3]}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_registering),
      cmocka_unit_test(test_identity),
      cmocka_unit_test(test_calls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
