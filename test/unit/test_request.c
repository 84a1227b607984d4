/* What a request tells: URL, headers and cookies, and each call's own. */
#include "rpc_fixture.h"

static struct ac_pair headers[8];
static size_t n_headers;
static const char *url;

static int (*looks)(const anycable_request *request);

static int on_open(anycable_socket *socket) {
  return looks(anycable_socket_request(socket));
}

static void ask(int (*fn)(const anycable_request *request)) {
  struct heard heard;
  fx_begin();
  fx.open = on_open;
  looks = fn;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_CONNECT, "");
  struct ac_wire_env *env = &ac_rpc_call_message(call)->env;
  env->url = anycable_str_of(url);
  env->headers = (struct ac_wire_map){headers, n_headers};
  fx_submit(call, &heard);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_SUCCESS);
  ac_rpc_release(call);
  fx_end();
}

static void add(const char *name, const char *value) {
  headers[n_headers++] =
      (struct ac_pair){anycable_str_of(name), anycable_str_of(value)};
}

static int setup(void **state) {
  (void)state;
  n_headers = 0;
  url = "";
  return 0;
}

static int sees_url(const anycable_request *request) {
  assert_int_equal(anycable_request_method(request), ANYCABLE_CONNECT);
  assert_string_equal(anycable_request_path(request).ptr, "/ca ble");
  assert_string_equal(anycable_request_query(request, "b").ptr, "a b&");
  assert_string_equal(anycable_request_query(request, "token").ptr, "1");
  assert_string_equal(anycable_request_query(request, "none").ptr, "");
  assert_string_equal(anycable_request_query(request, "nul").ptr, "");
  return ANYCABLE_DONE;
}

static void test_url(void **state) {
  (void)state;
  url = "http://localhost:8080/ca%20ble?token=1&b=a+b%26&token=2&nul=a%00b";
  ask(sees_url);
}

static int sees_no_url(const anycable_request *request) {
  assert_string_equal(anycable_request_url(request).ptr, "");
  assert_string_equal(anycable_request_path(request).ptr, "");
  assert_string_equal(anycable_request_query(request, "b").ptr, "");
  assert_string_equal(anycable_request_remote_addr(request).ptr, "");
  assert_string_equal(anycable_request_cookie(request, "a").ptr, "");
  return ANYCABLE_DONE;
}

static void test_nothing(void **state) {
  (void)state;
  ask(sees_no_url);
}

static int sees_headers(const anycable_request *request) {
  assert_string_equal(anycable_request_header(request, "Origin").ptr, "x");
  assert_string_equal(anycable_request_header(request, "origin").ptr, "x");
  assert_string_equal(anycable_request_header(request, "orig").ptr, "");
  assert_string_equal(anycable_request_remote_addr(request).ptr, "2001:db8::1");
  assert_string_equal(anycable_request_sid(request).ptr, "s1");
  assert_string_equal(anycable_request_metadata(request, "protov").ptr, "v1");
  assert_string_equal(anycable_request_metadata(request, "Protov").ptr, "v1");
  assert_string_equal(anycable_request_metadata(request, "proto").ptr, "");
  return ANYCABLE_DONE;
}

static void test_headers(void **state) {
  (void)state;
  add("origin", "x");
  add("REMOTE_ADDR", "2001:db8::1");
  ask(sees_headers);
}

/* As browsers, proxies and AnyCable's own --proxy-cookies write them. */
static int sees_cookies(const anycable_request *request) {
  static const char *const rows[][2] = {
      {"a", "1"},           {"b", "2"},    {"username", "john green"},
      {"quoted", "x y"},    {"empty", ""}, {"equals", "p=q=="},
      {"none", ""},         {"A", ""},     {"flag", ""},
      {"late", "\xc3\xa9"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    anycable_str value = anycable_request_cookie(request, rows[i][0]);
    assert_string_equal(value.ptr, rows[i][1]);
    assert_int_equal(value.len, strlen(rows[i][1]));
  }
  return ANYCABLE_DONE;
}

static void test_cookies(void **state) {
  (void)state;
  add("Cookie", "a=1; b=2;; username=john green ;\tquoted=\"x y\"; empty=; "
                "flag; equals=p=q==; a=3; late=\xc3\xa9;");
  ask(sees_cookies);
}

/* --- commands and disconnects --------------------------------------------- */

static int sees_command(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  assert_int_equal(anycable_request_method(request), ANYCABLE_COMMAND);
  assert_string_equal(anycable_request_command(request).ptr, "message");
  assert_string_equal(anycable_request_identifier(request).ptr,
                      "{\"channel\":\"A\"}");
  assert_string_equal(anycable_request_data(request).ptr, "hello");
  assert_string_equal(anycable_request_identifiers(request).ptr, "{}");
  assert_int_equal(anycable_request_subscription_count(request), 0);
  assert_string_equal(anycable_request_subscription(request, 0).ptr, "");
  return ANYCABLE_DONE;
}

static void test_command(void **state) {
  struct heard heard;
  (void)state;
  fx_begin();
  fx.command = sees_command;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  ac_rpc_call_message(call)->data = ANYCABLE_STR("hello");
  ac_rpc_call_message(call)->identifiers = ANYCABLE_STR("{}");
  fx_submit(call, &heard);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_SUCCESS);
  ac_rpc_release(call);
  fx_end();
}

static int sees_disconnect(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  assert_int_equal(anycable_request_method(request), ANYCABLE_DISCONNECT);
  assert_int_equal(anycable_request_subscription_count(request), 2);
  assert_string_equal(anycable_request_subscription(request, 1).ptr, "B");
  assert_string_equal(anycable_request_subscription(request, 2).ptr, "");
  assert_string_equal(anycable_request_command(request).ptr, "");
  assert_string_equal(anycable_request_identifier(request).ptr, "");
  assert_string_equal(anycable_request_data(request).ptr, "");
  return ANYCABLE_DONE;
}

static void test_disconnect(void **state) {
  anycable_str subscriptions[] = {ANYCABLE_STR_INIT("A"),
                                  ANYCABLE_STR_INIT("B")};
  struct heard heard;
  (void)state;
  fx_begin();
  fx.close = sees_disconnect;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_DISCONNECT, "");
  ac_rpc_call_message(call)->identifier = ANYCABLE_STR("");
  ac_rpc_call_message(call)->subscriptions.items = subscriptions;
  ac_rpc_call_message(call)->subscriptions.n = 2;
  fx_submit(call, &heard);
  assert_int_equal(ac_rpc_call_reply(call)->status, AC_WIRE_SUCCESS);
  ac_rpc_release(call);
  fx_end();
}

static void test_method_names(void **state) {
  (void)state;
  assert_string_equal(anycable_method_name(ANYCABLE_CONNECT), "connect");
  assert_string_equal(anycable_method_name(ANYCABLE_COMMAND), "command");
  assert_string_equal(anycable_method_name(ANYCABLE_DISCONNECT), "disconnect");
  assert_string_equal(anycable_method_name(0), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_url, setup),
      cmocka_unit_test_setup(test_nothing, setup),
      cmocka_unit_test_setup(test_headers, setup),
      cmocka_unit_test_setup(test_cookies, setup),
      cmocka_unit_test(test_command),
      cmocka_unit_test(test_disconnect),
      cmocka_unit_test(test_method_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
