/* The adapters "redis" and "redisx": one publisher, with two commands.
 *
 * PUBLISH reaches who listens at that moment: what may or may not have arrived
 * is UNKNOWN, and not sent again. XADD is kept until it is read: it is sent
 * again until it is acknowledged, and comes twice where only the answer was
 * lost. */
#include "broadcast/redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "broadcast/redis_pipeline.h"
#include "broadcast/redis_sentinel.h"
#include "io/tls.h"

enum {
  /* With sentinels, a master that hangs must not keep us from asking again, so
   * that a new one is found within 2 s. */
  MASTER_CONNECT_MS = 1000,
  /* How long to wait until they are asked again, and by chance longer. */
  SEARCH_MS = 200,
  SEARCH_CHANCE_MS = 200,
  /* How long a master is taken for one without asking. */
  TRUST_MS = 500,
  /* How long one that refuses messages is left alone. */
  REFUSED_MS = 1500
};

struct publisher {
  struct ac_redis_url url;
  struct ac_redis_sentinels sentinels;
  struct ac_tls *tls; /* NULL: not needed */
  struct ac_redis_command command;
  struct ac_redis_pipeline pipeline;
  struct ac_redis_connection *connection; /* NULL: none */
  struct ac_redis_address master;         /* whose it is, with sentinels */
  uint64_t connect_ms;
  uint64_t checked; /* when the connection was found good last */
  bool searching;   /* a failure was reported, and nothing was sent since */
};

/* --- settings ------------------------------------------------------------- */

static int refuse(char *reason, size_t size, int error, const char *format, ...)
    ANYCABLE_PRINTF(4, 5);

static int refuse(char *reason, size_t size, int error, const char *format,
                  ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(reason, size, format, args);
  va_end(args);
  return error;
}

static int read_url(struct publisher *publisher, const anycable_config *config,
                    char *reason, size_t size) {
  char why[256];
  const char *text = anycable_config_get(config, ANYCABLE_SETTING_REDIS_URL);
  int error = ac_redis_url_parse(&publisher->url, text, why, sizeof(why));
  return error ? refuse(reason, size, error, "redis_url: %s", why)
               : ANYCABLE_OK;
}

static int read_sentinels(struct publisher *publisher,
                          const anycable_config *config, char *reason,
                          size_t size) {
  char why[256];
  const char *list =
      anycable_config_get(config, ANYCABLE_SETTING_REDIS_SENTINELS);
  int error =
      ac_redis_sentinels_init(&publisher->sentinels, list, why, sizeof(why));
  if (error)
    return refuse(reason, size, error, "redis_sentinels: %s", why);
  if (list && publisher->url.path)
    return refuse(reason, size, ANYCABLE_ERR_INVALID,
                  "redis_url: with redis_sentinels it is redis://, and its "
                  "host the master's name");
  return ANYCABLE_OK;
}

static bool needs_tls(const struct publisher *publisher) {
  for (size_t i = 0; i < publisher->sentinels.count; i++) {
    if (publisher->sentinels.urls[i].tls)
      return true;
  }
  return publisher->url.tls;
}

static struct ac_tls_pem pem(const anycable_config *config, const char *name,
                             int setting) {
  const struct ac_tls_pem it = {name, anycable_config_get(config, setting)};
  return it;
}

static int read_tls(struct publisher *publisher, const anycable_config *config,
                    char *reason, size_t size) {
  const char *verify =
      anycable_config_get(config, ANYCABLE_SETTING_REDIS_TLS_VERIFY);
  const struct ac_tls_client client = {
      .cert = pem(config, "redis_tls_client_cert_path",
                  ANYCABLE_SETTING_REDIS_TLS_CLIENT_CERT_PATH),
      .key = pem(config, "redis_tls_client_key_path",
                 ANYCABLE_SETTING_REDIS_TLS_CLIENT_KEY_PATH),
      .ca = pem(config, "redis_tls_ca_cert_path",
                ANYCABLE_SETTING_REDIS_TLS_CA_CERT_PATH),
      .verify = !verify || strcmp(verify, "false") != 0,
  };
  if (!needs_tls(publisher))
    return ANYCABLE_OK;
  publisher->tls = ac_tls_new_client(&client, reason, size);
  return publisher->tls ? ANYCABLE_OK : ANYCABLE_ERR_TLS;
}

static int no_memory(char *reason, size_t size) {
  return refuse(reason, size, ANYCABLE_ERR_NOMEM, "out of memory");
}

/* --- life ----------------------------------------------------------------- */

static void destroy(void *arg) {
  struct publisher *publisher = arg;
  if (!publisher)
    return;
  ac_redis_connection_free(publisher->connection);
  ac_redis_command_deinit(&publisher->command);
  ac_redis_sentinels_deinit(&publisher->sentinels);
  ac_redis_url_deinit(&publisher->url);
  ac_tls_unref(publisher->tls);
  free(publisher);
}

static int read_config(struct publisher *publisher,
                       const anycable_config *config, char *reason,
                       size_t size) {
  struct ac_redis_pipeline *pipeline = &publisher->pipeline;
  publisher->connect_ms = (uint64_t)anycable_config_limit(
      config, ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME);
  pipeline->command = &publisher->command;
  pipeline->patience =
      (uint64_t)anycable_config_limit(config, ANYCABLE_LIMIT_BROADCAST_TIME) *
      AC_MS;
  int error = read_url(publisher, config, reason, size);
  if (!error)
    error = read_sentinels(publisher, config, reason, size);
  if (!error)
    error = read_tls(publisher, config, reason, size);
  return error;
}

/* Makes a publisher that sends |words|. */
static int create(struct publisher **out, const anycable_config *config,
                  int count, const char **words, char *reason, size_t size) {
  struct publisher *publisher = calloc(1, sizeof(*publisher));
  if (!publisher)
    return no_memory(reason, size);
  int error = read_config(publisher, config, reason, size);
  if (!error && !ac_redis_command_init(&publisher->command, count, words))
    error = no_memory(reason, size);
  if (error) {
    destroy(publisher);
    return error;
  }
  *out = publisher;
  return ANYCABLE_OK;
}

static int create_redis(void **out, const anycable_config *config, void *ctx,
                        char *reason, size_t size) {
  const char *channel =
      anycable_config_get(config, ANYCABLE_SETTING_REDIS_CHANNEL);
  const char *words[] = {"PUBLISH", channel};
  struct publisher *publisher;
  int error = create(&publisher, config, 2, words, reason, size);
  (void)ctx;
  if (error)
    return error;
  publisher->pipeline.success = AC_REDIS_INTEGER;
  *out = publisher;
  return ANYCABLE_OK;
}

/* The stream is cut, or without a consumer it would fill Redis. */
static int create_redisx(void **out, const anycable_config *config, void *ctx,
                         char *reason, size_t size) {
  const char *stream =
      anycable_config_get(config, ANYCABLE_SETTING_REDIS_CHANNEL);
  char kept[24];
  const char *words[] = {"XADD", stream, "MAXLEN", "~", kept, "*", "payload"};
  struct publisher *publisher;
  snprintf(
      kept, sizeof(kept), "%lld",
      (long long)anycable_config_limit(config, ANYCABLE_LIMIT_REDIS_STREAM));
  int error = create(&publisher, config, 7, words, reason, size);
  (void)ctx;
  if (error)
    return error;
  publisher->pipeline.success = AC_REDIS_STRING;
  publisher->pipeline.again = true;
  *out = publisher;
  return ANYCABLE_OK;
}

/* --- connecting ----------------------------------------------------------- */

static void disconnect(struct publisher *publisher) {
  ac_redis_connection_free(publisher->connection);
  publisher->connection = NULL;
}

static struct ac_wait wait_for(uint64_t ms, anycable_outbox *outbox) {
  struct ac_wait wait = {ac_clock_now() + ms * AC_MS,
                         anycable_outbox_fd(outbox)};
  return wait;
}

static bool has_sentinels(const struct publisher *publisher) {
  return publisher->sentinels.count > 0;
}

/* Opens a connection that can be worked with; false with the reason. */
static bool open_connection(struct publisher *publisher,
                            const struct ac_redis_url *url,
                            const struct ac_wait *wait, char *reason,
                            size_t size) {
  struct ac_redis_connection *connection = ac_redis_connection_open(
      "redis", url, publisher->tls, wait, reason, size);
  if (!connection)
    return false;
  if ((has_sentinels(publisher) &&
       !ac_redis_connection_is_master(connection, wait, reason, size)) ||
      !ac_redis_connection_answers(connection, wait, reason, size)) {
    ac_redis_connection_free(connection);
    return false;
  }
  publisher->connection = connection;
  publisher->checked = ac_clock_now();
  return true;
}

/* Asks where the master is, and connects to it. */
static bool find_master(struct publisher *publisher, anycable_outbox *outbox,
                        char *reason, size_t size) {
  struct ac_redis_address *address = &publisher->master;
  struct ac_redis_url master = publisher->url;
  struct ac_wait wait = wait_for(publisher->connect_ms, outbox);
  if (!ac_redis_sentinels_ask(&publisher->sentinels, publisher->url.host,
                              publisher->tls, &wait, address, reason, size))
    return false;
  master.host = address->host;
  master.port = address->port;
  wait =
      wait_for(publisher->connect_ms < MASTER_CONNECT_MS ? publisher->connect_ms
                                                         : MASTER_CONNECT_MS,
               outbox);
  if (open_connection(publisher, &master, &wait, reason, size))
    return true;
  ac_redis_sentinels_doubt(&publisher->sentinels);
  return false;
}

/* Does a sentinel name another master than the one that we have, or had? Only
 * one is asked, as publishing waits for it. */
static bool was_replaced(struct publisher *publisher,
                         const struct ac_wait *wait) {
  char reason[AC_REDIS_REASON_SIZE];
  struct ac_redis_address now;
  const struct ac_redis_address *then = &publisher->master;
  return ac_redis_sentinels_ask_one(&publisher->sentinels, publisher->url.host,
                                    publisher->tls, wait, &now, reason,
                                    sizeof(reason)) &&
         (now.port != then->port || strcmp(now.host, then->host) != 0);
}

/* Is the master that we have still the one? A new one may have been made while
 * the old one lives, and takes messages that will be lost; or it has become a
 * replica, where PUBLISH succeeds, and reaches nobody. */
static bool still_master(struct publisher *publisher, anycable_outbox *outbox) {
  char reason[AC_REDIS_REASON_SIZE];
  const struct ac_wait wait = wait_for(MASTER_CONNECT_MS, outbox);
  bool is_one = !was_replaced(publisher, &wait) &&
                ac_redis_connection_is_master(publisher->connection, &wait,
                                              reason, sizeof(reason));
  publisher->checked = ac_clock_now();
  return is_one;
}

/* Is what we have still good? An idle connection may have been closed: then no
 * message need be risked on it. */
static bool still_good(struct publisher *publisher, anycable_outbox *outbox) {
  if (!publisher->connection ||
      !ac_redis_connection_alive(publisher->connection))
    return false;
  return !has_sentinels(publisher) ||
         ac_clock_now() - publisher->checked < TRUST_MS * AC_MS ||
         still_master(publisher, outbox);
}

/* Sees to a connection; false with the reason. */
static bool connect_to_redis(struct publisher *publisher,
                             anycable_outbox *outbox, char *reason,
                             size_t size) {
  if (still_good(publisher, outbox))
    return true;
  disconnect(publisher);
  const struct ac_wait wait = wait_for(publisher->connect_ms, outbox);
  bool connected =
      has_sentinels(publisher)
          ? find_master(publisher, outbox, reason, size)
          : open_connection(publisher, &publisher->url, &wait, reason, size);
  if (connected)
    anycable_outbox_log(outbox, ANYCABLE_LOG_INFO, "connected to %s%s",
                        publisher->connection->name,
                        has_sentinels(publisher) ? ", the master" : "");
  return connected;
}

/* --- publishing ----------------------------------------------------------- */

/* Waits a little before the sentinels are asked again. The clock's low digits
 * are chance enough to keep many processes from asking all at once. */
static bool pause_search(anycable_outbox *outbox) {
  uint64_t chance = ac_clock_now() / 1000 % SEARCH_CHANCE_MS;
  return anycable_outbox_pause(outbox, SEARCH_MS + (int64_t)chance);
}

static int fail(struct publisher *publisher, anycable_outbox *outbox, int error,
                const char *reason) {
  disconnect(publisher);
  publisher->searching = true;
  return anycable_outbox_fail(outbox, error, "%s", reason);
}

/* A master that is one, and refuses messages all the same, as it has lost its
 * replicas, is tried again after a while, or its successor at once. False if
 * publish is to return. */
static bool rest(struct publisher *publisher, anycable_outbox *outbox) {
  uint64_t until = ac_clock_now();
  if (publisher->pipeline.closing)
    until += REFUSED_MS * AC_MS;
  while (pause_search(outbox)) {
    const struct ac_wait wait = wait_for(MASTER_CONNECT_MS, outbox);
    if (ac_clock_now() >= until || was_replaced(publisher, &wait))
      return true;
  }
  return false;
}

/* Connects. With sentinels, a failure is reported once; then it goes on here
 * until there is a master, as the broadcaster would wait longer and longer.
 * ANYCABLE_ERR_CANCELLED if publish is to return. */
static int reach(struct publisher *publisher, anycable_outbox *outbox) {
  char reason[AC_REDIS_REASON_SIZE];
  for (;;) {
    bool reported = publisher->searching;
    if (connect_to_redis(publisher, outbox, reason, sizeof(reason)))
      return ANYCABLE_OK;
    if (!anycable_outbox_pause(outbox, 0))
      return ANYCABLE_ERR_CANCELLED;
    int error = fail(publisher, outbox, ANYCABLE_ERR_UNAVAILABLE, reason);
    if (!has_sentinels(publisher) || !reported)
      return error;
    anycable_outbox_log(outbox, ANYCABLE_LOG_DEBUG, "%s", reason);
    if (!pause_search(outbox))
      return ANYCABLE_ERR_CANCELLED;
  }
}

/* The connection is lost, and what the sentinels say may be old. */
static int lose(struct publisher *publisher, anycable_outbox *outbox, int error,
                const char *reason) {
  if (has_sentinels(publisher))
    ac_redis_sentinels_doubt(&publisher->sentinels);
  return fail(publisher, outbox, error, reason);
}

/* As in reach(), with sentinels only the first failure is returned. */
static int publish(void *arg, anycable_outbox *outbox) {
  struct publisher *publisher = arg;
  struct ac_redis_pipeline *pipeline = &publisher->pipeline;
  char reason[AC_REDIS_REASON_SIZE];
  int error;
  ac_redis_pipeline_begin(pipeline);
  while (!(error = reach(publisher, outbox))) {
    bool reported = publisher->searching;
    error = ac_redis_pipeline_run(pipeline, publisher->connection, outbox,
                                  reason, sizeof(reason));
    if (error)
      lose(publisher, outbox, error, reason);
    else
      publisher->searching = false;
    if (!error || !has_sentinels(publisher) || !reported)
      return error;
    if (!rest(publisher, outbox))
      return ANYCABLE_ERR_CANCELLED;
  }
  return error;
}

/* --- the tables ----------------------------------------------------------- */

const anycable_adapter *ac_redis_adapter(void) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "redis",
                                           .create = create_redis,
                                           .publish = publish,
                                           .destroy = destroy};
  return &adapter;
}

const anycable_adapter *ac_redisx_adapter(void) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "redisx",
                                           .create = create_redisx,
                                           .publish = publish,
                                           .destroy = destroy};
  return &adapter;
}
