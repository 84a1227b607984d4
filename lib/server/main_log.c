/* Log lines of anycable_main: a time, a level, and one write for each. */
#include "server/main_log.h"

#include <anycable/log.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int open_path(const char *path) {
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

int ac_main_log_open(struct ac_main_log *log, const char *path) {
  log->path = path;
  log->lost = 0;
  log->fd = path ? open_path(path) : STDERR_FILENO;
  if (log->fd < 0)
    return errno;
  int error = pthread_mutex_init(&log->mutex, NULL);
  if (error && path)
    close(log->fd);
  return error;
}

int ac_main_log_reopen(struct ac_main_log *log) {
  if (!log->path)
    return 0;
  int fd = open_path(log->path);
  if (fd < 0)
    return errno;
  pthread_mutex_lock(&log->mutex);
  int old = log->fd;
  log->fd = fd;
  pthread_mutex_unlock(&log->mutex);
  close(old);
  return 0;
}

void ac_main_log_close(struct ac_main_log *log) {
  pthread_mutex_destroy(&log->mutex);
  if (log->path)
    close(log->fd);
}

static bool write_all(int fd, const char *at, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, at, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
    len -= (size_t)n;
  }
  return true;
}

static const char *name_of(int level) {
  static const char *const names[] = {"FATAL", "ERROR", "WARN", "INFO",
                                      "DEBUG"};
  return level >= 0 && level <= ANYCABLE_LOG_DEBUG ? names[level] : "LOG";
}

static bool write_line(struct ac_main_log *log, int level,
                       const char *message) {
  char line[AC_LOG_LINE + 64];
  char time[AC_LOG_TIME_SIZE];
  ac_log_time(time);
  size_t len = (size_t)snprintf(line, sizeof(line), "%s %s %s\n", time,
                                name_of(level), message);
  if (len >= sizeof(line)) {
    len = sizeof(line) - 1;
    line[len - 1] = '\n';
  }
  return write_all(log->fd, line, len);
}

static bool write_record(struct ac_main_log *log,
                         const anycable_log_record *record) {
  char line[ANYCABLE_LOG_JSON_SIZE];
  size_t len = anycable_log_json(record, line, sizeof(line) - 1);
  line[len] = '\n';
  return write_all(log->fd, line, len + 1);
}

/* Of either form; lost lines are told in that too. */
static void write_or_lose(struct ac_main_log *log,
                          const anycable_log_record *record, bool json) {
  char text[64];
  pthread_mutex_lock(&log->mutex);
  if (log->lost > 0) {
    snprintf(text, sizeof(text), "%" PRIu64 " log lines were lost", log->lost);
    const anycable_log_record lost = {
        .level = ANYCABLE_LOG_WARN, .message = text, .duration_us = -1};
    if (json ? write_record(log, &lost)
             : write_line(log, ANYCABLE_LOG_WARN, text))
      log->lost = 0;
  }
  if (log->lost > 0 ||
      !(json ? write_record(log, record)
             : write_line(log, record->level, record->message)))
    log->lost++;
  pthread_mutex_unlock(&log->mutex);
}

void ac_main_log_write(int level, const char *message, void *ctx) {
  const anycable_log_record record = {.level = level, .message = message};
  write_or_lose(ctx, &record, false);
}

void ac_main_log_record(const anycable_log_record *record, void *ctx) {
  write_or_lose(ctx, record, true);
}
