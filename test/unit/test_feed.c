/* What a streaming client sends: how much is kept, and where it ends. How it is
 * answered is for test/conformance/test_reflection.py, on raw frames. */
#include "grpc/feed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct ac_arena_pool *pool;
static struct ac_grpc_call call;

static int setup(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 4);
  memset(&call, 0, sizeof(call));
  call.arena = ac_arena_new(pool, 1 << 20);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  ac_arena_free(call.arena);
  ac_arena_pool_release(pool);
  return 0;
}

/* In pieces of every size, up to the last byte that there is room for. */
static void test_room(void **state) {
  char *bytes = malloc(AC_GRPC_STREAM_MAX);
  (void)state;
  for (size_t i = 0; i < AC_GRPC_STREAM_MAX; i++)
    bytes[i] = (char)(i * 7);
  size_t at = 0;
  for (size_t n = 1; at < AC_GRPC_STREAM_MAX; n++) {
    size_t left = AC_GRPC_STREAM_MAX - at;
    assert_true(ac_grpc_feed_take(&call, bytes + at, n < left ? n : left));
    at += n < left ? n : left;
  }
  assert_int_equal(call.feed->len, AC_GRPC_STREAM_MAX);
  assert_memory_equal(call.feed->bytes, bytes, AC_GRPC_STREAM_MAX);
  assert_true(ac_grpc_feed_take(&call, "", 0)); /* its end */
  assert_false(ac_grpc_feed_take(&call, "x", 1));
  assert_int_equal(call.feed->len, AC_GRPC_STREAM_MAX);
  free(bytes);
}

static void test_too_much_at_once(void **state) {
  char *bytes = calloc(1, AC_GRPC_STREAM_MAX + 1);
  (void)state;
  assert_false(ac_grpc_feed_take(&call, bytes, AC_GRPC_STREAM_MAX + 1));
  assert_int_equal(call.feed->len, 0);
  assert_true(ac_grpc_feed_take(&call, bytes, AC_GRPC_STREAM_MAX));
  free(bytes);
}

/* Neither more than all calls may have, nor more than this one. */
static void test_without_memory(void **state) {
  (void)state;
  ac_arena_pool_limit(pool, 1000);
  assert_false(ac_grpc_feed_take(&call, "x", 1));
  assert_null(call.feed);
  ac_arena_pool_limit(pool, 1 << 20);
  ac_arena_free(call.arena);
  call.arena = ac_arena_new(pool, 8192);
  assert_false(ac_grpc_feed_take(&call, "x", 1));
  assert_null(call.feed);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_room), TEST(test_too_much_at_once), TEST(test_without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
