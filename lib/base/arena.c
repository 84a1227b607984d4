/* Arenas and the pool of their blocks.
 *
 * The pool's lock covers its free list and its count of arenas; malloc and
 * free are called outside it. A block that holds more than the pool's size
 * was made for one request, and goes back to malloc. */
#include "base/arena.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16
#define MIN_BLOCK 256
/* Rounded, so that data is aligned where pointers have 4 bytes, too. */
#define HEAD ((sizeof(struct ac_arena_block) + ALIGN - 1) / ALIGN * ALIGN)
#define ARENA ((sizeof(struct ac_arena) + ALIGN - 1) / ALIGN * ALIGN)

_Static_assert(ARENA < MIN_BLOCK, "an arena fits into its first block");

struct ac_arena_pool {
  pthread_mutex_t lock;
  struct ac_arena_block *unused;
  size_t n_unused;
  size_t keep;
  size_t block_size;
  size_t arenas;
  bool released;
  size_t limit; /* of |charged|; set before there are threads */
  atomic_size_t charged;
};

static char *block_data(struct ac_arena_block *block) {
  return (char *)block + HEAD;
}

static void free_blocks(struct ac_arena_block *block) {
  while (block) {
    struct ac_arena_block *next = block->next;
    free(block);
    block = next;
  }
}

struct ac_arena_pool *ac_arena_pool_new(size_t block_size, size_t keep) {
  if (block_size > SIZE_MAX - HEAD - ALIGN)
    return NULL;
  struct ac_arena_pool *pool = calloc(1, sizeof(*pool));
  if (!pool)
    return NULL;
  if (pthread_mutex_init(&pool->lock, NULL) != 0) {
    free(pool);
    return NULL;
  }
  if (block_size < MIN_BLOCK)
    block_size = MIN_BLOCK;
  pool->block_size = (block_size + ALIGN - 1) / ALIGN * ALIGN;
  pool->keep = keep;
  pool->limit = SIZE_MAX;
  atomic_init(&pool->charged, 0);
  return pool;
}

void ac_arena_pool_limit(struct ac_arena_pool *pool, size_t max) {
  pool->limit = max;
}

static void pool_free(struct ac_arena_pool *pool) {
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

void ac_arena_pool_release(struct ac_arena_pool *pool) {
  if (!pool)
    return;
  pthread_mutex_lock(&pool->lock);
  assert(!pool->released);
  struct ac_arena_block *unused = pool->unused;
  bool last = pool->arenas == 0;
  pool->unused = NULL;
  pool->n_unused = 0;
  pool->keep = 0;
  pool->released = true;
  pthread_mutex_unlock(&pool->lock);
  free_blocks(unused);
  if (last)
    pool_free(pool);
}

/* One of the pool's own blocks, counting an arena with it where |for_new|. */
static struct ac_arena_block *take_block(struct ac_arena_pool *pool,
                                         bool for_new) {
  pthread_mutex_lock(&pool->lock);
  struct ac_arena_block *block = pool->unused;
  if (block) {
    pool->unused = block->next;
    pool->n_unused--;
  }
  if (for_new)
    pool->arenas++;
  pthread_mutex_unlock(&pool->lock);
  if (!block) {
    block = malloc(HEAD + pool->block_size);
    if (!block)
      return NULL;
    block->size = pool->block_size;
  }
  ac_poison(block_data(block), block->size);
  return block;
}

/* Gives |blocks| back, and says that an arena is gone. The caller must not
 * touch the pool any more: that may have been its last one. */
static void return_blocks(struct ac_arena_pool *pool,
                          struct ac_arena_block *blocks) {
  struct ac_arena_block *excess = NULL;
  pthread_mutex_lock(&pool->lock);
  while (blocks) {
    struct ac_arena_block *next = blocks->next;
    bool kept = blocks->size == pool->block_size && pool->n_unused < pool->keep;
    struct ac_arena_block **list = kept ? &pool->unused : &excess;
    blocks->next = *list;
    *list = blocks;
    pool->n_unused += kept;
    blocks = next;
  }
  pool->arenas--;
  bool last = pool->released && pool->arenas == 0;
  pthread_mutex_unlock(&pool->lock);
  free_blocks(excess);
  if (last)
    pool_free(pool);
}

struct ac_arena *ac_arena_new(struct ac_arena_pool *pool, size_t cap) {
  struct ac_arena_block *block = take_block(pool, true);
  if (!block) {
    return_blocks(pool, NULL);
    return NULL;
  }
  block->next = NULL;
  char *data = block_data(block);
  ac_unpoison(data, sizeof(struct ac_arena));
  struct ac_arena *arena = (void *)data;
  arena->at = data + ARENA;
  arena->end = data + block->size;
  arena->used = block->size;
  arena->cap = cap;
  arena->charged = 0;
  arena->blocks = block;
  arena->pool = pool;
  return arena;
}

void ac_arena_free(struct ac_arena *arena) {
  if (!arena)
    return;
  /* The arena lies in one of the blocks that are poisoned here. */
  struct ac_arena_pool *pool = arena->pool;
  struct ac_arena_block *blocks = arena->blocks;
  atomic_fetch_sub(&pool->charged, arena->charged);
  for (struct ac_arena_block *b = blocks; b; b = b->next)
    ac_poison(block_data(b), b->size);
  return_blocks(pool, blocks);
}

bool ac_arena_charge(struct ac_arena *arena, size_t n) {
  struct ac_arena_pool *pool = arena->pool;
  size_t charged = atomic_load(&pool->charged);
  do {
    if (charged > pool->limit || n > pool->limit - charged)
      return false;
  } while (
      !atomic_compare_exchange_weak(&pool->charged, &charged, charged + n));
  arena->charged += n;
  return true;
}

void *ac_arena_alloc_slow(struct ac_arena *arena, size_t size) {
  if (size > SIZE_MAX - HEAD - ALIGN)
    return NULL;
  size_t rounded = (size + ALIGN - 1) / ALIGN * ALIGN;
  size_t block_size = arena->pool->block_size;
  bool own = rounded > block_size;
  size_t take = own ? rounded : block_size;
  if (arena->used > arena->cap || take > arena->cap - arena->used)
    return NULL;
  struct ac_arena_block *block =
      own ? malloc(HEAD + rounded) : take_block(arena->pool, false);
  if (!block)
    return NULL;
  block->size = take;
  block->next = arena->blocks;
  arena->blocks = block;
  arena->used += take;
  char *data = block_data(block);
  ac_poison(data, take);
  ac_unpoison(data, size);
  /* Whichever of the two blocks has more room left is used on. */
  if (take - rounded > (size_t)(arena->end - arena->at)) {
    arena->at = data + rounded;
    arena->end = data + take;
  }
  return data;
}

void *ac_arena_zalloc(struct ac_arena *arena, size_t size) {
  void *p = ac_arena_alloc(arena, size);
  return p ? memset(p, 0, size) : NULL;
}

anycable_str ac_arena_copy(struct ac_arena *arena, anycable_str s) {
  char *copy = s.len < SIZE_MAX ? ac_arena_alloc(arena, s.len + 1) : NULL;
  if (!copy)
    return ac_str(NULL, 0);
  if (s.len > 0)
    memcpy(copy, s.ptr, s.len);
  copy[s.len] = '\0';
  return ac_str(copy, s.len);
}

void *ac_arena_grow_slow(struct ac_arena *arena, void *items, size_t n,
                         size_t *room, size_t first, size_t each) {
  size_t more = n ? n * 2 : first;
  void *larger = ac_arena_alloc(arena, more * each);
  if (!larger)
    return NULL;
  if (n > 0)
    memcpy(larger, items, n * each);
  *room = more;
  return larger;
}
