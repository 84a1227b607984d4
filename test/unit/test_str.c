/* Strings: comparisons, of the public header's inline functions too. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_equal_nocase(void **state) {
  (void)state;
  /* Every pair of bytes: equal if the same, or the two cases of a letter. */
  for (int i = 0; i < 256; i++) {
    for (int j = 0; j < 256; j++) {
      char a = (char)i, b = (char)j;
      bool letter = (i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z');
      bool expected = i == j || (letter && (i ^ j) == 0x20);
      assert_int_equal(ac_str_equal_nocase(ac_str(&a, 1), ac_str(&b, 1)),
                       expected);
    }
  }
  assert_true(ac_str_equal_nocase(ANYCABLE_STR("REMOTE_ADDR"),
                                  ANYCABLE_STR("remote_addr")));
  assert_false(
      ac_str_equal_nocase(ANYCABLE_STR("cookie"), ANYCABLE_STR("cookies")));
  assert_false(
      ac_str_equal_nocase(ANYCABLE_STR("Cookie"), ANYCABLE_STR("Cookif")));
  assert_false(ac_str_equal_nocase(ac_str("a\0b", 3), ac_str("a\0c", 3)));
  assert_true(ac_str_equal_nocase(ac_str("a\0b", 3), ac_str("A\0B", 3)));
  assert_true(ac_str_equal_nocase(ac_str(NULL, 0), ac_str_empty()));
}

static void test_hex_digits(void **state) {
  (void)state;
  static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
  for (int i = 0; i < 256; i++) {
    const char *l = i ? strchr(lower, i) : NULL;
    const char *u = i ? strchr(upper, i) : NULL;
    int expected = l ? (int)(l - lower) : u ? (int)(u - upper) : -1;
    assert_int_equal(ac_hex_digit((char)i), expected);
  }
}

static void test_public_helpers(void **state) {
  (void)state;
  anycable_str none = {NULL, 0};
  assert_string_equal(ac_str_empty().ptr, "");
  assert_int_equal(anycable_str_of("abc").len, 3);
  assert_string_equal(anycable_str_of(NULL).ptr, "");
  assert_int_equal(anycable_str_of(NULL).len, 0);
  assert_int_equal(ANYCABLE_STR("a\0b").len, 3);
  assert_true(anycable_str_equal(none, ac_str_empty()));
  assert_true(anycable_str_is(none, ""));
  assert_true(anycable_str_is(none, NULL));
  assert_false(anycable_str_is(ANYCABLE_STR("a\0b"), "a"));
  assert_false(anycable_str_equal(ANYCABLE_STR("a"), ANYCABLE_STR("b")));
  assert_true(
      anycable_str_starts_with(ANYCABLE_STR("chat/1"), ANYCABLE_STR("chat/")));
  assert_true(anycable_str_starts_with(none, none));
  assert_true(anycable_str_starts_with(ANYCABLE_STR("x"), none));
  assert_false(anycable_str_starts_with(none, ANYCABLE_STR("x")));
  assert_false(
      anycable_str_starts_with(ANYCABLE_STR("chat"), ANYCABLE_STR("chat/")));
}

/* Every byte, in every place of up to three words; nothing around changes. */
static void test_lower(void **state) {
  (void)state;
  for (size_t len = 0; len <= 24; len++) {
    for (size_t at = 0; at < len; at++) {
      for (int byte = 0; byte < 256; byte++) {
        char text[26];
        memset(text, 'Q', sizeof(text));
        memset(text + 1, 'x', len);
        text[1 + at] = (char)byte;
        ac_str_lower(text + 1, len);
        bool capital = byte >= 'A' && byte <= 'Z';
        for (size_t i = 0; i < len; i++)
          assert_int_equal(
              (unsigned char)text[1 + i],
              i != at ? 'x' : (unsigned char)(capital ? byte + 32 : byte));
        assert_int_equal(text[0], 'Q');
        assert_int_equal(text[1 + len], 'Q');
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lower),
      cmocka_unit_test(test_equal_nocase),
      cmocka_unit_test(test_hex_digits),
      cmocka_unit_test(test_public_helpers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
