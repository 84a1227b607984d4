/* A config: values with their defaults and bounds, and the first error. It
 * belongs to one thread; a server reads a copy. */
#include "server/config.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "io/address.h"

/* --- limits --------------------------------------------------------------- */

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define MOST_MEMORY (SIZE_MAX / 2 < INT64_MAX ? SIZE_MAX / 2 : INT64_MAX)
#define MOST 1000000 /* of what is counted */
#define MOST_MS INT32_MAX

/* Every limit: its name, default, smallest and largest value. */
#define LIMITS(LIMIT)                                                          \
  LIMIT(MESSAGE, 4 * MIB, 1, INT32_MAX)                                        \
  LIMIT(REPLY, 4 * MIB, 1, INT32_MAX)                                          \
  LIMIT(CALL_MEMORY, 32 * MIB, 1, MOST_MEMORY)                                 \
  LIMIT(MEMORY, 256 * MIB, 1, MOST_MEMORY)                                     \
  LIMIT(HEADERS, 16 * KIB, 1 * KIB, 16 * MIB)                                  \
  LIMIT(HEADER_COUNT, 100, 10, MOST)                                           \
  LIMIT(CONNECTIONS, 1024, 1, MOST)                                            \
  LIMIT(STREAMS, 1000, 1, MOST)                                                \
  LIMIT(DEFERRED, 10000, 1, 100 * MOST)                                        \
  LIMIT(ELEMENTS, 65536, 1, INT32_MAX)                                         \
  LIMIT(UNKNOWN_FIELDS, 1024, 1, INT32_MAX)                                    \
  LIMIT(SINGULAR_REPEATS, 16, 1, INT32_MAX)                                    \
  LIMIT(JSON_DEPTH, 64, 1, AC_JSON_MAX_DEPTH)                                  \
  LIMIT(CALL_TIME, 30000, 1, MOST_MS)                                          \
  LIMIT(HANDSHAKE_TIME, 10000, 1, MOST_MS)                                     \
  LIMIT(REQUEST_TIME, 30000, 1, MOST_MS)                                       \
  LIMIT(SEND_TIME, 20000, 1, MOST_MS)                                          \
  LIMIT(IDLE_TIME, 300000, 0, MOST_MS)                                         \
  LIMIT(AGE_GRACE, 30000, 1, MOST_MS)                                          \
  LIMIT(KEEPALIVE_TIME, 60000, 0, MOST_MS)                                     \
  LIMIT(KEEPALIVE_TIMEOUT, 20000, 1, MOST_MS)                                  \
  LIMIT(PING_INTERVAL, 5000, 1, MOST_MS)                                       \
  LIMIT(PING_STRIKES, 100, 1, MOST)                                            \
  LIMIT(PINGS_RATE, 100, 1, MOST)                                              \
  LIMIT(SETTINGS_RATE, 10, 1, MOST)                                            \
  LIMIT(RESETS, 10000, 1, MOST)                                                \
  LIMIT(RESETS_RATE, 1000, 1, MOST)                                            \
  LIMIT(GLITCHES, 200, 1, MOST)                                                \
  LIMIT(GLITCHES_RATE, 20, 1, MOST)                                            \
  LIMIT(EMPTY_FRAMES, 10, 1, MOST)                                             \
  LIMIT(BROADCAST_BYTES, 8 * MIB, 4 * KIB, INT32_MAX)                          \
  LIMIT(BROADCAST_COUNT, 65536, 1, INT32_MAX)                                  \
  LIMIT(BROADCAST_MESSAGE, 1 * MIB, 1, INT32_MAX)                              \
  LIMIT(BROADCAST_TIME, 1000, 1, MOST_MS)                                      \
  LIMIT(BROADCAST_CONNECT_TIME, 2000, 1, MOST_MS)                              \
  LIMIT(FLUSH_TIME, 2000, 0, MOST_MS)                                          \
  LIMIT(REDIS_STREAM, 100000, 1, INT32_MAX)

struct limit {
  const char *name;
  int64_t standard;
  int64_t min;
  int64_t max;
};

#define ROW(limit, standard, min, max)                                         \
  [ANYCABLE_LIMIT_##limit] = {"ANYCABLE_LIMIT_" #limit, standard, min, max},
static const struct limit limits[ANYCABLE_LIMIT_END] = {LIMITS(ROW)};
#undef ROW

/* As many rows as limits, and the compiler warns of one that stands twice. */
#define ONE(limit, standard, min, max) +1
_Static_assert(LIMITS(ONE) == ANYCABLE_LIMIT_END, "a limit has no row");
#undef ONE

static bool is_limit(int limit) {
  return limit >= 0 && limit < ANYCABLE_LIMIT_END;
}

int anycable_config_set_limit(anycable_config *config, int limit,
                              int64_t value) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (!is_limit(limit))
    return ac_config_refuse(config, "limit",
                            "%d is not known; use an ANYCABLE_LIMIT_ of the "
                            "library that the program runs with",
                            limit);
  const struct limit *row = &limits[limit];
  if (value < row->min || value > row->max)
    return ac_config_refuse(
        config, row->name, "%lld is not allowed; use %lld to %lld",
        (long long)value, (long long)row->min, (long long)row->max);
  config->limits[limit] = value;
  return ANYCABLE_OK;
}

int64_t anycable_config_limit(const anycable_config *config, int limit) {
  return config && is_limit(limit) ? config->limits[limit] : -1;
}

/* --- errors --------------------------------------------------------------- */

static int keep_error(anycable_config *config, int error, const char *option,
                      const char *format, va_list args) ANYCABLE_PRINTF(4, 0);

static int keep_error(anycable_config *config, int error, const char *option,
                      const char *format, va_list args) {
  if (config->error)
    return error;
  config->error = error;
  int n = 0;
  if (option)
    n = snprintf(config->text, sizeof(config->text), "%s: ", option);
  if (n >= 0 && (size_t)n < sizeof(config->text))
    vsnprintf(config->text + n, sizeof(config->text) - (size_t)n, format, args);
  return error;
}

int ac_config_fail(anycable_config *config, int error, const char *format,
                   ...) {
  va_list args;
  va_start(args, format);
  keep_error(config, error, NULL, format, args);
  va_end(args);
  return error;
}

int ac_config_refuse(anycable_config *config, const char *option,
                     const char *format, ...) {
  va_list args;
  va_start(args, format);
  keep_error(config, ANYCABLE_ERR_INVALID,
             config->source ? config->source : option, format, args);
  va_end(args);
  return ANYCABLE_ERR_INVALID;
}

static int no_memory(anycable_config *config) {
  return ac_config_fail(config, ANYCABLE_ERR_NOMEM, "out of memory");
}

const char *anycable_config_error(const anycable_config *config) {
  return config ? config->text : "out of memory";
}

/* --- making and copying --------------------------------------------------- */

/* Keys and the secret do not stay behind in freed memory. */
static void free_text(char *text) {
  if (text)
    explicit_bzero(text, strlen(text));
  free(text);
}

int ac_config_set_text(anycable_config *config, char **slot,
                       const char *value) {
  char *copy = NULL;
  if (value && !(copy = strdup(value)))
    return no_memory(config);
  ac_config_take_text(slot, copy);
  return ANYCABLE_OK;
}

void ac_config_take_text(char **slot, char *text) {
  free_text(*slot);
  *slot = text;
}

anycable_config *anycable_config_new(void) {
  anycable_config *config = calloc(1, sizeof(*config));
  if (!config)
    return NULL;
  for (size_t i = 0; i < ANYCABLE_LIMIT_END; i++)
    config->limits[i] = limits[i].standard;
  config->workers = AC_DEFAULT_WORKERS;
  config->queue = AC_DEFAULT_QUEUE;
  config->max_connection_age = AC_DEFAULT_AGE;
  config->version_check = true;
  config->log.level = ANYCABLE_LOG_INFO;
  return config;
}

/* Every text that a config owns. */
static char **text_at(anycable_config *config, size_t index) {
  char **const own[] = {
      &config->rpc_host,      &config->tls_cert,        &config->tls_key,
      &config->tls_client_ca, &config->log_file,        &config->server_command,
      &config->handover,      &config->secret,          &config->broadcast_key,
      &config->rpc_key,       &config->shared_redis_url};
  const size_t n = sizeof(own) / sizeof(own[0]);
  if (index < n)
    return own[index];
  index -= n;
  return index < ANYCABLE_SETTING_END ? &config->settings[index] : NULL;
}

void anycable_config_free(anycable_config *config) {
  char **text;
  if (!config)
    return;
  for (size_t i = 0; (text = text_at(config, i)); i++)
    free_text(*text);
  free(config->fds);
  free(config->adapters);
  free(config);
}

/* A copy of |n| elements of |each| bytes, to be freed; NULL for none, and when
 * memory runs out. */
static void *copy_array(const void *from, size_t n, size_t each) {
  void *copy = n > 0 ? malloc(n * each) : NULL;
  if (copy)
    memcpy(copy, from, n * each);
  return copy;
}

/* Replaces all that |copy| shares with what it was copied from. What it has not
 * got to when memory runs out is NULL. */
static bool unshare(anycable_config *copy) {
  char **text;
  copy->fds = copy_array(copy->fds, copy->n_fds, sizeof(*copy->fds));
  copy->adapters =
      copy_array(copy->adapters, copy->n_adapters, sizeof(*copy->adapters));
  bool ok = (copy->fds || copy->n_fds == 0) &&
            (copy->adapters || copy->n_adapters == 0);
  for (size_t i = 0; (text = text_at(copy, i)); i++) {
    const char *shared = *text;
    *text = NULL;
    ok = ok && ac_config_set_text(copy, text, shared) == ANYCABLE_OK;
  }
  return ok;
}

struct ac_log ac_config_log(const anycable_config *config) {
  struct ac_log log = config->log;
  if (config->debug)
    log.level = ANYCABLE_LOG_DEBUG;
  return log;
}

anycable_config *ac_config_copy(const anycable_config *config) {
  anycable_config *copy = malloc(sizeof(*copy));
  if (!copy)
    return NULL;
  *copy = *config;
  copy->source = NULL;
  if (!unshare(copy)) {
    anycable_config_free(copy);
    return NULL;
  }
  copy->log = ac_config_log(config);
  copy->log_grpc = config->log_grpc || config->debug;
  return copy;
}

const char *ac_config_conflict(const anycable_config *config) {
  if (config->tls_client_ca && !config->tls_cert)
    return "rpc_tls_client_ca: has no effect without rpc_tls_cert and "
           "rpc_tls_key; set these too";
  if (config->handover && config->server_command)
    return "handover: does not go together with server_command, as there would "
           "be two of these";
  return ac_settings_conflict(config);
}

/* --- setters -------------------------------------------------------------- */

static int set_int(anycable_config *config, const char *option, int *slot,
                   int value, int min, int max) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (value < min || value > max)
    return ac_config_refuse(config, option, "%d is not allowed; use %d to %d",
                            value, min, max);
  *slot = value;
  return ANYCABLE_OK;
}

int anycable_config_set_workers(anycable_config *config, int workers) {
  return set_int(config, "workers", config ? &config->workers : NULL, workers,
                 0, AC_MAX_WORKERS);
}

int anycable_config_set_queue(anycable_config *config, int calls) {
  return set_int(config, "queue", config ? &config->queue : NULL, calls, 1,
                 AC_MAX_QUEUE);
}

int anycable_config_set_max_connection_age(anycable_config *config,
                                           int seconds) {
  return set_int(config, "max_connection_age",
                 config ? &config->max_connection_age : NULL, seconds, 0,
                 INT_MAX);
}

int anycable_config_set_version_check(anycable_config *config, bool on) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  config->version_check = on;
  return ANYCABLE_OK;
}

int anycable_config_set_log(anycable_config *config, anycable_log_fn fn,
                            void *ctx) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  config->log.fn = fn;
  config->log.records = NULL;
  config->log.ctx = ctx;
  return ANYCABLE_OK;
}

int anycable_config_set_log_records(anycable_config *config,
                                    anycable_log_record_fn fn, void *ctx) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  config->log.fn = NULL;
  config->log.records = fn;
  config->log.ctx = ctx;
  return ANYCABLE_OK;
}

int anycable_config_set_log_level(anycable_config *config, int level) {
  int rc = set_int(config, "log_level", config ? &config->log.level : NULL,
                   level, ANYCABLE_LOG_FATAL, ANYCABLE_LOG_DEBUG);
  if (rc == ANYCABLE_OK)
    config->debug = false; /* what is said last counts */
  return rc;
}

/* --- addresses ------------------------------------------------------------ */

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/* Copies the next of |*rest|'s addresses to |*out|, without the spaces around
 * it, and goes past its comma; |*rest| is NULL behind the last one. */
static void take_address(const char **rest, char *out) {
  const char *from = *rest;
  size_t len = strcspn(from, ",");
  *rest = from[len] ? from + len + 1 : NULL;
  while (len > 0 && is_space(from[len - 1]))
    len--;
  while (len > 0 && is_space(*from)) {
    from++;
    len--;
  }
  memcpy(out, from, len);
  out[len] = '\0';
}

/* Checks each address, and writes them to |out|, separated by commas alone. */
static int normalize(anycable_config *config, const char *rest, char *out) {
  char reason[512];
  for (char *at = out; rest; at += strlen(at)) {
    if (at != out)
      *at++ = ',';
    take_address(&rest, at);
    if (ac_address_check(at, reason, sizeof(reason)) != 0)
      return ac_config_refuse(config, "rpc_host", "%s", reason);
  }
  return ANYCABLE_OK;
}

int anycable_config_set_rpc_host(anycable_config *config,
                                 const char *addresses) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (!addresses)
    return ac_config_refuse(config, "rpc_host", "NULL is not allowed");
  if (strcmp(addresses, AC_NOWHERE) == 0)
    return ac_config_set_text(config, &config->rpc_host, addresses);
  char *list = malloc(strlen(addresses) + 1);
  if (!list)
    return no_memory(config);
  int rc = normalize(config, addresses, list);
  if (rc == ANYCABLE_OK) {
    free_text(config->rpc_host);
    config->rpc_host = list;
  } else {
    free(list);
  }
  return rc;
}

int anycable_config_add_listen_fd(anycable_config *config, int fd) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (fd < 0)
    return ac_config_refuse(config, "listen_fd",
                            "%d is not allowed; use a socket that listens", fd);
  int *fds = realloc(config->fds, (config->n_fds + 1) * sizeof(*fds));
  if (!fds)
    return no_memory(config);
  config->fds = fds;
  fds[config->n_fds++] = fd;
  return ANYCABLE_OK;
}

/* --- TLS ------------------------------------------------------------------ */

static int refuse_empty_pem(anycable_config *config, const char *option) {
  return ac_config_refuse(config, option,
                          "an empty text is not allowed; use the path of a PEM "
                          "file, or PEM text");
}

int anycable_config_set_rpc_tls(anycable_config *config, const char *cert,
                                const char *key) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (!cert != !key)
    return ac_config_refuse(config, "rpc_tls",
                            "rpc_tls_%s is set and rpc_tls_%s is not; set both "
                            "or neither",
                            cert ? "cert" : "key", cert ? "key" : "cert");
  if (cert && !*cert)
    return refuse_empty_pem(config, "rpc_tls_cert");
  if (key && !*key)
    return refuse_empty_pem(config, "rpc_tls_key");
  char *fresh = NULL;
  int rc = ac_config_set_text(config, &fresh, cert);
  if (rc == ANYCABLE_OK)
    rc = ac_config_set_text(config, &config->tls_key, key);
  if (rc != ANYCABLE_OK) {
    free_text(fresh);
    return rc;
  }
  free_text(config->tls_cert);
  config->tls_cert = fresh;
  return ANYCABLE_OK;
}

int anycable_config_set_rpc_tls_client_ca(anycable_config *config,
                                          const char *ca) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  if (ca && !*ca)
    return refuse_empty_pem(config, "rpc_tls_client_ca");
  return ac_config_set_text(config, &config->tls_client_ca, ca);
}
