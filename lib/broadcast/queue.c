/* The ring. A message lies in one piece, behind a head of its own; where it
 * does not fit before the ring's end, a mark is left there, and it goes to the
 * beginning. */
#include "broadcast/queue.h"

#include <sys/mman.h>

#include "base/poison.h"

struct head {
  void *tag;
  uint32_t len;
  uint32_t wrapped; /* nothing more before the ring's end */
};

enum { ALIGN = 16 };

_Static_assert(sizeof(struct head) <= ALIGN, "a mark must fit anywhere");

/* What a message of |len| bytes takes. */
static size_t need_of(size_t len) {
  return ALIGN + ((len + ALIGN - 1) & ~(size_t)(ALIGN - 1));
}

/* Bytes before the ring's end that a message of |need| bytes cannot use. */
static size_t waste_of(const struct ac_queue *queue, size_t need) {
  size_t left = queue->size - queue->tail;
  return left < need ? left : 0;
}

static struct head *head_at(const struct ac_queue *queue, size_t at) {
  return (void *)(queue->ring + at);
}

void ac_queue_init(struct ac_queue *queue, size_t size, size_t max_count) {
  *queue = (struct ac_queue){.size = need_of(size), .max_count = max_count};
}

/* Memory that was never used is not touched: the kernel gives it page by page.
 */
bool ac_queue_open(struct ac_queue *queue) {
  if (queue->ring)
    return true;
  void *ring = mmap(NULL, queue->size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (ring == MAP_FAILED)
    return false;
  queue->ring = ring;
  ac_poison(ring, queue->size);
  return true;
}

void ac_queue_deinit(struct ac_queue *queue) {
  if (!queue->ring)
    return;
  ac_unpoison(queue->ring, queue->size);
  munmap(queue->ring, queue->size);
  queue->ring = NULL;
}

bool ac_queue_could_fit(const struct ac_queue *queue, size_t len) {
  return len <= UINT32_MAX && need_of(len) <= queue->size;
}

bool ac_queue_fits(const struct ac_queue *queue, size_t len) {
  size_t need = need_of(len);
  return queue->count < queue->max_count && need <= queue->size - queue->used &&
         waste_of(queue, need) <= queue->size - queue->used - need;
}

char *ac_queue_append(struct ac_queue *queue, size_t len, void *tag) {
  size_t need = need_of(len);
  size_t waste = waste_of(queue, need);
  if (waste > 0) {
    ac_unpoison(head_at(queue, queue->tail), sizeof(struct head));
    *head_at(queue, queue->tail) = (struct head){.wrapped = 1};
    queue->tail = 0;
  }
  struct head *head = head_at(queue, queue->tail);
  ac_unpoison(head, ALIGN + len);
  *head = (struct head){.tag = tag, .len = (uint32_t)len};
  queue->tail += need;
  if (queue->tail == queue->size)
    queue->tail = 0;
  queue->used += need + waste;
  queue->count++;
  return (char *)head + ALIGN;
}

size_t ac_queue_read(const struct ac_queue *queue, size_t *at,
                     struct ac_queue_item *item) {
  size_t waste = 0;
  if (head_at(queue, *at)->wrapped) {
    waste = queue->size - *at;
    *at = 0;
  }
  const struct head *head = head_at(queue, *at);
  item->payload = ac_str((const char *)head + ALIGN, head->len);
  item->tag = head->tag;
  size_t need = need_of(head->len);
  *at += need;
  if (*at == queue->size)
    *at = 0;
  return need + waste;
}

/* What was removed belongs to nobody. */
static void poison(const struct ac_queue *queue, size_t from, size_t to) {
  if (from < to) {
    ac_poison(queue->ring + from, to - from);
    return;
  }
  ac_poison(queue->ring + from, queue->size - from);
  ac_poison(queue->ring, to);
}

bool ac_queue_remove(struct ac_queue *queue, size_t head, size_t bytes,
                     size_t count) {
  if (count > 0)
    poison(queue, queue->head, head);
  queue->used -= bytes;
  queue->count -= count;
  queue->head = head;
  if (queue->count > 0)
    return false;
  queue->head = queue->tail = 0;
  return true;
}
