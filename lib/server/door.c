/* Doors: opens them, shuts them, and lets connections in, up to a number. */
#include "server/door.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/address.h"
#include "io/listener.h"
#include "rpc/app.h"
#include "server/server.h"

/* --- opening -------------------------------------------------------------- */

static void accepted(void *owner, int fd);

/* Can other machines reach it? */
static bool is_public(const char *address) {
  static const char *const local[] = {"127.", "[::1]", "[::ffff:127.", "unix:"};
  for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
    if (strncmp(address, local[i], strlen(local[i])) == 0)
      return false;
  return true;
}

/* Whoever can call without a key can say what is sent to anybody. */
static bool is_allowed(const anycable_server *server, enum ac_door_kind kind,
                       const char *address) {
  bool serves_calls = kind == AC_DOOR_RPC    ? server->http_on_rpc
                      : kind == AC_DOOR_HTTP ? server->http.mount != NULL
                                             : false;
  if (!serves_calls || server->http.key || !is_public(address) ||
      ac_config_is_on(server->config, ANYCABLE_SETTING_HTTP_RPC_PUBLIC))
    return true;
  ac_app_fail(server->app,
              "http_rpc_mount_path: other machines can reach %s; set a secret, "
              "an http_rpc_secret, or http_rpc_public",
              address);
  return false;
}

/* Takes |listener|. */
static int add(anycable_server *server, enum ac_door_kind kind,
               struct ac_listener *listener, const char *wanted) {
  const char *address = ac_listener_address(listener);
  if (!is_allowed(server, kind, address)) {
    ac_listener_free(listener);
    return ANYCABLE_ERR_INVALID;
  }
  size_t size = strlen(address) + 1;
  size_t wanted_size = strlen(wanted) + 1;
  struct ac_door *door = malloc(sizeof(*door) + size + wanted_size);
  if (!door || !ac_listener_start(listener, server->loop, accepted, door)) {
    free(door);
    ac_listener_free(listener);
    return ANYCABLE_ERR_NOMEM;
  }
  door->server = server;
  door->kind = kind;
  door->listener = listener;
  memcpy(door->address, address, size);
  door->wanted = memcpy(door->address + size, wanted, wanted_size);
  ac_list_append(&server->doors, &door->link);
  return ANYCABLE_OK;
}

int ac_door_adopt(anycable_server *server, enum ac_door_kind kind, int fd) {
  char reason[256];
  struct ac_listener *listener = ac_listener_adopt(fd, reason, sizeof(reason));
  if (listener)
    return add(server, kind, listener, "");
  ac_app_fail(server->app, "%s", reason);
  return ANYCABLE_ERR_IO;
}

/* What was asked for, or what came of it: a port where any was asked for. */
static bool is_same(const struct ac_handed *handed, enum ac_door_kind kind,
                    const char *address) {
  char real[AC_ADDRESS_SIZE];
  ac_address_name(handed->fd, real);
  return handed->kind == kind &&
         (strcmp(handed->wanted, address) == 0 || strcmp(real, address) == 0);
}

/* One that the process before had for the same, or a new one. */
static struct ac_listener *listen_on(const anycable_config *config,
                                     enum ac_door_kind kind,
                                     const char *address, char *reason,
                                     size_t size) {
  for (size_t i = 0; i < config->n_handed; i++)
    if (is_same(&config->handed[i], kind, address))
      return ac_listener_adopt(config->handed[i].fd, reason, size);
  return ac_listener_open(address, reason, size);
}

static const char *option_of(enum ac_door_kind kind) {
  static const char *const options[] = {[AC_DOOR_RPC] = "rpc_host",
                                        [AC_DOOR_HTTP] = "http_host",
                                        [AC_DOOR_HEALTH] = "http_health_port"};
  return options[kind];
}

static int open_one(anycable_server *server, enum ac_door_kind kind,
                    const char *address) {
  char reason[256];
  struct ac_listener *listener =
      listen_on(server->config, kind, address, reason, sizeof(reason));
  if (listener)
    return add(server, kind, listener, address);
  ac_app_fail(server->app, "%s: %s", option_of(kind), reason);
  return ANYCABLE_ERR_IO;
}

int ac_door_open_all(anycable_server *server, enum ac_door_kind kind,
                     const char *addresses) {
  char *copy = strdup(addresses);
  char *rest = NULL;
  bool any = false;
  int error = copy ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
  char *one = copy ? strtok_r(copy, ", ", &rest) : NULL;
  for (; one && !error; one = strtok_r(NULL, ", ", &rest)) {
    any = true;
    error = open_one(server, kind, one);
  }
  free(copy);
  if (error || any)
    return error;
  ac_app_fail(server->app, "%s: there is no address in \"%s\"", option_of(kind),
              addresses);
  return ANYCABLE_ERR_INVALID;
}

/* --- looking -------------------------------------------------------------- */

const struct ac_door *ac_door_at(const anycable_server *server, size_t index) {
  const struct ac_list *l = server->doors.next;
  while (l != &server->doors && index-- > 0)
    l = l->next;
  return l != &server->doors ? ac_container_of(l, struct ac_door, link) : NULL;
}

static const char *serves(const struct ac_door *door) {
  switch (door->kind) {
  case AC_DOOR_HTTP:
    return "HTTP";
  case AC_DOOR_HEALTH:
    return "health and metrics";
  default:
    return door->server->http_on_rpc ? "gRPC and HTTP" : "gRPC";
  }
}

void ac_doors_announce(anycable_server *server, int workers) {
  const struct ac_door *door;
  char how[48] = "";
  for (size_t i = 0; (door = ac_door_at(server, i)); i++) {
    if (door->kind != AC_DOOR_HEALTH)
      snprintf(how, sizeof(how), " (TLS %s, %d workers)",
               server->tls ? "on" : "off", workers);
    else /* there is no TLS, and no call */
      *how = '\0';
    ac_log_write(&server->log, ANYCABLE_LOG_INFO,
                 "libanycable %s serves %s on %s%s", anycable_version(),
                 serves(door), door->address, how);
  }
}

/* --- shutting ------------------------------------------------------------- */

int ac_door_socket(const struct ac_door *door) {
  pthread_mutex_lock(&door->server->mutex);
  int fd = door->listener
               ? fcntl(ac_listener_fd(door->listener), F_DUPFD_CLOEXEC, 0)
               : -1;
  pthread_mutex_unlock(&door->server->mutex);
  return fd;
}

void ac_doors_leave(anycable_server *server) {
  pthread_mutex_lock(&server->mutex);
  for (struct ac_list *l = server->doors.next; l != &server->doors;
       l = l->next) {
    struct ac_door *door = ac_container_of(l, struct ac_door, link);
    if (door->listener)
      ac_listener_leave_file(door->listener);
  }
  pthread_mutex_unlock(&server->mutex);
}

static void close_door(struct ac_door *door) {
  pthread_mutex_lock(&door->server->mutex);
  struct ac_listener *listener = door->listener;
  door->listener = NULL;
  pthread_mutex_unlock(&door->server->mutex);
  ac_listener_free(listener);
}

void ac_doors_close(anycable_server *server, bool all) {
  for (struct ac_list *l = server->doors.next; l != &server->doors;
       l = l->next) {
    struct ac_door *door = ac_container_of(l, struct ac_door, link);
    if (all || door->kind != AC_DOOR_HEALTH)
      close_door(door);
  }
}

void ac_doors_free(anycable_server *server) {
  struct ac_list *link;
  ac_doors_close(server, true);
  while ((link = ac_list_shift(&server->doors)))
    free(ac_container_of(link, struct ac_door, link));
}

/* --- letting in ----------------------------------------------------------- */

/* A line a second, however many come. */
static void refuse(anycable_server *server, int fd) {
  uint64_t now = ac_loop_now(server->loop);
  close(fd);
  server->refused++;
  ac_count(&server->refused_ever, 1);
  if (server->refused_said && now - server->refused_said < AC_SECOND)
    return;
  ac_log_write(&server->log, ANYCABLE_LOG_WARN,
               "connections refused: %zu, as there are %zu", server->refused,
               ac_server_connections(server));
  server->refused = 0;
  server->refused_said = now;
}

/* Where nothing but gRPC is served, nobody need be heard first. */
static bool let_in(struct ac_door *door, int fd, struct ac_tls *tls) {
  static const struct ac_stream_owner nobody = {0};
  anycable_server *server = door->server;
  struct ac_stream *stream = ac_stream_new(server->loop, fd, tls, &nobody);
  if (!stream)
    return false;
  if (door->kind == AC_DOOR_RPC && !server->http_on_rpc)
    return ac_h2_accept(server->h2, stream);
  if (door->kind == AC_DOOR_RPC) {
    ac_stream_offer(stream, AC_STREAM_HTTP1 | AC_STREAM_HTTP2);
    return ac_visitor_receive(server, stream, tls != NULL);
  }
  ac_stream_offer(stream, AC_STREAM_HTTP1);
  return door->kind == AC_DOOR_HTTP
             ? ac_http1_accept(server->http1, stream, &server->http)
             : ac_http1_accept(server->probes1, stream, &server->probes);
}

static void accepted(void *owner, int fd) {
  struct ac_door *door = owner;
  anycable_server *server = door->server;
  size_t most = (size_t)server->config->limits[ANYCABLE_LIMIT_CONNECTIONS];
  size_t there = door->kind == AC_DOOR_HEALTH
                     ? ac_http1_connections(server->probes1)
                     : ac_server_connections(server);
  if (there >= most) {
    refuse(server, fd);
    return;
  }
  struct ac_tls *tls =
      door->kind == AC_DOOR_HEALTH ? NULL : ac_server_tls(server);
  if (!let_in(door, fd, tls))
    ac_log_write(&server->log, ANYCABLE_LOG_ERROR,
                 "a connection was refused: out of memory");
  ac_tls_unref(tls);
}
