/* HTTP/1.1 requests: any bytes, in pieces that the bytes tell. Whatever the
 * pieces are, the result is that of the whole; and what is accepted is what
 * the reader promises. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ac_http_reader_limits limits = {512, 10, 256};

static void require(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_http_reader: %s\n", what);
  abort();
}

struct run {
  struct ac_http_exchange exchange;
  struct ac_http_reader reader;
  int status;
  size_t taken;
};

/* |pieces| is a number that lengths are made of; 0: all at once. */
static void read_all(struct run *run, struct ac_arena_pool *pool,
                     const uint8_t *data, size_t size, uint32_t pieces) {
  memset(run, 0, sizeof(*run));
  run->exchange.arena = ac_arena_new(pool, 1 << 20);
  ac_http_reader_init(&run->reader, &limits, &run->exchange);
  while (!run->status && run->taken < size &&
         run->reader.phase != AC_HTTP_COMPLETE) {
    size_t left = size - run->taken, taken;
    size_t n = pieces ? 1 + pieces % 7 : left;
    n = n < left ? n : left;
    pieces = pieces ? pieces * 1664525 + 1013904223 : 0;
    char *piece = malloc(n);
    memcpy(piece, data + run->taken, n);
    run->status = ac_http_read(&run->reader, piece, n, &taken);
    require(taken <= n, "more taken than there is");
    require(taken == n || run->status || run->reader.phase == AC_HTTP_COMPLETE,
            "stopped in the middle");
    run->taken += taken;
    free(piece);
  }
}

static void check_str(anycable_str s) {
  require(s.ptr && s.ptr[s.len] == '\0' && strlen(s.ptr) == s.len,
          "a text without its NUL");
  require(!memchr(s.ptr, '\r', s.len) && !memchr(s.ptr, '\n', s.len),
          "a line's end inside");
}

static void check_request(const struct ac_http_exchange *exchange) {
  check_str(exchange->method);
  check_str(exchange->path);
  require(exchange->method.len > 0 && exchange->path.len > 0, "empty");
  require(exchange->n_headers <= limits.fields, "too many fields");
  require(exchange->body_len <= limits.body, "too long a body");
  for (size_t i = 0; i < exchange->n_headers; i++) {
    check_str(exchange->headers[i].key);
    check_str(exchange->headers[i].value);
    require(exchange->headers[i].key.len > 0, "a field without a name");
  }
}

static void compare(const struct run *a, const struct run *b) {
  require(a->status == b->status, "another status");
  if (a->status)
    return;
  require(a->taken == b->taken && a->reader.phase == b->reader.phase,
          "another end");
  if (a->reader.phase != AC_HTTP_COMPLETE)
    return;
  const struct ac_http_exchange *x = &a->exchange, *y = &b->exchange;
  check_request(x);
  require(anycable_str_equal(x->method, y->method) &&
              anycable_str_equal(x->path, y->path) &&
              x->n_headers == y->n_headers && x->body_len == y->body_len &&
              (x->body_len == 0 || !memcmp(x->body, y->body, x->body_len)),
          "another request");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const begins[] = {
      "", "POST /a HTTP/1.1\r\nHost: h\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"};
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 2);
  const char *begin = begins[size > 0 ? data[0] % 4 : 0];
  size_t len = strlen(begin);
  uint8_t *text = malloc(len + size + 1);
  struct run whole, pieces;
  memcpy(text, begin, len);
  if (size > 0)
    memcpy(text + len, data, size);
  read_all(&whole, pool, text, len + size, 0);
  read_all(&pieces, pool, text, len + size, (uint32_t)size * 2654435761u | 1);
  compare(&whole, &pieces);
  ac_arena_free(whole.exchange.arena);
  ac_arena_free(pieces.exchange.arena);
  ac_arena_pool_release(pool);
  free(text);
  return 0;
}
