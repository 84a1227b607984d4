/* Where anycable_main logs: standard error, or a file that is opened again
 * when it was moved away. */
#ifndef AC_SERVER_MAIN_LOG_H
#define AC_SERVER_MAIN_LOG_H

#include <anycable/log.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ac_main_log {
  const char *path; /* NULL: standard error; borrowed */
  pthread_mutex_t mutex;
  int fd;
  uint64_t lost; /* lines that could not be written since one could */
};

/* Zero, or an errno value. */
int ac_main_log_open(struct ac_main_log *log, const char *path);

/* Opens the file again; the old one is kept where that fails. Zero, or an
 * errno value. */
int ac_main_log_reopen(struct ac_main_log *log);

/* Nobody logs any more. */
void ac_main_log_close(struct ac_main_log *log);

/* An anycable_log_fn: writes "2026-11-22T09:18:03.123Z INFO message". What
 * cannot be written is counted, and told when writing works again. Any
 * thread. */
void ac_main_log_write(int level, const char *message, void *log);

/* The same for records, as lines of JSON. */
void ac_main_log_record(const anycable_log_record *record, void *log);

#endif
