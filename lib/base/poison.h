/* Memory that is there but belongs to nobody: under AddressSanitizer, touching
 * it is reported, so that recycling blocks hides no use after free. Without
 * it, nothing happens. */
#ifndef AC_BASE_POISON_H
#define AC_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define AC_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AC_POISONS 1
#endif
#endif

#ifdef AC_POISONS
#include <sanitizer/asan_interface.h>
#endif

static inline void ac_poison(void *ptr, size_t size) {
#ifdef AC_POISONS
  __asan_poison_memory_region(ptr, size);
#else
  (void)ptr;
  (void)size;
#endif
}

static inline void ac_unpoison(void *ptr, size_t size) {
#ifdef AC_POISONS
  __asan_unpoison_memory_region(ptr, size);
#else
  (void)ptr;
  (void)size;
#endif
}

#endif
