/* The version: all forms of it say the same. */
#include <anycable/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_forms_agree(void **state) {
  (void)state;
  char text[40];
  snprintf(text, sizeof(text), "%d.%d.%d", ANYCABLE_VERSION_MAJOR,
           ANYCABLE_VERSION_MINOR, ANYCABLE_VERSION_PATCH);
  assert_string_equal(ANYCABLE_VERSION_STRING, text);
  assert_string_equal(anycable_version(), text);
  assert_int_equal(ANYCABLE_VERSION_NUM, ANYCABLE_VERSION_MAJOR * 0x10000 +
                                             ANYCABLE_VERSION_MINOR * 0x100 +
                                             ANYCABLE_VERSION_PATCH);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
