/* JSON values that a handler reads: views into the text, with the items of
 * those that were looked into.
 *
 * The text is checked as a whole when it is read, so that nothing here can find
 * it wrong later, but for keys that are there twice further inside. An array or
 * an object has its items read when it is handed out. What the caches hold is
 * no change of the value: they are written through const pointers, by the
 * call's holder alone. */
#include <anycable/json.h>
#include <math.h>
#include <string.h>

#include "base/double.h"
#include "base/json.h"
#include "base/utf8.h"
#include "rpc/call.h"

/* Many of them are made: no member is larger than it must be. A key is decoded
 * when it is read. */
struct anycable_json {
  struct ac_json_item item; /* first: a walk writes it */
  anycable_socket *socket;
  union {
    const char *string;          /* a string, decoded */
    struct anycable_json *items; /* of an array or an object */
  };
  uint32_t n;     /* bytes of the string, or items */
  bool read;      /* string or items are there */
  bool refused;   /* an object that has a key twice */
  bool text_ends; /* a NUL is behind the text */
  bool key_ends;
};

enum { BATCH = 8, PAIRWISE_MAX = 16 };

static anycable_str text_of(const anycable_json *json) {
  return ac_str(json->item.value, json->item.value_len);
}

static bool is_nest(const anycable_json *json) {
  return *json->item.value == '{' || *json->item.value == '[';
}

static int no_memory(const anycable_json *json) {
  return ac_socket_failed(json->socket, ANYCABLE_ERR_NOMEM);
}

/* --- keys that are there twice -------------------------------------------- */

static int compare_keys(const anycable_json *a, const anycable_json *b) {
  if (a->item.key_len != b->item.key_len)
    return a->item.key_len < b->item.key_len ? -1 : 1;
  return memcmp(a->item.key, b->item.key, a->item.key_len);
}

static void sift_down(const anycable_json **heap, size_t at, size_t n) {
  const anycable_json *item = heap[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && compare_keys(heap[child], heap[child + 1]) < 0)
      child++;
    if (compare_keys(item, heap[child]) >= 0)
      break;
    heap[at] = heap[child];
  }
  heap[at] = item;
}

/* By a heap sort, which has no bad case. */
static int check_many_keys(const anycable_json *json) {
  size_t n = json->n;
  struct ac_arena *arena = json->socket->arena;
  const anycable_json **heap = ac_arena_alloc(arena, n * sizeof(*heap));
  if (!heap)
    return ANYCABLE_ERR_NOMEM;
  int error = ANYCABLE_OK;
  for (size_t i = 0; i < n; i++)
    heap[i] = &json->items[i];
  for (size_t i = n / 2; i-- > 0;)
    sift_down(heap, i, n);
  for (size_t last = n - 1; last > 0; last--) {
    const anycable_json *largest = heap[0];
    heap[0] = heap[last];
    sift_down(heap, 0, last);
    if (compare_keys(largest, heap[0]) == 0) {
      error = ANYCABLE_ERR_PROTO;
      break;
    }
  }
  ac_arena_trim(arena, heap, n * sizeof(*heap), 0);
  return error;
}

static inline bool same_key(const anycable_json *a, const anycable_json *b) {
  return a->item.key_len == b->item.key_len && compare_keys(a, b) == 0;
}

static int check_keys(const anycable_json *json) {
  if (json->n > PAIRWISE_MAX)
    return check_many_keys(json);
  for (size_t i = 1; i < json->n; i++)
    for (size_t j = 0; j < i; j++)
      if (same_key(&json->items[i], &json->items[j]))
        return ANYCABLE_ERR_PROTO;
  return ANYCABLE_OK;
}

/* --- reading -------------------------------------------------------------- */

static int decode_key(anycable_json *json) {
  anycable_str key = ac_str(json->item.key - 1, json->item.key_len + 2);
  int error = ac_json_string(json->socket->arena, key, true, &key);
  json->item.key = key.ptr;
  json->item.key_len = (uint32_t)key.len;
  json->key_ends = true;
  return error;
}

/* Room for a batch more. Few items are all there are; many may be followed by
 * more. */
static anycable_json *make_room(anycable_json *json, size_t *room) {
  size_t n = json->n;
  if (n + BATCH <= *room)
    return json->items + n;
  size_t more = n == 0 ? BATCH : 2 * (n + BATCH);
  anycable_json *items =
      ac_arena_alloc(json->socket->arena, more * sizeof(*items));
  if (!items)
    return NULL;
  if (n > 0)
    memcpy(items, json->items, n * sizeof(*items));
  json->items = items;
  *room = more;
  return items + n;
}

static void begin(anycable_json *json, anycable_socket *socket) {
  json->socket = socket;
  json->string = NULL;
  json->n = 0;
  json->read = json->refused = json->text_ends = json->key_ends = false;
}

/* The items that |walk| comes along. */
static int read_items(anycable_json *json, struct ac_json_walk *walk) {
  size_t room = 0;
  int got;
  do {
    anycable_json *items = make_room(json, &room);
    if (!items)
      return ANYCABLE_ERR_NOMEM;
    got = ac_json_walk_on(walk, &items->item, sizeof(*items), BATCH);
    if (got < 0)
      return got;
    for (int i = 0; i < got; i++) {
      begin(&items[i], json->socket);
      int error = items[i].item.key_escapes ? decode_key(&items[i]) : 0;
      if (error)
        return error;
    }
    json->n += (uint32_t)got;
  } while (got == BATCH);
  ac_arena_trim(json->socket->arena, json->items, room * sizeof(*json->items),
                json->n * sizeof(*json->items));
  return walk->object ? check_keys(json) : ANYCABLE_OK;
}

static int read_text(anycable_json *json, anycable_str text) {
  struct ac_json_walk walk;
  int nest = ac_json_walk(&walk, text, json->socket->rpc->config.json_depth);
  int error = nest == 1 ? read_items(json, &walk) : nest;
  if (error)
    return error;
  json->read = nest;
  json->item = (struct ac_json_item){.value = walk.text.ptr,
                                     .value_len = (uint32_t)walk.text.len,
                                     .value_escapes = walk.escapes};
  if (walk.escapes && !ac_json_decodable(text))
    return ANYCABLE_ERR_PROTO;
  return ANYCABLE_OK;
}

/* Reads a text of the form that most have, with its |n| members behind it. */
static int read_plain(anycable_json *json, anycable_str text, int n) {
  anycable_json *items = json + 1;
  json->item =
      (struct ac_json_item){.value = text.ptr, .value_len = (uint32_t)text.len};
  json->items = items;
  json->n = (uint32_t)n;
  json->read = true;
  for (int i = 0; i < n; i++)
    begin(&items[i], json->socket);
  if (n == 2) /* as most have */
    return same_key(&items[0], &items[1]) ? ANYCABLE_ERR_PROTO : ANYCABLE_OK;
  return check_keys(json);
}

/* The texts of the request were checked when they came. */
static bool is_checked(const anycable_socket *socket, anycable_str text) {
  const struct ac_wire_request *message = &socket->request.message;
  return (text.ptr == message->identifier.ptr &&
          text.len == message->identifier.len) ||
         (text.ptr == message->data.ptr && text.len == message->data.len);
}

int anycable_json_read(const anycable_json **out, anycable_socket *socket,
                       anycable_str text) {
  *out = NULL;
  if (text.len > UINT32_MAX)
    return ANYCABLE_ERR_LIMIT;
  if (!is_checked(socket, text) && !ac_utf8_valid(text))
    return ANYCABLE_ERR_ENCODING;
  struct ac_arena *arena = socket->arena;
  const size_t most = (1 + BATCH) * sizeof(anycable_json);
  anycable_json *json = ac_arena_alloc(arena, most);
  if (!json)
    return ANYCABLE_ERR_NOMEM;
  begin(json, socket);
  int n = ac_json_plain_object(text, &json[1].item, sizeof(*json), BATCH);
  ac_arena_trim(arena, json, most, (n > 0 ? 1 + (size_t)n : 1) * sizeof(*json));
  int error = n > 0 && socket->rpc->config.json_depth > 0
                  ? read_plain(json, text, n)
                  : read_text(json, text);
  if (!error)
    *out = json;
  else if (error == ANYCABLE_ERR_PROTO && text.len > 0 &&
           memchr(text.ptr, '\0', text.len))
    error = ANYCABLE_ERR_ENCODING;
  return error;
}

/* Reads the items of what is handed out. NULL where that must not be. */
static const anycable_json *open_nest(anycable_json *json) {
  if (!json || json->read || !is_nest(json) || json->item.value_len == 2)
    return json; /* nothing is in {} and [] */
  if (json->refused)
    return NULL;
  struct ac_json_walk walk;
  ac_json_walk(&walk, text_of(json), AC_JSON_MAX_DEPTH);
  int error = read_items(json, &walk);
  json->read = !error;
  if (!error)
    return json;
  if (error == ANYCABLE_ERR_NOMEM)
    no_memory(json);
  json->refused = error != ANYCABLE_ERR_NOMEM;
  json->n = 0;
  return NULL;
}

/* --- finding -------------------------------------------------------------- */

/* Names are short, and most differ in their first byte. No key has a NUL, so a
 * name is never read beyond its own. */
static inline bool has_name(const anycable_json *member, const char *name) {
  const char *key = member->item.key;
  size_t len = member->item.key_len;
  while (len >= 4) {
    if (key[0] != name[0] || key[1] != name[1] || key[2] != name[2] ||
        key[3] != name[3])
      return false;
    key += 4;
    name += 4;
    len -= 4;
  }
  for (; len > 0; len--)
    if (*key++ != *name++)
      return false;
  return *name == '\0';
}

static anycable_json *find(const anycable_json *json, const char *name) {
  if (!json || !name)
    return (anycable_json *)json;
  if (*json->item.value != '{')
    return NULL;
  for (size_t i = 0; i < json->n; i++)
    if (has_name(&json->items[i], name))
      return &json->items[i];
  return NULL;
}

const anycable_json *anycable_json_get(const anycable_json *json,
                                       const char *name) {
  return open_nest(find(json, name));
}

size_t anycable_json_count(const anycable_json *json) {
  return json && is_nest(json) ? json->n : 0;
}

const anycable_json *anycable_json_at(const anycable_json *json, size_t index) {
  if (index >= anycable_json_count(json))
    return NULL;
  return open_nest(&json->items[index]);
}

/* --- values --------------------------------------------------------------- */

int anycable_json_type(const anycable_json *json, const char *name) {
  json = find(json, name);
  if (!json)
    return ANYCABLE_JSON_NONE;
  switch (*json->item.value) {
  case '{':
    return ANYCABLE_JSON_OBJECT;
  case '[':
    return ANYCABLE_JSON_ARRAY;
  case '"':
    return ANYCABLE_JSON_STRING;
  case 't':
  case 'f':
    return ANYCABLE_JSON_BOOL;
  case 'n':
    return ANYCABLE_JSON_NULL;
  default:
    return ANYCABLE_JSON_NUMBER;
  }
}

/* What |name| is, if it is anything: a null is not. */
static anycable_json *find_value(const anycable_json *json, const char *name) {
  anycable_json *value = find(json, name);
  return value && *value->item.value != 'n' ? value : NULL;
}

/* Puts a NUL behind a view, by copying it once. */
static anycable_str ending(const anycable_json *json, const char **ptr,
                           size_t len, bool *ends) {
  if (!*ends) {
    anycable_str copy = ac_arena_copy(json->socket->arena, ac_str(*ptr, len));
    if (!copy.ptr) {
      no_memory(json);
      return ac_str_empty();
    }
    *ptr = copy.ptr;
    *ends = true;
  }
  return ac_str(*ptr, len);
}

static anycable_str ending_text(anycable_json *json) {
  return ending(json, &json->item.value, json->item.value_len,
                &json->text_ends);
}

/* A copy without the quotes. NULL without memory. */
static inline const char *copy_plain(struct ac_arena *arena,
                                     const struct ac_json_item *item) {
  size_t len = item->value_len - 2;
  char *copy = ac_arena_alloc(arena, len + 1);
  if (!copy)
    return NULL;
  memcpy(copy, item->value + 1, len);
  copy[len] = '\0';
  return copy;
}

/* Decodes a string. Empty without memory, which is remembered: else its ptr is
 * json->string. */
static inline anycable_str decode(anycable_json *json) {
  struct ac_arena *arena = json->socket->arena;
  if (json->read)
    return ac_str(json->string, json->n);
  anycable_str string = {NULL, json->item.value_len - 2};
  if (!json->item.value_escapes) /* as most have none */
    string.ptr = copy_plain(arena, &json->item);
  else if (ac_json_string(arena, text_of(json), true, &string))
    string.ptr = NULL;
  if (!string.ptr) {
    no_memory(json);
    return ac_str_empty();
  }
  json->string = string.ptr;
  json->n = (uint32_t)string.len;
  json->read = true;
  return string;
}

anycable_str anycable_json_string(const anycable_json *json, const char *name) {
  anycable_json *value = find_value(json, name);
  if (!value)
    return ac_str_empty();
  return *value->item.value == '"' ? decode(value) : ending_text(value);
}

int anycable_json_int(const anycable_json *json, const char *name,
                      int64_t *out) {
  anycable_json *value = find_value(json, name);
  if (!value)
    return ANYCABLE_ERR_INVALID;
  anycable_str text = text_of(value);
  if (*text.ptr == '"') {
    text = decode(value);
    if (!value->read)
      return ANYCABLE_ERR_NOMEM;
  }
  return ac_json_int64(text, out);
}

int anycable_json_number(const anycable_json *json, const char *name,
                         double *out) {
  const anycable_json *value = find_value(json, name);
  if (!value)
    return ANYCABLE_ERR_INVALID;
  if (anycable_json_type(value, NULL) != ANYCABLE_JSON_NUMBER)
    return ANYCABLE_ERR_PROTO;
  double number = ac_double_read(text_of(value));
  if (isinf(number))
    return ANYCABLE_ERR_LIMIT;
  *out = number;
  return ANYCABLE_OK;
}

int anycable_json_bool(const anycable_json *json, const char *name, bool *out) {
  const anycable_json *value = find_value(json, name);
  if (!value)
    return ANYCABLE_ERR_INVALID;
  if (*value->item.value != 't' && *value->item.value != 'f')
    return ANYCABLE_ERR_PROTO;
  *out = *value->item.value == 't';
  return ANYCABLE_OK;
}

anycable_str anycable_json_text(const anycable_json *json, const char *name) {
  anycable_json *value = find(json, name);
  return value ? ending_text(value) : ac_str_empty();
}

anycable_str anycable_json_key(const anycable_json *json) {
  anycable_json *member = (anycable_json *)json;
  if (!member || !member->item.key)
    return ac_str_empty();
  return ending(member, &member->item.key, member->item.key_len,
                &member->key_ends);
}
