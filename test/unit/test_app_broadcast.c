/* Publishing by an application, and by its handlers. */
#include "rpc_fixture.h"

#include <anycable/memory.h>

enum { FLUSH = 20000 };

static anycable_memory *memories[2];

/* A broadcaster that writes to |memory|. */
static anycable_broadcaster *broadcaster_to(anycable_memory *memory,
                                            int64_t message_max) {
  anycable_broadcaster *broadcaster = NULL;
  anycable_config *config = anycable_config_new();
  anycable_config_add_adapter(config, anycable_memory_adapter(), memory);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_MESSAGE,
                            message_max);
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_OK);
  anycable_config_free(config);
  return broadcaster;
}

static void add_broadcasters(size_t n) {
  for (size_t i = 0; i < n; i++) {
    anycable_broadcaster *broadcaster =
        broadcaster_to(memories[i], i == 0 ? 200 : 400);
    anycable_app_add_broadcaster(fx.app, broadcaster);
    anycable_broadcaster_free(broadcaster); /* it was counted */
  }
}

static void assert_published(size_t index, const char *expected) {
  anycable_broadcaster *broadcaster = anycable_app_broadcaster(fx.app, index);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  assert_string_equal(anycable_memory_next(memories[index]).ptr, expected);
}

static int set_up(void **state) {
  (void)state;
  for (size_t i = 0; i < 2; i++)
    memories[i] = anycable_memory_new();
  fx_begin();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  for (size_t i = 0; i < 2; i++)
    anycable_memory_free(memories[i]);
  return 0;
}

static void test_by_all(void **state) {
  (void)state;
  add_broadcasters(2);
  assert_non_null(anycable_app_broadcaster(fx.app, 1));
  assert_null(anycable_app_broadcaster(fx.app, 2));
  assert_null(anycable_app_broadcaster(NULL, 0));
  anycable_publish_options options = {.size = sizeof(options),
                                      .transient = true};
  assert_int_equal(anycable_app_broadcast(fx.app, ANYCABLE_STR("s"),
                                          ANYCABLE_STR("1"), &options),
                   ANYCABLE_OK);
  assert_int_equal(anycable_app_broadcast_string(fx.app, ANYCABLE_STR("s"),
                                                 ANYCABLE_STR("1"), NULL),
                   ANYCABLE_OK);
  assert_int_equal(anycable_app_disconnect(fx.app, ANYCABLE_STR("u"), true),
                   ANYCABLE_OK);
  assert_int_equal(anycable_app_begin_batch(fx.app), ANYCABLE_OK);
  anycable_app_broadcast(fx.app, ANYCABLE_STR("s"), ANYCABLE_STR("2"), NULL);
  assert_int_equal(anycable_app_end_batch(fx.app), ANYCABLE_OK);
  assert_int_equal(anycable_app_end_batch(fx.app), ANYCABLE_ERR_STATE);
  for (size_t i = 0; i < 2; i++) {
    assert_published(i, "{\"stream\":\"s\",\"data\":\"1\",\"meta\":{"
                        "\"transient\":true}}");
    assert_published(i, "{\"stream\":\"s\",\"data\":\"\\\"1\\\"\"}");
    assert_published(i, "{\"command\":\"disconnect\",\"payload\":{"
                        "\"identifier\":\"u\",\"reconnect\":true}}");
    assert_published(i, "[{\"stream\":\"s\",\"data\":\"2\"}]");
    assert_published(i, "");
  }
  anycable_app_free(fx.app);
}

/* The first one's error is told, and the others get the message all the same.
 */
static void test_first_error(void **state) {
  (void)state;
  char text[301];
  add_broadcasters(2);
  memset(text, 'x', 300);
  text[300] = '\0';
  assert_int_equal(anycable_app_broadcast_string(fx.app, ANYCABLE_STR("s"),
                                                 anycable_str_of(text), NULL),
                   ANYCABLE_ERR_LIMIT);
  assert_published(0, "");
  assert_int_equal(
      anycable_broadcaster_flush(anycable_app_broadcaster(fx.app, 1), FLUSH),
      ANYCABLE_OK);
  assert_non_null(strstr(anycable_memory_next(memories[1]).ptr, text));
  anycable_app_free(fx.app);
}

static void test_flush(void **state) {
  (void)state;
  anycable_str s = ANYCABLE_STR("s"), one = ANYCABLE_STR("1");
  assert_int_equal(anycable_app_flush(fx.app, -1), ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_app_flush(NULL, -1), ANYCABLE_ERR_STATE);
  add_broadcasters(2);
  anycable_app_broadcast(fx.app, s, one, NULL);
  assert_int_equal(anycable_app_flush(fx.app, -1), ANYCABLE_OK);
  for (size_t i = 0; i < 2; i++)
    assert_string_equal(anycable_memory_next(memories[i]).ptr,
                        "{\"stream\":\"s\",\"data\":\"1\"}");
  assert_int_equal(anycable_app_flush(fx.app, 0), ANYCABLE_OK);
  anycable_app_free(fx.app);
}

static void test_errors(void **state) {
  (void)state;
  anycable_str s = ANYCABLE_STR("s");
  assert_int_equal(anycable_app_broadcast(fx.app, s, s, NULL),
                   ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_app_broadcast_string(NULL, s, s, NULL),
                   ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_app_disconnect(fx.app, s, true),
                   ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_app_begin_batch(fx.app), ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_app_end_batch(fx.app), ANYCABLE_ERR_STATE);
  add_broadcasters(1);
  assert_int_equal(anycable_app_broadcast(fx.app, s, s, NULL),
                   ANYCABLE_ERR_PROTO);
  anycable_app_free(fx.app);
}

static void test_no_broadcaster(void **state) {
  (void)state;
  anycable_app_add_broadcaster(NULL, NULL);
  anycable_app_add_broadcaster(fx.app, NULL);
  assert_int_equal(ac_app_check(fx.app), ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_app_error(fx.app),
                      "anycable_app_add_broadcaster: there is no broadcaster");
  anycable_app_free(fx.app);
}

static void test_too_late(void **state) {
  (void)state;
  ac_app_seal(fx.app);
  add_broadcasters(1);
  assert_null(anycable_app_broadcaster(fx.app, 0));
  assert_int_equal(ac_app_check(fx.app), ANYCABLE_ERR_STATE);
  anycable_app_free(fx.app);
}

/* --- from a handler ------------------------------------------------------- */

static const char *said;
static int broadcast_error;

static int broadcasts(anycable_socket *socket) {
  assert_ptr_equal(anycable_socket_app(socket), fx.app);
  anycable_publish_options options = {
      .size = sizeof(options),
      .exclude_socket = anycable_request_sid(anycable_socket_request(socket))};
  broadcast_error = anycable_socket_broadcast(socket, ANYCABLE_STR("s"),
                                              anycable_str_of(said), &options);
  anycable_socket_broadcast_string(socket, ANYCABLE_STR("t"), ANYCABLE_STR("x"),
                                   NULL);
  return ANYCABLE_DONE;
}

static enum ac_wire_status command_status(void) {
  struct heard heard;
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  assert_int_equal(heard.result, AC_RPC_REPLY);
  enum ac_wire_status status = ac_rpc_call_reply(call)->status;
  ac_rpc_release(call);
  return status;
}

static void test_handler(void **state) {
  (void)state;
  fx.command = broadcasts;
  add_broadcasters(1);
  fx_start(0, 10);
  said = "{\"a\":1}";
  assert_int_equal(command_status(), AC_WIRE_SUCCESS);
  assert_int_equal(broadcast_error, ANYCABLE_OK);
  assert_published(0, "{\"stream\":\"s\",\"data\":\"{\\\"a\\\":1}\",\"meta\":{"
                      "\"exclude_socket\":\"s1\"}}");
  assert_published(0, "{\"stream\":\"t\",\"data\":\"\\\"x\\\"\"}");
  fx_end();
}

/* Never half a success, although the handler did not look. */
static void test_handler_that_fails(void **state) {
  (void)state;
  fx.command = broadcasts;
  add_broadcasters(1);
  fx_start(0, 10);
  said = "nope";
  assert_int_equal(command_status(), AC_WIRE_ERROR);
  assert_int_equal(broadcast_error, ANYCABLE_ERR_PROTO);
  assert_string_equal(fx.last_message, "broadcast: malformed data");
  assert_published(0, "{\"stream\":\"t\",\"data\":\"\\\"x\\\"\"}");
  fx_end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_by_all, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_first_error, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_flush, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_errors, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_no_broadcaster, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_too_late, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_handler, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_handler_that_fails, set_up,
                                      tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
