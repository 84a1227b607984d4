#include "wire/reflection.h"

#include <string.h>

#include "wire/reader.h"

enum { FIELDS = 16, NOT_FOUND = 5 };

bool ac_wire_read_reflection(anycable_str request, int *question,
                             anycable_str *text) {
  struct ac_wire_reader r = {.data = request.ptr,
                             .len = request.len,
                             .last = request.ptr + request.len,
                             .unknown_left = FIELDS,
                             .depth = 4};
  *question = AC_WIRE_ASKS_NOTHING;
  *text = ac_str_empty();
  size_t at = 0;
  while (at < r.len) {
    uint32_t tag;
    at = ac_wire_read_tag(&r, at, r.len, &tag);
    int field = (int)(tag >> 3);
    if ((tag & 7) == AC_WIRE_LEN && field >= AC_WIRE_ASKS_FILE &&
        field <= AC_WIRE_ASKS_SERVICES) {
      at = ac_wire_read_text(&r, at, text);
      *question = field;
    } else {
      at = ac_wire_skip_field(&r, tag, at, r.len);
    }
  }
  return at == r.len;
}

/* --- writing, from the end to the beginning ------------------------------- */

/* Lengths stand in front of what they count: so that is written first. */
struct writer {
  char *begin;
  char *at;
};

static void put(struct writer *w, const void *bytes, size_t len) {
  w->at -= len;
  memcpy(w->at, bytes, len);
}

static void put_varint(struct writer *w, size_t value) {
  unsigned char bytes[10];
  size_t n = 0;
  do {
    bytes[n++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>= 7;
  } while (value > 0);
  put(w, bytes, n);
}

/* In front of |len| bytes that are there: they are a field. */
static void put_head(struct writer *w, int field, size_t len) {
  put_varint(w, len);
  put_varint(w, AC_WIRE_LEN_TAG((size_t)field));
}

static void put_text(struct writer *w, int field, anycable_str text) {
  put(w, text.ptr, text.len);
  put_head(w, field, text.len);
}

static bool begin(struct writer *w, size_t room, struct ac_arena *arena) {
  w->begin = ac_arena_alloc(arena, room);
  w->at = w->begin + room;
  return w->begin != NULL;
}

/* Fields have heads of at most this. */
enum { HEAD = 12 };

/* What was answered is the field |field|; the request goes along. */
static anycable_str end(struct writer *w, const char *last, int field,
                        anycable_str request, size_t prefix) {
  put_head(w, field, (size_t)(last - w->at));
  put_text(w, 2, request);
  w->at -= prefix;
  return ac_str(w->at, (size_t)(last - w->at));
}

static anycable_str write_text(anycable_str request, int field, int inner,
                               anycable_str text, size_t number, size_t prefix,
                               struct ac_arena *arena) {
  struct writer w;
  if (!begin(&w, prefix + request.len + text.len + 4 * HEAD, arena))
    return ac_str(NULL, 0);
  const char *last = w.at;
  put_text(&w, inner, text);
  if (number) {
    put_varint(&w, number);
    put_varint(&w, 1 << 3);
  }
  return end(&w, last, field, request, prefix);
}

anycable_str ac_wire_write_file(anycable_str request, anycable_str descriptor,
                                size_t prefix, struct ac_arena *arena) {
  return write_text(request, 4, 1, descriptor, 0, prefix, arena);
}

anycable_str ac_wire_write_not_found(anycable_str request, const char *message,
                                     size_t prefix, struct ac_arena *arena) {
  return write_text(request, 7, 2, anycable_str_of(message), NOT_FOUND, prefix,
                    arena);
}

anycable_str ac_wire_write_services(anycable_str request,
                                    const char *const *names, size_t n,
                                    size_t prefix, struct ac_arena *arena) {
  struct writer w;
  size_t room = prefix + request.len + 2 * HEAD;
  for (size_t i = 0; i < n; i++)
    room += strlen(names[i]) + 2 * HEAD;
  if (!begin(&w, room, arena))
    return ac_str(NULL, 0);
  const char *last = w.at;
  for (size_t i = n; i-- > 0;) {
    const char *after = w.at;
    put_text(&w, 1, anycable_str_of(names[i]));
    put_head(&w, 1, (size_t)(after - w.at));
  }
  return end(&w, last, 6, request, prefix);
}
