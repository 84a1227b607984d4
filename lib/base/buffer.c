/* The growing buffer. Its owner's thread alone uses it. */
#include "base/buffer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SIZE 256

void ac_buffer_deinit(struct ac_buffer *buffer) {
  free(buffer->data);
  *buffer = (struct ac_buffer){0};
}

/* Doubling, so that appending stays linear, until that would overflow. */
static bool grow(struct ac_buffer *buffer, size_t live, size_t need) {
  size_t size = buffer->size < SIZE_MAX / 2 ? buffer->size * 2 : need;
  if (size < MIN_SIZE)
    size = MIN_SIZE;
  if (size < need)
    size = need;
  char *data = malloc(size);
  if (!data)
    return false;
  /* Not realloc: what is consumed already need not be copied. */
  if (live > 0)
    memcpy(data, buffer->data + buffer->start, live);
  free(buffer->data);
  buffer->data = data;
  buffer->size = size;
  buffer->start = 0;
  buffer->end = live;
  return true;
}

char *ac_buffer_reserve(struct ac_buffer *buffer, size_t len) {
  if (buffer->data && len <= buffer->size - buffer->end)
    return buffer->data + buffer->end;
  size_t live = ac_buffer_len(buffer);
  if (len > SIZE_MAX - live)
    return NULL;
  /* Moving pays only where it frees half of the buffer: a full one whose
   * owner consumes a byte and appends a byte would move for ever. */
  if (buffer->data && live + len <= buffer->size / 2) {
    memmove(buffer->data, buffer->data + buffer->start, live);
    buffer->start = 0;
    buffer->end = live;
  } else if (!grow(buffer, live, live + len)) {
    return NULL;
  }
  return buffer->data + buffer->end;
}

bool ac_buffer_append(struct ac_buffer *buffer, const void *data, size_t len) {
  if (len == 0)
    return true;
  char *room = ac_buffer_reserve(buffer, len);
  if (!room)
    return false;
  memcpy(room, data, len);
  ac_buffer_commit(buffer, len);
  return true;
}

void ac_buffer_consume(struct ac_buffer *buffer, size_t len, size_t keep) {
  assert(len <= ac_buffer_len(buffer));
  buffer->start += len;
  if (buffer->start < buffer->end)
    return;
  buffer->start = buffer->end = 0;
  if (buffer->size > keep)
    ac_buffer_deinit(buffer);
}
