/* Makes a server out of its parts, and takes it apart. */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/errors.h"
#include "rpc/app.h"

enum { ARENA_BLOCK = 4096, ARENAS_KEPT = 2048 };

/* --- the loop, as the parts know it --------------------------------------- */

static uint64_t loop_now(void *loop) {
  return ac_loop_now(loop);
}

static int loop_timer_set(void *loop, struct ac_timer *timer, uint64_t at) {
  return ac_loop_timer_set(loop, timer, at);
}

static void loop_timer_clear(void *loop, struct ac_timer *timer) {
  ac_loop_timer_clear(loop, timer);
}

static void loop_wake(void *loop) {
  ac_loop_wake(loop);
}

/* --- the methods --------------------------------------------------------- */

static void connect_method(void *owner, struct ac_grpc_call *call,
                           char *message, size_t len) {
  anycable_server *server = owner;
  ac_rpc_service_connect(&server->service, call, message, len);
}

static void command_method(void *owner, struct ac_grpc_call *call,
                           char *message, size_t len) {
  anycable_server *server = owner;
  ac_rpc_service_command(&server->service, call, message, len);
}

static void disconnect_method(void *owner, struct ac_grpc_call *call,
                              char *message, size_t len) {
  anycable_server *server = owner;
  ac_rpc_service_disconnect(&server->service, call, message, len);
}

static void rpc_closed(void *owner, struct ac_grpc_call *call) {
  (void)owner;
  ac_rpc_service_closed(call);
}

static void health_check(void *owner, struct ac_grpc_call *call, char *message,
                         size_t len) {
  anycable_server *server = owner;
  ac_health_check(&server->health, call, message, len);
}

static void health_watch(void *owner, struct ac_grpc_call *call, char *message,
                         size_t len) {
  anycable_server *server = owner;
  ac_health_watch(&server->health, call, message, len);
}

static void health_watch_closed(void *owner, struct ac_grpc_call *call) {
  (void)owner;
  ac_health_watch_closed(call);
}

/* What comes most often stands first. */
static const struct ac_grpc_method methods[AC_SERVER_METHODS] = {
    {"/anycable.RPC/Command", command_method, rpc_closed},
    {"/anycable.RPC/Connect", connect_method, rpc_closed},
    {"/anycable.RPC/Disconnect", disconnect_method, rpc_closed},
    {"/grpc.health.v1.Health/Check", health_check, NULL},
    {"/grpc.health.v1.Health/Watch", health_watch, health_watch_closed},
};

/* --- limits -------------------------------------------------------------- */

static uint64_t ms(const anycable_config *config, int limit) {
  return (uint64_t)config->limits[limit] * AC_MS;
}

static uint32_t u32(const anycable_config *config, int limit) {
  return (uint32_t)config->limits[limit];
}

static size_t size(const anycable_config *config, int limit) {
  return (size_t)config->limits[limit];
}

static struct ac_h2_config h2_config(const anycable_config *config) {
  return (struct ac_h2_config){
      .header_bytes = size(config, ANYCABLE_LIMIT_HEADERS),
      .header_count = size(config, ANYCABLE_LIMIT_HEADER_COUNT),
      .streams = u32(config, ANYCABLE_LIMIT_STREAMS),
      .handshake_time = ms(config, ANYCABLE_LIMIT_HANDSHAKE_TIME),
      .request_time = ms(config, ANYCABLE_LIMIT_REQUEST_TIME),
      .send_time = ms(config, ANYCABLE_LIMIT_SEND_TIME),
      .idle_time = ms(config, ANYCABLE_LIMIT_IDLE_TIME),
      .age = (uint64_t)config->max_connection_age * AC_SECOND,
      .age_grace = ms(config, ANYCABLE_LIMIT_AGE_GRACE),
      .keepalive_time = ms(config, ANYCABLE_LIMIT_KEEPALIVE_TIME),
      .keepalive_timeout = ms(config, ANYCABLE_LIMIT_KEEPALIVE_TIMEOUT),
      .ping_interval = ms(config, ANYCABLE_LIMIT_PING_INTERVAL),
      .ping_strikes = u32(config, ANYCABLE_LIMIT_PING_STRIKES),
      .pings_rate = u32(config, ANYCABLE_LIMIT_PINGS_RATE),
      .settings_rate = u32(config, ANYCABLE_LIMIT_SETTINGS_RATE),
      .resets = u32(config, ANYCABLE_LIMIT_RESETS),
      .resets_rate = u32(config, ANYCABLE_LIMIT_RESETS_RATE),
      .glitches = u32(config, ANYCABLE_LIMIT_GLITCHES),
      .glitches_rate = u32(config, ANYCABLE_LIMIT_GLITCHES_RATE),
      .empty_frames = u32(config, ANYCABLE_LIMIT_EMPTY_FRAMES),
      .chatter_level =
          config->log_grpc ? ANYCABLE_LOG_INFO : ANYCABLE_LOG_DEBUG,
  };
}

/* --- making -------------------------------------------------------------- */

static bool add_listener(anycable_server *server,
                         struct ac_listener *listener) {
  size_t n = server->n_listeners;
  struct ac_listener **listeners =
      realloc(server->listeners, (n + 1) * sizeof(*listeners));
  if (listeners)
    server->listeners = listeners;
  char **addresses = realloc(server->addresses, (n + 1) * sizeof(*addresses));
  if (addresses)
    server->addresses = addresses;
  char *address = strdup(ac_listener_address(listener));
  if (!listeners || !addresses || !address ||
      !ac_listener_start(listener, server->loop, ac_server_accepted, server)) {
    free(address);
    ac_listener_free(listener);
    return false;
  }
  listeners[n] = listener;
  addresses[n] = address;
  server->n_listeners++;
  return true;
}

static int listen_on(anycable_server *server, char *addresses) {
  char reason[256];
  char *rest = NULL;
  for (char *one = strtok_r(addresses, ", ", &rest); one;
       one = strtok_r(NULL, ", ", &rest)) {
    struct ac_listener *listener =
        ac_listener_open(one, reason, sizeof(reason));
    if (!listener) {
      ac_app_fail(server->app, "%s", reason);
      return ANYCABLE_ERR_IO;
    }
    if (!add_listener(server, listener))
      return ANYCABLE_ERR_NOMEM;
  }
  return ANYCABLE_OK;
}

static int open_listeners(anycable_server *server) {
  const anycable_config *config = server->config;
  char reason[256];
  for (size_t i = 0; i < config->n_fds; i++) {
    struct ac_listener *listener =
        ac_listener_adopt(config->fds[i], reason, sizeof(reason));
    if (!listener) {
      ac_app_fail(server->app, "%s", reason);
      return ANYCABLE_ERR_IO;
    }
    if (!add_listener(server, listener))
      return ANYCABLE_ERR_NOMEM;
  }
  if (!config->rpc_host && config->n_fds > 0)
    return ANYCABLE_OK;
  char *addresses =
      strdup(config->rpc_host ? config->rpc_host : AC_DEFAULT_RPC_HOST);
  int error = addresses ? listen_on(server, addresses) : ANYCABLE_ERR_NOMEM;
  free(addresses);
  if (!error && server->n_listeners == 0) {
    ac_app_fail(server->app, "rpc_host: there is no address in \"%s\"",
                config->rpc_host);
    return ANYCABLE_ERR_INVALID;
  }
  return error;
}

static int open_tls(anycable_server *server) {
  const anycable_config *config = server->config;
  char reason[384];
  if (!config->tls_cert)
    return ANYCABLE_OK;
  server->tls = ac_tls_new(config->tls_cert, config->tls_key,
                           config->tls_client_ca, reason, sizeof(reason));
  if (server->tls)
    return ANYCABLE_OK;
  ac_app_fail(server->app, "%s", reason);
  return ANYCABLE_ERR_TLS;
}

/* From the application's side to the wire's. */
static int wire(anycable_server *server) {
  const anycable_config *config = server->config;
  const struct ac_loop_hooks hooks = {server, ac_server_collect,
                                      ac_server_settle};
  server->fork_page = ac_fork_page_new();
  server->loop = ac_loop_new(&hooks);
  if (!server->loop || !server->fork_page) {
    ac_app_fail(server->app, "the event loop: %s", ac_errno_text(errno));
    return ANYCABLE_ERR_IO;
  }
  const struct ac_runtime runtime = {server->loop, loop_now, loop_timer_set,
                                     loop_timer_clear, loop_wake};
  const struct ac_rpc_config rpc_config = {
      .workers = config->workers,
      .queue = (size_t)config->queue,
      .deferred = size(config, ANYCABLE_LIMIT_DEFERRED),
      .reply_max = size(config, ANYCABLE_LIMIT_REPLY),
      .json_depth = u32(config, ANYCABLE_LIMIT_JSON_DEPTH),
      .version_check = config->version_check,
  };
  server->rpc = ac_rpc_new(server->app, &rpc_config, &runtime, &server->log);
  server->service.rpc = server->rpc;
  server->service.limits =
      (struct ac_wire_limits){size(config, ANYCABLE_LIMIT_ELEMENTS),
                              size(config, ANYCABLE_LIMIT_UNKNOWN_FIELDS),
                              size(config, ANYCABLE_LIMIT_SINGULAR_REPEATS)};
  ac_health_init(&server->health);
  memcpy(server->methods, methods, sizeof(methods));
  const struct ac_h2_config h2 = h2_config(config);
  server->grpc = (struct ac_grpc){
      .config = {size(config, ANYCABLE_LIMIT_MESSAGE),
                 ms(config, ANYCABLE_LIMIT_CALL_TIME),
                 size(config, ANYCABLE_LIMIT_CALL_MEMORY)},
      .methods = server->methods,
      .n_methods = AC_SERVER_METHODS,
      .owner = server,
      .settled = ac_server_settled,
      .arenas = ac_arena_pool_new(ARENA_BLOCK, ARENAS_KEPT),
      .runtime = runtime,
      .log = server->log,
      .chatter_level = h2.chatter_level,
  };
  if (server->grpc.arenas)
    ac_arena_pool_limit(server->grpc.arenas,
                        size(config, ANYCABLE_LIMIT_MEMORY));
  server->h2 =
      ac_h2_new(&h2, &ac_grpc_handler, &server->grpc, &runtime, &server->log);
  return server->rpc && server->grpc.arenas && server->h2 ? ANYCABLE_OK
                                                          : ANYCABLE_ERR_NOMEM;
}

static int check(anycable_app *app, const anycable_config *config) {
  int error = ac_app_check(app);
  if (error)
    return error;
  if (!config) { /* perhaps there was no memory for it: no default is safe */
    ac_app_fail(app, "there is no config");
    return ANYCABLE_ERR_INVALID;
  }
  const char *conflict = ac_config_conflict(config);
  if (!config->error && !conflict)
    return ANYCABLE_OK;
  ac_app_fail(app, "%s", config->error ? config->text : conflict);
  return config->error ? config->error : ANYCABLE_ERR_INVALID;
}

static anycable_server *allocate(anycable_app *app,
                                 const anycable_config *config) {
  anycable_server *server = calloc(1, sizeof(*server));
  if (!server)
    return NULL;
  server->app = app;
  ac_app_ref(app);
  pthread_mutex_init(&server->mutex, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&server->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  server->config = ac_config_copy(config);
  if (!server->config) {
    ac_server_destroy(server);
    return NULL;
  }
  server->log = server->config->log;
  return server;
}

int anycable_server_new(anycable_server **out, anycable_app *app,
                        const anycable_config *config) {
  if (!out)
    return ANYCABLE_ERR_INVALID;
  *out = NULL;
  int error = check(app, config);
  if (error)
    return error;
  anycable_server *server = allocate(app, config);
  if (!server) {
    ac_app_fail(app, "out of memory");
    return ANYCABLE_ERR_NOMEM;
  }
  error = wire(server);
  if (!error)
    error = open_tls(server);
  if (!error)
    error = open_listeners(server);
  if (error) {
    if (error == ANYCABLE_ERR_NOMEM)
      ac_app_fail(app, "out of memory");
    ac_server_destroy(server);
    return error;
  }
  ac_app_seal(app);
  ac_loop_wake(server->loop); /* a host's first dispatch opens the doors */
  *out = server;
  return ANYCABLE_OK;
}

/* Nobody drives it any more. Connections end first, which lets go of their
 * calls; then handlers are waited for; the loop is needed until then. */
void ac_server_destroy(anycable_server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    ac_listener_free(server->listeners[i]);
    free(server->addresses[i]);
  }
  free(server->listeners);
  free(server->addresses);
  ac_h2_free(server->h2);
  ac_rpc_free(server->rpc);
  ac_arena_pool_release(server->grpc.arenas);
  ac_loop_free(server->loop);
  ac_tls_unref(server->tls);
  ac_fork_page_free(server->fork_page);
  anycable_config_free(server->config);
  pthread_cond_destroy(&server->changed);
  pthread_mutex_destroy(&server->mutex);
  ac_app_unref(server->app);
  free(server);
}

/* --- small things -------------------------------------------------------- */

const char *anycable_server_address(const anycable_server *server,
                                    size_t index) {
  return server && index < server->n_listeners ? server->addresses[index]
                                               : NULL;
}

int anycable_server_fd(const anycable_server *server) {
  return server ? ac_loop_fd(server->loop) : -1;
}

int ac_server_fail(anycable_server *server, int error, const char *text) {
  pthread_mutex_lock(&server->mutex);
  snprintf(server->text, sizeof(server->text), "%s", text);
  pthread_mutex_unlock(&server->mutex);
  return error;
}

const char *anycable_server_error(const anycable_server *server) {
  return server ? server->text : "there is no server";
}

int anycable_server_reload_tls(anycable_server *server, const char *cert,
                               const char *key) {
  char reason[384];
  if (!server)
    return ANYCABLE_ERR_INVALID;
  const anycable_config *config = server->config;
  if (!config->tls_cert)
    return ac_server_fail(server, ANYCABLE_ERR_STATE, "TLS is not switched on");
  if (!cert != !key)
    return ac_server_fail(server, ANYCABLE_ERR_INVALID,
                          "a certificate needs its key, and a key its "
                          "certificate");
  struct ac_tls *fresh =
      ac_tls_new(cert ? cert : config->tls_cert, key ? key : config->tls_key,
                 config->tls_client_ca, reason, sizeof(reason));
  if (!fresh)
    return ac_server_fail(server, ANYCABLE_ERR_TLS, reason);
  if (ac_tls_expired(fresh)) { /* the old one can only be better */
    ac_tls_unref(fresh);
    return ac_server_fail(server, ANYCABLE_ERR_TLS,
                          "the certificate has expired");
  }
  pthread_mutex_lock(&server->mutex);
  struct ac_tls *old = server->tls;
  server->tls = fresh;
  pthread_mutex_unlock(&server->mutex);
  ac_tls_unref(old);
  return ANYCABLE_OK;
}
