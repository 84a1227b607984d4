/* The inside of a server: the parts, wired, and who drives them. */
#ifndef AC_SERVER_SERVER_H
#define AC_SERVER_SERVER_H

#include <anycable/server.h>
#include <pthread.h>
#include <stdatomic.h>

#include "grpc/grpc.h"
#include "h2/h2.h"
#include "http/connection.h"
#include "http/service.h"
#include "io/loop.h"
#include "io/tls.h"
#include "rpc/rpc.h"
#include "server/config.h"
#include "server/door.h"
#include "base/fork.h"
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

enum { AC_SERVER_METHODS = 7 };

struct anycable_server {
  anycable_app *app;
  anycable_config *config;
  struct ac_fork_page *fork_page;
  struct ac_log log;
  struct ac_loop *loop;
  struct ac_list doors;

  /* The parts, from the wire to the application. */
  struct ac_h2 *h2;
  struct ac_grpc grpc;
  struct ac_grpc_method methods[AC_SERVER_METHODS];
  struct ac_rpc_service service;
  struct ac_health health;
  struct ac_rpc *rpc;

  /* HTTP, where that is switched on; NULL where it is not. Those who ask for
   * health are no clients: they are answered until the server is closed. */
  struct ac_http1 *http1;
  struct ac_http1 *probes1;
  struct ac_http_service http;   /* of all that is served */
  struct ac_http_service probes; /* of health and metrics alone */
  bool http_on_rpc;              /* where gRPC is */
  struct ac_list visitors;
  size_t n_visitors;
  struct ac_list hosted; /* requests of a host's, under way */
  size_t n_hosted;

  ac_counter rounds;       /* of the loop, on which the parts were woken */
  ac_counter refused_ever; /* connections */
  ac_counter http2_errors; /* answers of 400 and above */
  size_t refused;          /* connections, since that was logged last */
  uint64_t refused_said;   /* when it was */

  atomic_bool unready;    /* the application says so */
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
  struct ac_list inbox; /* requests of a host's, not looked at yet */
  char text[512];
};

/* Wiring; server.c. */
void ac_server_destroy(anycable_server *server);

/* All figures, as text for Prometheus, in |arena|. */
anycable_str ac_server_figures(void *server, struct ac_arena *arena);

/* Driving; drive.c. */
void ac_server_collect(void *server);
void ac_server_settle(void *server);
void ac_server_settled(void *server); /* a connection's turn is over */
size_t ac_server_connections(const anycable_server *server);
/* The TLS settings of now, to be let go of; NULL where TLS is off. Any thread.
 */
struct ac_tls *ac_server_tls(anycable_server *server);
int ac_server_fail(anycable_server *server, int error, const char *text);

#endif
