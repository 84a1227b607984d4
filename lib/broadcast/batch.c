/* Batches: what a thread publishes between begin and end, collected as one JSON
 * array. A list of those that are open stands in for thread-local memory, which
 * an embedded library should not need; it is seldom longer than one. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "broadcast/broadcaster.h"

struct ac_batch {
  struct ac_list link;
  pthread_t thread;
  size_t depth;          /* how often it was begun and not ended */
  struct ac_buffer text; /* "[{...},{...}", without the end; or empty */
};

struct ac_batch *ac_batch_find(anycable_broadcaster *broadcaster) {
  struct ac_list *list = &broadcaster->batches;
  for (struct ac_list *at = list->next; at != list; at = at->next) {
    struct ac_batch *batch = ac_container_of(at, struct ac_batch, link);
    if (pthread_equal(batch->thread, pthread_self()))
      return batch;
  }
  return NULL;
}

int ac_batch_add(anycable_broadcaster *broadcaster, struct ac_batch *batch,
                 const struct ac_message *message, size_t size) {
  size_t len = ac_buffer_len(&batch->text);
  if (len + size + 2 > broadcaster->config.message_max)
    return ANYCABLE_ERR_LIMIT;
  char *out = ac_buffer_reserve(&batch->text, size + 1);
  if (!out)
    return ANYCABLE_ERR_NOMEM;
  *out = len > 0 ? ',' : '[';
  ac_message_write(message, out + 1);
  ac_buffer_commit(&batch->text, size + 1);
  return ANYCABLE_OK;
}

static void batch_free(anycable_broadcaster *broadcaster,
                       struct ac_batch *batch) {
  ac_list_remove(&batch->link);
  atomic_fetch_sub(&broadcaster->n_batches, 1);
  ac_buffer_deinit(&batch->text);
  free(batch);
}

void ac_batch_free_all(anycable_broadcaster *broadcaster) {
  while (!ac_list_empty(&broadcaster->batches))
    batch_free(broadcaster, ac_container_of(broadcaster->batches.next,
                                            struct ac_batch, link));
}

int anycable_broadcaster_begin_batch(anycable_broadcaster *broadcaster) {
  if (!broadcaster)
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  pthread_mutex_lock(&broadcaster->mutex);
  struct ac_batch *batch = ac_batch_find(broadcaster);
  if (!batch && (batch = calloc(1, sizeof(*batch)))) {
    batch->thread = pthread_self();
    ac_list_append(&broadcaster->batches, &batch->link);
    atomic_fetch_add(&broadcaster->n_batches, 1);
  }
  if (batch)
    batch->depth++;
  pthread_mutex_unlock(&broadcaster->mutex);
  return batch ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
}

static char *write_array(const struct ac_writer *writer, char *out) {
  const struct ac_buffer *text = writer->from;
  memcpy(out, text->data + text->start, ac_buffer_len(text));
  out[ac_buffer_len(text)] = ']';
  return out + writer->size;
}

/* Ends the thread's batch: 1, and its text is the caller's; 0 if it goes on, as
 * it was begun more than once; or ANYCABLE_ERR_STATE. Under the lock. */
static int take_text(anycable_broadcaster *broadcaster,
                     struct ac_buffer *text) {
  struct ac_batch *batch = ac_batch_find(broadcaster);
  if (!batch)
    return ANYCABLE_ERR_STATE;
  if (--batch->depth > 0)
    return 0;
  *text = batch->text;
  batch->text = (struct ac_buffer){0};
  batch_free(broadcaster, batch);
  return 1;
}

int anycable_broadcaster_end_batch(anycable_broadcaster *broadcaster) {
  struct ac_buffer text = {0};
  if (!broadcaster)
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  pthread_mutex_lock(&broadcaster->mutex);
  int rc = take_text(broadcaster, &text);
  pthread_mutex_unlock(&broadcaster->mutex);
  if (rc < 0 || ac_buffer_len(&text) == 0)
    return rc < 0 ? rc : ANYCABLE_OK;
  const struct ac_writer writer = {ac_buffer_len(&text) + 1, write_array, &text,
                                   NULL};
  rc = ac_publish(broadcaster, &writer);
  ac_buffer_deinit(&text);
  return rc;
}
