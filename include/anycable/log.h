/* Log levels, and the function that receives lines. */
#ifndef ANYCABLE_LOG_H
#define ANYCABLE_LOG_H

#include <anycable/str.h>

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

/* A line, and what it is about. */
typedef struct anycable_log_record {
  size_t size; /* of this struct, in the library that runs */

  int level;           /* an anycable_log_level */
  const char *message; /* as for an anycable_log_fn, but for who and what */

  /* Of the call that it is about; NULL or empty where it is about none. The
   * client chose |sid| and |channel|: escape them. */
  const char *method; /* "connect", "command", "disconnect" */
  anycable_str sid;
  anycable_str channel; /* by name */

  /* Of a call that has ended, else NULL and -1. Each that ends well has a line
   * of level debug. */
  const char *status;  /* "success", "failure", "error" */
  int64_t duration_us; /* microseconds since it was received */
} anycable_log_record;

/* Receives a record, borrowed until it returns; else as an anycable_log_fn. */
typedef void (*anycable_log_record_fn)(const anycable_log_record *record,
                                       void *ctx);

/* Room that is enough for any line of anycable_log_json(). */
#define ANYCABLE_LOG_JSON_SIZE 16384

/** Writes |record| as a line of JSON, with the time and without a newline:
 *  {"time":"2026-11-22T09:18:03.123Z","level":"info","message":"..."} and what
 *  else there is, under the names of its members. Of |sid| and |channel| 256
 *  bytes each.
 *  Returns: its length; 0 if |size| bytes are not enough.
 *  Threads: any. */
ANYCABLE_EXTERN size_t anycable_log_json(const anycable_log_record *record,
                                         char *out, size_t size);

/** The name of |level|: "fatal", "error", "warn", "info" or "debug".
 *  Returns: a constant string, "unknown" for a value not listed.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_log_level_name(int level);

#ifdef __cplusplus
}
#endif

#endif
