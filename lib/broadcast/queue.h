/* Messages that wait, in a ring of bytes that is allocated once. Who has the
 * broadcaster's lock appends and removes; the messages between may be read
 * without it. */
#ifndef AC_BROADCAST_QUEUE_H
#define AC_BROADCAST_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct ac_queue {
  char *ring; /* NULL until the first message */
  size_t size;
  size_t head; /* where the oldest message is */
  size_t tail; /* where the next one goes */
  size_t used; /* bytes, with what is left over at the ring's end */
  size_t count;
  size_t max_count;
};

struct ac_queue_item {
  anycable_str payload; /* without a NUL behind it */
  void *tag;
};

/* A queue for |size| bytes and |max_count| messages. */
void ac_queue_init(struct ac_queue *queue, size_t size, size_t max_count);
void ac_queue_deinit(struct ac_queue *queue);

/* Allocates the ring, if there is none yet. False without memory. */
bool ac_queue_open(struct ac_queue *queue);

/* Is there room for |len| bytes now, and would there be if it were empty? */
bool ac_queue_fits(const struct ac_queue *queue, size_t len);
bool ac_queue_could_fit(const struct ac_queue *queue, size_t len);

/* Appends a message of |len| bytes, which fit: they are to be written to what
 * this returns, before the lock is given back. */
char *ac_queue_append(struct ac_queue *queue, size_t len, void *tag);

/* The message at |*at|, which is the head or behind a message that was read,
 * and is not the tail; moves |*at| behind it. Returns how many bytes of the
 * ring that took. */
size_t ac_queue_read(const struct ac_queue *queue, size_t *at,
                     struct ac_queue_item *item);

/* Removes the |count| oldest messages, up to |head|, of |bytes| in all. True if
 * the queue is empty now: it begins at 0 again, so that one that is mostly
 * empty touches little memory. */
bool ac_queue_remove(struct ac_queue *queue, size_t head, size_t bytes,
                     size_t count);

#endif
