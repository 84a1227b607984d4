/* What anycable_str needs beyond the public header's inline functions. */
#include "base/str.h"

#include "base/word.h"

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

/* Adds 0x20 to the capitals among eight bytes: those that come from 'A' on and
 * not from behind 'Z' on. */
static void lower_word(char *s) {
  uint64_t word;
  memcpy(&word, s, sizeof(word));
  uint64_t low = word & ~AC_WORD_TOPS;
  uint64_t from_a = low + AC_WORD_ONES * (0x80 - 'A');
  uint64_t behind_z = low + AC_WORD_ONES * (0x80 - 'Z' - 1);
  word |= ((from_a ^ behind_z) & ~word & AC_WORD_TOPS) >> 2;
  memcpy(s, &word, sizeof(word));
}

/* Once more what is lower already, to end with a whole word. */
void ac_str_lower(char *s, size_t len) {
  const size_t step = sizeof(uint64_t);
  size_t at = 0;
  for (; len - at >= step; at += step)
    lower_word(s + at);
  if (at > 0 && at < len)
    lower_word(s + len - step);
  for (; at == 0 && len > 0; len--)
    s[len - 1] = (char)lower(s[len - 1]);
}
