/* Arenas: bounds, cap, reuse, threads. */
#include "base/arena.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(AC_POISONS) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
/* Impossible sizes give NULL, as they do without a sanitizer. */
#define SEEN __attribute__((visibility("default")))
SEEN const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}
SEEN const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
  return "allocator_may_return_null=1";
}
#else
/* Counts what reaches the allocator, and can refuse. */
static __thread size_t n_mallocs;
static __thread size_t n_frees;
static __thread bool refuse;

void *__libc_malloc(size_t size);
void __libc_free(void *ptr);

void *malloc(size_t size) {
  n_mallocs++;
  return refuse ? NULL : __libc_malloc(size);
}

void free(void *ptr) {
  n_frees += ptr != NULL;
  __libc_free(ptr);
}
#endif

/* Sizes that the compiler must not see through. */
static volatile size_t max_size = SIZE_MAX;

static bool aligned(const void *p) {
  return (uintptr_t)p % 16 == 0;
}

static void test_alignment_and_bounds(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 4);
  struct ac_arena *arena = ac_arena_new(pool, 1 << 24);
  assert_true(aligned(arena));
  struct {
    unsigned char *p;
    size_t size;
  } given[600];
  for (size_t i = 0; i < 600; i++) {
    size_t size = i * 7 % 4200 + (i % 100 == 0 ? 4080 : 0);
    given[i].p = ac_arena_alloc(arena, size);
    given[i].size = size;
    assert_non_null(given[i].p);
    assert_true(aligned(given[i].p));
    memset(given[i].p, (int)(i & 0xff), size);
  }
  /* Nothing that was written later lies over what was written before. */
  for (size_t i = 0; i < 600; i++)
    for (size_t j = 0; j < given[i].size; j++)
      assert_int_equal(given[i].p[j], i & 0xff);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

static void test_exact_fit(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 4);
  struct ac_arena *arena = ac_arena_new(pool, 1024);
  size_t left = (size_t)(arena->end - arena->at);
  assert_true(left > 900 && left < 1024);
  char *p = ac_arena_alloc(arena, left);
  assert_non_null(p);
  memset(p, 1, left);
  assert_ptr_equal(arena->at, arena->end);
  assert_null(ac_arena_alloc(arena, 1));
  assert_non_null(ac_arena_alloc(arena, 0));
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

static void test_odd_block_sizes(void **state) {
  (void)state;
  const size_t sizes[] = {0, 1, 255, 256, 257, 1000, 1001};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
    struct ac_arena_pool *pool = ac_arena_pool_new(sizes[i], 1);
    struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
    for (int j = 0; j < 100; j++) {
      char *p = ac_arena_alloc(arena, 33);
      assert_true(aligned(p));
      memset(p, 2, 33);
    }
    ac_arena_free(arena);
    ac_arena_pool_release(pool);
  }
}

static void test_cap_counts_blocks(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 0);
  struct ac_arena *arena = ac_arena_new(pool, 3 * 1024 + 1023);
  assert_int_equal(arena->used, 1024);
  assert_non_null(ac_arena_alloc(arena, 1024));
  assert_non_null(ac_arena_alloc(arena, 1024));
  assert_int_equal(arena->used, 3072);
  /* 1,023 bytes are not a block any more, nor are 1,025. */
  assert_null(ac_arena_alloc(arena, 1024));
  assert_null(ac_arena_alloc(arena, 1025));
  assert_int_equal(arena->used, 3072);
  /* What is left of the first block is still good. */
  assert_non_null(ac_arena_alloc(arena, 16));
  ac_arena_free(arena);

  /* A block of its own is counted as large as it is. */
  arena = ac_arena_new(pool, 1024 + 2000);
  assert_null(ac_arena_alloc(arena, 2001));
  char *big = ac_arena_alloc(arena, 2000);
  assert_non_null(big);
  memset(big, 3, 2000);
  assert_int_equal(arena->used, 1024 + 2000);
  assert_non_null(ac_arena_alloc(arena, 900));
  assert_null(ac_arena_alloc(arena, 900));
  ac_arena_free(arena);

  /* The first block is never refused, nothing after it is given. */
  arena = ac_arena_new(pool, 0);
  assert_non_null(arena);
  assert_non_null(ac_arena_alloc(arena, 100));
  assert_null(ac_arena_alloc(arena, 1000));
  assert_null(ac_arena_alloc(arena, 5000));
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

static void test_room_is_not_wasted(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 4);
  struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
  assert_non_null(ac_arena_alloc(arena, 64));
  char *at = arena->at;
  /* A block of its own, and one that is filled at once, leave the current
   * block in use. */
  assert_non_null(ac_arena_alloc(arena, 10000));
  assert_ptr_equal(arena->at, at);
  assert_non_null(ac_arena_alloc(arena, 4096));
  assert_ptr_equal(arena->at, at);
  /* One with more room left takes its place. */
  assert_non_null(ac_arena_alloc(arena, 3000));
  size_t left = (size_t)(arena->end - arena->at);
  assert_true(left < 1100);
  assert_non_null(ac_arena_alloc(arena, 1200));
  assert_int_equal(arena->end - arena->at, 4096 - 1200);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

static void test_huge_sizes(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 1);
  struct ac_arena *arena = ac_arena_new(pool, max_size);
  const char *at = arena->at;
  for (size_t i = 0; i < 64; i++) {
    assert_null(ac_arena_alloc(arena, max_size - i));
    assert_null(ac_arena_zalloc(arena, max_size - i));
  }
  assert_null(ac_arena_alloc(arena, max_size / 2));
  assert_int_equal(arena->used, 1024);
  assert_ptr_equal(arena->at, at);
  assert_non_null(ac_arena_alloc(arena, 10));
  assert_null(ac_arena_copy(arena, ac_str("x", max_size)).ptr);
  assert_null(ac_arena_copy(arena, ac_str("x", max_size - 1)).ptr);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);

  for (size_t i = 0; i < 32; i++)
    assert_null(ac_arena_pool_new(max_size - i, 1));
  /* A pool of blocks that malloc cannot make: no arena, no leak. */
  pool = ac_arena_pool_new(max_size / 2, 1);
  assert_non_null(pool);
  assert_null(ac_arena_new(pool, max_size));
  ac_arena_pool_release(pool);
}

static void test_copy_and_zalloc(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(256, 4);
  struct ac_arena *arena = ac_arena_new(pool, 1024);
  memset(ac_arena_alloc(arena, 100), 0xff, 100);
  ac_arena_free(arena);
  arena = ac_arena_new(pool, 1024);
  const unsigned char *zero = ac_arena_zalloc(arena, 100);
  for (int i = 0; i < 100; i++)
    assert_int_equal(zero[i], 0);
  char text[] = "a\0b";
  anycable_str copy = ac_arena_copy(arena, ac_str(text, 3));
  text[0] = 'x';
  assert_int_equal(copy.len, 3);
  assert_memory_equal(copy.ptr, "a\0b\0", 4);
  copy = ac_arena_copy(arena, ac_str(text, 1));
  assert_int_equal(copy.len, 1);
  assert_string_equal(copy.ptr, "x");
  copy = ac_arena_copy(arena, ac_str(NULL, 0));
  assert_int_equal(copy.len, 0);
  assert_string_equal(copy.ptr, "");
  copy = ac_arena_copy(arena, ac_str(text, 0));
  assert_string_equal(copy.ptr, "");
  char big[1100] = {0};
  copy = ac_arena_copy(arena, ac_str(big, sizeof(big)));
  assert_null(copy.ptr);
  assert_int_equal(copy.len, 0);
  assert_null(ac_arena_zalloc(arena, sizeof(big)));
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

static void test_trim(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 4);
  struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
  char *p = ac_arena_alloc(arena, 500);
  char *end = arena->at;
  ac_arena_trim(arena, p, 500, 500);
  assert_ptr_equal(arena->at, end);
  ac_arena_trim(arena, p, 500, 33);
  assert_ptr_equal(arena->at, p + 48);
  memset(p, 1, 33);
  char *q = ac_arena_alloc(arena, 10);
  assert_ptr_equal(q, p + 48);
  memset(q, 2, 10);
  ac_arena_trim(arena, q, 10, 10);
  assert_ptr_equal(arena->at, q + 16);
  /* Sizes that need no rounding. */
  char *even = ac_arena_alloc(arena, 64);
  ac_arena_trim(arena, even, 64, 32);
  assert_ptr_equal(arena->at, even + 32);
  ac_arena_trim(arena, even, 32, 0);
  assert_ptr_equal(arena->at, even);
  /* Not the last one, or not in the current block: stays as it is. */
  end = arena->at;
  ac_arena_trim(arena, p, 33, 1);
  assert_ptr_equal(arena->at, end);
  char *own = ac_arena_alloc(arena, 2000);
  ac_arena_trim(arena, own, 2000, 1);
  assert_ptr_equal(arena->at, end);
  memset(own, 3, 2000);
  ac_arena_trim(arena, q, 10, 0);
  assert_ptr_equal(ac_arena_alloc(arena, 1), q);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

static void test_charging(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 4);
  struct ac_arena *a = ac_arena_new(pool, SIZE_MAX);
  struct ac_arena *b = ac_arena_new(pool, SIZE_MAX);
  assert_true(ac_arena_charge(a, SIZE_MAX)); /* no limit yet */
  ac_arena_free(a);
  ac_arena_pool_limit(pool, 100);
  a = ac_arena_new(pool, SIZE_MAX);
  assert_false(ac_arena_charge(a, 101));
  assert_false(ac_arena_charge(a, SIZE_MAX));
  assert_true(ac_arena_charge(a, 60));
  assert_false(ac_arena_charge(b, 41)); /* of all arenas together */
  assert_true(ac_arena_charge(b, 30));
  assert_true(ac_arena_charge(b, 10));
  assert_true(ac_arena_charge(b, 0));
  assert_false(ac_arena_charge(b, 1));
  ac_arena_free(a);
  assert_false(ac_arena_charge(b, 61));
  assert_true(ac_arena_charge(b, 60));
  ac_arena_pool_release(pool);
  assert_false(ac_arena_charge(b, 1));
  ac_arena_free(b);
}

static void test_null_is_fine(void **state) {
  (void)state;
  ac_arena_free(NULL);
  ac_arena_pool_release(NULL);
}

static void test_pool_outlived_by_its_arenas(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(512, 8);
  struct ac_arena *first = ac_arena_new(pool, 1 << 20);
  struct ac_arena *second = ac_arena_new(pool, 1 << 20);
  ac_arena_free(ac_arena_new(pool, 1 << 20));
  ac_arena_pool_release(pool);
  /* They go on as before, in whatever order they end. */
  for (int i = 0; i < 10; i++) {
    memset(ac_arena_alloc(first, 400), 1, 400);
    memset(ac_arena_alloc(second, 4000), 1, 4000);
  }
  ac_arena_free(first);
  memset(ac_arena_alloc(second, 400), 1, 400);
  ac_arena_free(second);
}

#ifdef AC_POISONS
static void test_freed_memory_is_out_of_bounds(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 8);
  struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
  char *p = ac_arena_alloc(arena, 20);
  char *own = ac_arena_alloc(arena, 900);
  assert_false(__asan_address_is_poisoned(p));
  assert_false(__asan_address_is_poisoned(p + 19));
  assert_true(__asan_address_is_poisoned(p + 20));
  assert_false(__asan_address_is_poisoned(own + 899));
  char *trimmed = ac_arena_alloc(arena, 60);
  ac_arena_trim(arena, trimmed, 60, 5);
  assert_false(__asan_address_is_poisoned(trimmed + 4));
  assert_true(__asan_address_is_poisoned(trimmed + 5));
  ac_arena_free(arena);
  assert_true(__asan_address_is_poisoned(p));
  assert_true(__asan_address_is_poisoned(own));
  ac_arena_pool_release(pool);
}
#endif

#ifndef SANITIZED
static void test_steady_state_has_no_malloc(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 4);
  size_t before = 0;
  for (int i = 0; i < 100; i++) {
    if (i == 1)
      before = n_mallocs;
    struct ac_arena *a = ac_arena_new(pool, 1 << 20);
    struct ac_arena *b = ac_arena_new(pool, 1 << 20);
    assert_non_null(ac_arena_alloc(a, 1000));
    assert_non_null(ac_arena_alloc(b, 1000));
    ac_arena_free(a);
    ac_arena_free(b);
  }
  assert_int_equal(n_mallocs, before);
  ac_arena_pool_release(pool);
}

static void test_no_more_is_kept_than_asked(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 3);
  struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
  for (int i = 0; i < 9; i++)
    assert_non_null(ac_arena_alloc(arena, 1024));
  assert_non_null(ac_arena_alloc(arena, 1025));
  /* Ten of the pool's size, three of which stay, and a large one. */
  size_t before = n_frees;
  ac_arena_free(arena);
  assert_int_equal(n_frees - before, 8);
  before = n_frees;
  ac_arena_pool_release(pool);
  assert_int_equal(n_frees - before, 3 + 1);
}

static void test_released_pool_keeps_nothing(void **state) {
  (void)state;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 8);
  struct ac_arena *first = ac_arena_new(pool, 1 << 20);
  struct ac_arena *second = ac_arena_new(pool, 1 << 20);
  ac_arena_free(ac_arena_new(pool, 1 << 20));
  size_t before = n_frees;
  ac_arena_pool_release(pool);
  assert_int_equal(n_frees - before, 1);
  ac_arena_free(first);
  assert_int_equal(n_frees - before, 2);
  ac_arena_free(second);
  assert_int_equal(n_frees - before, 3 + 1);
}

static void test_out_of_memory(void **state) {
  (void)state;
  refuse = true;
  struct ac_arena *none = NULL;
  struct ac_arena_pool *pool = ac_arena_pool_new(1024, 0);
  refuse = false;
  if (!pool) /* calloc is not ours to refuse with every libc */
    pool = ac_arena_pool_new(1024, 0);
  refuse = true;
  none = ac_arena_new(pool, 1 << 20);
  refuse = false;
  assert_null(none);
  struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
  refuse = true;
  void *block = ac_arena_alloc(arena, 1024);
  void *own = ac_arena_alloc(arena, 2000);
  void *fits = ac_arena_alloc(arena, 100);
  refuse = false;
  assert_null(block);
  assert_null(own);
  assert_non_null(fits);
  assert_int_equal(arena->used, 1024);
  /* The failed arena is not counted: the pool goes with this one. */
  ac_arena_pool_release(pool);
  size_t before = n_frees;
  ac_arena_free(arena);
  assert_int_equal(n_frees - before, 2);
}
#endif

/* Threads make arenas, fill them, swap them through a shared slot, and free
 * what they find there, also after the pool was released. */
struct shared {
  struct ac_arena_pool *pool;
  pthread_mutex_t lock;
  struct ac_arena *slot;
};

static void *swapper(void *arg) {
  struct shared *shared = arg;
  for (int i = 0; i < 2000; i++) {
    struct ac_arena *arena = ac_arena_new(shared->pool, 1 << 16);
    if (!arena)
      return arg;
    for (int j = 0; j < 5; j++) {
      char *p = ac_arena_alloc(arena, (size_t)(i % 700 + j));
      if (!p)
        return arg;
      memset(p, j, (size_t)(i % 700 + j));
    }
    pthread_mutex_lock(&shared->lock);
    struct ac_arena *found = shared->slot;
    shared->slot = arena;
    pthread_mutex_unlock(&shared->lock);
    ac_arena_free(found);
  }
  return NULL;
}

static void *freer(void *arg) {
  ac_arena_free(arg);
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  struct shared shared = {.pool = ac_arena_pool_new(512, 3)};
  pthread_mutex_init(&shared.lock, NULL);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, swapper, &shared), 0);
  for (int i = 0; i < 4; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  ac_arena_free(shared.slot);

  /* The last arenas and the release race to free the pool. */
  for (int i = 0; i < 200; i++) {
    struct ac_arena_pool *pool = ac_arena_pool_new(512, 3);
    pthread_t a, b;
    pthread_create(&a, NULL, freer, ac_arena_new(pool, 1024));
    pthread_create(&b, NULL, freer, ac_arena_new(pool, 1024));
    ac_arena_pool_release(pool);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
  }
  ac_arena_pool_release(shared.pool);
  pthread_mutex_destroy(&shared.lock);
}

static void test_grow(void **state) {
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 4);
  struct ac_arena *arena = ac_arena_new(pool, 64 * 1024);
  size_t room = 0;
  int *items = NULL;
  (void)state;
  for (int i = 0; i < 1000; i++) {
    int *before = items;
    size_t room_before = room;
    items = ac_arena_grow(arena, items, (size_t)i, &room, 4, sizeof(*items));
    assert_non_null(items);
    assert_true((size_t)i < room);
    assert_int_equal(items == before, (size_t)i < room_before);
    items[i] = i;
  }
  for (int i = 0; i < 1000; i++)
    assert_int_equal(items[i], i);
  size_t kept = room;
  assert_null(ac_arena_grow(arena, items, room, &room, 4, 1 << 20));
  assert_int_equal(room, kept); /* as it was */
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_grow),
      cmocka_unit_test(test_alignment_and_bounds),
      cmocka_unit_test(test_exact_fit),
      cmocka_unit_test(test_odd_block_sizes),
      cmocka_unit_test(test_cap_counts_blocks),
      cmocka_unit_test(test_room_is_not_wasted),
      cmocka_unit_test(test_huge_sizes),
      cmocka_unit_test(test_copy_and_zalloc),
      cmocka_unit_test(test_trim),
      cmocka_unit_test(test_charging),
      cmocka_unit_test(test_null_is_fine),
      cmocka_unit_test(test_pool_outlived_by_its_arenas),
#ifdef AC_POISONS
      cmocka_unit_test(test_freed_memory_is_out_of_bounds),
#endif
#ifndef SANITIZED
      cmocka_unit_test(test_steady_state_has_no_malloc),
      cmocka_unit_test(test_no_more_is_kept_than_asked),
      cmocka_unit_test(test_released_pool_keeps_nothing),
      cmocka_unit_test(test_out_of_memory),
#endif
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
