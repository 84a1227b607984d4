/* Messages made to cost much: each of 4 MB, the largest that a server takes by
 * default. Decoding them must end, in time linear in their length, with a
 * bounded arena; how long it took is printed, not judged. */
#include "wire/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "wire_bytes.h"

#define SIZE ((size_t)4 << 20)

#define OK ANYCABLE_OK
#define PROTO ANYCABLE_ERR_PROTO
#define ENCODING ANYCABLE_ERR_ENCODING
#define LIMIT ANYCABLE_ERR_LIMIT

/* --- what they are made of -------------------------------------------------*/

/* |unit| again and again. */
static void fill(struct bytes *b, const char *unit) {
  struct bytes u = bytes_of(unit);
  put_repeated(b, u.data, u.len, (SIZE - b->len - 16) / u.len);
  free(u.data);
}

/* A message |number| that is filled with |unit|. */
static void fill_field(struct bytes *b, unsigned number, const char *unit) {
  struct bytes inner = {0};
  fill(&inner, unit);
  put_message(b, number, &inner);
  free(inner.data);
}

static void fill_env(struct bytes *b, const char *unit) {
  fill_field(b, 3, unit);
}

static void fill_entry(struct bytes *b, const char *unit) {
  struct bytes env = {0};
  fill_field(&env, 2, unit);
  put_message(b, 3, &env);
  free(env.data);
}

/* |n| entries of headers, all keys different but alike for long, and values
 * that fill the rest. */
static void fill_map(struct bytes *b, size_t n, bool one_key) {
  struct bytes env = {0};
  struct bytes entry = {0};
  char key[64];
  char value[64];
  memset(value, 'v', sizeof(value));
  for (size_t i = 0; i < n; i++) {
    snprintf(key, sizeof(key), "a key that is like the others %05zx",
             one_key ? 0 : i);
    put_field(&entry, 1, key, strlen(key));
    put_field(&entry, 2, value, SIZE / n - 48);
    put_message(&env, 2, &entry);
  }
  put_message(b, 3, &env);
  free(env.data);
  free(entry.data);
}

static void different_keys(struct bytes *b, const char *unused) {
  (void)unused;
  fill_map(b, 65536, false);
}

static void same_key(struct bytes *b, const char *unused) {
  (void)unused;
  fill_map(b, 65536, true);
}

/* Keys of three letters: as many as there are, and little else. */
static void small_entries(struct bytes *b, const char *unused) {
  (void)unused;
  struct bytes env = {0};
  for (unsigned i = 0; env.len < SIZE - 16; i++) {
    char key[] = {(char)(1 + i % 127), (char)(1 + i / 127 % 127),
                  (char)(1 + i / 127 / 127 % 127), '\0'};
    put_entry(&env, 4, key, "");
  }
  put_message(b, 3, &env);
  free(env.data);
}

/* One string of characters of |unit|. */
static void one_string(struct bytes *b, const char *unit) {
  fill_field(b, 4, unit);
}

/* The same, damaged at its very end. */
static void one_bad_string(struct bytes *b, const char *unit) {
  struct bytes s = {0};
  fill(&s, unit);
  s.data[s.len - 1] = 'x';
  put_message(b, 4, &s);
  free(s.data);
}

/* A long string, and another in its place, as often as is allowed. */
static void replaced_strings(struct bytes *b, const char *unit) {
  struct bytes u = bytes_of(unit);
  struct bytes s = {0};
  put_repeated(&s, u.data, u.len, SIZE / 16 / u.len - 2);
  for (int i = 0; i < 16; i++)
    put_field(b, 4, s.data, s.len);
  free(s.data);
  free(u.data);
}

/* --- what becomes of them --------------------------------------------------*/

struct bomb {
  const char *name;
  int method;
  void (*make)(struct bytes *b, const char *unit);
  const char *unit; /* see wire_bytes.h */
  int expected;     /* with the default limits */
  int unlimited;    /* without any, but that of memory */
};

#define CONNECT ANYCABLE_CONNECT
#define COMMAND ANYCABLE_COMMAND
#define DISCONNECT ANYCABLE_DISCONNECT

static const struct bomb bombs[] = {
    {"env, each with an entry", CONNECT, fill, "1a021200", LIMIT, LIMIT},
    {"env, empty", CONNECT, fill, "1a00", LIMIT, OK},
    {"empty entries", CONNECT, fill_env, "1200", LIMIT, LIMIT},
    {"empty entries of three maps", CONNECT, fill_env, "12001a002200", LIMIT,
     LIMIT},
    {"odd entries", CONNECT, fill_env, "22<12<'v'>0a<'k'>>", LIMIT, LIMIT},
    {"entries of one letter", CONNECT, fill_env, "12<0a<'k'>12<>>", LIMIT,
     LIMIT},
    {"entries of three letters", CONNECT, small_entries, NULL, LIMIT, LIMIT},
    {"65,536 entries", CONNECT, different_keys, NULL, OK, OK},
    {"65,536 entries, one key", CONNECT, same_key, NULL, OK, OK},
    {"one entry of many keys", CONNECT, fill_entry, "0a00", LIMIT, OK},
    {"one entry of many values", CONNECT, fill_entry, "12<'v'>", LIMIT, OK},
    {"one entry of unknown fields", CONNECT, fill_entry, "1800", LIMIT, OK},
    {"empty list items", DISCONNECT, fill, "1200", LIMIT, LIMIT},
    {"small list items", DISCONNECT, fill, "12<'abcdef'>", LIMIT, OK},
    {"empty strings", COMMAND, fill, "0a00", LIMIT, OK},
    {"strings", COMMAND, fill, "0a<'c'>12<'i'>1a<'u'>22<'d'>", LIMIT, OK},
    {"unknown varints", COMMAND, fill, "3000", LIMIT, OK},
    {"long unknown varints", COMMAND, fill, "30ffffffffffffffffff01", LIMIT,
     OK},
    {"unknown bytes", COMMAND, fill, "3200", LIMIT, OK},
    {"unknown fields with long tags", COMMAND, fill, "b08080800000", LIMIT, OK},
    {"groups", COMMAND, fill, "3334", LIMIT, OK},
    {"groups that never end", COMMAND, fill, "33", PROTO, PROTO},
    {"text of two bytes", COMMAND, one_string, "c3a9", OK, OK},
    {"text of four bytes", COMMAND, one_string, "f09f9880", OK, OK},
    {"text, bad at its end", COMMAND, one_bad_string, "f09f9880", ENCODING,
     ENCODING},
    {"ASCII and more, mixed", COMMAND, one_string, "'abcdefghijklmno'c3a9", OK,
     OK},
    {"text that is replaced", COMMAND, replaced_strings, "'abcdefg'e282ac", OK,
     OK},
};

static double run(const struct bomb *bomb, const struct bytes *b,
                  const struct ac_wire_limits *limits, int expected) {
  clock_t begin = clock();
  struct decoded d = decode_in(bomb->method, b->data, b->len, limits, SIZE_MAX);
  double ms = (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC;
  if (d.error != expected)
    fail_msg("%s: %d, %s", bomb->name, d.error, d.reason ? d.reason : "");
  if (d.used > 3 * b->len + 64 * 1024)
    fail_msg("%s: takes %zu bytes of the arena", bomb->name, d.used);
  forget(&d);
  return ms;
}

static void test_bombs(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
    const struct bomb *bomb = &bombs[i];
    struct bytes b = {0};
    bomb->make(&b, bomb->unit);
    assert_in_range(b.len, SIZE - SIZE / 8, SIZE);
    double limited = run(bomb, &b, &default_limits, bomb->expected);
    double unlimited = run(bomb, &b, &no_limits, bomb->unlimited);
    printf("%-32s %7.1f ms, without limits %7.1f ms\n", bomb->name, limited,
           unlimited);
    free(b.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bombs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
