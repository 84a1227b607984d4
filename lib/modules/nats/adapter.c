/* The adapter "nats": its table, and what is known before it connects. */
#include <anycable/nats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/nats/publisher.h"
#include "modules/nats/subject.h"

static void destroy(void *data) {
  struct ac_nats_publisher *publisher = data;
  if (!publisher)
    return;
  ac_nats_link_close(publisher->link);
  ac_nats_servers_free(&publisher->servers);
  free(publisher->subject);
  free(publisher);
}

static int read_subject(struct ac_nats_publisher *publisher,
                        const char *subject, char *reason, size_t reason_size) {
  const char *wrong = ac_nats_subject_check(subject);
  if (wrong) {
    snprintf(reason, reason_size, "the NATS subject %s", wrong);
    return ANYCABLE_ERR_INVALID;
  }
  publisher->subject = strdup(subject);
  if (publisher->subject)
    return ANYCABLE_OK;
  snprintf(reason, reason_size, "out of memory");
  return ANYCABLE_ERR_NOMEM;
}

static int read_servers(struct ac_nats_publisher *publisher,
                        const anycable_config *config, char *reason,
                        size_t reason_size) {
  const char *list = anycable_config_get(config, ANYCABLE_SETTING_NATS_SERVERS);
  const char *in_order =
      anycable_config_get(config, ANYCABLE_SETTING_NATS_DONT_RANDOMIZE_SERVERS);
  int rc = ac_nats_servers_read(&publisher->servers, list ? list : "", reason,
                                reason_size);
  if (!rc && !(in_order && strcmp(in_order, "true") == 0))
    ac_nats_servers_shuffle(&publisher->servers);
  return rc;
}

static int create(void **out, const anycable_config *config, void *ctx,
                  char *reason, size_t reason_size) {
  struct ac_nats_publisher *publisher = calloc(1, sizeof(*publisher));
  const char *subject =
      anycable_config_get(config, ANYCABLE_SETTING_NATS_CHANNEL);
  (void)ctx;
  if (!publisher) {
    snprintf(reason, reason_size, "out of memory");
    return ANYCABLE_ERR_NOMEM;
  }
  publisher->times.connect =
      anycable_config_limit(config, ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME);
  publisher->times.answer =
      anycable_config_limit(config, ANYCABLE_LIMIT_BROADCAST_TIME);
  int rc = read_subject(publisher, subject ? subject : "", reason, reason_size);
  if (!rc)
    rc = read_servers(publisher, config, reason, reason_size);
  if (rc) {
    destroy(publisher);
    return rc;
  }
  *out = publisher;
  return ANYCABLE_OK;
}

const anycable_adapter *anycable_nats_adapter(void) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "nats",
                                           .create = create,
                                           .publish = ac_nats_publish,
                                           .destroy = destroy};
  return &adapter;
}
