/* Words of eight bytes: each mask against a loop over bytes. */
#include "base/word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 1;

static unsigned char random_byte(void) {
  seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  /* Often one of those that the masks ask for, or next to it. */
  static const unsigned char likely[] = {0x00, 0x01, 0x1f, 0x20, 0x21, 0x22,
                                         0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80,
                                         0x81, 0xa2, 0xdc, 0xff};
  unsigned r = (unsigned)(seed >> 40);
  return r & 0x100 ? likely[r & 15] : (unsigned char)r;
}

/* The index of the first byte for which the loop's condition holds, 8: none. */
static unsigned first(uint64_t mask) {
  return mask ? ac_word_first(mask) : 8;
}

static void test_masks(void **state) {
  (void)state;
  for (int round = 0; round < 200000; round++) {
    unsigned char b[8];
    unsigned below20 = 8, below80 = 8, quote = 8, zero = 8, high = 8;
    for (unsigned i = 0; i < 8; i++)
      b[i] = random_byte();
    for (unsigned i = 8; i-- > 0;) {
      below20 = b[i] < 0x20 ? i : below20;
      below80 = b[i] < 0x80 ? i : below80;
      quote = b[i] == '"' ? i : quote;
      zero = b[i] == 0 ? i : zero;
      high = b[i] >= 0x80 ? i : high;
    }
    uint64_t word = ac_word_load(b);
    assert_int_equal(first(ac_word_below(word, 0x20)), below20);
    assert_int_equal(first(ac_word_below(word, 0x80)), below80);
    assert_int_equal(first(ac_word_equal(word, '"')), quote);
    assert_int_equal(first(ac_word_equal(word, 0)), zero);
    assert_int_equal(first(ac_word_not_ascii(word)), high);
  }
}

static void test_tails(void **state) {
  (void)state;
  for (size_t len = 0; len < 8; len++) {
    /* The text ends where its memory does. */
    unsigned char *tail = malloc(len ? len : 1);
    assert_non_null(tail);
    unsigned char whole[8] = {0};
    for (size_t i = 0; i < len; i++)
      whole[i] = tail[i] = (unsigned char)(0x91 + 17 * i);
    assert_true(ac_word_load_tail(tail, len) == ac_word_load(whole));
    free(tail);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_masks),
      cmocka_unit_test(test_tails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
