/* Settings that are texts: their defaults, what is allowed, and what is derived
 * from the application's secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anycable/token.h>

#include "base/str.h"
#include "broadcast/redis.h"
#include "server/config.h"

#define LOCAL_WITH_KEY "http://localhost:8080/_broadcast"
#define LOCAL_OPEN "http://localhost:8090/_broadcast"

/* --- what is allowed ------------------------------------------------------ */

/* Each writes to |reason| what is wrong, and returns false. */
typedef bool (*check_fn)(const char *value, char *reason, size_t size);

static bool refuse(char *reason, size_t size, const char *value,
                   const char *allowed) {
  snprintf(reason, size, "\"%.100s\" is not allowed; use %s", value, allowed);
  return false;
}

static bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static size_t name_len(const char *text) {
  size_t len = 0;
  while (is_name(text[len]))
    len++;
  return len;
}

/* Does the list up to |end| have the |len| bytes at |name|? */
static bool is_listed(const char *list, const char *end, const char *name,
                      size_t len) {
  while (list < end) {
    list += strspn(list, " ,");
    size_t n = name_len(list);
    if (list < end && n == len && memcmp(list, name, len) == 0)
      return true;
    list += n;
  }
  return false;
}

static bool check_adapters(const char *value, char *reason, size_t size) {
  const char *at = value;
  do {
    at += strspn(at, " ");
    size_t len = name_len(at);
    if (is_listed(value, at, at, len))
      return refuse(reason, size, value, "each name once");
    const char *behind = at + len + strspn(at + len, " ");
    if (len == 0 || len >= AC_CONFIG_NAME_SIZE || (*behind && *behind != ','))
      return refuse(reason, size, value, "names separated by commas");
    at = *behind ? behind + 1 : NULL;
  } while (at);
  return true;
}

static bool check_seconds(const char *value, char *reason, size_t size) {
  size_t digits = strspn(value, "0123456789");
  return (digits > 0 && digits <= 9 && !value[digits]) ||
         refuse(reason, size, value, "seconds, 0 to 999999999");
}

/* A channel of Redis, a subject of NATS. */
static bool check_channel(const char *value, char *reason, size_t size) {
  for (const char *c = value; *c; c++) {
    if ((unsigned char)*c <= ' ' || *c == 0x7f)
      return refuse(reason, size, value,
                    "a name without spaces and control characters");
  }
  return true;
}

/* Not shown, as it may hold a password. */
static bool check_http_url(const char *value, char *reason, size_t size) {
  const char *rest = strstr(value, "://");
  bool known =
      strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0;
  if (known && rest[3] && rest[3] != '/' && !strpbrk(value, " \t\r\n"))
    return true;
  snprintf(reason, size, "is no URL; use http://host:port/path or https://");
  return false;
}

/* "/" begins it and does not end it; the rest is what needs no escapes. */
static bool check_path(const char *value, char *reason, size_t size) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                                "UVWXYZ0123456789/-._~";
  size_t len = strlen(value);
  return (len > 1 && *value == '/' && value[len - 1] != '/' &&
          strspn(value, allowed) == len) ||
         refuse(reason, size, value,
                "a path such as /_anycable, of letters, digits and /-._~");
}

static bool check_port(const char *value, char *reason, size_t size) {
  size_t digits = strspn(value, "0123456789");
  return (digits > 0 && digits <= 5 && !value[digits] &&
          atoi(value) <= 65535) ||
         refuse(reason, size, value, "a port, 0 to 65535");
}

static bool check_log_format(const char *value, char *reason, size_t size) {
  return strcmp(value, "text") == 0 || strcmp(value, "json") == 0 ||
         refuse(reason, size, value, "text or json");
}

static bool check_redis_url(const char *value, char *reason, size_t size) {
  return ac_redis_url_check(value, reason, size) == ANYCABLE_OK;
}

static bool check_sentinels(const char *value, char *reason, size_t size) {
  return ac_redis_sentinels_check(value, reason, size) == ANYCABLE_OK;
}

static bool check_bool(const char *value, char *reason, size_t size) {
  bool on;
  return ac_config_read_bool(value, &on) ||
         refuse(reason, size, value, AC_CONFIG_BOOLEANS);
}

/* --- the table ------------------------------------------------------------ */

struct setting {
  const char *name;
  const char *standard; /* NULL: none, or derived */
  check_fn check;       /* NULL: anything but an empty text */
};

static const struct setting settings[ANYCABLE_SETTING_END] = {
    [ANYCABLE_SETTING_BROADCAST_ADAPTER] = {"broadcast_adapter", "redis",
                                            check_adapters},
    [ANYCABLE_SETTING_BROADCAST_KEY] = {"broadcast_key", NULL, NULL},
    [ANYCABLE_SETTING_STREAMS_SECRET] = {"streams_secret", NULL, NULL},
    [ANYCABLE_SETTING_JWT_SECRET] = {"jwt_secret", NULL, NULL},
    [ANYCABLE_SETTING_JWT_TTL] = {"jwt_ttl", "3600", check_seconds},
    [ANYCABLE_SETTING_REDIS_URL] = {"redis_url", "redis://localhost:6379",
                                    check_redis_url},
    [ANYCABLE_SETTING_REDIS_SENTINELS] = {"redis_sentinels", NULL,
                                          check_sentinels},
    [ANYCABLE_SETTING_REDIS_CHANNEL] = {"redis_channel", "__anycable__",
                                        check_channel},
    [ANYCABLE_SETTING_REDIS_TLS_VERIFY] = {"redis_tls_verify", "true",
                                           check_bool},
    [ANYCABLE_SETTING_REDIS_TLS_CLIENT_CERT_PATH] =
        {"redis_tls_client_cert_path", NULL, NULL},
    [ANYCABLE_SETTING_REDIS_TLS_CLIENT_KEY_PATH] = {"redis_tls_client_key_path",
                                                    NULL, NULL},
    [ANYCABLE_SETTING_REDIS_TLS_CA_CERT_PATH] = {"redis_tls_ca_cert_path", NULL,
                                                 NULL},
    [ANYCABLE_SETTING_NATS_SERVERS] = {"nats_servers", "nats://localhost:4222",
                                       NULL},
    [ANYCABLE_SETTING_NATS_CHANNEL] = {"nats_channel", "__anycable__",
                                       check_channel},
    [ANYCABLE_SETTING_NATS_DONT_RANDOMIZE_SERVERS] =
        {"nats_dont_randomize_servers", "false", check_bool},
    [ANYCABLE_SETTING_HTTP_BROADCAST_URL] = {"http_broadcast_url", NULL,
                                             check_http_url},
    [ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH] = {"http_rpc_mount_path", NULL,
                                              check_path},
    [ANYCABLE_SETTING_HTTP_HOST] = {"http_host", NULL, NULL},
    [ANYCABLE_SETTING_HTTP_RPC_SECRET] = {"http_rpc_secret", NULL, NULL},
    [ANYCABLE_SETTING_HTTP_RPC_PUBLIC] = {"http_rpc_public", "false",
                                          check_bool},
    [ANYCABLE_SETTING_HTTP_HEALTH_PORT] = {"http_health_port", NULL,
                                           check_port},
    [ANYCABLE_SETTING_HTTP_HEALTH_PATH] = {"http_health_path", "/health",
                                           check_path},
    [ANYCABLE_SETTING_RPC_REFLECTION] = {"rpc_reflection", "false", check_bool},
    [ANYCABLE_SETTING_LOG_FORMAT] = {"log_format", "text", check_log_format},
    [ANYCABLE_SETTING_HTTP_METRICS_PATH] = {"http_metrics_path", "/metrics",
                                            check_path},
};

static bool is_setting(int setting) {
  return setting >= 0 && setting < ANYCABLE_SETTING_END;
}

int anycable_config_set(anycable_config *config, int setting,
                        const char *value) {
  char reason[512];
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (!is_setting(setting))
    return ac_config_refuse(config, "setting",
                            "%d is not known; use an ANYCABLE_SETTING_ of the "
                            "library that the program runs with",
                            setting);
  const struct setting *row = &settings[setting];
  if (value && !*value)
    return ac_config_refuse(config, row->name,
                            "an empty text is not allowed; use NULL for the "
                            "default");
  if (value && row->check && !row->check(value, reason, sizeof(reason)))
    return ac_config_refuse(config, row->name, "%s", reason);
  return ac_config_set_text(config, &config->settings[setting], value);
}

/* --- reading -------------------------------------------------------------- */

static const char *derived(const anycable_config *config, int setting) {
  switch (setting) {
  case ANYCABLE_SETTING_BROADCAST_KEY:
    return config->broadcast_key;
  case ANYCABLE_SETTING_HTTP_RPC_SECRET:
    return config->rpc_key;
  case ANYCABLE_SETTING_STREAMS_SECRET:
  case ANYCABLE_SETTING_JWT_SECRET:
    return config->secret;
  case ANYCABLE_SETTING_REDIS_URL:
    return config->shared_redis_url ? config->shared_redis_url
                                    : settings[setting].standard;
  case ANYCABLE_SETTING_HTTP_BROADCAST_URL: /* as the Ruby SDK has it */
    return anycable_config_get(config, ANYCABLE_SETTING_BROADCAST_KEY)
               ? LOCAL_WITH_KEY
               : LOCAL_OPEN;
  default:
    return settings[setting].standard;
  }
}

const char *anycable_config_get(const anycable_config *config, int setting) {
  if (!config || !is_setting(setting))
    return NULL;
  const char *value = config->settings[setting];
  bool on = false;
  if (!value)
    return derived(config, setting);
  if (settings[setting].check != check_bool)
    return value;
  ac_config_read_bool(value, &on);
  return on ? "true" : "false";
}

/* Is |path| below |mount|? */
static bool is_below(const char *path, const char *mount) {
  size_t len = mount ? strlen(mount) : 0;
  return len > 0 && strncmp(path, mount, len) == 0 && path[len] == '/';
}

const char *ac_settings_conflict(const anycable_config *config) {
  const char *health =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_HEALTH_PATH);
  const char *metrics =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_METRICS_PATH);
  const char *mount =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH);
  if (strcmp(health, metrics) == 0)
    return "http_health_path: is http_metrics_path too";
  if (is_below(health, mount) || is_below(metrics, mount))
    return "http_rpc_mount_path: health or metrics are below it";
  return NULL;
}

bool ac_config_is_on(const anycable_config *config, int setting) {
  return strcmp(anycable_config_get(config, setting), "true") == 0;
}

bool ac_config_read_bool(const char *value, bool *out) {
  static const char *const words[][2] = {{"false", "true"}, {"0", "1"},
                                         {"no", "yes"},     {"off", "on"},
                                         {"f", "t"},        {"n", "y"}};
  anycable_str word = anycable_str_of(value);
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    for (int on = 0; on < 2; on++) {
      if (ac_str_equal_nocase(word, anycable_str_of(words[i][on]))) {
        *out = on;
        return true;
      }
    }
  }
  return false;
}

/* --- the secret ----------------------------------------------------------- */

static char *derive(const char *secret, const char *phrase) {
  char *key = NULL;
  (void)anycable_secret_derive(anycable_str_of(secret), anycable_str_of(phrase),
                               &key);
  return key;
}

int anycable_config_set_secret(anycable_config *config, const char *secret) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (secret && !*secret)
    return ac_config_refuse(config, "secret",
                            "an empty text is not allowed; use NULL for none");
  char *broadcast = secret ? derive(secret, ANYCABLE_PHRASE_BROADCAST) : NULL;
  char *rpc = secret ? derive(secret, ANYCABLE_PHRASE_RPC) : NULL;
  int rc = secret && (!broadcast || !rpc)
               ? ac_config_fail(config, ANYCABLE_ERR_NOMEM, "out of memory")
               : ac_config_set_text(config, &config->secret, secret);
  if (rc == ANYCABLE_OK) {
    ac_config_take_text(&config->broadcast_key, broadcast);
    ac_config_take_text(&config->rpc_key, rpc);
  } else {
    anycable_free(broadcast);
    anycable_free(rpc);
  }
  return rc;
}

/* --- broadcasters --------------------------------------------------------- */

int anycable_config_set_when_full(anycable_config *config, int when_full,
                                  int64_t wait_ms) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (when_full < ANYCABLE_FULL_REFUSE || when_full > ANYCABLE_FULL_DROP)
    return ac_config_refuse(config, "when_full",
                            "%d is not allowed; use an anycable_when_full",
                            when_full);
  if (wait_ms < 0 || wait_ms > INT32_MAX)
    return ac_config_refuse(config, "when_full",
                            "%lld ms is not allowed; use 0 to %d",
                            (long long)wait_ms, INT32_MAX);
  config->when_full = when_full;
  config->full_wait_ms = wait_ms;
  return ANYCABLE_OK;
}

/* Copies a table of any size that this library knows how to read. */
static const char *copy_adapter(const anycable_adapter *from,
                                anycable_adapter *to) {
  size_t known = sizeof(*to);
  *to = (anycable_adapter){0};
  if (!from || from->size < sizeof(from->size))
    return ".size must be sizeof(anycable_adapter)";
  for (size_t i = known; i < from->size; i++) {
    if (((const char *)from)[i])
      return "the table is of a newer library";
  }
  memcpy(to, from, from->size < known ? from->size : known);
  if (!to->name || !*to->name || !to->create || !to->publish)
    return "name, create and publish are required";
  size_t len = name_len(to->name);
  return to->name[len] || len >= AC_CONFIG_NAME_SIZE
             ? "a name has letters, digits, _ and - alone, 63 at most"
             : NULL;
}

int anycable_config_add_adapter(anycable_config *config,
                                const anycable_adapter *adapter, void *ctx) {
  struct ac_config_adapter added = {.ctx = ctx};
  if (!config)
    return ANYCABLE_ERR_INVALID;
  const char *wrong = copy_adapter(adapter, &added.table);
  if (!wrong && ac_config_adapter(config, added.table.name))
    wrong = "there is one of that name already";
  if (wrong)
    return ac_config_refuse(config, "adapter", "%s", wrong);
  struct ac_config_adapter *more =
      realloc(config->adapters, (config->n_adapters + 1) * sizeof(*more));
  if (!more)
    return ac_config_fail(config, ANYCABLE_ERR_NOMEM, "out of memory");
  config->adapters = more;
  more[config->n_adapters++] = added;
  return ANYCABLE_OK;
}

const struct ac_config_adapter *ac_config_adapter(const anycable_config *config,
                                                  const char *name) {
  for (size_t i = 0; i < config->n_adapters; i++) {
    if (strcmp(config->adapters[i].table.name, name) == 0)
      return &config->adapters[i];
  }
  return NULL;
}
