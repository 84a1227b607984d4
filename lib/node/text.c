#include "node/text.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/message.h"

void ac_text_put(struct ac_text *text, anycable_str s) {
  if (!ac_buffer_append(&text->buffer, s.ptr, s.len))
    text->failed = true;
}

void ac_text_puts(struct ac_text *text, const char *s) {
  ac_text_put(text, anycable_str_of(s));
}

void ac_text_add(struct ac_text *text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  for (;;) {
    size_t plain = strcspn(format, "$@");
    ac_text_put(text, ac_str(format, plain));
    format += plain;
    if (!*format)
      break;
    anycable_str s = va_arg(args, anycable_str);
    if (*format++ == '$')
      ac_text_put(text, s);
    else
      ac_text_quote(text, s);
  }
  va_end(args);
}

/* How the character of |n| bytes at |p| is escaped, in |out|; the length of
 * that, 0 where it stands for itself. */
static size_t escape(const char *p, size_t n, char out[6]) {
  static const char hex[] = "0123456789abcdef";
  static const char letters[] = {
      ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
  unsigned char c = (unsigned char)*p;
  bool separator =
      n == 3 && (memcmp(p, "\u2028", 3) == 0 || memcmp(p, "\u2029", 3) == 0);
  out[0] = '\\';
  if (c == '"' || c == '\\' || (c < sizeof(letters) && letters[c])) {
    out[1] = c < ' ' ? letters[c] : (char)c;
    return 2;
  }
  if (n > 0 && !separator && c >= ' ' && c != '<' && c != '>' && c != '&')
    return 0;
  memcpy(out + 1, n == 0 ? "ufffd" : separator ? "u202x" : "u00xx", 5);
  if (separator)
    out[5] = hex[8 + (p[2] & 1)];
  else if (n > 0)
    out[4] = hex[c >> 4], out[5] = hex[c & 15];
  return 6;
}

void ac_text_quote(struct ac_text *text, anycable_str s) {
  char escaped[6];
  size_t plain = 0;
  ac_text_puts(text, "\"");
  for (size_t at = 0; at < s.len;) {
    size_t n = ac_utf8_char_len(ac_str(s.ptr + at, s.len - at));
    size_t len = escape(s.ptr + at, n, escaped);
    at += n > 0 ? n : 1;
    if (len == 0)
      continue;
    ac_text_put(text, ac_str(s.ptr + plain, at - (n > 0 ? n : 1) - plain));
    ac_text_put(text, ac_str(escaped, len));
    plain = at;
  }
  ac_text_put(text, ac_str(s.ptr + plain, s.len - plain));
  ac_text_puts(text, "\"");
}

static int compare(anycable_str a, anycable_str b) {
  int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
  return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first key behind |after|, in order. Maps here are small. */
static const struct ac_pair *next_key(const struct ac_wire_map *map,
                                      const struct ac_pair *after) {
  const struct ac_pair *next = NULL;
  for (size_t i = 0; i < map->n; i++) {
    const struct ac_pair *pair = &map->items[i];
    if ((!after || compare(pair->key, after->key) > 0) &&
        (!next || compare(pair->key, next->key) < 0))
      next = pair;
  }
  return next;
}

void ac_text_put_map(struct ac_text *text, const struct ac_wire_map *map) {
  const struct ac_pair *pair = NULL;
  ac_text_puts(text, "{");
  while ((pair = next_key(map, pair))) {
    if (text->buffer.data && text->buffer.data[text->buffer.end - 1] != '{')
      ac_text_puts(text, ",");
    ac_text_quote(text, pair->key);
    ac_text_puts(text, ":");
    ac_text_quote(text, pair->value);
  }
  ac_text_puts(text, "}");
}

anycable_str ac_text_str(struct ac_text *text) {
  char *end = text->failed ? NULL : ac_buffer_reserve(&text->buffer, 1);
  if (!end) {
    text->failed = true;
    return ac_str_empty();
  }
  *end = '\0';
  return ac_str(text->buffer.data + text->buffer.start,
                ac_buffer_len(&text->buffer));
}

void ac_text_deinit(struct ac_text *text) {
  ac_buffer_deinit(&text->buffer);
  *text = (struct ac_text){0};
}
