/* Requests from JSON, in one walk over the text, which goes into what is known;
 * a request has four levels at most. Strings stay where they stand: they are
 * decoded there, and end with a NUL in place of their quote, which the walk has
 * passed by then. */
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "http/json.h"
#include "wire/map.h"

enum { BATCH = 8 };

enum kind { STRING, LIST, MAP, ENV };

struct field {
  anycable_str name;
  enum kind kind;
  size_t offset; /* in struct ac_wire_request */
};

#define FIELD(name, kind, member)                                              \
  { ANYCABLE_STR_INIT(name), kind, offsetof(struct ac_wire_request, member) }
#define NO_FIELD                                                               \
  { {NULL, 0}, STRING, 0 }

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
  char *body;
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

static bool is_null(const struct ac_json_item *item) {
  return *item->value == 'n';
}

/* --- strings -------------------------------------------------------------- */

/* What stands between quotes at |at|, with its NUL. */
static int end_string(struct reader *r, const char *at, size_t len,
                      bool escapes, anycable_str *out) {
  char *text = r->body + (at - r->body);
  if (escapes)
    len = ac_json_decode(text, ac_str(text, len));
  if (len == SIZE_MAX)
    return fail(r, ANYCABLE_ERR_PROTO,
                "a string holds a NUL or half a surrogate pair");
  text[len] = '\0';
  *out = ac_str(text, len);
  return ANYCABLE_OK;
}

static int read_key(struct reader *r, const struct ac_json_item *item,
                    anycable_str *out) {
  return end_string(r, item->key, item->key_len, item->key_escapes, out);
}

static int read_string(struct reader *r, const struct ac_json_item *item,
                       anycable_str *out) {
  if (*item->value != '"')
    return fail(r, ANYCABLE_ERR_PROTO, "a string is expected");
  return end_string(r, item->value + 1, item->value_len - 2,
                    item->value_escapes, out);
}

/* --- maps and lists ------------------------------------------------------- */

/* Walks what |outer| has stopped at, which must begin with |open|, and has each
 * item read by |read| into an array of |size| bytes an item. */
static int read_items(struct reader *r, struct ac_json_walk *outer, char open,
                      size_t size,
                      int (*read)(struct reader *r,
                                  const struct ac_json_item *item, void *out),
                      void **items, size_t *n) {
  struct ac_json_item batch[BATCH];
  struct ac_json_walk walk;
  size_t room = 0;
  int got, error;
  if (!outer->nested || *outer->at != open)
    return fail(r, ANYCABLE_ERR_PROTO,
                open == '{' ? "an object is expected" : "a list is expected");
  if ((error = ac_json_walk_enter(&walk, outer)))
    return refuse(r, error);
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
        return error; /* also for what is nested */
      ++*n;
    }
  } while (got == BATCH);
  ac_json_walk_leave(outer, &walk);
  return ANYCABLE_OK;
}

static int read_element(struct reader *r, const struct ac_json_item *item,
                        void *out) {
  return read_string(r, item, out);
}

static int read_entry(struct reader *r, const struct ac_json_item *item,
                      void *out) {
  struct ac_pair *pair = out;
  int error = read_key(r, item, &pair->key);
  return error ? error : read_string(r, item, &pair->value);
}

static int read_list(struct reader *r, struct ac_json_walk *walk,
                     struct ac_wire_list *out) {
  void *items = NULL;
  int error = read_items(r, walk, '[', sizeof(anycable_str), read_element,
                         &items, &out->n);
  out->items = items;
  return error;
}

static int read_map(struct reader *r, struct ac_json_walk *walk,
                    struct ac_wire_map *out) {
  void *items = NULL;
  int error = read_items(r, walk, '{', sizeof(struct ac_pair), read_entry,
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
                       struct ac_json_walk *walk);

static int read_env(struct reader *r, struct ac_json_walk *outer) {
  struct ac_json_walk walk;
  int error;
  if (!outer->nested)
    return fail(r, ANYCABLE_ERR_PROTO, "an object is expected");
  if ((error = ac_json_walk_enter(&walk, outer)))
    return refuse(r, error);
  error = read_object(r, env_fields, &walk);
  ac_json_walk_leave(outer, &walk);
  return error;
}

static int read_field(struct reader *r, const struct field *field,
                      struct ac_json_walk *walk,
                      const struct ac_json_item *item) {
  void *out = (char *)r->out + field->offset;
  switch (field->kind) {
  case STRING:
    return read_string(r, item, out);
  case LIST:
    return read_list(r, walk, out);
  case MAP:
    return read_map(r, walk, out);
  default:
    return read_env(r, walk);
  }
}

/* Which of |fields| the item is; of those it is not, the last, without a name.
 */
static int find(const struct field *fields, const struct ac_json_item *item) {
  anycable_str quoted = ac_str(item->key - 1, item->key_len + 2);
  int i = 0;
  while (fields[i].name.ptr &&
         !(item->key_escapes
               ? ac_json_string_is(quoted, fields[i].name)
               : anycable_str_equal(ac_str(item->key, item->key_len),
                                    fields[i].name)))
    i++;
  return i;
}

static int read_member(struct reader *r, const struct field *fields,
                       struct ac_json_walk *walk,
                       const struct ac_json_item *item, unsigned *came) {
  int i = find(fields, item);
  if (!fields[i].name.ptr)
    return ANYCABLE_OK;
  if (*came & 1u << i)
    return fail(r, ANYCABLE_ERR_PROTO, "a field comes twice");
  *came |= 1u << i;
  return is_null(item) ? ANYCABLE_OK : read_field(r, &fields[i], walk, item);
}

/* What |walk| has begun with. What is nested is always the last item of a
 * batch. */
static int read_object(struct reader *r, const struct field *fields,
                       struct ac_json_walk *walk) {
  struct ac_json_item batch[BATCH];
  unsigned came = 0;
  bool more;
  if (!walk->object)
    return fail(r, ANYCABLE_ERR_PROTO, "an object is expected");
  do {
    int error = 0;
    int got = ac_json_walk_on(walk, batch, sizeof(*batch), BATCH);
    if (got < 0)
      return refuse(r, got);
    more = got == BATCH || walk->nested;
    for (int i = 0; i < got; i++)
      if ((error = read_member(r, fields, walk, &batch[i], &came)))
        return error;
    if (walk->nested && (error = ac_json_walk_over(walk)))
      return refuse(r, error);
  } while (more);
  return ANYCABLE_OK;
}

static int read_root(struct reader *r, const struct field *fields, size_t len) {
  struct ac_json_walk walk;
  int got = ac_json_walk(&walk, ac_str(r->body, len), r->limits->depth);
  if (got < 0)
    return refuse(r, got);
  walk.into = true;
  return read_object(r, fields, &walk);
}

/* --- the whole ------------------------------------------------------------ */

static void clear(struct ac_wire_request *out) {
  const anycable_str empty = ac_str_empty();
  memset(out, 0, sizeof(*out));
  out->env.url = out->identifiers = out->command = empty;
  out->identifier = out->data = empty;
}

int ac_http_read_request(int method, char *body, size_t len,
                         const struct ac_http_json_limits *limits,
                         struct ac_arena *arena, struct ac_wire_request *out,
                         const char **reason) {
  struct reader r = {out, body, arena, limits, 0, "out of memory"};
  int error;
  clear(out);
  if (len == 0)
    error = fail(&r, ANYCABLE_ERR_PROTO, "there is no body");
  else if (!ac_utf8_valid(ac_str(body, len)))
    error = fail(&r, ANYCABLE_ERR_ENCODING, "the body is not UTF-8");
  else
    error = read_root(&r, fields_of[method], len);
  if (error)
    clear(out);
  *reason = r.reason;
  return error;
}
