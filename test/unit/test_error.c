/* Errors in words: each has its own. */
#include <anycable/error.h>

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_every_error_has_words(void **state) {
  (void)state;
  const char *unknown = anycable_strerror(1000);
  assert_string_equal(unknown, "unknown error");
  assert_string_equal(anycable_strerror(ANYCABLE_ERR_NOMEM), "out of memory");
  for (int i = ANYCABLE_ERR_SIGNATURE; i <= ANYCABLE_OK; i++) {
    assert_string_not_equal(anycable_strerror(i), unknown);
    for (int j = i + 1; j <= ANYCABLE_OK; j++)
      assert_string_not_equal(anycable_strerror(i), anycable_strerror(j));
  }
  assert_string_equal(anycable_strerror(ANYCABLE_CLOSED), "closed");
}

static void test_others_are_unknown(void **state) {
  (void)state;
  const int others[] = {ANYCABLE_ERR_SIGNATURE - 1, 1, 5, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
    assert_string_equal(anycable_strerror(others[i]), "unknown error");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_error_has_words),
      cmocka_unit_test(test_others_are_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
