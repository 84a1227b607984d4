/* The JSON scanner and the writer of strings.
 *
 * Scanning functions take a position and the end of the text, and return the
 * position behind what they scanned, NULL where it was something else. */
#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "base/word.h"

typedef unsigned char byte;

static const byte *skip_space(const byte *p, const byte *end) {
  while (p < end && *p <= ' ' &&
         (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  return p;
}

/* The bytes that cannot stand for themselves in a string: quotes, backslashes
 * and control characters. The lowest bit set is exact. It is ac_word_below and
 * twice ac_word_equal, which for ASCII look at the same top bits. */
static inline uint64_t special_bytes(uint64_t word) {
  uint64_t control = word - AC_WORD_ONES * 0x20;
  uint64_t quote = (word ^ AC_WORD_ONES * '"') - AC_WORD_ONES;
  uint64_t backslash = (word ^ AC_WORD_ONES * '\\') - AC_WORD_ONES;
  return (control | quote | backslash) & ~word & AC_WORD_TOPS;
}

/* To the first of those, or to |end|. */
static const byte *skip_plain(const byte *p, const byte *end) {
  for (;;) {
    size_t left = (size_t)(end - p);
    uint64_t word = left >= 8 ? ac_word_load(p) : ac_word_load_tail(p, left);
    uint64_t mask = special_bytes(word);
    /* A tail has a zero behind it, which is found if nothing else is. */
    if (mask)
      return p + ac_word_first(mask);
    p += 8;
  }
}

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

/* |p| is behind the backslash. */
static const byte *scan_escape(const byte *p, const byte *end) {
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

static const byte *scan_string(const byte *p, const byte *end) {
  if (p == end || *p != '"')
    return NULL;
  p = skip_plain(p + 1, end);
  while (p < end && *p == '\\') {
    p = scan_escape(p + 1, end);
    if (!p)
      return NULL;
    p = skip_plain(p, end);
  }
  return p < end && *p == '"' ? p + 1 : NULL;
}

/* One digit or more. */
static const byte *scan_digits(const byte *p, const byte *end) {
  const byte *start = p;
  while (p < end && *p >= '0' && *p <= '9')
    p++;
  return p > start ? p : NULL;
}

/* |p| is not |end|. */
static const byte *scan_number(const byte *p, const byte *end) {
  if (*p == '-')
    p++;
  /* Nothing but the number 0 begins with 0. */
  p = p < end && *p == '0' ? p + 1 : scan_digits(p, end);
  if (p && p < end && *p == '.')
    p = scan_digits(p + 1, end);
  if (p && p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-'))
      p++;
    p = scan_digits(p, end);
  }
  return p;
}

static const byte *scan_literal(const byte *p, const byte *end,
                                anycable_str literal) {
  if ((size_t)(end - p) < literal.len || memcmp(p, literal.ptr, literal.len))
    return NULL;
  return p + literal.len;
}

/* A value that nests nothing; |p| is not |end|. */
static const byte *scan_scalar(const byte *p, const byte *end) {
  switch (*p) {
  case '"':
    return scan_string(p, end);
  case 't':
    return scan_literal(p, end, ANYCABLE_STR("true"));
  case 'f':
    return scan_literal(p, end, ANYCABLE_STR("false"));
  case 'n':
    return scan_literal(p, end, ANYCABLE_STR("null"));
  default:
    return scan_number(p, end);
  }
}

/* From the end of a key to the value. */
static const byte *scan_colon(const byte *p, const byte *end) {
  p = skip_space(p, end);
  return p < end && *p == ':' ? skip_space(p + 1, end) : NULL;
}

static const byte *scan_key(const byte *p, const byte *end) {
  p = scan_string(p, end);
  return p ? scan_colon(p, end) : NULL;
}

/* What is open at the moment, a bit for each: is it an object? */
struct nest {
  unsigned level;
  unsigned depth;
  uint64_t objects[AC_JSON_MAX_DEPTH / 64];
};

static bool nest_open(struct nest *nest, bool object) {
  if (nest->level == nest->depth)
    return false;
  uint64_t bit = UINT64_C(1) << nest->level % 64;
  uint64_t *word = &nest->objects[nest->level / 64];
  *word = object ? *word | bit : *word & ~bit;
  nest->level++;
  return true;
}

static bool nest_in_object(const struct nest *nest) {
  unsigned top = nest->level - 1;
  return nest->objects[top / 64] >> top % 64 & 1;
}

/* Behind a value: closes what ends here, and goes on to the next value, or
 * stops where nothing is open any more. */
static const byte *scan_on(const byte *p, const byte *end, struct nest *nest) {
  while (nest->level > 0) {
    bool object = nest_in_object(nest);
    p = skip_space(p, end);
    if (p == end)
      return NULL;
    if (*p == ',') {
      p = skip_space(p + 1, end);
      return object ? scan_key(p, end) : p;
    }
    if (*p != (object ? '}' : ']'))
      return NULL;
    nest->level--;
    p++;
  }
  return p;
}

/* An array or an object. |*error| is changed where it is too deep. */
static const byte *scan_nested(const byte *p, const byte *end, unsigned depth,
                               int *error) {
  struct nest nest = {.depth = depth < AC_JSON_MAX_DEPTH ? depth
                                                         : AC_JSON_MAX_DEPTH};
  do {
    if (p == end)
      return NULL;
    if (*p == '{' || *p == '[') {
      bool object = *p == '{';
      if (!nest_open(&nest, object)) {
        *error = ANYCABLE_ERR_LIMIT;
        return NULL;
      }
      p = skip_space(p + 1, end);
      if (p == end || *p != (object ? '}' : ']')) {
        p = object ? scan_key(p, end) : p;
        continue;
      }
      nest.level--;
      p++;
    } else {
      p = scan_scalar(p, end);
    }
    if (p)
      p = scan_on(p, end, &nest);
  } while (p && nest.level > 0);
  return p;
}

/* Any value. Where it returns NULL, |*error| says which one it was. */
static const byte *scan_value(const byte *p, const byte *end, unsigned depth,
                              int *error) {
  *error = ANYCABLE_ERR_PROTO;
  if (p == end)
    return NULL;
  if (*p == '{' || *p == '[')
    return scan_nested(p, end, depth, error);
  return scan_scalar(p, end);
}

int ac_json_check(anycable_str text, unsigned depth) {
  if (text.len == 0)
    return ANYCABLE_ERR_PROTO;
  int error;
  const byte *p = (const byte *)text.ptr;
  const byte *end = p + text.len;
  p = scan_value(skip_space(p, end), end, depth, &error);
  if (!p)
    return error;
  return skip_space(p, end) == end ? ANYCABLE_OK : ANYCABLE_ERR_PROTO;
}

static anycable_str view(const byte *p, const byte *end) {
  return ac_str((const char *)p, (size_t)(end - p));
}

/* To the next member's key, or to the closing brace; NULL for neither. */
static const byte *scan_to_member(anycable_str text, size_t at) {
  const byte *p = (const byte *)text.ptr;
  const byte *end = p + text.len;
  p = skip_space(p + at, end);
  if (p == end)
    return NULL;
  if (at > 0 && *p == '}')
    return p;
  if (*p != (at == 0 ? '{' : ','))
    return NULL;
  p = skip_space(p + 1, end);
  if (p == end || (*p != '"' && (at > 0 || *p != '}')))
    return NULL;
  return p;
}

int ac_json_next_member(anycable_str text, size_t *at, unsigned depth,
                        anycable_str *key, anycable_str *value) {
  assert(*at <= text.len);
  if (text.len == 0)
    return ANYCABLE_ERR_PROTO;
  const byte *end = (const byte *)text.ptr + text.len;
  const byte *p = scan_to_member(text, *at);
  if (!p)
    return ANYCABLE_ERR_PROTO;
  if (depth == 0)
    return ANYCABLE_ERR_LIMIT;
  if (*p == '}') {
    *at = text.len;
    return skip_space(p + 1, end) == end ? 0 : ANYCABLE_ERR_PROTO;
  }
  int error;
  const byte *key_end = scan_string(p, end);
  const byte *start = key_end ? scan_colon(key_end, end) : NULL;
  if (!start)
    return ANYCABLE_ERR_PROTO;
  if (depth > AC_JSON_MAX_DEPTH)
    depth = AC_JSON_MAX_DEPTH;
  const byte *value_end = scan_value(start, end, depth - 1, &error);
  if (!value_end)
    return error;
  *key = view(p, key_end);
  *value = view(start, value_end);
  *at = (size_t)(value_end - (const byte *)text.ptr);
  return 1;
}

/* Makes |value| the view between its quotes, if it is a string. */
static bool unquote(anycable_str *value) {
  const byte *p = (const byte *)value->ptr;
  if (value->len < 2 || scan_string(p, p + value->len) != p + value->len)
    return false;
  *value = view(p + 1, p + value->len - 1);
  return true;
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

/* Decodes the escape at |*at|, behind its backslash and of good form, to 1 to 4
 * bytes; 0 if it stands for nothing that a string can hold. */
static size_t decode_escape(const byte **at, const byte *end, char out[4]) {
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

int ac_json_string(struct ac_arena *arena, anycable_str value, bool nul,
                   anycable_str *out) {
  if (!unquote(&value))
    return ANYCABLE_ERR_PROTO;
  const byte *p = (const byte *)value.ptr;
  const byte *end = p + value.len;
  const byte *plain_end = memchr(p, '\\', value.len);
  if (!plain_end && !nul) {
    *out = value;
    return ANYCABLE_OK;
  }
  /* No escape is shorter than what it stands for. */
  char *text = ac_arena_alloc(arena, value.len + 1);
  if (!text)
    return ANYCABLE_ERR_NOMEM;
  size_t len = 0;
  for (;;) {
    size_t plain = (size_t)((plain_end ? plain_end : end) - p);
    memcpy(text + len, p, plain);
    len += plain;
    if (!plain_end)
      break;
    p = plain_end + 1;
    size_t n = decode_escape(&p, end, text + len);
    if (n == 0)
      return ANYCABLE_ERR_PROTO;
    len += n;
    plain_end = memchr(p, '\\', (size_t)(end - p));
  }
  text[len] = '\0';
  *out = ac_str(text, len);
  return ANYCABLE_OK;
}

/* Does |string|, which stood between quotes, decode to |text|? */
static bool decodes_to(anycable_str string, anycable_str text) {
  const byte *p = (const byte *)string.ptr;
  const byte *end = p + string.len;
  size_t at = 0;
  while (p < end) {
    char decoded[4];
    size_t n = 1;
    decoded[0] = (char)*p++;
    if (decoded[0] == '\\')
      n = decode_escape(&p, end, decoded);
    if (n == 0 || n > text.len - at)
      return false;
    for (size_t i = 0; i < n; i++)
      if (text.ptr[at++] != decoded[i])
        return false;
  }
  return at == text.len;
}

bool ac_json_string_is(anycable_str value, anycable_str text) {
  return unquote(&value) && decodes_to(value, text);
}

int ac_json_member(anycable_str text, anycable_str name, unsigned depth,
                   anycable_str *value) {
  size_t at = 0;
  size_t times = 0;
  int more;
  anycable_str key, candidate;
  anycable_str found = ac_str_empty();
  while ((more = ac_json_next_member(text, &at, depth, &key, &candidate)) > 0)
    if (decodes_to(ac_str(key.ptr + 1, key.len - 2), name)) {
      found = candidate;
      times++;
    }
  if (more < 0)
    return more;
  if (times > 1)
    return ANYCABLE_ERR_PROTO;
  if (times == 1)
    *value = found;
  return times == 1;
}

int ac_json_int64(anycable_str value, int64_t *out) {
  if (value.len == 0)
    return ANYCABLE_ERR_PROTO;
  const byte *p = (const byte *)value.ptr;
  const byte *end = p + value.len;
  if (scan_number(p, end) != end)
    return ANYCABLE_ERR_PROTO;
  bool negative = *p == '-';
  p += negative;
  if (scan_digits(p, end) != end)
    return ANYCABLE_ERR_PROTO;
  /* Counted below zero, where there is one number more. */
  int64_t n = 0;
  for (; p < end; p++) {
    int digit = *p - '0';
    if (n < (INT64_MIN + digit) / 10)
      return ANYCABLE_ERR_LIMIT;
    n = n * 10 - digit;
  }
  if (!negative && n == INT64_MIN)
    return ANYCABLE_ERR_LIMIT;
  *out = negative ? n : -n;
  return ANYCABLE_OK;
}

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

/* Where a special byte is, more are often close by: quotes in JSON. So many
 * bytes are then looked at one by one. */
#define CLOSE_BY 32

/* How far bytes can be taken as they are, eight at a time. */
static inline size_t plain_words(const byte *p, const byte *end) {
  size_t len = 0;
  while ((size_t)(end - p) - len >= 8) {
    uint64_t word = ac_word_load(p + len);
    if (special_bytes(word) | ac_word_equal(word, 0xe2))
      break;
    len += 8;
  }
  return len;
}

size_t ac_json_quoted_len(anycable_str text) {
  size_t len = text.len + 2;
  if (text.len == 0)
    return len;
  const byte *p = (const byte *)text.ptr;
  const byte *end = p + text.len;
  while (p < end) {
    p += plain_words(p, end);
    const byte *stop = end - p < CLOSE_BY ? end : p + CLOSE_BY;
    for (; p < stop; p++)
      if (extra[*p] && (extra[*p] != SEPARATOR || is_separator(p, end)))
        len += extra[*p];
  }
  return len;
}

/* Writes the character at |*at|, the first byte of which is not free, and moves
 * |*at| behind it. Returns where the text goes on. */
static char *write_special(char *out, const byte **at, const byte *end) {
  static const char hex[] = "0123456789abcdef";
  static const char letters[] = {
      ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
  const byte *p = *at;
  byte c = *p;
  *at = p + 1;
  if (extra[c] == 1) {
    out[0] = '\\';
    out[1] = c < 0x20 ? letters[c] : (char)c;
    return out + 2;
  }
  if (extra[c] == SEPARATOR) {
    if (!is_separator(p, end)) {
      *out = (char)c;
      return out + 1;
    }
    memcpy(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
    *at = p + 3;
    return out + 6;
  }
  memcpy(out, "\\u00", 4);
  out[4] = hex[c >> 4];
  out[5] = hex[c & 15];
  return out + 6;
}

char *ac_json_quote(char *out, anycable_str text) {
  *out++ = '"';
  const byte *p = (const byte *)text.ptr;
  const byte *end = text.len > 0 ? p + text.len : p;
  while (p < end) {
    size_t plain = plain_words(p, end);
    if (plain > 0)
      memcpy(out, p, plain);
    out += plain;
    p += plain;
    const byte *stop = end - p < CLOSE_BY ? end : p + CLOSE_BY;
    while (p < stop) {
      if (extra[*p])
        out = write_special(out, &p, end);
      else
        *out++ = (char)*p++;
    }
  }
  *out = '"';
  return out + 1;
}

anycable_str ac_json_quoted(struct ac_arena *arena, anycable_str text) {
  /* A short text is looked at once, with room for the worst. */
  size_t room = text.len <= 256 ? 6 * text.len + 2 : ac_json_quoted_len(text);
  char *out = ac_arena_alloc(arena, room + 1);
  if (!out)
    return ac_str(NULL, 0);
  char *end = ac_json_quote(out, text);
  *end = '\0';
  size_t len = (size_t)(end - out);
  ac_arena_trim(arena, out, room + 1, len + 1);
  return ac_str(out, len);
}
