/* Floods: how much of what is allowed, and that honest peers are not hit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h2/guard.h"
#include "h2/h2.h"

static const struct ac_h2_config config = {
    .ping_interval = 5 * AC_SECOND,
    .ping_strikes = 100,
    .pings_rate = 100,
    .settings_rate = 10,
    .resets = 10000,
    .resets_rate = 1000,
    .glitches = 200,
    .glitches_rate = 20,
    .empty_frames = 10,
};

/* How many of |event|, |apart| ns from each other, pass before one is too
 * many; |most| if none is. */
static unsigned until_refused(enum ac_h2_event event, uint64_t apart,
                              unsigned most) {
  struct ac_h2_guard guard;
  uint64_t now = 1000 * AC_SECOND;
  ac_h2_guard_init(&guard);
  for (unsigned i = 0; i < most; i++, now += apart) {
    if (ac_h2_guard_count(&guard, &config, now, event))
      return i;
  }
  return most;
}

static void test_floods_end(void **state) {
  (void)state;
  assert_in_range(until_refused(AC_H2_EVENT_PING, 0, 20000), 100, 102);
  assert_in_range(until_refused(AC_H2_EVENT_SETTINGS, 0, 20000), 10, 40);
  assert_int_equal(until_refused(AC_H2_EVENT_RESET, 0, 20000), 10000);
  assert_int_equal(until_refused(AC_H2_EVENT_GLITCH, 0, 20000), 200);
  assert_in_range(until_refused(AC_H2_EVENT_CHATTER, 0, 200000), 200, 400);
  assert_int_equal(until_refused(AC_H2_EVENT_EMPTY_DATA, 0, 200000), 10);
}

static void test_honest_peers_pass(void **state) {
  (void)state;
  /* anycable-go's ping, for a day; and one at just the allowed pace. */
  assert_int_equal(until_refused(AC_H2_EVENT_PING, 10 * AC_SECOND, 8640), 8640);
  assert_int_equal(until_refused(AC_H2_EVENT_PING, 5 * AC_SECOND, 8640), 8640);
  /* Jitter: every ping a strike, but fewer than 100 a minute. */
  assert_int_equal(until_refused(AC_H2_EVENT_PING, AC_SECOND, 8640), 8640);
  assert_int_equal(until_refused(AC_H2_EVENT_RESET, AC_MS, 100000), 100000);
  assert_int_equal(until_refused(AC_H2_EVENT_GLITCH, 50 * AC_MS, 10000), 10000);
  assert_int_equal(until_refused(AC_H2_EVENT_SETTINGS, 100 * AC_MS, 10000),
                   10000);
}

/* Pings while calls are answered (BDP probes, one for each) are no flood. */
static void test_strikes_forgiven(void **state) {
  struct ac_h2_guard guard;
  uint64_t now = 1000 * AC_SECOND;
  (void)state;
  ac_h2_guard_init(&guard);
  for (int i = 0; i < 10000; i++, now += AC_MS / 10) {
    assert_null(ac_h2_guard_count(&guard, &config, now, AC_H2_EVENT_SENT_DATA));
    assert_null(ac_h2_guard_count(&guard, &config, now, AC_H2_EVENT_PING));
  }
}

/* Window updates belong to traffic: what we send earns them. */
static void test_chatter_earned(void **state) {
  struct ac_h2_guard guard;
  (void)state;
  ac_h2_guard_init(&guard);
  for (int i = 0; i < 100000; i++) {
    assert_null(ac_h2_guard_count(&guard, &config, 1, AC_H2_EVENT_SENT_DATA));
    for (int j = 0; j < 5; j++)
      assert_null(ac_h2_guard_count(&guard, &config, 1, AC_H2_EVENT_CHATTER));
  }
}

static void test_empty_frames_in_a_row(void **state) {
  struct ac_h2_guard guard;
  (void)state;
  ac_h2_guard_init(&guard);
  for (int i = 0; i < 1000; i++) {
    for (int j = 0; j < 10; j++)
      assert_null(
          ac_h2_guard_count(&guard, &config, 1, AC_H2_EVENT_EMPTY_DATA));
    assert_null(ac_h2_guard_count(&guard, &config, 1, AC_H2_EVENT_DATA));
  }
}

static void test_bucket(void **state) {
  struct ac_bucket bucket = {0};
  (void)state;
  for (int i = 0; i < 3; i++)
    assert_true(ac_bucket_take(&bucket, 1000, 3, 1, 100));
  assert_false(ac_bucket_take(&bucket, 1000, 3, 1, 100));
  assert_false(ac_bucket_take(&bucket, 1099, 3, 1, 100));
  assert_true(ac_bucket_take(&bucket, 1100, 3, 1, 100));
  assert_false(ac_bucket_take(&bucket, 1100, 3, 1, 100));
  struct ac_bucket none = {0};
  assert_false(ac_bucket_take(&none, 1, 0, 1, 100));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_floods_end),
      cmocka_unit_test(test_honest_peers_pass),
      cmocka_unit_test(test_strikes_forgiven),
      cmocka_unit_test(test_chatter_earned),
      cmocka_unit_test(test_empty_frames_in_a_row),
      cmocka_unit_test(test_bucket),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
