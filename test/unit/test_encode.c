/* The encoder of replies; test_golden.c has what the bytes must be. */
#include "wire/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire_bytes.h"

static struct ac_arena_pool *pool;
static struct ac_arena *arena;

static int setup(void **state) {
  (void)state;
  pool = ac_arena_pool_new(1024, 0);
  arena = ac_arena_new(pool, SIZE_MAX);
  return arena ? 0 : 1;
}

static int teardown(void **state) {
  (void)state;
  ac_arena_free(arena);
  ac_arena_pool_release(pool);
  return 0;
}

static void expect(int method, const struct ac_wire_reply *reply,
                   const char *notation) {
  struct bytes b = bytes_of(notation);
  anycable_str out = {NULL, 0};
  assert_true(ac_wire_encode(method, reply, 0, arena, &out));
  assert_int_equal(out.len, b.len);
  if (b.len > 0)
    assert_memory_equal(out.ptr, b.data, b.len);
  free(b.data);
}

/* One of everything. */
static anycable_str strings[] = {ANYCABLE_STR("s"), {"", 0}, {NULL, 0}};
static struct ac_pair pairs[] = {{ANYCABLE_STR("k"), ANYCABLE_STR("v")},
                                 {ANYCABLE_STR("gone"), {NULL, 0}}};
static const struct ac_wire_reply full = {
    .status = AC_WIRE_FAILURE,
    .disconnect = true,
    .stop_streams = true,
    .identifiers = {"ids", 3},
    .error_msg = {"err", 3},
    .streams = {strings, 3},
    .stopped_streams = {strings, 1},
    .transmissions = {strings, 2},
    .cstate = {pairs, 1},
    .istate = {pairs, 2},
    .presence = {{"join", 4}, {"id", 2}, {"info", 4}}};

static void test_fields_of_each_method(void **state) {
  (void)state;
  expect(ANYCABLE_CONNECT, &full,
         "0802 12<'ids'> 1a<'s'> 1a<> 22<'err'>"
         "2a<0a<0a<'k'>12<'v'>> 12<0a<'k'>12<'v'>> 12<0a<'gone'>>>");
  expect(ANYCABLE_COMMAND, &full,
         "0802 1001 1801 22<'s'> 22<> 22<> 2a<'s'> 2a<> 32<'err'>"
         "3a<0a<0a<'k'>12<'v'>> 12<0a<'k'>12<'v'>> 12<0a<'gone'>>>"
         "42<'s'> 4a<0a<'join'>12<'id'>1a<'info'>>");
  expect(ANYCABLE_DISCONNECT, &full, "0802 12<'err'>");
}

static void test_nothing_is_nothing(void **state) {
  (void)state;
  struct ac_wire_reply reply = {0};
  expect(ANYCABLE_CONNECT, &reply, "");
  expect(ANYCABLE_COMMAND, &reply, "");
  expect(ANYCABLE_DISCONNECT, &reply, "");
}

static void test_one_map_only(void **state) {
  (void)state;
  struct ac_wire_reply reply = {.cstate = {pairs, 1}};
  expect(ANYCABLE_COMMAND, &reply, "3a<0a<0a<'k'>12<'v'>>>");
  reply = (struct ac_wire_reply){.istate = {pairs, 1}};
  expect(ANYCABLE_COMMAND, &reply, "3a<12<0a<'k'>12<'v'>>>");
}

static void test_presence_needs_a_type(void **state) {
  (void)state;
  struct ac_wire_reply reply = {.presence = {{NULL, 0}, {"id", 2}, {"i", 1}}};
  expect(ANYCABLE_COMMAND, &reply, "");
}

static void test_health(void **state) {
  (void)state;
  for (int status = 1; status <= 3; status++) {
    anycable_str out = {NULL, 0};
    assert_true(
        ac_wire_encode_health((enum ac_wire_health)status, 5, arena, &out));
    assert_int_equal(out.len, 7);
    assert_int_equal(out.ptr[5], 0x08);
    assert_int_equal(out.ptr[6], status);
  }
}

/* The room for a message is reckoned before it is encoded: texts of every size
 * must fit. */
static void test_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0,     1,     126,   127,   128,     129,
                                 16382, 16383, 16384, 16385, 2097151, 2097152};
  char *text = malloc(2097153);
  assert_non_null(text);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    memset(text, 't', sizes[i]);
    text[sizes[i]] = '\0';
    anycable_str s = {text, sizes[i]};
    anycable_str items[] = {s, s, s};
    struct ac_pair entries[] = {{s, s}};
    struct ac_wire_reply reply = {.identifiers = s,
                                  .error_msg = s,
                                  .streams = {items, 3},
                                  .stopped_streams = {items, 2},
                                  .transmissions = {items, 1},
                                  .cstate = {entries, 1},
                                  .istate = {entries, 1},
                                  .presence = {s, s, s}};
    for (int method = 1; method <= 3; method++) {
      anycable_str out = {NULL, 0};
      assert_true(ac_wire_encode(method, &reply, 5, arena, &out));
      assert_true(out.len >= 5 + sizes[i]);
      if (method == ANYCABLE_COMMAND)
        assert_in_range(out.len, 14 * sizes[i], 14 * sizes[i] + 200);
    }
  }
  free(text);
}

/* What was reckoned too much is there for the next. */
static void test_gives_back(void **state) {
  (void)state;
  struct ac_arena_pool *large = ac_arena_pool_new(16384, 0);
  struct ac_arena *roomy = ac_arena_new(large, SIZE_MAX);
  assert_non_null(roomy);
  anycable_str out = {NULL, 0};
  assert_true(ac_wire_encode(ANYCABLE_COMMAND, &full, 5, roomy, &out));
  assert_in_range(roomy->at - out.ptr, out.len, out.len + 15);
  ac_arena_free(roomy);
  ac_arena_pool_release(large);
}

/* Numbers at their longest, and no text: nothing but the room for numbers. */
static void test_room_for_numbers(void **state) {
  (void)state;
  struct ac_wire_reply reply = {.status = (enum ac_wire_status) - 1,
                                .disconnect = true,
                                .stop_streams = true};
  expect(ANYCABLE_COMMAND, &reply, "08 ffffffffffffffffff01 1001 1801");
  expect(ANYCABLE_CONNECT, &reply, "08 ffffffffffffffffff01");
}

static void test_prefix(void **state) {
  (void)state;
  for (size_t prefix = 0; prefix < 40; prefix++) {
    struct ac_wire_reply reply = {.status = AC_WIRE_SUCCESS};
    anycable_str out = {NULL, 0};
    assert_true(
        ac_wire_encode(ANYCABLE_DISCONNECT, &reply, prefix, arena, &out));
    assert_int_equal(out.len, prefix + 2);
    assert_memory_equal(out.ptr + prefix, "\x08\x01", 2);
  }
}

/* Wherever memory ends, encoding fails, and only that. */
static void test_no_memory(void **state) {
  (void)state;
  anycable_str items[100];
  struct ac_pair entries[100];
  for (size_t i = 0; i < 100; i++) {
    items[i] = ac_str("text", 4);
    entries[i] = (struct ac_pair){items[i], items[i]};
  }
  struct ac_wire_reply reply = full;
  reply.streams = reply.stopped_streams = reply.transmissions =
      (struct ac_wire_list){items, 100};
  reply.cstate = reply.istate = (struct ac_wire_map){entries, 100};
  size_t failures = 0;
  for (size_t cap = 0;; cap += 256) {
    struct ac_arena_pool *small = ac_arena_pool_new(256, 0);
    struct ac_arena *tight = ac_arena_new(small, cap);
    assert_non_null(tight);
    anycable_str out;
    bool encoded = ac_wire_encode(ANYCABLE_COMMAND, &reply, 5, tight, &out);
    failures += !encoded;
    ac_arena_free(tight);
    ac_arena_pool_release(small);
    if (encoded)
      break;
  }
  assert_true(failures > 30);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fields_of_each_method),
      cmocka_unit_test(test_nothing_is_nothing),
      cmocka_unit_test(test_one_map_only),
      cmocka_unit_test(test_presence_needs_a_type),
      cmocka_unit_test(test_health),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_gives_back),
      cmocka_unit_test(test_room_for_numbers),
      cmocka_unit_test(test_prefix),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
