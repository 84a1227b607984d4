/* URLs: parts, decoding, parameters. Every text ends where its memory ends, so
 * that reading on is an error under AddressSanitizer. */
#include "base/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ac_arena_pool *pool;
static struct ac_arena *arena;

static int set_up(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 1);
  arena = ac_arena_new(pool, 1 << 20);
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

static void assert_str(anycable_str s, const char *expected) {
  assert_int_equal(s.len, strlen(expected));
  assert_memory_equal(s.ptr, expected, s.len);
}

static void test_parts(void **state) {
  (void)state;
  static const struct {
    const char *url, *path, *query;
  } rows[] = {
      {"http://localhost:8080/cable?token=1&b=a%20b", "/cable",
       "token=1&b=a%20b"},
      {"http://example.com/", "/", ""},
      {"http://example.com", "/", ""},
      {"http://example.com:80", "/", ""},
      {"http://example.com?user=jack", "/", "user=jack"},
      {"http://example.com#top", "/", ""},
      {"ws://x/cable?user=jack", "/cable", "user=jack"},
      {"https://user:pa@host/a/b", "/a/b", ""},
      {"http://[::1]:8080/cable?x=1", "/cable", "x=1"},
      {"http://[::1]", "/", ""},
      {"http://[2001:db8::1]?q", "/", "q"},
      {"http://h/p?", "/p", ""},
      {"http://h/p?#", "/p", ""},
      {"http://h/p?a=b#frag", "/p", "a=b"},
      {"http://h/p#frag?a=b", "/p", ""},
      {"http://h#frag/p?a=b", "/", ""},
      {"http://h/p?a=b?c=/d:e", "/p", "a=b?c=/d:e"},
      {"http://h/p?next=http://other/q", "/p", "next=http://other/q"},
      {"http://h?next=http://other/q", "/", "next=http://other/q"},
      {"http://h/%2F/%3Fx?y", "/%2F/%3Fx", "y"},
      {"http://h//double//", "//double//", ""},
      {"http://h/with:colon://x", "/with:colon://x", ""},
      {"/cable", "/cable", ""},
      {"/cable?a=://b/c", "/cable", "a=://b/c"},
      {"/", "/", ""},
      {"//h/p", "//h/p", ""},
      {"/a://b/c", "/a://b/c", ""},
      {"localhost:8080/cable", "/cable", ""},
      {"localhost", "/", ""},
      {"?a", "/", "a"},
      {"#a?b", "/", ""},
      {"?", "/", ""},
      {"", "/", ""},
      {":", "/", ""},
      {"://", "/", ""},
      {":///x", "/x", ""},
      {"http:", "/", ""},
      {"http:/", "/", ""},
      {"http:/x", "/x", ""},
      {"http://", "/", ""},
      {"http:///x", "/x", ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    anycable_str url = exact(rows[i].url, strlen(rows[i].url));
    assert_str(ac_uri_path(url), rows[i].path);
    assert_str(ac_uri_query(url), rows[i].query);
    free((void *)(uintptr_t)url.ptr);
  }
  assert_str(ac_uri_path(ac_str(NULL, 0)), "/");
  assert_str(ac_uri_query(ac_str(NULL, 0)), "");
  assert_int_equal(ac_uri_path(ac_str("/a\0?b", 5)).len, 3);
  assert_int_equal(ac_uri_query(ac_str("/?a\0b", 5)).len, 3);
}

static void test_decode(void **state) {
  (void)state;
  static const struct {
    const char *in, *plain, *plus; /* NULL: refused */
  } rows[] = {
      {"", "", ""},
      {"plain", "plain", "plain"},
      {"a%20b", "a b", "a b"},
      {"a+b", "a+b", "a b"},
      {"a%2Bb", "a+b", "a+b"},
      {"+", "+", " "},
      {"%41%5a%5A", "AZZ", "AZZ"},
      {"%c3%A9", "\xc3\xa9", "\xc3\xa9"},
      {"\xc3%a9", "\xc3\xa9", "\xc3\xa9"},
      {"\xe2\x82\xac", "\xe2\x82\xac", "\xe2\x82\xac"},
      /* bad escapes stay */
      {"%", "%", "%"},
      {"%%", "%%", "%%"},
      {"100%", "100%", "100%"},
      {"%4", "%4", "%4"},
      {"%4g", "%4g", "%4g"},
      {"%g4", "%g4", "%g4"},
      {"%-1", "%-1", "%-1"},
      {"% 1", "% 1", "% 1"},
      {"%0x", "%0x", "%0x"},
      {"%%41", "%A", "%A"},
      {"%4%41", "%4A", "%4A"},
      {"%/0%:0%@0%G0%`0%g0", "%/0%:0%@0%G0%`0%g0", "%/0%:0%@0%G0%`0%g0"},
      /* decoded once */
      {"%2541", "%41", "%41"},
      {"%252541", "%2541", "%2541"},
      {"%0a%01%7f", "\n\x01\x7f", "\n\x01\x7f"},
      /* NUL, and what is not UTF-8 */
      {"%00", NULL, NULL},
      {"a%00b", NULL, NULL},
      {"%ff", NULL, NULL},
      {"%c3", NULL, NULL},
      {"%c0%80", NULL, NULL},
      {"%ed%a0%80", NULL, NULL},
      {"\xff", NULL, NULL},
      {"%c3+", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    for (int plus = 0; plus < 2; plus++) {
      const char *expected = plus ? rows[i].plus : rows[i].plain;
      anycable_str in = exact(rows[i].in, strlen(rows[i].in));
      anycable_str out = ANYCABLE_STR("as it was");
      bool ok = ac_uri_decode(arena, in, plus, &out);
      assert_int_equal(ok, expected != NULL);
      assert_str(out, expected ? expected : "as it was");
      assert_int_equal(out.ptr[out.len], '\0');
      free((void *)(uintptr_t)in.ptr);
    }
  }
  anycable_str out;
  assert_false(ac_uri_decode(arena, ac_str("a\0b", 3), false, &out));
  assert_true(ac_uri_decode(arena, ac_str(NULL, 0), false, &out));
  assert_str(out, "");
}

static void test_every_escape(void **state) {
  (void)state;
  for (unsigned i = 0; i < 256; i++) {
    for (int upper = 0; upper < 2; upper++) {
      char text[4];
      const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
      text[0] = '%';
      text[1] = digits[i >> 4];
      text[2] = digits[i & 15];
      anycable_str out;
      bool ok = ac_uri_decode(arena, ac_str(text, 3), true, &out);
      assert_int_equal(ok, i > 0 && i < 0x80);
      if (ok)
        assert_int_equal((unsigned char)out.ptr[0], i);
    }
  }
}

static void test_param(void **state) {
  (void)state;
  static const struct {
    const char *query, *name, *value; /* NULL: none */
  } rows[] = {
      {"user=jack", "user", "jack"},
      {"a=1&user=jack&b=2", "user", "jack"},
      {"user=", "user", ""},
      {"user", "user", ""},
      {"a&user&b", "user", ""},
      {"user=a=b", "user", "a=b"},
      {"user==", "user", "="},
      {"user=jack+smith%21", "user", "jack smith!"},
      {"us%65r=jack", "user", "jack"},
      {"us+er=jack", "us er", "jack"},
      {"us%2Ber=jack", "us+er", "jack"},
      {"a%26b%3D=c", "a&b=", "c"},
      {"user%5Bname%5D=j", "user[name]", "j"},
      {"%c3%a9=x", "\xc3\xa9", "x"},
      /* the first one counts, even if it is no good */
      {"user=jack&user=jill", "user", "jack"},
      {"user&user=jill", "user", ""},
      {"user=%00&user=jill", "user", NULL},
      {"user=%ff&user=jill", "user", NULL},
      {"other=%ff&user=jill", "user", "jill"},
      {"%ff=x&user=jill", "user", "jill"},
      /* near misses */
      {"users=jack", "user", NULL},
      {"use=jack", "user", NULL},
      {"use", "user", NULL},
      {"a", "a", ""},
      {"User=jack", "user", NULL},
      {"a=user", "user", NULL},
      {"a=user=jack", "user", NULL},
      {"a;user=jack", "user", NULL},
      {"user%00=jack", "user", NULL},
      {"", "user", NULL},
      {"&&user=jack&&", "user", "jack"},
      {"&", "user", NULL},
      {"=", "user", NULL},
      {"", "", NULL},
      {"&", "", NULL},
      {"=x", "", "x"},
      {"user=a%", "user", "a%"},
      {"user=a%2", "user", "a%2"},
      {"user=%&x=1", "user", "%"},
      {"user=%4&1", "user", "%4"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    anycable_str query = exact(rows[i].query, strlen(rows[i].query));
    anycable_str out = ANYCABLE_STR("as it was");
    anycable_str name = exact(rows[i].name, strlen(rows[i].name));
    bool ok = ac_uri_param(arena, query, name, &out);
    free((void *)(uintptr_t)name.ptr);
    assert_int_equal(ok, rows[i].value != NULL);
    assert_str(out, rows[i].value ? rows[i].value : "as it was");
    assert_int_equal(out.ptr[out.len], '\0');
    free((void *)(uintptr_t)query.ptr);
  }
  anycable_str out;
  assert_false(
      ac_uri_param(arena, ac_str(NULL, 0), ANYCABLE_STR("user"), &out));
}

static void test_no_memory(void **state) {
  (void)state;
  struct ac_arena *small = ac_arena_new(pool, 0);
  static char text[5000];
  memset(text, 'a', sizeof(text));
  text[1] = '=';
  anycable_str out = ANYCABLE_STR("as it was");
  anycable_str whole = ac_str(text, sizeof(text));
  assert_false(ac_uri_decode(small, whole, false, &out));
  assert_false(ac_uri_param(small, whole, ANYCABLE_STR("a"), &out));
  assert_str(out, "as it was");
  ac_arena_free(small);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parts),        cmocka_unit_test(test_decode),
      cmocka_unit_test(test_every_escape), cmocka_unit_test(test_param),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
