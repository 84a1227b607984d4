/* The ring of messages, against a plain array. */
#include "broadcast/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

static void fill(char *out, size_t len, uint32_t number) {
  for (size_t i = 0; i < len; i++)
    out[i] = (char)(number + i * 7);
}

static void assert_filled(anycable_str text, uint32_t number) {
  for (size_t i = 0; i < text.len; i++)
    assert_int_equal(text.ptr[i], (char)(number + i * 7));
}

/* What is expected to be in the queue. */
struct model {
  size_t lens[4096];
  size_t first;
  size_t end;
};

static void append(struct ac_queue *queue, struct model *model, size_t len) {
  uint32_t number = (uint32_t)model->end;
  fill(ac_queue_append(queue, len, (void *)(uintptr_t)(number + 1)), len,
       number);
  model->lens[model->end++ % 4096] = len;
}

/* Reads |n| messages and removes them, all at once. */
static void take(struct ac_queue *queue, struct model *model, size_t n) {
  struct ac_queue_item item;
  size_t at = queue->head, bytes = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t number = (uint32_t)model->first++;
    bytes += ac_queue_read(queue, &at, &item);
    assert_int_equal(item.payload.len, model->lens[number % 4096]);
    assert_ptr_equal(item.tag, (void *)(uintptr_t)(number + 1));
    assert_filled(item.payload, number);
  }
  bool empty = ac_queue_remove(queue, at, bytes, n);
  assert_int_equal(empty, model->first == model->end);
  assert_int_equal(queue->count, model->end - model->first);
  if (empty)
    assert_int_equal(queue->used, 0);
}

static void test_random(void **state) {
  (void)state;
  for (uint32_t seed = 1; seed <= 200; seed++) {
    uint32_t random = seed;
    struct ac_queue queue;
    struct model model = {.first = 0};
    ac_queue_init(&queue, 200 + next_random(&random) % 3000, 1000);
    assert_true(ac_queue_open(&queue));
    for (size_t step = 0; step < 2000; step++) {
      size_t len = next_random(&random) % (seed % 2 ? 40 : 700);
      if (next_random(&random) % 2 && ac_queue_fits(&queue, len))
        append(&queue, &model, len);
      else if (queue.count > 0)
        take(&queue, &model, 1 + next_random(&random) % queue.count);
    }
    take(&queue, &model, queue.count);
    ac_queue_deinit(&queue);
  }
}

/* Whatever went before, a queue that has been emptied holds the largest. */
static void test_largest(void **state) {
  (void)state;
  enum { SIZE = 1000 };
  struct ac_queue queue;
  struct model model = {.first = 0};
  ac_queue_init(&queue, SIZE, 10);
  assert_true(ac_queue_open(&queue));
  assert_true(ac_queue_could_fit(&queue, SIZE));
  assert_false(ac_queue_could_fit(&queue, SIZE + 16));
  assert_false(ac_queue_could_fit(&queue, SIZE_MAX / 2));
  for (size_t i = 0; i < 50; i++) {
    append(&queue, &model, 1 + 13 * (i % 60));
    assert_false(ac_queue_fits(&queue, SIZE));
    take(&queue, &model, 1);
    assert_true(ac_queue_fits(&queue, SIZE));
    append(&queue, &model, SIZE);
    assert_false(ac_queue_fits(&queue, 0));
    take(&queue, &model, 1);
  }
  ac_queue_deinit(&queue);
}

static void test_count(void **state) {
  (void)state;
  struct ac_queue queue;
  struct model model = {.first = 0};
  ac_queue_init(&queue, 10000, 3);
  assert_true(ac_queue_open(&queue));
  for (size_t i = 0; i < 3; i++) {
    assert_true(ac_queue_fits(&queue, 10));
    append(&queue, &model, 10);
  }
  assert_false(ac_queue_fits(&queue, 10));
  take(&queue, &model, 1);
  assert_true(ac_queue_fits(&queue, 10));
  take(&queue, &model, 2);
  ac_queue_deinit(&queue);
}

/* To the last byte, without a mark at the end, and around it. */
static void test_exactly_full(void **state) {
  (void)state;
  struct ac_queue queue;
  struct model model = {.first = 0};
  ac_queue_init(&queue, 16 * 11, 100); /* 12 of 16 bytes: 6 small messages */
  assert_true(ac_queue_open(&queue));
  for (size_t round = 0; round < 5; round++) {
    while (ac_queue_fits(&queue, 16))
      append(&queue, &model, 16);
    assert_int_equal(queue.used, queue.size);
    take(&queue, &model, 3);
    while (ac_queue_fits(&queue, 16))
      append(&queue, &model, 16);
    assert_int_equal(queue.count, 6);
    take(&queue, &model, round == 4 ? 6 : 4);
  }
  ac_queue_deinit(&queue);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random),
      cmocka_unit_test(test_largest),
      cmocka_unit_test(test_count),
      cmocka_unit_test(test_exactly_full),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
