/* Dropping duplicate keys, against the plainest way of doing it. */
#include "wire/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct ac_arena_pool *pool;
  struct ac_arena *arena;
};

static int setup(void **state) {
  struct fixture *f = malloc(sizeof(*f));
  if (!f)
    return 1;
  f->pool = ac_arena_pool_new(4096, 0);
  f->arena = ac_arena_new(f->pool, SIZE_MAX);
  *state = f;
  return f->arena ? 0 : 1;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  ac_arena_free(f->arena);
  ac_arena_pool_release(f->pool);
  free(f);
  return 0;
}

static uint32_t random_state = 1;

static size_t below(size_t n) {
  random_state = random_state * 1664525 + 1013904223;
  return (random_state >> 8) % n;
}

/* |n| entries with |kinds| different keys at the most, each entry's value its
 * index, as a pointer. */
static struct ac_wire_map make_map(char (*keys)[32], size_t n, size_t kinds) {
  struct ac_wire_map map = {calloc(n + 1, sizeof(struct ac_pair)), n};
  assert_non_null(map.items);
  for (size_t i = 0; i < kinds; i++)
    snprintf(keys[i], sizeof(keys[i]), "%.*s%zu", (int)(i % 5), "-----", i);
  for (size_t i = 0; i < n; i++) {
    const char *key = keys[below(kinds)];
    map.items[i].key = ac_str(key, strlen(key));
    map.items[i].value = ac_str("", i);
  }
  return map;
}

static size_t unique_plainly(const struct ac_wire_map *map,
                             struct ac_pair *out) {
  size_t kept = 0;
  for (size_t i = 0; i < map->n; i++) {
    size_t same = 0;
    while (same < kept && !anycable_str_equal(out[same].key, map->items[i].key))
      same++;
    if (same == kept)
      out[kept++] = map->items[i];
    else
      out[same].value = map->items[i].value;
  }
  return kept;
}

static void test_like_plainly(void **state) {
  struct fixture *f = *state;
  static char keys[600][32];
  static struct ac_pair expected[600];
  size_t with_duplicates = 0;
  for (int i = 0; i < 3000; i++) {
    size_t n = below(i % 10 ? 24 : 600);
    struct ac_wire_map map = make_map(keys, n, 1 + below(i % 3 ? 600 : 12));
    size_t kept = unique_plainly(&map, expected);
    with_duplicates += kept < n;
    assert_true(ac_wire_map_unique(&map, f->arena));
    assert_int_equal(map.n, kept);
    for (size_t k = 0; k < kept; k++) {
      assert_true(anycable_str_equal(map.items[k].key, expected[k].key));
      assert_int_equal(map.items[k].value.len, expected[k].value.len);
    }
    free(map.items);
  }
  assert_in_range(with_duplicates, 500, 2500);
}

/* So many that some keys share a hash of 32 bits, each key twice: those must
 * stay apart, and yet find their own kind. */
static void test_keys_that_share_a_hash(void **state) {
  struct fixture *f = *state;
  size_t kinds = 300000;
  char(*keys)[32] = calloc(kinds, sizeof(*keys));
  struct ac_wire_map map = {calloc(2 * kinds, sizeof(struct ac_pair)),
                            2 * kinds};
  assert_non_null(keys);
  assert_non_null(map.items);
  for (size_t i = 0; i < kinds; i++) {
    int len = snprintf(keys[i], sizeof(keys[i]), "%zu", i);
    size_t end = (size_t)len + 8 + below(16);
    for (size_t at = (size_t)len; at < end; at++)
      keys[i][at] = (char)('a' + below(26));
    map.items[i].key = ac_str(keys[i], end);
    map.items[i + kinds].key = map.items[i].key;
    map.items[i + kinds].value = ac_str("", i);
  }
  assert_true(ac_wire_map_unique(&map, f->arena));
  assert_int_equal(map.n, kinds);
  for (size_t i = 0; i < kinds; i++) {
    assert_ptr_equal(map.items[i].key.ptr, keys[i]);
    assert_int_equal(map.items[i].value.len, i);
  }
  free(map.items);
  free(keys);
}

static void test_one_key_only(void **state) {
  struct fixture *f = *state;
  static const char key[] = "always";
  for (size_t n = 1; n < 50000; n = n * 3 + 1) {
    struct ac_wire_map map = {calloc(n, sizeof(struct ac_pair)), n};
    assert_non_null(map.items);
    for (size_t i = 0; i < n; i++)
      map.items[i] = (struct ac_pair){{key, 6}, {"", i}};
    assert_true(ac_wire_map_unique(&map, f->arena));
    assert_int_equal(map.n, 1);
    assert_int_equal(map.items[0].value.len, n - 1);
    free(map.items);
  }
}

static void test_no_memory(void **state) {
  (void)state;
  static char keys[1000][32];
  struct ac_arena_pool *pool = ac_arena_pool_new(256, 0);
  struct ac_arena *arena = ac_arena_new(pool, 1024);
  struct ac_wire_map map = make_map(keys, 1000, 1000);
  assert_false(ac_wire_map_unique(&map, arena));
  map.n = 16; /* few need none */
  assert_true(ac_wire_map_unique(&map, arena));
  free(map.items);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_like_plainly, setup, teardown),
      cmocka_unit_test_setup_teardown(test_keys_that_share_a_hash, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(test_one_key_only, setup, teardown),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
