/* JSON: the grammar of RFC 8259 by table, depth, members, strings, integers.
 * Every text ends where its memory ends, so that looking beyond is an error
 * under AddressSanitizer. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static struct ac_arena_pool *pool;
static struct ac_arena *arena;

static int set_up(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 1);
  arena = ac_arena_new(pool, 1 << 24);
  return arena ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
  return 0;
}

static anycable_str exact(const char *text, size_t len) {
  char *copy = malloc(len ? len : 1);
  assert_non_null(copy);
  if (len > 0)
    memcpy(copy, text, len);
  return ac_str(copy, len);
}

static void drop(anycable_str s) {
  free((void *)(uintptr_t)s.ptr);
}

static int check(const char *text, size_t len, unsigned depth) {
  anycable_str copy = exact(text, len);
  int result = ac_json_check(copy, depth);
  drop(copy);
  return result;
}

static void assert_str(anycable_str s, const char *expected) {
  assert_int_equal(s.len, strlen(expected));
  assert_memory_equal(s.ptr, expected, s.len);
}

static const char *const valid[] = {
    /* literals */
    "true",
    "false",
    "null",
    /* white space: exactly four characters */
    " true",
    "true ",
    "\t\n\r true \r\n\t",
    " [ 1 , 2 ] ",
    "{ \"a\" : 1 }",
    "\n{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}\n",
    "[ ]",
    "{ }",
    "[\r]",
    "{\t}",
    /* numbers */
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890",
    "0.0",
    "0.5",
    "-0.5",
    "1.50",
    "0e0",
    "0E0",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "1e00",
    "1.0e+10",
    "-1.5E-07",
    "123456789012345678901234567890",
    "1e999",
    "-1e-999",
    "0.00000000000001",
    /* strings */
    "\"\"",
    "\"a\"",
    "\"abcdefg\"",
    "\"abcdefgh\"",
    "\"abcdefghijklmnopqrst\"",
    "\" \"",
    "\"/\"",
    "\"'\"",
    "\"\x7f\"",
    "\"\xc3\xa9\"",
    "\"\xe2\x80\xa8\xe2\x80\xa9\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"[{,:]}\"",
    /* escapes: eight of one letter, and \u */
    "\"\\\"\"",
    "\"\\\\\"",
    "\"\\/\"",
    "\"\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\uabcd\\uABCD\\uAbCd\"",
    "\"\\u0000\"",
    "\"\\u001f\"",
    "\"\\\\\\\\\"",
    "\"\\\\\\\"\"",
    "\"\\ud83d\\ude00\"",
    "\"a\\nb\\nc\\nd\\ne\\nf\"",
    /* lone surrogates are JSON, though no text */
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\ud800\"",
    /* arrays */
    "[]",
    "[1]",
    "[1,2,3]",
    "[[]]",
    "[[],[]]",
    "[[[[[]]]]]",
    "[{},{}]",
    "[null,true,false,0,\"\",[],{}]",
    "[-1,\"-1\"]",
    /* objects */
    "{}",
    "{\"a\":1}",
    "{\"a\":1,\"b\":2}",
    "{\"\":0}",
    "{\"a\":{}}",
    "{\"a\":[{\"b\":[{\"c\":[]}]}]}",
    "{\"a\":1,\"a\":2}",
    "{\"\\u0061\":1}",
    "{\"a\":\"}\"}",
    "{\"a\":\"\\\"}\"}",
    "{\"$w\":\"s\",\"k\":\"1\"}",
    "{\"channel\":\"ChatChannel\",\"room\":\"1\"}",
};

static const char *const invalid[] = {
    "",
    " ",
    "\n",
    /* literals */
    "t",
    "tru",
    "truE",
    "True",
    "TRUE",
    "truee",
    "true1",
    "nul",
    "nulll",
    "NULL",
    "fals",
    "falsey",
    "undefined",
    "nan",
    "NaN",
    "Infinity",
    "-Infinity",
    "truefalse",
    "true false",
    "true,",
    ",true",
    /* white space */
    "\v1",
    "\f1",
    "1\v",
    "\xc2\xa0"
    "1",
    "1\xe2\x80\xa8",
    "\xef\xbb\xbf"
    "1",
    "[1\v,2]",
    "/**/1",
    "1//",
    "#1",
    /* numbers */
    "-",
    "+1",
    "--1",
    "- 1",
    "00",
    "01",
    "-01",
    "0123",
    "1.",
    "-1.",
    ".5",
    "-.5",
    "0.e1",
    "1.e1",
    "1e",
    "1E",
    "1e+",
    "1e-",
    "1e+-1",
    "1e1.5",
    "1.2.3",
    "1e1e1",
    "0x10",
    "0b1",
    "0o7",
    "1_000",
    "1,000",
    "1a",
    "1 2",
    "1-",
    "1+1",
    "1f",
    "1.5f",
    "--",
    "-a",
    "e1",
    "E",
    ".",
    "1\\u0030",
    "\xef\xbc\x91",
    /* strings */
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "a",
    "\"a\"b\"",
    "\"a\"\"b\"",
    "\"abcdefg",
    "\"abcdefgh",
    "\"\n\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"abcdefgh\x1f\"",
    "\"abcdefgh\n",
    "\"\"\"",
    "`a`",
    /* escapes */
    "\"\\\"",
    "\"\\",
    "\"\\a\"",
    "\"\\v\"",
    "\"\\0\"",
    "\"\\x41\"",
    "\"\\'\"",
    "\"\\ \"",
    "\"\\U0041\"",
    "\"\\N\"",
    "\"\\u\"",
    "\"\\u0\"",
    "\"\\u00\"",
    "\"\\u004\"",
    "\"\\u004",
    "\"\\u0041",
    "\"\\u",
    "\"\\u004g\"",
    "\"\\u 041\"",
    "\"\\u-041\"",
    "\"\\u+041\"",
    "\"\\u0x41\"",
    "\"\\\xc3\xa9\"",
    "\"\\u{41}\"",
    "\"\\ud800\\u\"",
    "\"\\ud800\\udc0\"",
    "\"\\\n\"",
    "\\u0041",
    "\"\\\\\\\"",
    /* arrays */
    "[",
    "]",
    "[[",
    "]]",
    "[]]",
    "[[]",
    "[1",
    "[1,",
    "[,",
    "[,1]",
    "[1,]",
    "[1,,2]",
    "[1 2]",
    "[1;2]",
    "[1:2]",
    "[1}",
    "[}",
    "[\"a\":1]",
    "[1]2",
    "[1][2]",
    "[\"a",
    "[tru]",
    "[01]",
    "[1.]",
    "[-]",
    "(1)",
    "[1],",
    /* objects */
    "{",
    "}",
    "{{",
    "{}}",
    "{{}}",
    "{]",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{,\"a\":1}",
    "{\"a\"}",
    "{\"a\",1}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{\"a\":,}",
    "{:1}",
    "{1:1}",
    "{a:1}",
    "{'a':1}",
    "{null:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\":1;\"b\":2}",
    "{\"a\":1]",
    "{\"a\":1}x",
    "{\"a\":1}{\"b\":2}",
    "{\"a\":1},",
    "{\"a\nb\":1}",
    "{\"a\\\":1}",
    "{[]:1}",
    "{\"a\":1:2}",
    "{\"a\":[1}",
    "{\"a\":[1}]",
    "{\"a\":}",
    "{\"a\"=1}",
    "{\"\\x\":1}",
};

static void test_grammar(void **state) {
  (void)state;
  for (size_t i = 0; i < LENGTH(valid); i++)
    if (check(valid[i], strlen(valid[i]), 64) != ANYCABLE_OK)
      fail_msg("refused: %s", valid[i]);
  for (size_t i = 0; i < LENGTH(invalid); i++)
    if (check(invalid[i], strlen(invalid[i]), 64) != ANYCABLE_ERR_PROTO)
      fail_msg("accepted: %s", invalid[i]);
  assert_int_equal(ac_json_check(ac_str(NULL, 0), 64), ANYCABLE_ERR_PROTO);
}

/* What is valid inside others is valid, and what is not is not. */
static void test_grammar_inside(void **state) {
  (void)state;
  static const char *const frames[] = {"[%s]", "{\"k\":%s}", "[0,%s,0]",
                                       "{\"k\":[%s],\"l\":0}", " %s "};
  char text[200];
  for (size_t f = 0; f < LENGTH(frames); f++) {
    const char *slot = strstr(frames[f], "%s");
    for (size_t i = 0; i < LENGTH(valid); i++) {
      snprintf(text, sizeof(text), "%.*s%s%s", (int)(slot - frames[f]),
               frames[f], valid[i], slot + 2);
      if (check(text, strlen(text), 64) != ANYCABLE_OK)
        fail_msg("refused: %s", text);
    }
    for (size_t i = 0; i < LENGTH(invalid); i++) {
      snprintf(text, sizeof(text), "%.*s%s%s", (int)(slot - frames[f]),
               frames[f], invalid[i], slot + 2);
      /* Some hold a comma or a bracket that fits here: "1,000" in an array. */
      bool fits = strpbrk(invalid[i], ",]}") || *invalid[i] == '\0' ||
                  strspn(invalid[i], " \n") == strlen(invalid[i]);
      int result = check(text, strlen(text), 64);
      if (!fits && result != ANYCABLE_ERR_PROTO)
        fail_msg("accepted: %s", text);
    }
  }
}

/* A valid text that lost its end is not valid, but for numbers and for white
 * space behind the value. */
static void test_truncated(void **state) {
  (void)state;
  for (size_t i = 0; i < LENGTH(valid); i++) {
    size_t len = strlen(valid[i]);
    if (strpbrk(valid[i], "\"[{") == NULL)
      continue;
    while (strchr(" \r\n\t", valid[i][len - 1]))
      len--;
    for (size_t cut = 0; cut < len; cut++)
      if (check(valid[i], cut, 64) != ANYCABLE_ERR_PROTO)
        fail_msg("accepted %zu bytes of: %s", cut, valid[i]);
  }
}

/* Each byte at each place of a string, a key and between values. */
static void test_every_byte(void **state) {
  (void)state;
  for (unsigned c = 0; c < 256; c++) {
    for (size_t at = 0; at < 20; at++) {
      char text[22];
      memset(text, 'a', sizeof(text));
      text[0] = text[21] = '"';
      text[1 + at] = (char)c;
      bool expected = c >= 0x20 && c != '"' && c != '\\';
      assert_int_equal(check(text, sizeof(text), 0) == ANYCABLE_OK, expected);
    }
    char between[] = {'[', '1', (char)c, '1', ']'};
    bool expected =
        (c >= '0' && c <= '9') || c == ',' || c == '.' || c == 'e' || c == 'E';
    assert_int_equal(check(between, 5, 1) == ANYCABLE_OK, expected);
    char space[] = {'[', (char)c, ']'};
    expected = (c >= '0' && c <= '9') || c == ' ' || c == '\n' || c == '\r' ||
               c == '\t';
    assert_int_equal(check(space, 3, 1) == ANYCABLE_OK, expected);
    char escape[] = {'"', '\\', (char)c, '"'};
    expected = c != 0 && strchr("\"\\/bfnrt", (int)c) != NULL;
    assert_int_equal(check(escape, 4, 0) == ANYCABLE_OK, expected);
    for (int digit = 0; digit < 4; digit++) {
      char unicode[] = "\"\\u0000\"";
      unicode[3 + digit] = (char)c;
      expected = ac_hex_digit((char)c) >= 0;
      assert_int_equal(check(unicode, 8, 0) == ANYCABLE_OK, expected);
    }
  }
  assert_int_equal(check("tr\0e", 4, 0), ANYCABLE_ERR_PROTO);
  assert_int_equal(check("1\0", 2, 0), ANYCABLE_ERR_PROTO);
  assert_int_equal(check("{}\0", 3, 1), ANYCABLE_ERR_PROTO);
}

/* Is the level at |i| an object? Kinds: none, all, every other one, and a
 * pattern that no shift or distance repeats. */
static bool is_object(size_t i, int kind) {
  uint64_t hash = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
  return kind == 1 || (kind == 2 && i % 2) || (kind == 3 && hash >> 63);
}

/* |levels| of arrays and objects around a 1. */
static char *nested(size_t levels, int kind, bool close) {
  char *text = malloc(levels * 6 + 2);
  assert_non_null(text);
  size_t len = 0;
  for (size_t i = 0; i < levels; i++)
    len += (size_t)sprintf(text + len, is_object(i, kind) ? "{\"\":" : "[");
  text[len++] = '1';
  for (size_t i = levels; close && i-- > 0;)
    text[len++] = is_object(i, kind) ? '}' : ']';
  text[len] = '\0';
  return text;
}

static void test_depth(void **state) {
  (void)state;
  static const unsigned depths[] = {0,   1,   2,   63,  64, 65,
                                    127, 128, 129, 511, 512};
  for (int kind = 0; kind < 4; kind++) {
    for (size_t i = 0; i < LENGTH(depths); i++) {
      unsigned depth = depths[i];
      char *fits = nested(depth, kind, true);
      char *open = nested(depth, kind, false);
      char *deeper = nested(depth + 1, kind, true);
      assert_int_equal(check(fits, strlen(fits), depth), ANYCABLE_OK);
      assert_int_equal(check(deeper, strlen(deeper), depth),
                       ANYCABLE_ERR_LIMIT);
      if (depth > 0)
        assert_int_equal(check(open, strlen(open), depth), ANYCABLE_ERR_PROTO);
      /* Closed by the wrong bracket at each level in turn. */
      for (size_t j = 0; j < depth; j++) {
        char *bracket = fits + strlen(fits) - 1 - j;
        *bracket ^= ']' ^ '}';
        assert_int_equal(check(fits, strlen(fits), depth), ANYCABLE_ERR_PROTO);
        *bracket ^= ']' ^ '}';
      }
      free(fits);
      free(open);
      free(deeper);
    }
  }
  /* 512 is the most, whatever is asked. */
  char *deeper = nested(513, 2, true);
  assert_int_equal(check(deeper, strlen(deeper), 513), ANYCABLE_ERR_LIMIT);
  assert_int_equal(check(deeper, strlen(deeper), UINT32_MAX),
                   ANYCABLE_ERR_LIMIT);
  free(deeper);
  /* Depth is not length: neighbours do not add up. */
  assert_int_equal(check("[[],[],{},[[]],{\"\":{}}]", 23, 3), ANYCABLE_OK);
  assert_int_equal(check("[[],[],{},[[]],{\"\":{}}]", 23, 2),
                   ANYCABLE_ERR_LIMIT);
}

/* Bombs end soon, and nothing recurses: a megabyte of brackets would need more
 * stack than there is. */
static void test_deep_bombs(void **state) {
  (void)state;
  size_t len = 1 << 20;
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, '[', len);
  assert_int_equal(check(text, len, UINT32_MAX), ANYCABLE_ERR_LIMIT);
  for (size_t i = 0; i + 5 <= len; i += 5)
    memcpy(text + i, "{\"\":{", 5);
  assert_int_equal(check(text, len, UINT32_MAX), ANYCABLE_ERR_PROTO);
  for (size_t i = 0; i + 4 <= len; i += 4)
    memcpy(text + i, "{\"\":", 4);
  assert_int_equal(check(text, len, UINT32_MAX), ANYCABLE_ERR_LIMIT);
  free(text);
}

/* The members of |text| as "key=value;", and how the walk ended. */
static int walk(const char *text, unsigned depth, char *seen, size_t size) {
  anycable_str copy = exact(text, strlen(text));
  size_t at = 0;
  size_t len = 0;
  int result;
  anycable_str key, value;
  *seen = '\0';
  while ((result = ac_json_next_member(copy, &at, depth, &key, &value)) > 0)
    len += (size_t)snprintf(seen + len, size - len, "%.*s=%.*s;", (int)key.len,
                            key.ptr, (int)value.len, value.ptr);
  if (result == 0)
    assert_int_equal(at, copy.len);
  drop(copy);
  return result;
}

static void test_members(void **state) {
  (void)state;
  enum { PROTO = ANYCABLE_ERR_PROTO, LIMIT = ANYCABLE_ERR_LIMIT };
  static const struct {
    const char *text;
    unsigned depth;
    int result;
    const char *seen;
  } rows[] = {
      {"{}", 1, 0, ""},
      {" { } ", 1, 0, ""},
      {"{}", 0, LIMIT, ""},
      {"{\"a\":1}", 0, LIMIT, ""},
      {"{\"a\":1}", 1, 0, "\"a\"=1;"},
      {" { \"a\" : 1 , \"b\" : [ 2 ] } ", 2, 0, "\"a\"=1;\"b\"=[ 2 ];"},
      {"{\"$w\":\"s\",\"k\":\"1\"}", 1, 0, "\"$w\"=\"s\";\"k\"=\"1\";"},
      {"{\"a\":{\"b\":{}},\"c\":null}", 3, 0, "\"a\"={\"b\":{}};\"c\"=null;"},
      {"{\"a\":{\"b\":{}},\"c\":null}", 2, LIMIT, ""},
      {"{\"c\":null,\"a\":[]}", 1, LIMIT, "\"c\"=null;"},
      {"{\"a\":1,\"a\":2,\"\\u0061\":3}", 1, 0,
       "\"a\"=1;\"a\"=2;\"\\u0061\"=3;"},
      {"{\"\":\"\"}", 1, 0, "\"\"=\"\";"},
      {"{\"a\":-1.5e3}", 1, 0, "\"a\"=-1.5e3;"},
      /* what came before the error was right */
      {"{\"a\":1,}", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1,", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1,\"b\"", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1,\"b\":", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1 \"b\":2}", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1]", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1}x", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1}}", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1,2}", 1, PROTO, "\"a\"=1;"},
      {"{\"a\":1,\"b\":tru}", 1, PROTO, "\"a\"=1;"},
      {"{,}", 1, PROTO, ""},
      {"{\"a\":01}", 1, PROTO, "\"a\"=0;"},
      {"{a:1}", 1, PROTO, ""},
      {"{\"a\"1}", 1, PROTO, ""},
      {"{\"a\n\":1}", 1, PROTO, ""},
      {"{", 1, PROTO, ""},
      {"{ ", 1, PROTO, ""},
      {"{}{}", 1, PROTO, ""},
      {"{} 1", 1, PROTO, ""},
      /* no objects */
      {"", 1, PROTO, ""},
      {" ", 1, PROTO, ""},
      {"[]", 1, PROTO, ""},
      {"[\"a\",1]", 1, PROTO, ""},
      {"\"a\":1", 1, PROTO, ""},
      {",\"a\":1}", 1, PROTO, ""},
      {"}", 1, PROTO, ""},
      {"null", 1, PROTO, ""},
      {"1", 0, PROTO, ""},
  };
  char seen[200];
  for (size_t i = 0; i < LENGTH(rows); i++) {
    assert_int_equal(walk(rows[i].text, rows[i].depth, seen, sizeof(seen)),
                     rows[i].result);
    assert_string_equal(seen, rows[i].seen);
  }
  /* An object's depth is counted as the check counts it. */
  char *deep = nested(512, 1, true);
  anycable_str key, value;
  size_t at = 0;
  assert_int_equal(
      ac_json_next_member(anycable_str_of(deep), &at, UINT32_MAX, &key, &value),
      1);
  free(deep);
  deep = nested(513, 1, true);
  at = 0;
  assert_int_equal(
      ac_json_next_member(anycable_str_of(deep), &at, UINT32_MAX, &key, &value),
      LIMIT);
  free(deep);
  at = 0;
  assert_int_equal(ac_json_next_member(ac_str(NULL, 0), &at, 64, &key, &value),
                   PROTO);
}

static void test_member(void **state) {
  (void)state;
  enum { PROTO = ANYCABLE_ERR_PROTO, LIMIT = ANYCABLE_ERR_LIMIT };
  static const struct {
    const char *text, *name;
    int result;
    const char *value;
  } rows[] = {
      {"{\"$w\":\"s\",\"k\":\"1\"}", "$w", 1, "\"s\""},
      {"{\"$w\":\"s\",\"k\":\"1\"}", "k", 1, "\"1\""},
      {"{\"$w\":\"s\",\"k\":\"1\"}", "s", 0, NULL},
      {"{\"$w\":\"s\",\"k\":\"1\"}", "", 0, NULL},
      {"{}", "k", 0, NULL},
      {"{\"\":1}", "", 1, "1"},
      {"{\"room\":{\"room\":2}}", "room", 1, "{\"room\":2}"},
      {"{\"a\":{\"room\":2}}", "room", 0, NULL},
      {"{\"rooms\":1,\"roo\":2,\"Room\":3}", "room", 0, NULL},
      /* names are compared decoded */
      {"{\"\\u0072oom\":1}", "room", 1, "1"},
      {"{\"r\\u006f\\u006Fm\":1}", "room", 1, "1"},
      {"{\"a\\/b\\\\c\\\"\":1}", "a/b\\c\"", 1, "1"},
      {"{\"\\b\\f\\n\\r\\t\":1}", "\b\f\n\r\t", 1, "1"},
      {"{\"\xc3\xa9\":1}", "\xc3\xa9", 1, "1"},
      {"{\"\\u00e9\":1}", "\xc3\xa9", 1, "1"},
      {"{\"\\u20ac\":1}", "\xe2\x82\xac", 1, "1"},
      {"{\"\\ud83d\\ude00\":1}", "\xf0\x9f\x98\x80", 1, "1"},
      {"{\"\\ud83d\":1}", "\xed\xa0\xbd", 0, NULL},
      {"{\"\\u0000\":1}", "", 0, NULL},
      {"{\"room\\u0000\":1}", "room", 0, NULL},
      {"{\"a\\\\\":1}", "a\\", 1, "1"},
      {"{\"\\n\":1}", "\\n", 0, NULL},
      {"{\"\\\\n\":1}", "\\n", 1, "1"},
      {"{\"\\u20ac\":1}", "\xe2\x82", 0, NULL},
      {"{\"\\u20ac\":1}", "\xe2\x82\xac!", 0, NULL},
      /* twice */
      {"{\"a\":1,\"a\":1}", "a", PROTO, NULL},
      {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "a", PROTO, NULL},
      {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "b", 1, "2"},
      {"{\"a\":1,\"a\":2,\"a\":3}", "a", PROTO, NULL},
      {"{\"a\":{\"a\":1}}", "a", 1, "{\"a\":1}"},
      /* the whole text must be right */
      {"{\"a\":1,\"b\":}", "a", PROTO, NULL},
      {"{\"a\":1}x", "a", PROTO, NULL},
      {"{\"a\":1,\"b\":[[[]]]}", "a", LIMIT, NULL},
      {"{\"a\":1,\"a\":[[[]]]}", "a", LIMIT, NULL},
      {"[\"a\"]", "a", PROTO, NULL},
      {"", "a", PROTO, NULL},
  };
  for (size_t i = 0; i < LENGTH(rows); i++) {
    anycable_str copy = exact(rows[i].text, strlen(rows[i].text));
    anycable_str value = ANYCABLE_STR("as it was");
    assert_int_equal(
        ac_json_member(copy, anycable_str_of(rows[i].name), 3, &value),
        rows[i].result);
    assert_str(value, rows[i].value ? rows[i].value : "as it was");
    drop(copy);
  }
}

static void test_string(void **state) {
  (void)state;
  static const struct {
    const char *value, *text; /* NULL: refused */
  } rows[] = {
      {"\"\"", ""},
      {"\"hello\"", "hello"},
      {"\"a longer one, without anything\"", "a longer one, without anything"},
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
      {"\"a\\nb\"", "a\nb"},
      {"\"\\na\"", "\na"},
      {"\"a\\n\"", "a\n"},
      {"\"\\u0041\\u007f\"", "A\x7f"},
      {"\"\\u0080\\u00e9\\u07ff\"", "\xc2\x80\xc3\xa9\xdf\xbf"},
      {"\"\\u0800\\u20AC\\uffff\"", "\xe0\xa0\x80\xe2\x82\xac\xef\xbf\xbf"},
      {"\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80"},
      {"\"\\ud800\\udc00\"", "\xf0\x90\x80\x80"},
      {"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
      {"\"x\\ud83d\\ude00y\"", "x\xf0\x9f\x98\x80y"},
      {"\"\\u0001\\u001f\"", "\x01\x1f"},
      {"\"\xc3\xa9\\t\xe2\x82\xac\"", "\xc3\xa9\t\xe2\x82\xac"},
      {"\"\\\\u0041\"", "\\u0041"},
      {"\"\\\\\\u0041\"", "\\A"},
      {"\"\x7f\"", "\x7f"},
      /* NUL and halves of pairs */
      {"\"\\u0000\"", NULL},
      {"\"a\\u0000b\"", NULL},
      {"\"\\ud800\"", NULL},
      {"\"\\ud800x\"", NULL},
      {"\"\\ud800\\n\"", NULL},
      {"\"\\ud800\\u0041\"", NULL},
      {"\"\\ud800\\ud800\"", NULL},
      {"\"\\ud800\\ud800\\udc00\"", NULL},
      {"\"\\ud800\\ue000\"", NULL},
      {"\"\\ud800udc00\"", NULL},
      {"\"\\ud800\\\\udc00\"", NULL},
      {"\"\\udc00\"", NULL},
      {"\"\\udc00\\ud800\"", NULL},
      {"\"\\udfff\"", NULL},
      {"\"\\udc00\\udc00\"", NULL},
      {"\"\\udfff\\udfff\"", NULL},
      {"\"\\ud800xudc00\"", NULL},
      {"\"\\ud800\\ndc00\"", NULL},
      {"\"\\udbff\"", NULL},
      /* no strings, or no good ones */
      {"", NULL},
      {"\"", NULL},
      {"\"a", NULL},
      {"a\"", NULL},
      {"\"a\"b\"", NULL},
      {"\"a\" ", NULL},
      {" \"a\"", NULL},
      {"\"\\\"", NULL},
      {"\"\\u00\"", NULL},
      {"\"\\x\"", NULL},
      {"\"\n\"", NULL},
      {"1", NULL},
      {"null", NULL},
      {"true", NULL},
      {"[\"a\"]", NULL},
      {"{}", NULL},
  };
  for (size_t i = 0; i < LENGTH(rows); i++) {
    anycable_str value = exact(rows[i].value, strlen(rows[i].value));
    const char *text = rows[i].text;
    for (int nul = 0; nul < 2; nul++) {
      anycable_str out = ANYCABLE_STR("as it was");
      assert_int_equal(ac_json_string(arena, value, nul, &out),
                       text ? ANYCABLE_OK : ANYCABLE_ERR_PROTO);
      assert_str(out, text ? text : "as it was");
      if (nul && text)
        assert_int_equal(out.ptr[out.len], '\0');
    }
    for (size_t len = 0; text && len < strlen(text); len++) {
      anycable_str part = exact(text, len);
      assert_false(ac_json_string_is(value, part));
      drop(part);
    }
    anycable_str same = exact(text ? text : "", text ? strlen(text) : 0);
    assert_int_equal(ac_json_string_is(value, same), text != NULL);
    drop(same);
    assert_false(ac_json_string_is(value, ANYCABLE_STR("something else")));
    drop(value);
  }
  assert_false(ac_json_string_is(ac_str(NULL, 0), ac_str_empty()));
}

static void test_string_memory(void **state) {
  (void)state;
  static char value[5002];
  memset(value, 'a', sizeof(value));
  value[0] = value[5001] = '"';
  anycable_str whole = ac_str(value, sizeof(value));
  struct ac_arena *small = ac_arena_new(pool, 0);
  const char *at = small->at;
  anycable_str out = ANYCABLE_STR("as it was");
  /* Nothing to decode: a view, and no memory is needed. */
  assert_int_equal(ac_json_string(small, whole, false, &out), ANYCABLE_OK);
  assert_ptr_equal(out.ptr, value + 1);
  assert_int_equal(out.len, 5000);
  assert_ptr_equal(small->at, at);
  out = ANYCABLE_STR("as it was");
  assert_int_equal(ac_json_string(small, whole, true, &out),
                   ANYCABLE_ERR_NOMEM);
  memcpy(value + 100, "\\n", 2);
  assert_int_equal(ac_json_string(small, whole, false, &out),
                   ANYCABLE_ERR_NOMEM);
  assert_str(out, "as it was");
  ac_arena_free(small);
}

/* Every code point of one escape comes back as its UTF-8. */
static void test_every_code_point(void **state) {
  (void)state;
  struct ac_arena *own = ac_arena_new(pool, 1 << 26);
  for (unsigned code = 1; code < 0x10000; code++) {
    char value[9];
    snprintf(value, sizeof(value), "\"\\u%04x\"", code);
    anycable_str out;
    int result = ac_json_string(own, ac_str(value, 8), true, &out);
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    assert_int_equal(result, surrogate ? ANYCABLE_ERR_PROTO : ANYCABLE_OK);
    if (surrogate)
      continue;
    const unsigned char *p = (const unsigned char *)out.ptr;
    unsigned decoded = p[0];
    if (out.len == 2)
      decoded = (p[0] & 0x1fu) * 0x40 + (p[1] & 0x3fu);
    else if (out.len == 3)
      decoded = (p[0] & 0xfu) * 0x1000 + (p[1] & 0x3fu) * 0x40 + (p[2] & 0x3fu);
    assert_int_equal(decoded, code);
    assert_int_equal(out.len, code < 0x80 ? 1 : code < 0x800 ? 2 : 3);
  }
  ac_arena_free(own);
}

static void test_int64(void **state) {
  (void)state;
  enum { OK = 0, PROTO = ANYCABLE_ERR_PROTO, LIMIT = ANYCABLE_ERR_LIMIT };
  static const struct {
    const char *value;
    int result;
    int64_t number;
  } rows[] = {
      {"0", OK, 0},
      {"-0", OK, 0},
      {"1", OK, 1},
      {"-1", OK, -1},
      {"1234567890", OK, 1234567890},
      /* beyond what a double holds */
      {"9007199254740993", OK, INT64_C(9007199254740993)},
      {"-9007199254740993", OK, -INT64_C(9007199254740993)},
      {"9223372036854775806", OK, INT64_MAX - 1},
      {"9223372036854775807", OK, INT64_MAX},
      {"9223372036854775808", LIMIT, 0},
      {"9223372036854775809", LIMIT, 0},
      {"9223372036854775810", LIMIT, 0},
      {"-9223372036854775807", OK, INT64_MIN + 1},
      {"-9223372036854775808", OK, INT64_MIN},
      {"-9223372036854775809", LIMIT, 0},
      {"-9223372036854775810", LIMIT, 0},
      {"18446744073709551615", LIMIT, 0},
      {"18446744073709551616", LIMIT, 0},
      {"-18446744073709551616", LIMIT, 0},
      {"92233720368547758070", LIMIT, 0},
      {"99999999999999999999999999999999", LIMIT, 0},
      {"-99999999999999999999999999999999", LIMIT, 0},
      {"1.0", PROTO, 0},
      {"0.0", PROTO, 0},
      {"1e3", PROTO, 0},
      {"1E0", PROTO, 0},
      {"01", PROTO, 0},
      {"-", PROTO, 0},
      {"+1", PROTO, 0},
      {"1.", PROTO, 0},
      {"", PROTO, 0},
      {" 1", PROTO, 0},
      {"1 ", PROTO, 0},
      {"1x", PROTO, 0},
      {"\"1\"", PROTO, 0},
      {"true", PROTO, 0},
      {"null", PROTO, 0},
      {"[1]", PROTO, 0},
  };
  for (size_t i = 0; i < LENGTH(rows); i++) {
    anycable_str value = exact(rows[i].value, strlen(rows[i].value));
    int64_t out = 77;
    assert_int_equal(ac_json_int64(value, &out), rows[i].result);
    assert_true(out == (rows[i].result == OK ? rows[i].number : 77));
    drop(value);
  }
  int64_t out;
  assert_int_equal(ac_json_int64(ac_str(NULL, 0), &out), PROTO);
}

/* |text| as a string, in memory that is exactly as long as it was said. */
static anycable_str quoted(anycable_str text) {
  size_t len = ac_json_quoted_len(text);
  char *out = malloc(len);
  assert_non_null(out);
  assert_ptr_equal(ac_json_quote(out, text), out + len);
  return ac_str(out, len);
}

static void test_quote(void **state) {
  (void)state;
  static const struct {
    const char *text, *value;
  } rows[] = {
      {"", "\"\""},
      {"plain", "\"plain\""},
      {"\"\\/", "\"\\\"\\\\/\""},
      {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
      {"\x01\x1f\x0b", "\"\\u0001\\u001f\\u000b\""},
      {"\x7f", "\"\x7f\""},
      {"<script>&'", "\"<script>&'\""},
      {"{\"channel\":\"A\"}", "\"{\\\"channel\\\":\\\"A\\\"}\""},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
       "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
      {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
       "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
      {"\xe2\x81\xa8\xe1\x80\xa8", "\"\xe2\x81\xa8\xe1\x80\xa8\""},
      {"a\xe2\x80\xa8", "\"a\\u2028\""},
      /* no UTF-8: passed through, and not looked beyond */
      {"\xe2", "\"\xe2\""},
      {"\xe2\x80", "\"\xe2\x80\""},
      {"\xe2\xe2\x80\xa8", "\"\xe2\\u2028\""},
  };
  for (size_t i = 0; i < LENGTH(rows); i++) {
    anycable_str text = exact(rows[i].text, strlen(rows[i].text));
    anycable_str value = quoted(text);
    assert_str(value, rows[i].value);
    drop(value);
    value = ac_json_quoted(arena, text);
    assert_str(value, rows[i].value);
    assert_int_equal(value.ptr[value.len], '\0');
    drop(text);
  }
  anycable_str value = quoted(ac_str("a\0b", 3));
  assert_str(value, "\"a\\u0000b\"");
  drop(value);
  value = quoted(ac_str(NULL, 0));
  assert_str(value, "\"\"");
  drop(value);
}

/* What it takes of the arena is what it is long, or no memory and nothing. */
static void test_quoted_memory(void **state) {
  (void)state;
  static char text[1000];
  for (size_t len = 0; len < sizeof(text); len++) {
    struct ac_arena *own = ac_arena_new(pool, 0);
    for (int dense = 0; dense < 2; dense++) {
      memset(text, dense ? 1 : 'a', sizeof(text));
      const char *at = own->at;
      size_t room = (size_t)(own->end - own->at);
      anycable_str value = ac_json_quoted(own, ac_str(text, len));
      size_t expected = dense ? 6 * len + 2 : len + 2;
      if (value.ptr) {
        assert_int_equal(value.len, expected);
        assert_int_equal(own->at - at, (expected + 1 + 15) / 16 * 16);
      } else {
        assert_true(room < (len <= 256 ? 6 * len : expected) + 32);
        assert_ptr_equal(own->at, at);
        assert_int_equal(value.len, 0);
      }
    }
    ac_arena_free(own);
  }
}

/* Each character that is written in another way, and some that are not, at
 * each place of short texts: quoted, they are JSON and read as they were. */
static void test_round_trip(void **state) {
  (void)state;
  struct ac_arena *own = ac_arena_new(pool, 1 << 26);
  for (size_t len = 1; len <= 40; len++) {
    for (unsigned c = 1; c <= 0x80 + 1; c++) {
      for (size_t at = 0; at < len; at++) {
        char text[44];
        memset(text, 'a', sizeof(text));
        size_t n = len;
        if (c < 0x80) {
          text[at] = (char)c;
        } else {
          memcpy(text + at, c == 0x80 ? "\xe2\x80\xa8" : "\xe2\x80\xac", 3);
          n = at + 3 > len ? at + 3 : len;
        }
        anycable_str value = quoted(ac_str(text, n));
        anycable_str out;
        assert_int_equal(ac_json_check(value, 0), ANYCABLE_OK);
        assert_int_equal(ac_json_string(own, value, at % 2, &out), 0);
        assert_int_equal(out.len, n);
        assert_memory_equal(out.ptr, text, n);
        assert_true(ac_json_string_is(value, ac_str(text, n)));
        assert_false(ac_json_string_is(value, ac_str(text, n - 1)));
        drop(value);
      }
    }
  }
  ac_arena_free(own);
}

/* --- the form that most texts have ---------------------------------------- */

static uint32_t random_state = 1;
static unsigned random_below(unsigned n) {
  random_state = random_state * 1664525 + 1013904223;
  return (random_state >> 8) % n;
}

/* Writes an object that is nearly of the form, or is; of |most| bytes. */
static size_t write_near(char *out, size_t most) {
  static const char odd[] = "\\\"\"{}[]:,, \t\x01\x1f\x7f"
                            "10nu\xc3";
  size_t len = 0;
  unsigned members = 1 + random_below(4);
  out[len++] = '{';
  for (unsigned i = 0; i < members; i++) {
    for (int part = 0; part < 2; part++) {
      unsigned letters = random_below(12);
      out[len++] = '"';
      for (unsigned j = 0; j < letters; j++)
        out[len++] = (char)('a' + random_below(26));
      out[len++] = '"';
      out[len++] = part == 0 ? ':' : i + 1 < members ? ',' : '}';
    }
  }
  if (random_below(3) > 0)
    out[random_below((unsigned)len)] = odd[random_below(sizeof(odd) - 1)];
  if (random_below(8) == 0)
    len--;
  return len < most ? len : most;
}

/* What it accepts, the scanner accepts, with the same items; and it accepts
 * what is of the form. */
static void test_plain_object(void **state) {
  char text[256];
  int accepted = 0;
  (void)state;
  for (int round = 0; round < 200000; round++) {
    struct ac_json_item items[9], plain[9];
    struct ac_json_walk walk;
    /* The memory ends where the text does. */
    size_t len = write_near(text, sizeof(text));
    char *copy = malloc(len);
    memcpy(copy, text, len);
    anycable_str s = {copy, len};
    int n = ac_json_plain_object(s, plain, sizeof(*plain), 9);
    int more = ac_json_walk(&walk, s, 8);
    if (more == 1)
      more = ac_json_walk_on(&walk, items, sizeof(*items), 9);
    bool form =
        more > 0 && walk.object && !walk.escapes && len >= 16 && len <= 64;
    for (int i = 0; i < more && form; i++)
      form = *items[i].value == '"' && !memchr(copy, ' ', len) &&
             !memchr(copy, '\t', len);
    if (n > 0) {
      assert_int_equal(n, more);
      for (int i = 0; i < n; i++)
        assert_memory_equal(&plain[i], &items[i], sizeof(*plain));
      accepted++;
    } else {
      assert_int_equal(n, -1);
#ifdef __SSE2__
      assert_false(form);
#endif
    }
    free(copy);
  }
#ifdef __SSE2__
  assert_true(accepted > 10000);
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain_object),
      cmocka_unit_test(test_grammar),
      cmocka_unit_test(test_grammar_inside),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_every_byte),
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_deep_bombs),
      cmocka_unit_test(test_members),
      cmocka_unit_test(test_member),
      cmocka_unit_test(test_string),
      cmocka_unit_test(test_string_memory),
      cmocka_unit_test(test_every_code_point),
      cmocka_unit_test(test_int64),
      cmocka_unit_test(test_quote),
      cmocka_unit_test(test_quoted_memory),
      cmocka_unit_test(test_round_trip),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
