/* The inside of a config: what a server reads when it is made. */
#ifndef AC_SERVER_CONFIG_H
#define AC_SERVER_CONFIG_H

#include <anycable/adapter.h>
#include <anycable/config.h>

#include "base/log.h"

/* An adapter that the user added. */
struct ac_config_adapter {
  anycable_adapter table;
  void *ctx;
};

struct ac_handed;

struct anycable_config {
  int64_t limits[ANYCABLE_LIMIT_END];
  char *settings[ANYCABLE_SETTING_END]; /* NULL: the default */
  struct ac_config_adapter *adapters;
  size_t n_adapters;
  int when_full; /* an anycable_when_full */
  int64_t full_wait_ms;
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
  bool debug; /* over log.level and log_grpc; ac_config_copy applies it */
  bool log_grpc;
  char *log_file;                 /* for anycable_main; NULL: standard error */
  char *handover;                 /* a path, for anycable_main; NULL: none */
  const struct ac_handed *handed; /* sockets to use again; borrowed */
  size_t n_handed;
  char *server_command; /* for anycable_main; NULL: none */
  char *secret;
  char *shared_redis_url; /* REDIS_URL; checked where it is used */
  char *broadcast_key;    /* from |secret|, for broadcasting by HTTP */
  char *rpc_key;          /* and for HTTP RPC */
  const char *source; /* what errors name: a variable, a flag; NULL: a setter */
  int error;          /* the first one */
  char text[1024];
};

#define AC_DEFAULT_RPC_HOST "127.0.0.1:50051"
#define AC_NOWHERE "none" /* as an rpc_host */
#define AC_DEFAULT_WORKERS 30
#define AC_DEFAULT_QUEUE 1024
#define AC_DEFAULT_AGE 300
#define AC_MAX_WORKERS 1024
#define AC_MAX_QUEUE 1000000

/* A copy that shares nothing, with |debug| applied; NULL without memory. */
anycable_config *ac_config_copy(const anycable_config *config);

/* Where lines go, with |debug| applied. */
struct ac_log ac_config_log(const anycable_config *config);

/* Settings that do not go together, in words; NULL if all do. */
const char *ac_config_conflict(const anycable_config *config);

/* The same, of the settings in settings.c alone. */
const char *ac_settings_conflict(const anycable_config *config);

/* Keeps the first error, and returns |error|. */
int ac_config_fail(anycable_config *config, int error, const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

/* The same for an ANYCABLE_ERR_INVALID value of |option|: "option: reason",
 * where |config->source| stands for |option| if it is set. */
int ac_config_refuse(anycable_config *config, const char *option,
                     const char *format, ...) ANYCABLE_PRINTF(3, 4);

/* Room for the name of an adapter. */
enum { AC_CONFIG_NAME_SIZE = 64 };

/* The adapter of that name that was added, or NULL. */
const struct ac_config_adapter *ac_config_adapter(const anycable_config *config,
                                                  const char *name);

/* Reads "true", "off", "1", ...; false where it is none of these. */
#define AC_CONFIG_BOOLEANS "true or false, 1 or 0, yes or no, on or off"
bool ac_config_read_bool(const char *value, bool *out);

/* Is a setting that is one of them on? */
bool ac_config_is_on(const anycable_config *config, int setting);

/* Puts a copy of |value| in the place of |*slot|; NULL clears it. Both are
 * wiped when they are freed, as some are secrets. */
int ac_config_set_text(anycable_config *config, char **slot, const char *value);

/* The same, with a text that was allocated. */
void ac_config_take_text(char **slot, char *text);

#endif
