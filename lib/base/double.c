/* strtod() and printf() know a decimal point, which is the locale's. So digits
 * are given to the one, and taken from the other, without a point. */
#include "base/double.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What lies in the middle between two doubles has 767 digits at most. Of those
 * beyond, it only matters whether there are any. */
#define DIGITS_MAX 770
#define DIGITS_SIZE (DIGITS_MAX + 32)

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* As strtod, of digits and an exponent of ten. */
static double from_digits(char digits[DIGITS_SIZE], size_t n,
                          int64_t exponent) {
  snprintf(digits + n, DIGITS_SIZE - n, "e%lld", (long long)exponent);
  return strtod(digits, NULL);
}

/* The exponent that a number's text ends with. It may be too large to count,
 * but then no text makes up for it. */
static int64_t read_exponent(const char *p, const char *end) {
  bool negative = *p == '-';
  int64_t exponent = 0;
  for (p += *p == '-' || *p == '+'; p < end; p++)
    if (exponent < INT64_MAX / 100)
      exponent = exponent * 10 + (*p - '0');
  return negative ? -exponent : exponent;
}

double ac_double_read(anycable_str number) {
  char digits[DIGITS_SIZE];
  size_t n = 0;
  int64_t exponent = 0;
  bool point = false;
  bool more = false;
  const char *p = number.ptr;
  const char *end = p + number.len;
  bool negative = *p == '-';
  for (p += negative; p < end && (is_digit(*p) || *p == '.'); p++) {
    if (*p == '.') {
      point = true;
      continue;
    }
    if (n == DIGITS_MAX) {
      more |= *p != '0';
      exponent += !point;
      continue;
    }
    exponent -= point;
    if (n > 0 || *p != '0')
      digits[n++] = *p;
  }
  if (n == 0)
    return negative ? -0.0 : 0.0;
  if (p < end)
    exponent += read_exponent(p + 1, end);
  if (more) {
    digits[n++] = '1';
    exponent--;
  }
  double value = from_digits(digits, n, exponent);
  return negative ? -value : value;
}

/* The |n| digits nearest to |value|, without zeros at their end; |*exponent| is
 * that of the first of them. Returns how many are left. */
static size_t to_digits(char digits[DIGITS_SIZE], double value, int n,
                        int *exponent) {
  char text[64];
  snprintf(text, sizeof(text), "%.*e", n - 1, value);
  size_t len = 0;
  const char *p = text;
  for (; *p != 'e'; p++)
    if (is_digit(*p))
      digits[len++] = *p;
  *exponent = atoi(p + 1);
  while (len > 1 && digits[len - 1] == '0')
    len--;
  return len;
}

static size_t shortest(char digits[DIGITS_SIZE], double value, int *exponent) {
  /* Those with less than 15 digits are found by 15, but for the smallest of
   * doubles, which have fewer. */
  int n = value < DBL_MIN ? 1 : 15;
  for (;; n++) {
    size_t len = to_digits(digits, value, n, exponent);
    if (n == 17 ||
        from_digits(digits, len, *exponent - (int64_t)len + 1) == value)
      return len;
  }
}

static char *put(char *out, const char *from, size_t n) {
  memcpy(out, from, n);
  return out + n;
}

static char *put_zeros(char *out, int n) {
  memset(out, '0', (size_t)n);
  return out + n;
}

size_t ac_double_write(char out[AC_DOUBLE_SIZE], double value) {
  char digits[DIGITS_SIZE];
  char *p = out;
  if (signbit(value))
    *p++ = '-';
  value = fabs(value);
  if (value == 0) {
    p = put_zeros(p, 1);
    *p = '\0';
    return (size_t)(p - out);
  }
  int exponent;
  size_t n = shortest(digits, value, &exponent);
  /* How many of the digits stand before the point, as in ECMA-262. */
  int before = exponent + 1;
  if (before > 21 || before < -5) {
    *p++ = digits[0];
    if (n > 1) {
      *p++ = '.';
      p = put(p, digits + 1, n - 1);
    }
    p += sprintf(p, "e%+d", exponent);
  } else if (before <= 0) {
    p = put(p, "0.", 2);
    p = put_zeros(p, -before);
    p = put(p, digits, n);
  } else if ((size_t)before >= n) {
    p = put(p, digits, n);
    p = put_zeros(p, before - (int)n);
  } else {
    p = put(p, digits, (size_t)before);
    *p++ = '.';
    p = put(p, digits + before, n - (size_t)before);
  }
  *p = '\0';
  return (size_t)(p - out);
}
