/* Which numbers of a JSON text AnyCable would change. */
#include "broadcast/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Writes all numbers of |json| with their kinds: "p:1 b:9007199254740993". */
static void list(const char *json, char *out, size_t size) {
  static const char letters[] = {'-', 'p', 'b', 'h'};
  anycable_str rest = anycable_str_of(json);
  anycable_str number;
  size_t len = 0;
  int kind;
  out[0] = '\0';
  while ((kind = ac_number_next(&rest, &number)) != AC_NUMBER_NONE)
    len +=
        (size_t)snprintf(out + len, size - len, "%s%c:%.*s", len > 0 ? " " : "",
                         letters[kind], (int)number.len, number.ptr);
}

static void assert_numbers(const char *json, const char *expected) {
  char seen[512];
  list(json, seen, sizeof(seen));
  assert_string_equal(seen, expected);
}

static void test_where_numbers_are(void **state) {
  (void)state;
  assert_numbers("", "");
  assert_numbers("true", "");
  assert_numbers("\"12\"", "");
  assert_numbers("\"a\\\"1\"", "");
  assert_numbers("\"a\\\\\"", "");
  assert_numbers("[\"\\\\\",1]", "p:1");
  assert_numbers("{\"1\":2,\"3\\\"4\":[5,-6,0.5,1e3,-1.5E-7]}",
                 "p:2 p:5 p:-6 p:0.5 p:1e3 p:-1.5E-7");
  assert_numbers(" 7 ", "p:7");
}

static void test_around_2_53(void **state) {
  (void)state;
  assert_numbers("9007199254740991", "p:9007199254740991");
  assert_numbers("9007199254740992", "p:9007199254740992");
  assert_numbers("9007199254740993", "b:9007199254740993");
  assert_numbers("-9007199254740992", "p:-9007199254740992");
  assert_numbers("-9007199254740993", "b:-9007199254740993");
  assert_numbers("999999999999999", "p:999999999999999");
  assert_numbers("10000000000000000", "b:10000000000000000");
  /* A fraction is as near as it can be, whatever its digits. */
  assert_numbers("9007199254740993.0", "p:9007199254740993.0");
  assert_numbers("9007199254740993e0", "p:9007199254740993e0");
}

static void test_out_of_range(void **state) {
  (void)state;
  assert_numbers("1e307", "p:1e307");
  assert_numbers("1e308", "h:1e308");
  assert_numbers("-1E+400", "h:-1E+400");
  assert_numbers("1e-400", "p:1e-400");
  assert_numbers("1e99999999999999999999", "h:1e99999999999999999999");
  assert_numbers("1e-99999999999999999999", "p:1e-99999999999999999999");
  assert_numbers("123.5e306", "h:123.5e306");
  assert_numbers("0.1e308", "p:0.1e308");
  assert_numbers("0.1e309", "h:0.1e309");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_where_numbers_are),
      cmocka_unit_test(test_around_2_53),
      cmocka_unit_test(test_out_of_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
