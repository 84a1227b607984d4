/* Publications: what is refused, and the bytes of what is not. */
#include "broadcast/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

enum { DEPTH = 64 };

static const anycable_publish_options plain = {.size = sizeof(plain)};

static int check(const char *stream, const char *data, bool string,
                 const anycable_publish_options *options) {
  struct ac_message message;
  int error = ac_message_init(&message, anycable_str_of(stream),
                              anycable_str_of(data), string, options);
  return error ? error : ac_message_check(&message, DEPTH);
}

/* Writes into memory of just the size that was told, so that a sanitizer sees
 * what goes beyond. */
static void assert_written(const char *stream, const char *data, bool string,
                           const anycable_publish_options *options,
                           const char *expected) {
  struct ac_message message;
  assert_int_equal(check(stream, data, string, options), ANYCABLE_OK);
  ac_message_init(&message, anycable_str_of(stream), anycable_str_of(data),
                  string, options);
  size_t size = ac_message_size(&message);
  char *out = malloc(size);
  assert_ptr_equal(ac_message_write(&message, out), out + size);
  assert_int_equal(size, strlen(expected));
  assert_memory_equal(out, expected, size);
  free(out);
}

static void test_json(void **state) {
  (void)state;
  assert_written("s", "1", false, NULL, "{\"stream\":\"s\",\"data\":\"1\"}");
  assert_written("chat/1", "{\"text\":\"a\\n\\\"b\\\"\"}", false, &plain,
                 "{\"stream\":\"chat/1\",\"data\":\"{\\\"text\\\":\\\"a\\\\n"
                 "\\\\\\\"b\\\\\\\"\\\"}\"}");
  assert_written(
      "\"\\\n\xc3\xa9", " [true]\n", false, NULL,
      "{\"stream\":\"\\\"\\\\\\n\xc3\xa9\",\"data\":\" [true]\\n\"}");
  assert_written("s", "\"null\"", false, NULL,
                 "{\"stream\":\"s\",\"data\":\"\\\"null\\\"\"}");
  assert_written("s", "\"\xe2\x80\xa8\"", false, NULL,
                 "{\"stream\":\"s\",\"data\":\"\\\"\\u2028\\\"\"}");
}

static void test_strings(void **state) {
  (void)state;
  assert_written("s", "", true, NULL,
                 "{\"stream\":\"s\",\"data\":\"\\\"\\\"\"}");
  assert_written("s", "null", true, NULL,
                 "{\"stream\":\"s\",\"data\":\"\\\"null\\\"\"}");
  assert_written("s", "a\"b\\c\nd\x01", true, NULL,
                 "{\"stream\":\"s\",\"data\":\"\\\"a\\\\\\\"b\\\\\\\\c\\\\nd"
                 "\\\\u0001\\\"\"}");
  assert_written("s", "9007199254740993", true, NULL,
                 "{\"stream\":\"s\",\"data\":\"\\\"9007199254740993\\\"\"}");
}

/* Each of them becomes seven bytes. */
static void test_control_characters(void **state) {
  (void)state;
  enum { COUNT = 300 };
  char text[COUNT + 1] = "", expected[7 * COUNT + 64];
  strcpy(expected, "{\"stream\":\"s\",\"data\":\"\\\"");
  for (size_t i = 0; i < COUNT; i++) {
    strcat(text, "\x01");
    strcat(expected, "\\\\u0001");
  }
  strcat(expected, "\\\"\"}");
  assert_written("s", text, true, NULL, expected);
}

/* Longer than a piece, with a character across its end. */
static void test_long_string(void **state) {
  (void)state;
  char text[1000], expected[1100] = "{\"stream\":\"s\",\"data\":\"\\\"";
  for (size_t i = 0; i < 333; i++)
    memcpy(text + 3 * i, "\xe2\x82\xac", 4);
  strcat(expected, text);
  strcat(expected, "\\\"\"}");
  assert_written("s", text, true, NULL, expected);
  /* And from another place in the piece. */
  for (size_t shift = 1; shift < 3; shift++) {
    memset(text, 'x', shift);
    memmove(text + shift, "\xe2\x82\xac", 3);
    for (size_t i = 0; i < 300; i++)
      memcpy(text + shift + 3 * i, "\xe2\x82\xac", 4);
    strcpy(expected, "{\"stream\":\"s\",\"data\":\"\\\"");
    strcat(expected, text);
    strcat(expected, "\\\"\"}");
    assert_written("s", text, true, NULL, expected);
  }
}

static void test_meta(void **state) {
  (void)state;
  anycable_publish_options options = plain;
  options.exclude_socket = ANYCABLE_STR("sid\"");
  assert_written(
      "s", "1", false, &options,
      "{\"stream\":\"s\",\"data\":\"1\",\"meta\":{\"exclude_socket\":"
      "\"sid\\\"\"}}");
  options.broadcast_type = ANYCABLE_STR("alert");
  options.transient = true;
  assert_written(
      "s", "1", false, &options,
      "{\"stream\":\"s\",\"data\":\"1\",\"meta\":{\"exclude_socket\":"
      "\"sid\\\"\",\"broadcast_type\":\"alert\",\"transient\":true}}");
  options.exclude_socket = ac_str(NULL, 0);
  assert_written(
      "s", "1", false, &options,
      "{\"stream\":\"s\",\"data\":\"1\",\"meta\":{\"broadcast_type\":"
      "\"alert\",\"transient\":true}}");
  options.broadcast_type = ac_str(NULL, 0);
  assert_written("s", "1", false, &options,
                 "{\"stream\":\"s\",\"data\":\"1\",\"meta\":{\"transient\":true"
                 "}}");
}

static void test_big_integers(void **state) {
  (void)state;
  const char *json = "{\"id\":9007199254740993,\"s\":\"9007199254740993\","
                     "\"l\":[-9007199254740993,1]}";
  anycable_publish_options options = plain;
  assert_int_equal(check("s", json, false, NULL), ANYCABLE_ERR_INVALID);
  assert_int_equal(check("s", "1e308", false, NULL), ANYCABLE_ERR_INVALID);
  options.big_integers = ANYCABLE_BIG_INTEGERS_AS_STRINGS;
  assert_int_equal(check("s", "1e308", false, &options), ANYCABLE_ERR_INVALID);
  assert_written("s", json, false, &options,
                 "{\"stream\":\"s\",\"data\":\"{\\\"id\\\":\\\"9007199254740993"
                 "\\\",\\\"s\\\":\\\"9007199254740993\\\",\\\"l\\\":[\\\""
                 "-9007199254740993\\\",1]}\"}");
  assert_written("s", "9007199254740993", false, &options,
                 "{\"stream\":\"s\",\"data\":\"\\\"9007199254740993\\\"\"}");
  options.big_integers = ANYCABLE_BIG_INTEGERS_AS_THEY_ARE;
  assert_written("s", "[9007199254740993]", false, &options,
                 "{\"stream\":\"s\",\"data\":\"[9007199254740993]\"}");
  options.big_integers = 3;
  assert_int_equal(check("s", "1", false, &options), ANYCABLE_ERR_INVALID);
  options.big_integers = -1;
  assert_int_equal(check("s", "1", false, &options), ANYCABLE_ERR_INVALID);
}

/* What is too large for a double is no number for AnyCable at all. */
static void test_integer_of_400_digits(void **state) {
  (void)state;
  char digits[401];
  anycable_publish_options options = plain;
  memset(digits, '7', 400);
  digits[400] = '\0';
  options.big_integers = ANYCABLE_BIG_INTEGERS_AS_THEY_ARE;
  assert_int_equal(check("s", digits, false, &options), ANYCABLE_ERR_INVALID);
  assert_int_equal(check("s", digits + 91, false, &options),
                   ANYCABLE_ERR_INVALID); /* 309: perhaps */
  assert_int_equal(check("s", digits + 92, false, &options), ANYCABLE_OK);
  options.big_integers = ANYCABLE_BIG_INTEGERS_AS_STRINGS;
  assert_int_equal(check("s", digits, false, &options), ANYCABLE_OK);
}

static const struct {
  const char *stream;
  const char *data;
  int error;
} refused[] = {
    {"", "1", ANYCABLE_ERR_INVALID},
    {"s", "", ANYCABLE_ERR_PROTO},
    {"s", "null", ANYCABLE_ERR_PROTO},
    {"s", " \t\r\nnull ", ANYCABLE_ERR_PROTO},
    {"s", "nul", ANYCABLE_ERR_PROTO},
    {"s", "hello", ANYCABLE_ERR_PROTO},
    {"s", "{\"a\":1", ANYCABLE_ERR_PROTO},
    {"s", "1 2", ANYCABLE_ERR_PROTO},
    {"s", "{'a':1}", ANYCABLE_ERR_PROTO},
    {"s\xff", "1", ANYCABLE_ERR_ENCODING},
    {"s", "\"\xc0\xaf\"", ANYCABLE_ERR_ENCODING},
    {"s", "\"\xed\xa0\x80\"", ANYCABLE_ERR_ENCODING},
};

static void test_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
    assert_int_equal(check(refused[i].stream, refused[i].data, false, NULL),
                     refused[i].error);
  assert_int_equal(check("s", "\xff", true, NULL), ANYCABLE_ERR_ENCODING);
}

static void test_nul(void **state) {
  (void)state;
  struct ac_message message;
  anycable_str nul = {"a\0b", 3};
  ac_message_init(&message, nul, anycable_str_of("1"), false, NULL);
  assert_int_equal(ac_message_check(&message, DEPTH), ANYCABLE_ERR_ENCODING);
  ac_message_init(&message, anycable_str_of("s"), nul, true, NULL);
  assert_int_equal(ac_message_check(&message, DEPTH), ANYCABLE_ERR_ENCODING);
  anycable_publish_options options = plain;
  options.exclude_socket = nul;
  assert_int_equal(check("s", "1", false, &options), ANYCABLE_ERR_ENCODING);
  options = plain;
  options.broadcast_type = nul;
  assert_int_equal(check("s", "1", false, &options), ANYCABLE_ERR_ENCODING);
}

static void test_depth(void **state) {
  (void)state;
  char json[2 * DEPTH + 3];
  memset(json, '[', DEPTH);
  memset(json + DEPTH, ']', DEPTH);
  json[2 * DEPTH] = '\0';
  assert_int_equal(check("s", json, false, NULL), ANYCABLE_OK);
  memset(json, '[', DEPTH + 1);
  memset(json + DEPTH + 1, ']', DEPTH + 1);
  json[2 * DEPTH + 2] = '\0';
  assert_int_equal(check("s", json, false, NULL), ANYCABLE_ERR_LIMIT);
}

/* A table of another library's size. */
static void test_options_grow(void **state) {
  (void)state;
  struct {
    anycable_publish_options options;
    char later[8];
  } newer = {.options = {.size = sizeof(newer), .transient = true}};
  assert_int_equal(check("s", "1", false, &newer.options), ANYCABLE_OK);
  newer.later[3] = 1;
  assert_int_equal(check("s", "1", false, &newer.options),
                   ANYCABLE_ERR_INVALID);
  anycable_publish_options none = {.size = 0};
  assert_int_equal(check("s", "1", false, &none), ANYCABLE_ERR_INVALID);
  anycable_publish_options older = {
      .size = offsetof(anycable_publish_options, transient), .transient = true};
  assert_written("s", "1", false, &older, "{\"stream\":\"s\",\"data\":\"1\"}");
}

static void test_disconnect(void **state) {
  (void)state;
  const char *expected = "{\"command\":\"disconnect\",\"payload\":{\"identifier"
                         "\":\"{\\\"user\\\":1}\",\"reconnect\":true}}";
  anycable_str identifiers = ANYCABLE_STR("{\"user\":1}");
  size_t size = ac_disconnect_size(identifiers, true);
  char *out = malloc(size);
  assert_ptr_equal(ac_disconnect_write(identifiers, true, out), out + size);
  assert_int_equal(size, strlen(expected));
  assert_memory_equal(out, expected, size);
  free(out);
  assert_int_equal(ac_disconnect_size(identifiers, false), size + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_strings),
      cmocka_unit_test(test_control_characters),
      cmocka_unit_test(test_long_string),
      cmocka_unit_test(test_meta),
      cmocka_unit_test(test_big_integers),
      cmocka_unit_test(test_integer_of_400_digits),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_nul),
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_options_grow),
      cmocka_unit_test(test_disconnect),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
