/* The log of anycable_main: its lines, files that move, lines that are lost. */
#include "server/main_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <anycable/log.h>

#include "base/log.h"

static char folder[64];
static char path[128];
static char moved[128];

static int setup(void **state) {
  (void)state;
  snprintf(folder, sizeof(folder), "/tmp/anycable-test-XXXXXX");
  if (!mkdtemp(folder))
    return -1;
  snprintf(path, sizeof(path), "%s/log", folder);
  snprintf(moved, sizeof(moved), "%s/log.1", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(path);
  unlink(moved);
  return rmdir(folder);
}

static char *content(const char *file) {
  static char text[2 * AC_LOG_LINE];
  FILE *in = fopen(file, "r");
  assert_non_null(in);
  size_t len = fread(text, 1, sizeof(text) - 1, in);
  text[len] = '\0';
  fclose(in);
  return text;
}

/* A time in front, as in 2026-11-22T09:18:03.123Z; what follows is returned. */
static const char *behind_time(const char *line) {
  static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
  size_t i = 0;
  for (; form[i]; i++) {
    if (form[i] == 'd')
      assert_in_range(line[i], '0', '9');
    else
      assert_int_equal(line[i], form[i]);
  }
  return line + i;
}

static void test_lines(void **state) {
  (void)state;
  static const char *const names[] = {"FATAL", "ERROR", "WARN", "INFO",
                                      "DEBUG"};
  struct ac_main_log log;
  assert_int_equal(ac_main_log_open(&log, path), 0);
  for (int level = ANYCABLE_LOG_FATAL; level <= ANYCABLE_LOG_DEBUG; level++) {
    char expected[64];
    assert_int_equal(truncate(path, 0), 0);
    ac_main_log_write(level, "a message %s", &log);
    snprintf(expected, sizeof(expected), "%s a message %%s\n", names[level]);
    assert_string_equal(behind_time(content(path)), expected);
  }
  ac_main_log_close(&log);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07, 0); /* others cannot read it */
}

static void test_longest_line(void **state) {
  (void)state;
  static char message[AC_LOG_LINE + 1];
  struct ac_main_log log;
  memset(message, 'x', AC_LOG_LINE);
  assert_int_equal(truncate(path, 0), 0);
  assert_int_equal(ac_main_log_open(&log, path), 0);
  ac_main_log_write(ANYCABLE_LOG_INFO, message, &log);
  ac_main_log_close(&log);
  const char *line = behind_time(content(path));
  assert_memory_equal(line, "INFO x", 6);
  assert_int_equal(strlen(line), 5 + AC_LOG_LINE + 1);
  assert_int_equal(line[5 + AC_LOG_LINE], '\n');
}

static void test_file_moves(void **state) {
  (void)state;
  struct ac_main_log log;
  assert_int_equal(truncate(path, 0), 0);
  assert_int_equal(ac_main_log_open(&log, path), 0);
  ac_main_log_write(ANYCABLE_LOG_INFO, "one", &log);
  assert_int_equal(rename(path, moved), 0);
  ac_main_log_write(ANYCABLE_LOG_INFO, "two", &log);
  assert_int_equal(ac_main_log_reopen(&log), 0);
  ac_main_log_write(ANYCABLE_LOG_INFO, "three", &log);
  assert_string_equal(behind_time(content(path)), "INFO three\n");
  assert_non_null(strstr(content(moved), "INFO one\n"));
  assert_non_null(strstr(content(moved), "INFO two\n"));
  assert_null(strstr(content(moved), "three"));
  /* What cannot be opened again leaves the old file in place. */
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(ac_main_log_reopen(&log), EISDIR);
  ac_main_log_write(ANYCABLE_LOG_INFO, "nowhere to be seen", &log);
  assert_int_equal(log.lost, 0);
  ac_main_log_close(&log);
  assert_int_equal(rmdir(path), 0);
}

static void test_lost_lines_are_told(void **state) {
  (void)state;
  struct ac_main_log log;
  unlink(path);
  assert_int_equal(symlink("/dev/full", path), 0);
  assert_int_equal(ac_main_log_open(&log, path), 0);
  ac_main_log_write(ANYCABLE_LOG_INFO, "lost", &log);
  ac_main_log_write(ANYCABLE_LOG_INFO, "lost", &log);
  assert_int_equal(log.lost, 2);
  unlink(path);
  assert_int_equal(ac_main_log_reopen(&log), 0);
  ac_main_log_write(ANYCABLE_LOG_INFO, "there", &log);
  ac_main_log_write(ANYCABLE_LOG_INFO, "again", &log);
  assert_int_equal(log.lost, 0);
  const char *line = behind_time(content(path));
  assert_memory_equal(line, "WARN 2 log lines were lost\n", 27);
  line = behind_time(line + 27);
  assert_memory_equal(line, "INFO there\n", 11);
  assert_string_equal(behind_time(line + 11), "INFO again\n");
  ac_main_log_close(&log);
}

static void test_cannot_open(void **state) {
  (void)state;
  struct ac_main_log log;
  assert_int_equal(ac_main_log_open(&log, "/nowhere/log"), ENOENT);
  assert_int_equal(ac_main_log_open(&log, folder), EISDIR);
}

static void test_standard_error_stays_open(void **state) {
  (void)state;
  struct ac_main_log log;
  assert_int_equal(ac_main_log_open(&log, NULL), 0);
  assert_int_equal(log.fd, STDERR_FILENO);
  assert_int_equal(ac_main_log_reopen(&log), 0);
  ac_main_log_close(&log);
  struct stat st;
  assert_int_equal(fstat(STDERR_FILENO, &st), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_longest_line),
      cmocka_unit_test(test_file_moves),
      cmocka_unit_test(test_lost_lines_are_told),
      cmocka_unit_test(test_cannot_open),
      cmocka_unit_test(test_standard_error_stays_open),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
