/* Helpers for anycable_str, the string type of the whole library. */
#ifndef AC_BASE_STR_H
#define AC_BASE_STR_H

#include <anycable/str.h>

static inline anycable_str ac_str(const char *ptr, size_t len) {
  anycable_str s = {ptr, len};
  return s;
}

static inline anycable_str ac_str_empty(void) {
  return ac_str("", 0);
}

/* The value of a hex digit of either case, -1 for another character. */
static inline int ac_hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ASCII only, as HTTP header names are compared. */
bool ac_str_equal_nocase(anycable_str a, anycable_str b);
void ac_str_lower(char *s, size_t len);

#endif
