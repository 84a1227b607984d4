/* Where a Redis, or a sentinel, is and how to log in there: read from text. */
#ifndef AC_BROADCAST_REDIS_URL_H
#define AC_BROADCAST_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

struct ac_redis_url {
  bool tls;
  const char *path; /* of a unix socket; else NULL */
  const char *host; /* or a master's name; empty for a unix socket */
  unsigned port;
  const char *user;     /* NULL: the default one */
  const char *password; /* NULL: none is needed */
  unsigned database;
  char *text; /* what all these point into */
};

/* Reads redis://USER:PASSWORD@HOST:PORT/DATABASE, all but the host optional,
 * rediss:// likewise, and unix://USER:PASSWORD@/PATH?db=DATABASE. A user
 * without a password is a password, as in the Ruby SDK. ANYCABLE_OK, or an
 * error with the reason, which has nothing of |text|, in |reason|. */
int ac_redis_url_parse(struct ac_redis_url *url, const char *text, char *reason,
                       size_t reason_size);
void ac_redis_url_deinit(struct ac_redis_url *url);

/* Reads a list of sentinels, separated by commas, without scheme where that is
 * redis://. Results as above. */
int ac_redis_url_parse_list(struct ac_redis_url **urls, size_t *count,
                            const char *text, char *reason, size_t reason_size);
void ac_redis_url_free_list(struct ac_redis_url *urls, size_t count);

#endif
