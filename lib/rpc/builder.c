/* Builders of JSON texts, in memory of their own or of a call. */
#include <anycable/builder.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/double.h"
#include "base/json.h"
#include "base/utf8.h"
#include "rpc/call.h"

enum { DEPTH_MAX = 64, ROOM_MIN = 256, INTEGER_MAX = 20 };

struct anycable_builder {
  struct ac_buffer text;   /* always with room for a NUL */
  anycable_socket *socket; /* whose memory it is; NULL: its own */
  uint64_t objects;        /* a bit for each level: is it an object? */
  unsigned level;
  int error;
  bool comma; /* goes before the next value */
  bool done;  /* the outermost value is complete */
};

static int failed(anycable_builder *b, int error) {
  b->error = error;
  if (b->socket)
    ac_socket_failed(b->socket, error);
  return error;
}

anycable_builder *anycable_builder_new(void) {
  return calloc(1, sizeof(anycable_builder));
}

anycable_builder *anycable_socket_builder(anycable_socket *socket) {
  anycable_builder *b = ac_arena_zalloc(socket->arena, sizeof(*b));
  if (b)
    b->socket = socket;
  else
    ac_socket_failed(socket, ANYCABLE_ERR_NOMEM);
  return b;
}

void anycable_builder_free(anycable_builder *b) {
  if (!b || b->socket)
    return;
  ac_buffer_deinit(&b->text);
  free(b);
}

void anycable_builder_reset(anycable_builder *b) {
  if (!b)
    return;
  b->text.end = 0;
  b->level = 0;
  b->error = ANYCABLE_OK;
  b->comma = b->done = false;
}

int anycable_builder_error(const anycable_builder *b) {
  return b ? b->error : ANYCABLE_ERR_NOMEM;
}

/* --- room ----------------------------------------------------------------- */

/* In a call's memory nothing is freed: doubling keeps the waste below what is
 * used. */
static char *reserve_in_call(anycable_builder *b, size_t len) {
  struct ac_buffer *text = &b->text;
  if (text->data && len <= text->size - text->end)
    return text->data + text->end;
  if (len > SIZE_MAX / 4 || text->end > SIZE_MAX / 4)
    return NULL;
  size_t size = 2 * text->size;
  if (size < ROOM_MIN)
    size = ROOM_MIN;
  if (size < text->end + len)
    size = text->end + len;
  char *data = ac_arena_alloc(b->socket->arena, size);
  if (!data)
    return NULL;
  if (text->end > 0)
    memcpy(data, text->data, text->end);
  text->data = data;
  text->size = size;
  return data + text->end;
}

/* Room for |len| bytes and the NUL. */
static char *reserve(anycable_builder *b, size_t len) {
  if (len == SIZE_MAX)
    return NULL;
  return b->socket ? reserve_in_call(b, len + 1)
                   : ac_buffer_reserve(&b->text, len + 1);
}

static bool has_room(const anycable_builder *b, size_t len) {
  return len < b->text.size - b->text.end;
}

/* --- values --------------------------------------------------------------- */

static bool in_object(const anycable_builder *b) {
  return b->level > 0 && b->objects >> (b->level - 1) & 1;
}

static bool is_text(anycable_str text) {
  return text.len == 0 ||
         (ac_utf8_valid(text) && !memchr(text.ptr, '\0', text.len));
}

/* May a value of that name come now? */
static int check(const anycable_builder *b, const char *name) {
  if (!b)
    return ANYCABLE_ERR_NOMEM;
  if (b->error)
    return b->error;
  if (b->done)
    return ANYCABLE_ERR_STATE;
  if (in_object(b) != (name != NULL))
    return ANYCABLE_ERR_INVALID;
  return ANYCABLE_OK;
}

/* Writes what stands before a value. */
static int begin(anycable_builder *b, const char *name) {
  int error = check(b, name);
  anycable_str key = anycable_str_of(name);
  if (!error && !ac_utf8_valid(key))
    error = ANYCABLE_ERR_ENCODING;
  if (error)
    return b ? failed(b, error) : error;
  size_t len = 2 + (name ? ac_json_quoted_len(key) : 0);
  char *out = reserve(b, len);
  if (!out)
    return failed(b, ANYCABLE_ERR_NOMEM);
  char *start = out;
  if (b->comma)
    *out++ = ',';
  if (name) {
    out = ac_json_quote(out, key);
    *out++ = ':';
  }
  ac_buffer_commit(&b->text, (size_t)(out - start));
  return ANYCABLE_OK;
}

/* Behind a value that is complete. */
static int complete(anycable_builder *b) {
  b->comma = b->level > 0;
  b->done = b->level == 0;
  return ANYCABLE_OK;
}

/* A value that |json| is. */
static int put_value(anycable_builder *b, const char *name, anycable_str json) {
  int error = begin(b, name);
  if (error)
    return error;
  char *out = reserve(b, json.len);
  if (!out)
    return failed(b, ANYCABLE_ERR_NOMEM);
  memcpy(out, json.ptr, json.len);
  ac_buffer_commit(&b->text, json.len);
  return complete(b);
}

static int open_nest(anycable_builder *b, const char *name, bool object) {
  int error = begin(b, name);
  if (error)
    return error;
  if (b->level == DEPTH_MAX)
    return failed(b, ANYCABLE_ERR_LIMIT);
  char *out = reserve(b, 1);
  if (!out)
    return failed(b, ANYCABLE_ERR_NOMEM);
  *out = object ? '{' : '[';
  ac_buffer_commit(&b->text, 1);
  uint64_t bit = UINT64_C(1) << b->level++;
  b->objects = object ? b->objects | bit : b->objects & ~bit;
  b->comma = false;
  return ANYCABLE_OK;
}

int anycable_builder_object(anycable_builder *b, const char *name) {
  return open_nest(b, name, true);
}

int anycable_builder_array(anycable_builder *b, const char *name) {
  return open_nest(b, name, false);
}

int anycable_builder_end(anycable_builder *b) {
  if (!b || b->error)
    return anycable_builder_error(b);
  if (b->level == 0)
    return failed(b, ANYCABLE_ERR_STATE);
  char *out = reserve(b, 1);
  if (!out)
    return failed(b, ANYCABLE_ERR_NOMEM);
  *out = in_object(b) ? '}' : ']';
  ac_buffer_commit(&b->text, 1);
  b->level--;
  return complete(b);
}

int anycable_builder_string(anycable_builder *b, const char *name,
                            anycable_str text) {
  int error = begin(b, name);
  if (error)
    return error;
  if (!is_text(text))
    return failed(b, ANYCABLE_ERR_ENCODING);
  /* Looked at once, where there is room for the worst. */
  size_t len = text.len;
  if (len > SIZE_MAX / 8 || !has_room(b, 6 * len + 2))
    len = ac_json_quoted_len(text);
  else
    len = 6 * len + 2;
  char *out = reserve(b, len);
  if (!out)
    return failed(b, ANYCABLE_ERR_NOMEM);
  ac_buffer_commit(&b->text, (size_t)(ac_json_quote(out, text) - out));
  return complete(b);
}

static int write_integer(anycable_builder *b, const char *name, bool negative,
                         uint64_t value) {
  char digits[INTEGER_MAX];
  char *p = digits + sizeof(digits);
  do
    *--p = (char)('0' + value % 10);
  while (value /= 10);
  if (negative)
    *--p = '-';
  return put_value(b, name, ac_str(p, (size_t)(digits + sizeof(digits) - p)));
}

int anycable_builder_int(anycable_builder *b, const char *name, int64_t value) {
  uint64_t bits = (uint64_t)value;
  return write_integer(b, name, value < 0, value < 0 ? -bits : bits);
}

int anycable_builder_uint(anycable_builder *b, const char *name,
                          uint64_t value) {
  return write_integer(b, name, false, value);
}

int anycable_builder_number(anycable_builder *b, const char *name,
                            double value) {
  char text[AC_DOUBLE_SIZE];
  int error = check(b, name);
  if (!error && !isfinite(value))
    error = ANYCABLE_ERR_INVALID;
  if (error)
    return b ? failed(b, error) : error;
  return put_value(b, name, ac_str(text, ac_double_write(text, value)));
}

int anycable_builder_bool(anycable_builder *b, const char *name, bool value) {
  return put_value(b, name,
                   value ? ANYCABLE_STR("true") : ANYCABLE_STR("false"));
}

int anycable_builder_null(anycable_builder *b, const char *name) {
  return put_value(b, name, ANYCABLE_STR("null"));
}

int anycable_builder_json(anycable_builder *b, const char *name,
                          anycable_str json) {
  int error = check(b, name);
  if (!error && !is_text(json))
    error = ANYCABLE_ERR_ENCODING;
  if (!error)
    error = ac_json_check(json, DEPTH_MAX - b->level);
  if (error)
    return b ? failed(b, error) : error;
  return put_value(b, name, json);
}

anycable_str anycable_builder_text(anycable_builder *b) {
  if (b && !b->error && !b->done)
    failed(b, ANYCABLE_ERR_STATE);
  if (!b || b->error)
    return ac_str_empty();
  b->text.data[b->text.end] = '\0';
  return ac_str(b->text.data, b->text.end);
}
