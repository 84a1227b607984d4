/* Memory for nghttp2 and for streams: a free list per size, so that a
 * connection in steady state does not reach malloc. One a connection. */
#ifndef AC_H2_POOL_H
#define AC_H2_POOL_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>

enum {
  AC_H2_POOL_STEP = 64,
  AC_H2_POOL_CLASSES = 12, /* up to 768 bytes; larger goes to malloc */
  AC_H2_POOL_KEPT = 1024,  /* pieces kept while unused, of all sizes */
  AC_H2_POOL_IDLE = 32     /* by a connection that has no streams */
};

struct ac_h2_piece;

struct ac_h2_pool {
  struct ac_h2_piece *free[AC_H2_POOL_CLASSES];
  unsigned kept;
  nghttp2_mem mem; /* the same for nghttp2 */
};

void ac_h2_pool_init(struct ac_h2_pool *pool);
void ac_h2_pool_deinit(struct ac_h2_pool *pool);
/* Keeps no more than |keep| unused pieces. */
void ac_h2_pool_trim(struct ac_h2_pool *pool, unsigned keep);
void *ac_h2_pool_alloc(struct ac_h2_pool *pool, size_t size);
void ac_h2_pool_free(struct ac_h2_pool *pool, void *ptr);

#endif
