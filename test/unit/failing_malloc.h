/* Allocations that fail, so that a test can run a scenario once for each that
 * it makes. For programs that are linked with --wrap: it concerns what is
 * linked into them, not what shared libraries allocate on their own. */
#ifndef UNIT_FAILING_MALLOC_H
#define UNIT_FAILING_MALLOC_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

/* All threads allocate, and are counted. */
static struct {
  atomic_int seen;     /* allocations since fail_at() */
  atomic_int number;   /* of the one that fails, from 1 on; 0: none */
  atomic_bool onwards; /* and all after it */
} failing;

/* Counts anew: the allocation |number| from here fails, and all after it where
 * |onwards|; none for 0. */
static inline void fail_at(int number, bool onwards) {
  failing.number = 0;
  failing.seen = 0;
  failing.onwards = onwards;
  failing.number = number;
}

/* There is memory again. False if none had failed, as there were not so many
 * allocations. */
static inline bool fail_no_more(void) {
  int number = atomic_exchange(&failing.number, 0);
  return number > 0 && failing.seen >= number;
}

static inline bool allocation_fails(void) {
  int seen = atomic_fetch_add(&failing.seen, 1) + 1;
  int number = failing.number;
  if (number == 0 || seen < number || (seen > number && !failing.onwards))
    return false;
  errno = ENOMEM;
  return true;
}

void *__wrap_malloc(size_t size) {
  return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
  return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *ptr, size_t size) {
  return allocation_fails() ? NULL : __real_realloc(ptr, size);
}

#endif
