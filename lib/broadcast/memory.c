/* The adapter that keeps messages, for tests. */
#include <anycable/memory.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct kept {
  struct ac_list link;
  size_t len;
  char text[];
};

struct anycable_memory {
  pthread_mutex_t mutex; /* all below */
  struct ac_list messages;
  struct kept *given; /* to the user, until the next call */
};

anycable_memory *anycable_memory_new(void) {
  anycable_memory *memory = calloc(1, sizeof(*memory));
  if (!memory)
    return NULL;
  pthread_mutex_init(&memory->mutex, NULL);
  ac_list_init(&memory->messages);
  return memory;
}

static struct kept *shift(anycable_memory *memory) {
  struct ac_list *link = ac_list_shift(&memory->messages);
  return link ? ac_container_of(link, struct kept, link) : NULL;
}

void anycable_memory_free(anycable_memory *memory) {
  struct kept *kept;
  if (!memory)
    return;
  while ((kept = shift(memory)))
    free(kept);
  free(memory->given);
  pthread_mutex_destroy(&memory->mutex);
  free(memory);
}

anycable_str anycable_memory_next(anycable_memory *memory) {
  if (!memory)
    return (anycable_str){"", 0};
  pthread_mutex_lock(&memory->mutex);
  free(memory->given);
  struct kept *kept = memory->given = shift(memory);
  pthread_mutex_unlock(&memory->mutex);
  anycable_str text = {kept ? kept->text : "", kept ? kept->len : 0};
  return text;
}

/* --- the adapter ---------------------------------------------------------- */

/* What nobody has a memory for is published to nobody. */
static int create(void **publisher, const anycable_config *config, void *ctx,
                  char *reason, size_t reason_size) {
  (void)config;
  (void)reason;
  (void)reason_size;
  *publisher = ctx;
  return ANYCABLE_OK;
}

static bool keep(anycable_memory *memory, anycable_str payload) {
  struct kept *kept = malloc(sizeof(*kept) + payload.len + 1);
  if (!kept)
    return false;
  kept->len = payload.len;
  memcpy(kept->text, payload.ptr, payload.len);
  kept->text[payload.len] = '\0';
  pthread_mutex_lock(&memory->mutex);
  ac_list_append(&memory->messages, &kept->link);
  pthread_mutex_unlock(&memory->mutex);
  return true;
}

static int publish(void *publisher, anycable_outbox *outbox) {
  anycable_memory *memory = publisher;
  anycable_str payload;
  while (anycable_outbox_next(outbox, &payload)) {
    if (memory && !keep(memory, payload))
      return anycable_outbox_fail(outbox, ANYCABLE_ERR_NOMEM, "out of memory");
    anycable_outbox_settle(outbox, ANYCABLE_FATE_PUBLISHED, memory ? 1 : 0,
                           NULL);
  }
  return ANYCABLE_OK;
}

const anycable_adapter *anycable_memory_adapter(void) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "memory",
                                           .create = create,
                                           .publish = publish,
                                           .destroy = NULL};
  return &adapter;
}
