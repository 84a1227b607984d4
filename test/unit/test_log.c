/* Log lines: what comes out is one line of valid UTF-8, whatever goes in. */
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/utf8.h"

struct seen {
  int calls;
  int level;
  char text[AC_LOG_LINE + 100];
};

static void keep(int level, const char *message, void *ctx) {
  struct seen *seen = ctx;
  seen->calls++;
  seen->level = level;
  snprintf(seen->text, sizeof(seen->text), "%s", message);
  errno = ERANGE;
}

/* What a line that holds |text| comes out as. */
static const char *logged(const char *text) {
  static struct seen seen;
  const struct ac_log log = {
      .fn = keep, .ctx = &seen, .level = ANYCABLE_LOG_DEBUG};
  ac_log_write(&log, ANYCABLE_LOG_INFO, "%s", text);
  return seen.text;
}

static void test_levels(void **state) {
  (void)state;
  struct seen seen = {0};
  struct ac_log log = {.fn = keep, .ctx = &seen, .level = ANYCABLE_LOG_WARN};
  ac_log_write(&log, ANYCABLE_LOG_INFO, "no");
  ac_log_write(&log, ANYCABLE_LOG_DEBUG, "no");
  assert_int_equal(seen.calls, 0);
  assert_false(ac_log_wants(&log, ANYCABLE_LOG_INFO));
  ac_log_write(&log, ANYCABLE_LOG_WARN, "%s %d", "yes", 7);
  assert_int_equal(seen.calls, 1);
  assert_int_equal(seen.level, ANYCABLE_LOG_WARN);
  assert_string_equal(seen.text, "yes 7");
  ac_log_write(&log, ANYCABLE_LOG_FATAL, "worse");
  assert_int_equal(seen.level, ANYCABLE_LOG_FATAL);
  log.fn = NULL;
  assert_false(ac_log_wants(&log, ANYCABLE_LOG_FATAL));
  ac_log_write(&log, ANYCABLE_LOG_FATAL, "nobody listens");
  assert_int_equal(seen.calls, 2);
}

static void test_escapes(void **state) {
  (void)state;
  static const struct {
    const char *in;
    const char *out;
  } rows[] = {
      {"", ""},
      {"plain text, 100 %", "plain text, 100 %"},
      {"two\nlines\r\n\tfields", "two\\nlines\\r\\n\\tfields"},
      {"\x1b[31mred\x07\x01\x1f", "\\x1b[31mred\\x07\\x01\\x1f"},
      {"\x7f", "\\x7f"},
      {"back\\slash \"quote\"", "back\\slash \"quote\""},
      {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
       "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
      /* C1 from end to end, and what comes next */
      {"\xc2\x80 \xc2\x85 \xc2\x9f", "\\u0080 \\u0085 \\u009f"},
      {"\xc2\xa0", "\xc2\xa0"},
      {"\xe2\x80\xa8 \xe2\x80\xa9", "\\u2028 \\u2029"},
      /* direction, and the neighbours of that range */
      {"\xe2\x80\xaa\xe2\x80\xae", "\\u202a\\u202e"},
      {"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"},
      {"\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"},
      {"\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa"},
      /* no UTF-8 */
      {"\xff\xfe", "\\xff\\xfe"},
      {"a\x80z", "a\\x80z"},
      {"\xc0\x8a", "\\xc0\\x8a"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"cut \xe2\x82", "cut \\xe2\\x82"},
      {"cut \xe2\x82\n", "cut \\xe2\\x82\\n"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
    assert_string_equal(logged(rows[i].in), rows[i].out);
}

/* Whatever bytes come, nothing that ends or starts a line gets through. */
static void test_no_byte_breaks_a_line(void **state) {
  (void)state;
  for (unsigned i = 1; i < 0x10000; i++) {
    char text[] = {'a', (char)(i >> 8), (char)(i & 0xff), 'z', '\0'};
    if (text[1] == '\0')
      text[1] = 'b';
    const char *out = logged(text);
    assert_true(ac_utf8_valid(anycable_str_of(out)));
    for (const char *p = out; *p; p++)
      assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    if (i & 0xff)
      assert_int_equal(out[strlen(out) - 1], 'z');
  }
}

/* A line of |n| times 'a', and |tail|. */
static const char *logged_after(size_t n, const char *tail) {
  char *text = malloc(n + strlen(tail) + 1);
  assert_non_null(text);
  memset(text, 'a', n);
  memcpy(text + n, tail, strlen(tail) + 1);
  const char *out = logged(text);
  free(text);
  return out;
}

static void test_cut(void **state) {
  (void)state;
  static const struct {
    size_t before;
    const char *tail;
    const char *kept;
  } rows[] = {
      {AC_LOG_LINE - 1, "b", "b"},
      {AC_LOG_LINE - 1, "bc", "b"},
      {AC_LOG_LINE, "b", ""},
      {AC_LOG_LINE * 3, "b", ""},
      {AC_LOG_LINE - 2, "\xc3\xa9z", "\xc3\xa9"},
      {AC_LOG_LINE - 1, "\xc3\xa9z", ""},
      {AC_LOG_LINE - 4, "\xf0\x9f\x98\x80z", "\xf0\x9f\x98\x80"},
      {AC_LOG_LINE - 3, "\xf0\x9f\x98\x80z", ""},
      {AC_LOG_LINE - 2, "\n", "\\n"},
      {AC_LOG_LINE - 1, "\nz", ""},
      {AC_LOG_LINE - 4, "\x1bz", "\\x1b"},
      {AC_LOG_LINE - 3, "\x1bz", ""},
      {AC_LOG_LINE - 4, "\xffz", "\\xff"},
      {AC_LOG_LINE - 3, "\xffz", ""},
      {AC_LOG_LINE - 6, "\xe2\x80\xa8z", "\\u2028"},
      {AC_LOG_LINE - 5, "\xe2\x80\xa8z", ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    const char *out = logged_after(rows[i].before, rows[i].tail);
    size_t as = strspn(out, "a");
    assert_int_equal(as, rows[i].before < AC_LOG_LINE ? rows[i].before
                                                      : AC_LOG_LINE);
    assert_string_equal(out + as, rows[i].kept);
  }
  /* Escapes make it longer: the line does not grow with them. */
  char controls[AC_LOG_LINE + 1];
  memset(controls, 1, AC_LOG_LINE);
  controls[AC_LOG_LINE] = '\0';
  assert_int_equal(strlen(logged(controls)), AC_LOG_LINE);
}

static void vwrite(const struct ac_log *log, const char *prefix,
                   const char *format, ...) ANYCABLE_PRINTF(3, 4);
static void vwrite(const struct ac_log *log, const char *prefix,
                   const char *format, ...) {
  va_list args;
  va_start(args, format);
  ac_log_vwrite(log, ANYCABLE_LOG_INFO, prefix, format, args);
  va_end(args);
}

static void test_prefix(void **state) {
  (void)state;
  struct seen seen = {0};
  const struct ac_log log = {
      .fn = keep, .ctx = &seen, .level = ANYCABLE_LOG_INFO};
  vwrite(&log, "[%s\n] ", "x=%d\n", 5);
  assert_string_equal(seen.text, "[%s\\n] x=5\\n");
  vwrite(&log, NULL, "x");
  assert_string_equal(seen.text, "x");
  vwrite(&log, "", "x");
  assert_string_equal(seen.text, "x");
  /* Of a prefix that does not fit, the beginning, and nothing behind it. */
  static char prefix[AC_LOG_LINE + 1];
  memset(prefix, 'p', AC_LOG_LINE - 1);
  prefix[AC_LOG_LINE - 1] = '\n';
  vwrite(&log, prefix, "x");
  assert_int_equal(strlen(seen.text), AC_LOG_LINE - 1);
  assert_int_equal(seen.text[AC_LOG_LINE - 2], 'p');
}

static void test_errno_and_failing_formats(void **state) {
  (void)state;
  struct seen seen = {0};
  const struct ac_log log = {
      .fn = keep, .ctx = &seen, .level = ANYCABLE_LOG_INFO};
  errno = EINTR;
  ac_log_write(&log, ANYCABLE_LOG_INFO, "%m");
  assert_string_equal(seen.text, strerror(EINTR));
  assert_int_equal(errno, EINTR);
  /* In the C locale, this character has no encoding. */
  static const wchar_t wide[] = {0x20ac, 0};
  ac_log_write(&log, ANYCABLE_LOG_INFO, "odd\n%ls", wide);
  assert_string_equal(seen.text, "odd\\n%ls");
  assert_int_equal(seen.calls, 2);
}

static void test_level_names(void **state) {
  (void)state;
  assert_string_equal(anycable_log_level_name(ANYCABLE_LOG_FATAL), "fatal");
  assert_string_equal(anycable_log_level_name(ANYCABLE_LOG_ERROR), "error");
  assert_string_equal(anycable_log_level_name(ANYCABLE_LOG_WARN), "warn");
  assert_string_equal(anycable_log_level_name(ANYCABLE_LOG_INFO), "info");
  assert_string_equal(anycable_log_level_name(ANYCABLE_LOG_DEBUG), "debug");
  assert_string_equal(anycable_log_level_name(-1), "unknown");
  assert_string_equal(anycable_log_level_name(5), "unknown");
}

/* --- records -------------------------------------------------------------- */

struct record {
  int calls;
  anycable_log_record last;
  char message[AC_LOG_LINE + 1];
};

static void keep_record(const anycable_log_record *record, void *ctx) {
  struct record *kept = ctx;
  kept->calls++;
  kept->last = *record;
  snprintf(kept->message, sizeof(kept->message), "%s", record->message);
}

static void write_about(const struct ac_log *log,
                        const anycable_log_record *about, const char *prefix,
                        const char *format, ...) ANYCABLE_PRINTF(4, 5);

static void write_about(const struct ac_log *log,
                        const anycable_log_record *about, const char *prefix,
                        const char *format, ...) {
  va_list args;
  va_start(args, format);
  ac_log_vwrite_about(log, ANYCABLE_LOG_INFO, about, prefix, format, args);
  va_end(args);
}

static void test_records(void **state) {
  struct record kept = {0};
  const struct ac_log log = {
      .ctx = &kept, .level = ANYCABLE_LOG_INFO, .records = keep_record};
  const anycable_log_record about = {.method = "command",
                                     .sid = ANYCABLE_STR("s\n"),
                                     .status = "error",
                                     .duration_us = 7};
  (void)state;
  ac_log_write(&log, ANYCABLE_LOG_DEBUG, "no");
  assert_int_equal(kept.calls, 0);
  ac_log_write(&log, ANYCABLE_LOG_WARN, "a\n%d", 1);
  assert_string_equal(kept.message, "a\\n1");
  assert_int_equal(kept.last.level, ANYCABLE_LOG_WARN);
  assert_int_equal(kept.last.size, sizeof(anycable_log_record));
  assert_null(kept.last.method);
  assert_null(kept.last.status);
  assert_int_equal(kept.last.duration_us, -1);
  write_about(&log, &about, "rpc: ", "b");
  assert_string_equal(kept.message, "b"); /* without what the members say */
  assert_string_equal(kept.last.method, "command");
  assert_string_equal(kept.last.sid.ptr, "s\n");
  assert_int_equal(kept.last.duration_us, 7);
  write_about(&log, NULL, "broadcast: ", "c");
  assert_string_equal(kept.message, "broadcast: c");
}

/* What is behind {"time":"2026-11-22T09:18:03.123Z" */
static const char *as_json(const anycable_log_record *record) {
  static char line[ANYCABLE_LOG_JSON_SIZE];
  size_t len = anycable_log_json(record, line, sizeof(line));
  assert_int_equal(strlen(line), len);
  assert_memory_equal(line, "{\"time\":\"20", 11);
  assert_memory_equal(line + 32, "Z\"", 2);
  return line + 34;
}

static void test_json(void **state) {
  char text[AC_LOG_LINE + 1], small[64];
  anycable_log_record record = {.level = ANYCABLE_LOG_INFO,
                                .message = "he said \"\\n\"",
                                .duration_us = -1};
  (void)state;
  assert_string_equal(as_json(&record),
                      ",\"level\":\"info\",\"message\":\"he said "
                      "\\\"\\\\n\\\"\"}");
  record.method = "command";
  record.sid = ANYCABLE_STR("a\"\n\xe2\x80\xa8");
  record.channel = ANYCABLE_STR("Chat");
  record.status = "success";
  record.duration_us = 0;
  record.message = "done";
  assert_string_equal(
      as_json(&record),
      ",\"level\":\"info\",\"message\":\"done\",\"method\":\"command\","
      "\"sid\":\"a\\\"\\n\\u2028\",\"channel\":\"Chat\",\"status\":"
      "\"success\",\"duration_us\":0}");
  assert_int_equal(anycable_log_json(&record, small, sizeof(small)), 0);
  assert_int_equal(anycable_log_json(&record, small, 0), 0);
  assert_int_equal(anycable_log_json(NULL, small, sizeof(small)), 0);
  record.sid = ANYCABLE_STR("\xff"); /* left out: it is no text */
  assert_null(strstr(as_json(&record), "sid"));
  memset(text, '"', AC_LOG_LINE); /* the longest of all lines */
  text[AC_LOG_LINE] = '\0';
  record.message = text;
  record.sid = record.channel = ac_str(text, AC_LOG_LINE);
  assert_true(strlen(as_json(&record)) > 2 * AC_LOG_LINE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_records),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_no_byte_breaks_a_line),
      cmocka_unit_test(test_cut),
      cmocka_unit_test(test_prefix),
      cmocka_unit_test(test_errno_and_failing_formats),
      cmocka_unit_test(test_level_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
