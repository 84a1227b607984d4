/* Finds numbers in JSON that is known to be valid. */
#include "broadcast/number.h"

#include <string.h>

#define LARGEST "9007199254740992" /* 2^53: all integers up to it are exact */

enum { LARGEST_DIGITS = sizeof(LARGEST) - 1, EXPONENT_STOP = 100000 };

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p, const char *end) {
  while (p < end && is_digit(*p))
    p++;
  return p;
}

/* |p| is behind the opening quote; returns what is behind the closing one: the
 * first that has no odd number of backslashes before it. */
static const char *skip_string(const char *p, const char *end) {
  const char *begin = p;
  while ((p = memchr(p, '"', (size_t)(end - p)))) {
    const char *before = p++;
    while (before > begin && before[-1] == '\\')
      before--;
    if ((p - 1 - before) % 2 == 0)
      return p;
  }
  return end;
}

/* The number that begins at or behind |p|; |end| if there is none. */
static const char *find_number(const char *p, const char *end) {
  while (p < end && !is_digit(*p) && *p != '-') {
    if (*p++ == '"')
      p = skip_string(p, end);
  }
  return p < end ? p : end;
}

/* Reads "e+10", if it is there, and moves |*at| behind it. */
static long read_exponent(const char **at, const char *end) {
  const char *p = *at;
  long exponent = 0;
  if (p == end || (*p != 'e' && *p != 'E'))
    return 0;
  p++;
  bool negative = *p == '-';
  p += *p == '-' || *p == '+';
  for (; p < end && is_digit(*p); p++)
    if (exponent < EXPONENT_STOP)
      exponent = exponent * 10 + (*p - '0');
  *at = p;
  return negative ? -exponent : exponent;
}

static bool is_big(const char *digits, size_t len) {
  return len > LARGEST_DIGITS ||
         (len == LARGEST_DIGITS && memcmp(digits, LARGEST, LARGEST_DIGITS) > 0);
}

/* Zeros behind the point of a number below 1 make it smaller still: they are
 * not counted, as only large ones matter. */
static int kind_of(const char *digits, size_t len, bool integer,
                   long exponent) {
  if (integer)
    return is_big(digits, len) ? AC_NUMBER_BIG : AC_NUMBER_PLAIN;
  bool zero = digits[0] == '0'; /* JSON has no other leading zeros */
  long magnitude = (zero ? 0 : (long)len) + exponent;
  return magnitude > AC_NUMBER_DIGITS ? AC_NUMBER_HUGE : AC_NUMBER_PLAIN;
}

int ac_number_next(anycable_str *rest, anycable_str *number) {
  const char *end = rest->ptr + rest->len;
  const char *begin = rest->len > 0 ? find_number(rest->ptr, end) : end;
  if (begin == end)
    return AC_NUMBER_NONE;
  const char *digits = begin + (*begin == '-');
  const char *p = skip_digits(digits, end);
  size_t len = (size_t)(p - digits);
  const char *behind = p;
  if (p < end && *p == '.')
    p = skip_digits(p + 1, end);
  long exponent = read_exponent(&p, end);
  *number = ac_str(begin, (size_t)(p - begin));
  *rest = ac_str(p, (size_t)(end - p));
  return kind_of(digits, len, p == behind, exponent);
}
