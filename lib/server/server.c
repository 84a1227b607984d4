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
#include "server/broadcasting.h"
#include "server/hosted.h"
#include "server/mounted.h"
#include "services/reflection.h"

enum { ARENA_BLOCK = 4096, ARENAS_KEPT = 2048 };

/* --- the loop, as the parts know it --------------------------------------- */

static uint64_t loop_now(void *loop) {
  return ac_loop_now(loop);
}

static uint64_t loop_clock(void *loop) {
  (void)loop;
  return ac_clock_now();
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

static void reflect(void *owner, struct ac_grpc_call *call, char *message,
                    size_t len) {
  (void)owner;
  ac_reflection_ask(call, message, len);
}

/* What comes most often stands first; what may be switched off, last. */
static const struct ac_grpc_method methods[AC_SERVER_METHODS] = {
    {"/anycable.RPC/Command", command_method, rpc_closed, false},
    {"/anycable.RPC/Connect", connect_method, rpc_closed, false},
    {"/anycable.RPC/Disconnect", disconnect_method, rpc_closed, false},
    {"/grpc.health.v1.Health/Check", health_check, NULL, false},
    {"/grpc.health.v1.Health/Watch", health_watch, health_watch_closed, false},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", reflect, NULL,
     true},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", reflect,
     NULL, true},
};

static size_t n_methods(const anycable_config *config) {
  return ac_config_is_on(config, ANYCABLE_SETTING_RPC_REFLECTION)
             ? AC_SERVER_METHODS
             : AC_SERVER_METHODS - 2;
}

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

/* gRPC first: the first address of a server is where AnyCable calls it. */
static int open_doors(anycable_server *server) {
  const anycable_config *config = server->config;
  const char *http = anycable_config_get(config, ANYCABLE_SETTING_HTTP_HOST);
  const char *health =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_HEALTH_PORT);
  const char *rpc = config->rpc_host;
  char address[16];
  int error = ANYCABLE_OK;
  for (size_t i = 0; i < config->n_fds && !error; i++)
    error = ac_door_adopt(server, AC_DOOR_RPC, config->fds[i]);
  if (!rpc && config->n_fds == 0)
    rpc = AC_DEFAULT_RPC_HOST;
  if (!error && rpc && strcmp(rpc, AC_NOWHERE) != 0)
    error = ac_door_open_all(server, AC_DOOR_RPC, rpc);
  if (!error && http)
    error = ac_door_open_all(server, AC_DOOR_HTTP, http);
  if (!error && health) {
    snprintf(address, sizeof(address), ":%s", health);
    error = ac_door_open_all(server, AC_DOOR_HEALTH, address);
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

static int add_broadcasters(anycable_server *server) {
  char reason[512];
  int error =
      ac_broadcasting_add(server->app, server->config, reason, sizeof(reason));
  if (error)
    ac_app_fail(server->app, "%s", reason);
  return error;
}

/* --- HTTP ----------------------------------------------------------------- */

static bool is_ready(void *owner) {
  anycable_server *server = owner;
  return server->health.serving;
}

static void wire_http_service(anycable_server *server) {
  const anycable_config *config = server->config;
  server->probes = (struct ac_http_service){
      .health = anycable_config_get(config, ANYCABLE_SETTING_HTTP_HEALTH_PATH),
      .metrics =
          anycable_config_get(config, ANYCABLE_SETTING_HTTP_METRICS_PATH),
      .limits = {size(config, ANYCABLE_LIMIT_ELEMENTS),
                 u32(config, ANYCABLE_LIMIT_JSON_DEPTH)},
      .call_time = ms(config, ANYCABLE_LIMIT_CALL_TIME),
      .rpc = server->rpc,
      .runtime = server->grpc.runtime,
      .owner = server,
      .is_ready = is_ready,
      .figures = ac_server_figures,
  };
  server->http = server->probes;
  server->http.mount =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH);
  server->http.key =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_RPC_SECRET);
  server->http_on_rpc =
      server->http.mount &&
      !anycable_config_get(config, ANYCABLE_SETTING_HTTP_HOST);
}

static struct ac_http1 *new_http1(const anycable_server *server) {
  const anycable_config *config = server->config;
  const struct ac_http1_config http1 = {
      .limits = {size(config, ANYCABLE_LIMIT_HEADERS),
                 size(config, ANYCABLE_LIMIT_HEADER_COUNT),
                 size(config, ANYCABLE_LIMIT_MESSAGE)},
      .arena_cap = size(config, ANYCABLE_LIMIT_CALL_MEMORY),
      .handshake_time = ms(config, ANYCABLE_LIMIT_HANDSHAKE_TIME),
      .request_time = ms(config, ANYCABLE_LIMIT_REQUEST_TIME),
      .send_time = ms(config, ANYCABLE_LIMIT_SEND_TIME),
      .idle_time = ms(config, ANYCABLE_LIMIT_IDLE_TIME),
      .chatter_level = server->grpc.chatter_level,
  };
  return ac_http1_new(&http1, server->grpc.arenas, &server->grpc.runtime,
                      &server->log);
}

static bool wire_http(anycable_server *server) {
  const anycable_config *config = server->config;
  bool http = server->http_on_rpc ||
              anycable_config_get(config, ANYCABLE_SETTING_HTTP_HOST);
  bool probes = anycable_config_get(config, ANYCABLE_SETTING_HTTP_HEALTH_PORT);
  if (http)
    server->http1 = new_http1(server);
  if (probes)
    server->probes1 = new_http1(server);
  return !http == !server->http1 && !probes == !server->probes1;
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
  const struct ac_runtime runtime = {server->loop,     loop_now,
                                     loop_clock,       loop_timer_set,
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
      .n_methods = n_methods(config),
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
  if (!server->rpc || !server->grpc.arenas)
    return ANYCABLE_ERR_NOMEM;
  wire_http_service(server);
  if (!wire_http(server))
    return ANYCABLE_ERR_NOMEM;
  server->h2 =
      server->http_on_rpc
          ? ac_h2_new(&h2, &ac_mounted_handler, server, &runtime, &server->log)
          : ac_h2_new(&h2, &ac_grpc_handler, &server->grpc, &runtime,
                      &server->log);
  return server->h2 ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
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
  ac_list_init(&server->doors);
  ac_list_init(&server->visitors);
  ac_list_init(&server->hosted);
  ac_list_init(&server->inbox);
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
  size_t broadcasters = app->n_broadcasters;
  error = wire(server);
  if (!error)
    error = add_broadcasters(server);
  if (!error)
    error = open_tls(server);
  if (!error)
    error = open_doors(server);
  if (error) {
    if (error == ANYCABLE_ERR_NOMEM)
      ac_app_fail(app, "out of memory");
    ac_app_keep_broadcasters(app, broadcasters); /* the next try's are others */
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
  ac_doors_free(server);
  ac_visitors_free(server);
  ac_hosted_give_up(server);
  ac_http1_free(server->http1);
  ac_http1_free(server->probes1);
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
  const struct ac_door *door = server ? ac_door_at(server, index) : NULL;
  return door ? door->address : NULL;
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

struct ac_tls *ac_server_tls(anycable_server *server) {
  pthread_mutex_lock(&server->mutex);
  struct ac_tls *tls = server->tls ? ac_tls_ref(server->tls) : NULL;
  pthread_mutex_unlock(&server->mutex);
  return tls;
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
