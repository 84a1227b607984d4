/* Figures that one thread counts and any thread reads, without a lock and
 * without an instruction that would stop other processors. */
#ifndef AC_BASE_COUNTER_H
#define AC_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic(uint64_t) ac_counter;

static inline uint64_t ac_counted(const ac_counter *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

/* By the counting thread alone. What is below zero comes round again. */
static inline void ac_count(ac_counter *counter, uint64_t n) {
  atomic_store_explicit(counter, ac_counted(counter) + n, memory_order_relaxed);
}

/* Of all connections of a kind. */
struct ac_traffic {
  ac_counter opened;
  ac_counter closed;
  ac_counter received; /* bytes */
  ac_counter sent;
};

#endif
