/* Texts that grow, and strings as Go's encoding/json writes them. */
#ifndef AC_NODE_TEXT_H
#define AC_NODE_TEXT_H

#include "base/buffer.h"
#include "base/str.h"

/* All zero is an empty text. */
struct ac_text {
  struct ac_buffer buffer;
  bool failed; /* there was no memory for something that was put */
};

void ac_text_put(struct ac_text *text, anycable_str s);

/* A NUL-terminated one. */
void ac_text_puts(struct ac_text *text, const char *s);

/* |format| as it is, but for each '$' the next anycable_str, and for each '@'
 * the next one as ac_text_quote() writes it. */
void ac_text_add(struct ac_text *text, const char *format, ...);

/* |s| as a JSON string, quotes included. */
void ac_text_quote(struct ac_text *text, anycable_str s);

/* {"key":"value"}, sorted by key. */
struct ac_wire_map;
void ac_text_put_map(struct ac_text *text, const struct ac_wire_map *map);

/* What it holds, NUL-terminated; empty where something failed. Borrowed until
 * more is put. */
anycable_str ac_text_str(struct ac_text *text);

void ac_text_deinit(struct ac_text *text);

#endif
