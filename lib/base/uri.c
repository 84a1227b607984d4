/* URLs in parts, without a copy; decoding into an arena. The server wrote the
 * URL, but a client chose most of it: nothing here fails on odd ones. */
#include "base/uri.h"

#include <string.h>

#include "base/utf8.h"

/* The index of the first of |chars| in |s|, or its length. */
static size_t find(anycable_str s, const char *chars) {
  size_t n = strlen(chars);
  size_t i = 0;
  while (i < s.len && !memchr(chars, s.ptr[i], n))
    i++;
  return i;
}

static anycable_str skip(anycable_str s, size_t len) {
  return len == 0 ? s : ac_str(s.ptr + len, s.len - len);
}

anycable_str ac_uri_path(anycable_str url) {
  url.len = find(url, "?#");
  size_t i = find(url, ":/");
  if (anycable_str_starts_with(skip(url, i), ANYCABLE_STR("://")))
    url = skip(url, i + 3);
  anycable_str path = skip(url, find(url, "/"));
  return path.len > 0 ? path : ANYCABLE_STR("/");
}

anycable_str ac_uri_query(anycable_str url) {
  url.len = find(url, "#");
  size_t i = find(url, "?");
  return i < url.len ? skip(url, i + 1) : ac_str_empty();
}

/* Takes one character, decoded, from the front of |text|, which has one. */
static char next_char(anycable_str *text, bool plus) {
  char c = *text->ptr;
  size_t len = 1;
  if (c == '+' && plus) {
    c = ' ';
  } else if (c == '%' && text->len >= 3) {
    int high = ac_hex_digit(text->ptr[1]);
    int low = ac_hex_digit(text->ptr[2]);
    if (high >= 0 && low >= 0) {
      c = (char)(high << 4 | low);
      len = 3;
    }
  }
  *text = skip(*text, len);
  return c;
}

bool ac_uri_decode(struct ac_arena *arena, anycable_str text, bool plus,
                   anycable_str *out) {
  char *decoded = ac_arena_alloc(arena, text.len + 1);
  if (!decoded)
    return false;
  size_t len = 0;
  while (text.len > 0) {
    char c = next_char(&text, plus);
    if (c == '\0')
      return false;
    decoded[len++] = c;
  }
  decoded[len] = '\0';
  if (!ac_utf8_valid(ac_str(decoded, len)))
    return false;
  *out = ac_str(decoded, len);
  return true;
}

/* Does |text| decode to |name|? */
static bool decodes_to(anycable_str text, anycable_str name) {
  while (text.len > 0 && name.len > 0) {
    if (next_char(&text, true) != *name.ptr)
      return false;
    name = skip(name, 1);
  }
  return text.len == 0 && name.len == 0;
}

bool ac_uri_param(struct ac_arena *arena, anycable_str query, anycable_str name,
                  anycable_str *out) {
  while (query.len > 0) {
    anycable_str pair = ac_str(query.ptr, find(query, "&"));
    query = skip(query, pair.len < query.len ? pair.len + 1 : pair.len);
    anycable_str key = ac_str(pair.ptr, find(pair, "="));
    if (pair.len == 0 || !decodes_to(key, name))
      continue;
    anycable_str value =
        key.len < pair.len ? skip(pair, key.len + 1) : ac_str_empty();
    return ac_uri_decode(arena, value, true, out);
  }
  return false;
}
