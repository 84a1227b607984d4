/* What bounds the decoder: depth, limits, memory; and arrays of all sizes. */
#include "wire/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire_bytes.h"

#define CONNECT ANYCABLE_CONNECT
#define COMMAND ANYCABLE_COMMAND
#define DISCONNECT ANYCABLE_DISCONNECT
#define HEALTH 0

/* --- depth and limits ------------------------------------------------------*/

/* |levels| of groups, in so many messages as there are |numbers|. */
static int decode_depth(int method, const unsigned *numbers, size_t n,
                        size_t levels) {
  struct bytes b = {0};
  put_repeated(&b, "\x7b", 1, levels);
  put_repeated(&b, "\x7c", 1, levels);
  for (size_t i = 0; i < n; i++) {
    struct bytes outer = {0};
    put_message(&outer, numbers[i], &b);
    free(b.data);
    b = outer;
  }
  struct decoded d = decode_bytes(method, &b);
  forget(&d);
  free(b.data);
  return d.error;
}

static void test_depth(void **state) {
  (void)state;
  static const unsigned env[] = {3};
  static const unsigned entry[] = {4, 3};
  assert_int_equal(decode_depth(COMMAND, NULL, 0, 100), ANYCABLE_OK);
  assert_int_equal(decode_depth(COMMAND, NULL, 0, 101), ANYCABLE_ERR_PROTO);
  assert_int_equal(decode_depth(CONNECT, env, 1, 99), ANYCABLE_OK);
  assert_int_equal(decode_depth(CONNECT, env, 1, 100), ANYCABLE_ERR_PROTO);
  assert_int_equal(decode_depth(CONNECT, entry, 2, 98), ANYCABLE_OK);
  assert_int_equal(decode_depth(CONNECT, entry, 2, 99), ANYCABLE_ERR_PROTO);
}

/* What an entry or an env has used up is there again behind it. */
static void test_depth_comes_back(void **state) {
  (void)state;
  struct bytes b = bytes_of("2a<12<12<'v'>0a<'k'>>> 2a<> 2a<12<>>");
  put_repeated(&b, "\x7b", 1, 100);
  put_repeated(&b, "\x7c", 1, 100);
  struct decoded d = decode_bytes(COMMAND, &b);
  assert_int_equal(d.error, ANYCABLE_OK);
  forget(&d);
  free(b.data);
}

static void expect_limit(int method, const struct bytes *b,
                         struct ac_wire_limits limits, bool within,
                         const char *reason) {
  struct decoded d = decode_in(method, b->data, b->len, &limits, SIZE_MAX);
  assert_int_equal(d.error, within ? ANYCABLE_OK : ANYCABLE_ERR_LIMIT);
  if (!within)
    assert_string_equal(d.reason, reason);
  forget(&d);
}

static void test_elements(void **state) {
  (void)state;
  static const char reason[] = "too many elements";
  /* All in one array, and spread so that some have room and some do not. */
  static const size_t spread[][4] = {
      {1, 0, 0, 0},  {8, 0, 0, 0},        {9, 0, 0, 0}, {0, 0, 0, 8},
      {0, 0, 0, 33}, {8, 8, 8, 8},        {9, 8, 8, 8}, {8, 8, 8, 9},
      {3, 40, 1, 7}, {100, 100, 100, 100}};
  for (size_t i = 0; i < sizeof(spread) / sizeof(spread[0]); i++) {
    struct bytes b = {0};
    struct bytes env = {0};
    size_t n = 0;
    for (unsigned map = 0; map < 3; map++)
      for (size_t k = 0; k < spread[i][map]; k++, n++)
        put_entry(&env, map + 2, "the same key", "");
    put_message(&b, 5, &env);
    for (size_t k = 0; k < spread[i][3]; k++, n++)
      put_field(&b, 2, "x", 1);
    struct ac_wire_limits limits = default_limits;
    limits.elements = n;
    expect_limit(DISCONNECT, &b, limits, true, NULL);
    limits.elements = n - 1;
    expect_limit(DISCONNECT, &b, limits, false, reason);
    free(b.data);
    free(env.data);
  }
}

static void test_unknown_fields(void **state) {
  (void)state;
  static const char reason[] = "too many unknown fields";
  /* Seven: 4 varints, one of them in an entry, 2 groups, bytes. */
  struct bytes b =
      bytes_of("3001 33 3801 3b 3c 34 32<'x'> 2a<3001 12<12<'v'>1801>>");
  struct ac_wire_limits limits = default_limits;
  limits.unknown_fields = 7;
  expect_limit(COMMAND, &b, limits, true, NULL);
  limits.unknown_fields = 6;
  expect_limit(COMMAND, &b, limits, false, reason);
  limits.unknown_fields = 0;
  expect_limit(COMMAND, &b, limits, false, reason);
  free(b.data);
}

/* They are counted once, also where a message is read twice. */
static void test_counts_of_second_reading(void **state) {
  (void)state;
  struct bytes b = bytes_of("3001 0a<'x'> 0a<'y'> 2a<0a<'u'>> 2a<0a<'u'>>");
  for (int i = 0; i < 20; i++)
    put_notation(&b, "12<'x'>");
  struct ac_wire_limits limits = {
      .elements = 20, .unknown_fields = 1, .singular_repeats = 2};
  expect_limit(DISCONNECT, &b, limits, true, NULL);
  free(b.data);
}

static void test_repeats(void **state) {
  (void)state;
  static const char reason[] = "a field is repeated too often";
  static const struct {
    int method;
    const char *message; /* of which one field comes four times */
  } rows[] = {
      {COMMAND, "0a<'x'> 0a<'x'> 12<'x'> 0a<'x'> 0a<'x'>"},
      {COMMAND, "0a<> 0a<> 0a<> 0a<>"},
      {COMMAND, "12<'x'> 12<'x'> 12<'x'> 12<'x'>"},
      {COMMAND, "1a<'x'> 1a<'x'> 1a<'x'> 1a<'x'>"},
      {COMMAND, "22<'x'> 22<'x'> 22<'x'> 22<'x'>"},
      {DISCONNECT, "0a<'x'> 0a<'x'> 0a<'x'> 0a<'x'>"},
      {CONNECT, "1a<> 1a<> 1a<> 1a<>"},
      {CONNECT, "1a<0a<'u'> 0a<'u'>> 1a<0a<'u'>> 1a<0a<'u'>>"},
      {CONNECT, "1a<12<0a<'k'>0a<'k'>12<'v'>0a<'k'>0a<'k'>>>"},
      {CONNECT, "1a<12<12<'v'>12<'v'>12<'v'>12<'v'>0a<'k'>>>"},
      {HEALTH, "0a<'x'> 0a<'x'> 0a<'x'> 0a<'x'>"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct bytes b = bytes_of(rows[i].message);
    struct ac_wire_limits limits = default_limits;
    limits.singular_repeats = 4;
    expect_limit(rows[i].method, &b, limits, true, NULL);
    limits.singular_repeats = 3;
    expect_limit(rows[i].method, &b, limits, false, reason);
    free(b.data);
  }
}

/* --- arrays ----------------------------------------------------------------*/

/* Arrays of any size, in which nothing is lost or moved. */
static void test_sizes(void **state) {
  (void)state;
  for (size_t n = 0; n < 700; n += n < 40 ? 1 : 97) {
    struct bytes b = {0};
    struct bytes env = {0};
    char key[32];
    for (size_t i = 0; i < n; i++) {
      snprintf(key, sizeof(key), "number %zu", i);
      put_entry(&env, 2, key, "h");
      put_entry(&env, 3, key, "c");
      put_entry(&env, 4, key, key);
      put_field(&b, 2, key, strlen(key));
    }
    put_message(&b, 5, &env);
    struct decoded d = decode_bytes(DISCONNECT, &b);
    assert_int_equal(d.error, ANYCABLE_OK);
    const struct ac_wire_env *got = &d.request.env;
    assert_int_equal(got->headers.n, n);
    assert_int_equal(got->cstate.n, n);
    assert_int_equal(got->istate.n, n);
    assert_int_equal(d.request.subscriptions.n, n);
    for (size_t i = 0; i < n; i++) {
      snprintf(key, sizeof(key), "number %zu", i);
      assert_string_equal(got->headers.items[i].key.ptr, key);
      assert_string_equal(got->headers.items[i].value.ptr, "h");
      assert_string_equal(got->cstate.items[i].key.ptr, key);
      assert_string_equal(got->cstate.items[i].value.ptr, "c");
      assert_string_equal(got->istate.items[i].value.ptr, key);
      assert_string_equal(d.request.subscriptions.items[i].ptr, key);
    }
    assert_true(d.used <= 3 * b.len + 64 * 1024);
    forget(&d);
    free(b.data);
    free(env.data);
  }
}

static bool is_empty(const struct ac_wire_request *r) {
  return r->env.url.len + r->identifiers.len + r->env.headers.n +
             r->env.cstate.n + r->env.istate.n ==
         0;
}

/* Wherever memory ends, the answer is that it did, and no request. */
static void test_no_memory(void **state) {
  (void)state;
  struct bytes b = {0};
  struct bytes env = {0};
  char key[32];
  for (int i = 0; i < 3000; i++) {
    snprintf(key, sizeof(key), "number %d", i % 2000);
    put_entry(&env, 2 + (unsigned)i % 3, key, "a value that takes some room");
  }
  put_message(&b, 3, &env);
  size_t refusals = 0;
  size_t last_used = 0;
  for (size_t cap = 0;; cap += 1024) {
    struct decoded d = decode_in(CONNECT, b.data, b.len, &default_limits, cap);
    int error = d.error;
    if (error != ANYCABLE_OK) {
      assert_int_equal(error, ANYCABLE_ERR_NOMEM);
      assert_true(is_empty(&d.request));
      refusals += d.used != last_used; /* another allocation that failed */
      last_used = d.used;
    }
    forget(&d);
    if (error == ANYCABLE_OK)
      break;
  }
  /* The larger arrays, and the work on each of three maps. */
  assert_true(refusals >= 3);
  free(b.data);
  free(env.data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_depth_comes_back),
      cmocka_unit_test(test_elements),
      cmocka_unit_test(test_unknown_fields),
      cmocka_unit_test(test_counts_of_second_reading),
      cmocka_unit_test(test_repeats),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
