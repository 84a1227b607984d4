/* The memory of one call: many small allocations, freed together.
 *
 * An arena belongs to one thread at a time. It takes its blocks from a pool,
 * which keeps a few for the next arena, so that calls in steady state do not
 * reach malloc. Blocks, and the pool itself, live until the last arena is
 * gone: a deferred call may outlive its server.
 *
 * Threads: ac_arena_new and ac_arena_free from any thread; the pool locks. */
#ifndef AC_BASE_ARENA_H
#define AC_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/poison.h"
#include "base/str.h"

struct ac_arena_pool;

struct ac_arena_block {
  struct ac_arena_block *next;
  size_t size; /* of the data behind this head */
};

struct ac_arena {
  char *at; /* next free byte of the current block */
  char *end;
  size_t used; /* bytes of blocks taken, against the cap */
  size_t cap;
  size_t charged; /* against the pool's limit */
  struct ac_arena_block *blocks;
  struct ac_arena_pool *pool;
};

/* A pool whose small blocks hold |block_size| bytes (256 at least), keeping
 * |keep| of them while they are unused. NULL without memory. */
struct ac_arena_pool *ac_arena_pool_new(size_t block_size, size_t keep);

/* How much all arenas of the pool together may be charged; at first there is no
 * limit. */
void ac_arena_pool_limit(struct ac_arena_pool *pool, size_t max);

/* Lets go of the pool; it is freed when its last arena is. NULL is fine. */
void ac_arena_pool_release(struct ac_arena_pool *pool);

/* A new arena that may take |cap| bytes in all, counted in whole blocks; the
 * first one, in which the arena itself lives, it has in any case. NULL without
 * memory. Not after the pool was released. */
struct ac_arena *ac_arena_new(struct ac_arena_pool *pool, size_t cap);

/* Frees the arena and all that it gave out. NULL is fine. */
void ac_arena_free(struct ac_arena *arena);

/* Charges |n| bytes of memory that grows with what others send, until the arena
 * is freed. False over the pool's limit: then nothing is. It need not be memory
 * of the arena, only as long-lived. */
bool ac_arena_charge(struct ac_arena *arena, size_t n);

/* Takes a fresh block; the slow half of ac_arena_alloc. */
void *ac_arena_alloc_slow(struct ac_arena *arena, size_t size);

/* |size| bytes, uninitialised, aligned to 16. NULL without memory or over the
 * cap; the arena is then as it was. A request larger than a block gets a block
 * of its own, which the pool never keeps. */
static inline void *ac_arena_alloc(struct ac_arena *arena, size_t size) {
  size_t rounded = (size + 15) & ~(size_t)15;
  if (rounded >= size && rounded <= (size_t)(arena->end - arena->at)) {
    void *p = arena->at;
    arena->at += rounded;
    ac_unpoison(p, size);
    return p;
  }
  return ac_arena_alloc_slow(arena, size);
}

/* Gives back all but the first |size| of the |was| bytes at |p|, if that was
 * the last allocation of the current block; if not, nothing happens. */
static inline void ac_arena_trim(struct ac_arena *arena, void *p, size_t was,
                                 size_t size) {
  size_t rounded = (was + 15) & ~(size_t)15;
  if ((char *)p + rounded != arena->at)
    return;
  arena->at = (char *)p + ((size + 15) & ~(size_t)15);
  ac_poison((char *)p + size, (size_t)(arena->end - (char *)p) - size);
}

/* |size| bytes, zeroed. */
void *ac_arena_zalloc(struct ac_arena *arena, size_t size);

/* Makes that room; the slow half of ac_arena_grow. */
void *ac_arena_grow_slow(struct ac_arena *arena, void *items, size_t n,
                         size_t *room, size_t first, size_t each);

/* Room for one more behind the |n| elements at |items|, of |each| bytes, where
 * |*room| says how many fit: the array itself, or a larger copy, of |first|
 * elements to begin with. NULL without memory; the array is then as it was. */
static inline void *ac_arena_grow(struct ac_arena *arena, void *items, size_t n,
                                  size_t *room, size_t first, size_t each) {
  return n < *room ? items
                   : ac_arena_grow_slow(arena, items, n, room, first, each);
}

/* A NUL-terminated copy. Its ptr is NULL without memory. */
anycable_str ac_arena_copy(struct ac_arena *arena, anycable_str s);

#endif
