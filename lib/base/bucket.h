/* A stock that refills with time: how often something may happen. */
#ifndef AC_BASE_BUCKET_H
#define AC_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct ac_bucket {
  uint64_t until; /* the time at which the stock would be full again */
};

/* Takes one out of a stock of |burst| that gets |rate| back every |period| ns.
 * False if there is none. A |rate| of 0 never refills. */
static inline bool ac_bucket_take(struct ac_bucket *bucket, uint64_t now,
                                  uint64_t burst, uint64_t rate,
                                  uint64_t period) {
  uint64_t each = rate ? period / rate : period * 1000;
  uint64_t from = bucket->until > now ? bucket->until : now;
  if (from - now > each * burst - each || burst == 0)
    return false;
  bucket->until = from + each;
  return true;
}

#endif
