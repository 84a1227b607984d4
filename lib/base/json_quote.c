/* The writer of JSON strings. */
#include <string.h>

#include "base/block.h"
#include "base/json.h"

typedef unsigned char byte;

/* What each byte costs in a string beyond itself; E2 does only where it begins
 * a separator. */
#define SEPARATOR 3
static const byte extra[256] = {
    [0 ... 7] = 5,   ['\b' ... '\n'] = 1, [11] = 5,   ['\f' ... '\r'] = 1,
    [14 ... 31] = 5, ['"'] = 1,           ['\\'] = 1, [0xe2] = SEPARATOR};

/* U+2028 and U+2029, of which the first byte is known. */
static bool is_separator(const byte *p, const byte *end) {
  return end - p >= 3 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8;
}

size_t ac_json_quoted_len(anycable_str text) {
  size_t len = text.len + 2;
  const byte *p = (const byte *)text.ptr;
  const byte *end = text.len > 0 ? p + text.len : p;
  while (p < end) {
    /* Where a special byte is, more are often close by: quotes in JSON. */
    if (end - p >= AC_BLOCK && !ac_block_escaped(p)) {
      p += AC_BLOCK;
      continue;
    }
    const byte *stop = end - p < AC_BLOCK ? end : p + AC_BLOCK;
    for (; p < stop; p++)
      if (extra[*p] && (extra[*p] != SEPARATOR || is_separator(p, end)))
        len += extra[*p];
  }
  return len;
}

/* Writes the character at |p|, the first byte of which is not free. Returns how
 * many bytes it has; |*out| is moved on. */
static size_t write_special(char **out, const byte *p, const byte *end) {
  static const char hex[] = "0123456789abcdef";
  static const char letters[] = {
      ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
  byte c = *p;
  char *to = *out;
  if (extra[c] == 1) {
    to[0] = '\\';
    to[1] = c < 0x20 ? letters[c] : (char)c;
    *out = to + 2;
    return 1;
  }
  if (extra[c] == SEPARATOR && !is_separator(p, end)) {
    *to = (char)c;
    *out = to + 1;
    return 1;
  }
  *out = to + 6;
  if (extra[c] == SEPARATOR) {
    memcpy(to, p[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
    return 3;
  }
  memcpy(to, "\\u00", 4);
  to[4] = hex[c >> 4];
  to[5] = hex[c & 15];
  return 1;
}

/* Writes the byte at |p| as it must be; returns where the text goes on. */
static inline const byte *escape_byte(char **out, const byte *p,
                                      const byte *end) {
  byte c = *p;
  char *to = *out;
  if (c == '"' || c == '\\') { /* as most are that are not free */
    to[0] = '\\';
    to[1] = (char)c;
    *out = to + 2;
    return p + 1;
  }
  if (extra[c])
    return p + write_special(out, p, end);
  *to = (char)c;
  *out = to + 1;
  return p + 1;
}

/* No byte becomes less than one, so there is room for a block wherever one is
 * read; what is behind the plain bytes in it is written over. */
static char *escape(char *out, const byte *p, const byte *end) {
  while (end - p >= AC_BLOCK) {
    const byte *block = p;
    ac_block_mask mask = ac_block_escaped(block);
    if (!mask) {
      memcpy(out, p, AC_BLOCK);
      out += AC_BLOCK;
      p += AC_BLOCK;
      continue;
    }
    do {
      const byte *special = block + ac_block_first(mask);
      memcpy(out, p, AC_BLOCK);
      char *at = out + (special - p);
      p = escape_byte(&at, special, end);
      out = at;
      mask &= mask - 1;
    } while (AC_BLOCK_EXACT && mask && end - p >= AC_BLOCK);
  }
  while (p < end) {
    char *at = out;
    p = escape_byte(&at, p, end);
    out = at;
  }
  return out;
}

char *ac_json_escape(char *out, anycable_str text) {
  const byte *p = (const byte *)text.ptr;
  return text.len > 0 ? escape(out, p, p + text.len) : out;
}

char *ac_json_quote(char *out, anycable_str text) {
  *out = '"';
  out = ac_json_escape(out + 1, text);
  *out = '"';
  return out + 1;
}

/* With room for the worst, so that it need not be measured. */
static anycable_str quote_short(struct ac_arena *arena, anycable_str text) {
  const byte *p = (const byte *)text.ptr;
  size_t room = 6 * text.len + 3;
  char *out = ac_arena_alloc(arena, room);
  if (!out)
    return ac_str(NULL, 0);
  *out = '"';
  char *end = text.len > 0 ? escape(out + 1, p, p + text.len) : out + 1;
  end[0] = '"';
  end[1] = '\0';
  size_t len = (size_t)(end + 1 - out);
  ac_arena_trim(arena, out, room, len + 1);
  return ac_str(out, len);
}

anycable_str ac_json_quoted(struct ac_arena *arena, anycable_str text) {
  if (text.len <= 256)
    return quote_short(arena, text);
  size_t len = ac_json_quoted_len(text);
  char *out = ac_arena_alloc(arena, len + 1);
  if (!out)
    return ac_str(NULL, 0);
  *ac_json_quote(out, text) = '\0';
  return ac_str(out, len);
}
