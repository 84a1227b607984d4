/* Building JSON texts, in memory of their own and in that of a call; every
 * point at which memory can run out. */
#include <anycable/builder.h>
#include <float.h>
#include <locale.h>
#include <math.h>

#include "base/json.h"
#include "failing_malloc.h"
#include "inline_fixture.h"

#define S(text) ANYCABLE_STR(text)
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static int run(int (*handler)(anycable_socket *socket)) {
  return (int)run_command("message", handler)->status;
}

static void assert_text(anycable_builder *b, const char *expected) {
  anycable_str text = anycable_builder_text(b);
  assert_string_equal(text.ptr, expected);
  assert_int_equal(text.len, strlen(expected));
  assert_int_equal(anycable_builder_error(b), ANYCABLE_OK);
  assert_int_equal(ac_json_check(text, 64), ANYCABLE_OK);
}

/* |error| was returned: it stays, and nothing is written any more. */
static void assert_failed(anycable_builder *b, int returned, int error) {
  assert_int_equal(returned, error);
  assert_int_equal(anycable_builder_error(b), error);
  assert_int_equal(anycable_builder_null(b, NULL), error);
  assert_int_equal(anycable_builder_object(b, "name"), error);
  assert_int_equal(anycable_builder_end(b), error);
  assert_int_equal(anycable_builder_number(b, NULL, NAN), error);
  assert_int_equal(anycable_builder_json(b, NULL, S("")), error);
  assert_int_equal(anycable_builder_string(b, NULL, S("\xff")), error);
  anycable_str text = anycable_builder_text(b);
  assert_int_equal(text.len, 0);
  assert_string_equal(text.ptr, "");
  assert_int_equal(anycable_builder_error(b), error);
}

/* --- what is written ------------------------------------------------------ */

static void build_all(anycable_builder *b) {
  assert_int_equal(anycable_builder_object(b, NULL), 0);
  assert_int_equal(anycable_builder_string(b, "text", S("a\"b\n")), 0);
  assert_int_equal(anycable_builder_int(b, "id", INT64_C(9007199254740993)), 0);
  assert_int_equal(anycable_builder_array(b, "tags"), 0);
  assert_int_equal(anycable_builder_string(b, NULL, S("new")), 0);
  assert_int_equal(anycable_builder_array(b, NULL), 0);
  assert_int_equal(anycable_builder_end(b), 0);
  assert_int_equal(anycable_builder_object(b, NULL), 0);
  assert_int_equal(anycable_builder_end(b), 0);
  assert_int_equal(anycable_builder_int(b, NULL, -1), 0);
  assert_int_equal(anycable_builder_end(b), 0);
  assert_int_equal(anycable_builder_uint(b, "u", UINT64_MAX), 0);
  assert_int_equal(anycable_builder_number(b, "n", 0.5), 0);
  assert_int_equal(anycable_builder_bool(b, "t", true), 0);
  assert_int_equal(anycable_builder_bool(b, "f", false), 0);
  assert_int_equal(anycable_builder_null(b, "null"), 0);
  assert_int_equal(anycable_builder_json(b, "json", S("{\"a\": [1]}")), 0);
  assert_int_equal(anycable_builder_null(b, ""), 0);
  assert_int_equal(anycable_builder_null(b, "\xc3\xa9\"\\"), 0);
  assert_int_equal(anycable_builder_end(b), 0);
}

#define ALL                                                                    \
  "{\"text\":\"a\\\"b\\n\",\"id\":9007199254740993,"                           \
  "\"tags\":[\"new\",[],{},-1],\"u\":18446744073709551615,\"n\":0.5,"          \
  "\"t\":true,\"f\":false,\"null\":null,\"json\":{\"a\": [1]},\"\":null,"      \
  "\"\xc3\xa9\\\"\\\\\":null}"

static void test_all(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  assert_non_null(b);
  for (int i = 0; i < 3; i++) {
    build_all(b);
    assert_text(b, ALL);
    assert_text(b, ALL);
    anycable_builder_reset(b);
  }
  anycable_builder_free(b);
  anycable_builder_free(NULL);
}

static int builds_all(anycable_socket *socket) {
  anycable_builder *b = anycable_socket_builder(socket);
  assert_non_null(b);
  build_all(b);
  assert_text(b, ALL);
  anycable_builder_free(b); /* does nothing */
  anycable_str text = anycable_builder_text(b);
  anycable_builder *other = anycable_socket_builder(socket);
  build_all(other);
  build_all(anycable_socket_builder(socket));
  assert_string_equal(text.ptr, ALL);
  anycable_builder_reset(other);
  anycable_builder_null(other, NULL);
  assert_text(other, "null");
  return anycable_socket_transmit(socket, text);
}

static void test_all_in_call(void **state) {
  (void)state;
  assert_int_equal(run(builds_all), AC_WIRE_SUCCESS);
  assert_string_equal(ac_rpc_call_reply(current)->transmissions.items[0].ptr,
                      ALL);
}

static void test_outermost(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  anycable_builder_string(b, NULL, S(""));
  assert_text(b, "\"\"");
  anycable_builder_reset(b);
  anycable_builder_string(b, NULL, ac_str(NULL, 0));
  assert_text(b, "\"\"");
  anycable_builder_reset(b);
  anycable_builder_int(b, NULL, INT64_MIN);
  assert_text(b, "-9223372036854775808");
  anycable_builder_reset(b);
  anycable_builder_int(b, NULL, INT64_MAX);
  assert_text(b, "9223372036854775807");
  anycable_builder_reset(b);
  anycable_builder_int(b, NULL, 0);
  assert_text(b, "0");
  anycable_builder_reset(b);
  anycable_builder_uint(b, NULL, 0);
  assert_text(b, "0");
  anycable_builder_reset(b);
  anycable_builder_number(b, NULL, -1.25);
  assert_text(b, "-1.25");
  anycable_builder_reset(b);
  anycable_builder_bool(b, NULL, true);
  assert_text(b, "true");
  anycable_builder_reset(b);
  anycable_builder_null(b, NULL);
  assert_text(b, "null");
  anycable_builder_reset(b);
  anycable_builder_array(b, NULL);
  anycable_builder_end(b);
  assert_text(b, "[]");
  anycable_builder_reset(b);
  anycable_builder_json(b, NULL, S(" [ 1 ] "));
  assert_text(b, " [ 1 ] ");
  anycable_builder_free(b);
}

static void test_escapes(void **state) {
  (void)state;
  static const struct {
    const char *text, *json;
  } rows[] = {
      {"\"\\/", "\"\\\"\\\\/\""},
      {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
      {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
      {"\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\""},
      {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
  };
  anycable_builder *b = anycable_builder_new();
  char expected[100];
  for (size_t i = 0; i < LENGTH(rows); i++) {
    anycable_builder_string(b, NULL, anycable_str_of(rows[i].text));
    assert_text(b, rows[i].json);
    anycable_builder_reset(b);
    anycable_builder_object(b, NULL);
    anycable_builder_null(b, rows[i].text);
    anycable_builder_end(b);
    snprintf(expected, sizeof(expected), "{%s:null}", rows[i].json);
    assert_text(b, expected);
    anycable_builder_reset(b);
  }
  anycable_builder_free(b);
}

/* Strings of many lengths, all of which are written as six times as long. */
static void build_long(anycable_builder *b) {
  char *text = malloc(200);
  assert_non_null(text);
  memset(text, '\x01', 200);
  assert_int_equal(anycable_builder_array(b, NULL), 0);
  for (size_t n = 0; n < 200; n++)
    assert_int_equal(anycable_builder_string(b, NULL, ac_str(text, n)), 0);
  assert_int_equal(anycable_builder_end(b), 0);
  anycable_str built = anycable_builder_text(b);
  assert_int_equal(built.len, 2 + 199 + 200 * 2 + 6 * (199 * 200 / 2));
  assert_int_equal(strlen(built.ptr), built.len);
  assert_int_equal(ac_json_check(built, 1), ANYCABLE_OK);
  free(text);
}

static int builds_long(anycable_socket *socket) {
  build_long(anycable_socket_builder(socket));
  return ANYCABLE_DONE;
}

static void test_long(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  build_long(b);
  anycable_builder_reset(b);
  build_long(b);
  anycable_builder_free(b);
  assert_int_equal(run(builds_long), AC_WIRE_SUCCESS);
}

/* --- numbers -------------------------------------------------------------- */

static const struct {
  double value;
  const char *text;
} numbers[] = {
    {0.0, "0"},
    {-0.0, "-0"},
    {5.0, "5"},
    {-5.0, "-5"},
    {0.1, "0.1"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"},
    {-2.5, "-2.5"},
    {100, "100"},
    {123456.789, "123456.789"},
    {0.000001, "0.000001"},
    {0.00000123, "0.00000123"},
    {0.0000001, "1e-7"},
    {1.5e-7, "1.5e-7"},
    {9007199254740993.0, "9007199254740992"},
    {1e20, "100000000000000000000"},
    {123456789012345680000.0, "123456789012345680000"},
    {1e21, "1e+21"},
    {1.5e300, "1.5e+300"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {-DBL_MAX, "-1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {5e-324, "5e-324"},
    {1.5e-323, "1.5e-323"},
    {-2.2250738585072011e-308, "-2.225073858507201e-308"},
    {4.35, "4.35"},
    {1e-5, "0.00001"},
    {1700000001.5, "1700000001.5"},
};

static void check_numbers(void) {
  anycable_builder *b = anycable_builder_new();
  for (size_t i = 0; i < LENGTH(numbers); i++) {
    assert_int_equal(anycable_builder_number(b, NULL, numbers[i].value), 0);
    assert_text(b, numbers[i].text);
    anycable_builder_reset(b);
  }
  anycable_builder_free(b);
}

static void test_numbers(void **state) {
  (void)state;
  check_numbers();
}

/* Any double reads as it was. */
static void test_any_number(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  uint64_t bits = 1;
  for (int i = 0; i < 20000; i++) {
    double value;
    bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407;
    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value))
      continue;
    anycable_builder_number(b, NULL, value);
    anycable_str text = anycable_builder_text(b);
    assert_true(text.len > 0 && text.len < 26);
    assert_int_equal(ac_json_check(text, 0), ANYCABLE_OK);
    assert_true(strtod(text.ptr, NULL) == value);
    anycable_builder_reset(b);
  }
  anycable_builder_free(b);
}

static void test_no_numbers(void **state) {
  (void)state;
  static const double none[] = {INFINITY, -INFINITY, NAN};
  for (size_t i = 0; i < LENGTH(none); i++) {
    anycable_builder *b = anycable_builder_new();
    assert_failed(b, anycable_builder_number(b, NULL, none[i]),
                  ANYCABLE_ERR_INVALID);
    anycable_builder_free(b);
  }
}

static void test_locale(void **state) {
  (void)state;
  /* Numbers have a comma there. LOCPATH says where `make` has made it. */
  assert_non_null(setlocale(LC_ALL, "de_DE.UTF-8"));
  check_numbers();
  setlocale(LC_ALL, "C");
}

/* --- errors --------------------------------------------------------------- */

static void test_names(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  /* one where none belongs: outermost, and in an array */
  assert_failed(b, anycable_builder_null(b, "a"), ANYCABLE_ERR_INVALID);
  anycable_builder_reset(b);
  assert_failed(b, anycable_builder_object(b, ""), ANYCABLE_ERR_INVALID);
  anycable_builder_reset(b);
  assert_failed(b, anycable_builder_json(b, "a", S("1")), ANYCABLE_ERR_INVALID);
  anycable_builder_reset(b);
  anycable_builder_array(b, NULL);
  assert_failed(b, anycable_builder_int(b, "a", 1), ANYCABLE_ERR_INVALID);
  anycable_builder_reset(b);
  /* none where one belongs */
  anycable_builder_object(b, NULL);
  assert_failed(b, anycable_builder_string(b, NULL, S("a")),
                ANYCABLE_ERR_INVALID);
  anycable_builder_reset(b);
  anycable_builder_object(b, NULL);
  assert_failed(b, anycable_builder_array(b, NULL), ANYCABLE_ERR_INVALID);
  anycable_builder_reset(b);
  anycable_builder_object(b, NULL);
  assert_failed(b, anycable_builder_number(b, NULL, 1), ANYCABLE_ERR_INVALID);
  anycable_builder_free(b);
}

static void test_encoding(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  static const anycable_str wrong[] = {
      ANYCABLE_STR_INIT("\xff"), ANYCABLE_STR_INIT("a\xc3"),
      ANYCABLE_STR_INIT("\xed\xa0\x80"), ANYCABLE_STR_INIT("a\0b"),
      ANYCABLE_STR_INIT("\0")};
  static const anycable_str wrong_json[] = {ANYCABLE_STR_INIT("\"\xff\""),
                                            ANYCABLE_STR_INIT("1\0"),
                                            ANYCABLE_STR_INIT("\"\0\"")};
  for (size_t i = 0; i < LENGTH(wrong); i++) {
    assert_failed(b, anycable_builder_string(b, NULL, wrong[i]),
                  ANYCABLE_ERR_ENCODING);
    anycable_builder_reset(b);
  }
  for (size_t i = 0; i < LENGTH(wrong_json); i++) {
    assert_failed(b, anycable_builder_json(b, NULL, wrong_json[i]),
                  ANYCABLE_ERR_ENCODING);
    anycable_builder_reset(b);
  }
  anycable_builder_object(b, NULL);
  assert_failed(b, anycable_builder_null(b, "\xc0\x80"), ANYCABLE_ERR_ENCODING);
  anycable_builder_free(b);
}

static void test_behind_the_end(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  anycable_builder_null(b, NULL);
  assert_failed(b, anycable_builder_null(b, NULL), ANYCABLE_ERR_STATE);
  anycable_builder_reset(b);
  anycable_builder_object(b, NULL);
  anycable_builder_end(b);
  assert_failed(b, anycable_builder_array(b, NULL), ANYCABLE_ERR_STATE);
  anycable_builder_reset(b);
  anycable_builder_int(b, NULL, 1);
  assert_failed(b, anycable_builder_end(b), ANYCABLE_ERR_STATE);
  anycable_builder_reset(b);
  assert_failed(b, anycable_builder_end(b), ANYCABLE_ERR_STATE);
  anycable_builder_reset(b);
  anycable_builder_array(b, NULL);
  anycable_builder_end(b);
  assert_failed(b, anycable_builder_end(b), ANYCABLE_ERR_STATE);
  anycable_builder_free(b);
}

static void test_incomplete(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  assert_int_equal(anycable_builder_text(b).len, 0);
  assert_failed(b, anycable_builder_error(b), ANYCABLE_ERR_STATE);
  anycable_builder_reset(b);
  anycable_builder_object(b, NULL);
  anycable_builder_int(b, "a", 1);
  assert_int_equal(anycable_builder_text(b).len, 0);
  assert_failed(b, anycable_builder_error(b), ANYCABLE_ERR_STATE);
  anycable_builder_reset(b);
  assert_int_equal(anycable_builder_error(b), ANYCABLE_OK);
  anycable_builder_free(b);
}

static void test_depth(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  char expected[200];
  size_t len = 0;
  for (int i = 0; i < 64; i++) {
    if (i % 3 == 0)
      anycable_builder_object(b, i % 3 == 1 ? "" : NULL);
    else
      anycable_builder_array(b, i % 3 == 1 ? "" : NULL);
    len += (size_t)sprintf(expected + len, "%s",
                           i % 3 == 0   ? "{"
                           : i % 3 == 1 ? "\"\":["
                                        : "[");
  }
  for (int i = 63; i >= 0; i--) {
    assert_int_equal(anycable_builder_end(b), 0);
    expected[len++] = i % 3 == 0 ? '}' : ']';
  }
  expected[len] = '\0';
  assert_text(b, expected);
  anycable_builder_reset(b);
  for (int i = 0; i < 64; i++)
    assert_int_equal(anycable_builder_array(b, NULL), 0);
  assert_failed(b, anycable_builder_array(b, NULL), ANYCABLE_ERR_LIMIT);
  /* Of what is JSON already, the levels count as well. */
  anycable_builder_reset(b);
  for (int i = 0; i < 63; i++)
    anycable_builder_array(b, NULL);
  assert_int_equal(anycable_builder_json(b, NULL, S("[1]")), 0);
  assert_failed(b, anycable_builder_json(b, NULL, S("[[]]")),
                ANYCABLE_ERR_LIMIT);
  anycable_builder_free(b);
}

static void test_json(void **state) {
  (void)state;
  static const char *const wrong[] = {"",     " ",    "{",  "1 2",      "a",
                                      "[1,]", "{} x", "\"", "1,\"b\":2"};
  anycable_builder *b = anycable_builder_new();
  for (size_t i = 0; i < LENGTH(wrong); i++) {
    assert_failed(b, anycable_builder_json(b, NULL, anycable_str_of(wrong[i])),
                  ANYCABLE_ERR_PROTO);
    anycable_builder_reset(b);
  }
  assert_failed(b, anycable_builder_json(b, NULL, ac_str(NULL, 0)),
                ANYCABLE_ERR_PROTO);
  anycable_builder_reset(b);
  anycable_builder_json(b, NULL, S("{\"a\":\"\\ud800\", \"a\":1}"));
  assert_text(b, "{\"a\":\"\\ud800\", \"a\":1}");
  anycable_builder_free(b);
}

static void test_null_builder(void **state) {
  (void)state;
  enum { NOMEM = ANYCABLE_ERR_NOMEM };
  assert_int_equal(anycable_builder_object(NULL, NULL), NOMEM);
  assert_int_equal(anycable_builder_array(NULL, "a"), NOMEM);
  assert_int_equal(anycable_builder_end(NULL), NOMEM);
  assert_int_equal(anycable_builder_string(NULL, "a", S("a")), NOMEM);
  assert_int_equal(anycable_builder_int(NULL, "a", 1), NOMEM);
  assert_int_equal(anycable_builder_uint(NULL, "a", 1), NOMEM);
  assert_int_equal(anycable_builder_number(NULL, "a", NAN), NOMEM);
  assert_int_equal(anycable_builder_bool(NULL, "a", true), NOMEM);
  assert_int_equal(anycable_builder_null(NULL, "a"), NOMEM);
  assert_int_equal(anycable_builder_json(NULL, "a", S("")), NOMEM);
  assert_int_equal(anycable_builder_error(NULL), NOMEM);
  anycable_str text = anycable_builder_text(NULL);
  assert_string_equal(text.ptr, "");
  assert_int_equal(text.len, 0);
  anycable_builder_reset(NULL);
}

/* --- a call's errors ------------------------------------------------------ */

static int forgets_a_name(anycable_socket *socket) {
  anycable_builder *b = anycable_socket_builder(socket);
  anycable_builder_object(b, NULL);
  anycable_builder_null(b, NULL);
  anycable_builder_reset(b);
  anycable_builder_null(b, NULL);
  assert_text(b, "null");
  assert_int_equal(socket->error, ANYCABLE_ERR_INVALID);
  return ANYCABLE_DONE;
}

static int forgets_the_end(anycable_socket *socket) {
  anycable_builder *b = anycable_socket_builder(socket);
  anycable_builder_object(b, NULL);
  assert_int_equal(anycable_builder_text(b).len, 0);
  assert_int_equal(socket->error, ANYCABLE_ERR_STATE);
  return ANYCABLE_DONE;
}

static int publishes_nothing(anycable_socket *socket) {
  anycable_builder *b = anycable_socket_builder(socket);
  anycable_builder_string(b, NULL, S("\xff"));
  assert_int_equal(socket->error, ANYCABLE_ERR_ENCODING);
  return ANYCABLE_DONE;
}

static int has_no_memory(anycable_socket *socket) {
  struct ac_arena *arena = socket->arena;
  arena->cap = arena->used;
  while (arena->end - arena->at > 0)
    ac_arena_alloc(arena, 16);
  assert_null(anycable_socket_builder(socket));
  assert_int_equal(socket->error, ANYCABLE_ERR_NOMEM);
  return ANYCABLE_DONE;
}

static int runs_out_of_memory(anycable_socket *socket) {
  anycable_builder *b = anycable_socket_builder(socket);
  char *text = anycable_socket_alloc(socket, 5000);
  memset(text, 'a', 5000);
  anycable_builder_array(b, NULL);
  int error = 0;
  for (int i = 0; i < 1000 && !error; i++)
    error = anycable_builder_string(b, NULL, ac_str(text, 5000));
  assert_failed(b, error, ANYCABLE_ERR_NOMEM);
  assert_int_equal(socket->error, ANYCABLE_ERR_NOMEM);
  return ANYCABLE_DONE;
}

static void test_call_remembers(void **state) {
  (void)state;
  assert_int_equal(run(forgets_a_name), AC_WIRE_ERROR);
  assert_int_equal(run(forgets_the_end), AC_WIRE_ERROR);
  assert_int_equal(run(publishes_nothing), AC_WIRE_ERROR);
  assert_int_equal(run(has_no_memory), AC_WIRE_ERROR);
  assert_int_equal(run(runs_out_of_memory), AC_WIRE_ERROR);
}

/* --- memory of its own ---------------------------------------------------- */

static int build_some(anycable_builder *b) {
  char text[300];
  memset(text, 'a', sizeof(text));
  anycable_builder_array(b, NULL);
  for (int i = 0; i < 10; i++) {
    anycable_builder_object(b, NULL);
    anycable_builder_string(b, "text", ac_str(text, sizeof(text)));
    anycable_builder_number(b, "n", i);
    anycable_builder_end(b);
  }
  return anycable_builder_end(b);
}

static void test_out_of_memory(void **state) {
  (void)state;
  anycable_builder *b;
  fail_at(1, false);
  b = anycable_builder_new();
  assert_true(fail_no_more());
  assert_null(b);
  int number = 0;
  bool failed;
  do {
    b = anycable_builder_new();
    fail_at(++number, false);
    int error = build_some(b);
    failed = fail_no_more();
    if (failed)
      assert_failed(b, error, ANYCABLE_ERR_NOMEM);
    else
      assert_int_equal(error, ANYCABLE_OK);
    /* There is memory again. */
    anycable_builder_reset(b);
    assert_int_equal(build_some(b), ANYCABLE_OK);
    assert_int_equal(ac_json_check(anycable_builder_text(b), 2), 0);
    anycable_builder_free(b);
  } while (failed);
  assert_true(number > 3);
}

/* Anew with the memory that is there. */
static void test_reset_allocates_nothing(void **state) {
  (void)state;
  anycable_builder *b = anycable_builder_new();
  build_some(b);
  anycable_builder_reset(b);
  fail_at(1, true);
  int error = build_some(b);
  assert_false(fail_no_more());
  assert_int_equal(error, ANYCABLE_OK);
  anycable_builder_free(b);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_all),
      TEST(test_all_in_call),
      TEST(test_outermost),
      TEST(test_escapes),
      TEST(test_long),
      TEST(test_numbers),
      TEST(test_any_number),
      TEST(test_no_numbers),
      TEST(test_locale),
      TEST(test_names),
      TEST(test_encoding),
      TEST(test_behind_the_end),
      TEST(test_incomplete),
      TEST(test_depth),
      TEST(test_json),
      TEST(test_null_builder),
      TEST(test_call_remembers),
      TEST(test_out_of_memory),
      TEST(test_reset_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
