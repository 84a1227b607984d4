/* A name and a value. */
#ifndef AC_BASE_PAIR_H
#define AC_BASE_PAIR_H

#include "base/str.h"

struct ac_pair {
  anycable_str key;
  anycable_str value;
};

#endif
