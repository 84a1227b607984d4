#include "server/broadcasting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <anycable/memory.h>

#include "base/clock.h"
#include "broadcast/broadcaster.h"
#include "broadcast/redis.h"
#include "io/errors.h"
#include "rpc/app.h"
#include "server/module.h"

/* What is built in. */
static const anycable_adapter *built_in(const char *name) {
  const anycable_adapter *const all[] = {
      ac_redis_adapter(), ac_redisx_adapter(), anycable_memory_adapter()};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  }
  return NULL;
}

/* An adapter that was added comes before one that is built in, and that before
 * one in a module. */
static int find(const char *name, const anycable_config *config,
                struct ac_config_adapter *out, char *reason,
                size_t reason_size) {
  const struct ac_config_adapter *added = ac_config_adapter(config, name);
  const anycable_adapter *table = added ? &added->table : built_in(name);
  out->ctx = added ? added->ctx : NULL;
  reason[0] = '\0';
  if (!table)
    table = ac_module_load(name, reason, reason_size);
  if (table) {
    out->table = *table;
    return ANYCABLE_OK;
  }
  if (reason[0])
    return ANYCABLE_ERR_UNAVAILABLE;
  snprintf(reason, reason_size, "broadcast_adapter: \"%.100s\" is not known",
           name);
  return ANYCABLE_ERR_INVALID;
}

static struct ac_broadcaster_config
broadcaster_config(const anycable_config *config) {
  const int64_t *limits = config->limits;
  return (struct ac_broadcaster_config){
      .queue_bytes = (size_t)limits[ANYCABLE_LIMIT_BROADCAST_BYTES],
      .queue_count = (size_t)limits[ANYCABLE_LIMIT_BROADCAST_COUNT],
      .message_max = (size_t)limits[ANYCABLE_LIMIT_BROADCAST_MESSAGE],
      .json_depth = (unsigned)limits[ANYCABLE_LIMIT_JSON_DEPTH],
      .when_full = config->when_full,
      .wait = (uint64_t)config->full_wait_ms * AC_MS,
      .flush = (uint64_t)limits[ANYCABLE_LIMIT_FLUSH_TIME] * AC_MS,
  };
}

int ac_broadcasting_new(anycable_broadcaster **out, const char *name,
                        const anycable_config *config, char *reason,
                        size_t reason_size) {
  struct ac_config_adapter adapter;
  void *publisher = NULL;
  const struct ac_broadcaster_config inner = broadcaster_config(config);
  const struct ac_log log = ac_config_log(config);
  int error = find(name, config, &adapter, reason, reason_size);
  if (error)
    return error;
  snprintf(reason, reason_size, "broadcast_adapter: \"%s\" cannot be set up",
           name);
  error = adapter.table.create(&publisher, config, adapter.ctx, reason,
                               reason_size);
  if (error)
    return error;
  *out = ac_broadcaster_new(&adapter.table, publisher, &inner, &log);
  reason[0] = '\0';
  if (*out)
    return ANYCABLE_OK;
  error = errno;
  if (adapter.table.destroy)
    adapter.table.destroy(publisher);
  snprintf(reason, reason_size, "a broadcaster cannot be made: %s",
           ac_errno_text(error));
  return error == ENOMEM ? ANYCABLE_ERR_NOMEM : ANYCABLE_ERR_IO;
}

/* Copies the next of a list of names that was checked when it was set, and goes
 * past its comma; false at the end. */
static bool next_name(const char **rest, char name[AC_CONFIG_NAME_SIZE]) {
  *rest += strspn(*rest, " ,");
  size_t len = strcspn(*rest, " ,");
  snprintf(name, AC_CONFIG_NAME_SIZE, "%.*s", (int)len, *rest);
  *rest += len;
  return len > 0;
}

int anycable_broadcaster_new(anycable_broadcaster **out, const char *adapter,
                             anycable_config *config) {
  char name[AC_CONFIG_NAME_SIZE];
  if (!out)
    return ANYCABLE_ERR_INVALID;
  *out = NULL;
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (config->error)
    return config->error;
  /* The reason does not stay as a setter's would: another try may succeed. */
  char *reason = config->text;
  const size_t size = sizeof(config->text);
  reason[0] = '\0';
  if (adapter)
    return ac_broadcasting_new(out, adapter, config, reason, size);
  const char *names =
      anycable_config_get(config, ANYCABLE_SETTING_BROADCAST_ADAPTER);
  const char *rest = names;
  next_name(&rest, name);
  if (!strchr(rest, ','))
    return ac_broadcasting_new(out, name, config, reason, size);
  snprintf(reason, size,
           "broadcast_adapter: \"%.100s\" names several; make a broadcaster "
           "for each",
           names);
  return ANYCABLE_ERR_INVALID;
}

int ac_broadcasting_add(anycable_app *app, const anycable_config *config,
                        char *reason, size_t reason_size) {
  char name[AC_CONFIG_NAME_SIZE];
  const char *names =
      anycable_config_get(config, ANYCABLE_SETTING_BROADCAST_ADAPTER);
  if (anycable_app_broadcaster(app, 0))
    return ANYCABLE_OK;
  while (next_name(&names, name)) {
    anycable_broadcaster *broadcaster = NULL;
    int error =
        ac_broadcasting_new(&broadcaster, name, config, reason, reason_size);
    if (error)
      return error;
    error = ac_app_add_broadcaster(app, broadcaster);
    anycable_broadcaster_free(broadcaster);
    if (error) {
      snprintf(reason, reason_size, "out of memory");
      return error;
    }
  }
  return ANYCABLE_OK;
}
