/* The monotonic clock. Any thread. */
#include "base/clock.h"

#include <time.h>

uint64_t ac_clock_now(void) {
  struct timespec now;
  /* Cannot fail: the clock is always there, and the pointer good. */
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * AC_SECOND + (uint64_t)now.tv_nsec;
}
