/* AnyCable's messages as JSON: one row a rule and a boundary. What is accepted
 * is what Go's encoding/json writes, and a little more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anycable/error.h>

#include "base/json_cursor.h"
#include "http/json.h"

enum { DEPTH = 6, ELEMENTS = 4 };

static struct ac_arena_pool *pool;
static struct ac_arena *arena;

static int setup(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 4);
  arena = ac_arena_new(pool, 1 << 20);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
  return 0;
}

/* --- requests ------------------------------------------------------------- */

static char words[1024];
static size_t words_len;

static void say(const char *name, anycable_str s) {
  assert_non_null(s.ptr);
  assert_int_equal(s.ptr[s.len], '\0');
  if (s.len > 0)
    words_len += (size_t)snprintf(words + words_len, sizeof(words) - words_len,
                                  "%s=%s ", name, s.ptr);
}

static void say_map(const char *name, const struct ac_wire_map *map) {
  char path[64];
  for (size_t i = 0; i < map->n; i++) {
    snprintf(path, sizeof(path), "%s.%s", name, map->items[i].key.ptr);
    say(path, map->items[i].value);
  }
}

/* What was read, in words; or why not. */
static const char *read_body(int method, char *body, size_t len) {
  static const struct ac_http_json_limits limits = {ELEMENTS, DEPTH};
  struct ac_wire_request request;
  const char *reason = NULL;
  int error = ac_http_read_request(method, body, len, &limits, arena, &request,
                                   &reason);
  words_len = 0;
  words[0] = '\0';
  if (error) {
    assert_non_null(reason);
    assert_int_equal(request.data.len, 0);
    assert_int_equal(request.subscriptions.n, 0);
    assert_null(request.env.headers.items);
    snprintf(words, sizeof(words), "%s: %s", anycable_strerror(error), reason);
    return words;
  }
  say("url", request.env.url);
  say_map("h", &request.env.headers);
  say_map("c", &request.env.cstate);
  say_map("i", &request.env.istate);
  say("ids", request.identifiers);
  say("command", request.command);
  say("identifier", request.identifier);
  say("data", request.data);
  for (size_t i = 0; i < request.subscriptions.n; i++)
    say("s", request.subscriptions.items[i]);
  return words;
}

/* From memory that ends where the margins do. */
static const char *read_text(int method, anycable_str text) {
  char *body = malloc(text.len + 2 * AC_JSON_MARGIN);
  memset(body, '"', text.len + 2 * AC_JSON_MARGIN);
  if (text.len > 0)
    memcpy(body + AC_JSON_MARGIN, text.ptr, text.len);
  const char *read = read_body(method, body + AC_JSON_MARGIN, text.len);
  free(body);
  return read;
}

static const char *reads(int method, const char *text) {
  return read_text(method, anycable_str_of(text));
}

/* As anycable-go 1.6 sent them. */
static void test_real_requests(void **state) {
  (void)state;
  assert_string_equal(
      reads(ANYCABLE_CONNECT,
            "{\"env\":{\"url\":\"http://localhost:8080/"
            "cable?token=1\\u0026x=2\",\"headers\":{\"REMOTE_ADDR\":\"127.0.0."
            "1\",\"cookie\":\"a=\\u003cb\\u003e\\u0026c\"}}}"),
      "url=http://localhost:8080/cable?token=1&x=2 h.REMOTE_ADDR=127.0.0.1 "
      "h.cookie=a=<b>&c ");
  assert_string_equal(
      reads(ANYCABLE_COMMAND,
            "{\"command\":\"message\",\"identifier\":\"{\\\"channel\\\":"
            "\\\"A\\\"}\",\"connection_identifiers\":\"{\\\"u\\\":1}\","
            "\"data\":\"{\\\"action\\\":\\\"x\\\"}\",\"env\":{\"url\":\"u\","
            "\"cstate\":{\"_s_\":\"{}\"},\"istate\":{\"$w\":\"s\",\"k\":\"1\"}"
            "}}"),
      "url=u c._s_={} i.$w=s i.k=1 ids={\"u\":1} command=message "
      "identifier={\"channel\":\"A\"} data={\"action\":\"x\"} ");
  assert_string_equal(
      reads(ANYCABLE_DISCONNECT,
            "{\"identifiers\":\"{\\\"u\\\":1}\",\"subscriptions\":["
            "\"{\\\"channel\\\":\\\"A\\\"}\",\"b\"],\"env\":{\"istate\":{"
            "\"{\\\"channel\\\":\\\"A\\\"}\":\"{\\\"$w\\\":\\\"s\\\"}\"}}}"),
      "i.{\"channel\":\"A\"}={\"$w\":\"s\"} ids={\"u\":1} "
      "s={\"channel\":\"A\"} s=b ");
}

struct row {
  const char *text;
  const char *words; /* NULL: any refusal with the reason below */
  const char *reason;
};

static void test_odd_requests(void **state) {
  static const char malformed[] = "malformed JSON";
  static const char object[] = "an object is expected";
  static const char string[] = "a string is expected";
  static const char twice[] = "a field comes twice";
  static const char nul[] = "a string holds a NUL or half a surrogate pair";
  static const struct row rows[] = {
      {"{}", "", NULL},
      {" \t\r\n{ }\n", "", NULL},
      {"{\"command\":\"c\"}", "command=c ", NULL},
      {"{\"comm\\u0061nd\":\"c\"}", "command=c ", NULL},
      {"{\"Command\":\"c\",\"COMMAND\":\"d\"}", "", NULL}, /* exact names */
      {"{\"connectionIdentifiers\":\"c\"}", "", NULL},
      {"{\"command\":null,\"env\":null,\"data\":null}", "", NULL},
      {"{\"command\":\"\"}", "", NULL},
      {"{\"a\":1,\"b\":[{}],\"c\":{\"d\":[]},\"command\":\"c\",\"e\":true}",
       "command=c ", NULL},
      {"{\"subscriptions\":7}", "", NULL}, /* a Disconnect's */
      {"{\"env\":{}}", "", NULL},
      {"{\"env\":{\"url\":null,\"headers\":null,\"x\":1}}", "", NULL},
      {"{\"env\":{\"headers\":{}}}", "", NULL},
      {"{\"env\":{\"headers\":{\"a\":\"\"}}}", "", NULL},
      {"{\"data\":\"\\ud83d\\ude00\xc3\xa4\"}",
       "data=\xf0\x9f\x98\x80\xc3\xa4 ", NULL},
      {"{\"data\":\"\\u0001\\u007f\"}", "data=\x01\x7f ", NULL},
      {"{\"env\":{\"headers\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\"}"
       "}}",
       "h.a=1 h.b=2 h.c=3 h.d=4 ", NULL},
      {"{\"env\":{\"headers\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"},\"cstate\":"
       "{\"d\":\"4\",\"e\":\"5\"}}}",
       NULL, "too many elements"},
      {"{\"x\":[[[[[]]]]]}", "", NULL},
      {"{\"x\":[[[[[[]]]]]]}", NULL, "nested too deep"},
      {"", NULL, "there is no body"},
      {"   ", NULL, malformed},
      {"null", NULL, object},
      {"[]", NULL, object},
      {"[[[[[[[[]]]]]]]]", NULL, object},
      {"[[[[[[[[", NULL, object},
      {"[", NULL, malformed},
      {"tru", NULL, malformed},
      {"\"\"", NULL, object},
      {"1", NULL, object},
      {"{", NULL, malformed},
      {"{}x", NULL, malformed},
      {"{}{}", NULL, malformed},
      {"{},", NULL, malformed},
      {"{\"command\":\"c\",}", NULL, malformed},
      {"{\"command\":\"c\" \"data\":\"d\"}", NULL, malformed},
      {"{'command':'c'}", NULL, malformed},
      {"{command:\"c\"}", NULL, malformed},
      {"{\"command\":\"c\"", NULL, malformed},
      {"{\"command\":\"\n\"}", NULL, malformed},
      {"{\"x\":01}", NULL, malformed},
      {"{\"x\":nul}", NULL, malformed},
      {"\xef\xbb\xbf{}", NULL, malformed}, /* a byte order mark */
      {"{\"data\":\"\xff\"}", NULL, "the body is not UTF-8"},
      {"{\"data\":\"\xed\xa0\x80\"}", NULL, "the body is not UTF-8"},
      {"{\"command\":1}", NULL, string},
      {"{\"command\":true}", NULL, string},
      {"{\"command\":{}}", NULL, string},
      {"{\"command\":[\"c\"]}", NULL, string},
      {"{\"env\":[]}", NULL, object},
      {"{\"env\":\"\"}", NULL, object},
      {"{\"env\":{\"url\":1}}", NULL, string},
      {"{\"env\":{\"headers\":[]}}", NULL, object},
      {"{\"env\":{\"headers\":{\"a\":1}}}", NULL, string},
      {"{\"env\":{\"headers\":{\"a\":null}}}", NULL, string},
      {"{\"command\":\"c\",\"command\":\"c\"}", NULL, twice},
      {"{\"command\":null,\"command\":\"c\"}", NULL, twice},
      {"{\"command\":\"c\",\"\\u0063ommand\":\"c\"}", NULL, twice},
      {"{\"env\":{},\"env\":{}}", NULL, twice},
      {"{\"env\":{\"cstate\":{\"a\":\"1\",\"b\":\"1\",\"\\u0061\":\"2\"}}}",
       NULL, "a key comes twice"},
      {"{\"data\":\"\\u0000\"}", NULL, nul},
      {"{\"data\":\"\\ud800\"}", NULL, nul},
      {"{\"env\":{\"headers\":{\"\\u0000\":\"\"}}}", NULL, nul},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    const char *got = reads(ANYCABLE_COMMAND, rows[i].text);
    const char *colon = strstr(got, ": ");
    if (rows[i].words ? strcmp(got, rows[i].words) != 0
                      : !colon || strcmp(colon + 2, rows[i].reason) != 0)
      fail_msg("%s: %s", rows[i].text, got);
  }
}

static void test_lists(void **state) {
  static const struct row rows[] = {
      {"{\"subscriptions\":[]}", "", NULL},
      {"{\"subscriptions\":null}", "", NULL},
      {"{\"subscriptions\":[\"a\",\"b\",\"c\",\"d\"]}", "s=a s=b s=c s=d ",
       NULL},
      {"{\"subscriptions\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", NULL,
       "too many elements"},
      {"{\"subscriptions\":{}}", NULL, "a list is expected"},
      {"{\"subscriptions\":\"a\"}", NULL, "a list is expected"},
      {"{\"subscriptions\":[1]}", NULL, "a string is expected"},
      {"{\"subscriptions\":[null]}", NULL, "a string is expected"},
      {"{\"subscriptions\":[\"a\" \"b\"]}", NULL, "malformed JSON"},
      {"{\"command\":7,\"identifiers\":\"i\"}", "ids=i ", NULL},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    const char *got = reads(ANYCABLE_DISCONNECT, rows[i].text);
    const char *colon = strstr(got, ": ");
    if (rows[i].words ? strcmp(got, rows[i].words) != 0
                      : !colon || strcmp(colon + 2, rows[i].reason) != 0)
      fail_msg("%s: %s", rows[i].text, got);
  }
}

static void test_without_memory(void **state) {
  static const char text[] =
      "{\"command\":\"c\",\"env\":{\"headers\":{\"a\":\"1\",\"b\":\"2\"}}}";
  (void)state;
  struct ac_arena *small = ac_arena_new(pool, 0);
  while (ac_arena_alloc(small, 16)) {
  }
  struct ac_arena *kept = arena;
  arena = small;
  assert_string_equal(reads(ANYCABLE_COMMAND, text),
                      "out of memory: out of memory");
  arena = kept;
  ac_arena_free(small);
}

/* --- replies -------------------------------------------------------------- */

static const char *writes(const struct ac_wire_reply *reply) {
  anycable_str text = ac_http_write_reply(reply, arena);
  assert_non_null(text.ptr);
  assert_int_equal(strlen(text.ptr), text.len);
  return text.ptr;
}

#define S(text) ANYCABLE_STR(text)

static void test_replies(void **state) {
  anycable_str texts[] = {S("a"), S("{\"b\":\"\xc3\xa4\n\"}")};
  struct ac_pair pairs[] = {{S("k"), S("v")}, {S("\"q\""), S("")}};
  const struct ac_wire_list list = {texts, 2};
  const struct ac_wire_map map = {pairs, 2}, none = {pairs, 0};
  struct ac_wire_reply reply = {.status = AC_WIRE_ERROR};
  (void)state;
  assert_string_equal(writes(&reply), "{\"status\":0}");
  reply = (struct ac_wire_reply){.status = AC_WIRE_FAILURE,
                                 .error_msg = S("\"no\"")};
  assert_string_equal(writes(&reply),
                      "{\"status\":2,\"error_msg\":\"\\\"no\\\"\"}");
  reply = (struct ac_wire_reply){.status = AC_WIRE_SUCCESS,
                                 .identifiers = S("{}"),
                                 .disconnect = true,
                                 .stop_streams = true,
                                 .streams = list,
                                 .stopped_streams = {texts, 1},
                                 .transmissions = {texts + 1, 1},
                                 .cstate = map,
                                 .istate = none,
                                 .presence = {S("join"), S("1"), S("{}")}};
  assert_string_equal(
      writes(&reply),
      "{\"status\":1,\"identifiers\":\"{}\",\"disconnect\":true,"
      "\"stop_streams\":true,\"streams\":[\"a\",\"{\\\"b\\\":\\\"\xc3\xa4\\n"
      "\\\"}\"],\"stopped_streams\":[\"a\"],\"transmissions\":[\"{\\\"b\\\":"
      "\\\"\xc3\xa4\\n\\\"}\"],\"env\":{\"cstate\":{\"k\":\"v\",\"\\\"q\\\"\":"
      "\"\"},\"istate\":{}},\"presence\":{\"type\":\"join\",\"id\":\"1\","
      "\"info\":\"{}\"}}");
  struct ac_arena *small = ac_arena_new(pool, 0);
  while (ac_arena_alloc(small, 16)) {
  }
  assert_null(ac_http_write_reply(&reply, small).ptr);
  ac_arena_free(small);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_real_requests, setup, teardown),
      cmocka_unit_test_setup_teardown(test_odd_requests, setup, teardown),
      cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
      cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(test_replies, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
