/* What anycable_str needs beyond the public header's inline functions. */
#include "base/str.h"

/* Not tolower(): the host's locale has no say in HTTP. */
static unsigned char lower(char c) {
  unsigned char u = (unsigned char)c;
  return (unsigned)u - 'A' < 26 ? (unsigned char)(u | 0x20) : u;
}

bool ac_str_equal_nocase(anycable_str a, anycable_str b) {
  if (a.len != b.len)
    return false;
  for (size_t i = 0; i < a.len; i++)
    if (lower(a.ptr[i]) != lower(b.ptr[i]))
      return false;
  return true;
}

void ac_str_lower(char *s, size_t len) {
  for (size_t i = 0; i < len; i++)
    s[i] = (char)lower(s[i]);
}
