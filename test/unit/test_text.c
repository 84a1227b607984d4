/* The small formats of gRPC over HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "grpc/grpc.h"

static void test_timeout(void **state) {
  static const struct {
    const char *text;
    bool good;
    uint64_t ns;
  } rows[] = {
      {"1n", true, 1},
      {"1u", true, 1000},
      {"1m", true, AC_MS},
      {"1S", true, AC_SECOND},
      {"1M", true, 60 * AC_SECOND},
      {"1H", true, 3600 * AC_SECOND},
      {"0u", true, 0},
      {"2999876u", true, UINT64_C(2999876000)},
      {"99999999n", true, 99999999},
      {"99999999H", true, UINT64_C(366) * 24 * 3600 * AC_SECOND},
      {"999999999u", false, 0},
      {"1", false, 0},
      {"u", false, 0},
      {"", false, 0},
      {"-1S", false, 0},
      {"+1S", false, 0},
      {" 1S", false, 0},
      {"1S ", false, 0},
      {"1.5S", false, 0},
      {"1s", false, 0},
      {"1x", false, 0},
      {"0x1S", false, 0},
      {"1SS", false, 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint64_t ns = 0;
    bool good = ac_grpc_timeout(anycable_str_of(rows[i].text), &ns);
    if (good != rows[i].good || (good && ns != rows[i].ns))
      fail_msg("\"%s\": %d, %llu ns", rows[i].text, good,
               (unsigned long long)ns);
  }
}

static void test_base64(void **state) {
  static const struct {
    const char *text;
    const char *bytes; /* NULL: it is refused */
  } rows[] = {
      {"", ""},           {"Zg==", "f"},
      {"Zg", "f"},        {"Zm8=", "fo"},
      {"Zm8", "fo"},      {"Zm9v", "foo"},
      {"Zm9vYg", "foob"}, {"+/+/", "\xfb\xff\xbf"},
      {"Z", NULL},        {"Zg=", NULL},
      {"Zg===", NULL},    {"=", NULL},
      {"Z===", NULL},     {"====", NULL},
      {"Zm9v=", NULL},    {"Zm 9", NULL},
      {"Zm9-", NULL},     {"Zm9_", NULL},
      {"Zm\n9", NULL},    {"Zg==Zg==", NULL},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char out[16];
    size_t len = 99;
    bool good = ac_grpc_base64(anycable_str_of(rows[i].text), out, &len);
    if (good != (rows[i].bytes != NULL))
      fail_msg("\"%s\": %s", rows[i].text, good ? "accepted" : "refused");
    if (good) {
      assert_int_equal(len, strlen(rows[i].bytes));
      assert_memory_equal(out, rows[i].bytes, len);
    }
  }
}

static void check_percent(anycable_str text, const char *expected) {
  char out[AC_GRPC_MESSAGE_MAX];
  size_t len = ac_grpc_percent(text, out);
  assert_int_equal(len, strlen(expected));
  assert_memory_equal(out, expected, len);
}

static void test_percent(void **state) {
  (void)state;
  check_percent(anycable_str_of("boom \xc3\xa9\n%"), "boom %C3%A9%0A%25");
  check_percent(anycable_str_of(""), "");
  check_percent(anycable_str_of("a\r\nb: c"), "a%0D%0Ab: c");
  check_percent((anycable_str){"a\0b", 3}, "a%00b");
  check_percent(anycable_str_of("\xff"), "%EF%BF%BD");
  check_percent(anycable_str_of("\xc3"), "%EF%BF%BD");
  check_percent(anycable_str_of("\xed\xa0\x80"), "%EF%BF%BD%EF%BF%BD%EF%BF%BD");
  check_percent(anycable_str_of("\x7f~ "), "%7F~ ");
}

/* However long the text, the message stays within its bound, and ends with a
 * whole character. */
static void test_percent_bound(void **state) {
  enum { LONG = 5000 };
  char *text = malloc(LONG);
  char out[AC_GRPC_MESSAGE_MAX];
  (void)state;
  assert_non_null(text);
  memset(text, 'x', LONG);
  size_t plain = ac_grpc_percent((anycable_str){text, LONG}, out);
  assert_in_range(plain, AC_GRPC_MESSAGE_MAX - 12, AC_GRPC_MESSAGE_MAX);
  for (size_t i = 0; i < LONG; i += 2)
    memcpy(text + i, "\xc3\xa9", 2);
  size_t wide = ac_grpc_percent((anycable_str){text, LONG}, out);
  assert_in_range(wide, AC_GRPC_MESSAGE_MAX - 12, AC_GRPC_MESSAGE_MAX);
  assert_int_equal(wide % 6, 0);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_timeout), cmocka_unit_test(test_base64),
      cmocka_unit_test(test_percent), cmocka_unit_test(test_percent_bound)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
