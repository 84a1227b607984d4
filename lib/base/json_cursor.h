/* Reads JSON that is in memory of its own, once and from front to back, for who
 * knows what to expect. Strings are decoded on the way: they move towards the
 * front of the text, over what has been read.
 *
 * In front of the text and behind it lie AC_JSON_MARGIN bytes that the cursor
 * may write to. So it needs to look for the end nowhere: there stands a NUL,
 * which nothing in JSON goes on with. And as strings begin in the margin, their
 * end stays so far behind what is read that both go on by whole blocks. */
#ifndef AC_BASE_JSON_CURSOR_H
#define AC_BASE_JSON_CURSOR_H

#include <anycable/error.h>

#include "base/str.h"

#define AC_JSON_MARGIN 16

struct ac_json_cursor {
  char *at;  /* what is next */
  char *out; /* where the next string goes */
  char *end;
};

/* Begins with the |len| bytes at |text|. */
void ac_json_cursor_init(struct ac_json_cursor *cursor, char *text, size_t len);

/* Passes white space; returns what follows it. */
static inline char ac_json_cursor_peek(struct ac_json_cursor *cursor) {
  while ((unsigned char)*cursor->at <= ' ' &&
         (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\r' ||
          *cursor->at == '\t'))
    cursor->at++;
  return *cursor->at;
}

/* Passes white space and |c|; false if something else is there. */
static inline bool ac_json_cursor_take(struct ac_json_cursor *cursor, char c) {
  if (ac_json_cursor_peek(cursor) != c)
    return false;
  cursor->at++;
  return true;
}

/* Passes |text|, if it is all that is here. */
static inline bool ac_json_cursor_take_text(struct ac_json_cursor *cursor,
                                            anycable_str text) {
  if (text.len > (size_t)(cursor->end - cursor->at) ||
      memcmp(cursor->at, text.ptr, text.len) != 0)
    return false;
  cursor->at += text.len;
  return true;
}

/* Reads the string that begins here, with a NUL behind it. It stays until the
 * text goes. ANYCABLE_OK; ANYCABLE_ERR_PROTO if none does, or it is malformed;
 * ANYCABLE_ERR_ENCODING if it holds a lone surrogate or \u0000; whichever is
 * seen first. */
int ac_json_cursor_string(struct ac_json_cursor *cursor, anycable_str *out);

/* Passes the value that begins here: ANYCABLE_OK, or an error as base/json.h
 * has them. */
int ac_json_cursor_skip(struct ac_json_cursor *cursor, unsigned depth);

#endif
