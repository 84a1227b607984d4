/* The adapter "memory", with an end that the broadcaster knows. */
#include "node/inbox.h"

#include <anycable/memory.h>
#include <stdatomic.h>
#include <stdlib.h>

struct ac_inbox {
  anycable_memory *memory;
  atomic_bool closed;
};

static void destroy(void *publisher) {
  struct ac_inbox *inbox = publisher;
  anycable_memory_free(inbox->memory);
  free(inbox);
}

/* |ctx| is where the node learns of it. */
static int create(void **publisher, const anycable_config *config, void *ctx,
                  char *reason, size_t reason_size) {
  (void)config;
  (void)reason;
  (void)reason_size;
  struct ac_inbox *inbox = calloc(1, sizeof(*inbox));
  if (!inbox)
    return ANYCABLE_ERR_NOMEM;
  inbox->memory = anycable_memory_new();
  if (!inbox->memory) {
    free(inbox);
    return ANYCABLE_ERR_NOMEM;
  }
  *(struct ac_inbox **)ctx = inbox;
  *publisher = inbox;
  return ANYCABLE_OK;
}

static int publish(void *publisher, anycable_outbox *outbox) {
  struct ac_inbox *inbox = publisher;
  return anycable_memory_adapter()->publish(
      atomic_load(&inbox->closed) ? NULL : inbox->memory, outbox);
}

static const anycable_adapter adapter = {.size = sizeof(adapter),
                                         .name = "node",
                                         .create = create,
                                         .publish = publish,
                                         .destroy = destroy};

int ac_inbox_new(struct ac_inbox **out, anycable_broadcaster **broadcaster,
                 anycable_config *config) {
  int error = anycable_config_add_adapter(config, &adapter, out);
  return error ? error
               : anycable_broadcaster_new(broadcaster, adapter.name, config);
}

anycable_str ac_inbox_next(struct ac_inbox *inbox) {
  return anycable_memory_next(inbox->memory);
}

void ac_inbox_close(struct ac_inbox *inbox) {
  atomic_store(&inbox->closed, true);
}
