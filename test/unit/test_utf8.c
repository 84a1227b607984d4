/* UTF-8: every combination of bytes, against a decoder that goes by the
 * definition. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The length of the character at |p|, or 0. It decodes as if all were well,
 * and then asks whether the shortest encoding was used for a code point that
 * is one (RFC 3629, sections 3 and 4). */
static size_t reference_char(const unsigned char *p, size_t left) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (left == 0)
    return 0;
  if (p[0] < 0x80)
    return 1;
  size_t len = 0;
  while (len < 8 && (p[0] << len & 0x80))
    len++;
  if (len < 2 || len > 4 || left < len)
    return 0;
  uint32_t code = p[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if (p[i] / 0x40 != 2)
      return 0;
    code = code * 0x40 + p[i] % 0x40;
  }
  if (code < smallest[len] || code > 0x10ffff)
    return 0;
  return code >= 0xd800 && code <= 0xdfff ? 0 : len;
}

static bool reference_valid(const unsigned char *p, size_t len) {
  while (len > 0) {
    size_t n = reference_char(p, len);
    if (n == 0)
      return false;
    p += n;
    len -= n;
  }
  return true;
}

static bool valid(const void *p, size_t len) {
  return ac_utf8_valid(ac_str(p, len));
}

/* All sequences of one to three bytes, and all of four of which the last two
 * stand at the borders of what a byte can mean. */
static void test_all_sequences(void **state) {
  (void)state;
  static const unsigned char borders[] = {
      0x00, 0x22, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
      0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xf8, 0xfe, 0xff};
  unsigned char s[4];
  size_t wrong = 0;
  for (unsigned i = 0; i < 0x1000000; i++) {
    s[0] = (unsigned char)(i >> 16);
    s[1] = (unsigned char)(i >> 8);
    s[2] = (unsigned char)i;
    wrong += valid(s, 3) != reference_valid(s, 3);
    if (s[2] == 0)
      wrong += valid(s, 2) != reference_valid(s, 2);
    if (s[1] == 0 && s[2] == 0)
      wrong += valid(s, 1) != reference_valid(s, 1);
  }
  for (unsigned i = 0; i < 0x10000; i++) {
    s[0] = (unsigned char)(i >> 8);
    s[1] = (unsigned char)i;
    for (size_t j = 0; j < sizeof(borders); j++) {
      for (size_t k = 0; k < sizeof(borders); k++) {
        s[2] = borders[j];
        s[3] = borders[k];
        wrong += valid(s, 4) != reference_valid(s, 4);
        wrong += ac_utf8_char_len(ac_str((char *)s, 4)) != reference_char(s, 4);
      }
    }
  }
  assert_int_equal(wrong, 0);
}

/* Every lead byte with every continuation byte behind it, in full. */
static void test_all_of_four(void **state) {
  (void)state;
  unsigned char s[4];
  size_t wrong = 0, right = 0;
  for (unsigned lead = 0xe0; lead < 0x100; lead++) {
    for (unsigned i = 0; i < 0x40000; i++) {
      s[0] = (unsigned char)lead;
      s[1] = (unsigned char)(0x80 | i >> 12);
      s[2] = (unsigned char)(0x80 | (i >> 6 & 0x3f));
      s[3] = (unsigned char)(0x80 | (i & 0x3f));
      bool ok = valid(s, 4);
      right += ok;
      wrong += ok != reference_valid(s, 4);
    }
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(right, 0x110000 - 0x10000);
}

/* Each odd sequence at each place of each short text, so that it lies in the
 * words, between them and in the tail. Texts end where their memory ends. */
static void test_all_places(void **state) {
  (void)state;
  static const char *odd[] = {"\xc3\xa9",
                              "\xe2\x82\xac",
                              "\xf0\x9f\x98\x80",
                              "\xf4\x8f\xbf\xbf",
                              "\xef\xbf\xbf",
                              "\x80",
                              "\xff",
                              "\xc3",
                              "\xe2\x82",
                              "\xf0\x9f\x98",
                              "\xc0\x80",
                              "\xed\xa0\x80",
                              "\xe0\x9f\xbf",
                              "\xf4\x90\x80\x80",
                              "\xc3\xa9\xc3\xa9\xe2\x82\xac"};
  for (size_t len = 0; len <= 70; len++) {
    unsigned char *s = malloc(len ? len : 1);
    assert_non_null(s);
    memset(s, 'a', len);
    assert_true(valid(s, len));
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
      size_t n = strlen(odd[i]);
      for (size_t at = 0; at + n <= len; at++) {
        memset(s, 'a', len);
        memcpy(s + at, odd[i], n);
        assert_int_equal(valid(s, len), reference_valid(s, len));
      }
    }
    free(s);
  }
}

static void test_nul_and_nothing(void **state) {
  (void)state;
  assert_true(ac_utf8_valid(ac_str(NULL, 0)));
  assert_true(valid("\0", 1));
  assert_true(valid("a\0b\0\0\0\0\0\0\0", 10));
  assert_int_equal(ac_utf8_char_len(ac_str(NULL, 0)), 0);
  assert_int_equal(ac_utf8_char_len(ac_str("\0", 1)), 1);
  assert_int_equal(ac_utf8_char_len(ac_str("\xe2\x82\xac", 3)), 3);
  assert_int_equal(ac_utf8_char_len(ac_str("\xe2\x82\xac", 2)), 0);
}

static void test_cut(void **state) {
  (void)state;
  /* One, two, three and four bytes; the borders lie at 0 1 3 6 10 11. */
  static const char text[11] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (size_t max = 0; max < sizeof(expected) / sizeof(*expected); max++)
    assert_int_equal(ac_utf8_cut(ac_str(text, 11), max), expected[max]);
  assert_int_equal(ac_utf8_cut(ac_str(text, 11), SIZE_MAX), 11);
  assert_int_equal(ac_utf8_cut(ac_str(NULL, 0), 0), 0);
  assert_int_equal(ac_utf8_cut(ac_str(NULL, 0), 5), 0);
}

static void test_scrub(void **state) {
  static const struct {
    const char *text, *expected;
  } rows[] = {{"", ""},
              {"plain", "plain"},
              {"a\xc3\xa9z", "a\xc3\xa9z"},
              {"\xff", "?"},
              {"a\xff\xfe z", "a?? z"},
              {"\xe2\x82\xac\xe2\x82", "\xe2\x82\xac??"},
              {"\xed\xa0\x80\xf0\x9f\x98\x80", "???\xf0\x9f\x98\x80"}};
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char text[32];
    strcpy(text, rows[i].text);
    ac_utf8_scrub(text, strlen(text));
    assert_string_equal(text, rows[i].expected);
    assert_true(valid(text, strlen(text)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_sequences),
      cmocka_unit_test(test_all_of_four),
      cmocka_unit_test(test_all_places),
      cmocka_unit_test(test_nul_and_nothing),
      cmocka_unit_test(test_cut),
      cmocka_unit_test(test_scrub),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
