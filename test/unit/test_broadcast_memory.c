/* Broadcasters without a thread, and out of memory, at every point: a scenario
 * is run once to count allocations, then once for each, that one failing; then
 * once for each, that one and all after it failing. Nothing may crash or leak,
 * sums stay right, and what was taken has a fate. Linked with --wrap. */
#include "broadcast_fixture.h"

#include <anycable/memory.h>
#include <errno.h>

#include "failing_malloc.h"
#include "trivial_app.h"

/* --- threads that cannot be had ------------------------------------------- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*fn)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*fn)(void *arg), void *arg);

static bool no_threads;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*fn)(void *arg), void *arg) {
  return no_threads ? EAGAIN
                    : __real_pthread_create(thread, attributes, fn, arg);
}

/* --- the scenario --------------------------------------------------------- */

static atomic_uint created, destroyed, told;

static int create_counted(void **publisher, const anycable_config *config,
                          void *ctx, char *reason, size_t reason_size) {
  int error = anycable_memory_adapter()->create(publisher, config, ctx, reason,
                                                reason_size);
  created += !error;
  return error;
}

static int publish_counted(void *publisher, anycable_outbox *outbox) {
  return anycable_memory_adapter()->publish(publisher, outbox);
}

static void destroy_counted(void *publisher) {
  (void)publisher;
  destroyed++;
}

static void on_fate(const anycable_publication *publication, void *ctx) {
  (void)publication, (void)ctx;
  told++;
}

static bool good(int error) {
  assert_true(error == ANYCABLE_OK || error == ANYCABLE_ERR_NOMEM ||
              error == ANYCABLE_ERR_STATE || error == ANYCABLE_ERR_LIMIT ||
              error == ANYCABLE_ERR_INVALID);
  return error == ANYCABLE_OK;
}

static bool publish_some(anycable_broadcaster *broadcaster) {
  anycable_broadcaster_on_fate(broadcaster, on_fate, NULL);
  bool well = good(publish_number(broadcaster, 1));
  well &= good(anycable_broadcaster_begin_batch(broadcaster));
  for (unsigned i = 0; i < 100; i++)
    well &= good(publish_number(broadcaster, i));
  well &= good(anycable_broadcaster_end_batch(broadcaster));
  well &= good(
      anycable_broadcaster_disconnect(broadcaster, ANYCABLE_STR("{}"), true));
  for (unsigned i = 0; i < 5; i++) /* some are dropped */
    good(publish_number(broadcaster, i));
  well &= anycable_broadcaster_flush(broadcaster, 1) == ANYCABLE_OK;
  return well;
}

/* A whole life. True if every step went well. */
static bool life(void) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "counted",
                                           .create = create_counted,
                                           .publish = publish_counted,
                                           .destroy = destroy_counted};
  anycable_broadcaster *broadcaster = NULL;
  created = destroyed = told = 0;
  anycable_memory *memory = anycable_memory_new();
  anycable_config *config = anycable_config_new();
  anycable_config_add_adapter(config, &adapter, memory);
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "counted");
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 1);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_COUNT, 3);
  anycable_config_set_when_full(config, ANYCABLE_FULL_DROP, 0);
  bool well = good(anycable_broadcaster_new(&broadcaster, NULL, config));
  assert_int_equal(well, broadcaster != NULL);
  anycable_config_free(config);
  uint64_t taken = 0;
  if (broadcaster) {
    well = publish_some(broadcaster);
    taken = counts_of(broadcaster).taken;
  }
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(told, taken);
  assert_int_equal(created, destroyed);
  anycable_memory_free(memory);
  return well;
}

static void test_life(void **state) {
  (void)state;
  for (int round = 0; round < 2; round++) {
    fail_at(0, false);
    life();
    int total = failing.seen;
    assert_in_range(total, 5, 1000);
    for (int at = 1; at <= total; at++) {
      fail_at(at, round == 1);
      life();
    }
    fail_no_more();
  }
}

/* --- no thread ------------------------------------------------------------ */

/* What cannot be sent is not taken; later it can. */
static void test_no_thread(void **state) {
  (void)state;
  anycable_broadcaster *broadcaster = NULL;
  anycable_config *config = anycable_config_new();
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_OK);
  anycable_config_free(config);
  no_threads = true;
  assert_int_equal(publish_number(broadcaster, 1), ANYCABLE_ERR_IO);
  no_threads = false;
  assert_int_equal(counts_of(broadcaster).taken, 0);
  assert_int_equal(publish_number(broadcaster, 2), ANYCABLE_OK);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, 20000), ANYCABLE_OK);
  assert_int_equal(counts_of(broadcaster).published, 1);
  anycable_broadcaster_free(broadcaster);
}

/* --- an application without one ------------------------------------------- */

/* Two broadcasters, or no server. True if there was one. */
static bool serve(void) {
  anycable_server *server = NULL;
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER,
                      "memory,redis");
  bool made = anycable_server_new(&server, app, config) == ANYCABLE_OK;
  if (made) {
    assert_non_null(anycable_app_broadcaster(app, 1));
  } else if (app) {
    assert_null(anycable_app_broadcaster(app, 0));
    fail_no_more(); /* and when there is memory again, it works */
    if (config && !*anycable_config_error(config)) {
      assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
      assert_non_null(anycable_app_broadcaster(app, 1));
    }
  }
  anycable_server_free(server);
  anycable_config_free(config);
  anycable_app_free(app);
  return made;
}

static void test_server(void **state) {
  (void)state;
  fail_at(0, false);
  assert_true(serve());
  int total = failing.seen;
  for (int at = 1; at <= total; at++) {
    fail_at(at, false);
    serve();
  }
  fail_no_more();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_life),
      cmocka_unit_test(test_no_thread),
      cmocka_unit_test(test_server),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
