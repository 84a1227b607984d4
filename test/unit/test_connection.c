/* Connections: who may connect, as whom, and how they leave. */
#include <anycable/identity.h>

#include "cable_fixture.h"

#define WELCOME ">{\"type\":\"welcome\",\"sid\":\"s1\"}"
#define UNAUTHORIZED                                                           \
  ">{\"type\":\"disconnect\",\"reason\":\"unauthorized\","                     \
  "\"reconnect\":false}"

static int (*does)(anycable_connection *connection);

static int callback(anycable_connection *connection, void *ctx) {
  assert_ptr_equal(ctx, &does);
  return does ? does(connection) : ANYCABLE_DONE;
}

static const char *connects_by(int (*fn)(anycable_connection *connection)) {
  does = fn;
  if (!fx.rpc) {
    anycable_app_on_connect(fx.app, callback, &does);
    fx_start(0, 1);
  }
  return connects("http://host/cable?user=ja%22ck");
}

/* --- connecting ----------------------------------------------------------- */

static void test_everybody(void **state) {
  (void)state;
  anycable_app_channel(fx.app, "A");
  fx_start(0, 1);
  assert_string_equal(connects("http://host/cable"), "1 ={} " WELCOME);
}

static int identifies(anycable_connection *connection) {
  anycable_str user = anycable_connection_param(connection, "user");
  assert_int_equal(anycable_connection_identifier(connection, "user").len, 0);
  assert_string_equal(anycable_connection_identifiers(connection).ptr, "{}");
  anycable_connection_identify(connection, "user", ANYCABLE_STR("nobody"));
  anycable_connection_identify(connection, "tenant", ANYCABLE_STR(""));
  anycable_connection_identify(connection, "zone", ANYCABLE_STR("1"));
  anycable_connection_identify(connection, "user", user);
  anycable_connection_identify(connection, "use", ANYCABLE_STR("x"));
  assert_string_equal(anycable_connection_identifier(connection, "user").ptr,
                      "ja\"ck");
  assert_int_equal(anycable_connection_identifier(connection, "us").len, 0);
  assert_int_equal(anycable_connection_identifier(connection, NULL).len, 0);
  anycable_connection_set_cstate(connection, "k", ANYCABLE_STR("v"));
  assert_string_equal(anycable_connection_cstate(connection, "k").ptr, "v");
  return anycable_connection_transmit(connection, ANYCABLE_STR("{}"));
}

#define IDENTIFIERS                                                            \
  "{\"tenant\":\"\",\"use\":\"x\",\"user\":\"ja\\\"ck\",\"zone\":\"1\"}"

static void test_identify(void **state) {
  (void)state;
  assert_string_equal(connects_by(identifies),
                      "1 =" IDENTIFIERS " c:k=v >{} " WELCOME);
}

/* Whatever the order, the same bytes, also outside a call. */
static void test_identity(void **state) {
  static const char *const names[] = {"zone", "user", "tenant", "use"};
  static const char *const values[] = {"1", "ja\"ck", "", "x"};
  (void)state;
  for (size_t first = 0; first < 4; first++) {
    anycable_identity *identity = anycable_identity_new();
    assert_string_equal(anycable_identity_json(identity).ptr, "{}");
    for (size_t i = 0; i < 4; i++) {
      size_t at = (first + i * 3) % 4;
      assert_int_equal(
          anycable_identity_set(identity, names[at], ANYCABLE_STR("before")),
          ANYCABLE_OK);
      assert_int_equal(anycable_identity_set(identity, names[at],
                                             anycable_str_of(values[at])),
                       ANYCABLE_OK);
    }
    assert_string_equal(anycable_identity_json(identity).ptr, IDENTIFIERS);
    assert_string_equal(anycable_identity_json(identity).ptr, IDENTIFIERS);
    anycable_identity_free(identity);
  }
}

static void test_bad_identity(void **state) {
  (void)state;
  anycable_identity *identity = anycable_identity_new();
  anycable_identity_set(identity, "a", ANYCABLE_STR("1"));
  assert_int_equal(anycable_identity_set(identity, "b", ANYCABLE_STR("\xff")),
                   ANYCABLE_ERR_ENCODING);
  assert_int_equal(anycable_identity_json(identity).len, 0);
  anycable_identity_free(identity);
  identity = anycable_identity_new();
  assert_int_equal(anycable_identity_set(identity, "b", ANYCABLE_STR("a\0b")),
                   ANYCABLE_ERR_ENCODING);
  anycable_identity_free(identity);
  identity = anycable_identity_new();
  assert_int_equal(anycable_identity_set(identity, "", ANYCABLE_STR("1")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_identity_set(identity, NULL, ANYCABLE_STR("1")),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_identity_json(identity).len, 0);
  anycable_identity_free(identity);
  assert_int_equal(anycable_identity_set(NULL, "a", ANYCABLE_STR("1")),
                   ANYCABLE_ERR_NOMEM);
  assert_int_equal(anycable_identity_json(NULL).len, 0);
  anycable_identity_free(NULL);
}

static const char *bad_name;
static anycable_str bad_value;
static int bad_error;

static int identifies_badly(anycable_connection *connection) {
  assert_int_equal(
      anycable_connection_identify(connection, bad_name, bad_value), bad_error);
  return ANYCABLE_DONE; /* it is remembered */
}

static void test_bad_identify(void **state) {
  (void)state;
  bad_name = "a";
  bad_value = ANYCABLE_STR("\xff");
  bad_error = ANYCABLE_ERR_ENCODING;
  assert_int_equal(connects_by(identifies_badly)[0], '0');
  bad_name = "";
  bad_error = ANYCABLE_ERR_INVALID;
  assert_string_equal(connects_by(identifies_badly),
                      "0 !an identifier has no name");
  bad_name = NULL;
  assert_int_equal(connects_by(identifies_badly)[0], '0');
}

static int rejects(anycable_connection *connection) {
  anycable_connection_identify(connection, "user", ANYCABLE_STR("jack"));
  return ANYCABLE_REJECT;
}

static void test_reject(void **state) {
  (void)state;
  assert_string_equal(connects_by(rejects), "2 " UNAUTHORIZED);
}

static int rejects_with_a_reason(anycable_connection *connection) {
  assert_int_equal(
      anycable_connection_reject(connection, "closed \"today\"", true),
      ANYCABLE_REJECT);
  anycable_connection_transmit(connection, ANYCABLE_STR("{}"));
  return ANYCABLE_DONE;
}

static int rejects_without(anycable_connection *connection) {
  return anycable_connection_reject(connection, NULL, true);
}

static void test_reject_with_a_reason(void **state) {
  (void)state;
  assert_string_equal(connects_by(rejects_with_a_reason),
                      "2 >{} >{\"type\":\"disconnect\",\"reason\":\"closed "
                      "\\\"today\\\"\",\"reconnect\":true} !closed \"today\"");
  assert_string_equal(connects_by(rejects_without),
                      "2 >{\"type\":\"disconnect\",\"reason\":\"unauthorized\","
                      "\"reconnect\":true} !unauthorized");
}

static int fails(anycable_connection *connection) {
  return anycable_connection_fail(connection, "no %s", "database");
}

static void test_fail(void **state) {
  (void)state;
  assert_string_equal(connects_by(fails), "0 !no database");
}

static anycable_deferred *deferred;
static int defers(anycable_connection *connection) {
  deferred = anycable_connection_defer(connection);
  return ANYCABLE_PENDING;
}

static void test_defer(void **state) {
  (void)state;
  does = defers;
  anycable_app_on_connect(fx.app, callback, &does);
  fx_start(0, 1);
  cable_send(ANYCABLE_CONNECT, "", "", "");
  anycable_connection *connection = anycable_deferred_connection(deferred);
  assert_non_null(connection);
  assert_null(anycable_deferred_channel(deferred));
  anycable_connection_identify(connection, "user", ANYCABLE_STR("jack"));
  anycable_deferred_finish(deferred, ANYCABLE_DONE);
  anycable_deferred_free(deferred);
  fx_turn();
  assert_string_equal(answered(), "1 ={\"user\":\"jack\"} " WELCOME);
}

/* --- paths ---------------------------------------------------------------- */

static int admin(anycable_connection *connection, void *ctx) {
  (void)ctx;
  return anycable_connection_identify(connection, "admin", ANYCABLE_STR("1"));
}

static void test_paths(void **state) {
  (void)state;
  does = NULL;
  anycable_app_on_connect_at(fx.app, "/admin", admin, NULL);
  anycable_app_on_connect(fx.app, callback, &does);
  fx_start(0, 1);
  assert_string_equal(connects("http://h/admin?a=/x"),
                      "1 ={\"admin\":\"1\"} " WELCOME);
  assert_string_equal(connects("http://h/%61dmin"),
                      "1 ={\"admin\":\"1\"} " WELCOME);
  assert_string_equal(connects("http://h/admin/"), "1 ={} " WELCOME);
  assert_string_equal(connects("http://h/"), "1 ={} " WELCOME);
  assert_string_equal(connects(""), "1 ={} " WELCOME);
}

/* A path that has one callback of its own has the other one of all. */
static int bye(anycable_connection *connection, void *ctx) {
  (void)connection;
  ++*(int *)ctx;
  return ANYCABLE_DONE;
}

static void test_one_callback_of_its_own(void **state) {
  int byes = 0, byes_at_a = 0;
  (void)state;
  anycable_app_on_connect(fx.app, admin, NULL);
  anycable_app_on_disconnect_at(fx.app, "/a", bye, &byes_at_a);
  anycable_app_on_connect_at(fx.app, "/b", callback, &does);
  anycable_app_on_disconnect(fx.app, bye, &byes);
  does = NULL;
  fx_start(0, 1);
  assert_string_equal(connects("http://h/a"), "1 ={\"admin\":\"1\"} " WELCOME);
  assert_string_equal(connects("http://h/b"), "1 ={} " WELCOME);
  leaves(NULL, 0);
  assert_int_equal(byes, 1);
  cable_url = "http://h/a";
  leaves(NULL, 0);
  assert_int_equal(byes_at_a, 1);
  assert_int_equal(byes, 1);
}

/* No way in by a path that nobody thought of. */
static void test_other_paths(void **state) {
  (void)state;
  anycable_app_on_connect_at(fx.app, "/admin", admin, NULL);
  fx_start(0, 1);
  assert_string_equal(connects("http://h/admin"),
                      "1 ={\"admin\":\"1\"} " WELCOME);
  assert_string_equal(connects("http://h/cable"),
                      "2 " UNAUTHORIZED " !no such path");
}

/* --- without a Connect ---------------------------------------------------- */

static int knows(anycable_channel *channel, void *ctx) {
  anycable_connection *connection = anycable_channel_connection(channel);
  anycable_str value = anycable_connection_identifier(connection, "user");
  anycable_str expected = anycable_str_of(ctx ? *(const char **)ctx : "");
  assert_string_equal(value.ptr, expected.ptr);
  assert_string_equal(anycable_connection_identifiers(connection).ptr,
                      cable_identifiers);
  return ANYCABLE_DONE;
}

static void test_known_by_a_token(void **state) {
  static const char *expected;
  (void)state;
  anycable_channel_class *a = anycable_app_channel(fx.app, "A");
  anycable_channel_class_on_subscribe(a, knows, &expected);
  fx_start(0, 1);
  static const char *const rows[][2] = {
      {"{\"user\":\"jack\"}", "jack"},
      {"{ \"id\" : 1, \"user\" : 9007199254740993 }", "9007199254740993"},
      {"{\"user\":{\"id\":1}}", "{\"id\":1}"},
      {"{\"id\":1}", ""},
      {"not JSON", ""},
      {"[\"user\"]", ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cable_identifiers = rows[i][0];
    expected = rows[i][1];
    assert_int_equal(commands("subscribe", "{\"channel\":\"A\"}", "")[0], '1');
  }
}

static int identifies_late(anycable_channel *channel, void *ctx) {
  (void)ctx;
  anycable_connection *connection = anycable_channel_connection(channel);
  assert_int_equal(
      anycable_connection_identify(connection, "user", ANYCABLE_STR("jill")),
      ANYCABLE_ERR_STATE);
  return ANYCABLE_DONE;
}

static int rejects_late(anycable_channel *channel, void *ctx) {
  (void)ctx;
  return anycable_connection_reject(anycable_channel_connection(channel), "x",
                                    false);
}

static void test_too_late(void **state) {
  (void)state;
  anycable_channel_class *a = anycable_app_channel(fx.app, "A");
  anycable_channel_class *b = anycable_app_channel(fx.app, "B");
  anycable_channel_class_on_subscribe(a, identifies_late, NULL);
  anycable_channel_class_on_subscribe(b, rejects_late, NULL);
  fx_start(0, 1);
  assert_string_equal(commands("subscribe", "{\"channel\":\"A\"}", ""),
                      "0 !a client is identified when it connects");
  assert_string_equal(commands("subscribe", "{\"channel\":\"B\"}", ""),
                      "0 !only clients that connect can be rejected");
}

/* --- leaving -------------------------------------------------------------- */

static char left[512];
static int left_outcome;

static void note(const char *format, ...) ANYCABLE_PRINTF(1, 2);
static void note(const char *format, ...) {
  size_t len = strlen(left);
  va_list args;
  va_start(args, format);
  vsnprintf(left + len, sizeof(left) - len, format, args);
  va_end(args);
}

/* Does what it would do if the client were there. */
static int unsubscribed(anycable_channel *channel, void *ctx) {
  anycable_str id = anycable_channel_param(channel, "id");
  note("%s%s:%s:%s ", (const char *)ctx, id.ptr,
       anycable_channel_istate(channel, "k").ptr,
       anycable_channel_cstate(channel, "c").ptr);
  assert_int_equal(anycable_channel_transmit(channel, ANYCABLE_STR("1")), 0);
  assert_int_equal(anycable_channel_transmit(channel, ANYCABLE_STR("bad")), 0);
  assert_int_equal(anycable_channel_transmit_string(channel, id), 0);
  assert_int_equal(anycable_channel_transmit_frame(channel, id), 0);
  assert_int_equal(anycable_channel_stream_from(channel, "s", id), 0);
  assert_int_equal(anycable_channel_stop_stream(channel, "s", id), 0);
  assert_int_equal(anycable_channel_stop_all_streams(channel), 0);
  assert_int_equal(anycable_channel_whisper(channel, id), 0);
  assert_int_equal(anycable_channel_presence_join(channel, id, id, id), 0);
  assert_int_equal(anycable_channel_presence_leave(channel), 0);
  assert_int_equal(anycable_channel_set_istate(channel, "k", id), 0);
  assert_int_equal(anycable_channel_set_cstate(channel, "c", id), 0);
  assert_int_equal(anycable_channel_close(channel, "x", true), 0);
  return anycable_str_is(id, "2") ? left_outcome : ANYCABLE_DONE;
}

static int disconnected(anycable_connection *connection, void *ctx) {
  (void)ctx;
  note("left:%s", anycable_connection_identifier(connection, "user").ptr);
  return ANYCABLE_DONE;
}

static void after(anycable_channel *channel, int outcome, void *ctx) {
  (void)ctx;
  note("after%s=%d ", anycable_channel_param(channel, "id").ptr, outcome);
}

static anycable_str subscriptions[] = {
    ANYCABLE_STR_INIT("{\"channel\":\"A\",\"id\":1}"),
    ANYCABLE_STR_INIT("{\"channel\":\"$pubsub\",\"stream_name\":\"a\"}"),
    ANYCABLE_STR_INIT("{\"channel\":\"A\",\"id\":2}"),
    ANYCABLE_STR_INIT("not JSON"),
    ANYCABLE_STR_INIT("{\"channel\":\"B\",\"id\":3}"),
    ANYCABLE_STR_INIT("{\"channel\":\"Turbo::StreamsChannel\"}"),
    ANYCABLE_STR_INIT("{\"channel\":\"C\",\"id\":4}")};

static struct ac_pair istates[] = {
    {ANYCABLE_STR_INIT("{\"channel\":\"B\",\"id\":3}"),
     ANYCABLE_STR_INIT("{\"k\":\"three\",\"$w\":\"s\"}")},
    {ANYCABLE_STR_INIT("{\"channel\":\"A\",\"id\":1}"),
     ANYCABLE_STR_INIT("{\"k\":\"o\\u006ee\"}")}};
static struct ac_pair cstates[] = {
    {ANYCABLE_STR_INIT("c"), ANYCABLE_STR_INIT("x")}};

static void begin_leaving(void) {
  anycable_channel_class *a = anycable_app_channel(fx.app, "A");
  anycable_channel_class_on_unsubscribe(a, unsubscribed, (char *)"a");
  anycable_channel_class_after(a, after, NULL);
  anycable_channel_class_on_unsubscribe(anycable_app_channel(fx.app, "B"),
                                        unsubscribed, (char *)"b");
  anycable_app_channel(fx.app, "C"); /* has nothing to say */
  anycable_app_on_disconnect(fx.app, disconnected, NULL);
  cable_istate = (struct ac_wire_map){istates, 2};
  cable_cstate = (struct ac_wire_map){cstates, 1};
  left[0] = '\0';
  left_outcome = ANYCABLE_DONE;
  fx_start(0, 1);
}

static void test_leave(void **state) {
  (void)state;
  begin_leaving();
  assert_string_equal(leaves(subscriptions, 7), "1");
  assert_string_equal(left,
                      "a1:one:x after1=0 a2::x after2=0 b3:three:x left:jack");
  /* Once more does no harm, and nor does one without subscriptions. */
  left[0] = '\0';
  assert_string_equal(leaves(subscriptions, 0), "1");
  assert_string_equal(left, "left:jack");
}

/* The others leave all the same. */
static void test_leave_with_an_error(void **state) {
  (void)state;
  begin_leaving();
  left_outcome = ANYCABLE_ERR_BUSY;
  assert_string_equal(leaves(subscriptions, 7),
                      "0 !handlers are still running");
  assert_string_equal(left,
                      "a1:one:x after1=0 a2::x after2=-9 b3:three:x left:jack");
}

static void test_nobody_minds(void **state) {
  (void)state;
  anycable_app_channel(fx.app, "A");
  fx_start(0, 1);
  assert_string_equal(leaves(subscriptions, 7), "1");
}

static int disconnected_at(anycable_connection *connection, void *ctx) {
  (void)connection;
  note("%s ", (const char *)ctx);
  return ANYCABLE_DONE;
}

static void test_leave_by_path(void **state) {
  (void)state;
  left[0] = '\0';
  anycable_app_on_disconnect_at(fx.app, "/a", disconnected_at, (char *)"a");
  anycable_app_on_disconnect(fx.app, disconnected_at, (char *)"other");
  fx_start(0, 1);
  cable_url = "http://h/a";
  leaves(NULL, 0);
  cable_url = "http://h/b";
  leaves(NULL, 0);
  assert_string_equal(left, "a other ");
  /* Callbacks for who leaves close no door. */
  assert_string_equal(connects("http://h/b"), "1 ={} " WELCOME);
}

/* A path with a callback for the one call has the others' for the other one. */
static void test_half_a_path(void **state) {
  (void)state;
  left[0] = '\0';
  does = NULL;
  anycable_app_on_connect_at(fx.app, "/admin", admin, NULL);
  anycable_app_on_connect(fx.app, callback, &does);
  anycable_app_on_disconnect_at(fx.app, "/a", disconnected_at, (char *)"a");
  anycable_app_on_disconnect(fx.app, disconnected_at, (char *)"other");
  fx_start(0, 1);
  assert_string_equal(connects("http://h/a"), "1 ={} " WELCOME);
  cable_url = "http://h/admin";
  leaves(NULL, 0);
  assert_string_equal(left, "other ");
}

/* --- leaving, later ------------------------------------------------------- */

static int leaves_later(anycable_channel *channel, void *ctx) {
  note("%s%s ", (const char *)ctx, anycable_channel_param(channel, "id").ptr);
  deferred = anycable_channel_defer(channel);
  assert_non_null(deferred);
  return ANYCABLE_PENDING;
}

static int disconnects_later(anycable_connection *connection, void *ctx) {
  (void)ctx;
  note("left ");
  deferred = anycable_connection_defer(connection);
  assert_non_null(deferred);
  return ANYCABLE_PENDING;
}

static void begin_leaving_later(void) {
  anycable_channel_class *a = anycable_app_channel(fx.app, "A");
  anycable_channel_class_on_unsubscribe(a, leaves_later, (char *)"a");
  anycable_channel_class_after(a, after, NULL);
  anycable_channel_class_on_unsubscribe(anycable_app_channel(fx.app, "B"),
                                        leaves_later, (char *)"b");
  anycable_app_on_disconnect(fx.app, disconnects_later, NULL);
  left[0] = '\0';
  fx_start(0, 1);
  cable_leave(subscriptions, 7);
}

/* Each waits for the one before. */
static void test_leave_later(void **state) {
  (void)state;
  begin_leaving_later();
  assert_string_equal(left, "a1 ");
  anycable_deferred *first = deferred;
  assert_string_equal(
      anycable_channel_param(anycable_deferred_channel(first), "id").ptr, "1");
  anycable_deferred_finish(first, ANYCABLE_DONE);
  assert_string_equal(left, "a1 after1=0 a2 ");
  anycable_deferred_free(deferred); /* without an answer */
  assert_string_equal(left, "a1 after1=0 a2 after2=-10 b3 ");
  anycable_deferred_free(first);
  anycable_deferred *third = deferred;
  anycable_deferred_finish(third, ANYCABLE_DONE);
  assert_string_equal(left, "a1 after1=0 a2 after2=-10 b3 left ");
  assert_ptr_not_equal(third, deferred);
  assert_int_equal(cable_heard.times, 0);
  anycable_deferred *last = deferred;
  assert_null(anycable_deferred_channel(last));
  assert_non_null(anycable_deferred_connection(last));
  anycable_deferred_finish(last, ANYCABLE_DONE);
  anycable_deferred_free(last);
  fx_turn();
  assert_int_equal(answered()[0], '0'); /* of the one without an answer */
  assert_int_equal(fx.rpc->n_deferred, 1);
  anycable_deferred_free(third);
}

/* Also if AnyCable does not wait any more: what was taken must be given back.
 */
static void test_leave_later_cancelled(void **state) {
  (void)state;
  begin_leaving_later();
  ac_rpc_release(cable_call);
  for (int i = 0; i < 4; i++) {
    anycable_deferred *one = deferred;
    assert_true(anycable_deferred_cancelled(one));
    anycable_deferred_finish(one, ANYCABLE_DONE);
    anycable_deferred_free(one);
  }
  assert_string_equal(left, "a1 after1=0 a2 after2=0 b3 left ");
  ac_rpc_collect(fx.rpc);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CABLE_TEST(test_everybody),
      CABLE_TEST(test_identify),
      CABLE_TEST(test_identity),
      CABLE_TEST(test_bad_identity),
      CABLE_TEST(test_bad_identify),
      CABLE_TEST(test_reject),
      CABLE_TEST(test_reject_with_a_reason),
      CABLE_TEST(test_fail),
      CABLE_TEST(test_defer),
      CABLE_TEST(test_paths),
      CABLE_TEST(test_one_callback_of_its_own),
      CABLE_TEST(test_other_paths),
      CABLE_TEST(test_known_by_a_token),
      CABLE_TEST(test_too_late),
      CABLE_TEST(test_leave),
      CABLE_TEST(test_leave_with_an_error),
      CABLE_TEST(test_nobody_minds),
      CABLE_TEST(test_leave_by_path),
      CABLE_TEST(test_half_a_path),
      CABLE_TEST(test_leave_later),
      CABLE_TEST(test_leave_later_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
