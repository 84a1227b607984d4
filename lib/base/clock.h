/* Time, in nanoseconds of CLOCK_MONOTONIC: jumps of the wall clock change
 * nothing. */
#ifndef AC_BASE_CLOCK_H
#define AC_BASE_CLOCK_H

#include <stdint.h>

#define AC_MS UINT64_C(1000000)
#define AC_SECOND UINT64_C(1000000000)

uint64_t ac_clock_now(void);

#endif
