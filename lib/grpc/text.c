/* The small formats of gRPC over HTTP/2: timeouts, base64, grpc-message. */
#include "base/clock.h"
#include "base/utf8.h"
#include "grpc/grpc.h"

bool ac_grpc_timeout(anycable_str text, uint64_t *ns) {
  uint64_t n = 0;
  uint64_t unit;
  if (text.len < 2 || text.len > 9)
    return false;
  for (size_t i = 0; i + 1 < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9')
      return false;
    n = n * 10 + (uint64_t)(text.ptr[i] - '0');
  }
  switch (text.ptr[text.len - 1]) {
  case 'H':
    unit = 3600 * AC_SECOND;
    break;
  case 'M':
    unit = 60 * AC_SECOND;
    break;
  case 'S':
    unit = AC_SECOND;
    break;
  case 'm':
    unit = AC_MS;
    break;
  case 'u':
    unit = 1000;
    break;
  case 'n':
    unit = 1;
    break;
  default:
    return false;
  }
  /* A year is for ever; more would overflow what is added to it. */
  const uint64_t most = UINT64_C(366) * 24 * 3600 * AC_SECOND;
  *ns = n > most / unit ? most : n * unit;
  return true;
}

static int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool ac_grpc_base64(anycable_str text, char *out, size_t *len) {
  size_t n = text.len;
  if (n % 4 == 0 && n > 0) { /* padding is optional, but must be right */
    n -= text.ptr[n - 1] == '=';
    n -= n % 4 == 3 && text.ptr[n - 1] == '=';
  }
  if (n % 4 == 1)
    return false;
  unsigned bits = 0, held = 0;
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    int digit = base64_digit(text.ptr[i]);
    if (digit < 0)
      return false;
    bits = bits << 6 | (unsigned)digit;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[at++] = (char)(bits >> held & 0xff);
    }
  }
  *len = at;
  return true;
}

static size_t percent_bytes(const char *p, size_t n, char *out) {
  static const char hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < n; i++) {
    *out++ = '%';
    *out++ = hex[(unsigned char)p[i] >> 4];
    *out++ = hex[(unsigned char)p[i] & 15];
  }
  return 3 * n;
}

size_t ac_grpc_percent(anycable_str text, char out[AC_GRPC_MESSAGE_MAX]) {
  size_t at = 0, i = 0;
  while (i < text.len && at + 12 <= AC_GRPC_MESSAGE_MAX) {
    size_t len = ac_utf8_char_len(ac_str(text.ptr + i, text.len - i));
    char c = text.ptr[i];
    if (len == 0)
      at += percent_bytes("\xef\xbf\xbd", 3, out + at);
    else if (len == 1 && c >= ' ' && c <= '~' && c != '%')
      out[at++] = c;
    else
      at += percent_bytes(text.ptr + i, len, out + at);
    i += len ? len : 1;
  }
  return at;
}
