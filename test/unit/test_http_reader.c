/* The HTTP/1.1 reader, rule by rule and boundary by boundary. Each text is read
 * at once, in every two pieces, and byte by byte: the result is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/reader.h"

enum { HEAD = 200, FIELDS = 5, BODY = 20 };

static const struct ac_http_reader_limits limits = {HEAD, FIELDS, BODY};
static struct ac_arena_pool *pool;

static int setup(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 4);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  ac_arena_pool_release(pool);
  return 0;
}

/* What was read, in words: "POST /p|a=b|body", or a status. */
struct result {
  char words[512];
  size_t taken;
};

static void describe(const struct ac_http_reader *reader, int status,
                     struct result *result) {
  const struct ac_http_exchange *exchange = reader->exchange;
  char *at = result->words, *end = at + sizeof(result->words);
  if (status) {
    snprintf(at, sizeof(result->words), "%d", status);
    return;
  }
  if (reader->phase != AC_HTTP_COMPLETE) {
    snprintf(at, sizeof(result->words), "more");
    return;
  }
  at += snprintf(at, (size_t)(end - at), "%s %s", exchange->method.ptr,
                 exchange->path.ptr);
  for (size_t i = 0; i < exchange->n_headers; i++) {
    assert_int_equal(strlen(exchange->headers[i].key.ptr),
                     exchange->headers[i].key.len);
    assert_int_equal(strlen(exchange->headers[i].value.ptr),
                     exchange->headers[i].value.len);
    at +=
        snprintf(at, (size_t)(end - at), "|%s=%s", exchange->headers[i].key.ptr,
                 exchange->headers[i].value.ptr);
  }
  at += snprintf(at, (size_t)(end - at), "|%.*s", (int)exchange->body_len,
                 exchange->body ? exchange->body : "");
  snprintf(at, (size_t)(end - at), "%s", reader->close ? "|close" : "");
}

/* Reads |text| in pieces of |first| bytes and then of |step|. The pieces lie at
 * the end of memory of their own, so that reading beyond them is found. */
static struct result read_in(const char *text, size_t len, size_t first,
                             size_t step) {
  struct ac_http_exchange exchange = {.arena = ac_arena_new(pool, 1 << 20)};
  struct ac_http_reader reader;
  struct result result = {"", 0};
  int status = 0;
  ac_http_reader_init(&reader, &limits, &exchange);
  size_t size = first;
  while (!status && result.taken < len && reader.phase != AC_HTTP_COMPLETE) {
    size_t n = size < len - result.taken ? size : len - result.taken;
    char *piece = malloc(n);
    size_t taken;
    memcpy(piece, text + result.taken, n);
    status = ac_http_read(&reader, piece, n, &taken);
    if (!status && reader.phase != AC_HTTP_COMPLETE)
      assert_int_equal(taken, n);
    result.taken += taken;
    free(piece);
    size = step;
  }
  describe(&reader, status, &result);
  ac_arena_free(exchange.arena);
  return result;
}

static void assert_reads(const char *text, size_t len, const char *words) {
  struct result whole = read_in(text, len, len, len);
  if (strcmp(whole.words, words) != 0)
    fail_msg("\"%s\":\n%s instead of\n%s", text, whole.words, words);
  for (size_t i = 1; i <= len; i++) {
    struct result pieces = read_in(text, len, i, len);
    assert_string_equal(pieces.words, words);
    if (*words > '9')
      assert_int_equal(pieces.taken, whole.taken);
  }
  assert_string_equal(read_in(text, len, 1, 1).words, words);
}

struct row {
  const char *text;
  const char *words;
};

static void check(const struct row *rows, size_t n) {
  for (size_t i = 0; i < n; i++)
    assert_reads(rows[i].text, strlen(rows[i].text), rows[i].words);
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(*(rows)))
#define H "Host: h\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define POST "POST / HTTP/1.1\r\n" H

static void test_request_line(void **state) {
  static const struct row rows[] = {
      {GET "\r\n", "GET /|host=h|"},
      {"POST /a/b?c=d HTTP/1.1\r\n" H "\r\n", "POST /a/b|host=h|"},
      {"!#$%&'*+-.^_`|~09Az / HTTP/1.1\r\n" H "\r\n",
       "!#$%&'*+-.^_`|~09Az /|host=h|"},
      {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS *|host=h|"},
      {"GET http://x/p?q HTTP/1.1\r\n" H "\r\n", "GET /p|host=h|"},
      {"GET HTTPS://x HTTP/1.1\r\n" H "\r\n", "GET /|host=h|"},
      {"GET / HTTP/1.1\r\n", "more"},
      {"", "more"},
      {"\r\n", "400"}, /* no empty line before it */
      {" GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET  / HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET /  HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET /\tHTTP/1.1\r\n" H "\r\n", "400"},
      {"GET\t/ HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET / HTTP/1.1 \r\n" H "\r\n", "400"},
      {"G(T / HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET\r\n" H "\r\n", "400"},
      {"GET /\r\n" H "\r\n", "400"}, /* HTTP/0.9 */
      {"GET HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET x HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET *x HTTP/1.1\r\n" H "\r\n", "400"},
      {"CONNECT h:1 HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET /\x01 HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET /\x7f HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "400"},
      {"GET / http/1.1\r\n" H "\r\n", "400"},
      {"GET / HTTP/1\r\n" H "\r\n", "400"},
      {"GET / HTTP/1.10\r\n" H "\r\n", "400"},
      {"GET / HTTP/1.2\r\n" H "\r\n", "505"},
      {"GET / HTTP/2.0\r\n" H "\r\n", "505"},
      {"GET / HTTP/0.9\r\n" H "\r\n", "505"},
      {"GET / HTTP/1.0\r\n\r\n", "GET /||close"},
      {"GET / HTTP/1.0\r\n" H "\r\n", "GET /|host=h||close"},
      {"GET / HTTP/1.1\n" H "\r\n", "400"}, /* a bare LF */
      {"GET / HTTP/1.1\r" H "\r\n", "400"}, /* a bare CR */
      {"GET / HTTP/1.1\r\r\n" H "\r\n", "400"},
  };
  (void)state;
  CHECK(rows);
}

static void test_fields(void **state) {
  static const struct row rows[] = {
      {GET "A-b: c\r\n\r\n", "GET /|host=h|a-b=c|"},
      {GET "a:b\r\n\r\n", "GET /|host=h|a=b|"},
      {GET "a:\r\n\r\n", "GET /|host=h|a=|"},
      {GET "a: \t \r\n\r\n", "GET /|host=h|a=|"},
      {GET "a: \t b c\t \r\n\r\n", "GET /|host=h|a=b c|"},
      {GET "a: b\xc3\xa4\r\n\r\n", "GET /|host=h|a=b\xc3\xa4|"},
      {GET "a: b:c\r\n\r\n", "GET /|host=h|a=b:c|"},
      {GET "a: b\r\na: c\r\n\r\n", "GET /|host=h|a=b|a=c|"},
      {GET "a : b\r\n\r\n", "400"},
      {GET "a\t: b\r\n\r\n", "400"},
      {GET " a: b\r\n\r\n", "400"},
      {GET "a: b\r\n c\r\n\r\n", "400"}, /* a folded line */
      {GET "a: b\r\n\tc\r\n\r\n", "400"},
      {GET ": b\r\n\r\n", "400"},
      {GET "a\r\n\r\n", "400"},
      {GET "a(: b\r\n\r\n", "400"},
      {GET "a\xc3: b\r\n\r\n", "400"},
      {GET "a: b\x01\r\n\r\n", "400"},
      {GET "a: b\x7f\r\n\r\n", "400"},
      {GET "a: b\rc\r\n\r\n", "400"},
      {GET "a: b\nc: d\r\n\r\n", "400"},
      {GET "a: b\r\n\n", "400"},
      {GET "a: b\r\n\r\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"}, /* without a host */
      {GET H "\r\n", "400"},             /* with two */
      {"GET / HTTP/1.0\r\n" H H "\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /|host=|"},
      {GET "a:\r\nb:\r\nc:\r\nd:\r\n\r\n", "GET /|host=h|a=|b=|c=|d=|"},
      {GET "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n", "431"},
  };
  (void)state;
  CHECK(rows);
  assert_reads(GET "a: b\0c\r\n\r\n", sizeof(GET "a: b\0c\r\n\r\n") - 1, "400");
  assert_reads("GET /\0 HTTP/1.1\r\n" H "\r\n",
               sizeof("GET /\0 HTTP/1.1\r\n" H "\r\n") - 1, "400");
  assert_reads("GET / HTTP/1.1\r\n\0\r\n" H "\r\n",
               sizeof("GET / HTTP/1.1\r\n\0\r\n" H "\r\n") - 1, "400");
}

static void test_connection(void **state) {
  static const struct row rows[] = {
      {GET "Connection: close\r\n\r\n", "GET /|host=h|connection=close||close"},
      {GET "Connection: a, CLOSE\r\n\r\n",
       "GET /|host=h|connection=a, CLOSE||close"},
      {GET "Connection: ,\tclose ,\r\n\r\n",
       "GET /|host=h|connection=,\tclose ,||close"},
      {GET "Connection: closed\r\n\r\n", "GET /|host=h|connection=closed|"},
      {GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "GET /|host=h|connection=upgrade|upgrade=websocket|"},
      {GET "Expect: 100-Continue\r\n\r\n", "GET /|host=h|expect=100-Continue|"},
      {GET "Expect: 200-ok\r\n\r\n", "417"},
  };
  (void)state;
  CHECK(rows);
}

#define CL "Content-Length: "

static void test_length(void **state) {
  static const struct row rows[] = {
      {POST CL "3\r\n\r\nabc", "POST /|host=h|content-length=3|abc"},
      {POST CL "3\r\n\r\nabcd", "POST /|host=h|content-length=3|abc"},
      {POST CL "3\r\n\r\nab", "more"},
      {POST CL "0\r\n\r\n", "POST /|host=h|content-length=0|"},
      {POST CL "003\r\n\r\nabc", "POST /|host=h|content-length=003|abc"},
      {GET CL "1\r\n\r\na", "GET /|host=h|content-length=1|a"},
      {POST CL "20\r\n\r\n01234567890123456789",
       "POST /|host=h|content-length=20|01234567890123456789"},
      {POST CL "21\r\n\r\n", "413"},
      {POST CL "999999999999999999\r\n\r\n", "413"},
      {POST CL "9999999999999999999\r\n\r\n", "400"},
      {POST CL "18446744073709551617\r\n\r\n", "400"},
      {POST CL "\r\n\r\n", "400"},
      {POST CL "+3\r\n\r\nabc", "400"},
      {POST CL "-3\r\n\r\nabc", "400"},
      {POST CL "0x3\r\n\r\nabc", "400"},
      {POST CL "3 \r\n\r\nabc", "POST /|host=h|content-length=3|abc"},
      {POST CL "3 3\r\n\r\nabc", "400"},
      {POST CL "3,3\r\n\r\nabc", "400"},
      {POST CL "3\r\n" CL "3\r\n\r\nabc", "400"},
      {POST CL "3\r\n" CL "4\r\n\r\nabc", "400"},
  };
  (void)state;
  CHECK(rows);
}

#define TE "Transfer-Encoding: chunked\r\n"
#define CHUNKED POST TE "\r\n"
#define IS(body) "POST /|host=h|transfer-encoding=chunked|" body

static void test_chunks(void **state) {
  static const struct row rows[] = {
      {CHUNKED "3\r\nabc\r\n0\r\n\r\n", IS("abc")},
      {CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET", IS("abcde")},
      {CHUNKED "0\r\n\r\n", IS("")},
      {CHUNKED "00000003\r\nabc\r\n00\r\n\r\n", IS("abc")},
      {CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
       IS("01234567890123456789")},
      {CHUNKED "1\r\n\n\r\n0\r\n\r\n", IS("\n")},
      {CHUNKED "3\r\nabc\r\n", "more"},
      {CHUNKED "3\r\nabc\r\n0\r\n", "more"},
      {CHUNKED "15\r\n", "413"},
      {CHUNKED "14\r\n01234567890123456789\r\n1\r\n", "413"},
      {CHUNKED "000000003\r\nabc", "400"},
      {CHUNKED "100000000\r\n", "413"},
      {CHUNKED "\r\n", "400"},
      {CHUNKED "g\r\n", "400"},
      {CHUNKED "-1\r\n", "400"},
      {CHUNKED "+1\r\n", "400"},
      {CHUNKED "0x1\r\n", "400"},
      {CHUNKED " 1\r\n", "400"},
      {CHUNKED "1 \r\n", "400"},
      {CHUNKED "1;a=b\r\n", "400"},
      {CHUNKED "1\n", "400"},
      {CHUNKED "1\r\r", "400"},
      {CHUNKED "1\r\nab", "400"},
      {CHUNKED "1\r\na\n", "400"},
      {CHUNKED "1\r\na\rb", "400"},
      {CHUNKED "0\r\nA: b\r\nc: d\r\n\r\n", IS("")},
      {CHUNKED "0\r\nA: b\n", "400"},
      {CHUNKED "0\r\n A: b\r\n", "400"},
      {CHUNKED "0\r\nA: b\x01\r\n", "400"},
      {CHUNKED "0\r\n\ra", "400"},
      {POST "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
       "POST /|host=h|transfer-encoding=CHUNKED|"},
      {POST TE TE "\r\n0\r\n\r\n", "400"},
      {POST TE CL "3\r\n\r\n", "400"},
      {POST CL "3\r\n" TE "\r\n", "400"},
      {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "501"},
      {POST "Transfer-Encoding: chunked, identity\r\n\r\n", "501"},
      {POST "Transfer-Encoding: xchunked\r\n\r\n", "501"},
      {POST "Transfer-Encoding:\r\n\r\n", "501"},
      {"POST / HTTP/1.0\r\n" TE "\r\n0\r\n\r\n", "400"},
  };
  (void)state;
  CHECK(rows);
}

/* |n| times |c|, between two texts. */
static void assert_long(const char *before, char c, size_t n, const char *after,
                        const char *words) {
  char text[2 * HEAD + 64];
  size_t len = strlen(before);
  memcpy(text, before, len);
  memset(text + len, c, n);
  strcpy(text + len + n, after);
  if (words)
    assert_reads(text, strlen(text), words);
  else
    assert_int_equal(atoi(read_in(text, strlen(text), 7, 7).words), 0);
}

static void test_long(void **state) {
  const size_t fixed = strlen("GET / HTTP/1.1\r\n" H "\r\n");
  (void)state;
  assert_long("GET /", 'a', HEAD - fixed, " HTTP/1.1\r\n" H "\r\n", NULL);
  assert_long("GET /", 'a', HEAD - fixed + 1, " HTTP/1.1\r\n" H "\r\n", "431");
  assert_long("GET /", 'a', HEAD, "", "414");
  assert_long("GET /", 'a', HEAD, "\r\n", "414");
  assert_long(GET "a: ", 'b', HEAD, "\r\n", "431");
  assert_long(CHUNKED "0\r\na:", 'b', HEAD - 6, "\r\n\r\n", IS(""));
  assert_long(CHUNKED "0\r\na:", 'b', HEAD - 5, "\r\n\r\n", "431");
}

/* Behind a request the next one begins, which is not touched. */
static void test_one_behind_the_other(void **state) {
  const char *text = POST CL "2\r\n\r\nab" GET "\r\n";
  (void)state;
  struct result first = read_in(text, strlen(text), strlen(text), 1);
  assert_int_equal(first.taken, strlen(POST CL "2\r\n\r\nab"));
  struct result second =
      read_in(text + first.taken, strlen(text) - first.taken, 3, 5);
  assert_string_equal(second.words, "GET /|host=h|");
}

/* A limit of memory is an answer too, at every point. */
static void test_without_memory(void **state) {
  const char *text = CHUNKED "14\r\n01234567890123456789\r\n0\r\n\r\n";
  (void)state;
  ac_arena_pool_limit(pool, 30);
  assert_string_equal(read_in(text, strlen(text), 9, 9).words, "503");
  ac_arena_pool_limit(pool, strlen(CHUNKED) + 19);
  assert_string_equal(read_in(text, strlen(text), 9, 9).words, "503");
  ac_arena_pool_limit(pool, strlen(CHUNKED) + 20);
  assert_string_equal(read_in(text, strlen(text), 9, 9).words,
                      IS("01234567890123456789"));
}

/* Every byte, in every place of values of up to three words. */
static void test_bytes_of_values(void **state) {
  (void)state;
  for (size_t len = 1; len <= 24; len++) {
    for (size_t at = 0; at < len; at++) {
      for (int byte = 1; byte < 256; byte++) {
        char text[64], value[32];
        memset(value, 'v', len);
        value[at] = (char)byte;
        value[len] = '\0';
        int n = snprintf(text, sizeof(text), "GET / HTTP/1.0\r\nA:%s\r\n\r\n",
                         value);
        bool good = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        struct result result = read_in(text, (size_t)n, (size_t)n, 1);
        if ((strcmp(result.words, "400") != 0) != good)
          fail_msg("byte %d at %zu of %zu: %s", byte, at, len, result.words);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_request_line, setup, teardown),
      cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bytes_of_values, setup, teardown),
      cmocka_unit_test_setup_teardown(test_connection, setup, teardown),
      cmocka_unit_test_setup_teardown(test_length, setup, teardown),
      cmocka_unit_test_setup_teardown(test_chunks, setup, teardown),
      cmocka_unit_test_setup_teardown(test_long, setup, teardown),
      cmocka_unit_test_setup_teardown(test_one_behind_the_other, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
