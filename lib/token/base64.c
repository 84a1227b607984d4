/* Base64, both ways. What is decoded here came from outside as it is: there is
 * nothing in it whose value time could tell. */
#include "token/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789";

static char letter_of(unsigned sextet, enum ac_base64 form) {
  if (sextet < sizeof(letters) - 1)
    return letters[sextet];
  return (form == AC_BASE64_URL ? "-_" : "+/")[sextet - 62];
}

size_t ac_base64_len(size_t len, enum ac_base64 form) {
  if (form == AC_BASE64_PADDED)
    return (len + 2) / 3 * 4;
  return len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
}

/* Writes as many letters as 1 to 3 |bytes| take: those in the upper ones of the
 * 24 |bits|. */
static char *encode_group(char *out, unsigned bits, size_t bytes,
                          enum ac_base64 form) {
  for (size_t i = 0; i <= bytes; i++) {
    *out++ = letter_of(bits >> 18 & 63, form);
    bits <<= 6;
  }
  for (; form == AC_BASE64_PADDED && bytes < 3; bytes++)
    *out++ = '=';
  return out;
}

/* The first |n| bytes at |p|, three at most, as a group; the rest is zero. */
static unsigned group_of(const unsigned char *p, size_t n) {
  unsigned bits = 0;
  for (size_t i = 0; i < 3; i++)
    bits = bits << 8 | (i < n ? p[i] : 0u);
  return bits;
}

char *ac_base64_encode(char *out, anycable_str bytes, enum ac_base64 form) {
  const unsigned char *p = (const unsigned char *)bytes.ptr;
  size_t left = bytes.len;
  for (; left > 0; p += 3) {
    size_t n = left < 3 ? left : 3;
    out = encode_group(out, group_of(p, n), n, form);
    left -= n;
  }
  return out;
}

static int sextet_of(char c, enum ac_base64 form) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '-' || (c == '+' && form == AC_BASE64_PADDED))
    return 62;
  if (c == '_' || (c == '/' && form == AC_BASE64_PADDED))
    return 63;
  return -1;
}

/* Takes the padding off; false where it is not what there must be. */
static bool strip_padding(anycable_str *text) {
  if (text->len % 4 != 0)
    return false;
  for (int i = 0; i < 2 && text->len > 0; i++)
    text->len -= text->ptr[text->len - 1] == '=';
  return true;
}

bool ac_base64_decode(char *out, size_t *len, anycable_str text,
                      enum ac_base64 form) {
  if (form == AC_BASE64_PADDED && !strip_padding(&text))
    return false;
  /* Six bits make no byte. */
  if (text.len % 4 == 1)
    return false;
  unsigned bits = 0;
  unsigned count = 0; /* of bits that are no byte yet; above them is the past */
  *len = 0;
  for (size_t i = 0; i < text.len; i++) {
    int sextet = sextet_of(text.ptr[i], form);
    if (sextet < 0)
      return false;
    bits = bits << 6 | (unsigned)sextet;
    count += 6;
    if (count < 8)
      continue;
    count -= 8;
    out[(*len)++] = (char)(unsigned char)(bits >> count);
  }
  return (bits & ((1u << count) - 1)) == 0;
}
