/* JSON as handlers read it: any bytes. What is accepted is walked entirely by
 * all functions; built again, it must read the same; and cJSON, where it
 * accepts a text as well, must see the same strings and the same structure. */
#include <anycable/builder.h>
#include <anycable/json.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "rpc/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 32, POOL_BLOCK = 4096, MEMORY = 1 << 26 };

/* How much has a key twice further inside, so that nothing is handed out. */
static size_t refused;

static void require(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_json_read: %s\n", what);
  abort();
}

static void check_str(anycable_str s) {
  require(s.ptr != NULL && s.ptr[s.len] == '\0', "no NUL behind a text");
  require(strlen(s.ptr) == s.len, "a NUL inside");
  require(ac_utf8_valid(s), "not UTF-8");
}

/* --- one value ------------------------------------------------------------ */

static void check_numbers(const anycable_json *json, int type) {
  int64_t integer = 77;
  double number = 77;
  bool truth = true;
  int int_error = anycable_json_int(json, NULL, &integer);
  int number_error = anycable_json_number(json, NULL, &number);
  int bool_error = anycable_json_bool(json, NULL, &truth);
  anycable_str text = anycable_json_text(json, NULL);
  char digits[24];
  if (type == ANYCABLE_JSON_NULL) {
    require(int_error == ANYCABLE_ERR_INVALID &&
                number_error == ANYCABLE_ERR_INVALID &&
                bool_error == ANYCABLE_ERR_INVALID,
            "null is something");
    return;
  }
  require((bool_error == ANYCABLE_OK) == (type == ANYCABLE_JSON_BOOL),
          "a bool is none, or another is one");
  if (!bool_error)
    require(anycable_str_is(text, truth ? "true" : "false"), "another bool");
  if (!int_error) {
    snprintf(digits, sizeof(digits), "%lld", (long long)integer);
    anycable_str string = anycable_json_string(json, NULL);
    require(anycable_str_is(string, digits) || anycable_str_is(string, "-0"),
            "another integer");
    require(type == ANYCABLE_JSON_NUMBER || type == ANYCABLE_JSON_STRING,
            "an integer that is none");
  } else {
    require(integer == 77, "changed by an error");
  }
  if (type != ANYCABLE_JSON_NUMBER) {
    require(number_error == ANYCABLE_ERR_PROTO, "a number that is none");
    return;
  }
  /* Where the locale is C, strtod() reads the same. */
  double expected = strtod(text.ptr, NULL);
  if (isinf(expected))
    require(number_error == ANYCABLE_ERR_LIMIT && number == 77, "infinity");
  else
    require(number_error == ANYCABLE_OK && number == expected &&
                signbit(number) == signbit(expected),
            "another number");
}

/* --- all of a text -------------------------------------------------------- */

static void build_again(anycable_builder *b, const anycable_json *json,
                        const char *name);

static void build_items(anycable_builder *b, const anycable_json *json,
                        bool object) {
  size_t n = anycable_json_count(json);
  for (size_t i = 0; i < n; i++) {
    const anycable_json *item = anycable_json_at(json, i);
    if (!item) {
      refused++;
      continue;
    }
    anycable_str key = anycable_json_key(item);
    check_str(key);
    if (!object) {
      require(key.len == 0, "an element has a key");
    } else if (n <= 64) {
      require(anycable_json_get(json, key.ptr) == item, "a member is lost");
      require(anycable_json_type(json, key.ptr) ==
                  anycable_json_type(item, NULL),
              "a member of another type");
    }
    build_again(b, item, object ? key.ptr : NULL);
  }
  require(!anycable_json_at(json, n), "an item too many");
}

static void build_number(anycable_builder *b, const anycable_json *json,
                         const char *name) {
  int64_t integer;
  double number;
  anycable_str text = anycable_json_text(json, NULL);
  if (anycable_json_int(json, NULL, &integer) == ANYCABLE_OK &&
      !anycable_str_is(text, "-0"))
    anycable_builder_int(b, name, integer);
  else if (anycable_json_number(json, NULL, &number) == ANYCABLE_OK)
    anycable_builder_number(b, name, number);
  else
    anycable_builder_json(b, name, text);
}

/* Checks |json|, and writes it. */
static void build_again(anycable_builder *b, const anycable_json *json,
                        const char *name) {
  int type = anycable_json_type(json, NULL);
  anycable_str text = anycable_json_text(json, NULL);
  bool truth = false;
  check_str(text);
  check_str(anycable_json_string(json, NULL));
  require(ac_json_check(text, DEPTH) == ANYCABLE_OK, "a text that is no JSON");
  require(anycable_json_get(json, NULL) == json, "another value");
  check_numbers(json, type);
  switch (type) {
  case ANYCABLE_JSON_NULL:
    anycable_builder_null(b, name);
    break;
  case ANYCABLE_JSON_BOOL:
    anycable_json_bool(json, NULL, &truth);
    anycable_builder_bool(b, name, truth);
    break;
  case ANYCABLE_JSON_NUMBER:
    build_number(b, json, name);
    break;
  case ANYCABLE_JSON_STRING:
    anycable_builder_string(b, name, anycable_json_string(json, NULL));
    break;
  case ANYCABLE_JSON_ARRAY:
    anycable_builder_array(b, name);
    build_items(b, json, false);
    anycable_builder_end(b);
    break;
  case ANYCABLE_JSON_OBJECT:
    anycable_builder_object(b, name);
    build_items(b, json, true);
    anycable_builder_end(b);
    break;
  default:
    require(0, "no type");
  }
  if (type != ANYCABLE_JSON_ARRAY && type != ANYCABLE_JSON_OBJECT)
    require(anycable_json_count(json) == 0 && !anycable_json_at(json, 0) &&
                !anycable_json_get(json, ""),
            "there is something in a scalar");
}

/* Does cJSON see the same? */
static void compare(const anycable_json *json, const cJSON *other) {
  double number;
  size_t n = 0;
  switch (anycable_json_type(json, NULL)) {
  case ANYCABLE_JSON_NULL:
    require(cJSON_IsNull(other), "no null for cJSON");
    return;
  case ANYCABLE_JSON_BOOL:
    require(cJSON_IsBool(other), "no bool for cJSON");
    require(anycable_str_is(anycable_json_text(json, NULL),
                            cJSON_IsTrue(other) ? "true" : "false"),
            "another bool for cJSON");
    return;
  case ANYCABLE_JSON_NUMBER:
    require(cJSON_IsNumber(other), "no number for cJSON");
    /* cJSON stops reading after 63 characters. */
    if (anycable_json_text(json, NULL).len < 60 &&
        anycable_json_number(json, NULL, &number) == ANYCABLE_OK)
      require(number == other->valuedouble, "another number for cJSON");
    return;
  case ANYCABLE_JSON_STRING:
    require(cJSON_IsString(other), "no string for cJSON");
    require(
        anycable_str_is(anycable_json_string(json, NULL), other->valuestring),
        "another string for cJSON");
    return;
  case ANYCABLE_JSON_ARRAY:
    require(cJSON_IsArray(other), "no array for cJSON");
    break;
  default:
    require(cJSON_IsObject(other), "no object for cJSON");
  }
  const cJSON *item;
  cJSON_ArrayForEach(item, other) {
    const anycable_json *ours = anycable_json_at(json, n++);
    if (!ours)
      continue;
    require(anycable_str_is(anycable_json_key(ours),
                            item->string ? item->string : ""),
            "another key for cJSON");
    compare(ours, item);
  }
  require(n == anycable_json_count(json), "more or less items for cJSON");
}

/* --- texts ---------------------------------------------------------------- */

static anycable_str build(anycable_socket *socket, const anycable_json *json) {
  anycable_builder *b = anycable_socket_builder(socket);
  anycable_builder *own = anycable_builder_new();
  build_again(b, json, NULL);
  build_again(own, json, NULL);
  anycable_str text = anycable_builder_text(b);
  check_str(text);
  require(anycable_builder_error(b) == ANYCABLE_OK, "a builder failed");
  require(anycable_str_equal(text, anycable_builder_text(own)),
          "memory matters to a builder");
  require(ac_json_check(text, DEPTH) == ANYCABLE_OK, "built badly");
  anycable_builder_free(own);
  return text;
}

static void check_text(anycable_socket *socket, const anycable_json *json,
                       anycable_str text) {
  const anycable_json *again;
  refused = 0;
  anycable_str built = build(socket, json);
  require(anycable_json_read(&again, socket, built) == ANYCABLE_OK,
          "what was built is refused");
  require(refused > 0 ||
              anycable_json_count(again) == anycable_json_count(json),
          "built, it has another size");
  refused = 0;
  require(anycable_str_equal(build(socket, again), built) && refused == 0,
          "built again, it is another");
  /* cJSON reads numbers and white space that are none. */
  cJSON *other = cJSON_ParseWithLength(text.ptr, text.len);
  if (other)
    compare(json, other);
  cJSON_Delete(other);
}

/* Why may that be refused? */
static void check_refusal(anycable_str text, int error) {
  int check = ac_json_check(text, DEPTH);
  bool encoded = text.len == 0 ||
                 (ac_utf8_valid(text) && !memchr(text.ptr, '\0', text.len));
  switch (error) {
  case ANYCABLE_ERR_ENCODING:
    require(!encoded, "it is UTF-8");
    return;
  case ANYCABLE_ERR_LIMIT:
    require(check == ANYCABLE_ERR_LIMIT, "it is not too deep");
    return;
  case ANYCABLE_ERR_PROTO:
    require(encoded, "it is not UTF-8");
    if (check == ANYCABLE_ERR_PROTO)
      return;
    /* Before it is too deep, or as a whole. */
    if (check == ANYCABLE_OK && !ac_json_decodable(text))
      return;
    require(memchr(text.ptr, '{', text.len) != NULL, "no object has a key");
    return;
  default:
    require(0, "another error");
  }
}

/* The same with hardly any memory: what is found is right, or the call knows
 * that something is lost. */
static void check_without_memory(anycable_socket *socket, anycable_str text,
                                 size_t left) {
  const anycable_json *json;
  struct ac_arena *arena = socket->arena;
  arena->cap = arena->used + left % (2 * POOL_BLOCK);
  if (anycable_json_read(&json, socket, text) != ANYCABLE_OK) {
    require(json == NULL, "an error, and a value");
    return;
  }
  size_t n = anycable_json_count(json);
  for (size_t i = 0; i < n && !socket->error; i++) {
    const anycable_json *item = anycable_json_at(json, i);
    anycable_str string = anycable_json_string(item, NULL);
    check_str(string);
    check_str(anycable_json_key(item));
    anycable_builder *b = anycable_socket_builder(socket);
    anycable_builder_string(b, NULL, string);
    require(anycable_builder_text(b).len > 0 || socket->error, "lost");
  }
  require(!socket->error || socket->error == ANYCABLE_ERR_NOMEM,
          "another error than memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct ac_rpc rpc;
  static anycable_socket socket;
  const anycable_json *json;
  struct ac_arena_pool *pool = ac_arena_pool_new(POOL_BLOCK, 0);
  memset(&socket, 0, sizeof(socket));
  rpc.config.json_depth = DEPTH;
  socket.rpc = &rpc;
  socket.open = true;
  socket.arena = ac_arena_new(pool, MEMORY);
  anycable_str text = ac_str((const char *)data, size);

  int error = anycable_json_read(&json, &socket, text);
  require((json != NULL) == (error == ANYCABLE_OK), "an error, and a value");
  if (error)
    check_refusal(text, error);
  else
    check_text(&socket, json, text);
  require(socket.error == ANYCABLE_OK, "an error is remembered");

  /* The bytes as a string, a name, and a double. */
  anycable_builder *b = anycable_builder_new();
  bool sendable =
      ac_utf8_valid(text) && (size == 0 || !memchr(text.ptr, '\0', size));
  error = anycable_builder_string(b, NULL, text);
  require((error == ANYCABLE_OK) == sendable, "a string of other bytes");
  if (!error) {
    require(anycable_json_read(&json, &socket, anycable_builder_text(b)) ==
                    ANYCABLE_OK &&
                anycable_str_equal(anycable_json_string(json, NULL), text),
            "written, it is another string");
  }
  anycable_builder_reset(b);
  double value = 0;
  double again = 1;
  memcpy(&value, data, size < sizeof(value) ? size : sizeof(value));
  if (anycable_builder_number(b, NULL, value) == ANYCABLE_OK)
    require(anycable_json_read(&json, &socket, anycable_builder_text(b)) ==
                    ANYCABLE_OK &&
                anycable_json_number(json, NULL, &again) == ANYCABLE_OK &&
                again == value && signbit(again) == signbit(value),
            "written, it is another number");
  anycable_builder_free(b);

  check_without_memory(&socket, text, size * 7);
  ac_arena_free(socket.arena);
  ac_arena_pool_release(pool);
  return 0;
}
