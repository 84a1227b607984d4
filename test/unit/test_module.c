/* Modules, as a program finds them that has the library linked statically; the
 * other cases are those of test/install. */
#include "server/module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_no_module(void **state) {
  char reason[256] = "x";
  (void)state;
  assert_null(ac_module_load("redis", reason, sizeof(reason)));
  assert_string_equal(reason, "");
}

static void test_static_program(void **state) {
  char reason[256] = "";
  (void)state;
  assert_null(ac_module_load("http", reason, sizeof(reason)));
  assert_non_null(strstr(reason, "must link libanycable-curl"));
  assert_non_null(strstr(reason, "anycable_curl_adapter()"));
  assert_null(ac_module_load("nats", reason, sizeof(reason)));
  assert_non_null(strstr(reason, "must link libanycable-nats"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_module),
      cmocka_unit_test(test_static_program),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
