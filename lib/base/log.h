/* Lines for the application's log function. */
#ifndef AC_BASE_LOG_H
#define AC_BASE_LOG_H

#include <anycable/log.h>
#include <stdarg.h>

#include "base/str.h"

struct ac_log {
  anycable_log_fn fn; /* NULL: silent */
  void *ctx;
  int level; /* the most talkative that is passed on */
};

static inline bool ac_log_wants(const struct ac_log *log, int level) {
  return log->fn && level <= log->level;
}

/* Formats a line, escapes control characters in it (what clients send is in
 * there), cuts it at 4 KiB, and hands it over. Any thread. */
void ac_log_write(const struct ac_log *log, int level, const char *format, ...)
    ANYCABLE_PRINTF(3, 4);
void ac_log_vwrite(const struct ac_log *log, int level, const char *prefix,
                   const char *format, va_list args) ANYCABLE_PRINTF(4, 0);

#endif
