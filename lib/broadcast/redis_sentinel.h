/* Sentinels, which know where the master is. They are asked in turn, beginning
 * with the one that answered last; one that hangs costs little time. */
#ifndef AC_BROADCAST_REDIS_SENTINEL_H
#define AC_BROADCAST_REDIS_SENTINEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broadcast/redis_url.h"

struct ac_tls;
struct ac_wait;

struct ac_redis_sentinels {
  struct ac_redis_url *urls;
  size_t count;      /* 0: there are none, and none is needed */
  size_t first;      /* to be asked next */
  uint64_t patience; /* ms, with each */
};

struct ac_redis_address {
  char host[256];
  unsigned port;
};

/* |list| as in ANYCABLE_SETTING_REDIS_SENTINELS; NULL for none. ANYCABLE_OK, or
 * an error with the reason. */
int ac_redis_sentinels_init(struct ac_redis_sentinels *sentinels,
                            const char *list, char *reason, size_t reason_size);
void ac_redis_sentinels_deinit(struct ac_redis_sentinels *sentinels);

/* Where |master| is now. False if no one knows, with the last one's reason. */
bool ac_redis_sentinels_ask(struct ac_redis_sentinels *sentinels,
                            const char *master, struct ac_tls *tls,
                            const struct ac_wait *wait,
                            struct ac_redis_address *address, char *reason,
                            size_t reason_size);

/* The same, but only one of them is asked. */
bool ac_redis_sentinels_ask_one(struct ac_redis_sentinels *sentinels,
                                const char *master, struct ac_tls *tls,
                                const struct ac_wait *wait,
                                struct ac_redis_address *address, char *reason,
                                size_t reason_size);

/* The answer was of no use: another one is asked first the next time. */
void ac_redis_sentinels_doubt(struct ac_redis_sentinels *sentinels);

#endif
