/* The adapter "http": its table, and what is known before it connects. */
#include <anycable/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/curl/publisher.h"

static void destroy(void *data) {
  struct ac_http_publisher *publisher = data;
  if (!publisher)
    return;
  ac_http_deinit(&publisher->http);
  if (publisher->url) /* it may hold a password */
    explicit_bzero(publisher->url, strlen(publisher->url));
  free(publisher->url);
  free(publisher);
}

static struct ac_http_publisher *
new_publisher(const anycable_config *config, const char *url, const char *key) {
  int64_t connect_timeout =
      anycable_config_limit(config, ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME);
  struct ac_http_publisher *publisher = calloc(1, sizeof(*publisher));
  if (!publisher)
    return NULL;
  publisher->timeout =
      connect_timeout +
      anycable_config_limit(config, ANYCABLE_LIMIT_BROADCAST_TIME);
  publisher->url = strdup(url);
  if (ac_http_init(&publisher->http, key, connect_timeout) && publisher->url)
    return publisher;
  destroy(publisher);
  return NULL;
}

static int create(void **out, const anycable_config *config, void *ctx,
                  char *reason, size_t reason_size) {
  const char *url =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_BROADCAST_URL);
  const char *key = anycable_config_get(config, ANYCABLE_SETTING_BROADCAST_KEY);
  const char *wrong = ac_http_check(url ? url : "", key);
  (void)ctx;
  if (wrong) {
    snprintf(reason, reason_size, "HTTP broadcasting: %s", wrong);
    return ANYCABLE_ERR_INVALID;
  }
  *out = new_publisher(config, url, key);
  if (*out)
    return ANYCABLE_OK;
  snprintf(reason, reason_size, "out of memory");
  return ANYCABLE_ERR_NOMEM;
}

const anycable_adapter *anycable_curl_adapter(void) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "http",
                                           .create = create,
                                           .publish = ac_http_publish,
                                           .destroy = destroy};
  return &adapter;
}
