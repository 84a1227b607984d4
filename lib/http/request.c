/* Requests from JSON, read from front to back, each byte once. */
#include <string.h>

#include "base/json_cursor.h"
#include "base/utf8.h"
#include "http/json.h"
#include "wire/map.h"

enum { FIRST_ITEMS = 8 };

enum kind { STRING, LIST, MAP, ENV };

struct field {
  anycable_str key; /* with quotes and colon, as it is written */
  enum kind kind;
  size_t offset; /* in struct ac_wire_request */
};

#define FIELD(name, kind, member)                                              \
  {                                                                            \
    ANYCABLE_STR_INIT("\"" name "\":"), kind,                                  \
        offsetof(struct ac_wire_request, member)                               \
  }
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
  struct ac_json_cursor cursor;
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

static int malformed(struct reader *r) {
  return fail(r, ANYCABLE_ERR_PROTO, "malformed JSON");
}

static int too_deep(struct reader *r) {
  return fail(r, ANYCABLE_ERR_LIMIT, "nested too deep");
}

static int skip(struct reader *r, unsigned depth) {
  int error = ac_json_cursor_skip(&r->cursor, depth);
  if (!error)
    return ANYCABLE_OK;
  return error == ANYCABLE_ERR_LIMIT ? too_deep(r) : malformed(r);
}

/* What is here is of another type, or nothing at all. */
static int unexpected(struct reader *r, const char *reason) {
  int error = ac_json_cursor_skip(&r->cursor, r->limits->depth);
  return error == ANYCABLE_ERR_PROTO ? malformed(r)
                                     : fail(r, ANYCABLE_ERR_PROTO, reason);
}

/* --- strings -------------------------------------------------------------- */

static int read_text(struct reader *r, anycable_str *out) {
  int error = ac_json_cursor_string(&r->cursor, out);
  if (error == ANYCABLE_ERR_ENCODING)
    return fail(r, ANYCABLE_ERR_PROTO,
                "a string holds a NUL or half a surrogate pair");
  return error ? malformed(r) : ANYCABLE_OK;
}

static int read_string(struct reader *r, anycable_str *out) {
  if (ac_json_cursor_peek(&r->cursor) != '"')
    return unexpected(r, "a string is expected");
  return read_text(r, out);
}

/* And the colon behind it. */
static int read_key(struct reader *r, anycable_str *out) {
  ac_json_cursor_peek(&r->cursor);
  int error = read_text(r, out);
  if (error)
    return error;
  return ac_json_cursor_take(&r->cursor, ':') ? ANYCABLE_OK : malformed(r);
}

/* --- what is nested ------------------------------------------------------- */

/* Begins with it: 1, or 0 if it is empty, or an error. */
static int begin(struct reader *r, char open, unsigned depth) {
  if (!ac_json_cursor_take(&r->cursor, open))
    return unexpected(r, open == '{' ? "an object is expected"
                                     : "a list is expected");
  if (depth == 0)
    return too_deep(r);
  return !ac_json_cursor_take(&r->cursor, open == '{' ? '}' : ']');
}

/* Behind an item: 1 if another follows, 0 at the end, or an error. */
static int go_on(struct reader *r, char open) {
  if (ac_json_cursor_take(&r->cursor, ','))
    return 1;
  return ac_json_cursor_take(&r->cursor, open == '{' ? '}' : ']')
             ? 0
             : malformed(r);
}

/* Has each item read by |read| into an array of |size| bytes an item. */
static int read_items(struct reader *r, char open, unsigned depth, size_t size,
                      int (*read)(struct reader *r, void *out), void **items,
                      size_t *n) {
  size_t room = 0;
  int error, more = begin(r, open, depth);
  while (more > 0) {
    if (++r->elements > r->limits->elements)
      return fail(r, ANYCABLE_ERR_LIMIT, "too many elements");
    *items = ac_arena_grow(r->arena, *items, *n, &room, FIRST_ITEMS, size);
    if (!*items)
      return ANYCABLE_ERR_NOMEM;
    if ((error = read(r, (char *)*items + *n * size)))
      return error;
    ++*n;
    more = go_on(r, open);
  }
  return more;
}

static int read_element(struct reader *r, void *out) {
  return read_string(r, out);
}

static int read_entry(struct reader *r, void *out) {
  struct ac_pair *pair = out;
  int error = read_key(r, &pair->key);
  return error ? error : read_string(r, &pair->value);
}

static int read_list(struct reader *r, unsigned depth,
                     struct ac_wire_list *out) {
  void *items = NULL;
  int error = read_items(r, '[', depth, sizeof(anycable_str), read_element,
                         &items, &out->n);
  out->items = items;
  return error;
}

static int read_map(struct reader *r, unsigned depth, struct ac_wire_map *out) {
  void *items = NULL;
  int error = read_items(r, '{', depth, sizeof(struct ac_pair), read_entry,
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

/* --- objects of ours ------------------------------------------------------ */

static int read_object(struct reader *r, const struct field *fields,
                       unsigned depth);

static int read_field(struct reader *r, const struct field *field,
                      unsigned depth) {
  void *out = (char *)r->out + field->offset;
  switch (field->kind) {
  case STRING:
    return read_string(r, out);
  case LIST:
    return read_list(r, depth, out);
  case MAP:
    return read_map(r, depth, out);
  default:
    return read_object(r, env_fields, depth);
  }
}

/* Which of |fields| it is; of those it is not, the last, without a key. */
static int find(const struct field *fields, anycable_str name) {
  int i = 0;
  while (fields[i].key.ptr &&
         !anycable_str_equal(
             name, ac_str(fields[i].key.ptr + 1, fields[i].key.len - 3)))
    i++;
  return i;
}

/* Which one is here; |next| would be, if they came in their order, as they do
 * unless one is left out. */
static int find_here(struct reader *r, const struct field *fields, int next,
                     int *i) {
  anycable_str key = fields[next].key, name;
  if (key.ptr && ac_json_cursor_take_text(&r->cursor, key)) {
    *i = next;
    return ANYCABLE_OK;
  }
  int error = read_key(r, &name);
  if (!error)
    *i = find(fields, name);
  return error;
}

/* |*next| is moved on, |*came| has a bit for each that was there. */
static int read_member(struct reader *r, const struct field *fields,
                       unsigned depth, int *next, unsigned *came) {
  int i;
  int error = find_here(r, fields, *next, &i);
  if (error)
    return error;
  bool known = fields[i].key.ptr;
  if (known && *came & 1u << i)
    return fail(r, ANYCABLE_ERR_PROTO, "a field comes twice");
  *came |= 1u << i;
  *next = known ? i + 1 : *next;
  if (ac_json_cursor_peek(&r->cursor) == 'n' || !known) /* null, or anything */
    return skip(r, depth);
  return read_field(r, &fields[i], depth);
}

/* |depth| is how deep it may be nested, itself included. */
static int read_object(struct reader *r, const struct field *fields,
                       unsigned depth) {
  unsigned came = 0;
  int next = 0;
  int error, more = begin(r, '{', depth);
  while (more > 0) {
    if ((error = read_member(r, fields, depth - 1, &next, &came)))
      return error;
    more = go_on(r, '{');
  }
  return more;
}

static int read_root(struct reader *r, const struct field *fields, char *body,
                     size_t len) {
  ac_json_cursor_init(&r->cursor, body, len);
  int error = read_object(r, fields, r->limits->depth);
  if (error)
    return error;
  ac_json_cursor_peek(&r->cursor);
  return r->cursor.at == r->cursor.end ? ANYCABLE_OK : malformed(r);
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
  struct reader r = {
      .out = out, .arena = arena, .limits = limits, .reason = "out of memory"};
  int error;
  clear(out);
  if (len == 0)
    error = fail(&r, ANYCABLE_ERR_PROTO, "there is no body");
  else if (!ac_utf8_valid(ac_str(body, len)))
    error = fail(&r, ANYCABLE_ERR_ENCODING, "the body is not UTF-8");
  else
    error = read_root(&r, fields_of[method], body, len);
  if (error)
    clear(out);
  *reason = r.reason;
  return error;
}
