/* What makes a request well-formed: RFC 9113, one row a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "h2/rules.h"

static anycable_str str(const char *text) {
  return anycable_str_of(text);
}

struct row {
  const char *what;
  const char *fields[12]; /* name, value, ... after the pseudo headers */
  bool good;
};

static const struct row rows[] = {
    {"nothing more", {0}, true},
    {"a plain field", {"sid", "abc"}, true},
    {"an empty value", {"sid", ""}, true},
    {"an empty name", {"", "x"}, false},
    {"upper case in a name", {"Sid", "x"}, false},
    {"a space in a name", {"s d", "x"}, false},
    {"a NUL-like byte in a name", {"s\x01", "x"}, false},
    {"a colon inside a name", {"a:b", "x"}, false},
    {"a byte beyond ASCII in a name", {"s\xc3\xa9", "x"}, false},
    {"every special character", {"!#$%&'*+-.^_`|~", "x"}, true},
    {"bytes beyond ASCII in a value", {"sid", "\x80\xff\xc3\xa9"}, true},
    {"a tab inside a value", {"sid", "a\tb"}, true},
    {"a tab inside a long value", {"sid", "abcdefgh\tijklmnop"}, true},
    {"CR in a value", {"sid", "a\rb"}, false},
    {"LF in a value", {"sid", "a\nb"}, false},
    {"LF as the eighth byte", {"sid", "abcdefg\nij"}, false},
    {"LF as the ninth byte", {"sid", "abcdefgh\nj"}, false},
    {"LF as the last byte of two words", {"sid", "abcdefghijklmno\n"}, false},
    {"DEL in a value", {"sid", "a\x7f"}, false},
    {"DEL in a long value", {"sid", "abcdefghijk\x7fm"}, false},
    {"a space first", {"sid", " a"}, false},
    {"a space last", {"sid", "a "}, false},
    {"a tab first", {"sid", "\ta"}, false},
    {"te: trailers", {"te", "trailers"}, true},
    {"te: gzip", {"te", "gzip"}, false},
    {"connection", {"connection", "close"}, false},
    {"keep-alive", {"keep-alive", "5"}, false},
    {"proxy-connection", {"proxy-connection", "close"}, false},
    {"transfer-encoding", {"transfer-encoding", "chunked"}, false},
    {"upgrade", {"upgrade", "websocket"}, false},
    {"content-length", {"content-length", "12"}, true},
    {"content-length twice",
     {"content-length", "12", "content-length", "12"},
     false},
    {"content-length with a sign", {"content-length", "+1"}, false},
    {"content-length without digits", {"content-length", ""}, false},
    {"content-length over 18 digits",
     {"content-length", "1234567890123456789"},
     false},
    {"host", {"host", "a"}, true},
    {"host twice", {"host", "a", "host", "a"}, false},
    {"a pseudo header after a field", {"sid", "a", ":authority", "b"}, false},
    {"an unknown pseudo header", {":version", "2"}, false},
    {"a pseudo header of responses", {":status", "200"}, false},
    {":authority", {":authority", "b"}, true},
    {":authority twice", {":authority", "b", ":authority", "b"}, false},
    {":path twice", {":path", "/"}, false},
    {":method twice", {":method", "POST"}, false},
    {":scheme twice", {":scheme", "http"}, false},
};

static bool accepts(struct ac_h2_rules *rules, const char *const *fields) {
  for (; *fields; fields += 2) {
    if (!ac_h2_rules_header(rules, str(fields[0]), str(fields[1])))
      return false;
  }
  return true;
}

static void test_headers(void **state) {
  static const char *const pseudo[] = {":method", "POST", ":scheme", "http",
                                       ":path",   "/a/b", NULL};
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct ac_h2_rules rules;
    memset(&rules, 0, sizeof(rules));
    assert_true(accepts(&rules, pseudo));
    bool good =
        accepts(&rules, rows[i].fields) && ac_h2_rules_headers_end(&rules);
    if (good != rows[i].good)
      fail_msg("%s: %s", rows[i].what, good ? "accepted" : "refused");
  }
}

/* :authority may be missing, the other three may not. */
static void test_required(void **state) {
  static const char *const all[] = {":method", ":scheme", ":path"};
  (void)state;
  for (size_t without = 0; without < 4; without++) {
    struct ac_h2_rules rules;
    memset(&rules, 0, sizeof(rules));
    for (size_t i = 0; i < 3; i++) {
      if (i != without)
        assert_true(ac_h2_rules_header(&rules, str(all[i]), str("x")));
    }
    assert_int_equal(ac_h2_rules_headers_end(&rules), without == 3);
  }
}

static void test_content_length(void **state) {
  struct ac_h2_rules rules;
  (void)state;
  memset(&rules, 0, sizeof(rules));
  assert_true(ac_h2_rules_header(&rules, str("content-length"), str("5")));
  assert_false(ac_h2_rules_end(&rules));
  assert_true(ac_h2_rules_body(&rules, 3));
  assert_false(ac_h2_rules_end(&rules));
  assert_true(ac_h2_rules_body(&rules, 2));
  assert_true(ac_h2_rules_end(&rules));
  assert_false(ac_h2_rules_body(&rules, 1));

  memset(&rules, 0, sizeof(rules));
  assert_true(ac_h2_rules_body(&rules, 1000));
  assert_true(ac_h2_rules_end(&rules));
}

static void test_trailers(void **state) {
  (void)state;
  assert_true(ac_h2_rules_trailer(str("grpc-x"), str("1")));
  assert_false(ac_h2_rules_trailer(str(":path"), str("/")));
  assert_false(ac_h2_rules_trailer(str("X"), str("1")));
  assert_false(ac_h2_rules_trailer(str("x"), str("a\n")));
  assert_false(ac_h2_rules_trailer(str("connection"), str("close")));
}

/* Every byte at every place of values of every length up to three words, as
 * the check reads words that overlap. */
static void test_every_byte(void **state) {
  char text[24];
  (void)state;
  for (size_t len = 1; len <= sizeof(text); len++) {
    for (size_t at = 0; at < len; at++) {
      for (int c = 0; c < 256; c++) {
        struct ac_h2_rules rules;
        memset(&rules, 0, sizeof(rules));
        memset(text, 'x', sizeof(text));
        text[at] = (char)c;
        bool end = at == 0 || at == len - 1;
        bool good = (c >= 0x20 && c != 0x7f) || c == '\t';
        if (end && (c == ' ' || c == '\t'))
          good = false;
        anycable_str value = {text, len};
        assert_int_equal(ac_h2_rules_header(&rules, str("sid"), value), good);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_headers),        cmocka_unit_test(test_required),
      cmocka_unit_test(test_content_length), cmocka_unit_test(test_trailers),
      cmocka_unit_test(test_every_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
