/* The JSON scanner.
 *
 * Scanning functions take a position and the end of the text, and return the
 * position behind what they scanned, NULL where it was something else. */
#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "base/block.h"
#include "base/json_unescape.h"

typedef unsigned char byte;

static const byte *skip_space(const byte *p, const byte *end) {
  while (p < end && *p <= ' ' &&
         (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  return p;
}

/* To the first byte that cannot stand for itself in a string, or to |end|. */
static const byte *skip_plain(const byte *p, const byte *end) {
  while (end - p >= AC_BLOCK) {
    ac_block_mask mask = ac_block_special(p);
    if (mask)
      return p + ac_block_first(mask);
    p += AC_BLOCK;
  }
  while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
    p++;
  return p;
}

/* From somewhere in a string to behind its end. */
static const byte *scan_string_on(const byte *p, const byte *end) {
  p = skip_plain(p, end);
  while (p < end && *p == '\\') {
    p = ac_json_scan_escape(p + 1, end);
    if (!p)
      return NULL;
    p = skip_plain(p, end);
  }
  return p < end && *p == '"' ? p + 1 : NULL;
}

static const byte *scan_string(const byte *p, const byte *end) {
  return p < end && *p == '"' ? scan_string_on(p + 1, end) : NULL;
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

const char *ac_json_scan(const char *p, const char *end, unsigned depth,
                         int *error) {
  return (const char *)scan_value((const byte *)p, (const byte *)end, depth,
                                  error);
}

int ac_json_check(anycable_str text, unsigned depth) {
  if (text.len == 0)
    return ANYCABLE_ERR_PROTO;
  if (depth > 0 && ac_json_plain_object(text, NULL, 0, AC_BLOCK) > 0)
    return ANYCABLE_OK;
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

static unsigned levels_inside(unsigned depth) {
  return (depth < AC_JSON_MAX_DEPTH ? depth : AC_JSON_MAX_DEPTH) - 1;
}

/* From behind the quote of a string to behind its end, for most strings, which
 * have no escapes. A text that is |long| enough can be read by blocks to its
 * end wherever the string begins. */
static inline const byte *scan_plain_string(const byte *p, const byte *end,
                                            bool long_text, bool *escapes) {
  for (;;) {
    size_t left = (size_t)(end - p);
    ac_block_mask mask;
    if (left >= AC_BLOCK)
      mask = ac_block_special(p);
    else if (long_text && left > 0)
      mask = ac_block_special_tail((const char *)end, left);
    else
      break;
    if (mask) {
      p += ac_block_first(mask);
      if (p < end && *p == '"')
        return p + 1;
      break;
    }
    if (left <= AC_BLOCK)
      break;
    p += AC_BLOCK;
  }
  *escapes = true;
  return scan_string_on(p, end);
}

/* A value that is no string. */
static const byte *scan_other(const byte *p, const byte *end, unsigned depth,
                              bool *escapes, int *error) {
  const byte *value_end = scan_value(p, end, depth, error);
  if (value_end && (*p == '{' || *p == '[') &&
      memchr(p, '\\', (size_t)(value_end - p)))
    *escapes = true;
  return value_end;
}

/* The byte at |p|, 0, which is nothing in JSON, at the end. */
static inline byte byte_at(const byte *p, const byte *end) {
  return p < end ? *p : 0;
}

/* Is |p| at white space, or at the end? */
static inline bool is_space(const byte *p, const byte *end) {
  return p == end || *p <= ' ';
}

/* From a value's beginning to its end, as |item|'s. */
static inline const byte *walk_value(struct ac_json_walk *walk,
                                     struct ac_json_item *item, const byte *p,
                                     const byte *end, bool long_text,
                                     int *error) {
  const byte *value = p;
  if (byte_at(p, end) == '"') {
    p = scan_plain_string(p + 1, end, long_text, &item->value_escapes);
    walk->escapes |= item->value_escapes;
  } else {
    p = scan_other(p, end, walk->depth, &walk->escapes, error);
  }
  item->value = (const char *)value;
  item->value_len = p ? (uint32_t)(p - value) : 0;
  return p;
}

/* From a member's key to its value. */
static inline const byte *walk_key(struct ac_json_walk *walk,
                                   struct ac_json_item *item, const byte *p,
                                   const byte *end, bool long_text) {
  const byte *key = p + 1;
  if (byte_at(p, end) != '"')
    return NULL;
  p = scan_plain_string(key, end, long_text, &item->key_escapes);
  if (!p)
    return NULL;
  item->key = (const char *)key;
  item->key_len = (uint32_t)(p - 1 - key);
  walk->escapes |= item->key_escapes;
  if (is_space(p, end))
    p = skip_space(p, end);
  if (byte_at(p, end) != ':')
    return NULL;
  p++;
  return is_space(p, end) ? skip_space(p, end) : p;
}

int ac_json_walk_on(struct ac_json_walk *walk, struct ac_json_item *items,
                    size_t stride, int max) {
  const byte *end = (const byte *)walk->end;
  const byte *p = (const byte *)walk->at;
  const bool object = walk->object;
  const bool long_text = walk->end - walk->text.ptr >= AC_BLOCK;
  bool first = walk->first;
  struct ac_json_item *item = items;
  for (int n = 0; n < max; n++) {
    if (is_space(p, end))
      p = skip_space(p, end);
    if (byte_at(p, end) == (object ? '}' : ']')) {
      p++;
      walk->text.len = (size_t)((const char *)p - walk->text.ptr);
      return skip_space(p, end) == end ? n : ANYCABLE_ERR_PROTO;
    }
    if (!first && byte_at(p, end) != ',')
      return ANYCABLE_ERR_PROTO;
    if (!first && is_space(++p, end))
      p = skip_space(p, end);
    first = false;
    *item = (struct ac_json_item){0};
    if (object)
      p = walk_key(walk, item, p, end, long_text);
    int error = ANYCABLE_ERR_PROTO;
    if (p)
      p = walk_value(walk, item, p, end, long_text, &error);
    if (!p)
      return error;
    item = (struct ac_json_item *)(void *)((char *)item + stride);
  }
  walk->first = first;
  walk->at = (const char *)p;
  return max;
}

int ac_json_walk(struct ac_json_walk *walk, anycable_str text, unsigned depth) {
  const byte *p = (const byte *)text.ptr;
  const byte *end = text.len > 0 ? p + text.len : p;
  if (text.len > 0)
    p = skip_space(p, end);
  byte c = byte_at(p, end);
  walk->text = ac_str((const char *)p, 0);
  walk->end = (const char *)end;
  walk->object = c == '{';
  walk->first = true;
  walk->escapes = false;
  if (c == '{' || c == '[') {
    if (depth == 0)
      return ANYCABLE_ERR_LIMIT;
    walk->depth = levels_inside(depth);
    walk->at = (const char *)p + 1;
    return 1;
  }
  const byte *value_end = c ? scan_scalar(p, end) : NULL;
  if (!value_end || skip_space(value_end, end) != end)
    return ANYCABLE_ERR_PROTO;
  walk->text = view(p, value_end);
  walk->escapes = memchr(p, '\\', walk->text.len);
  return 0;
}

int ac_json_next_member(anycable_str text, size_t *at, unsigned depth,
                        anycable_str *key, anycable_str *value) {
  assert(*at <= text.len);
  struct ac_json_walk walk;
  struct ac_json_item item;
  if (*at == 0) {
    int nest = ac_json_walk(&walk, text, depth);
    if (nest < 0)
      return nest;
    if (!walk.object)
      return ANYCABLE_ERR_PROTO;
  } else {
    walk = (struct ac_json_walk){.text = text,
                                 .at = text.ptr + *at,
                                 .end = text.ptr + text.len,
                                 .depth = levels_inside(depth),
                                 .object = true};
  }
  int result = ac_json_walk_on(&walk, &item, sizeof(item), 1);
  if (result == 1) {
    *key = ac_str(item.key - 1, item.key_len + 2);
    *value = ac_str(item.value, item.value_len);
    *at = (size_t)(walk.at - text.ptr);
  } else if (result == 0) {
    *at = text.len;
  }
  return result;
}

/* Makes |value| the view between its quotes, if it is a string. */
static bool unquote(anycable_str *value) {
  const byte *p = (const byte *)value->ptr;
  if (value->len < 2 || scan_string(p, p + value->len) != p + value->len)
    return false;
  *value = view(p + 1, p + value->len - 1);
  return true;
}

bool ac_json_decodable(anycable_str text) {
  const byte *p = (const byte *)text.ptr;
  const byte *end = p + text.len;
  while (p < end && (p = memchr(p, '\\', (size_t)(end - p)))) {
    char decoded[4];
    p++;
    if (ac_json_decode_escape(&p, end, decoded) == 0)
      return false;
  }
  return true;
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
    size_t n = ac_json_decode_escape(&p, end, text + len);
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
      n = ac_json_decode_escape(&p, end, decoded);
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
