#include "h2/rules.h"

#include <string.h>

enum {
  SEEN_METHOD = 1 << 0,
  SEEN_SCHEME = 1 << 1,
  SEEN_PATH = 1 << 2,
  SEEN_AUTHORITY = 1 << 3,
  SEEN_HOST = 1 << 4,
  SEEN_REGULAR = 1 << 5,
  REQUIRED = SEEN_METHOD | SEEN_SCHEME | SEEN_PATH
};

/* Characters of a field name: RFC 9110's tchar without upper case. */
static const unsigned char name_chars[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1,
    ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1,
    ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,
    ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1,
    ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1,
    ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

static bool is(anycable_str s, const char *text, size_t len) {
  return s.len == len && memcmp(s.ptr, text, len) == 0;
}
#define IS(s, literal) is(s, literal, sizeof(literal) - 1)

static bool name_valid(anycable_str name) {
  unsigned char all = name.len > 0;
  for (size_t i = 0; i < name.len; i++)
    all &= name_chars[(unsigned char)name.ptr[i]];
  return all;
}

/* True if one of the eight bytes in |word| is below 0x20 or is 0x7f: the
 * classical has-less and has-zero tricks. */
static bool word_has_control(uint64_t word) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  const uint64_t highs = UINT64_C(0x8080808080808080);
  uint64_t low = (word - ones * 0x20) & ~word & highs;
  uint64_t del = word ^ (ones * 0x7f);
  return low || ((del - ones) & ~del & highs);
}

/* The slow way, for what has a tab in it. */
static bool bytes_valid(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return false;
  }
  return true;
}

/* All of 1 to 7 bytes in one word, some of them twice. */
static uint64_t short_word(const char *p, size_t len) {
  if (len >= 4) {
    uint32_t first, last;
    memcpy(&first, p, 4);
    memcpy(&last, p + len - 4, 4);
    return (uint64_t)first << 32 | last;
  }
  const unsigned char *u = (const unsigned char *)p;
  const uint64_t spaces = UINT64_C(0x2020202020000000);
  return spaces | (uint64_t)u[0] << 16 | (uint64_t)u[len / 2] << 8 | u[len - 1];
}

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/* NUL, CR and LF are never allowed, other control characters but a tab are
 * refused too; nor is white space at the ends. Bytes from 0x80 are fine. Words
 * of eight, the last one overlapping the one before; tabs are rare enough to
 * take the slow way. */
static bool value_valid(anycable_str value) {
  const char *p = value.ptr;
  size_t len = value.len;
  uint64_t word;
  if (len == 0)
    return true;
  if (is_space(p[0]) || is_space(p[len - 1]))
    return false;
  if (len < 8)
    return !word_has_control(short_word(p, len)) || bytes_valid(p, len);
  for (size_t i = 0; i + 8 < len; i += 8) {
    memcpy(&word, p + i, 8);
    if (word_has_control(word))
      return bytes_valid(p, len);
  }
  memcpy(&word, p + len - 8, 8);
  return !word_has_control(word) || bytes_valid(p, len);
}

static bool pseudo(struct ac_h2_rules *rules, anycable_str name) {
  unsigned bit;
  if (IS(name, ":path"))
    bit = SEEN_PATH;
  else if (IS(name, ":method"))
    bit = SEEN_METHOD;
  else if (IS(name, ":scheme"))
    bit = SEEN_SCHEME;
  else if (IS(name, ":authority"))
    bit = SEEN_AUTHORITY;
  else
    return false;
  if (rules->seen & (bit | SEEN_REGULAR))
    return false;
  rules->seen |= bit;
  return true;
}

static bool content_length(struct ac_h2_rules *rules, anycable_str value) {
  if (rules->sized || value.len == 0 || value.len > 18)
    return false;
  for (size_t i = 0; i < value.len; i++) {
    if (value.ptr[i] < '0' || value.ptr[i] > '9')
      return false;
    rules->length = rules->length * 10 + (uint64_t)(value.ptr[i] - '0');
  }
  rules->sized = true;
  return true;
}

/* Fields that belong to one HTTP/1.1 connection and mean nothing here. */
static bool connection_specific(anycable_str name) {
  return IS(name, "connection") || IS(name, "keep-alive") ||
         IS(name, "proxy-connection") || IS(name, "transfer-encoding") ||
         IS(name, "upgrade");
}

bool ac_h2_rules_header(struct ac_h2_rules *rules, anycable_str name,
                        anycable_str value) {
  if (!value_valid(value))
    return false;
  if (name.len > 0 && name.ptr[0] == ':')
    return pseudo(rules, name);
  rules->seen |= SEEN_REGULAR;
  if (!name_valid(name))
    return false;
  switch (name.ptr[0]) { /* most names need no look at all */
  case 'c':
    if (IS(name, "content-length"))
      return content_length(rules, value);
    return !connection_specific(name);
  case 'h':
    if (!IS(name, "host"))
      return true;
    if (rules->seen & SEEN_HOST)
      return false;
    rules->seen |= SEEN_HOST;
    return true;
  case 't':
    if (IS(name, "te"))
      return IS(value, "trailers");
    return !connection_specific(name);
  case 'k':
  case 'p':
  case 'u':
    return !connection_specific(name);
  default:
    return true;
  }
}

bool ac_h2_rules_headers_end(const struct ac_h2_rules *rules) {
  return (rules->seen & REQUIRED) == REQUIRED;
}

bool ac_h2_rules_trailer(anycable_str name, anycable_str value) {
  return name_valid(name) && value_valid(value) && !connection_specific(name);
}
