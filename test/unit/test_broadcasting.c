/* Broadcasters from a configuration: by name, and those of a server's
 * application. */
#include "broadcast_fixture.h"

#include <anycable/memory.h>

#include "trivial_app.h"

/* --- by name -------------------------------------------------------------- */

static void test_spaces(void **state) {
  (void)state;
  anycable_broadcaster *broadcaster = NULL;
  anycable_config *config = anycable_config_new();
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, " memory ");
  assert_int_equal(anycable_broadcaster_new(&broadcaster, NULL, config),
                   ANYCABLE_OK);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "", config),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(
      anycable_broadcaster_new(&broadcaster, "memory,memory", config),
      ANYCABLE_ERR_INVALID);
  anycable_config_free(config);
}

/* Where one adapter is not there, another one may be. */
static void test_another_try(void **state) {
  (void)state;
  anycable_broadcaster *broadcaster = NULL;
  anycable_config *config = anycable_config_new();
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "smoke", config),
                   ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config),
                      "broadcast_adapter: \"smoke\" is not known");
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_OK);
  assert_string_equal(anycable_config_error(config), "");
  anycable_broadcaster_free(broadcaster);
  /* What a setter said stays. */
  anycable_config_set(config, ANYCABLE_SETTING_JWT_TTL, "1h");
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_ERR_INVALID);
  assert_null(broadcaster);
  assert_non_null(strstr(anycable_config_error(config), "jwt_ttl"));
  anycable_config_free(config);
}

static void test_added_before_built_in(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  anycable_adapter own = script_adapter;
  own.name = "memory";
  anycable_config *config = anycable_config_new();
  anycable_config_add_adapter(config, &own, &script);
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "memory");
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  assert_int_equal(script.created, 1);
  publish_number(broadcaster, 0);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, 1);
  script_deinit(&script);
}

/* Named by a configuration alone, it publishes to nobody. */
static void test_memory_of_nobody(void **state) {
  (void)state;
  anycable_broadcaster *broadcaster = NULL;
  anycable_config *config = anycable_config_new();
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_OK);
  anycable_config_free(config);
  publish_number(broadcaster, 1);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, 20000), ANYCABLE_OK);
  assert_int_equal(counts_of(broadcaster).published, 1);
  assert_int_equal(counts_of(broadcaster).receivers, 0);
  anycable_broadcaster_free(broadcaster);
  assert_string_equal(anycable_memory_next(NULL).ptr, "");
}

/* --- of an application ---------------------------------------------------- */

static anycable_app *new_app(void *ctx, void (*ctx_destroy)(void *ctx)) {
  anycable_app *app = anycable_app_new();
  assert_non_null(app);
  anycable_app_set_factory(app, &ops, ctx, ctx_destroy);
  return app;
}

static anycable_config *config_for(struct script *script,
                                   const char *adapters) {
  anycable_config *config = script_config(script);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, adapters);
  return config;
}

static void test_several(void **state) {
  (void)state;
  struct script script;
  anycable_server *server;
  script_init(&script);
  anycable_app *app = new_app(NULL, NULL);
  anycable_config *config = config_for(&script, " script , memory");
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  assert_non_null(anycable_app_broadcaster(app, 1));
  assert_null(anycable_app_broadcaster(app, 2));
  anycable_server *second; /* makes none */
  assert_int_equal(anycable_server_new(&second, app, config), ANYCABLE_OK);
  assert_null(anycable_app_broadcaster(app, 2));
  anycable_config_free(config);
  anycable_app_broadcast(app, ANYCABLE_STR("s"), ANYCABLE_STR("1"), NULL);
  anycable_server_free(second);
  anycable_server_free(server);
  assert_int_equal(script.destroyed, 0);
  anycable_app_free(app);
  assert_int_equal(script.destroyed, 1);
  assert_int_equal(script.kept, 1);
  script_deinit(&script);
}

/* Of a server that could not be made, nothing stays. */
static void test_server_that_fails(void **state) {
  (void)state;
  struct script script;
  anycable_server *server;
  script_init(&script);
  anycable_app *app = new_app(NULL, NULL);
  anycable_config *config = config_for(&script, "script,smoke");
  for (unsigned i = 1; i <= 2; i++) {
    assert_int_equal(anycable_server_new(&server, app, config),
                     ANYCABLE_ERR_INVALID);
    assert_string_equal(anycable_app_error(app),
                        "broadcast_adapter: \"smoke\" is not known");
    assert_null(anycable_app_broadcaster(app, 0));
    assert_int_equal(script.destroyed, i);
  }
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "script");
  anycable_config_set_rpc_tls(config, "/nonexistent", "/nonexistent");
  assert_int_not_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  assert_null(anycable_app_broadcaster(app, 0));
  assert_int_equal(script.destroyed, 3);
  anycable_config_free(config);
  anycable_app_free(app);
  script_deinit(&script);
}

struct world {
  unsigned told;
  bool destroyed;
  bool late;
};

static void on_fate(const anycable_publication *publication, void *ctx) {
  struct world *world = ctx;
  (void)publication;
  world->told++;
  world->late = world->late || world->destroyed;
}

static void destroy(void *ctx) {
  struct world *world = ctx;
  world->destroyed = true;
}

/* A callback may use what the application owns. */
static void test_context_lives_longer(void **state) {
  (void)state;
  struct world world = {0};
  anycable_broadcaster *broadcaster = NULL;
  anycable_app *app = new_app(&world, destroy);
  anycable_config *config = anycable_config_new();
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_OK);
  anycable_config_free(config);
  anycable_broadcaster_on_fate(broadcaster, on_fate, &world);
  anycable_app_add_broadcaster(app, broadcaster);
  anycable_broadcaster_free(broadcaster);
  for (unsigned i = 0; i < 20000; i++)
    anycable_app_broadcast(app, ANYCABLE_STR("s"), ANYCABLE_STR("1"), NULL);
  anycable_app_free(app);
  assert_int_equal(world.told, 20000);
  assert_true(world.destroyed);
  assert_false(world.late);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spaces),
      cmocka_unit_test(test_another_try),
      cmocka_unit_test(test_added_before_built_in),
      cmocka_unit_test(test_memory_of_nobody),
      cmocka_unit_test(test_several),
      cmocka_unit_test(test_server_that_fails),
      cmocka_unit_test(test_context_lives_longer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
