/* The build information names every library with a version. */
#include <anycable/version.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_names_every_library(void **state) {
  (void)state;
  static const char *const names[] = {"nghttp2 ", "OpenSSL ", "protobuf-c ",
                                      "cJSON ", "hiredis "};
  const char *at = anycable_build_info();
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    /* In this order, "NAME 1.2.3" each; a macro that was not replaced by its
     * value would have no digit here. */
    assert_memory_equal(at, names[i], strlen(names[i]));
    at += strlen(names[i]);
    size_t digits = strspn(at, "0123456789.");
    assert_true(digits >= 5);
    assert_int_equal(at[0] == '.' || at[digits - 1] == '.', 0);
    at += digits;
    if (i + 1 < sizeof(names) / sizeof(*names)) {
      assert_memory_equal(at, ", ", 2);
      at += 2;
    }
  }
  assert_string_equal(at, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_every_library),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
