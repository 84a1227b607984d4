/* The clock goes forward, in nanoseconds. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static uint64_t reference(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void test_is_the_monotonic_clock(void **state) {
  (void)state;
  for (int i = 0; i < 1000; i++) {
    uint64_t before = reference();
    uint64_t now = ac_clock_now();
    assert_true(before <= now);
    assert_true(now <= reference());
  }
}

static void test_units(void **state) {
  (void)state;
  assert_true(AC_SECOND == 1000 * AC_MS);
  assert_true(AC_MS == 1000000);
  /* Deadlines centuries away do not overflow. */
  assert_true(ac_clock_now() + 500ull * 366 * 86400 * AC_SECOND >
              ac_clock_now());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_is_the_monotonic_clock),
      cmocka_unit_test(test_units),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
