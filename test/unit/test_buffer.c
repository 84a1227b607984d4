/* The growing buffer, against a plain array. */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEN __attribute__((visibility("default")))
/* Impossible sizes give NULL, as they do without a sanitizer. */
SEEN const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}
SEEN const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
  return "allocator_may_return_null=1";
}

static volatile size_t max_size = SIZE_MAX;

static void test_append_and_consume(void **state) {
  (void)state;
  struct ac_buffer buffer = {0};
  assert_int_equal(ac_buffer_len(&buffer), 0);
  assert_true(ac_buffer_append(&buffer, NULL, 0));
  assert_null(buffer.data);
  assert_true(ac_buffer_append(&buffer, "hello", 5));
  assert_true(ac_buffer_append(&buffer, " world", 6));
  assert_int_equal(ac_buffer_len(&buffer), 11);
  ac_buffer_consume(&buffer, 6, 0);
  assert_int_equal(ac_buffer_len(&buffer), 5);
  assert_memory_equal(buffer.data + buffer.start, "world", 5);
  ac_buffer_consume(&buffer, 0, 0);
  assert_int_equal(ac_buffer_len(&buffer), 5);
  ac_buffer_deinit(&buffer);
  assert_int_equal(ac_buffer_len(&buffer), 0);
  assert_true(ac_buffer_append(&buffer, "again", 5));
  ac_buffer_deinit(&buffer);
  ac_buffer_deinit(&buffer);
}

static void test_reserve(void **state) {
  (void)state;
  struct ac_buffer buffer = {0};
  assert_non_null(ac_buffer_reserve(&buffer, 0));
  char *room = ac_buffer_reserve(&buffer, 1000);
  assert_non_null(room);
  memset(room, 'x', 1000);
  /* Not there until it is committed, and then only as much. */
  assert_int_equal(ac_buffer_len(&buffer), 0);
  ac_buffer_commit(&buffer, 10);
  assert_int_equal(ac_buffer_len(&buffer), 10);
  room = ac_buffer_reserve(&buffer, 990);
  assert_ptr_equal(room, buffer.data + 10);
  /* Filled to the last byte. */
  size_t left = buffer.size - buffer.end;
  room = ac_buffer_reserve(&buffer, left);
  assert_ptr_equal(room, buffer.data + 10);
  memset(room, 'y', left);
  ac_buffer_commit(&buffer, left);
  assert_int_equal(buffer.end, buffer.size);
  assert_true(ac_buffer_append(&buffer, "z", 1));
  assert_int_equal(ac_buffer_len(&buffer), 10 + left + 1);
  assert_int_equal(buffer.data[buffer.end - 1], 'z');
  ac_buffer_deinit(&buffer);
}

/* Whatever is in there, less or more than what comes, is there afterwards. */
static void test_growing_keeps_what_is_there(void **state) {
  (void)state;
  char some[3000];
  for (size_t i = 0; i < sizeof(some); i++)
    some[i] = (char)(i * 7);
  for (size_t first = 0; first < 300; first += first < 3 ? 1 : 33) {
    for (size_t consumed = 0; consumed <= first; consumed++) {
      struct ac_buffer buffer = {0};
      assert_true(ac_buffer_append(&buffer, some, first));
      ac_buffer_consume(&buffer, consumed, SIZE_MAX);
      assert_true(ac_buffer_append(&buffer, some + first, 3000 - first));
      assert_int_equal(ac_buffer_len(&buffer), 3000 - consumed);
      assert_memory_equal(buffer.data + buffer.start, some + consumed,
                          3000 - consumed);
      ac_buffer_deinit(&buffer);
    }
  }
}

static void test_no_memory_changes_nothing(void **state) {
  (void)state;
  struct ac_buffer buffer = {0};
  assert_null(ac_buffer_reserve(&buffer, max_size));
  assert_null(ac_buffer_reserve(&buffer, max_size / 2));
  assert_null(buffer.data);
  assert_true(ac_buffer_append(&buffer, "hello", 5));
  ac_buffer_consume(&buffer, 1, 0);
  struct ac_buffer before = buffer;
  for (size_t i = 0; i < 8; i++) {
    assert_null(ac_buffer_reserve(&buffer, max_size - i));
    assert_null(ac_buffer_reserve(&buffer, max_size / 2 - i));
    assert_false(ac_buffer_append(&buffer, "x", max_size - i));
  }
  assert_memory_equal(&buffer, &before, sizeof(buffer));
  assert_memory_equal(buffer.data + buffer.start, "ello", 4);
  ac_buffer_deinit(&buffer);
}

static void test_keep(void **state) {
  (void)state;
  struct ac_buffer buffer = {0};
  char big[5000] = {0};
  assert_true(ac_buffer_append(&buffer, big, sizeof(big)));
  size_t size = buffer.size;
  /* Not empty: stays, however large. */
  ac_buffer_consume(&buffer, 4999, 0);
  assert_int_equal(buffer.size, size);
  /* Empty, and no larger than what may stay. */
  ac_buffer_consume(&buffer, 1, size);
  assert_int_equal(buffer.size, size);
  assert_int_equal(buffer.start, 0);
  assert_int_equal(buffer.end, 0);
  assert_true(ac_buffer_append(&buffer, "x", 1));
  ac_buffer_consume(&buffer, 1, size - 1);
  assert_null(buffer.data);
  assert_int_equal(buffer.size, 0);
  assert_true(ac_buffer_append(&buffer, "x", 1));
  ac_buffer_deinit(&buffer);
}

/* A queue that is never empty neither grows for ever nor loses a byte. */
static void test_steady_flow(void **state) {
  (void)state;
  struct ac_buffer buffer = {0};
  unsigned char in = 0, out = 0;
  size_t largest = 0;
  for (int i = 0; i < 20000; i++) {
    unsigned char some[200];
    size_t n = (size_t)(i * 37 % 200);
    for (size_t j = 0; j < n; j++)
      some[j] = in++;
    assert_true(ac_buffer_append(&buffer, some, n));
    while (ac_buffer_len(&buffer) > 300) {
      size_t take = ac_buffer_len(&buffer) - 300;
      take = take > 90 ? 90 : take;
      for (size_t j = 0; j < take; j++)
        assert_int_equal((unsigned char)buffer.data[buffer.start + j], out++);
      ac_buffer_consume(&buffer, take, 0);
    }
    largest = buffer.size > largest ? buffer.size : largest;
  }
  assert_true(largest <= 2048);
  ac_buffer_deinit(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_append_and_consume),
      cmocka_unit_test(test_reserve),
      cmocka_unit_test(test_growing_keeps_what_is_there),
      cmocka_unit_test(test_no_memory_changes_nothing),
      cmocka_unit_test(test_keep),
      cmocka_unit_test(test_steady_flow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
