/* Batches: one message out of many, for the thread that asks for it. */
#include "broadcast_fixture.h"

#include <anycable/memory.h>

enum { FLUSH = 20000 };

struct fixture {
  anycable_memory *memory;
  anycable_broadcaster *broadcaster;
};

static void set_up(struct fixture *f, int64_t message_max) {
  f->memory = anycable_memory_new();
  anycable_config *config = anycable_config_new();
  assert_non_null(f->memory);
  anycable_config_add_adapter(config, anycable_memory_adapter(), f->memory);
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "memory");
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_MESSAGE,
                            message_max);
  f->broadcaster = broadcaster_from(config);
}

static void tear_down(struct fixture *f) {
  anycable_broadcaster_free(f->broadcaster);
  anycable_memory_free(f->memory);
}

static void assert_next(struct fixture *f, const char *expected) {
  assert_int_equal(anycable_broadcaster_flush(f->broadcaster, FLUSH),
                   ANYCABLE_OK);
  assert_string_equal(anycable_memory_next(f->memory).ptr, expected);
}

static int publish_now(anycable_broadcaster *broadcaster, const char *json) {
  anycable_publish_options options = {.size = sizeof(options),
                                      .immediate = true};
  return anycable_broadcaster_publish(broadcaster, ANYCABLE_STR("s"),
                                      anycable_str_of(json), &options);
}

static void test_batch(void **state) {
  (void)state;
  struct fixture f;
  set_up(&f, 1000);
  anycable_broadcaster *b = f.broadcaster;
  assert_int_equal(anycable_broadcaster_begin_batch(b), ANYCABLE_OK);
  assert_int_equal(publish_number(b, 1), ANYCABLE_OK);
  anycable_publish_options options = {.size = sizeof(options),
                                      .exclude_socket = ANYCABLE_STR("x")};
  anycable_broadcaster_publish_string(b, ANYCABLE_STR("t"), ANYCABLE_STR("a"),
                                      &options);
  assert_next(&f, "");
  assert_int_equal(anycable_broadcaster_end_batch(b), ANYCABLE_OK);
  assert_next(&f,
              "[{\"stream\":\"s\",\"data\":\"1\"},{\"stream\":\"t\","
              "\"data\":\"\\\"a\\\"\",\"meta\":{\"exclude_socket\":\"x\"}}]");
  assert_next(&f, "");
  assert_int_equal(counts_of(b).taken, 1);
  publish_number(b, 2);
  assert_next(&f, "{\"stream\":\"s\",\"data\":\"2\"}");
  tear_down(&f);
}

/* As in the Ruby SDK: the outermost end sends; what is immediate goes before.
 */
static void test_nested(void **state) {
  (void)state;
  struct fixture f;
  set_up(&f, 1000);
  anycable_broadcaster *b = f.broadcaster;
  anycable_broadcaster_begin_batch(b);
  publish_number(b, 1);
  anycable_broadcaster_begin_batch(b);
  publish_number(b, 2);
  publish_now(b, "3");
  assert_int_equal(anycable_broadcaster_end_batch(b), ANYCABLE_OK);
  assert_next(&f, "{\"stream\":\"s\",\"data\":\"3\"}");
  assert_next(&f, "");
  publish_number(b, 4);
  assert_int_equal(
      anycable_broadcaster_disconnect(b, ANYCABLE_STR("{}"), false),
      ANYCABLE_OK);
  assert_next(&f, "{\"command\":\"disconnect\",\"payload\":{\"identifier\":"
                  "\"{}\",\"reconnect\":false}}");
  assert_int_equal(anycable_broadcaster_end_batch(b), ANYCABLE_OK);
  assert_next(&f, "[{\"stream\":\"s\",\"data\":\"1\"},{\"stream\":\"s\","
                  "\"data\":\"2\"},{\"stream\":\"s\",\"data\":\"4\"}]");
  assert_int_equal(anycable_broadcaster_end_batch(b), ANYCABLE_ERR_STATE);
  tear_down(&f);
}

static void test_empty(void **state) {
  (void)state;
  struct fixture f;
  set_up(&f, 1000);
  anycable_broadcaster_begin_batch(f.broadcaster);
  assert_int_equal(anycable_broadcaster_end_batch(f.broadcaster), ANYCABLE_OK);
  anycable_broadcaster_begin_batch(f.broadcaster);
  publish_now(f.broadcaster, "1");
  assert_int_equal(anycable_broadcaster_end_batch(f.broadcaster), ANYCABLE_OK);
  assert_next(&f, "{\"stream\":\"s\",\"data\":\"1\"}");
  assert_next(&f, "");
  assert_int_equal(anycable_broadcaster_begin_batch(NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_broadcaster_end_batch(NULL), ANYCABLE_ERR_INVALID);
  tear_down(&f);
}

/* To the byte: what does not fit is refused, and the rest goes out. */
static void test_too_large(void **state) {
  (void)state;
  struct fixture f;
  const char *two = "[{\"stream\":\"s\",\"data\":\"1\"},{\"stream\":\"s\","
                    "\"data\":\"2\"}]";
  for (size_t less = 0; less < 2; less++) {
    set_up(&f, (int64_t)(strlen(two) - less));
    anycable_broadcaster_begin_batch(f.broadcaster);
    assert_int_equal(publish_number(f.broadcaster, 1), ANYCABLE_OK);
    assert_int_equal(publish_number(f.broadcaster, 2),
                     less ? ANYCABLE_ERR_LIMIT : ANYCABLE_OK);
    assert_int_equal(publish_number(f.broadcaster, 3), ANYCABLE_ERR_LIMIT);
    assert_int_equal(anycable_broadcaster_end_batch(f.broadcaster),
                     ANYCABLE_OK);
    assert_next(&f, less ? "[{\"stream\":\"s\",\"data\":\"1\"}]" : two);
    tear_down(&f);
  }
}

static void *publish_beside(void *arg) {
  publish_number(arg, 2);
  return NULL;
}

static void test_another_thread(void **state) {
  (void)state;
  struct fixture f;
  pthread_t thread;
  set_up(&f, 1000);
  anycable_broadcaster_begin_batch(f.broadcaster);
  publish_number(f.broadcaster, 1);
  pthread_create(&thread, NULL, publish_beside, f.broadcaster);
  pthread_join(thread, NULL);
  assert_next(&f, "{\"stream\":\"s\",\"data\":\"2\"}");
  anycable_broadcaster_end_batch(f.broadcaster);
  assert_next(&f, "[{\"stream\":\"s\",\"data\":\"1\"}]");
  tear_down(&f);
}

/* Goes with the broadcaster; a sanitizer sees what would stay. */
static void test_never_ended(void **state) {
  (void)state;
  struct fixture f;
  set_up(&f, 1000);
  anycable_broadcaster_begin_batch(f.broadcaster);
  publish_number(f.broadcaster, 1);
  tear_down(&f);
}

static void on_fate(const anycable_publication *publication, void *ctx) {
  int *told = ctx;
  assert_null(publication->tag);
  assert_int_equal(publication->payload.ptr[0], '[');
  (*told)++;
}

/* A batch is one message, and tags of what is in it are given to nobody. */
static void test_fate(void **state) {
  (void)state;
  struct fixture f;
  int told = 0;
  set_up(&f, 1000);
  anycable_publish_options options = {.size = sizeof(options), .tag = &f};
  anycable_broadcaster_on_fate(f.broadcaster, on_fate, &told);
  anycable_broadcaster_begin_batch(f.broadcaster);
  for (int i = 0; i < 2; i++)
    anycable_broadcaster_publish(f.broadcaster, ANYCABLE_STR("s"),
                                 ANYCABLE_STR("1"), &options);
  anycable_broadcaster_end_batch(f.broadcaster);
  tear_down(&f);
  assert_int_equal(told, 1);
}

static void test_no_room(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  script.closed = true;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_COUNT, 1);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  publish_number(broadcaster, 1);
  anycable_broadcaster_begin_batch(broadcaster);
  assert_int_equal(publish_number(broadcaster, 2), ANYCABLE_OK);
  assert_int_equal(anycable_broadcaster_end_batch(broadcaster),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(anycable_broadcaster_end_batch(broadcaster),
                   ANYCABLE_ERR_STATE);
  assert_int_equal(counts_of(broadcaster).refused, 1);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_batch),          cmocka_unit_test(test_nested),
      cmocka_unit_test(test_empty),          cmocka_unit_test(test_too_large),
      cmocka_unit_test(test_another_thread), cmocka_unit_test(test_never_ended),
      cmocka_unit_test(test_fate),           cmocka_unit_test(test_no_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
