/* JSON as a handler reads it. Every text ends where its memory ends, so that
 * looking beyond is an error under AddressSanitizer. */
#include <anycable/json.h>
#include <float.h>
#include <locale.h>
#include <math.h>

#include "inline_fixture.h"

#define S(text) ANYCABLE_STR(text)
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* The fixture's limit of nesting. */
enum { DEPTH = 16 };

static char *texts[256];
static size_t n_texts;

static int free_texts(void **state) {
  teardown(state);
  while (n_texts > 0)
    free(texts[--n_texts]);
  return 0;
}

/* Runs |handler|; returns the reply's status. */
static int run(int (*handler)(anycable_socket *socket)) {
  return (int)run_command("message", handler)->status;
}

/* A test whose body runs in a call, which must go well. */
#define IN_CALL(name)                                                          \
  static int name##_handler(anycable_socket *socket);                          \
  static void name(void **state) {                                             \
    (void)state;                                                               \
    assert_int_equal(run(name##_handler), AC_WIRE_SUCCESS);                    \
  }                                                                            \
  static int name##_handler(anycable_socket *socket)

static anycable_str exact(const char *text, size_t len) {
  char *copy = malloc(len ? len : 1);
  assert_non_null(copy);
  if (len > 0)
    memcpy(copy, text, len);
  assert_true(n_texts < LENGTH(texts));
  texts[n_texts++] = copy;
  return ac_str(copy, len);
}

static const anycable_json *read_text(anycable_socket *socket,
                                      const char *text) {
  const anycable_json *json = NULL;
  int error = anycable_json_read(&json, socket, exact(text, strlen(text)));
  if (error || !json)
    fail_msg("%d for %s", error, text);
  return json;
}

/* The error is not the call's. */
static int read_error(anycable_socket *socket, const char *text, size_t len) {
  const anycable_json *json = (const anycable_json *)socket;
  int error = anycable_json_read(&json, socket, exact(text, len));
  if (!error)
    fail_msg("accepted: %s", text);
  assert_null(json);
  assert_int_equal(socket->error, ANYCABLE_OK);
  return error;
}

static void assert_bytes(anycable_str s, const char *expected, size_t len) {
  assert_non_null(s.ptr);
  assert_int_equal(s.len, len);
  assert_memory_equal(s.ptr, expected, len);
  assert_int_equal(s.ptr[s.len], '\0');
}

static void assert_str(anycable_str s, const char *expected) {
  assert_bytes(s, expected, strlen(expected));
}

/* --- reading -------------------------------------------------------------- */

IN_CALL(test_every_type) {
  static const struct {
    const char *text;
    int type;
  } rows[] = {
      {"null", ANYCABLE_JSON_NULL},        {"true", ANYCABLE_JSON_BOOL},
      {"false", ANYCABLE_JSON_BOOL},       {"0", ANYCABLE_JSON_NUMBER},
      {"-1.5e3", ANYCABLE_JSON_NUMBER},    {"\"\"", ANYCABLE_JSON_STRING},
      {"\"null\"", ANYCABLE_JSON_STRING},  {"[]", ANYCABLE_JSON_ARRAY},
      {"[1]", ANYCABLE_JSON_ARRAY},        {"{}", ANYCABLE_JSON_OBJECT},
      {"{\"a\":1}", ANYCABLE_JSON_OBJECT},
  };
  char text[100];
  for (size_t i = 0; i < LENGTH(rows); i++) {
    const anycable_json *json = read_text(socket, rows[i].text);
    assert_int_equal(anycable_json_type(json, NULL), rows[i].type);
    assert_ptr_equal(anycable_json_get(json, NULL), json);
    assert_str(anycable_json_text(json, NULL), rows[i].text);
    assert_str(anycable_json_key(json), "");
    /* With space around, it is the same. */
    snprintf(text, sizeof(text), " \t\r\n%s\n ", rows[i].text);
    json = read_text(socket, text);
    assert_int_equal(anycable_json_type(json, NULL), rows[i].type);
    assert_str(anycable_json_text(json, NULL), rows[i].text);
    /* The same as a member, and as an element. */
    snprintf(text, sizeof(text), "{\"k\": %s }", rows[i].text);
    json = read_text(socket, text);
    assert_int_equal(anycable_json_type(json, "k"), rows[i].type);
    assert_str(anycable_json_text(json, "k"), rows[i].text);
    assert_str(anycable_json_key(anycable_json_get(json, "k")), "k");
    snprintf(text, sizeof(text), "[ %s ]", rows[i].text);
    json = anycable_json_at(read_text(socket, text), 0);
    assert_int_equal(anycable_json_type(json, NULL), rows[i].type);
    assert_str(anycable_json_text(json, NULL), rows[i].text);
  }
  return ANYCABLE_DONE;
}

IN_CALL(test_refused) {
  static const char *const rows[] = {
      "", " ", "x", "tru", "truex", "{", "[", "[1", "[1,", "[1,]", "[,]", "[}",
      "{]", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,",
      "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{\"a\":1]", "01", "1.", "\"", "\"\\",
      "'a'", "\"a\nb\"", "[[]", "{\"a\":[}", "[1}]",
      /* trailing text */
      "{} x", "{}{}", "[]]", "1 2", "\"a\"\"b\"", "null,", "{},",
      /* keys that are there twice */
      "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"\":1,\"\":2}",
      "{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":1,\"a\":2}",
      "{\"\\n\":1,\"\\u000a\":2}", "{\"\\u00e9\":1,\"\xc3\xa9\":2}",
      /* NUL and half a pair, wherever they are */
      "\"\\u0000\"", "\"a\\u0000b\"", "\"\\\\\\u0000\"", "{\"a\\u0000\":1}",
      "{\"a\":{\"b\":[\"\\u0000\"]}}", "\"\\ud800\"", "\"\\udc00\"",
      "\"\\ud800\\ud800\"", "\"\\ud800a\"", "\"\\ud800\\n\"",
      "\"\\udc00\\ud800\"", "[\"\\ud83d\",\"\\ude00\"]", "{\"\\udfff\":1}",
      "{\"a\":{\"\\udbff\":1}}", "{\"a\":\"\\uD800\"}"};
  for (size_t i = 0; i < LENGTH(rows); i++)
    assert_int_equal(read_error(socket, rows[i], strlen(rows[i])),
                     ANYCABLE_ERR_PROTO);
  const anycable_json *json;
  assert_int_equal(anycable_json_read(&json, socket, ac_str(NULL, 0)),
                   ANYCABLE_ERR_PROTO);
  return ANYCABLE_DONE;
}

IN_CALL(test_encoding) {
  static const struct {
    const char *text;
    size_t len;
  } rows[] = {{"\"\xff\"", 3},
              {"\"\xc3\"", 3},
              {"\xc3", 1},
              {"{\"\xc0\x80\":1}", 8},
              {"\"\xed\xa0\x80\"", 5},
              {"[1]\xf5", 4},
              {"\"a\0b\"", 5},
              {"{}\0", 3},
              {"\0", 1},
              {"{\"a\0\":1}", 8},
              {"[1,\0]", 5},
              {"{\"a\":1}\0x", 9}};
  for (size_t i = 0; i < LENGTH(rows); i++)
    assert_int_equal(read_error(socket, rows[i].text, rows[i].len),
                     ANYCABLE_ERR_ENCODING);
  return ANYCABLE_DONE;
}

static const char *nested(char *text, size_t levels, bool objects) {
  size_t len = 0;
  for (size_t i = 0; i < levels; i++)
    len += (size_t)sprintf(text + len, objects ? "{\"\":" : "[");
  text[len++] = '1';
  for (size_t i = 0; i < levels; i++)
    text[len++] = objects ? '}' : ']';
  text[len] = '\0';
  return text;
}

IN_CALL(test_depth) {
  char text[200];
  for (int objects = 0; objects < 2; objects++) {
    const anycable_json *json = read_text(socket, nested(text, DEPTH, objects));
    for (int i = 0; i < DEPTH; i++) {
      assert_int_equal(anycable_json_count(json), 1);
      json = objects && i % 2 ? anycable_json_get(json, "")
                              : anycable_json_at(json, 0);
    }
    int64_t one;
    assert_int_equal(anycable_json_int(json, NULL, &one), ANYCABLE_OK);
    assert_int_equal(one, 1);
    nested(text, DEPTH + 1, objects);
    assert_int_equal(read_error(socket, text, strlen(text)),
                     ANYCABLE_ERR_LIMIT);
  }
  char *bomb = malloc(1 << 20);
  memset(bomb, '[', 1 << 20);
  assert_int_equal(read_error(socket, bomb, 1 << 20), ANYCABLE_ERR_LIMIT);
  free(bomb);
  return ANYCABLE_DONE;
}

/* --- keys ----------------------------------------------------------------- */

/* More than the fixture's calls may take. */
static struct ac_arena *lend_memory(anycable_socket *socket) {
  struct ac_arena *arena = socket->arena;
  socket->arena = ac_arena_new(fx.pool, 1 << 26);
  assert_non_null(socket->arena);
  return arena;
}

static void take_back(anycable_socket *socket, struct ac_arena *arena) {
  ac_arena_free(socket->arena);
  socket->arena = arena;
}

/* |n| keys, the last of them the same as the one at |same|. Keys of one length,
 * in an order that is not theirs. */
static char *many_keys(size_t n, size_t same) {
  char *text = malloc(n * 24 + 3);
  assert_non_null(text);
  size_t len = 0;
  for (size_t i = 0; i < n; i++) {
    size_t key = i + 1 == n && same < n ? same : i;
    len += (size_t)sprintf(text + len, "%c\"%08zx\":%zu", i ? ',' : '{',
                           key * 2654435761u % 0xffffffff, i);
  }
  strcpy(text + len, n ? "}" : "{}");
  return text;
}

IN_CALL(test_many_keys) {
  struct ac_arena *arena = lend_memory(socket);
  static const size_t counts[] = {0,  1,  2,  7,  8,  9,  15,
                                  16, 17, 18, 24, 33, 300};
  for (size_t i = 0; i < LENGTH(counts); i++) {
    size_t n = counts[i];
    char *text = many_keys(n, n);
    const anycable_json *json = read_text(socket, text);
    assert_int_equal(anycable_json_count(json), n);
    for (size_t j = 0; j < n; j++) {
      int64_t number;
      const anycable_json *member = anycable_json_at(json, j);
      assert_int_equal(anycable_json_int(member, NULL, &number), 0);
      assert_int_equal(number, j); /* in the order of the text */
      assert_ptr_equal(anycable_json_get(json, anycable_json_key(member).ptr),
                       member);
    }
    assert_null(anycable_json_at(json, n));
    free(text);
    for (size_t same = 0; same + 1 < n && same < 20; same++) {
      text = many_keys(n, same);
      assert_int_equal(read_error(socket, text, strlen(text)),
                       ANYCABLE_ERR_PROTO);
      free(text);
      free(texts[--n_texts]);
    }
  }
  take_back(socket, arena);
  return ANYCABLE_DONE;
}

IN_CALL(test_ten_thousand_keys) {
  struct ac_arena *arena = lend_memory(socket);
  char *text = many_keys(10000, 10000);
  assert_int_equal(anycable_json_count(read_text(socket, text)), 10000);
  free(text);
  text = many_keys(10000, 0);
  assert_int_equal(read_error(socket, text, strlen(text)), ANYCABLE_ERR_PROTO);
  free(text);
  text = many_keys(10000, 5000);
  assert_int_equal(read_error(socket, text, strlen(text)), ANYCABLE_ERR_PROTO);
  free(text);
  take_back(socket, arena);
  return ANYCABLE_DONE;
}

IN_CALL(test_names) {
  const anycable_json *json =
      read_text(socket, "{\"\":\"empty\",\"a\":\"1\",\"ab\":\"2\",\"b\":\"3\","
                        "\"\\u00e9\\ud83d\\ude00\":\"4\",\"q\\\"\":\"5\","
                        "\"\xe2\x82\xac\":\"6\",\"n\\n\":\"7\"}");
  assert_str(anycable_json_string(json, ""), "empty");
  assert_str(anycable_json_string(json, "a"), "1");
  assert_str(anycable_json_string(json, "ab"), "2");
  assert_str(anycable_json_string(json, "b"), "3");
  assert_str(anycable_json_string(json, "\xc3\xa9\xf0\x9f\x98\x80"), "4");
  assert_str(anycable_json_string(json, "q\""), "5");
  assert_str(anycable_json_string(json, "\xe2\x82\xac"), "6");
  assert_str(anycable_json_string(json, "n\n"), "7");
  assert_str(anycable_json_string(json, "abc"), "");
  assert_str(anycable_json_string(json, "A"), "");
  assert_str(anycable_json_string(json, "n\\n"), "");
  assert_str(anycable_json_key(anycable_json_at(json, 0)), "");
  assert_str(anycable_json_key(anycable_json_at(json, 2)), "ab");
  assert_str(anycable_json_key(anycable_json_at(json, 4)),
             "\xc3\xa9\xf0\x9f\x98\x80");
  assert_str(anycable_json_key(anycable_json_at(json, 7)), "n\n");
  /* The same at a second time, from where it was put. */
  assert_ptr_equal(anycable_json_key(anycable_json_at(json, 2)).ptr,
                   anycable_json_key(anycable_json_at(json, 2)).ptr);
  return ANYCABLE_DONE;
}

/* Inside, it is found when it is looked into. */
IN_CALL(test_twice_inside) {
  const anycable_json *json = read_text(
      socket, "{\"bad\":{\"a\":1,\"a\":2},\"list\":[{\"x\":1,\"\\u0078\":2},"
              "{\"y\":{\"z\":1,\"z\":1}}],\"good\":\"1\"}");
  for (int i = 0; i < 2; i++) {
    const char *free_memory = socket->arena->at;
    assert_null(anycable_json_get(json, "bad"));
    assert_true(i == 0 || socket->arena->at == free_memory);
    assert_null(anycable_json_at(json, 0));
    assert_int_equal(anycable_json_type(json, "bad"), ANYCABLE_JSON_OBJECT);
    assert_str(anycable_json_text(json, "bad"), "{\"a\":1,\"a\":2}");
    const anycable_json *list = anycable_json_get(json, "list");
    assert_int_equal(anycable_json_count(list), 2);
    assert_null(anycable_json_at(list, 0));
    const anycable_json *second = anycable_json_at(list, 1);
    assert_int_equal(anycable_json_count(second), 1);
    assert_null(anycable_json_get(second, "y"));
  }
  assert_str(anycable_json_string(json, "good"), "1");
  assert_int_equal(socket->error, ANYCABLE_OK);
  return ANYCABLE_DONE;
}

/* --- nests ---------------------------------------------------------------- */

IN_CALL(test_inside) {
  const anycable_json *order = read_text(
      socket, "{\"address\":{\"city\":\"Bern\",\"geo\":[46.9,7.4,null,[]]},"
              "\"tags\":[],\"nothing\":null,\"name\":\"n\",\"1\":{\"2\":{}}}");
  const anycable_json *address = anycable_json_get(order, "address");
  assert_str(anycable_json_string(anycable_json_get(order, "address"), "city"),
             "Bern");
  assert_ptr_equal(anycable_json_get(order, "address"), address);
  assert_int_equal(anycable_json_count(order), 5);
  assert_int_equal(anycable_json_count(address), 2);
  const anycable_json *geo = anycable_json_get(address, "geo");
  assert_int_equal(anycable_json_count(geo), 4);
  double number;
  assert_int_equal(
      anycable_json_number(anycable_json_at(geo, 1), NULL, &number), 0);
  assert_true(number == 7.4);
  assert_int_equal(anycable_json_type(anycable_json_at(geo, 2), NULL),
                   ANYCABLE_JSON_NULL);
  assert_int_equal(anycable_json_count(anycable_json_at(geo, 3)), 0);
  assert_null(anycable_json_at(anycable_json_at(geo, 3), 0));
  assert_null(anycable_json_at(geo, 4));
  assert_null(anycable_json_at(geo, SIZE_MAX));
  /* An element is no member; an array and a string have none. */
  assert_str(anycable_json_key(anycable_json_at(geo, 0)), "");
  assert_null(anycable_json_get(geo, "0"));
  assert_null(anycable_json_get(geo, ""));
  assert_null(anycable_json_get(anycable_json_get(order, "name"), "n"));
  assert_int_equal(anycable_json_count(anycable_json_get(order, "name")), 0);
  assert_null(anycable_json_at(anycable_json_get(order, "name"), 0));
  assert_null(anycable_json_get(order, "none"));
  /* Null is a value. */
  assert_non_null(anycable_json_get(order, "nothing"));
  assert_int_equal(anycable_json_type(order, "nothing"), ANYCABLE_JSON_NULL);
  /* A string's decoding does not make it a nest of that many. */
  assert_str(anycable_json_string(order, "name"), "n");
  assert_int_equal(anycable_json_count(anycable_json_get(order, "name")), 0);
  assert_str(anycable_json_key(anycable_json_at(anycable_json_at(order, 4), 0)),
             "2");
  return ANYCABLE_DONE;
}

/* Arrays of sizes around those of the batches in which they are read. */
IN_CALL(test_arrays) {
  char text[4000];
  for (size_t n = 0; n < 70; n++) {
    size_t len = (size_t)sprintf(text, "[");
    for (size_t i = 0; i < n; i++)
      len += (size_t)sprintf(text + len, "%s[%zu]", i ? "," : "", i);
    sprintf(text + len, "]");
    const anycable_json *json = read_text(socket, text);
    assert_int_equal(anycable_json_count(json), n);
    for (size_t i = 0; i < n; i++) {
      int64_t number;
      const anycable_json *item = anycable_json_at(json, i);
      assert_int_equal(
          anycable_json_int(anycable_json_at(item, 0), NULL, &number), 0);
      assert_int_equal(number, i);
    }
  }
  return ANYCABLE_DONE;
}

/* --- strings -------------------------------------------------------------- */

IN_CALL(test_strings) {
  static const struct {
    const char *text;
    const char *string;
  } rows[] = {
      {"\"\"", ""},
      {"\"a\"", "a"},
      {"\"abcdefgh\"", "abcdefgh"},
      {"\"abcdefghijklmnopqrstuvw\"", "abcdefghijklmnopqrstuvw"},
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
      {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
      {"\"\\ud83d\\ude00\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"},
      {"\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
      {"\"\\ud7ff\\ue000\\uffff\\u0001\"",
       "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\x01"},
      {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
      {"\"\\\\u0000\"", "\\u0000"},
      {"\"\\\\ud800\"", "\\ud800"},
      {"\"\x7f\"", "\x7f"},
      /* what is none: its text */
      {"1.50", "1.50"},
      {"-0", "-0"},
      {"1e999", "1e999"},
      {"true", "true"},
      {"false", "false"},
      {"[1, 2]", "[1, 2]"},
      {"{\"a\" : \"\\n\"}", "{\"a\" : \"\\n\"}"},
      /* null is none */
      {"null", ""},
  };
  char text[200];
  for (size_t i = 0; i < LENGTH(rows); i++) {
    const anycable_json *json = read_text(socket, rows[i].text);
    assert_str(anycable_json_string(json, NULL), rows[i].string);
    snprintf(text, sizeof(text), "{\"x\":[],\"k\":%s}", rows[i].text);
    json = read_text(socket, text);
    anycable_str first = anycable_json_string(json, "k");
    assert_str(first, rows[i].string);
    assert_str(anycable_json_text(json, "k"), rows[i].text);
    anycable_str again = anycable_json_string(json, "k");
    assert_str(again, rows[i].string);
    assert_ptr_equal(again.ptr, first.ptr);
    assert_ptr_equal(anycable_json_text(json, "k").ptr,
                     anycable_json_text(json, "k").ptr);
  }
  return ANYCABLE_DONE;
}

IN_CALL(test_text_of_all) {
  const anycable_json *json =
      read_text(socket, " {\"a\" : [1,{\"b\":\"\\u0041\"}] } ");
  assert_str(anycable_json_text(json, NULL),
             "{\"a\" : [1,{\"b\":\"\\u0041\"}] }");
  assert_str(anycable_json_text(json, "a"), "[1,{\"b\":\"\\u0041\"}]");
  json = anycable_json_at(anycable_json_get(json, "a"), 1);
  assert_str(anycable_json_text(json, "b"), "\"\\u0041\"");
  assert_str(anycable_json_text(json, "c"), "");
  assert_str(anycable_json_string(json, "b"), "A");
  return ANYCABLE_DONE;
}

/* --- numbers -------------------------------------------------------------- */

IN_CALL(test_int) {
  enum { PROTO = ANYCABLE_ERR_PROTO, LIMIT = ANYCABLE_ERR_LIMIT };
  static const struct {
    const char *text;
    int error;
    int64_t number;
  } rows[] = {
      {"0", 0, 0},
      {"-0", 0, 0},
      {"1", 0, 1},
      {"-1", 0, -1},
      {"9007199254740993", 0, INT64_C(9007199254740993)},
      {"-9007199254740993", 0, INT64_C(-9007199254740993)},
      {"9223372036854775806", 0, INT64_MAX - 1},
      {"9223372036854775807", 0, INT64_MAX},
      {"9223372036854775808", LIMIT, 0},
      {"-9223372036854775807", 0, INT64_MIN + 1},
      {"-9223372036854775808", 0, INT64_MIN},
      {"-9223372036854775809", LIMIT, 0},
      {"18446744073709551616", LIMIT, 0},
      {"99999999999999999999999999", LIMIT, 0},
      {"1.0", PROTO, 0},
      {"0.5", PROTO, 0},
      {"1e3", PROTO, 0},
      {"1E3", PROTO, 0},
  };
  static const char *const others[] = {
      "true",     "false",         "[]",      "[1]",
      "{}",       "\"\"",          "\"a\"",   "\" 1\"",
      "\"1 \"",   "\"+1\"",        "\"1a\"",  "\"-\"",
      "\"--1\"",  "\"0x1\"",       "\"01\"",  "\"-01\"",
      "\"1\\n\"", "\"\\\"1\\\"\"", "\"1,0\"", "\"\xd9\xa1\""};
  char text[100];
  int64_t number;
  for (size_t i = 0; i < LENGTH(rows); i++) {
    for (int quoted = 0; quoted < 2; quoted++) {
      snprintf(text, sizeof(text), quoted ? "{\"n\":\"%s\"}" : "{\"n\":%s}",
               rows[i].text);
      number = 77;
      assert_int_equal(anycable_json_int(read_text(socket, text), "n", &number),
                       rows[i].error);
      assert_true(number == (rows[i].error ? 77 : rows[i].number));
    }
  }
  for (size_t i = 0; i < LENGTH(others); i++) {
    number = 77;
    assert_int_equal(
        anycable_json_int(read_text(socket, others[i]), NULL, &number), PROTO);
    assert_int_equal(number, 77);
  }
  const anycable_json *json =
      read_text(socket, "{\"a\":null,\"b\":\"\\u0031\\u0032\"}");
  assert_int_equal(anycable_json_int(json, "a", &number), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_json_int(json, "c", &number), ANYCABLE_ERR_INVALID);
  assert_int_equal(number, 77);
  assert_int_equal(anycable_json_int(json, "b", &number), ANYCABLE_OK);
  assert_int_equal(number, 12);
  return ANYCABLE_DONE;
}

static void check_number(anycable_socket *socket, const char *text,
                         double expected) {
  double number = 77;
  assert_int_equal(anycable_json_number(read_text(socket, text), NULL, &number),
                   ANYCABLE_OK);
  if (number != expected || signbit(number) != signbit(expected))
    fail_msg("%s is not %.17g", text, number);
}

static void check_numbers(anycable_socket *socket) {
  check_number(socket, "0", 0.0);
  check_number(socket, "-0", -0.0);
  check_number(socket, "-0.0e7", -0.0);
  check_number(socket, "0e999999999999999999999", 0.0);
  check_number(socket, "1", 1);
  check_number(socket, "-1.5", -1.5);
  check_number(socket, "0.1", 0.1);
  check_number(socket, "100", 100);
  check_number(socket, "1234567.125e-2", 12345.67125);
  check_number(socket, "12e3", 12000);
  check_number(socket, "12E+3", 12000);
  check_number(socket, "0.000012e3", 0.012);
  check_number(socket, "9007199254740993", 9007199254740992.0);
  check_number(socket, "9007199254740993.0000000000000000001",
               9007199254740994.0);
  check_number(socket, "1.7976931348623157e308", DBL_MAX);
  check_number(socket, "1.7976931348623158e308", DBL_MAX);
  check_number(socket, "5e-324", 5e-324);
  check_number(socket, "2.2250738585072011e-308", 2.2250738585072011e-308);
  check_number(socket, "1e-400", 0.0);
  check_number(socket, "-1e-99999999999999999999", -0.0);
}

IN_CALL(test_number) {
  check_numbers(socket);
  static const char *const huge[] = {
      "1e309", "-1e309", "1.7976931348623159e308", "1e99999999999999999999"};
  static const char *const others[] = {"\"1\"", "true", "[]", "{}", "\"\""};
  double number = 77;
  for (size_t i = 0; i < LENGTH(huge); i++)
    assert_int_equal(
        anycable_json_number(read_text(socket, huge[i]), NULL, &number),
        ANYCABLE_ERR_LIMIT);
  for (size_t i = 0; i < LENGTH(others); i++)
    assert_int_equal(
        anycable_json_number(read_text(socket, others[i]), NULL, &number),
        ANYCABLE_ERR_PROTO);
  const anycable_json *json = read_text(socket, "{\"a\":null}");
  assert_int_equal(anycable_json_number(json, "a", &number),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_json_number(json, "b", &number),
                   ANYCABLE_ERR_INVALID);
  assert_true(number == 77);
  return ANYCABLE_DONE;
}

/* Numbers that are longer than anything is that reads them at once. */
IN_CALL(test_long_numbers) {
  size_t n = 3000;
  char *text = malloc(2 * n);
  /* 0.000...1e3000 */
  size_t len = (size_t)sprintf(text, "0.");
  memset(text + len, '0', n - 1);
  sprintf(text + len + n - 1, "1e%zu", n);
  check_number(socket, text, 1);
  /* 1000...e-3000 */
  text[0] = '1';
  memset(text + 1, '0', n);
  sprintf(text + 1 + n, "e-%zu", n);
  check_number(socket, text, 1);
  /* Halfway between two doubles, and a little more, far behind. */
  len = (size_t)sprintf(text, "9007199254740993.");
  memset(text + len, '0', n);
  sprintf(text + len + n, "0");
  check_number(socket, text, 9007199254740992.0);
  sprintf(text + len + n, "1");
  check_number(socket, text, 9007199254740994.0);
  /* The same before the point. */
  len = (size_t)sprintf(text, "9007199254740993");
  memset(text + len, '0', n);
  sprintf(text + len + n, "0e-%zu", n + 1);
  check_number(socket, text, 9007199254740992.0);
  sprintf(text + len + n, "1e-%zu", n + 1);
  check_number(socket, text, 9007199254740994.0);
  free(text);
  return ANYCABLE_DONE;
}

/* Halfway between two doubles, with as many digits as that ever has; one less
 * in the last of them makes the lower the nearer. */
IN_CALL(test_longest_halfway) {
  long double upper = (long double)DBL_MIN * 2;
  long double halfway = upper - ldexpl(1, -1075);
  if (halfway == upper) {
    print_message("a long double is no longer than a double\n");
    return ANYCABLE_DONE;
  }
  char text[1200];
  snprintf(text, sizeof(text), "%.1075Lf", halfway);
  size_t len = strlen(text);
  assert_int_equal(text[len - 1], '5');
  check_number(socket, text, (double)upper);
  text[len - 1] = '4';
  check_number(socket, text, (double)upper - ldexp(1, -1074));
  return ANYCABLE_DONE;
}

static int reads_numbers(anycable_socket *socket) {
  check_numbers(socket);
  return ANYCABLE_DONE;
}

static void test_locale(void **state) {
  (void)state;
  /* Numbers have a comma there. LOCPATH says where `make` has made it. */
  assert_non_null(setlocale(LC_ALL, "de_DE.UTF-8"));
  int status = run(reads_numbers);
  setlocale(LC_ALL, "C");
  assert_int_equal(status, AC_WIRE_SUCCESS);
}

IN_CALL(test_bool) {
  const anycable_json *json =
      read_text(socket, "{\"t\":true,\"f\":false,\"n\":null,\"s\":\"true\","
                        "\"i\":1,\"a\":[true],\"o\":{}}");
  static const char *const others[] = {"s", "i", "a", "o"};
  bool value = false;
  assert_int_equal(anycable_json_bool(json, "t", &value), ANYCABLE_OK);
  assert_true(value);
  for (size_t i = 0; i < LENGTH(others); i++)
    assert_int_equal(anycable_json_bool(json, others[i], &value),
                     ANYCABLE_ERR_PROTO);
  assert_int_equal(anycable_json_bool(json, "n", &value), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_json_bool(json, "x", &value), ANYCABLE_ERR_INVALID);
  assert_true(value);
  assert_int_equal(anycable_json_bool(json, "f", &value), ANYCABLE_OK);
  assert_false(value);
  return ANYCABLE_DONE;
}

/* --- nothing -------------------------------------------------------------- */

static void check_nothing(const anycable_json *json, const char *name) {
  int64_t integer = 77;
  double number = 77;
  bool truth = true;
  assert_int_equal(anycable_json_type(json, name), ANYCABLE_JSON_NONE);
  assert_str(anycable_json_string(json, name), "");
  assert_str(anycable_json_text(json, name), "");
  assert_int_equal(anycable_json_int(json, name, &integer),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_json_number(json, name, &number),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_json_bool(json, name, &truth),
                   ANYCABLE_ERR_INVALID);
  assert_null(anycable_json_get(json, name));
  assert_true(integer == 77 && number == 77 && truth);
}

IN_CALL(test_nothing) {
  check_nothing(NULL, NULL);
  check_nothing(NULL, "a");
  check_nothing(NULL, "");
  assert_int_equal(anycable_json_count(NULL), 0);
  assert_null(anycable_json_at(NULL, 0));
  assert_str(anycable_json_key(NULL), "");
  static const char *const texts_without[] = {
      "{}", "{\"b\":1}", "[\"a\"]", "\"a\"", "1", "true", "null", "[]"};
  for (size_t i = 0; i < LENGTH(texts_without); i++) {
    check_nothing(read_text(socket, texts_without[i]), "a");
    check_nothing(read_text(socket, texts_without[i]), "");
  }
  return ANYCABLE_DONE;
}

/* --- memory --------------------------------------------------------------- */

/* Leaves the call no more than |left| bytes. */
static void use_up(anycable_socket *socket, size_t left) {
  struct ac_arena *arena = socket->arena;
  arena->cap = arena->used;
  while ((size_t)(arena->end - arena->at) > left)
    assert_non_null(ac_arena_alloc(arena, 16));
}

static int reads_without_memory(anycable_socket *socket) {
  const anycable_json *json;
  anycable_str text = S("{\"a\":[1],\"b\":\"c\"}");
  for (size_t left = 256; left > 0; left -= 16) {
    use_up(socket, left);
    int error = anycable_json_read(&json, socket, text);
    assert_true(error == ANYCABLE_OK || error == ANYCABLE_ERR_NOMEM);
    assert_true(!error == (json != NULL));
  }
  use_up(socket, 0);
  assert_int_equal(anycable_json_read(&json, socket, text), ANYCABLE_ERR_NOMEM);
  assert_null(json);
  assert_int_equal(socket->error, ANYCABLE_OK);
  return ANYCABLE_DONE;
}

static void test_read_without_memory(void **state) {
  (void)state;
  assert_int_equal(run(reads_without_memory), AC_WIRE_SUCCESS);
}

static const anycable_json *full(anycable_socket *socket, const char *text) {
  const anycable_json *json = read_text(socket, text);
  use_up(socket, 0);
  return json;
}

#define TEXT                                                                   \
  "{\"s\":\"string\",\"i\":\"12\",\"n\":1,\"a\":[1],\"o\":{\"p\":1},\"e\":[]}"

static int string_is_lost(anycable_socket *socket) {
  assert_str(anycable_json_string(full(socket, TEXT), "s"), "");
  return ANYCABLE_DONE;
}
static int text_is_lost(anycable_socket *socket) {
  assert_str(anycable_json_text(full(socket, TEXT), "a"), "");
  return ANYCABLE_DONE;
}
static int key_is_lost(anycable_socket *socket) {
  assert_str(anycable_json_key(anycable_json_at(full(socket, TEXT), 2)), "");
  return ANYCABLE_DONE;
}
static int int_is_lost(anycable_socket *socket) {
  int64_t number;
  assert_int_equal(anycable_json_int(full(socket, TEXT), "i", &number),
                   ANYCABLE_ERR_NOMEM);
  return ANYCABLE_DONE;
}
static int array_is_lost(anycable_socket *socket) {
  const anycable_json *json = full(socket, TEXT);
  assert_null(anycable_json_get(json, "a"));
  assert_null(anycable_json_get(json, "a"));
  return ANYCABLE_DONE;
}
static int object_is_lost(anycable_socket *socket) {
  assert_null(anycable_json_at(full(socket, TEXT), 4));
  return ANYCABLE_DONE;
}
/* This needs none. */
static int numbers_are_there(anycable_socket *socket) {
  const anycable_json *json = full(socket, TEXT);
  int64_t integer;
  double number;
  assert_int_equal(anycable_json_int(json, "n", &integer), ANYCABLE_OK);
  assert_int_equal(anycable_json_number(json, "n", &number), ANYCABLE_OK);
  assert_int_equal(anycable_json_type(json, "s"), ANYCABLE_JSON_STRING);
  assert_int_equal(anycable_json_count(json), 6);
  assert_non_null(anycable_json_get(json, "e"));
  return ANYCABLE_DONE;
}

/* The call ends in an error, so that nothing is taken for missing. */
static void test_lost(void **state) {
  (void)state;
  static int (*const handlers[])(anycable_socket *) = {
      string_is_lost, text_is_lost,   key_is_lost,      int_is_lost,
      array_is_lost,  object_is_lost, numbers_are_there};
  for (size_t i = 0; i < LENGTH(handlers); i++) {
    bool last = i + 1 == LENGTH(handlers);
    assert_int_equal(run(handlers[i]), last ? AC_WIRE_SUCCESS : AC_WIRE_ERROR);
  }
}

/* Texts that would take much more memory than they have. */
IN_CALL(test_memory_is_bounded) {
  size_t n = 200000;
  char *text = malloc(2 * n + 2);
  for (size_t i = 0; i < n; i++)
    memcpy(text + 2 * i, i ? ",1" : "[1", 2);
  text[2 * n] = ']';
  assert_int_equal(read_error(socket, text, 2 * n + 1), ANYCABLE_ERR_NOMEM);
  free(text);
  read_text(socket, "[1]");
  return ANYCABLE_DONE;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, free_texts)
  const struct CMUnitTest tests[] = {
      TEST(test_every_type),   TEST(test_refused),
      TEST(test_encoding),     TEST(test_depth),
      TEST(test_many_keys),    TEST(test_ten_thousand_keys),
      TEST(test_names),        TEST(test_twice_inside),
      TEST(test_inside),       TEST(test_arrays),
      TEST(test_strings),      TEST(test_text_of_all),
      TEST(test_int),          TEST(test_number),
      TEST(test_long_numbers), TEST(test_longest_halfway),
      TEST(test_locale),       TEST(test_bool),
      TEST(test_nothing),      TEST(test_read_without_memory),
      TEST(test_lost),         TEST(test_memory_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
