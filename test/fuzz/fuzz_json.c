/* JSON: any bytes. The scanner is held against a slow one that follows the
 * grammar of RFC 8259 rule by rule, and against itself: what it takes apart
 * must be right, and what it writes must read as it was. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 8
#define POOL_BLOCK 4096

static void require(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_json: %s\n", what);
  abort();
}

/* The slow one: returns what is left behind a value, NULL where there is none.
 * |*deep| is set where the value goes deeper than |depth|. */
static const char *value(const char *p, const char *end, int depth, int *deep);

static const char *space(const char *p, const char *end) {
  while (p && p < end && memchr(" \t\r\n", *p, 4))
    p++;
  return p;
}

static const char *one(const char *p, const char *end, char c) {
  return p && p < end && *p == c ? p + 1 : NULL;
}

static int among(const char *p, const char *end, const char *set) {
  return p < end && memchr(set, *p, strlen(set)) != NULL;
}

static const char *string(const char *p, const char *end) {
  p = one(p, end, '"');
  while (p && p < end && *p != '"') {
    if ((unsigned char)*p < 0x20)
      return NULL;
    if (*p++ != '\\')
      continue;
    if (!among(p, end, "\"\\/bfnrtu"))
      return NULL;
    if (*p++ != 'u')
      continue;
    for (int i = 0; i < 4; i++, p++)
      if (!among(p, end, "0123456789abcdefABCDEF"))
        return NULL;
  }
  return one(p, end, '"');
}

static const char *digits(const char *p, const char *end) {
  if (!p || !among(p, end, "0123456789"))
    return NULL;
  while (among(p, end, "0123456789"))
    p++;
  return p;
}

static const char *number(const char *p, const char *end) {
  if (among(p, end, "-"))
    p++;
  p = among(p, end, "0") ? p + 1 : digits(p, end);
  if (p && among(p, end, "."))
    p = digits(p + 1, end);
  if (p && among(p, end, "eE")) {
    p++;
    p = digits(among(p, end, "+-") ? p + 1 : p, end);
  }
  return p;
}

static const char *members(const char *p, const char *end, int depth,
                           int *deep) {
  char close = *p == '{' ? '}' : ']';
  const char *empty = one(space(p + 1, end), end, close);
  if (empty)
    return empty;
  do {
    p = space(p + 1, end);
    if (close == '}')
      p = space(one(space(string(p, end), end), end, ':'), end);
    p = p ? space(value(p, end, depth, deep), end) : NULL;
  } while (p && among(p, end, ","));
  return one(p, end, close);
}

static const char *value(const char *p, const char *end, int depth, int *deep) {
  static const char *const literals[] = {"true", "false", "null"};
  for (int i = 0; i < 3; i++) {
    size_t len = strlen(literals[i]);
    if ((size_t)(end - p) >= len && memcmp(p, literals[i], len) == 0)
      return p + len;
  }
  if (p == end)
    return NULL;
  if (*p == '"')
    return string(p, end);
  if (*p != '{' && *p != '[')
    return number(p, end);
  if (depth > 0)
    return members(p, end, depth - 1, deep);
  *deep = 1;
  return NULL;
}

static int slow_check(anycable_str text, int depth) {
  int deep = 0;
  const char *end = text.ptr + text.len;
  const char *p = space(text.ptr, end);
  p = space(value(p, end, depth, &deep), end);
  if (deep)
    return ANYCABLE_ERR_LIMIT;
  return p == end ? ANYCABLE_OK : ANYCABLE_ERR_PROTO;
}

/* A text in memory of exactly its length. */
static anycable_str exact(const void *data, size_t size) {
  char *copy = malloc(size ? size : 1);
  require(copy != NULL, "no memory");
  if (size > 0)
    memcpy(copy, data, size);
  return ac_str(copy, size);
}

static void drop(anycable_str s) {
  free((void *)(uintptr_t)s.ptr);
}

/* What the scanner calls a string decodes to UTF-8 without NUL, or not at
 * all; both ways of asking agree; and written again, it reads the same. */
static void check_string(struct ac_arena *arena, anycable_str json) {
  anycable_str view, copy, again;
  int result = ac_json_string(arena, json, true, &copy);
  require(ac_json_string(arena, json, false, &view) == result, "nul matters");
  if (result != ANYCABLE_OK)
    return;
  require(anycable_str_equal(view, copy), "view and copy differ");
  require(copy.ptr[copy.len] == '\0', "no NUL behind a copy");
  require(!memchr(copy.ptr, '\0', copy.len), "a NUL inside");
  require(ac_utf8_valid(copy) || !ac_utf8_valid(json), "not UTF-8");
  require(ac_json_string_is(json, copy), "is not what it is");
  anycable_str quoted = ac_json_quoted(arena, copy);
  require(ac_json_check(quoted, 0) == ANYCABLE_OK, "quoted badly");
  require(ac_json_string(arena, quoted, true, &again) == ANYCABLE_OK &&
              anycable_str_equal(again, copy),
          "quoted, it is another");
}

static void check_member(anycable_str text, anycable_str key,
                         anycable_str json) {
  anycable_str found;
  int result = ac_json_member(text, key, DEPTH, &found);
  require(result == 1 || result == ANYCABLE_ERR_PROTO, "a member is lost");
  if (result == 1)
    require(found.ptr == json.ptr && found.len == json.len,
            "another member is found");
}

/* Walks what may be an object. */
static void check_members(struct ac_arena *arena, anycable_str text,
                          int expected) {
  anycable_str key, json, name;
  size_t at = 0;
  int more;
  int n = 0;
  while ((more = ac_json_next_member(text, &at, DEPTH, &key, &json)) == 1) {
    require(slow_check(key, 0) == ANYCABLE_OK && *key.ptr == '"', "no key");
    require(slow_check(json, DEPTH - 1) == ANYCABLE_OK, "no value");
    require(ac_json_check(json, DEPTH - 1) == ANYCABLE_OK, "not checked");
    check_string(arena, key);
    check_string(arena, json);
    int64_t number;
    int result = ac_json_int64(json, &number);
    if (result == ANYCABLE_OK) {
      char digits_of[24];
      snprintf(digits_of, sizeof(digits_of), "%lld", (long long)number);
      require(anycable_str_is(json, digits_of) || anycable_str_is(json, "-0"),
              "another number");
    }
    /* Looking each of them up is quadratic: the first few will do. */
    if (expected == ANYCABLE_OK && n++ < 8 &&
        ac_json_string(arena, key, true, &name) == ANYCABLE_OK)
      check_member(text, name, json);
  }
  require(more != 0 || expected == ANYCABLE_OK, "an end of what is wrong");
  const char *start = space(text.ptr, text.ptr + text.len);
  if (expected == ANYCABLE_OK && *start == '{')
    require(more == 0, "no end of what is right");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ac_arena_pool *pool = ac_arena_pool_new(POOL_BLOCK, 0);
  struct ac_arena *arena = ac_arena_new(pool, SIZE_MAX);
  anycable_str text = exact(data, size);
  int expected = slow_check(text, DEPTH);
  require(ac_json_check(text, DEPTH) == expected, "the scanners differ");
  check_members(arena, text, expected);
  check_string(arena, text);

  /* The bytes as a text to quote; NUL is written, but is not read back. */
  size_t len = ac_json_quoted_len(text);
  char *out = malloc(len);
  require(out && ac_json_quote(out, text) == out + len, "another length");
  anycable_str quoted = ac_str(out, len);
  require(ac_json_check(quoted, 0) == ANYCABLE_OK, "quoted badly");
  anycable_str again;
  if (size == 0 || !memchr(text.ptr, '\0', size))
    require(ac_json_string(arena, quoted, true, &again) == ANYCABLE_OK &&
                anycable_str_equal(again, text),
            "quoted, it is another");
  else
    require(ac_json_string(arena, quoted, true, &again) == ANYCABLE_ERR_PROTO,
            "a NUL is read");
  free(out);
  drop(text);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
  return 0;
}
