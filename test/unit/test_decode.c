/* The decoder of requests. The rows say in bytes what a message is and in
 * words what must come of it; "request" below writes a request as text. */
#include "wire/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire_bytes.h"

/* --- a request as text: "url=x headers{a=b;c=d} subscriptions[e;f]" --------*/

static char text[4096];

static void add_text(const char *s) {
  assert_true(strlen(text) + strlen(s) < sizeof(text));
  strcat(text, s);
}

/* Every string must be a view into the message, with a NUL behind it. */
static void add_str(const struct decoded *d, anycable_str s) {
  assert_true(s.ptr >= d->data && s.ptr + s.len <= d->data + d->len);
  assert_int_equal(strlen(s.ptr), s.len);
  add_text(s.ptr);
}

static void add_field(const struct decoded *d, const char *name,
                      anycable_str s) {
  size_t before = strlen(text);
  add_text(before > 0 ? " " : "");
  add_text(name);
  add_text("=");
  add_str(d, s);
  if (s.len == 0)
    text[before] = '\0';
}

static void add_map(const struct decoded *d, const char *name,
                    const struct ac_wire_map *map) {
  if (map->n == 0)
    return;
  add_text(text[0] ? " " : "");
  add_text(name);
  for (size_t i = 0; i < map->n; i++) {
    add_text(i == 0 ? "{" : ";");
    add_str(d, map->items[i].key);
    add_text("=");
    add_str(d, map->items[i].value);
  }
  add_text("}");
}

static const char *request(const struct decoded *d) {
  const struct ac_wire_request *r = &d->request;
  text[0] = '\0';
  add_field(d, "command", r->command);
  add_field(d, "identifier", r->identifier);
  add_field(d, "identifiers", r->identifiers);
  add_field(d, "data", r->data);
  for (size_t i = 0; i < r->subscriptions.n; i++) {
    add_text(i > 0 ? ";" : text[0] ? " subscriptions[" : "subscriptions[");
    add_str(d, r->subscriptions.items[i]);
  }
  add_text(r->subscriptions.n > 0 ? "]" : "");
  add_field(d, "url", r->env.url);
  add_map(d, "headers", &r->env.headers);
  add_map(d, "cstate", &r->env.cstate);
  add_map(d, "istate", &r->env.istate);
  return text;
}

/* --- rows ------------------------------------------------------------------*/

#define CONNECT ANYCABLE_CONNECT
#define COMMAND ANYCABLE_COMMAND
#define DISCONNECT ANYCABLE_DISCONNECT
#define HEALTH 0

struct row {
  const char *name;
  int method;
  const char *message;  /* see wire_bytes.h */
  const char *expected; /* the request, or why it is none */
};

static const struct row accepted[] = {
    {"nothing", CONNECT, "", ""},
    {"nothing", COMMAND, "", ""},
    {"nothing", DISCONNECT, "", ""},
    {"connect", CONNECT,
     "1a<0a<'u'> 12<0a<'a'>12<'b'>> 1a<0a<'c'>12<'d'>> 22<0a<'k'>12<'long'>>>",
     "url=u headers{a=b} cstate{c=d} istate{k=long}"},
    {"command", COMMAND, "0a<'message'> 12<'id'> 1a<'ids'> 22<'d'> 2a<0a<'u'>>",
     "command=message identifier=id identifiers=ids data=d url=u"},
    {"disconnect", DISCONNECT, "0a<'ids'> 12<'a'> 12<> 12<'c'> 2a<0a<'u'>>",
     "identifiers=ids subscriptions[a;;c] url=u"},
    {"fields in any order", COMMAND, "2a<0a<'u'>> 22<'d'> 0a<'c'>",
     "command=c data=d url=u"},
    {"empty env", CONNECT, "1a<>", ""},
    {"the end is empty", COMMAND, "0a<'c'> 22<>", "command=c"},
    {"unknown to this method", CONNECT, "0a<'x'> 12<'x'> 22<'x'> 2a<'x'>", ""},
    {"unknown to this method", DISCONNECT, "1a<'x'> 22<'x'> 32<'x'>", ""},

    /* A field that comes again. */
    {"the last string wins", COMMAND, "0a<'a'> 12<'i'> 0a<'b'>",
     "command=b identifier=i"},
    {"also an empty one", COMMAND, "0a<'x'> 0a<>", ""},
    {"also over an empty one", COMMAND, "0a<> 0a<'x'>", "command=x"},
    {"env is merged", CONNECT,
     "1a<0a<'u'> 12<0a<'k'>12<'v'>>> 1a<0a<'w'> 12<0a<'l'>12<'m'>>>",
     "url=w headers{k=v;l=m}"},
    {"env is merged, its url kept", CONNECT, "1a<0a<'u'>> 1a<>", "url=u"},

    /* Entries. */
    {"no key", CONNECT, "1a<12<12<'v'>>>", "headers{=v}"},
    {"no value", CONNECT, "1a<12<0a<'k'>>>", "headers{k=}"},
    {"neither", CONNECT, "1a<12<>>", "headers{=}"},
    {"both empty", CONNECT, "1a<12<0a<>12<>>>", "headers{=}"},
    {"value first", CONNECT, "1a<12<12<'v'>0a<'k'>>>", "headers{k=v}"},
    {"key again", CONNECT, "1a<12<0a<'k'>12<'v'>0a<'l'>>>", "headers{l=v}"},
    {"value again", CONNECT, "1a<12<0a<'k'>12<'v'>12<'w'>>>", "headers{k=w}"},
    {"key twice", CONNECT, "1a<12<0a<'k'>0a<'l'>12<'w'>>>", "headers{l=w}"},
    {"each has one half", CONNECT, "1a<12<0a<'k'>> 12<12<'v'>>>",
     "headers{k=;=v}"},
    {"unknown fields", CONNECT,
     "1a<12<1805 0a<'k'> 22<'x'> 12<'v'> 2d'1234' 2b2c>>", "headers{k=v}"},
    {"unknown field at the end", CONNECT, "1a<12<0a<'k'>12<'v'>1805>>",
     "headers{k=v}"},
    {"key of another wire type", CONNECT, "1a<12<0807 12<'v'>>>",
     "headers{=v}"},
    {"value of another wire type", CONNECT, "1a<12<0a<'k'>15'1234'>>",
     "headers{k=}"},
    {"tags with zeros", CONNECT, "1a<12<8a00<'k'>9200<'v'>>>", "headers{k=v}"},
    {"a tag of the env follows", CONNECT, "1a<22<0a<'k'>> 12<0a<'l'>>>",
     "headers{l=} istate{k=}"},

    /* Keys that come again. */
    {"last value, first place", CONNECT,
     "1a<12<0a<'k'>12<'1'>> 12<0a<'l'>12<'2'>> 12<0a<'k'>12<'3'>>>",
     "headers{k=3;l=2}"},
    {"across env's", CONNECT, "1a<1a<0a<'k'>12<'1'>>> 1a<1a<0a<'k'>12<'2'>>>",
     "cstate{k=2}"},
    {"not across maps", CONNECT,
     "1a<1a<0a<'k'>12<'1'>> 12<0a<'k'>12<'2'>> 22<0a<'k'>12<'3'>>>",
     "headers{k=2} cstate{k=1} istate{k=3}"},
    {"empty keys", CONNECT, "1a<22<> 22<12<'v'>>>", "istate{=v}"},
    {"not the same, but as long", CONNECT,
     "1a<12<0a<'a'>12<'1'>> 12<0a<'b'>12<'2'>>>", "headers{a=1;b=2}"},

    /* Unknown fields. */
    {"varint", COMMAND, "3005 0a<'x'>", "command=x"},
    {"fixed64", COMMAND, "31 00'123456'ff 0a<'x'>", "command=x"},
    {"bytes", COMMAND, "32<ff0080> 0a<'x'>", "command=x"},
    {"no bytes", COMMAND, "32<> 0a<'x'>", "command=x"},
    {"group", COMMAND, "33 3005 0a<'y'> 34 0a<'x'>", "command=x"},
    {"fixed32", COMMAND, "35 00'12'ff 0a<'x'>", "command=x"},
    {"groups in groups", COMMAND, "33 3b 33 34 3c 3b 3c 34 0a<'x'>",
     "command=x"},
    {"a group of a known number", COMMAND, "0b 0c 0a<'x'>", "command=x"},
    {"a varint of a known number", COMMAND, "0801 0a<'x'>", "command=x"},
    {"a fixed32 of a known number", CONNECT, "1d'1234'", ""},
    {"ten bytes of varint", COMMAND, "30 ffffffffffffffffff7f 0a<'x'>",
     "command=x"},
    {"in env", CONNECT, "1a<2801 0a<'u'> 33 2d'1234' 34>", "url=u"},
    {"the largest number", COMMAND, "faffffff0f<'x'> 0a<'y'>", "command=y"},
    {"a number above 15", COMMAND, "8201<'x'> 0a<'y'>", "command=y"},

    /* Longer than it needs to be. */
    {"tag", COMMAND, "8a00<'x'>", "command=x"},
    {"tag of five bytes", COMMAND, "8a80808000<'x'>", "command=x"},
    {"tag with bits above 32", COMMAND, "8a80808070<'x'>", "command=x"},
    {"length", COMMAND, "0a8100'x'", "command=x"},
    {"length of five bytes", COMMAND, "0a8180808000'x'", "command=x"},
    {"length of nothing", COMMAND, "0a8000 12<'x'>", "identifier=x"},
    {"length of env", CONNECT, "1a838000 0a<'u'>", "url=u"},
    {"length of an entry", CONNECT, "1a<128600 0a<'k'>12<'v'>>",
     "headers{k=v}"},

    /* Text. */
    {"not ASCII", COMMAND, "0a<c3a9> 22<f09f9880>",
     "command=\xc3\xa9 data=\xf0\x9f\x98\x80"},
    {"not ASCII, in a map", CONNECT, "1a<12<0a<c3a9>12<c3a8>>>",
     "headers{\xc3\xa9=\xc3\xa8}"},
    {"not ASCII, in a list", DISCONNECT, "12<c3a9> 12<'x'>",
     "subscriptions[\xc3\xa9;x]"},
    {"not ASCII, and not the last", COMMAND, "0a<c3a9> 0a<'x'>", "command=x"},
    {"not text, but unknown", COMMAND, "32<ff> 0a<'x'>", "command=x"},

    {"service", HEALTH, "0a<'anycable.RPC'>", "identifiers=anycable.RPC"},
    {"no service", HEALTH, "", ""},
    {"more than the service", HEALTH, "12<'x'> 0a<'s'> 1a<>", "identifiers=s"},
};

static const char truncated[] = "message is truncated";
static const char no_number[] = "field number is 0";
static const char no_type[] = "wire type does not exist";
static const char not_open[] = "a group ends that is not open";
static const char not_text[] = "a string is not valid UTF-8";
static const char has_nul[] = "a string has a NUL inside";

static const struct row refused[] = {
    {"tag alone", COMMAND, "0a", truncated},
    {"a field of another message, with nothing", CONNECT, "0a", truncated},
    {"half a tag", COMMAND, "8a", truncated},
    {"length alone", COMMAND, "0a01", truncated},
    {"half a length", COMMAND, "0a80", truncated},
    {"one byte short", COMMAND, "0a03'ab'", truncated},
    {"string goes beyond env", COMMAND, "2a03 0a02'u' 0a<'x'>", truncated},
    {"entry goes beyond env", COMMAND, "2a04 1205 0a<'k'> 0a<'x'>", truncated},
    {"key goes beyond its entry", CONNECT, "1a<1203 0a03'k' 0a<'u'>>",
     truncated},
    {"value goes beyond its entry", CONNECT, "1a<1206 0a<'k'>1202'v' 0a<'u'>>",
     truncated},
    {"value's length is beyond its entry", CONNECT, "1a<1204 0a<'k'>12 01'v'>",
     truncated},
    {"a tag goes beyond env", CONNECT, "1a01 8a00", truncated},
    {"a length goes beyond env", CONNECT, "1a02 0a8000", truncated},
    {"env beyond the end", CONNECT, "1a04 0a<'u'>", truncated},
    {"varint without end", COMMAND, "30ff", truncated},
    {"varint alone", COMMAND, "30", truncated},
    {"seven bytes of eight", COMMAND, "31'1234567'", truncated},
    {"three bytes of four", COMMAND, "35'123'", truncated},
    {"unknown bytes beyond the end", COMMAND, "3203'ab'", truncated},
    {"unknown varint beyond env", CONNECT, "1a02 3080 1a<>", truncated},
    {"unknown fixed32 beyond env", CONNECT, "1a02 3531 323334", truncated},
    {"group without end", COMMAND, "33 3005", truncated},
    {"group beyond env", CONNECT, "1a01 33 34", truncated},
    {"half the end of a group", COMMAND, "33 b480", truncated},
    {"half a tag of a known number", COMMAND, "12<'x'> 8a80", truncated},
    {"tag of six bytes", COMMAND, "8a8080808000<'x'>", truncated},
    {"length of six bytes", COMMAND, "0a818080808000'x'", truncated},
    {"length of 2 GiB", COMMAND, "0a8180808008'x'", truncated},
    {"length of 4 GiB and one", COMMAND, "0a8180808010'x'", truncated},
    {"the longest length", COMMAND, "0affffffff7f'x'", truncated},
    {"eleven bytes of varint", COMMAND, "30 ffffffffffffffffffff01 0a<'x'>",
     truncated},

    {"0", COMMAND, "00", no_number},
    {"0 with bytes", COMMAND, "02<'x'>", no_number},
    {"0 in two bytes", COMMAND, "8000", no_number},
    {"0 in env", CONNECT, "1a<0a<'u'>00>", no_number},
    {"0 in an entry", CONNECT, "1a<12<0a<'k'>12<'v'>00>>", no_number},
    {"0 in a group", COMMAND, "33 00 34", no_number},
    {"0 above 32 bits", COMMAND, "8280808010<'x'>", no_number},
    {"end of group 0", COMMAND, "04", no_number},
    {"wire type 6", COMMAND, "36", no_type},
    {"wire type 7", COMMAND, "37", no_type},
    {"wire type 6 of a known number", COMMAND, "0e<'x'>", no_type},
    {"wire type 7 in a group", COMMAND, "33 37 34", no_type},
    {"end of nothing", COMMAND, "34", not_open},
    {"end of another", COMMAND, "33 3c", not_open},
    {"ends the wrong way round", COMMAND, "33 3b 34 3c", not_open},
    {"end inside of another field", COMMAND, "33 3a<34>", truncated},
    {"end of the field that env is", CONNECT, "1a<0a<'u'> 1c>", not_open},

    {"command", COMMAND, "0a<'x'ff> 12<'y'>", not_text},
    {"identifier", COMMAND, "12<'x'ff>", not_text},
    {"identifiers", COMMAND, "1a<'x'ff> 12<'y'>", not_text},
    {"data", COMMAND, "22<80>", not_text},
    {"identifiers", DISCONNECT, "0a<'x'ff> 12<'y'>", not_text},
    {"subscription", DISCONNECT, "12<'x'> 12<c3> 12<a9>", not_text},
    {"url", CONNECT, "1a<0a<ff>>", not_text},
    {"key", CONNECT, "1a<12<0a<ff>12<'v'>>>", not_text},
    {"value", CONNECT, "1a<22<0a<'k'>12<ff>>>", not_text},
    {"key without value", CONNECT, "1a<1a<0a<ff>>>", not_text},
    {"a string that is replaced", COMMAND, "0a<ff> 0a<'x'>", not_text},
    {"a url that is replaced", CONNECT, "1a<0a<ff>> 1a<0a<'x'>>", not_text},
    {"a key that is replaced", CONNECT, "1a<12<0a<ff>0a<'k'>>>", not_text},
    {"a value that is replaced", CONNECT, "1a<12<12<ff>12<'k'>>>", not_text},
    {"the value of a key that comes again", CONNECT,
     "1a<12<0a<'k'>12<ff>> 12<0a<'k'>12<'v'>>>", not_text},
    {"half a character, and the other", COMMAND, "0a<c3> 12<a9>", not_text},
    {"before an odd entry", COMMAND, "0a<ff> 2a<12<12<'v'>>>", not_text},
    {"behind an odd entry", COMMAND, "2a<12<12<'v'>>> 0a<ff>", not_text},
    {"before other text", COMMAND, "0a<ff> 12<> 22<c3a9>", not_text},
    {"behind other text", COMMAND, "0a<c3a9> 12<> 22<ff>", not_text},
    {"service", HEALTH, "0a<ff>", not_text},
    {"both", COMMAND, "0a<00ff>", not_text},

    {"command", COMMAND, "0a<'x'00> 12<'y'>", has_nul},
    {"identifier", COMMAND, "12<00>", has_nul},
    {"identifiers", COMMAND, "1a<'x'00'y'>", has_nul},
    {"data", COMMAND, "22<00'x'>", has_nul},
    {"identifiers", DISCONNECT, "0a<'x'00>", has_nul},
    {"subscription", DISCONNECT, "12<'x'> 12<00> 12<'y'>", has_nul},
    {"url", CONNECT, "1a<0a<00>>", has_nul},
    {"key", CONNECT, "1a<12<0a<'k'00>12<'v'>>>", has_nul},
    {"value", CONNECT, "1a<1a<0a<'k'>12<00>>>", has_nul},
    {"a string that is replaced", COMMAND, "0a<00> 0a<'x'>", has_nul},
    {"a key that is replaced", CONNECT, "1a<12<0a<00>0a<'k'>>>", has_nul},
    {"a value that is replaced", CONNECT, "1a<12<12<00>12<'k'>>>", has_nul},
    {"among other characters", COMMAND, "0a<c3a900c3a9>", has_nul},
    {"service", HEALTH, "0a<'x'00>", has_nul},
};

static void test_accepted(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
    const struct row *row = &accepted[i];
    struct bytes b = bytes_of(row->message);
    struct decoded d = decode_bytes(row->method, &b);
    if (d.error != ANYCABLE_OK)
      fail_msg("%s: refused, %s: %s", row->name, d.reason, row->message);
    if (strcmp(request(&d), row->expected) != 0)
      fail_msg("%s: %s gives %s", row->name, row->message, text);
    assert_null(d.reason);
    forget(&d);
    free(b.data);
  }
}

static void test_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
    const struct row *row = &refused[i];
    struct bytes b = bytes_of(row->message);
    struct decoded d = decode_bytes(row->method, &b);
    int expected =
        row->expected == not_text ? ANYCABLE_ERR_ENCODING : ANYCABLE_ERR_PROTO;
    if (d.error != expected)
      fail_msg("%s: %s gives %d", row->name, row->message, d.error);
    assert_string_equal(d.reason, row->expected);
    assert_string_equal(request(&d), "");
    forget(&d);
    free(b.data);
  }
}

/* A message that is cut off is one only where a field ended. */
static void test_cut_off(void **state) {
  (void)state;
  static const char *const fields[] = {
      "0a<'message'>",
      "12<c3a9>",
      "33 3801 3a<'x'> 34",
      "308001",
      "31'12345678'",
      "2a<0a<'url'> 12<0a<'k'>12<'v'>> 1a<12<'v'>0a<'k'>> 33 35'1234' 34>",
      "8a8000<'again'>",
      "22<'data'>"};
  struct bytes b = {0};
  size_t cut = 0;
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    size_t begin = b.len;
    put_notation(&b, fields[i]);
    for (; cut < b.len; cut++) {
      struct decoded d = decode(COMMAND, b.data, cut);
      assert_int_equal(d.error,
                       cut == begin ? ANYCABLE_OK : ANYCABLE_ERR_PROTO);
      forget(&d);
    }
  }
  free(b.data);
}

/* --- text ------------------------------------------------------------------*/

static int decode_text(const char *s, size_t len, size_t before, size_t after) {
  struct bytes b = {0};
  char padding[64];
  memset(padding, 'p', sizeof(padding));
  put_field(&b, 2, padding, before);
  put_field(&b, 4, s, len);
  if (after > 0)
    put_field(&b, 1, padding, after);
  struct decoded d = decode_bytes(COMMAND, &b);
  if (d.error == ANYCABLE_OK) {
    assert_int_equal(d.request.data.len, len);
    assert_memory_equal(d.request.data.ptr, s, len);
    assert_int_equal(d.request.data.ptr[len], '\0');
  }
  forget(&d);
  free(b.data);
  return d.error;
}

/* Text is looked at in blocks: a bad byte must be found wherever it is. */
static void test_bad_byte_anywhere(void **state) {
  (void)state;
  char s[150];
  for (size_t len = 1; len < sizeof(s); len += len < 70 ? 1 : 11) {
    memset(s, 'x', len);
    for (size_t after = 0; after <= 20; after += 20)
      assert_int_equal(decode_text(s, len, len % 32, after), ANYCABLE_OK);
    for (size_t at = 0; at < len; at++) {
      size_t after = at % 3 * 10;
      s[at] = '\0';
      assert_int_equal(decode_text(s, len, len % 16, after),
                       ANYCABLE_ERR_PROTO);
      s[at] = '\x80';
      assert_int_equal(decode_text(s, len, len % 16, after),
                       ANYCABLE_ERR_ENCODING);
      s[at] = '\x7f';
      assert_int_equal(decode_text(s, len, len % 16, after), ANYCABLE_OK);
      s[at] = 'x';
    }
  }
}

/* Nothing of the text before or behind it may be taken for its own. */
static void test_character_anywhere(void **state) {
  (void)state;
  char s[80];
  for (size_t len = 4; len < sizeof(s); len++)
    for (size_t at = 0; at + 4 <= len; at++) {
      memset(s, 'x', len);
      memcpy(s + at, "\xf0\x9f\x98\x80", 4);
      assert_int_equal(decode_text(s, len, 0, len % 2 * 9), ANYCABLE_OK);
      s[at + 3] = 'x';
      assert_int_equal(decode_text(s, len, 0, len % 2 * 9),
                       ANYCABLE_ERR_ENCODING);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accepted),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_bad_byte_anywhere),
      cmocka_unit_test(test_character_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
