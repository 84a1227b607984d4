/* What the two programs under test share: a broadcaster made from the
 * environment, and its counts as JSON. */
#ifndef BROADCAST_COMMON_H
#define BROADCAST_COMMON_H

#include <anycable.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* All goes to standard error, which the tests show when they fail. */
static inline void log_line(int level, const char *text, void *ctx) {
  (void)ctx;
  fprintf(stderr, "%" PRId64 " %s: %s\n", now_us() / 1000,
          anycable_log_level_name(level), text);
}

/* "broadcast_bytes=1000". Returns: an error where that is none of those. */
static inline int set_limit(anycable_config *config, const char *pair) {
  static const struct {
    const char *name;
    int limit;
  } limits[] = {
      {"broadcast_bytes=", ANYCABLE_LIMIT_BROADCAST_BYTES},
      {"broadcast_count=", ANYCABLE_LIMIT_BROADCAST_COUNT},
      {"broadcast_message=", ANYCABLE_LIMIT_BROADCAST_MESSAGE},
      {"broadcast_time=", ANYCABLE_LIMIT_BROADCAST_TIME},
      {"broadcast_connect_time=", ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME},
      {"flush_time=", ANYCABLE_LIMIT_FLUSH_TIME},
      {"redis_stream=", ANYCABLE_LIMIT_REDIS_STREAM},
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    size_t len = strlen(limits[i].name);
    if (!strncmp(pair, limits[i].name, len))
      return anycable_config_set_limit(config, limits[i].limit,
                                       atoll(pair + len));
  }
  return ANYCABLE_ERR_INVALID;
}

/* Makes it with the adapter that the environment names. Returns: NULL where it
 * could not be made, and then says why. */
static inline anycable_broadcaster *open_broadcaster(anycable_config *config) {
  anycable_broadcaster *broadcaster = NULL;
  anycable_config_set_log(config, log_line, NULL);
  anycable_config_set_log_level(config, ANYCABLE_LOG_DEBUG);
  int error = anycable_config_load_env(config);
  if (!error)
    error = anycable_broadcaster_new(&broadcaster, NULL, config);
  if (error)
    fprintf(stderr, "no broadcaster, %s: %s\n", anycable_strerror(error),
            anycable_config_error(config));
  return broadcaster;
}

static inline anycable_broadcast_counts
read_counts(anycable_broadcaster *broadcaster) {
  anycable_broadcast_counts counts = {.size = sizeof counts};
  if (anycable_broadcaster_counts(broadcaster, &counts))
    abort();
  return counts;
}

/* Without braces around them, so that more can be said in the same object. */
static inline void print_counts(const anycable_broadcast_counts *counts) {
  printf("\"taken\":%" PRIu64 ",\"queued\":%" PRIu64 ",\"published\":%" PRIu64
         ",\"failed\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"unknown\":%" PRIu64
         ",\"refused\":%" PRIu64 ",\"receivers\":%" PRIu64
         ",\"queued_bytes\":%" PRIu64 ",\"breaks\":%" PRIu64,
         counts->taken, counts->queued, counts->published, counts->failed,
         counts->dropped, counts->unknown, counts->refused, counts->receivers,
         counts->queued_bytes, counts->breaks);
}

#endif
