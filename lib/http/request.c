/* Requests from JSON. Each object is walked once for its members, and those
 * that are known are looked into; a request has four levels at most. */
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "http/json.h"
#include "wire/map.h"

enum { BATCH = 8 };

enum kind { STRING, LIST, MAP, ENV };

struct field {
  const char *name;
  enum kind kind;
  size_t offset; /* in struct ac_wire_request */
};

#define FIELD(name, kind, member)                                              \
  { name, kind, offsetof(struct ac_wire_request, member) }
#define NO_FIELD                                                               \
  { NULL, STRING, 0 }

static const struct field env_fields[] = {
    FIELD("url", STRING, env.url), FIELD("headers", MAP, env.headers),
    FIELD("cstate", MAP, env.cstate), FIELD("istate", MAP, env.istate),
    NO_FIELD};

static const struct field connect_fields[] = {FIELD("env", ENV, env), NO_FIELD};

static const struct field command_fields[] = {
    FIELD("command", STRING, command),
    FIELD("identifier", STRING, identifier),
    FIELD("connection_identifiers", STRING, identifiers),
    FIELD("data", STRING, data),
    FIELD("env", ENV, env),
    NO_FIELD};

static const struct field disconnect_fields[] = {
    FIELD("identifiers", STRING, identifiers),
    FIELD("subscriptions", LIST, subscriptions), FIELD("env", ENV, env),
    NO_FIELD};

static const struct field *const fields_of[] = {
    [ANYCABLE_CONNECT] = connect_fields,
    [ANYCABLE_COMMAND] = command_fields,
    [ANYCABLE_DISCONNECT] = disconnect_fields};

struct reader {
  struct ac_wire_request *out;
  struct ac_arena *arena;
  const struct ac_http_json_limits *limits;
  size_t elements;
  const char *reason;
};

static int fail(struct reader *r, int error, const char *reason) {
  r->reason = reason;
  return error;
}

/* What the scanner refuses. */
static int refuse(struct reader *r, int error) {
  return fail(r, error,
              error == ANYCABLE_ERR_LIMIT ? "nested too deep"
                                          : "malformed JSON");
}

static anycable_str value_of(const struct ac_json_item *item) {
  return ac_str(item->value, item->value_len);
}

static bool is_null(const struct ac_json_item *item) {
  return *item->value == 'n';
}

/* --- strings -------------------------------------------------------------- */

/* |quoted| has its quotes. */
static int read_string(struct reader *r, anycable_str quoted,
                       anycable_str *out) {
  if (*quoted.ptr != '"')
    return fail(r, ANYCABLE_ERR_PROTO, "a string is expected");
  int error = ac_json_string(r->arena, quoted, true, out);
  if (error == ANYCABLE_ERR_PROTO)
    r->reason = "a string holds a NUL or half a surrogate pair";
  return error;
}

static int read_key(struct reader *r, const struct ac_json_item *item,
                    anycable_str *out) {
  return read_string(r, ac_str(item->key - 1, item->key_len + 2), out);
}

/* --- maps and lists ------------------------------------------------------- */

/* Walks |value|, which must begin with |open|, and has each item read by
 * |read| into an array of |size| bytes an item. */
static int read_items(struct reader *r, anycable_str value, char open,
                      size_t size,
                      int (*read)(struct reader *r,
                                  const struct ac_json_item *item, void *out),
                      void **items, size_t *n) {
  struct ac_json_item batch[BATCH];
  struct ac_json_walk walk;
  size_t room = 0;
  int got, error;
  if (*value.ptr != open)
    return fail(r, ANYCABLE_ERR_PROTO,
                open == '{' ? "an object is expected" : "a list is expected");
  if ((got = ac_json_walk(&walk, value, r->limits->depth)) < 0)
    return refuse(r, got);
  do {
    if ((got = ac_json_walk_on(&walk, batch, sizeof(*batch), BATCH)) < 0)
      return refuse(r, got);
    for (int i = 0; i < got; i++) {
      if (++r->elements > r->limits->elements)
        return fail(r, ANYCABLE_ERR_LIMIT, "too many elements");
      *items = ac_arena_grow(r->arena, *items, *n, &room, BATCH, size);
      if (!*items)
        return ANYCABLE_ERR_NOMEM;
      if ((error = read(r, &batch[i], (char *)*items + *n * size)))
        return error;
      ++*n;
    }
  } while (got == BATCH);
  return ANYCABLE_OK;
}

static int read_element(struct reader *r, const struct ac_json_item *item,
                        void *out) {
  return read_string(r, value_of(item), out);
}

static int read_entry(struct reader *r, const struct ac_json_item *item,
                      void *out) {
  struct ac_pair *pair = out;
  int error = read_key(r, item, &pair->key);
  return error ? error : read_string(r, value_of(item), &pair->value);
}

static int read_list(struct reader *r, anycable_str value,
                     struct ac_wire_list *out) {
  void *items = NULL;
  int error = read_items(r, value, '[', sizeof(anycable_str), read_element,
                         &items, &out->n);
  out->items = items;
  return error;
}

static int read_map(struct reader *r, anycable_str value,
                    struct ac_wire_map *out) {
  void *items = NULL;
  int error = read_items(r, value, '{', sizeof(struct ac_pair), read_entry,
                         &items, &out->n);
  size_t n = out->n;
  out->items = items;
  if (error)
    return error;
  if (!ac_wire_map_unique(out, r->arena))
    return ANYCABLE_ERR_NOMEM;
  return out->n == n ? ANYCABLE_OK
                     : fail(r, ANYCABLE_ERR_PROTO, "a key comes twice");
}

/* --- objects -------------------------------------------------------------- */

static int read_object(struct reader *r, const struct field *fields,
                       anycable_str value);

static int read_field(struct reader *r, const struct field *field,
                      anycable_str value) {
  void *out = (char *)r->out + field->offset;
  switch (field->kind) {
  case STRING:
    return read_string(r, value, out);
  case LIST:
    return read_list(r, value, out);
  case MAP:
    return read_map(r, value, out);
  default:
    return read_object(r, env_fields, value);
  }
}

/* Which of |fields| the item is; of those it is not, the last, without a name.
 */
static int find(const struct field *fields, const struct ac_json_item *item) {
  anycable_str quoted = ac_str(item->key - 1, item->key_len + 2);
  int i = 0;
  while (fields[i].name &&
         !(item->key_escapes
               ? ac_json_string_is(quoted, anycable_str_of(fields[i].name))
               : anycable_str_is(ac_str(item->key, item->key_len),
                                 fields[i].name)))
    i++;
  return i;
}

static int read_member(struct reader *r, const struct field *fields,
                       const struct ac_json_item *item, unsigned *came) {
  int i = find(fields, item);
  if (!fields[i].name)
    return ANYCABLE_OK;
  if (*came & 1u << i)
    return fail(r, ANYCABLE_ERR_PROTO, "a field comes twice");
  *came |= 1u << i;
  return is_null(item) ? ANYCABLE_OK
                       : read_field(r, &fields[i], value_of(item));
}

static int read_object(struct reader *r, const struct field *fields,
                       anycable_str value) {
  struct ac_json_item batch[BATCH];
  struct ac_json_walk walk;
  unsigned came = 0;
  int error;
  int got = ac_json_walk(&walk, value, r->limits->depth);
  if (got < 0)
    return refuse(r, got);
  if (got == 0 || !walk.object)
    return fail(r, ANYCABLE_ERR_PROTO, "an object is expected");
  do {
    if ((got = ac_json_walk_on(&walk, batch, sizeof(*batch), BATCH)) < 0)
      return refuse(r, got);
    for (int i = 0; i < got; i++)
      if ((error = read_member(r, fields, &batch[i], &came)))
        return error;
  } while (got == BATCH);
  return ANYCABLE_OK;
}

/* --- the whole ------------------------------------------------------------ */

static void clear(struct ac_wire_request *out) {
  const anycable_str empty = ac_str_empty();
  memset(out, 0, sizeof(*out));
  out->env.url = out->identifiers = out->command = empty;
  out->identifier = out->data = empty;
}

int ac_http_read_request(int method, anycable_str text,
                         const struct ac_http_json_limits *limits,
                         struct ac_arena *arena, struct ac_wire_request *out,
                         const char **reason) {
  struct reader r = {out, arena, limits, 0, "out of memory"};
  int error;
  clear(out);
  if (text.len == 0)
    error = fail(&r, ANYCABLE_ERR_PROTO, "there is no body");
  else if (!ac_utf8_valid(text))
    error = fail(&r, ANYCABLE_ERR_ENCODING, "the body is not UTF-8");
  else
    error = read_object(&r, fields_of[method], text);
  if (error)
    clear(out);
  *reason = r.reason;
  return error;
}
