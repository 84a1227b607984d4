/* A growing run of bytes: output that waits to be written. */
#ifndef AC_BASE_BUFFER_H
#define AC_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty buffer. */
struct ac_buffer {
  char *data;
  size_t start; /* first byte not yet consumed */
  size_t end;   /* one past the last byte */
  size_t size;  /* allocated */
};

/* Gives the memory back; the buffer is empty then, and can be used again. */
void ac_buffer_deinit(struct ac_buffer *buffer);

static inline size_t ac_buffer_len(const struct ac_buffer *buffer) {
  return buffer->end - buffer->start;
}

/* Room for |len| more bytes: a pointer to write them to, before
 * ac_buffer_commit. NULL without memory; the buffer is then as it was. Else
 * what is in the buffer may have moved. */
char *ac_buffer_reserve(struct ac_buffer *buffer, size_t len);

static inline void ac_buffer_commit(struct ac_buffer *buffer, size_t len) {
  buffer->end += len;
}

/* Appends; false without memory. */
bool ac_buffer_append(struct ac_buffer *buffer, const void *data, size_t len);

/* Drops |len| bytes from the front. An empty buffer that grew beyond |keep|
 * bytes gives its memory back. */
void ac_buffer_consume(struct ac_buffer *buffer, size_t len, size_t keep);

#endif
