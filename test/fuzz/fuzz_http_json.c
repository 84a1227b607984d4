/* Requests as JSON: any bytes, in memory that ends where their margins do. What
 * is read is JSON by the scanner's other way, and all of it is text with a NUL;
 * what is not JSON is not read; and reading changes nothing outside. */
#include <anycable/error.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_cursor.h"
#include "base/utf8.h"
#include "http/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 8, ELEMENTS = 16 };

static void require(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_http_json: %s\n", what);
  abort();
}

static void check_str(anycable_str s) {
  require(s.ptr && s.ptr[s.len] == '\0' && strlen(s.ptr) == s.len,
          "a text without its NUL");
  require(ac_utf8_valid(s), "a text that is no UTF-8");
}

static void check_map(const struct ac_wire_map *map) {
  for (size_t i = 0; i < map->n; i++) {
    check_str(map->items[i].key);
    check_str(map->items[i].value);
    for (size_t j = 0; j < i; j++)
      require(!anycable_str_equal(map->items[i].key, map->items[j].key),
              "a key twice");
  }
}

static void check_request(const struct ac_wire_request *request) {
  check_str(request->env.url);
  check_map(&request->env.headers);
  check_map(&request->env.cstate);
  check_map(&request->env.istate);
  check_str(request->identifiers);
  check_str(request->command);
  check_str(request->identifier);
  check_str(request->data);
  for (size_t i = 0; i < request->subscriptions.n; i++)
    check_str(request->subscriptions.items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct ac_http_json_limits limits = {ELEMENTS, DEPTH};
  static const int methods[] = {ANYCABLE_CONNECT, ANYCABLE_COMMAND,
                                ANYCABLE_DISCONNECT};
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 2);
  if (!pool)
    return 0;
  int json = ac_json_check(ac_str((const char *)data, size), DEPTH);
  for (int i = 0; i < 3; i++) {
    struct ac_arena *arena = ac_arena_new(pool, 1 << 20);
    struct ac_wire_request request;
    const char *reason = NULL;
    char *body = malloc(size + 2 * AC_JSON_MARGIN);
    if (size > 0)
      memcpy(body + AC_JSON_MARGIN, data, size);
    int error = ac_http_read_request(methods[i], body + AC_JSON_MARGIN, size,
                                     &limits, arena, &request, &reason);
    require(error || json == ANYCABLE_OK, "read what is not JSON");
    require(!error || reason, "no reason");
    check_request(&request);
    ac_arena_free(arena);
    free(body);
  }
  ac_arena_pool_release(pool);
  return 0;
}
