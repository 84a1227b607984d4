/* Log levels, and the function that receives lines. */
#ifndef ANYCABLE_LOG_H
#define ANYCABLE_LOG_H

#include <anycable/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How grave a log line is: the higher, the more talkative. */
enum anycable_log_level {
  ANYCABLE_LOG_FATAL = 0,
  ANYCABLE_LOG_ERROR = 1,
  ANYCABLE_LOG_WARN = 2,
  ANYCABLE_LOG_INFO = 3,
  ANYCABLE_LOG_DEBUG = 4
};

/* Receives one line, without a newline and with control characters escaped:
 * what clients send can never begin a line of its own. |message| is borrowed
 * until the function returns. It is called on any of the server's threads and
 * on those that hold deferred calls, also on several at once, and must not
 * call functions that take an object of the library. */
typedef void (*anycable_log_fn)(int level, const char *message, void *ctx);

/** The name of |level|: "fatal", "error", "warn", "info" or "debug".
 *  Returns: a constant string, "unknown" for a value not listed.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_log_level_name(int level);

#ifdef __cplusplus
}
#endif

#endif
