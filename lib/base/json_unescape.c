#include "base/json_unescape.h"

#include "base/str.h"

typedef unsigned char byte;

/* The value of four hex digits, -1 where there are none. */
static int hex4(const byte *p, const byte *end) {
  if (end - p < 4)
    return -1;
  int value = 0;
  for (int i = 0; i < 4; i++) {
    int digit = ac_hex_digit((char)p[i]);
    if (digit < 0)
      return -1;
    value = value << 4 | digit;
  }
  return value;
}

const byte *ac_json_scan_escape(const byte *p, const byte *end) {
  if (p == end)
    return NULL;
  switch (*p) {
  case '"':
  case '\\':
  case '/':
  case 'b':
  case 'f':
  case 'n':
  case 'r':
  case 't':
    return p + 1;
  case 'u':
    return hex4(p + 1, end) < 0 ? NULL : p + 5;
  default:
    return NULL;
  }
}

static size_t encode_utf8(unsigned code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = len - 1; i > 0; i--) {
    out[i] = (char)(0x80 | (code & 0x3f));
    code >>= 6;
  }
  static const byte lead[] = {[2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
  out[0] = (char)(lead[len] | code);
  return len;
}

/* A code point from \uXXXX, with its other half if it has one; |*at| is behind
 * the u. 0 for half a pair, and for U+0000. */
static unsigned decode_unicode(const byte **at, const byte *end) {
  unsigned code = (unsigned)hex4(*at, end);
  *at += 4;
  if (code < 0xd800 || code > 0xdfff)
    return code;
  const byte *p = *at;
  if (code > 0xdbff || end - p < 6 || p[0] != '\\' || p[1] != 'u')
    return 0;
  unsigned low = (unsigned)hex4(p + 2, end);
  if (low < 0xdc00 || low > 0xdfff)
    return 0;
  *at += 6;
  return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

size_t ac_json_decode_escape(const byte **at, const byte *end, char out[4]) {
  static const char controls[] = {
      ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
  byte c = *(*at)++;
  if (c == 'u') {
    unsigned code = decode_unicode(at, end);
    return code ? encode_utf8(code, out) : 0;
  }
  out[0] = c < sizeof(controls) && controls[c] ? controls[c] : (char)c;
  return 1;
}
