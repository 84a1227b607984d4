/* Outputs that stand for one thing each, however often they are called, and
 * what is read of a Disconnect's state. */
#include "inline_fixture.h"

#define S(text) ANYCABLE_STR(text)

static const struct ac_wire_reply *
command(int (*handler)(anycable_socket *socket)) {
  return run_command("message", handler);
}

static const char *istate_of(const struct ac_wire_reply *reply,
                             const char *key) {
  const char *value = NULL;
  for (size_t i = 0; i < reply->istate.n; i++) {
    if (!anycable_str_is(reply->istate.items[i].key, key))
      continue;
    assert_null(value); /* a key stands once */
    value = reply->istate.items[i].value.ptr;
  }
  return value;
}

/* --- presence ------------------------------------------------------------- */

static int join_twice(anycable_socket *socket) {
  assert_int_equal(
      anycable_socket_presence_join(socket, S("a"), S("1"), S("{}")), 0);
  assert_int_equal(anycable_socket_presence_join(socket, S("b"), S("2"), S("")),
                   0);
  return ANYCABLE_DONE;
}

static void test_last_join_counts(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = command(join_twice);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_string_equal(reply->presence.type.ptr, "join");
  assert_string_equal(reply->presence.id.ptr, "2");
  assert_string_equal(reply->presence.info.ptr, "");
  assert_string_equal(istate_of(reply, "$p"), "b");
}

static int join_and_leave(anycable_socket *socket) {
  assert_int_equal(
      anycable_socket_presence_join(socket, S("a"), S("1"), S("{}")), 0);
  return anycable_socket_presence_leave(socket);
}

static void test_leave_after_join(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = command(join_and_leave);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_string_equal(reply->presence.type.ptr, "leave");
}

static int leave(anycable_socket *socket) {
  assert_int_equal(anycable_socket_presence_leave(socket), ANYCABLE_ERR_STATE);
  return ANYCABLE_DONE;
}

static void test_no_presence_in_connect(void **state) {
  (void)state;
  fx.open = leave;
  current = fx_call(ANYCABLE_CONNECT, "");
  fx_submit(current, &heard);
  assert_int_equal(ac_rpc_call_reply(current)->status, AC_WIRE_ERROR);
}

/* --- whispering ----------------------------------------------------------- */

static int whisper_twice(anycable_socket *socket) {
  assert_int_equal(anycable_socket_whisper(socket, S("a")), 0);
  return anycable_socket_whisper(socket, S("b"));
}

static void test_last_whisper_counts(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = command(whisper_twice);
  assert_string_equal(istate_of(reply, "$w"), "b");
}

static int whisper_and_end_it(anycable_socket *socket) {
  assert_int_equal(anycable_socket_whisper(socket, S("a")), 0);
  return anycable_socket_whisper(socket, S(""));
}

/* To the server nothing changed, so it hears nothing. */
static void test_whisper_taken_back(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = command(whisper_and_end_it);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_null(istate_of(reply, "$w"));
}

static struct ac_pair whispering[] = {
    {ANYCABLE_STR_INIT("$w"), ANYCABLE_STR_INIT("a")}};

static void test_empty_whisper_ends_it(void **state) {
  (void)state;
  fx.command = whisper_and_end_it;
  current = fx_call(ANYCABLE_COMMAND, "message");
  ac_rpc_call_message(current)->env.istate =
      (struct ac_wire_map){whispering, 1};
  fx_submit(current, &heard);
  const struct ac_wire_reply *reply = ac_rpc_call_reply(current);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_string_equal(istate_of(reply, "$w"), "");
}

/* --- state of a Disconnect ------------------------------------------------ */

/* The fixture's limit of nesting is 16. */
#define DEEP_14 "[[[[[[[[[[[[[[1]]]]]]]]]]]]]]"
#define DEEP_15 "[" DEEP_14 "]"
#define DEEP_16 "[" DEEP_15 "]"

static struct ac_pair nested[] = {
    {ANYCABLE_STR_INIT("A"),
     ANYCABLE_STR_INIT("{\"n\":" DEEP_15 ",\"k\":\"v\"}")},
    {ANYCABLE_STR_INIT("B"),
     ANYCABLE_STR_INIT("{\"n\":" DEEP_16 ",\"k\":\"v\"}")}};

static int reads_nested(anycable_socket *socket) {
  assert_string_equal(anycable_socket_istate_of(socket, S("A"), "k").ptr, "v");
  assert_string_equal(anycable_socket_istate_of(socket, S("B"), "k").ptr, "");
  return ANYCABLE_DONE;
}

static void test_nesting_is_bounded(void **state) {
  (void)state;
  fx.close = reads_nested;
  current = fx_call(ANYCABLE_DISCONNECT, "");
  ac_rpc_call_message(current)->env.istate = (struct ac_wire_map){nested, 2};
  fx_submit(current, &heard);
  assert_int_equal(ac_rpc_call_reply(current)->status, AC_WIRE_SUCCESS);
}

/* --- frames in pieces ----------------------------------------------------- */

static char long_piece[3000];

static int in_pieces(anycable_socket *socket) {
  const anycable_str pieces[] = {S("{\"a\":"),          S(""),       {NULL, 0},
                                 S("\"\xc3"),           S("\xa4\""), S("}"),
                                 S("seventeen bytes!!")};
  anycable_str huge[] = {{long_piece, SIZE_MAX}, {long_piece, 2}};
  const anycable_str long_one = {long_piece, sizeof(long_piece)};
  memset(long_piece, 'x', sizeof(long_piece));
  assert_int_equal(anycable_socket_transmit_pieces(socket, pieces, 7), 0);
  assert_int_equal(anycable_socket_transmit_pieces(socket, &long_one, 1), 0);
  assert_string_equal(socket->transmissions.items[0].ptr,
                      "{\"a\":\"\xc3\xa4\"}seventeen bytes!!");
  assert_int_equal(socket->transmissions.items[1].len, sizeof(long_piece));
  size_t charged = socket->reply_size;
  /* What is refused, takes nothing. */
  assert_int_equal(anycable_socket_transmit_pieces(socket, &long_one, 1),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(anycable_socket_transmit_pieces(socket, huge, 2),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(anycable_socket_transmit_pieces(socket, huge, 1),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(socket->reply_size, charged);
  assert_int_equal(anycable_socket_transmit_pieces(socket, NULL, 0),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_transmit_pieces(socket, pieces + 1, 2),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_transmit_pieces(socket, pieces + 3, 1),
                   ANYCABLE_ERR_ENCODING);
  const anycable_str nul[] = {S("a"), {"\0", 1}};
  assert_int_equal(anycable_socket_transmit_pieces(socket, nul, 2),
                   ANYCABLE_ERR_ENCODING);
  assert_int_equal(socket->transmissions.n, 2);
  return ANYCABLE_DONE;
}

static void test_pieces(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = command(in_pieces);
  assert_int_equal(reply->status,
                   AC_WIRE_ERROR); /* the errors are remembered */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_last_join_counts),       TEST(test_leave_after_join),
      TEST(test_no_presence_in_connect), TEST(test_last_whisper_counts),
      TEST(test_whisper_taken_back),     TEST(test_empty_whisper_ends_it),
      TEST(test_nesting_is_bounded),     TEST(test_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
