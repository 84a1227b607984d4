/* Bytes for the tests of wire/, and decoding them.
 *
 * Bytes are written as text: hex digits, 'letters' as they are, and <...> for
 * what has its length before it. "0a<'room'>" is a string field, number 1. */
#ifndef TEST_UNIT_WIRE_BYTES_H
#define TEST_UNIT_WIRE_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/decode.h"

struct bytes {
  char *data;
  size_t len;
  size_t room;
};

static inline void put(struct bytes *b, const void *data, size_t len) {
  if (b->len + len > b->room) {
    b->room = 2 * (b->len + len);
    b->data = realloc(b->data, b->room);
    if (!b->data)
      abort();
  }
  if (len > 0)
    memcpy(b->data + b->len, data, len);
  b->len += len;
}

static inline void put_varint(struct bytes *b, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    put(b, &(char){(char)(0x80 | (value & 0x7f))}, 1);
  put(b, &(char){(char)value}, 1);
}

static inline void put_field(struct bytes *b, unsigned number, const void *data,
                             size_t len) {
  put_varint(b, number << 3 | 2);
  put_varint(b, len);
  put(b, data, len);
}

/* Puts |inner| as a field, and empties it. */
static inline void put_message(struct bytes *b, unsigned number,
                               struct bytes *inner) {
  put_field(b, number, inner->data, inner->len);
  inner->len = 0;
}

static inline void put_entry(struct bytes *b, unsigned number, const char *key,
                             const char *value) {
  struct bytes entry = {0};
  put_field(&entry, 1, key, strlen(key));
  put_field(&entry, 2, value, strlen(value));
  put_message(b, number, &entry);
  free(entry.data);
}

static inline void put_repeated(struct bytes *b, const void *data, size_t len,
                                size_t times) {
  for (; times > 0; times--)
    put(b, data, len);
}

/* Puts what |notation| says, up to its end or to a '>'; returns where. */
static inline const char *put_notation(struct bytes *b, const char *notation) {
  static const char digits[] = "0123456789abcdef";
  const char *p = notation;
  while (*p && *p != '>') {
    if (*p == ' ') {
      p++;
    } else if (*p == '\'') {
      size_t len = strcspn(p + 1, "'");
      put(b, p + 1, len);
      p += len + 2;
    } else if (*p == '<') {
      struct bytes inner = {0};
      p = put_notation(&inner, p + 1) + 1;
      put_varint(b, inner.len);
      put(b, inner.data, inner.len);
      free(inner.data);
    } else {
      const char *high = strchr(digits, p[0]);
      const char *low = strchr(digits, p[1]);
      if (!high || !low)
        abort();
      put(b, &(char){(char)((high - digits) << 4 | (low - digits))}, 1);
      p += 2;
    }
  }
  return p;
}

static inline struct bytes bytes_of(const char *notation) {
  struct bytes b = {0};
  put_notation(&b, notation);
  return b;
}

static const struct ac_wire_limits default_limits = {65536, 1024, 16};
static const struct ac_wire_limits no_limits = {SIZE_MAX, SIZE_MAX, SIZE_MAX};

/* A message being decoded, in memory of its own, so that AddressSanitizer sees
 * its borders. */
struct decoded {
  char *data;
  size_t len;
  struct ac_arena_pool *pool;
  struct ac_arena *arena;
  struct ac_wire_request request;
  const char *reason;
  int error;
  size_t used; /* of the arena, by the decoder */
};

static inline int decode_health(struct decoded *d,
                                const struct ac_wire_limits *limits) {
  anycable_str none = {d->data + d->len, 0};
  d->request = (struct ac_wire_request){
      .env.url = none, .command = none, .identifier = none, .data = none};
  return ac_wire_decode_health(d->data, d->len, limits, d->arena,
                               &d->request.identifiers, &d->reason);
}

/* |method| 0: a HealthCheckRequest, its service as the identifiers. */
static inline struct decoded decode_in(int method, const char *data, size_t len,
                                       const struct ac_wire_limits *limits,
                                       size_t arena_cap) {
  struct decoded d = {.len = len, .reason = "unset"};
  d.data = malloc(len + 1);
  d.pool = ac_arena_pool_new(1024, 0);
  d.arena = d.pool ? ac_arena_new(d.pool, arena_cap) : NULL;
  if (!d.data || !d.arena)
    abort();
  if (len > 0)
    memcpy(d.data, data, len);
  d.data[len] = '!';
  memset(&d.request, 0xee, sizeof(d.request));
  size_t before = d.arena->used;
  if (method == 0)
    d.error = decode_health(&d, limits);
  else
    d.error = ac_wire_decode(method, d.data, len, limits, d.arena, &d.request,
                             &d.reason);
  d.used = d.arena->used - before;
  return d;
}

static inline struct decoded decode(int method, const char *data, size_t len) {
  return decode_in(method, data, len, &default_limits, SIZE_MAX);
}

static inline struct decoded decode_bytes(int method, const struct bytes *b) {
  return decode(method, b->data, b->len);
}

static inline void forget(struct decoded *d) {
  ac_arena_free(d->arena);
  ac_arena_pool_release(d->pool);
  free(d->data);
}

#endif
