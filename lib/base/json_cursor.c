#include "base/json_cursor.h"

#include <string.h>

#include "base/block.h"
#include "base/json.h"
#include "base/json_unescape.h"

_Static_assert(AC_JSON_MARGIN >= AC_BLOCK, "strings move by blocks");

void ac_json_cursor_init(struct ac_json_cursor *cursor, char *text,
                         size_t len) {
  cursor->at = text;
  cursor->out = text - AC_JSON_MARGIN;
  cursor->end = text + len;
  memset(cursor->end, 0, AC_JSON_MARGIN);
}

/* An escape, from its backslash on, that is not one character for another. */
static int decode_rare(char **at, char **out) {
  const unsigned char *p = (unsigned char *)*at + 1;
  const unsigned char *end = p + AC_JSON_MARGIN; /* in the margin at most */
  if (!ac_json_scan_escape(p, end))
    return ANYCABLE_ERR_PROTO;
  char decoded[4];
  size_t n = ac_json_decode_escape(&p, end, decoded);
  if (n == 0)
    return ANYCABLE_ERR_ENCODING;
  memcpy(*out, decoded, n);
  *at += p - (unsigned char *)*at;
  *out += n;
  return ANYCABLE_OK;
}

static const char plain[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* Moves |*from| to |*to|, up to what is no escape. Whole blocks are written,
 * of which what lies behind a special byte is written over by what follows. */
static int decode(char **from, char **to) {
  char *p = *from, *out = *to;
  int error = ANYCABLE_OK;
  for (;;) {
    ac_block_mask special = ac_block_special(p);
    memcpy(out, p, AC_BLOCK);
    size_t n = special ? ac_block_first(special) : AC_BLOCK;
    p += n;
    out += n;
    if (!special)
      continue;
    if (*p != '\\')
      break;
    char c = plain[(unsigned char)p[1]];
    if (c) {
      *out++ = c;
      p += 2;
      continue;
    }
    char *rare = p, *rare_out = out;
    if ((error = decode_rare(&rare, &rare_out)))
      break;
    p = rare;
    out = rare_out;
  }
  *from = p;
  *to = out;
  return error;
}

int ac_json_cursor_string(struct ac_json_cursor *cursor, anycable_str *out) {
  char *begin = cursor->out;
  if (*cursor->at != '"')
    return ANYCABLE_ERR_PROTO;
  cursor->at++;
  int error = decode(&cursor->at, &cursor->out);
  if (error)
    return error;
  if (*cursor->at++ != '"')
    return ANYCABLE_ERR_PROTO;
  *out = ac_str(begin, (size_t)(cursor->out - begin));
  *cursor->out++ = '\0';
  return ANYCABLE_OK;
}

int ac_json_cursor_skip(struct ac_json_cursor *cursor, unsigned depth) {
  int error;
  const char *end = ac_json_scan(cursor->at, cursor->end, depth, &error);
  if (!end)
    return error;
  cursor->at += end - cursor->at;
  return ANYCABLE_OK;
}
