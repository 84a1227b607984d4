/* Log lines: formatted on the caller's stack, escaped, handed over. Nothing is
 * kept and no lock is held, so any thread may log. */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

/* Escaping never shortens, so this much text fills a line, and a character
 * that formatting cut in two lies behind the end. */
#define RAW_SIZE (AC_LOG_LINE + 4)

void ac_log_time(char out[AC_LOG_TIME_SIZE]) {
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  size_t len = strftime(out, AC_LOG_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out + len, AC_LOG_TIME_SIZE - len, ".%03uZ",
           (unsigned)(now.tv_nsec / 1000000) % 1000);
}

struct line {
  char text[AC_LOG_LINE + 1];
  size_t len;
};

static bool add(struct line *line, const char *text, size_t len) {
  if (len > AC_LOG_LINE - line->len)
    return false;
  memcpy(line->text + line->len, text, len);
  line->len += len;
  return true;
}

/* "\x1b" or "\u2028": |width| hex digits of |value| behind |lead|. */
static bool add_hex(struct line *line, char lead, unsigned value, int width) {
  char escape[8];
  int len = snprintf(escape, sizeof(escape), "\\%c%0*x", lead, width, value);
  return add(line, escape, (size_t)len);
}

static bool add_control(struct line *line, unsigned char c) {
  switch (c) {
  case '\n':
    return add(line, "\\n", 2);
  case '\r':
    return add(line, "\\r", 2);
  case '\t':
    return add(line, "\\t", 2);
  default:
    return add_hex(line, 'x', c, 2);
  }
}

/* C1 controls, line and paragraph separators, and the characters that make
 * what follows read from right to left. |p| begins a valid character. */
static bool is_unprintable(const unsigned char *p, size_t len, unsigned *code) {
  if (len == 2)
    *code = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
  else if (len == 3)
    *code = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
  else
    return false;
  return *code < 0xa0 || (*code >= 0x2028 && *code <= 0x202e) ||
         (*code >= 0x2066 && *code <= 0x2069);
}

/* Adds the first character of |s|, in whatever form; returns how many bytes
 * of |s| that were, 0 if the line is full. */
static size_t add_char(struct line *line, anycable_str s) {
  const unsigned char *p = (const unsigned char *)s.ptr;
  unsigned code;
  size_t len = ac_utf8_char_len(s);
  if (len == 0)
    return add_hex(line, 'x', *p, 2) ? 1 : 0;
  bool fits;
  if (len == 1 && (*p < 0x20 || *p == 0x7f))
    fits = add_control(line, *p);
  else if (is_unprintable(p, len, &code))
    fits = add_hex(line, 'u', code, 4);
  else
    fits = add(line, s.ptr, len);
  return fits ? len : 0;
}

/* False where the line is full. */
static bool add_escaped(struct line *line, anycable_str s) {
  while (s.len > 0) {
    size_t len = add_char(line, s);
    if (len == 0)
      return false;
    s.ptr += len;
    s.len -= len;
  }
  return true;
}

/* Hands over |message|, in the form that is wanted. */
static void hand_over(const struct ac_log *log, int level, const char *message,
                      const anycable_log_record *about) {
  if (!log->records) {
    log->fn(level, message, log->ctx);
    return;
  }
  anycable_log_record record = {.duration_us = -1};
  if (about)
    record = *about;
  record.size = sizeof(record);
  record.level = level;
  record.message = message;
  log->records(&record, log->ctx);
}

void ac_log_vwrite_about(const struct ac_log *log, int level,
                         const anycable_log_record *about, const char *prefix,
                         const char *format, va_list args) {
  if (!ac_log_wants(log, level))
    return;
  int saved = errno;
  char raw[RAW_SIZE];
  struct line line;
  line.len = 0;
  if (about && log->records)
    prefix = NULL; /* it says the same */
  if (!prefix || add_escaped(&line, anycable_str_of(prefix))) {
    /* Formatting can fail (memory, a wide character): then the format tells
     * most of it. */
    int len = vsnprintf(raw, sizeof(raw), format, args);
    add_escaped(&line,
                len < 0 ? anycable_str_of(format) : anycable_str_of(raw));
  }
  line.text[line.len] = '\0';
  hand_over(log, level, line.text, about);
  errno = saved;
}

void ac_log_vwrite(const struct ac_log *log, int level, const char *prefix,
                   const char *format, va_list args) {
  ac_log_vwrite_about(log, level, NULL, prefix, format, args);
}

void ac_log_write(const struct ac_log *log, int level, const char *format,
                  ...) {
  va_list args;
  va_start(args, format);
  ac_log_vwrite(log, level, NULL, format, args);
  va_end(args);
}

const char *anycable_log_level_name(int level) {
  switch ((enum anycable_log_level)level) {
  case ANYCABLE_LOG_FATAL:
    return "fatal";
  case ANYCABLE_LOG_ERROR:
    return "error";
  case ANYCABLE_LOG_WARN:
    return "warn";
  case ANYCABLE_LOG_INFO:
    return "info";
  case ANYCABLE_LOG_DEBUG:
    return "debug";
  }
  return "unknown";
}
