/* The JSON cursor against the scanner and its decoder, which share nothing with
 * it but single escapes. Texts lie between their margins at the ends of memory,
 * so that reading or writing beyond them is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_cursor.h"

static struct ac_arena_pool *pool;

static int set_up(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 4);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  ac_arena_pool_release(pool);
  return 0;
}

static unsigned random_below(unsigned n) {
  static uint64_t seed = 7;
  seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(seed >> 33) % n;
}

/* A copy with margins, to be freed at its beginning. */
struct copy {
  char *memory;
  struct ac_json_cursor cursor;
};

static struct copy copy_of(const char *text, size_t len) {
  struct copy copy = {malloc(len + 2 * AC_JSON_MARGIN), {NULL, NULL, NULL}};
  assert_non_null(copy.memory);
  memset(copy.memory, '"', len + 2 * AC_JSON_MARGIN);
  if (len > 0)
    memcpy(copy.memory + AC_JSON_MARGIN, text, len);
  ac_json_cursor_init(&copy.cursor, copy.memory + AC_JSON_MARGIN, len);
  return copy;
}

/* The same by both; what the cursor refuses the other refuses. */
static void assert_string(const char *text, size_t len) {
  struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
  struct copy copy = copy_of(text, len);
  anycable_str got, expected;
  int error;
  const char *end = ac_json_scan(text, text + len, 1, &error);
  size_t value_len = end ? (size_t)(end - text) : 0;
  int result = ac_json_cursor_string(&copy.cursor, &got);
  if (!end || *text != '"') {
    assert_true(result == ANYCABLE_ERR_PROTO ||
                (result == ANYCABLE_ERR_ENCODING && *text == '"'));
  } else if (ac_json_string(arena, ac_str(text, value_len), true, &expected)) {
    assert_int_equal(result, ANYCABLE_ERR_ENCODING);
  } else {
    assert_int_equal(result, ANYCABLE_OK);
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.ptr, expected.ptr, expected.len + 1);
    assert_ptr_equal(copy.cursor.at, copy.memory + AC_JSON_MARGIN + value_len);
    assert_memory_equal(copy.cursor.at, text + value_len, len - value_len);
  }
  free(copy.memory);
  ac_arena_free(arena);
}

/* Every byte in every place of strings of up to two blocks and more. */
static void test_every_byte(void **state) {
  char text[64];
  (void)state;
  for (size_t len = 0; len <= 36; len++) {
    for (size_t at = 0; at < len; at++) {
      for (int byte = 0; byte < 256; byte++) {
        memset(text, 'x', sizeof(text));
        text[0] = text[len + 1] = '"';
        text[at + 1] = (char)byte;
        assert_string(text, len + 2);
      }
    }
  }
}

/* Every escape likewise, cut off at every place. */
static void test_every_escape(void **state) {
  static const char *const escapes[] = {"\\\"",          "\\\\",
                                        "\\/",           "\\b",
                                        "\\f",           "\\n",
                                        "\\r",           "\\t",
                                        "\\u0041",       "\\u00e4",
                                        "\\u20AC",       "\\ud83d\\ude00",
                                        "\\ud83d",       "\\ud83d\\u0041",
                                        "\\ude00",       "\\u0000",
                                        "\\u123",        "\\u12g4",
                                        "\\x",           "\\U0041",
                                        "\\ud83d\\",     "\\ud83d\\n",
                                        "\\ud83d\\ud83d"};
  (void)state;
  for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
    for (size_t before = 0; before <= 34; before++) {
      char text[96] = "\"";
      memset(text + 1, 'x', before);
      strcpy(text + 1 + before, escapes[i]);
      strcat(text, "\"yz");
      size_t len = strlen(text);
      for (size_t cut = 0; cut < strlen(escapes[i]) + 4; cut++)
        assert_string(text, len - cut);
    }
  }
}

/* A string in a text of them, of random characters and escapes. */
static size_t write_string(char *out) {
  static const char *const pieces[] = {
      "\\n", "\\\"", "\\\\", "\\u00e4", "\xc3\xa4", "\\ud83d\\ude00", "{", ","};
  size_t len = 0;
  out[len++] = '"';
  for (unsigned n = random_below(12); n > 0; n--) {
    const char *piece = pieces[random_below(8)];
    size_t plain = random_below(3) ? random_below(8) : 0;
    memset(out + len, 'p', plain);
    len += plain;
    memcpy(out + len, piece, strlen(piece));
    len += strlen(piece);
  }
  out[len++] = '"';
  return len;
}

/* All of them stay as they were read, to the end. */
static void test_strings_stay(void **state) {
  (void)state;
  for (int round = 0; round < 20000; round++) {
    struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
    char text[2048] = "[";
    anycable_str got[10], expected[10];
    size_t len = 1, n = 1 + random_below(10);
    for (size_t i = 0; i < n; i++) {
      size_t begin = len;
      len += write_string(text + len);
      assert_int_equal(ac_json_string(arena, ac_str(text + begin, len - begin),
                                      true, &expected[i]),
                       ANYCABLE_OK);
      text[len++] = i + 1 < n ? ',' : ']';
    }
    struct copy copy = copy_of(text, len);
    assert_true(ac_json_cursor_take(&copy.cursor, '['));
    for (size_t i = 0; i < n; i++) {
      assert_int_equal(ac_json_cursor_string(&copy.cursor, &got[i]),
                       ANYCABLE_OK);
      assert_true(ac_json_cursor_take(&copy.cursor, i + 1 < n ? ',' : ']'));
    }
    assert_ptr_equal(copy.cursor.at, copy.cursor.end);
    for (size_t i = 0; i < n; i++) {
      assert_int_equal(got[i].len, expected[i].len);
      assert_memory_equal(got[i].ptr, expected[i].ptr, expected[i].len + 1);
    }
    free(copy.memory);
    ac_arena_free(arena);
  }
}

static void test_space(void **state) {
  static const char text[] = " \t\r\n{\f";
  (void)state;
  struct copy copy = copy_of(text, sizeof(text) - 1);
  assert_int_equal(ac_json_cursor_peek(&copy.cursor), '{');
  assert_false(ac_json_cursor_take(&copy.cursor, '['));
  assert_true(ac_json_cursor_take(&copy.cursor, '{'));
  assert_int_equal(ac_json_cursor_peek(&copy.cursor), '\f');
  copy.cursor.at++;
  assert_int_equal(ac_json_cursor_peek(&copy.cursor), '\0');
  assert_ptr_equal(copy.cursor.at, copy.cursor.end);
  free(copy.memory);
}

static void test_skip(void **state) {
  static const struct {
    const char *text;
    unsigned depth;
    int result;
    size_t len;
  } rows[] = {{"{\"a\":[1,{}]}x", 3, ANYCABLE_OK, 12},
              {"{\"a\":[1,{}]}x", 2, ANYCABLE_ERR_LIMIT, 0},
              {"null,", 0, ANYCABLE_OK, 4},
              {"-1.5e3]", 0, ANYCABLE_OK, 6},
              {"\"\\\"\"", 0, ANYCABLE_OK, 4},
              {"[]", 0, ANYCABLE_ERR_LIMIT, 0},
              {"[", 1, ANYCABLE_ERR_PROTO, 0},
              {"nul", 0, ANYCABLE_ERR_PROTO, 0},
              {"", 1, ANYCABLE_ERR_PROTO, 0}};
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    struct copy copy = copy_of(rows[i].text, strlen(rows[i].text));
    assert_int_equal(ac_json_cursor_skip(&copy.cursor, rows[i].depth),
                     rows[i].result);
    assert_ptr_equal(copy.cursor.at,
                     copy.memory + AC_JSON_MARGIN + rows[i].len);
    free(copy.memory);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_byte), cmocka_unit_test(test_every_escape),
      cmocka_unit_test(test_strings_stay), cmocka_unit_test(test_space),
      cmocka_unit_test(test_skip)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
