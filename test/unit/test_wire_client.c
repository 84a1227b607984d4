/* The other side of the wire against protobuf-c and our own decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rpc.pb-c.h"
#include "wire/client.h"
#include "wire/encode.h"

static struct ac_arena_pool *pool;
static struct ac_arena *arena;

static int begin(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 1);
  arena = ac_arena_new(pool, 1 << 20);
  return arena ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
  return 0;
}

#define S(text) ANYCABLE_STR(text)

static struct ac_pair headers[] = {
    {ANYCABLE_STR_INIT("cookie"), ANYCABLE_STR_INIT("a=1")},
    {ANYCABLE_STR_INIT("empty"), ANYCABLE_STR_INIT("")}};
static struct ac_pair cstate[] = {
    {ANYCABLE_STR_INIT("c"), ANYCABLE_STR_INIT("1")}};
static struct ac_pair istate[] = {
    {ANYCABLE_STR_INIT("i"), ANYCABLE_STR_INIT("2")}};

static struct ac_wire_request request(void) {
  return (struct ac_wire_request){.env = {.url = S("http://x/"),
                                          .headers = {headers, 2},
                                          .cstate = {cstate, 1},
                                          .istate = {istate, 1}}};
}

static void check_env(const Ac__Pb__Env *env) {
  assert_string_equal(env->url, "http://x/");
  assert_int_equal(env->n_headers, 2);
  assert_string_equal(env->headers[0]->key, "cookie");
  assert_string_equal(env->headers[0]->value, "a=1");
  assert_string_equal(env->headers[1]->key, "empty");
  assert_string_equal(env->headers[1]->value, "");
  assert_int_equal(env->n_cstate, 1);
  assert_string_equal(env->cstate[0]->key, "c");
  assert_int_equal(env->n_istate, 1);
  assert_string_equal(env->istate[0]->value, "2");
}

static void test_connect(void **state) {
  size_t len;
  (void)state;
  const struct ac_wire_request from = request();
  char *bytes = ac_wire_encode_request(ANYCABLE_CONNECT, &from, arena, &len);
  Ac__Pb__ConnectionRequest *got =
      ac__pb__connection_request__unpack(NULL, len, (uint8_t *)bytes);
  assert_non_null(got);
  check_env(got->env);
  ac__pb__connection_request__free_unpacked(got, NULL);
}

static void test_command(void **state) {
  char long_data[70000];
  size_t len;
  (void)state;
  memset(long_data, 'x', sizeof(long_data));
  struct ac_wire_request from = request();
  from.command = S("message");
  from.identifier = S("id");
  from.identifiers = S("ids");
  from.data = ac_str(long_data, sizeof(long_data));
  char *bytes = ac_wire_encode_request(ANYCABLE_COMMAND, &from, arena, &len);
  Ac__Pb__CommandMessage *got =
      ac__pb__command_message__unpack(NULL, len, (uint8_t *)bytes);
  assert_non_null(got);
  check_env(got->env);
  assert_string_equal(got->command, "message");
  assert_string_equal(got->identifier, "id");
  assert_string_equal(got->connection_identifiers, "ids");
  assert_int_equal(strlen(got->data), sizeof(long_data));
  ac__pb__command_message__free_unpacked(got, NULL);
}

static void test_disconnect(void **state) {
  anycable_str subscriptions[] = {S("a"), S(""), S("b")};
  size_t len;
  (void)state;
  struct ac_wire_request from = request();
  from.identifiers = S("ids");
  from.subscriptions = (struct ac_wire_list){subscriptions, 3};
  char *bytes = ac_wire_encode_request(ANYCABLE_DISCONNECT, &from, arena, &len);
  Ac__Pb__DisconnectRequest *got =
      ac__pb__disconnect_request__unpack(NULL, len, (uint8_t *)bytes);
  assert_non_null(got);
  check_env(got->env);
  assert_string_equal(got->identifiers, "ids");
  assert_int_equal(got->n_subscriptions, 3);
  assert_string_equal(got->subscriptions[1], "");
  assert_string_equal(got->subscriptions[2], "b");
  ac__pb__disconnect_request__free_unpacked(got, NULL);
}

/* --- replies ----------------------------------------------------------------
 */

static void test_replies(void **state) {
  anycable_str list[] = {S("one"), S("two")};
  struct ac_wire_reply got;
  anycable_str bytes;
  (void)state;
  const struct ac_wire_reply reply = {
      .status = AC_WIRE_FAILURE,
      .disconnect = true,
      .stop_streams = true,
      .identifiers = S("ids"),
      .error_msg = S("why"),
      .streams = {list, 1},
      .stopped_streams = {list, 2},
      .transmissions = {list, 2},
      .cstate = {cstate, 1},
      .istate = {istate, 1},
      .presence = {S("join"), S("id"), S("{}")}};
  for (int m = ANYCABLE_CONNECT; m <= ANYCABLE_DISCONNECT; m++) {
    assert_true(ac_wire_encode(m, &reply, 0, arena, &bytes));
    assert_int_equal(ac_wire_decode_reply(m, bytes, arena, &got), ANYCABLE_OK);
    assert_int_equal(got.status, AC_WIRE_FAILURE);
    assert_string_equal(got.error_msg.ptr, "why");
    if (m == ANYCABLE_CONNECT)
      assert_string_equal(got.identifiers.ptr, "ids");
    if (m == ANYCABLE_DISCONNECT)
      continue;
    assert_int_equal(got.transmissions.n, 2);
    assert_string_equal(got.transmissions.items[1].ptr, "two");
    assert_string_equal(got.cstate.items[0].value.ptr, "1");
    assert_string_equal(got.istate.items[0].key.ptr, "i");
    if (m == ANYCABLE_CONNECT)
      continue;
    assert_true(got.disconnect && got.stop_streams);
    assert_int_equal(got.streams.n, 1);
    assert_int_equal(got.stopped_streams.n, 2);
    assert_string_equal(got.presence.id.ptr, "id");
  }
}

/* What no reply of ours has in it. */
static void test_bad_replies(void **state) {
  struct ac_wire_reply got;
  (void)state;
  for (int m = ANYCABLE_CONNECT; m <= ANYCABLE_DISCONNECT; m++) {
    assert_int_equal(ac_wire_decode_reply(m, S("\x12\x05x"), arena, &got),
                     ANYCABLE_ERR_PROTO);
    /* error_msg, in each by another number */
    char bad[] = {0, 2, 'a', '\xff'};
    bad[0] = (char)((m == ANYCABLE_CONNECT   ? 4
                     : m == ANYCABLE_COMMAND ? 6
                                             : 2)
                        << 3 |
                    2);
    assert_int_equal(
        ac_wire_decode_reply(m, ac_str(bad, sizeof(bad)), arena, &got),
        ANYCABLE_ERR_ENCODING);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_connect, begin, end),
      cmocka_unit_test_setup_teardown(test_command, begin, end),
      cmocka_unit_test_setup_teardown(test_disconnect, begin, end),
      cmocka_unit_test_setup_teardown(test_replies, begin, end),
      cmocka_unit_test_setup_teardown(test_bad_replies, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
