#include "modules/curl/text.h"

#include <stdio.h>
#include <stdlib.h>

static bool grow(struct ac_text *text, size_t more) {
  size_t needed = text->len + more + 1;
  if (needed <= text->size)
    return true;
  char *ptr = realloc(text->ptr, needed * 2);
  if (!ptr)
    return false;
  text->ptr = ptr;
  text->size = needed * 2;
  return true;
}

void ac_text_add(struct ac_text *text, anycable_str more) {
  if (text->failed || more.len == 0)
    return;
  if (!grow(text, more.len)) {
    text->failed = true;
    return;
  }
  memcpy(text->ptr + text->len, more.ptr, more.len);
  text->len += more.len;
  text->ptr[text->len] = '\0';
}

static void add_escaped(struct ac_text *text, unsigned char c) {
  char escaped[8];
  int n = c == '"' || c == '\\'
              ? snprintf(escaped, sizeof(escaped), "\\%c", c)
              : snprintf(escaped, sizeof(escaped), "\\u%04x", c);
  ac_text_add(text, (anycable_str){escaped, (size_t)n});
}

static bool is_plain(char c) {
  return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

void ac_text_quote(struct ac_text *text, anycable_str more) {
  size_t i = 0;
  ac_text_add(text, ANYCABLE_STR("\""));
  while (i < more.len) {
    size_t begin = i;
    while (i < more.len && is_plain(more.ptr[i]))
      i++;
    ac_text_add(text, (anycable_str){more.ptr + begin, i - begin});
    if (i < more.len)
      add_escaped(text, (unsigned char)more.ptr[i++]);
  }
  ac_text_add(text, ANYCABLE_STR("\""));
}
