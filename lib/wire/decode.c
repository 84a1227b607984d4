/* The decoder of requests.
 *
 * Nothing is written into the message before all of it has been read: strings
 * are noted as views, and get their NULs in a last walk over those. The byte
 * behind a string is the tag of the next field, or the spare one behind the
 * message; no other string holds it.
 *
 * Arrays start small. A message that needs more is read on to its end, only
 * to check and to count, and then once more into arrays of the right size.
 *
 * Positions are offsets into the message. A reader returns where it has come
 * to; what is beyond the end that it was given says that it failed. */
#include "wire/decode.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/map.h"
#include "wire/text.h"

/* Messages and groups inside each other: protobuf's own limit. */
#define MAX_DEPTH 100
#define FIRST_ITEMS 8
/* What arrays may take besides three times the message: 64 KiB, less what is
 * lost at the ends of an arena's blocks. */
#define ARENA_SLACK (48 * 1024)
/* Beyond every end, and still there with a length added. */
#define NOWHERE (SIZE_MAX / 4)

enum wire_type { VARINT, FIXED64, LEN, START_GROUP, END_GROUP, FIXED32 };
#define TAG(number, type) ((number) << 3 | (type))
#define TAG_TYPE(tag) ((tag)&7)
#define TAG_NUMBER(tag) ((tag) >> 3)

enum kind { UNKNOWN, STRING, MESSAGE, MAP, LIST };

/* Fields that are expected once. */
enum once { ENV, URL, IDENTIFIERS, COMMAND, IDENTIFIER, DATA, N_ONCE };
enum array_name { HEADERS, CSTATE, ISTATE, SUBSCRIPTIONS, N_ARRAYS };

struct field {
  uint8_t kind;
  uint8_t index;   /* of a once or an array_name */
  uint16_t offset; /* of a string in the request */
};

/* What the tags of a message mean; all that we know have one byte. */
#define N_TAGS 128
typedef struct field fields[N_TAGS];

#define STRING_AT(number, name, member)                                        \
  [TAG(number, LEN)] = {STRING, name, offsetof(struct ac_wire_request, member)}
#define ITEMS_OF(number, kind, name) [TAG(number, LEN)] = {kind, name, 0}
#define ENV_AT(number) [TAG(number, LEN)] = {MESSAGE, ENV, 0}

static const fields env_fields = {
    STRING_AT(1, URL, env.url),
    ITEMS_OF(2, MAP, HEADERS),
    ITEMS_OF(3, MAP, CSTATE),
    ITEMS_OF(4, MAP, ISTATE),
};

static const fields request_fields[] = {
    [ANYCABLE_CONNECT] = {ENV_AT(3)},
    [ANYCABLE_COMMAND] = {STRING_AT(1, COMMAND, command),
                          STRING_AT(2, IDENTIFIER, identifier),
                          STRING_AT(3, IDENTIFIERS, identifiers),
                          STRING_AT(4, DATA, data), ENV_AT(5)},
    [ANYCABLE_DISCONNECT] = {STRING_AT(1, IDENTIFIERS, identifiers),
                             ITEMS_OF(2, LIST, SUBSCRIPTIONS), ENV_AT(5)},
};

/* A HealthCheckRequest is one string, held as the identifiers meanwhile. */
static const fields health_fields = {STRING_AT(1, IDENTIFIERS, identifiers)};

struct array {
  char *items;
  char *next;
  char *end;
  size_t beyond; /* items that had no room, only counted */
};

struct decoder {
  const char *data;
  size_t len;
  const char *last; /* the spare byte: NUL, where varints end at the latest */
  struct ac_wire_request *out;
  struct array arrays[N_ARRAYS];
  const struct ac_wire_limits *limits;
  struct ac_arena *arena;
  size_t unknown;
  size_t came[N_ONCE];
  unsigned depth; /* levels that may still be opened */
  bool overflowed;
  bool doubtful; /* some text is not plain: each must be looked at */
  size_t span;   /* where that is not known from here on */
  int error;
  const char *reason;
};

/* The first reason stays: the others follow from it. */
__attribute__((cold, noinline)) static size_t fail(struct decoder *d, int error,
                                                   const char *reason) {
  if (!d->error) {
    d->error = error;
    d->reason = reason;
  }
  return NOWHERE;
}

static size_t truncated(struct decoder *d) {
  return fail(d, ANYCABLE_ERR_PROTO, "message is truncated");
}

static inline unsigned byte_at(const struct decoder *d, size_t at) {
  return (unsigned char)d->data[at];
}

/* --- text ----------------------------------------------------------------
 *
 * Text that is nothing but ASCII without NUL needs no other check, and nearly
 * all is. Tags are such bytes, too, and lengths from 1 to 127: so whole spans
 * of the message are looked at, from one odd length to the next. */

static bool check_text(struct decoder *d, anycable_str s) {
  if (ac_text_is_plain(s.ptr, s.len, d->last))
    return true;
  if (!ac_utf8_valid(s))
    fail(d, ANYCABLE_ERR_ENCODING, "a string is not valid UTF-8");
  else if (memchr(s.ptr, '\0', s.len))
    fail(d, ANYCABLE_ERR_PROTO, "a string has a NUL inside");
  else
    return true;
  return false;
}

static inline void end_span(struct decoder *d, size_t end) {
  if (!d->doubtful)
    d->doubtful = !ac_text_is_plain(d->data + d->span, end - d->span, d->last);
}

/* --- numbers -------------------------------------------------------------
 *
 * They may be read past the end of what they belong to, though never past the
 * spare byte: whoever reads one compares afterwards. */

/* NOWHERE for one of more than |max| bytes. */
static size_t read_varint(const struct decoder *d, size_t at, unsigned max,
                          uint64_t *out) {
  uint64_t value = 0;
  for (unsigned i = 0; i < max; i++) {
    unsigned byte = byte_at(d, at++);
    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *out = value;
      return at;
    }
  }
  *out = 0;
  return NOWHERE;
}

/* A tag of more than one byte. */
__attribute__((noinline)) static size_t
read_long_tag(struct decoder *d, size_t at, size_t end, uint32_t *tag) {
  uint64_t value;
  at = read_varint(d, at, 5, &value);
  *tag = (uint32_t)value; /* as in Google's, what is above 32 bits is lost */
  if (at <= end)
    return at;
  truncated(d);
  *tag = 0;
  return end;
}

/* |at| is before |end|. A bad tag reads as 0, which no field has. */
static inline size_t read_tag(struct decoder *d, size_t at, size_t end,
                              uint32_t *tag) {
  *tag = byte_at(d, at);
  if (*tag < 0x80)
    return at + 1;
  uint32_t value;
  at = read_long_tag(d, at, end, &value);
  *tag = value;
  return at;
}

/* A length that is 0 or has more than one byte, which is not plain. */
__attribute__((noinline)) static size_t
read_odd_length(struct decoder *d, size_t at, size_t *out) {
  end_span(d, at);
  uint64_t len = byte_at(d, at++);
  if (len >= 0x80) {
    unsigned second = byte_at(d, at++);
    len = (len & 0x7f) | (uint64_t)second << 7;
    if (second >= 0x80)
      at = read_varint(d, at - 2, 5, &len);
  }
  if (at > d->len || len > d->len) {
    truncated(d);
    at = d->len;
    len = NOWHERE;
  }
  d->span = at;
  *out = (size_t)len;
  return at;
}

/* The length of what follows, of which not all may be there. */
static inline size_t read_length(struct decoder *d, size_t at, size_t *out) {
  size_t len = byte_at(d, at);
  if (len - 1 < 0x7f) {
    *out = len;
    return at + 1;
  }
  size_t odd;
  at = read_odd_length(d, at, &odd);
  *out = odd;
  return at;
}

static inline size_t read_text(struct decoder *d, size_t at,
                               anycable_str *out) {
  size_t len;
  at = read_length(d, at, &len);
  *out = ac_str(d->data + at, len);
  return at + len;
}

/* --- unknown fields ------------------------------------------------------*/

/* Skips what follows a tag that is not a group's. */
static size_t skip_value(struct decoder *d, uint32_t tag, size_t at) {
  uint64_t value;
  size_t len;
  switch (TAG_TYPE(tag)) {
  case VARINT:
    return read_varint(d, at, 10, &value);
  case FIXED64:
    return at + 8;
  case FIXED32:
    return at + 4;
  case LEN:
    at = read_length(d, at, &len);
    return at + len;
  default:
    return fail(d, ANYCABLE_ERR_PROTO, "wire type does not exist");
  }
}

/* Skips a field whose |tag| has been read, a group with all that it holds. */
__attribute__((noinline)) static size_t
skip_field(struct decoder *d, uint32_t tag, size_t at, size_t end) {
  uint32_t open[MAX_DEPTH];
  unsigned n = 0;
  for (;;) {
    if (TAG_NUMBER(tag) == 0)
      return fail(d, ANYCABLE_ERR_PROTO, "field number is 0");
    if (TAG_TYPE(tag) == END_GROUP) {
      if (n == 0 || TAG_NUMBER(open[n - 1]) != TAG_NUMBER(tag))
        return fail(d, ANYCABLE_ERR_PROTO, "a group ends that is not open");
      n--;
    } else if (++d->unknown > d->limits->unknown_fields) {
      return fail(d, ANYCABLE_ERR_LIMIT, "too many unknown fields");
    } else if (TAG_TYPE(tag) == START_GROUP) {
      if (n == d->depth)
        return fail(d, ANYCABLE_ERR_PROTO, "groups are nested too deeply");
      open[n++] = tag;
    } else {
      at = skip_value(d, tag, at);
    }
    if (n == 0)
      return at;
    if (at >= end)
      return truncated(d);
    at = read_tag(d, at, end, &tag);
  }
}

/* --- arrays --------------------------------------------------------------*/

static inline size_t item_size(int name) {
  return name == SUBSCRIPTIONS ? sizeof(anycable_str) : sizeof(struct ac_pair);
}

/* How many items an array has, or should have. */
static inline size_t count(const struct decoder *d, int name) {
  const struct array *a = &d->arrays[name];
  return (size_t)(a->next - a->items) / item_size(name) + a->beyond;
}

static bool check_elements(struct decoder *d) {
  size_t n = 0;
  for (int i = 0; i < N_ARRAYS; i++)
    n += count(d, i);
  if (n > d->limits->elements)
    fail(d, ANYCABLE_ERR_LIMIT, "too many elements");
  return n <= d->limits->elements;
}

static inline char *init_array(struct array *a, char *items, size_t size) {
  a->items = items;
  a->next = items;
  a->end = items + size;
  a->beyond = 0;
  return a->end;
}

/* Makes room for |n| items of each array. */
static inline bool make_room(struct decoder *d, const size_t n[N_ARRAYS]) {
  const size_t pair = sizeof(struct ac_pair);
  const size_t str = sizeof(anycable_str);
  struct array *a = d->arrays;
  size_t pairs = n[HEADERS] + n[CSTATE] + n[ISTATE];
  char *items = ac_arena_alloc(d->arena, pairs * pair + n[SUBSCRIPTIONS] * str);
  if (!items) {
    fail(d, ANYCABLE_ERR_NOMEM, "out of memory");
    return false;
  }
  items = init_array(&a[HEADERS], items, n[HEADERS] * pair);
  items = init_array(&a[CSTATE], items, n[CSTATE] * pair);
  items = init_array(&a[ISTATE], items, n[ISTATE] * pair);
  init_array(&a[SUBSCRIPTIONS], items, n[SUBSCRIPTIONS] * str);
  return true;
}

/* --- messages ------------------------------------------------------------*/

#define KEY TAG(1, LEN)
#define VALUE TAG(2, LEN)

static bool take_one(struct decoder *d, size_t *came) {
  if (++*came <= d->limits->singular_repeats)
    return true;
  fail(d, ANYCABLE_ERR_LIMIT, "a field is repeated too often");
  return false;
}

/* An entry that is not plainly a key and a value. */
__attribute__((noinline)) static size_t
read_odd_entry(struct decoder *d, size_t at, size_t end, struct ac_pair *out) {
  size_t came[] = {0, 0};
  anycable_str *parts[] = {&out->key, &out->value};
  *out = (struct ac_pair){{d->last, 0}, {d->last, 0}};
  d->doubtful = true; /* spans end here, as we may have gone back */
  d->depth--;
  while (at < end) {
    uint32_t tag;
    at = read_tag(d, at, end, &tag);
    if (tag != KEY && tag != VALUE) {
      at = skip_field(d, tag, at, end);
      continue;
    }
    int i = tag == VALUE;
    at = take_one(d, &came[i]) ? read_text(d, at, parts[i]) : NOWHERE;
    /* At once, as the next one may take its place. */
    if (at <= end && !check_text(d, *parts[i]))
      return NOWHERE;
  }
  d->depth++;
  return at;
}

static inline size_t read_entry(struct decoder *d, size_t at, size_t end,
                                struct ac_pair *out) {
  size_t len;
  at = read_length(d, at, &len);
  if (at + len > end)
    return truncated(d);
  end = at + len;
  if (len > 0 && byte_at(d, at) == KEY) {
    size_t value = read_text(d, at + 1, &out->key);
    if (value < end && byte_at(d, value) == VALUE &&
        read_text(d, value + 1, &out->value) == end)
      return end;
  }
  at = read_odd_entry(d, at, end, out);
  return at == end ? at : truncated(d);
}

static inline size_t read_item(struct decoder *d, bool map, size_t at,
                               size_t end, void *out) {
  return map ? read_entry(d, at, end, out) : read_text(d, at, out);
}

/* An item that there is no room for is read and counted. */
__attribute__((noinline)) static size_t read_beyond(struct decoder *d,
                                                    struct array *a, bool map,
                                                    size_t at, size_t end) {
  struct ac_pair nowhere;
  d->overflowed = true;
  a->beyond++;
  return check_elements(d) ? read_item(d, map, at, end, &nowhere) : NOWHERE;
}

static inline size_t read_repeated(struct decoder *d, const struct field *f,
                                   bool map, size_t at, size_t end) {
  struct array *a = &d->arrays[f->index];
  char *item = a->next;
  if (item == a->end)
    return read_beyond(d, a, map, at, end);
  a->next += map ? sizeof(struct ac_pair) : sizeof(anycable_str);
  return read_item(d, map, at, end, item);
}

/* A string that may have come before, and been read to its end then. */
static inline size_t read_string(struct decoder *d, const struct field *f,
                                 size_t at) {
  anycable_str *out = (void *)((char *)d->out + f->offset);
  if (out->ptr != d->last &&
      (!take_one(d, &d->came[f->index]) || !check_text(d, *out)))
    return NOWHERE;
  return read_text(d, at, out);
}

static size_t read_env(struct decoder *d, size_t at, size_t end);

/* Reads all fields up to |end|, and returns that. */
static size_t read_fields(struct decoder *d, const fields known, size_t at,
                          size_t end) {
  while (at < end) {
    uint32_t tag;
    at = read_tag(d, at, end, &tag);
    const struct field *f = &known[tag < N_TAGS ? tag : 0];
    if (f->kind == MAP)
      at = read_repeated(d, f, true, at, end);
    else if (f->kind == STRING)
      at = read_string(d, f, at);
    else if (f->kind == LIST)
      at = read_repeated(d, f, false, at, end);
    else if (f->kind == MESSAGE)
      at = read_env(d, at, end);
    else
      at = skip_field(d, tag, at, end);
  }
  return at == end ? at : truncated(d);
}

static size_t read_env(struct decoder *d, size_t at, size_t end) {
  size_t len;
  at = read_length(d, at, &len);
  if (at + len > end)
    return truncated(d);
  if (!take_one(d, &d->came[ENV]))
    return NOWHERE;
  d->depth--;
  at = read_fields(d, env_fields, at, at + len);
  d->depth++;
  return at;
}

/* --- the whole -----------------------------------------------------------*/

/* Strings point at the spare byte: each may be given its NUL. */
static inline void clear_strings(struct ac_wire_request *out,
                                 const char *last) {
  out->env.url = ac_str(last, 0);
  out->identifiers = ac_str(last, 0);
  out->command = ac_str(last, 0);
  out->identifier = ac_str(last, 0);
  out->data = ac_str(last, 0);
}

/* Reads the whole message into arrays of |room|. */
static inline bool read_message(struct decoder *d, const fields known,
                                const size_t room[N_ARRAYS]) {
  clear_strings(d->out, d->last);
  d->unknown = 0;
  d->came[ENV] = 0;
  for (int i = URL; i < N_ONCE; i++)
    d->came[i] = 1; /* counted from the second one on */
  d->depth = MAX_DEPTH;
  d->overflowed = false;
  d->doubtful = false;
  d->span = 0;
  d->error = ANYCABLE_OK;
  if (!make_room(d, room) || read_fields(d, known, 0, d->len) != d->len)
    return false;
  end_span(d, d->len);
  return true;
}

/* Reads it again, now that the first time has counted its items. */
__attribute__((noinline)) static bool read_again(struct decoder *d,
                                                 const fields known) {
  size_t room[N_ARRAYS];
  size_t needed = 0;
  for (int i = 0; i < N_ARRAYS; i++) {
    room[i] = count(d, i);
    /* A map's entries need as much again for finding duplicate keys. */
    needed += room[i] * (item_size(i) + sizeof(uint64_t));
  }
  if (needed > 3 * d->len + ARENA_SLACK) {
    fail(d, ANYCABLE_ERR_LIMIT, "too many elements for its length");
    return false;
  }
  return read_message(d, known, room);
}

static bool check_map(struct decoder *d, const struct ac_wire_map *map) {
  for (size_t i = 0; i < map->n; i++)
    if (!check_text(d, map->items[i].key) ||
        !check_text(d, map->items[i].value))
      return false;
  return true;
}

__attribute__((noinline)) static bool check_all(struct decoder *d) {
  const struct ac_wire_request *out = d->out;
  for (size_t i = 0; i < out->subscriptions.n; i++)
    if (!check_text(d, out->subscriptions.items[i]))
      return false;
  return check_map(d, &out->env.headers) && check_map(d, &out->env.cstate) &&
         check_map(d, &out->env.istate) && check_text(d, out->env.url) &&
         check_text(d, out->identifiers) && check_text(d, out->command) &&
         check_text(d, out->identifier) && check_text(d, out->data);
}

/* What a view shows is ours to change: it lies in the message. */
static inline void terminate(anycable_str s) {
  ((char *)s.ptr)[s.len] = '\0';
}

static inline bool finish_map(struct decoder *d, struct ac_wire_map *map) {
  if (!ac_wire_map_unique(map, d->arena)) {
    fail(d, ANYCABLE_ERR_NOMEM, "out of memory");
    return false;
  }
  for (size_t i = 0; i < map->n; i++) {
    terminate(map->items[i].key);
    terminate(map->items[i].value);
  }
  return true;
}

static inline void take_map(const struct decoder *d, int name,
                            struct ac_wire_map *out) {
  out->items = (void *)d->arrays[name].items;
  out->n = count(d, name);
}

static inline bool finish(struct decoder *d) {
  struct ac_wire_request *out = d->out;
  take_map(d, HEADERS, &out->env.headers);
  take_map(d, CSTATE, &out->env.cstate);
  take_map(d, ISTATE, &out->env.istate);
  out->subscriptions.items = (void *)d->arrays[SUBSCRIPTIONS].items;
  out->subscriptions.n = count(d, SUBSCRIPTIONS);
  if ((d->doubtful && !check_all(d)) ||
      (d->limits->elements < N_ARRAYS * FIRST_ITEMS && !check_elements(d)) ||
      !finish_map(d, &out->env.headers) || !finish_map(d, &out->env.cstate) ||
      !finish_map(d, &out->env.istate))
    return false;
  for (size_t i = 0; i < out->subscriptions.n; i++)
    terminate(out->subscriptions.items[i]);
  terminate(out->env.url);
  terminate(out->identifiers);
  terminate(out->command);
  terminate(out->identifier);
  terminate(out->data);
  return true;
}

static inline int decode(const fields known, char *data, size_t len,
                         const struct ac_wire_limits *limits,
                         struct ac_arena *arena, struct ac_wire_request *out,
                         const char **reason) {
  static const size_t first_room[N_ARRAYS] = {FIRST_ITEMS, FIRST_ITEMS,
                                              FIRST_ITEMS, FIRST_ITEMS};
  struct decoder d;
  d.data = data;
  d.len = len;
  d.last = data + len;
  d.out = out;
  d.limits = limits;
  d.arena = arena;
  data[len] = '\0';
  if (!read_message(&d, known, first_room) ||
      (d.overflowed && !read_again(&d, known)) || !finish(&d)) {
    memset(out, 0, sizeof(*out));
    clear_strings(out, d.last);
    *reason = d.reason;
    return d.error;
  }
  *reason = NULL;
  return ANYCABLE_OK;
}

int ac_wire_decode(int method, char *data, size_t len,
                   const struct ac_wire_limits *limits, struct ac_arena *arena,
                   struct ac_wire_request *out, const char **reason) {
  assert(method >= ANYCABLE_CONNECT && method <= ANYCABLE_DISCONNECT);
  return decode(request_fields[method], data, len, limits, arena, out, reason);
}

int ac_wire_decode_health(char *data, size_t len,
                          const struct ac_wire_limits *limits,
                          struct ac_arena *arena, anycable_str *service,
                          const char **reason) {
  struct ac_wire_request request;
  int error = decode(health_fields, data, len, limits, arena, &request, reason);
  *service = request.identifiers;
  return error;
}
