/* Doubles and their decimal form in JSON, whatever the host's locale is. */
#ifndef AC_BASE_DOUBLE_H
#define AC_BASE_DOUBLE_H

#include "base/str.h"

/* What the longest number takes, a NUL behind it included. */
#define AC_DOUBLE_SIZE 32

/* Reads |number|, which is one by the grammar of JSON, rounded to the nearest
 * double. That is infinite where none is as large. */
double ac_double_read(anycable_str number);

/* Writes |value|, which is finite, to |out| as JavaScript does; only that zero
 * keeps its sign. Returns its length. It reads as the same double. */
size_t ac_double_write(char out[AC_DOUBLE_SIZE], double value);

#endif
