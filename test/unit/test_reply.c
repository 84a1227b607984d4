/* What handlers put out, and the reply that comes of it: the guard rails. */

#include "inline_fixture.h"

#define S(text) ANYCABLE_STR(text)
#define ID S("{\"channel\":\"A\"}")

static void assert_str(anycable_str s, const char *text) {
  assert_string_equal(s.ptr, text);
  assert_int_equal(s.len, strlen(text));
}

static anycable_str value_of(const struct ac_wire_map *map, const char *key) {
  for (size_t i = 0; i < map->n; i++) {
    if (anycable_str_is(map->items[i].key, key))
      return map->items[i].value;
  }
  return (anycable_str){NULL, 0};
}

/* --- connections ---------------------------------------------------------- */

static void test_identifiers(void **state) {
  (void)state;
  fx.identifiers = "{\"user\":\"jack\"}";
  const struct ac_wire_reply *reply = run_call(ANYCABLE_CONNECT, "");
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_str(reply->identifiers, "{\"user\":\"jack\"}");
  let_go();
}

static void test_identifiers_never_empty(void **state) {
  (void)state;
  fx.identifiers = NULL;
  assert_str(run_call(ANYCABLE_CONNECT, "")->identifiers, "{}");
  let_go();
}

static void test_identifiers_invalid(void **state) {
  (void)state;
  fx.identifiers = "\xff";
  const struct ac_wire_reply *reply = run_call(ANYCABLE_CONNECT, "");
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  assert_int_equal(fx.last_error, ANYCABLE_ERR_ENCODING);
  let_go();
}

static int reject_with_frame(anycable_socket *socket) {
  anycable_socket_transmit(socket, S("{\"type\":\"disconnect\"}"));
  return anycable_socket_reject(socket, "no %s", "user");
}

static void test_rejected_connection(void **state) {
  (void)state;
  fx.open = reject_with_frame;
  const struct ac_wire_reply *reply = run_call(ANYCABLE_CONNECT, "");
  assert_int_equal(reply->status, AC_WIRE_FAILURE);
  assert_int_equal(reply->transmissions.n, 1);
  assert_str(reply->error_msg, "no user");
  assert_string_equal(fx.last_log, "rpc: connect sid=s1: rejected: no user");
  assert_int_equal(fx.errors, 0);
  let_go();
}

static int streams_in_connect(anycable_socket *socket) {
  assert_int_equal(anycable_socket_subscribe(socket, ID, S("s")),
                   ANYCABLE_ERR_STATE);
  return ANYCABLE_DONE;
}

static void test_output_error_is_remembered(void **state) {
  (void)state;
  fx.open = streams_in_connect;
  const struct ac_wire_reply *reply = run_call(ANYCABLE_CONNECT, "");
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  assert_non_null(strstr(reply->error_msg.ptr, "an output failed"));
  assert_int_equal(fx.last_error, ANYCABLE_ERR_STATE);
  assert_int_equal(atomic_load(&fx.completed_with), ANYCABLE_ERR_STATE);
  let_go();
}

/* --- commands ------------------------------------------------------------- */

static int put_out_everything(anycable_socket *socket) {
  assert_int_equal(anycable_socket_subscribe(socket, ID, S("a")), 0);
  assert_int_equal(anycable_socket_subscribe(socket, ID, S("b")), 0);
  assert_int_equal(anycable_socket_unsubscribe(socket, ID, S("c")), 0);
  assert_int_equal(anycable_socket_transmit(socket, S("{}")), 0);
  assert_int_equal(anycable_socket_set_cstate(socket, "k", S("v")), 0);
  assert_int_equal(anycable_socket_set_istate(socket, "i", S("w")), 0);
  assert_int_equal(anycable_socket_whisper(socket, S("a")), 0);
  assert_int_equal(
      anycable_socket_presence_join(socket, S("a"), S("42"), S("{}")), 0);
  assert_int_equal(anycable_socket_set_session(socket, S("sess")), 0);
  assert_int_equal(anycable_socket_close(socket), 0);
  return ANYCABLE_DONE;
}

static void test_everything(void **state) {
  (void)state;
  const struct ac_wire_reply *reply =
      run_command("message", put_out_everything);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_true(reply->disconnect);
  assert_false(reply->stop_streams);
  assert_int_equal(reply->streams.n, 2);
  assert_str(reply->streams.items[1], "b");
  assert_int_equal(reply->stopped_streams.n, 1);
  assert_str(reply->stopped_streams.items[0], "c");
  assert_int_equal(reply->transmissions.n, 1);
  assert_str(value_of(&reply->cstate, "k"), "v");
  assert_str(value_of(&reply->cstate, "_s_"), "sess");
  assert_str(value_of(&reply->istate, "i"), "w");
  assert_str(value_of(&reply->istate, "$w"), "a");
  assert_str(value_of(&reply->istate, "$p"), "a");
  assert_str(reply->presence.type, "join");
  assert_str(reply->presence.id, "42");
  let_go();
}

static int reject_after_everything(anycable_socket *socket) {
  put_out_everything(socket);
  return ANYCABLE_REJECT;
}

/* What would leak on the server is left out; frames and the connection's state
 * go through. */
static void test_rejected_subscribe(void **state) {
  (void)state;
  const struct ac_wire_reply *reply =
      run_command("subscribe", reject_after_everything);
  assert_int_equal(reply->status, AC_WIRE_FAILURE);
  assert_int_equal(reply->streams.n, 0);
  assert_int_equal(reply->presence.type.len, 0);
  assert_int_equal(reply->istate.n, 0);
  assert_int_equal(reply->transmissions.n, 1);
  assert_str(value_of(&reply->cstate, "k"), "v");
  let_go();
}

static int reject_with_a_reason(anycable_socket *socket) {
  return anycable_socket_reject(socket, "no such room");
}

static void test_reason_is_logged(void **state) {
  (void)state;
  run_command("subscribe", reject_with_a_reason);
  assert_string_equal(fx.last_log,
                      "rpc: command sid=s1: rejected: no such room");
  let_go();
  fx.logged = 0;
  run_command("subscribe", reject_after_everything);
  assert_int_equal(fx.logged, 0);
  let_go();
}

/* A rejected message is no rejected subscription. */
static void test_rejected_message(void **state) {
  (void)state;
  const struct ac_wire_reply *reply =
      run_command("message", reject_after_everything);
  assert_int_equal(reply->status, AC_WIRE_FAILURE);
  assert_int_equal(reply->streams.n, 2);
  assert_str(reply->presence.type, "join");
  let_go();
}

static int istate_in_unsubscribe(anycable_socket *socket) {
  assert_int_equal(anycable_socket_set_istate(socket, "i", S("w")), 0);
  assert_int_equal(anycable_socket_set_cstate(socket, "k", S("v")), 0);
  return ANYCABLE_DONE;
}

static void test_unsubscribe_returns_no_istate(void **state) {
  (void)state;
  const struct ac_wire_reply *reply =
      run_command("unsubscribe", istate_in_unsubscribe);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_int_equal(reply->istate.n, 0);
  assert_int_equal(reply->cstate.n, 1);
  let_go();
}

static int subscribe_in_unsubscribe(anycable_socket *socket) {
  assert_int_equal(anycable_socket_subscribe(socket, ID, S("a")),
                   ANYCABLE_ERR_STATE);
  return ANYCABLE_DONE;
}

static void test_no_streams_for_the_unsubscribed(void **state) {
  (void)state;
  const struct ac_wire_reply *reply =
      run_command("unsubscribe", subscribe_in_unsubscribe);
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  let_go();
}

static int fails(anycable_socket *socket) {
  put_out_everything(socket);
  return anycable_socket_fail(socket, "no such room: %s", "x");
}

static void test_error(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = run_command("message", fails);
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  assert_str(reply->error_msg, "no such room: x");
  assert_int_equal(reply->streams.n, 0);
  assert_int_equal(reply->transmissions.n, 0);
  assert_false(reply->disconnect);
  assert_int_equal(fx.errors, 1);
  assert_int_equal(fx.last_error, ANYCABLE_ERR_FAILED);
  assert_string_equal(fx.last_message, "no such room: x");
  assert_non_null(strstr(fx.last_log, "failed: no such room: x"));
  let_go();
}

static int fails_and_forgets(anycable_socket *socket) {
  anycable_socket_fail(socket, "forgotten");
  return ANYCABLE_DONE;
}

/* Whoever says that it failed has failed, whatever it returns. */
static void test_fail_is_remembered(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = run_command("message", fails_and_forgets);
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  assert_str(reply->error_msg, "forgotten");
  let_go();
}

static int rejects_and_forgets(anycable_socket *socket) {
  anycable_socket_reject(socket, "not you");
  return ANYCABLE_DONE;
}

static void test_reject_is_remembered(void **state) {
  (void)state;
  fx.open = rejects_and_forgets;
  const struct ac_wire_reply *reply = run_call(ANYCABLE_CONNECT, "");
  assert_int_equal(reply->status, AC_WIRE_FAILURE);
  assert_str(reply->error_msg, "not you");
  let_go();
}

static int keeps_data(anycable_socket *socket) {
  static char a, b;
  assert_null(anycable_socket_data(socket, &a));
  assert_int_equal(anycable_socket_set_data(socket, &a, &b), ANYCABLE_OK);
  assert_int_equal(anycable_socket_set_data(socket, &b, &a), ANYCABLE_OK);
  assert_ptr_equal(anycable_socket_data(socket, &a), &b);
  assert_int_equal(anycable_socket_set_data(socket, &a, NULL), ANYCABLE_OK);
  assert_null(anycable_socket_data(socket, &a));
  assert_ptr_equal(anycable_socket_data(socket, &b), &a);
  assert_in_range(anycable_socket_time_left(socket), 1, 60000);
  return ANYCABLE_DONE;
}

static void test_data(void **state) {
  (void)state;
  assert_int_equal(run_command("message", keeps_data)->status, AC_WIRE_SUCCESS);
  let_go();
}

static int nonsense_outcome;
static int returns_nonsense(anycable_socket *socket) {
  (void)socket;
  return nonsense_outcome;
}

static void test_nonsense_outcomes(void **state) {
  static const int outcomes[] = {ANYCABLE_ANSWERED, ANYCABLE_CLOSED, 77,
                                 ANYCABLE_PENDING};
  (void)state;
  for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
    nonsense_outcome = outcomes[i];
    const struct ac_wire_reply *reply =
        run_command("message", returns_nonsense);
    assert_int_equal(reply->status, AC_WIRE_ERROR);
    assert_true(reply->error_msg.len > 0);
    let_go();
  }
}

static void test_every_negative_value_is_an_error(void **state) {
  (void)state;
  for (nonsense_outcome = -20; nonsense_outcome < 0; nonsense_outcome++) {
    const struct ac_wire_reply *reply =
        run_command("message", returns_nonsense);
    assert_int_equal(reply->status, AC_WIRE_ERROR);
    assert_true(reply->error_msg.len > 0);
    let_go();
  }
}

static int invalid_arguments(anycable_socket *socket) {
  assert_int_equal(anycable_socket_transmit(socket, S("")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_subscribe(socket, S("other"), S("a")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_subscribe(socket, ID, S("")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_set_istate(socket, "$w", S("a")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_set_istate(socket, "", S("a")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_set_cstate(socket, NULL, S("a")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_socket_transmit(socket, S("\xc3")),
                   ANYCABLE_ERR_ENCODING);
  assert_int_equal(anycable_socket_transmit(socket, S("a\0b")),
                   ANYCABLE_ERR_ENCODING);
  assert_int_equal(anycable_socket_set_cstate(socket, "\xff", S("a")),
                   ANYCABLE_ERR_ENCODING);
  assert_int_equal(anycable_socket_presence_join(socket, S("s"), S(""), S("")),
                   ANYCABLE_ERR_INVALID);
  return ANYCABLE_DONE;
}

static void test_invalid_arguments(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = run_command("message", invalid_arguments);
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  assert_int_equal(fx.last_error, ANYCABLE_ERR_INVALID); /* the first one */
  let_go();
}

/* A message of any bytes must not make the reply undecodable. */
static int fails_with_rubbish(anycable_socket *socket) {
  char text[3000];
  memset(text, 0xff, sizeof(text));
  text[sizeof(text) - 1] = '\0';
  return anycable_socket_fail(socket, "%s", text);
}

static void test_error_message_is_bounded_utf8(void **state) {
  (void)state;
  const struct ac_wire_reply *reply =
      run_command("message", fails_with_rubbish);
  assert_int_equal(reply->error_msg.len, 1000);
  for (size_t i = 0; i < reply->error_msg.len; i++)
    assert_int_equal(reply->error_msg.ptr[i], '?');
  let_go();
}

/* --- streams -------------------------------------------------------------- */

static int stop_after_start(anycable_socket *socket) {
  anycable_socket_subscribe(socket, ID, S("a"));
  anycable_socket_subscribe(socket, ID, S("b"));
  anycable_socket_unsubscribe(socket, ID, S("a"));
  return ANYCABLE_DONE;
}

static void test_stop_takes_back_a_start(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = run_command("message", stop_after_start);
  assert_int_equal(reply->streams.n, 1);
  assert_str(reply->streams.items[0], "b");
  assert_int_equal(reply->stopped_streams.n, 1);
  let_go();
}

static int stop_all(anycable_socket *socket) {
  anycable_socket_subscribe(socket, ID, S("a"));
  anycable_socket_whisper(socket, S("a"));
  anycable_socket_unsubscribe_from_all(socket, ID);
  anycable_socket_subscribe(socket, ID, S("b"));
  return ANYCABLE_DONE;
}

static void test_stop_all(void **state) {
  (void)state;
  const struct ac_wire_reply *reply = run_command("message", stop_all);
  assert_true(reply->stop_streams);
  assert_int_equal(reply->streams.n, 1);
  assert_str(reply->streams.items[0], "b");
  assert_int_equal(reply->istate.n, 0); /* "$w" is what it was: nothing */
  let_go();
}

/* --- state ---------------------------------------------------------------- */

static struct ac_pair known[] = {{{"a", 1}, {"1", 1}}, {{"$w", 2}, {"s", 1}}};

static int changes_state(anycable_socket *socket) {
  assert_str(anycable_socket_istate(socket, "a"), "1");
  assert_str(anycable_socket_cstate(socket, "a"), "1");
  assert_str(anycable_socket_istate(socket, "b"), "");
  anycable_socket_set_istate(socket, "a", S("1")); /* no change */
  anycable_socket_set_istate(socket, "b", S("2"));
  anycable_socket_set_istate(socket, "b", S("3"));
  assert_str(anycable_socket_istate(socket, "b"), "3");
  anycable_socket_set_cstate(socket, "a", S("")); /* deletes */
  assert_str(anycable_socket_cstate(socket, "a"), "");
  anycable_socket_set_cstate(socket, "none", S("")); /* nothing to delete */
  assert_str(anycable_socket_istate_of(socket, ID, "b"), "3");
  assert_str(anycable_socket_istate_of(socket, S("other"), "b"), "");
  anycable_socket_unsubscribe(socket, ID, S("s")); /* ends the whisper */
  return ANYCABLE_DONE;
}

static void test_only_changes_go_back(void **state) {
  (void)state;
  fx.command = changes_state;
  current = fx_call(ANYCABLE_COMMAND, "message");
  struct ac_wire_env *env = &ac_rpc_call_message(current)->env;
  env->istate = (struct ac_wire_map){known, 2};
  env->cstate = (struct ac_wire_map){known, 1};
  fx_submit(current, &heard);
  const struct ac_wire_reply *reply = ac_rpc_call_reply(current);
  assert_int_equal(reply->status, AC_WIRE_SUCCESS);
  assert_int_equal(reply->istate.n, 2);
  assert_str(value_of(&reply->istate, "b"), "3");
  assert_str(value_of(&reply->istate, "$w"), "");
  assert_int_equal(reply->cstate.n, 1);
  assert_str(value_of(&reply->cstate, "a"), "");
  let_go();
}

static struct ac_pair keyed[] = {
    {{"{\"channel\":\"A\"}", 15}, {"{\"k\":\"1\",\"$w\":\"\\u00e9\"}", 23}},
    {{"B", 1}, {"[1]", 3}},
    {{"C", 1}, {"{\"k\":1}", 7}}};

static int reads_keyed_state(anycable_socket *socket) {
  assert_str(anycable_socket_istate_of(socket, ID, "k"), "1");
  assert_str(anycable_socket_istate_of(socket, ID, "$w"), "\xc3\xa9");
  assert_str(anycable_socket_istate_of(socket, ID, "none"), "");
  assert_str(anycable_socket_istate_of(socket, S("B"), "k"), "");
  assert_str(anycable_socket_istate_of(socket, S("C"), "k"), "");
  assert_str(anycable_socket_istate_of(socket, S("D"), "k"), "");
  assert_str(anycable_socket_istate(socket, "k"), "");
  return ANYCABLE_DONE;
}

static void test_disconnect_state(void **state) {
  (void)state;
  fx.close = reads_keyed_state;
  current = fx_call(ANYCABLE_DISCONNECT, "");
  ac_rpc_call_message(current)->env.istate = (struct ac_wire_map){keyed, 3};
  fx_submit(current, &heard);
  assert_int_equal(ac_rpc_call_reply(current)->status, AC_WIRE_SUCCESS);
  let_go();
}

static int transmits_in_disconnect(anycable_socket *socket) {
  assert_int_equal(anycable_socket_transmit(socket, S("{}")),
                   ANYCABLE_ERR_STATE);
  return ANYCABLE_DONE;
}

static void test_disconnect_takes_no_output(void **state) {
  (void)state;
  fx.close = transmits_in_disconnect;
  assert_int_equal(run_call(ANYCABLE_DISCONNECT, "")->status, AC_WIRE_ERROR);
  let_go();
}

/* --- sizes ---------------------------------------------------------------- */

static size_t frame_size;
static int transmits_much(anycable_socket *socket) {
  char *text = anycable_socket_alloc(socket, frame_size);
  memset(text, 'x', frame_size);
  return anycable_socket_transmit(socket, (anycable_str){text, frame_size});
}

/* The fixture's limit is 4096 bytes: a status of 2, a field's head of 3. */
static void test_reply_of_the_limit(void **state) {
  (void)state;
  frame_size = 4096 - 2 - 3;
  assert_int_equal(run_command("message", transmits_much)->status,
                   AC_WIRE_SUCCESS);
  let_go();
  frame_size++;
  assert_int_equal(run_command("message", transmits_much)->status,
                   AC_WIRE_ERROR);
  assert_int_equal(fx.last_error, ANYCABLE_ERR_LIMIT);
  let_go();
}

/* --- around the handler --------------------------------------------------- */

static int rejects_much(anycable_socket *socket) {
  transmits_much(socket);
  return anycable_socket_reject(socket, "no");
}

/* Nor does the reason of a rejection exceed it. */
static void test_reason_within_the_limit(void **state) {
  (void)state;
  frame_size = 4096 - 2 - 3 - 4;
  fx.open = rejects_much;
  assert_str(run_call(ANYCABLE_CONNECT, "")->error_msg, "no");
  let_go();
  frame_size++;
  const struct ac_wire_reply *reply = run_call(ANYCABLE_CONNECT, "");
  assert_int_equal(reply->status, AC_WIRE_FAILURE);
  assert_int_equal(reply->transmissions.n, 1);
  assert_str(reply->error_msg, "");
  let_go();
}

static void test_version(void **state) {
  static const struct {
    const char *protov;
    bool good;
  } rows[] = {{"v1", true},     {"v2,v1", true}, {"v1, v2", true},
              {"v0,v1 ", true}, {"v2", false},   {"", false},
              {"v11", false},   {"V1", false},   {"xv1", false},
              {",v1", true}};
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct ac_pair pair = {{"protov", 6}, anycable_str_of(rows[i].protov)};
    current = fx_call(ANYCABLE_COMMAND, "message");
    ac_rpc_call_metadata(current, &pair, 1);
    fx_submit(current, &heard);
    const struct ac_wire_reply *reply = ac_rpc_call_reply(current);
    assert_int_equal(reply->status,
                     rows[i].good ? AC_WIRE_SUCCESS : AC_WIRE_ERROR);
    if (!rows[i].good)
      assert_non_null(strstr(reply->error_msg.ptr, "speaks v1"));
    if (!rows[i].good && *rows[i].protov)
      assert_non_null(strstr(reply->error_msg.ptr, rows[i].protov));
    let_go();
  }
}

static void test_no_session(void **state) {
  (void)state;
  fx.no_session = true;
  const struct ac_wire_reply *reply = run_call(ANYCABLE_COMMAND, "message");
  assert_int_equal(reply->status, AC_WIRE_ERROR);
  assert_str(reply->error_msg, "the session could not be created");
  assert_int_equal(atomic_load(&fx.completed), 0);
  let_go();
}

/* The answer is there when on_error hears of it. */
static int fails_with_a_message(anycable_socket *socket) {
  return anycable_socket_fail(socket, "first");
}

static void test_no_output_in_on_error(void **state) {
  (void)state;
  fx.output_in_on_error = 1;
  const struct ac_wire_reply *reply =
      run_command("message", fails_with_a_message);
  assert_int_equal(fx.output_in_on_error, ANYCABLE_ERR_STATE);
  assert_str(reply->error_msg, "first");
  let_go();
}

static anycable_socket *kept;
static int keeps(anycable_socket *socket) {
  kept = socket;
  return ANYCABLE_DONE;
}

static void test_output_after_the_end(void **state) {
  (void)state;
  run_command("message", keeps);
  assert_int_equal(anycable_socket_transmit(kept, S("{}")), ANYCABLE_ERR_STATE);
  assert_int_equal(ac_rpc_call_reply(current)->transmissions.n, 0);
  assert_null(anycable_socket_defer(kept));
  let_go();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_identifiers),
      TEST(test_identifiers_never_empty),
      TEST(test_identifiers_invalid),
      TEST(test_rejected_connection),
      TEST(test_output_error_is_remembered),
      TEST(test_everything),
      TEST(test_rejected_subscribe),
      TEST(test_reason_is_logged),
      TEST(test_rejected_message),
      TEST(test_unsubscribe_returns_no_istate),
      TEST(test_no_streams_for_the_unsubscribed),
      TEST(test_error),
      TEST(test_fail_is_remembered),
      TEST(test_reject_is_remembered),
      TEST(test_data),
      TEST(test_nonsense_outcomes),
      TEST(test_every_negative_value_is_an_error),
      TEST(test_invalid_arguments),
      TEST(test_error_message_is_bounded_utf8),
      TEST(test_stop_takes_back_a_start),
      TEST(test_stop_all),
      TEST(test_only_changes_go_back),
      TEST(test_disconnect_state),
      TEST(test_disconnect_takes_no_output),
      TEST(test_reply_of_the_limit),
      TEST(test_reason_within_the_limit),
      TEST(test_version),
      TEST(test_no_session),
      TEST(test_no_output_in_on_error),
      TEST(test_output_after_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
