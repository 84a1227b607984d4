/* The inside of a server: the parts, wired, and who drives them. */
#ifndef AC_SERVER_SERVER_H
#define AC_SERVER_SERVER_H

#include <anycable/server.h>
#include <pthread.h>
#include <stdatomic.h>

#include "grpc/grpc.h"
#include "h2/h2.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/tls.h"
#include "rpc/rpc.h"
#include "server/config.h"
#include "server/fork.h"
#include "services/health.h"
#include "services/rpc_service.h"

enum ac_driver {
  AC_DRIVER_NONE,
  AC_DRIVER_THREAD, /* anycable_server_start */
  AC_DRIVER_RUN,
  AC_DRIVER_HOST /* anycable_server_dispatch */
};

enum ac_state {
  AC_STATE_STARTING,
  AC_STATE_READY,
  AC_STATE_DRAINING,
  AC_STATE_CLOSING, /* no connection is left, but handlers run */
  AC_STATE_CLOSED
};

enum { AC_SERVER_METHODS = 5 };

struct anycable_server {
  anycable_app *app;
  anycable_config *config;
  struct ac_fork_page *fork_page;
  struct ac_log log;
  struct ac_loop *loop;
  struct ac_listener **listeners;
  size_t n_listeners;
  char **addresses; /* of the listeners, which a stop closes */

  /* The parts, from the wire to the application. */
  struct ac_h2 *h2;
  struct ac_grpc grpc;
  struct ac_grpc_method methods[AC_SERVER_METHODS];
  struct ac_rpc_service service;
  struct ac_health health;
  struct ac_rpc *rpc;
  size_t refused;        /* connections, since that was logged last */
  uint64_t refused_said; /* when it was */

  atomic_int stops;       /* how often a stop was asked for */
  atomic_bool free_asked; /* from inside a handler */

  pthread_mutex_t mutex; /* all below; a leaf, no user code under it */
  pthread_cond_t changed;
  enum ac_driver driver;
  enum ac_state state;
  bool driving; /* a thread is inside start's loop or run */
  bool joinable;
  pthread_t thread;
  struct ac_tls *tls;
  char text[512];
};

/* Wiring; server.c. */
void ac_server_destroy(anycable_server *server);

/* Driving; drive.c. */
void ac_server_accepted(void *server, int fd);
void ac_server_collect(void *server);
void ac_server_settle(void *server);
void ac_server_settled(void *server); /* a connection's turn is over */
int ac_server_fail(anycable_server *server, int error, const char *text);

#endif
