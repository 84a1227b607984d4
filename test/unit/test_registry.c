/* Registering channels and callbacks: what is wrong is kept, in words. */
#include "cable_fixture.h"

static int on_connection(anycable_connection *connection, void *ctx) {
  (void)connection, (void)ctx;
  return ANYCABLE_DONE;
}

static int on_channel(anycable_channel *channel, void *ctx) {
  (void)channel, (void)ctx;
  return ANYCABLE_DONE;
}

static int on_data(anycable_channel *channel, anycable_str data, void *ctx) {
  (void)channel, (void)data, (void)ctx;
  return ANYCABLE_DONE;
}

static void on_after(anycable_channel *channel, int outcome, void *ctx) {
  (void)channel, (void)outcome, (void)ctx;
}

static anycable_channel_class *on_name(anycable_str name, void *ctx) {
  (void)name;
  return ctx;
}

/* Does one thing that is wrong. */
static void do_wrong(int which) {
  anycable_app *app = fx.app;
  anycable_channel_class *a = anycable_app_channel(app, "A");
  switch (which) {
  case 0:
    assert_null(anycable_app_channel(app, "A"));
    break;
  case 1:
    assert_null(anycable_app_channel(app, ""));
    break;
  case 2:
    anycable_channel_class_on_subscribe(a, NULL, NULL);
    break;
  case 3:
    anycable_channel_class_on_subscribe(a, on_channel, NULL);
    anycable_channel_class_on_subscribe(a, on_channel, NULL);
    break;
  case 4:
    anycable_channel_class_on_unsubscribe(a, on_channel, NULL);
    anycable_channel_class_on_unsubscribe(a, on_channel, NULL);
    break;
  case 5:
    anycable_channel_class_on_receive(a, on_data, NULL);
    anycable_channel_class_on_receive(a, on_data, NULL);
    break;
  case 6:
    anycable_channel_class_on_action(a, "go", on_data, NULL);
    anycable_channel_class_on_action(a, "go", on_data, NULL);
    break;
  case 7:
    anycable_channel_class_on_action(a, "", on_data, NULL);
    break;
  case 8:
    anycable_channel_class_on_action(a, NULL, on_data, NULL);
    break;
  case 9:
    anycable_channel_class_on_action(a, "go", NULL, NULL);
    break;
  case 10:
    anycable_channel_class_before(a, NULL, NULL);
    break;
  case 11:
    anycable_channel_class_after(a, NULL, NULL);
    break;
  case 12:
    anycable_app_channel_lookup(app, on_name, NULL);
    anycable_app_channel_lookup(app, on_name, NULL);
    break;
  case 13:
    anycable_app_channel_lookup(app, NULL, NULL);
    break;
  case 14:
    anycable_app_on_connect(app, on_connection, NULL);
    anycable_app_on_connect(app, on_connection, NULL);
    break;
  case 15:
    anycable_app_on_disconnect(app, NULL, NULL);
    break;
  case 16:
    anycable_app_on_connect_at(app, "/a", on_connection, NULL);
    anycable_app_on_connect_at(app, "/a", on_connection, NULL);
    break;
  case 17:
    anycable_app_on_connect_at(app, "a", on_connection, NULL);
    break;
  case 18:
    anycable_app_on_connect_at(app, NULL, on_connection, NULL);
    break;
  case 19:
    anycable_app_on_disconnect_at(app, "", on_connection, NULL);
    break;
  case 20: /* there is the layer's own factory */
    anycable_app_set_factory(app, &fx_ops, NULL, NULL);
    break;
  }
}

static void test_wrong(void **state) {
  static const char *const words[] = {
      "anycable_app_channel: \"A\" is there already",
      "anycable_app_channel: there is no name",
      "anycable_channel_class_on_subscribe: there is no callback",
      "anycable_channel_class_on_subscribe: there is a callback already",
      "anycable_channel_class_on_unsubscribe: there is a callback already",
      "anycable_channel_class_on_receive: there is a callback already",
      "anycable_channel_class_on_action: \"go\" is there already",
      "anycable_channel_class_on_action: there is no name",
      "anycable_channel_class_on_action: there is no name",
      "anycable_channel_class_on_action: there is no callback",
      "anycable_channel_class_before: there is no callback",
      "anycable_channel_class_after: there is no callback",
      "anycable_app_channel_lookup: there is a callback already",
      "anycable_app_channel_lookup: there is no callback",
      "anycable_app_on_connect: there is a callback already",
      "anycable_app_on_disconnect: there is no callback",
      "anycable_app_on_connect_at: there is a callback already",
      "anycable_app_on_connect_at: a path begins with a slash",
      "anycable_app_on_connect_at: a path begins with a slash",
      "anycable_app_on_disconnect_at: a path begins with a slash",
      "anycable_app_set_factory: there is a factory already",
  };
  (void)state;
  for (int i = 0; i < (int)(sizeof(words) / sizeof(*words)); i++) {
    fx_begin_bare();
    do_wrong(i);
    assert_string_equal(refused(), words[i]);
    /* The first one counts, and nothing more is registered. */
    assert_null(anycable_app_channel(fx.app, "B"));
    assert_string_equal(refused(), words[i]);
    anycable_app_free(fx.app);
  }
}

static void test_another_factory(void **state) {
  (void)state;
  fx_begin();
  assert_null(anycable_app_channel(fx.app, "A"));
  anycable_channel_class_on_subscribe(NULL, on_channel, NULL);
  assert_string_equal(refused(),
                      "anycable_app_set_factory: there is a factory already");
  anycable_app_free(fx.app);
}

static void test_nothing(void **state) {
  (void)state;
  fx_begin_bare();
  assert_non_null(strstr(refused(), "nothing to answer calls with"));
  anycable_app_free(fx.app);
}

static void test_no_app(void **state) {
  (void)state;
  assert_null(anycable_app_channel(NULL, "A"));
  anycable_app_channel_lookup(NULL, on_name, NULL);
  anycable_app_on_connect(NULL, on_connection, NULL);
  anycable_app_on_connect_at(NULL, "/", on_connection, NULL);
  anycable_app_on_connect_at(NULL, "x", on_connection, NULL);
  anycable_app_on_disconnect(NULL, on_connection, NULL);
  anycable_app_on_disconnect_at(NULL, "/", on_connection, NULL);
  anycable_channel_class_on_subscribe(NULL, on_channel, NULL);
  anycable_channel_class_on_unsubscribe(NULL, on_channel, NULL);
  anycable_channel_class_on_action(NULL, "a", on_data, NULL);
  anycable_channel_class_on_receive(NULL, on_data, NULL);
  anycable_channel_class_before(NULL, on_channel, NULL);
  anycable_channel_class_after(NULL, on_after, NULL);
  assert_int_equal(anycable_app_refuse(NULL, ANYCABLE_ERR_IO, "x"),
                   ANYCABLE_ERR_IO);
  assert_false(anycable_app_can_register(NULL, "x"));
}

static void test_too_late(void **state) {
  (void)state;
  fx_begin_bare();
  anycable_channel_class *a = anycable_app_channel(fx.app, "A");
  ac_app_seal(fx.app);
  anycable_channel_class_on_subscribe(a, on_channel, NULL);
  assert_string_equal(refused(), "anycable_channel_class_on_subscribe: the "
                                 "application has a server already");
  anycable_app_free(fx.app);
}

/* Many names are all found, and no others. */
static void test_many(void **state) {
  char name[16], identifier[64];
  (void)state;
  fx_begin_bare();
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof(name), "C%d", (i * 263) % 500);
    anycable_channel_class *c = anycable_app_channel(fx.app, name);
    for (int j = 9; j >= 0; j--) {
      snprintf(name, sizeof(name), "act%d", j * 7);
      anycable_channel_class_on_action(c, name, on_data, NULL);
    }
  }
  fx_start(0, 1);
  for (int i = 0; i <= 500; i++) {
    snprintf(identifier, sizeof(identifier), "{\"channel\":\"C%d\"}", i);
    assert_int_equal(commands("subscribe", identifier, "")[0],
                     i < 500 ? '1' : '2');
    assert_int_equal(
        commands("message", identifier, "{\"action\":\"act63\"}")[0],
        i < 500 ? '1' : '0');
    assert_int_equal(
        commands("message", identifier, "{\"action\":\"act6\"}")[0], '0');
  }
  fx_end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wrong),    cmocka_unit_test(test_another_factory),
      cmocka_unit_test(test_nothing),  cmocka_unit_test(test_no_app),
      cmocka_unit_test(test_too_late), cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
