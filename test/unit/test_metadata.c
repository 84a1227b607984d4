/* Header fields of a request: what gRPC reads, and what becomes metadata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "grpc/metadata.h"

static struct ac_arena_pool *pool;
static struct ac_grpc grpc;
static struct ac_grpc_call call;

static uint64_t now(void *loop) {
  (void)loop;
  return 1000;
}

static const struct ac_grpc_method methods[] = {
    {"/s/First", NULL, NULL, false}, {"/s/Second", NULL, NULL, false}};

static int setup(void **state) {
  (void)state;
  pool = ac_arena_pool_new(4096, 4);
  memset(&grpc, 0, sizeof(grpc));
  memset(&call, 0, sizeof(call));
  grpc.methods = methods;
  grpc.n_methods = 2;
  grpc.runtime.now = now;
  call.grpc = &grpc;
  call.arena = ac_arena_new(pool, 1 << 20);
  assert_non_null(call.arena);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  ac_arena_free(call.arena);
  ac_arena_pool_release(pool);
  return 0;
}

static bool say(const char *name, const char *value) {
  return ac_grpc_header(&call, anycable_str_of(name), anycable_str_of(value));
}

static void assert_pair(size_t at, const char *name, const char *value) {
  assert_true(at < call.n_metadata);
  assert_string_equal(call.metadata[at].key.ptr, name);
  assert_string_equal(call.metadata[at].value.ptr, value);
  assert_int_equal(call.metadata[at].value.len, strlen(value));
}

static void test_text(void **state) {
  static const char *const names[] = {"sid", "protov", "user-agent", "x-other"};
  (void)state;
  for (size_t i = 0; i < 4; i++)
    assert_true(say(names[i], "v1"));
  assert_int_equal(call.n_metadata, 4);
  for (size_t i = 0; i < 4; i++)
    assert_pair(i, names[i], "v1");
}

/* What an application is given is UTF-8, whatever came. */
static void test_text_is_utf8(void **state) {
  (void)state;
  assert_true(say("sid", "\xff\xfe-1"));
  assert_true(say("x-name", "J\xc3\xb6rg"));
  assert_true(say("x-latin", "J\xf6rg"));
  assert_pair(0, "sid", "?\?-1");
  assert_pair(1, "x-name", "J\xc3\xb6rg");
  assert_pair(2, "x-latin", "J?rg");
}

static void test_binary(void **state) {
  (void)state;
  assert_true(say("x-bin", "/w==, aGk,"));
  assert_int_equal(call.n_metadata, 3);
  assert_pair(0, "x-bin", "\xff");
  assert_pair(1, "x-bin", "hi");
  assert_pair(2, "x-bin", "");
  assert_null(call.error);
  assert_true(say("y-bin", "a"));
  assert_int_equal(call.status, AC_GRPC_INTERNAL);
  assert_non_null(call.error);
}

static void test_what_is_no_metadata(void **state) {
  static const char *const names[] = {
      ":method", ":scheme",      ":authority",    "te",
      "host",    "content-type", "grpc-encoding", "grpc-accept-encoding",
      "grpc-x",  "grpc-timeout", "content-length"};
  (void)state;
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    assert_true(say(names[i], "1S"));
  assert_int_equal(call.n_metadata, 0);
  assert_null(call.error);
  assert_int_equal(call.deadline, 1000 + AC_SECOND);
  assert_true(call.encoded);
  assert_true(say("grpc-timeout", "1S")); /* a second one */
  assert_int_equal(call.http, 400);
}

static void test_path(void **state) {
  (void)state;
  assert_true(say(":path", "/s/Second"));
  assert_ptr_equal(call.method, &methods[1]);
  call.method = NULL;
  assert_true(say(":path", "/s/second"));
  assert_null(call.method);
  assert_string_equal(call.unknown, "unknown method /s/second");
}

/* However long it is, and wherever that ends: no escape is cut. */
static void test_long_unknown_path(void **state) {
  char path[2000];
  (void)state;
  for (size_t spare = 0; spare < 4; spare++) {
    memset(path, 'x', spare);
    memset(path + spare, '\xff', sizeof(path) - 1 - spare);
    path[sizeof(path) - 1] = '\0';
    assert_true(say(":path", path));
    size_t len = strlen(call.unknown);
    assert_true(len <= AC_GRPC_MESSAGE_MAX);
    assert_string_equal(call.unknown + len - 9, "%EF%BF%BD");
  }
}

static void test_content_types(void **state) {
  static const struct {
    const char *type;
    bool typed, subtyped;
  } rows[] = {{"application/grpc", true, false},
              {"application/grpc+proto", true, true},
              {"application/grpc;charset=utf-8", true, false},
              {"application/grpc+proto;x", true, true},
              {"application/grpc+json", false, false},
              {"application/grpc+protobuf", false, true},
              {"application/grpc-web", false, false},
              {"application/json", false, false}};
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    call.typed = call.subtyped = false;
    assert_true(say("content-type", rows[i].type));
    assert_int_equal(call.typed, rows[i].typed);
    assert_int_equal(call.subtyped, rows[i].subtyped);
  }
}

/* Over the cap of a call, the stream is refused; nothing breaks. */
static void test_no_memory(void **state) {
  char value[8000];
  bool taken = true;
  (void)state;
  memset(value, 'v', sizeof(value) - 1);
  value[sizeof(value) - 1] = '\0';
  for (int i = 0; i < 200 && taken; i++)
    taken = say(i % 2 ? "x-long" : "x-long-bin", value);
  assert_false(taken);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_text),          TEST(test_text_is_utf8),
      TEST(test_binary),        TEST(test_what_is_no_metadata),
      TEST(test_path),          TEST(test_long_unknown_path),
      TEST(test_content_types), TEST(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
