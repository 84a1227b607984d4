#include "h2/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* In front of every piece. 16 bytes, so that what follows is aligned. */
struct ac_h2_piece {
  struct ac_h2_piece *next; /* while it is free */
  size_t size;              /* usable bytes */
};

_Static_assert(sizeof(struct ac_h2_piece) == 16, "pieces must stay aligned");

static struct ac_h2_piece *piece_of(void *ptr) {
  return (struct ac_h2_piece *)ptr - 1;
}

void *ac_h2_pool_alloc(struct ac_h2_pool *pool, size_t size) {
  size_t class = size ? (size - 1) / AC_H2_POOL_STEP : 0;
  struct ac_h2_piece *piece;
  if (class < AC_H2_POOL_CLASSES) {
    piece = pool->free[class];
    if (piece) {
      pool->free[class] = piece->next;
      pool->kept--;
      return piece + 1;
    }
    size = (class + 1) * AC_H2_POOL_STEP;
  }
  if (size > SIZE_MAX - sizeof(*piece))
    return NULL;
  piece = malloc(sizeof(*piece) + size);
  if (!piece)
    return NULL;
  piece->size = size;
  return piece + 1;
}

void ac_h2_pool_free(struct ac_h2_pool *pool, void *ptr) {
  if (!ptr)
    return;
  struct ac_h2_piece *piece = piece_of(ptr);
  size_t class = piece->size / AC_H2_POOL_STEP - 1;
  if (class >= AC_H2_POOL_CLASSES || pool->kept >= AC_H2_POOL_KEPT) {
    free(piece);
    return;
  }
  piece->next = pool->free[class];
  pool->free[class] = piece;
  pool->kept++;
}

static void *mem_malloc(size_t size, void *pool) {
  return ac_h2_pool_alloc(pool, size);
}

static void mem_free(void *ptr, void *pool) {
  ac_h2_pool_free(pool, ptr);
}

static void *mem_calloc(size_t n, size_t size, void *pool) {
  if (size && n > SIZE_MAX / size)
    return NULL;
  void *ptr = ac_h2_pool_alloc(pool, n * size);
  if (ptr)
    memset(ptr, 0, n * size);
  return ptr;
}

static void *mem_realloc(void *ptr, size_t size, void *pool) {
  if (!ptr)
    return ac_h2_pool_alloc(pool, size);
  size_t old = piece_of(ptr)->size;
  if (size <= old)
    return ptr;
  void *larger = ac_h2_pool_alloc(pool, size);
  if (!larger)
    return NULL;
  memcpy(larger, ptr, old);
  ac_h2_pool_free(pool, ptr);
  return larger;
}

void ac_h2_pool_init(struct ac_h2_pool *pool) {
  memset(pool, 0, sizeof(*pool));
  pool->mem.mem_user_data = pool;
  pool->mem.malloc = mem_malloc;
  pool->mem.free = mem_free;
  pool->mem.calloc = mem_calloc;
  pool->mem.realloc = mem_realloc;
}

void ac_h2_pool_trim(struct ac_h2_pool *pool, unsigned keep) {
  for (size_t i = 0; i < AC_H2_POOL_CLASSES; i++) {
    while (pool->free[i] && pool->kept > keep) {
      struct ac_h2_piece *piece = pool->free[i];
      pool->free[i] = piece->next;
      pool->kept--;
      free(piece);
    }
  }
}

void ac_h2_pool_deinit(struct ac_h2_pool *pool) {
  ac_h2_pool_trim(pool, 0);
}
