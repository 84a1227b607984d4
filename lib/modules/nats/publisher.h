/* What a broadcaster publishes with: servers, and a link to one of them. */
#ifndef AC_NATS_PUBLISHER_H
#define AC_NATS_PUBLISHER_H

#include <anycable/adapter.h>

#include "modules/nats/link.h"

struct ac_nats_publisher {
  struct ac_nats_servers servers;
  struct ac_nats_times times;
  struct ac_nats_link *link; /* NULL, or the one that is used */
  char *subject;
};

/* The publish of an anycable_adapter. */
int ac_nats_publish(void *publisher, anycable_outbox *outbox);

#endif
