/* Numbers in JSON that a double cannot hold: AnyCable reads all numbers as
 * doubles, and writes what it has read. */
#ifndef AC_BROADCAST_NUMBER_H
#define AC_BROADCAST_NUMBER_H

#include "base/str.h"

enum {
  AC_NUMBER_NONE,  /* there is no more */
  AC_NUMBER_PLAIN, /* arrives as it is, or as near as a fraction can */
  AC_NUMBER_BIG,   /* an integer beyond 2^53 */
  AC_NUMBER_HUGE   /* another number of 1e308 and beyond */
};

/* What is larger than this many digits before the point, AnyCable cannot read
 * at all; nor some of those that have one more than this. */
enum { AC_NUMBER_DIGITS = 308 };

/* Finds the next number in |*rest|, what is left of a valid JSON text, and
 * moves |*rest| behind it. Returns its kind. */
int ac_number_next(anycable_str *rest, anycable_str *number);

#endif
