/* Lines for the application's log function. */
#ifndef AC_BASE_LOG_H
#define AC_BASE_LOG_H

#include <anycable/log.h>
#include <stdarg.h>

#include "base/str.h"

/* What a line holds at most, without its NUL. */
#define AC_LOG_LINE 4096

struct ac_log {
  anycable_log_fn fn; /* NULL: silent */
  void *ctx;
  int level;                      /* the most talkative that is passed on */
  anycable_log_record_fn records; /* instead of |fn|, if not NULL */
};

static inline bool ac_log_wants(const struct ac_log *log, int level) {
  return (log->fn || log->records) && level <= log->level;
}

/* The time of lines: "2026-01-02T03:04:05.678Z" and a NUL. */
enum { AC_LOG_TIME_SIZE = 25 };
void ac_log_time(char out[AC_LOG_TIME_SIZE]);

/* Formats a line, cuts it at AC_LOG_LINE bytes, and hands it over. What
 * clients send is in there, so it comes out as valid UTF-8 that neither breaks
 * nor rewrites lines: control characters become \n, \r, \t or \x1b, those
 * beyond ASCII and the marks that end lines or change their direction become
 * \u2028, bytes that are no UTF-8 \xff. A backslash stays one. errno stays as
 * it was. Any thread. */
void ac_log_write(const struct ac_log *log, int level, const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

/* The same, with |prefix| in front, which is data and not a format; NULL: no
 * prefix. */
void ac_log_vwrite(const struct ac_log *log, int level, const char *prefix,
                   const char *format, va_list args) ANYCABLE_PRINTF(4, 0);

/* The same for a line about a call, which |about| tells: for records in place
 * of the prefix. */
void ac_log_vwrite_about(const struct ac_log *log, int level,
                         const anycable_log_record *about, const char *prefix,
                         const char *format, va_list args)
    ANYCABLE_PRINTF(5, 0);

#endif
