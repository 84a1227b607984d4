/* Messages that another implementation of protobuf has made, and wrote down as
 * JSON: see test/golden/generate.py. Requests must decode to what is written
 * there, replies encode to the very same bytes. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "wire/encode.h"
#include "wire_bytes.h"

#define FOLDER "test/golden/"
#define PREFIX 5

static struct bytes read_file(const char *name, const char *suffix) {
  char path[256];
  snprintf(path, sizeof(path), FOLDER "%s%s", name, suffix);
  FILE *file = fopen(path, "rb");
  if (!file)
    fail_msg("%s: cannot open it", path);
  struct bytes b = {0};
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof(part), file)) > 0;)
    put(&b, part, n);
  fclose(file);
  return b;
}

/* --- requests --------------------------------------------------------------*/

/* A field that is missing is empty. */
static void expect_text(const cJSON *fields, const char *name, anycable_str s) {
  const cJSON *json = cJSON_GetObjectItemCaseSensitive(fields, name);
  const char *expected = json ? cJSON_GetStringValue(json) : "";
  assert_non_null(expected);
  assert_string_equal(s.ptr, expected);
  assert_int_equal(s.len, strlen(expected));
}

static void expect_map(const cJSON *fields, const char *name,
                       const struct ac_wire_map *map) {
  const cJSON *json = cJSON_GetObjectItemCaseSensitive(fields, name);
  assert_int_equal(map->n, cJSON_GetArraySize(json));
  const cJSON *item = json ? json->child : NULL;
  for (size_t i = 0; i < map->n; i++, item = item->next) {
    assert_string_equal(map->items[i].key.ptr, item->string);
    assert_int_equal(map->items[i].key.len, strlen(item->string));
    expect_text(json, item->string, map->items[i].value);
  }
}

static void expect_list(const cJSON *fields, const char *name,
                        const struct ac_wire_list *list) {
  const cJSON *json = cJSON_GetObjectItemCaseSensitive(fields, name);
  assert_int_equal(list->n, cJSON_GetArraySize(json));
  for (size_t i = 0; i < list->n; i++)
    assert_string_equal(list->items[i].ptr,
                        cJSON_GetStringValue(cJSON_GetArrayItem(json, (int)i)));
}

static void check_request(int method, const cJSON *fields,
                          const struct bytes *message) {
  struct decoded d = decode_bytes(method, message);
  const struct ac_wire_request *r = &d.request;
  assert_int_equal(d.error, ANYCABLE_OK);
  expect_text(fields,
              method == ANYCABLE_COMMAND      ? "connection_identifiers"
              : method == ANYCABLE_DISCONNECT ? "identifiers"
                                              : "service",
              r->identifiers);
  expect_text(fields, "command", r->command);
  expect_text(fields, "identifier", r->identifier);
  expect_text(fields, "data", r->data);
  expect_list(fields, "subscriptions", &r->subscriptions);
  const cJSON *env = cJSON_GetObjectItemCaseSensitive(fields, "env");
  expect_text(env, "url", r->env.url);
  expect_map(env, "headers", &r->env.headers);
  expect_map(env, "cstate", &r->env.cstate);
  expect_map(env, "istate", &r->env.istate);
  forget(&d);
}

/* --- replies ---------------------------------------------------------------*/

static struct ac_arena *arena;

static anycable_str text(const cJSON *fields, const char *name) {
  const char *s =
      cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(fields, name));
  return s ? ac_str(s, strlen(s)) : ac_str(NULL, 0);
}

static struct ac_wire_map map(const cJSON *fields, const char *name) {
  const cJSON *json = cJSON_GetObjectItemCaseSensitive(fields, name);
  struct ac_wire_map map = {NULL, (size_t)cJSON_GetArraySize(json)};
  map.items = ac_arena_alloc(arena, (map.n + 1) * sizeof(*map.items));
  const cJSON *item = json ? json->child : NULL;
  for (size_t i = 0; i < map.n; i++, item = item->next) {
    map.items[i].key = ac_str(item->string, strlen(item->string));
    map.items[i].value = text(json, item->string);
  }
  return map;
}

static struct ac_wire_list list(const cJSON *fields, const char *name) {
  const cJSON *json = cJSON_GetObjectItemCaseSensitive(fields, name);
  struct ac_wire_list list = {NULL, (size_t)cJSON_GetArraySize(json)};
  list.items = ac_arena_alloc(arena, (list.n + 1) * sizeof(*list.items));
  for (size_t i = 0; i < list.n; i++) {
    const cJSON *item = cJSON_GetArrayItem(json, (int)i);
    list.items[i] = anycable_str_of(cJSON_GetStringValue(item));
  }
  return list;
}

static bool yes(const cJSON *fields, const char *name) {
  return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(fields, name));
}

static int status(const cJSON *fields) {
  const cJSON *json = cJSON_GetObjectItemCaseSensitive(fields, "status");
  return json ? json->valueint : 0;
}

static struct ac_wire_reply reply_of(const cJSON *fields) {
  const cJSON *env = cJSON_GetObjectItemCaseSensitive(fields, "env");
  const cJSON *presence = cJSON_GetObjectItemCaseSensitive(fields, "presence");
  return (struct ac_wire_reply){
      .status = (enum ac_wire_status)status(fields),
      .disconnect = yes(fields, "disconnect"),
      .stop_streams = yes(fields, "stop_streams"),
      .identifiers = text(fields, "identifiers"),
      .error_msg = text(fields, "error_msg"),
      .streams = list(fields, "streams"),
      .stopped_streams = list(fields, "stopped_streams"),
      .transmissions = list(fields, "transmissions"),
      .cstate = map(env, "cstate"),
      .istate = map(env, "istate"),
      .presence = {text(presence, "type"), text(presence, "id"),
                   text(presence, "info")}};
}

static void check_reply(int method, const cJSON *fields,
                        const struct bytes *message) {
  struct ac_arena_pool *pool = ac_arena_pool_new(4096, 0);
  arena = ac_arena_new(pool, SIZE_MAX);
  assert_non_null(arena);
  struct ac_wire_reply reply = reply_of(fields);
  anycable_str out = {NULL, 0};
  if (method == 0)
    assert_true(ac_wire_encode_health((enum ac_wire_health)status(fields),
                                      PREFIX, arena, &out));
  else
    assert_true(ac_wire_encode(method, &reply, PREFIX, arena, &out));
  assert_int_equal(out.len, PREFIX + message->len);
  if (message->len > 0)
    assert_memory_equal(out.ptr + PREFIX, message->data, message->len);
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
}

/* --- all of them -----------------------------------------------------------*/

static const struct {
  const char *message;
  void (*check)(int method, const cJSON *fields, const struct bytes *message);
  int method;
  int least; /* how many there must be */
} kinds[] = {
    {"ConnectionRequest", check_request, ANYCABLE_CONNECT, 3},
    {"CommandMessage", check_request, ANYCABLE_COMMAND, 3},
    {"DisconnectRequest", check_request, ANYCABLE_DISCONNECT, 2},
    {"HealthCheckRequest", check_request, 0, 2},
    {"ConnectionResponse", check_reply, ANYCABLE_CONNECT, 3},
    {"CommandResponse", check_reply, ANYCABLE_COMMAND, 3},
    {"DisconnectResponse", check_reply, ANYCABLE_DISCONNECT, 2},
    {"HealthCheckResponse", check_reply, 0, 3},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Returns which of the kinds it was. */
static size_t check_file(const char *name) {
  struct bytes json_text = read_file(name, ".json");
  struct bytes message = read_file(name, ".bin");
  cJSON *json = cJSON_ParseWithLength(json_text.data, json_text.len);
  assert_non_null(json);
  const char *kind =
      cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "message"));
  assert_non_null(kind);
  size_t i = 0;
  while (i < N_KINDS && strcmp(kinds[i].message, kind) != 0)
    i++;
  assert_true(i < N_KINDS);
  printf("%s\n", name);
  kinds[i].check(kinds[i].method,
                 cJSON_GetObjectItemCaseSensitive(json, "fields"), &message);
  cJSON_Delete(json);
  free(json_text.data);
  free(message.data);
  return i;
}

static void test_golden(void **state) {
  (void)state;
  int seen[N_KINDS] = {0};
  DIR *folder = opendir(FOLDER);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char *suffix = strstr(entry->d_name, ".json");
    if (!suffix)
      continue;
    *suffix = '\0';
    seen[check_file(entry->d_name)]++;
  }
  closedir(folder);
  for (size_t i = 0; i < N_KINDS; i++)
    assert_true(seen[i] >= kinds[i].least);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
