/* UTF-8 checks. Every string of every request and reply comes through here,
 * and nearly all of it is ASCII: that is looked at in words of eight bytes. */
#include "base/utf8.h"

#include "base/block.h"

static bool continues(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

/* The length of the character that |p| begins with, which is not ASCII; 0 if
 * it is none (RFC 3629, section 4). |left|, how much there is, is not 0. */
static size_t multibyte_len(const unsigned char *p, size_t left) {
  unsigned char first = p[0];
  /* C0 and C1 could only begin overlong forms. */
  if (first < 0xc2 || first > 0xf4)
    return 0;
  if (first < 0xe0)
    return left >= 2 && continues(p[1]) ? 2 : 0;
  /* The second byte keeps overlong forms out, and with ED surrogates, with F4
   * what lies beyond U+10FFFF. */
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  size_t len = first < 0xf0 ? 3 : 4;
  if (left < len || p[1] < low || p[1] > high || !continues(p[2]))
    return 0;
  return len == 3 || continues(p[3]) ? len : 0;
}

size_t ac_utf8_char_len(anycable_str s) {
  const unsigned char *p = (const unsigned char *)s.ptr;
  if (s.len == 0)
    return 0;
  return *p < 0x80 ? 1 : multibyte_len(p, s.len);
}

/* The first byte that is not ASCII, or |end|. */
static const unsigned char *skip_ascii(const unsigned char *p,
                                       const unsigned char *end) {
  if (end - p < 8) {
    size_t len = (size_t)(end - p);
    uint64_t mask = ac_word_not_ascii(ac_word_load_tail(p, len));
    return mask ? p + ac_word_first(mask) : end;
  }
  while (end - p >= 4 * AC_BLOCK && ac_block_four_ascii(p))
    p += 4 * AC_BLOCK;
  for (; end - p > 8; p += 8) {
    uint64_t mask = ac_word_not_ascii(ac_word_load(p));
    if (mask)
      return p + ac_word_first(mask);
  }
  p = end - 8; /* some of it was seen */
  uint64_t mask = ac_word_not_ascii(ac_word_load(p));
  return mask ? p + ac_word_first(mask) : end;
}

bool ac_utf8_valid(anycable_str s) {
  if (s.len == 0)
    return true;
  const unsigned char *p = (const unsigned char *)s.ptr;
  const unsigned char *end = p + s.len;
  while ((p = skip_ascii(p, end)) < end) {
    do {
      size_t len = multibyte_len(p, (size_t)(end - p));
      if (len == 0)
        return false;
      p += len;
    } while (p < end && *p >= 0x80);
  }
  return true;
}

size_t ac_utf8_cut(anycable_str s, size_t max) {
  if (s.len <= max)
    return s.len;
  size_t len = max;
  while (len > 0 && continues((unsigned char)s.ptr[len]))
    len--;
  return len;
}

void ac_utf8_scrub(char *text, size_t len) {
  size_t at = 0;
  while (at < len) {
    size_t n = ac_utf8_char_len(ac_str(text + at, len - at));
    if (n == 0)
      text[at] = '?';
    at += n ? n : 1;
  }
}
