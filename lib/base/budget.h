/* How much memory received data may take in all. One a server, on its I/O
 * thread. */
#ifndef AC_BASE_BUDGET_H
#define AC_BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

struct ac_budget {
  size_t used;
  size_t max;
};

static inline bool ac_budget_take(struct ac_budget *budget, size_t n) {
  if (n > budget->max - budget->used)
    return false;
  budget->used += n;
  return true;
}

static inline void ac_budget_give(struct ac_budget *budget, size_t n) {
  budget->used -= n;
}

#endif
