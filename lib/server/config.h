/* The inside of a config: what a server reads when it is made. */
#ifndef AC_SERVER_CONFIG_H
#define AC_SERVER_CONFIG_H

#include <anycable/config.h>

#include "base/log.h"

struct anycable_config {
  int64_t limits[ANYCABLE_LIMIT_END];
  char *rpc_host; /* NULL: the default, or nothing if there are |fds| */
  int *fds;       /* the user's; not owned */
  size_t n_fds;
  char *tls_cert; /* a path or PEM text; both or none */
  char *tls_key;
  char *tls_client_ca;
  int workers;
  int queue;
  int max_connection_age; /* seconds */
  bool version_check;
  struct ac_log log;
  bool log_grpc;
  char *log_file; /* for anycable_main */
  char *secret;
  int error; /* the first one */
  char text[1024];
};

#define AC_DEFAULT_RPC_HOST "127.0.0.1:50051"

/* A copy that shares nothing; NULL without memory. */
anycable_config *ac_config_copy(const anycable_config *config);

/* Keeps the first error, and returns |error|. */
int ac_config_fail(anycable_config *config, int error, const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

#endif
