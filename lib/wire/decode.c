/* The decoder of requests.
 *
 * Nothing is written into the message before all of it has been read: strings
 * are noted as views, and get their NULs in a last walk over those. The byte
 * behind a string is the tag of the next field, or the spare one behind the
 * message; no other string holds it.
 *
 * Arrays start small. A message that needs more is read on to its end, only
 * to check and to count, and then once more into arrays of the right size. */
#include "wire/decode.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "wire/map.h"
#include "wire/reader.h"

#define FIRST_ITEMS 8
/* What arrays may take besides three times the message: 64 KiB, less what is
 * lost at the ends of an arena's blocks. */
#define ARENA_SLACK (48 * 1024)

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
  [AC_WIRE_LEN_TAG(number)] = {STRING, name,                                   \
                               offsetof(struct ac_wire_request, member)}
#define ITEMS_OF(number, kind, name) [AC_WIRE_LEN_TAG(number)] = {kind, name, 0}
#define ENV_AT(number) [AC_WIRE_LEN_TAG(number)] = {MESSAGE, ENV, 0}

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
  struct ac_wire_reader reader;
  struct ac_wire_request *out;
  const struct ac_wire_limits *limits;
  struct ac_arena *arena;
  struct array arrays[N_ARRAYS];
  bool overflowed;
  size_t came[N_ONCE];
};

static size_t fail(struct decoder *d, int error, const char *reason) {
  return ac_wire_fail(&d->reader, error, reason);
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

#define KEY AC_WIRE_LEN_TAG(1)
#define VALUE AC_WIRE_LEN_TAG(2)

static bool take_one(struct decoder *d, size_t *came) {
  if (++*came <= d->limits->singular_repeats)
    return true;
  fail(d, ANYCABLE_ERR_LIMIT, "a field is repeated too often");
  return false;
}

/* An entry that is not plainly a key and a value. */
__attribute__((noinline)) static size_t
read_odd_entry(struct decoder *d, size_t at, size_t end, struct ac_pair *out) {
  struct ac_wire_reader *r = &d->reader;
  size_t came[] = {0, 0};
  anycable_str *parts[] = {&out->key, &out->value};
  *out = (struct ac_pair){{r->last, 0}, {r->last, 0}};
  if (r->span < at)
    ac_wire_end_span(r, at);
  r->span = at; /* which may be to go back */
  r->depth--;
  while (at < end) {
    uint32_t tag;
    at = ac_wire_read_tag(r, at, end, &tag);
    if (tag != KEY && tag != VALUE) {
      at = ac_wire_skip_field(r, tag, at, end);
      continue;
    }
    int i = tag == VALUE;
    if (!take_one(d, &came[i]))
      return AC_WIRE_NOWHERE;
    at = ac_wire_read_text(r, at, parts[i]);
    /* At once, as the next one may take its place. */
    if (at <= end && !ac_wire_check_text(r, *parts[i]))
      return AC_WIRE_NOWHERE;
  }
  r->depth++;
  r->span = at;
  return at;
}

static inline size_t read_entry(struct decoder *d, size_t at, size_t end,
                                struct ac_pair *out) {
  struct ac_wire_reader *r = &d->reader;
  size_t len;
  at = ac_wire_read_length(r, at, &len);
  if (at + len > end)
    return ac_wire_truncated(r);
  end = at + len;
  if (len > 0 && ac_wire_byte(r, at) == KEY) {
    size_t value = ac_wire_read_text(r, at + 1, &out->key);
    if (value < end && ac_wire_byte(r, value) == VALUE &&
        ac_wire_read_text(r, value + 1, &out->value) == end)
      return end;
  }
  at = read_odd_entry(d, at, end, out);
  return at == end ? at : ac_wire_truncated(r);
}

static inline size_t read_item(struct decoder *d, bool map, size_t at,
                               size_t end, void *out) {
  return map ? read_entry(d, at, end, out)
             : ac_wire_read_text(&d->reader, at, out);
}

/* An item that there is no room for is read and counted. */
__attribute__((noinline)) static size_t read_beyond(struct decoder *d,
                                                    struct array *a, bool map,
                                                    size_t at, size_t end) {
  struct ac_pair nowhere;
  d->overflowed = true;
  a->beyond++;
  if (!check_elements(d))
    return AC_WIRE_NOWHERE;
  return read_item(d, map, at, end, &nowhere);
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

static inline size_t read_string(struct decoder *d, const struct field *f,
                                 size_t at) {
  struct ac_wire_reader *r = &d->reader;
  anycable_str *out = (void *)((char *)d->out + f->offset);
  /* What came before, and is there no longer, must have been text, too. */
  if (out->ptr != r->last &&
      (!take_one(d, &d->came[f->index]) || !ac_wire_check_text(r, *out)))
    return AC_WIRE_NOWHERE;
  return ac_wire_read_text(r, at, out);
}

static size_t read_env(struct decoder *d, size_t at, size_t end);

/* Reads all fields up to |end|, and returns that. */
static size_t read_fields(struct decoder *d, const fields known, size_t at,
                          size_t end) {
  struct ac_wire_reader *r = &d->reader;
  while (at < end) {
    uint32_t tag;
    at = ac_wire_read_tag(r, at, end, &tag);
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
      at = ac_wire_skip_field(r, tag, at, end);
  }
  return at == end ? at : ac_wire_truncated(r);
}

static size_t read_env(struct decoder *d, size_t at, size_t end) {
  struct ac_wire_reader *r = &d->reader;
  size_t len;
  at = ac_wire_read_length(r, at, &len);
  if (at + len > end)
    return ac_wire_truncated(r);
  if (!take_one(d, &d->came[ENV]))
    return AC_WIRE_NOWHERE;
  r->depth--;
  at = read_fields(d, env_fields, at, at + len);
  r->depth++;
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
  struct ac_wire_reader *r = &d->reader;
  clear_strings(d->out, r->last);
  d->overflowed = false;
  d->came[ENV] = 0;
  for (int i = URL; i < N_ONCE; i++)
    d->came[i] = 1; /* as only a second one is counted */
  r->unknown_left = d->limits->unknown_fields;
  r->depth = AC_WIRE_MAX_DEPTH;
  r->span = 0;
  r->doubt_from = r->len;
  r->doubt_to = 0;
  r->error = ANYCABLE_OK;
  if (!make_room(d, room) || read_fields(d, known, 0, r->len) != r->len)
    return false;
  ac_wire_end_span(r, r->len);
  return true;
}

/* Reads it again, now that the first time has counted its items. */
__attribute__((noinline)) static bool read_again(struct decoder *d,
                                                 const fields known) {
  size_t room[N_ARRAYS];
  size_t needed = 0;
  if (!check_elements(d))
    return false;
  for (int i = 0; i < N_ARRAYS; i++) {
    room[i] = count(d, i);
    /* A map's entries need as much again for finding duplicate keys. */
    needed += room[i] * (item_size(i) + sizeof(uint64_t));
  }
  if (needed > 3 * d->reader.len + ARENA_SLACK) {
    fail(d, ANYCABLE_ERR_LIMIT, "too many elements for its length");
    return false;
  }
  return read_message(d, known, room);
}

static bool check_map(struct decoder *d, const struct ac_wire_map *map) {
  for (size_t i = 0; i < map->n; i++)
    if (!ac_wire_check_doubtful(&d->reader, map->items[i].key) ||
        !ac_wire_check_doubtful(&d->reader, map->items[i].value))
      return false;
  return true;
}

/* Looks at the text that is not known to be plain. */
__attribute__((noinline)) static bool check_all(struct decoder *d) {
  const struct ac_wire_request *out = d->out;
  const anycable_str strings[] = {out->env.url, out->identifiers, out->command,
                                  out->identifier, out->data};
  for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
    if (!ac_wire_check_doubtful(&d->reader, strings[i]))
      return false;
  for (size_t i = 0; i < out->subscriptions.n; i++)
    if (!ac_wire_check_doubtful(&d->reader, out->subscriptions.items[i]))
      return false;
  return check_map(d, &out->env.headers) && check_map(d, &out->env.cstate) &&
         check_map(d, &out->env.istate);
}

static inline void take_map(const struct decoder *d, int name,
                            struct ac_wire_map *out) {
  out->items = (void *)d->arrays[name].items;
  out->n = count(d, name);
}

/* Gives |out| its arrays, and sees that all in it is as it should be. */
static inline bool take_arrays(struct decoder *d) {
  struct ac_wire_request *out = d->out;
  take_map(d, HEADERS, &out->env.headers);
  take_map(d, CSTATE, &out->env.cstate);
  take_map(d, ISTATE, &out->env.istate);
  out->subscriptions.items = (void *)d->arrays[SUBSCRIPTIONS].items;
  out->subscriptions.n = count(d, SUBSCRIPTIONS);
  if (d->limits->elements < N_ARRAYS * FIRST_ITEMS && !check_elements(d))
    return false;
  if (d->reader.doubt_to > 0 && !check_all(d))
    return false;
  if (ac_wire_map_unique(&out->env.headers, d->arena) &&
      ac_wire_map_unique(&out->env.cstate, d->arena) &&
      ac_wire_map_unique(&out->env.istate, d->arena))
    return true;
  fail(d, ANYCABLE_ERR_NOMEM, "out of memory");
  return false;
}

/* What a view shows is ours to change: it lies in the message. */
static inline void terminate(anycable_str s) {
  ((char *)s.ptr)[s.len] = '\0';
}

static inline void terminate_map(const struct ac_wire_map *map) {
  for (size_t i = 0; i < map->n; i++) {
    terminate(map->items[i].key);
    terminate(map->items[i].value);
  }
}

static inline void terminate_all(const struct ac_wire_request *out) {
  terminate(out->env.url);
  terminate(out->identifiers);
  terminate(out->command);
  terminate(out->identifier);
  terminate(out->data);
  for (size_t i = 0; i < out->subscriptions.n; i++)
    terminate(out->subscriptions.items[i]);
  terminate_map(&out->env.headers);
  terminate_map(&out->env.cstate);
  terminate_map(&out->env.istate);
}

static inline int decode(const fields known, char *data, size_t len,
                         const struct ac_wire_limits *limits,
                         struct ac_arena *arena, struct ac_wire_request *out,
                         const char **reason) {
  static const size_t first_room[N_ARRAYS] = {FIRST_ITEMS, FIRST_ITEMS,
                                              FIRST_ITEMS, FIRST_ITEMS};
  struct decoder d;
  d.reader.data = data;
  d.reader.len = len;
  d.reader.last = data + len;
  d.out = out;
  d.limits = limits;
  d.arena = arena;
  data[len] = '\0';
  if (!read_message(&d, known, first_room) ||
      (d.overflowed && !read_again(&d, known)) || !take_arrays(&d)) {
    memset(out, 0, sizeof(*out));
    clear_strings(out, data + len);
    *reason = d.reader.reason;
    return d.reader.error;
  }
  assert(d.reader.error == ANYCABLE_OK);
  terminate_all(out);
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
