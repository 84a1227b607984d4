/* What a broadcaster publishes with. */
#ifndef AC_CURL_PUBLISHER_H
#define AC_CURL_PUBLISHER_H

#include <anycable/adapter.h>

#include "modules/curl/http.h"

struct ac_http_publisher {
  struct ac_http http;
  char *url;
  int64_t timeout; /* ms, for one request */
};

/* The publish of an anycable_adapter. */
int ac_http_publish(void *publisher, anycable_outbox *outbox);

#endif
