/* The options of programs: one table, from which come the environment's names,
 * the flags and the help text. Here alone the environment is read, and only
 * when it is asked for. */
#include <anycable/config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "server/config.h"

/* --- reading values ------------------------------------------------------- */

/* Errors name |config->source|, which the loaders set. */
static int refuse(anycable_config *config, const char *value,
                  const char *allowed) {
  return ac_config_refuse(config, NULL, "\"%.100s\" is not allowed; use %s",
                          value, allowed);
}

static bool same_word(const char *a, const char *b) {
  return ac_str_equal_nocase(anycable_str_of(a), anycable_str_of(b));
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int read_int(anycable_config *config, const char *value, int min,
                    int max, int *out) {
  char allowed[64];
  char *end = NULL;
  errno = 0;
  long number = strtol(value, &end, 10);
  /* strtol would skip white space and a plus sign. */
  bool ok = (is_digit(value[0]) || value[0] == '-') && *end == '\0' &&
            errno == 0 && number >= min && number <= max;
  *out = ok ? (int)number : 0;
  snprintf(allowed, sizeof(allowed), "%d to %d", min, max);
  return ok ? ANYCABLE_OK : refuse(config, value, allowed);
}

static int read_bool(anycable_config *config, const char *value, bool *out) {
  return ac_config_read_bool(value, out)
             ? ANYCABLE_OK
             : refuse(config, value, AC_CONFIG_BOOLEANS);
}

/* "1", "0.25", ".5"; strtod would go by the host's locale. */
static bool is_decimal(const char *value) {
  size_t digits = 0;
  for (; is_digit(*value); value++)
    digits++;
  if (*value == '.')
    value++;
  for (; is_digit(*value); value++)
    digits++;
  return *value == '\0' && digits > 0;
}

/* --- setting options ------------------------------------------------------ */

static int set_tls_cert(anycable_config *config, const char *value) {
  return ac_config_set_text(config, &config->tls_cert, value);
}

static int set_tls_key(anycable_config *config, const char *value) {
  return ac_config_set_text(config, &config->tls_key, value);
}

static int set_pool_size(anycable_config *config, const char *value) {
  int workers;
  int rc = read_int(config, value, 0, AC_MAX_WORKERS, &workers);
  return rc ? rc : anycable_config_set_workers(config, workers);
}

static int set_max_waiting(anycable_config *config, const char *value) {
  int calls;
  int rc = read_int(config, value, 1, AC_MAX_QUEUE, &calls);
  return rc ? rc : anycable_config_set_queue(config, calls);
}

static int set_max_age(anycable_config *config, const char *value) {
  int seconds;
  int rc = read_int(config, value, 0, INT_MAX, &seconds);
  return rc ? rc : anycable_config_set_max_connection_age(config, seconds);
}

static int set_nothing(anycable_config *config, const char *value) {
  return is_decimal(value) ? ANYCABLE_OK
                           : refuse(config, value, "seconds such as 0.25");
}

static int set_version_check(anycable_config *config, const char *value) {
  bool on = false;
  int rc = read_bool(config, value, &on);
  return rc ? rc : anycable_config_set_version_check(config, on);
}

static int set_log_level(anycable_config *config, const char *value) {
  for (int level = ANYCABLE_LOG_FATAL; level <= ANYCABLE_LOG_DEBUG; level++) {
    if (same_word(value, anycable_log_level_name(level)))
      return anycable_config_set_log_level(config, level);
  }
  return refuse(config, value, "debug, info, warn, error or fatal");
}

static int set_log_file(anycable_config *config, const char *value) {
  return ac_config_set_text(config, &config->log_file, value);
}

static int set_server_command(anycable_config *config, const char *value) {
  return ac_config_set_text(config, &config->server_command, value);
}

static int set_handover(anycable_config *config, const char *value) {
  return ac_config_set_text(config, &config->handover, value);
}

static int set_log_grpc(anycable_config *config, const char *value) {
  return read_bool(config, value, &config->log_grpc);
}

static int set_debug(anycable_config *config, const char *value) {
  return read_bool(config, value, &config->debug);
}

#define SETTER(name, setting)                                                  \
  static int set_##name(anycable_config *config, const char *value) {          \
    return anycable_config_set(config, ANYCABLE_SETTING_##setting, value);     \
  }
SETTER(broadcast_adapter, BROADCAST_ADAPTER)
SETTER(broadcast_key, BROADCAST_KEY)
SETTER(streams_secret, STREAMS_SECRET)
SETTER(jwt_secret, JWT_SECRET)
SETTER(jwt_ttl, JWT_TTL)
SETTER(redis_url, REDIS_URL)
SETTER(redis_sentinels, REDIS_SENTINELS)
SETTER(redis_channel, REDIS_CHANNEL)
SETTER(redis_tls_verify, REDIS_TLS_VERIFY)
SETTER(redis_tls_cert, REDIS_TLS_CLIENT_CERT_PATH)
SETTER(redis_tls_key, REDIS_TLS_CLIENT_KEY_PATH)
SETTER(redis_tls_ca, REDIS_TLS_CA_CERT_PATH)
SETTER(nats_servers, NATS_SERVERS)
SETTER(nats_channel, NATS_CHANNEL)
SETTER(nats_dont_randomize, NATS_DONT_RANDOMIZE_SERVERS)
SETTER(http_broadcast_url, HTTP_BROADCAST_URL)
SETTER(http_mount_path, HTTP_RPC_MOUNT_PATH)
SETTER(http_host, HTTP_HOST)
SETTER(http_rpc_secret, HTTP_RPC_SECRET)
SETTER(http_rpc_public, HTTP_RPC_PUBLIC)
SETTER(http_health_port, HTTP_HEALTH_PORT)
SETTER(http_health_path, HTTP_HEALTH_PATH)
SETTER(http_metrics_path, HTTP_METRICS_PATH)
SETTER(log_format, LOG_FORMAT)
SETTER(rpc_reflection, RPC_REFLECTION)
#undef SETTER

/* --- the table ------------------------------------------------------------ */

#define NUMERAL(number) NUMERAL_OF(number)
#define NUMERAL_OF(number) #number

/* Each option: its flag, of which ANYCABLE_FLAG is the variable; how the help
 * shows its value, in brackets where it may be left out, and is true then; what
 * sets it; the help. They are set in this
 * order: debug comes behind the log level, which it overrides. */
#define BOOLEAN "[=false]"
#define NL "\n        "
/* clang-format off */
#define OPTIONS(OPTION)                                                        \
  OPTION("rpc-host", "=ADDRESS", anycable_config_set_rpc_host,                 \
         "Listen on host:port, [ipv6]:port, :port (every address of the" NL    \
         "machine) or unix:/path; on several if separated by commas; none:" NL \
         "no gRPC." NL                                                         \
         "Default: " AC_DEFAULT_RPC_HOST ".")                                  \
  OPTION("rpc-tls-cert", "=FILE", set_tls_cert,                                \
         "Serve TLS with this certificate chain: a PEM file or PEM text.")     \
  OPTION("rpc-tls-key", "=FILE", set_tls_key,                                  \
         "The certificate's key, likewise.")                                   \
  OPTION("rpc-tls-client-ca", "=FILE", anycable_config_set_rpc_tls_client_ca,  \
         "Demand a certificate from clients, signed by one of these.")         \
  OPTION("rpc-pool-size", "=N", set_pool_size,                                 \
         "Run handlers on N threads at most, made as needed; 0: on the one" NL \
         "that does the I/O. Default: " NUMERAL(AC_DEFAULT_WORKERS) ".")       \
  OPTION("rpc-max-waiting-requests", "=N", set_max_waiting,                    \
         "Refuse calls while N wait for a thread." NL                          \
         "Default: " NUMERAL(AC_DEFAULT_QUEUE) " (the Ruby SDK's is 20).")     \
  OPTION("rpc-max-connection-age", "=SECONDS", set_max_age,                    \
         "Have connections replaced by new ones after that time, which" NL     \
         "spreads load over backends; 0: never."                               \
         " Default: " NUMERAL(AC_DEFAULT_AGE) ".")                             \
  OPTION("rpc-poll-period", "=SECONDS", set_nothing,                           \
         "Taken for the Ruby SDK's sake (its default is 1); no effect here.")  \
  OPTION("rpc-pool-keep-alive", "=SECONDS", set_nothing,                       \
         "Likewise (0.25).")                                                   \
  OPTION("rpc-reflection", BOOLEAN, set_rpc_reflection,                        \
         "Tell tools such as grpcurl what there is to be called." NL           \
         "Default: false.")                                                    \
  OPTION("version-check-enabled", BOOLEAN, set_version_check,                  \
         "Refuse calls of another version of AnyCable's protocol." NL          \
         "Default: true.")                                                     \
  OPTION("log-level", "=LEVEL", set_log_level,                                 \
         "Log this and what is graver: debug, info, warn, error, fatal." NL    \
         "Default: info.")                                                     \
  OPTION("log-file", "=FILE", set_log_file,                                    \
         "Log to this file, opened again on SIGHUP. Default: standard error.") \
  OPTION("handover", "=PATH", set_handover,                                    \
         "Take the sockets over from the process that serves them, if there" NL\
         "is one at this unix socket, have it drain, and be there for the" NL  \
         "next one.")                                                          \
  OPTION("log-format", "=FORMAT", set_log_format,                              \
         "Log lines of text, or of json. Default: text.")                      \
  OPTION("server-command", "=COMMAND", set_server_command,                     \
         "Start this WebSocket server beside the backend, by a shell, and" NL  \
         "stop it with the backend. ANYCABLE_RPC_HOST tells it the address;" NL\
         "secrets are passed on. Not with --handover.")                        \
  OPTION("log-grpc", BOOLEAN, set_log_grpc,                                    \
         "Log connections too, not only at level debug. Default: false.")      \
  OPTION("debug", BOOLEAN, set_debug,                                          \
         "Log at level debug, and connections. Default: false.")               \
  OPTION("secret", "=SECRET", anycable_config_set_secret,                      \
         "The application's secret, from which keys are derived. Flags can" NL \
         "be seen by other users of the machine: set ANYCABLE_SECRET instead.")\
  OPTION("broadcast-adapter", "=NAMES", set_broadcast_adapter,                 \
         "Publish by redis, redisx, http or nats; by several if separated" NL  \
         "by commas. Default: redis.")                                         \
  OPTION("broadcast-key", "=KEY", set_broadcast_key,                           \
         "The key for publishing by http. Default: derived from the" NL        \
         "secret, if there is one.")                                           \
  OPTION("streams-secret", "=SECRET", set_streams_secret,                      \
         "Signs the names of streams. Default: the secret.")                   \
  OPTION("jwt-secret", "=SECRET", set_jwt_secret,                              \
         "Signs tokens (JWT). Default: the secret.")                           \
  OPTION("jwt-ttl", "=SECONDS", set_jwt_ttl,                                   \
         "How long tokens are valid; 0: for ever. Default: 3600.")             \
  OPTION("redis-url", "=URL", set_redis_url,                                   \
         "redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS," NL     \
         "unix:///PATH. Default: REDIS_URL or redis://localhost:6379.")        \
  OPTION("redis-sentinels", "=HOSTS", set_redis_sentinels,                     \
         "Ask these sentinels, [USER:PASSWORD@]HOST:PORT separated by" NL      \
         "commas, for the master that the URL names.")                         \
  OPTION("redis-channel", "=NAME", set_redis_channel,                          \
         "Publish on this channel, or to this stream (redisx)." NL             \
         "Default: __anycable__.")                                             \
  OPTION("redis-tls-verify", BOOLEAN, set_redis_tls_verify,                    \
         "Check the certificate of Redis. Default: true (the Ruby SDK's is" NL \
         "false).")                                                            \
  OPTION("redis-tls-client-cert-path", "=FILE", set_redis_tls_cert,            \
         "Show this certificate to Redis: a PEM file or PEM text.")            \
  OPTION("redis-tls-client-key-path", "=FILE", set_redis_tls_key,              \
         "The certificate's key, likewise.")                                   \
  OPTION("redis-tls-ca-cert-path", "=FILE", set_redis_tls_ca,                  \
         "Trust these authorities. Default: those that the system trusts.")    \
  OPTION("nats-servers", "=URLS", set_nats_servers,                            \
         "nats://USER:PASSWORD@HOST:PORT, tls:// for TLS; several if" NL       \
         "separated by commas. Default: nats://localhost:4222.")               \
  OPTION("nats-channel", "=SUBJECT", set_nats_channel,                         \
         "Publish on this subject. Default: __anycable__.")                    \
  OPTION("nats-dont-randomize-servers", BOOLEAN, set_nats_dont_randomize,      \
         "Try the servers in their order. Default: false.")                    \
  OPTION("http-broadcast-url", "=URL", set_http_broadcast_url,                 \
         "Publish to this URL by http. Default: /_broadcast on port 8080 of" NL\
         "localhost if there is a key or a secret, else on port 8090.")        \
  OPTION("http-rpc-mount-path", "=PATH", set_http_mount_path,                  \
         "Serve HTTP RPC too, under this path, such as /_anycable.")           \
  OPTION("http-host", "=ADDRESS", set_http_host,                               \
         "Serve HTTP there, and not where gRPC is.")                           \
  OPTION("http-rpc-secret", "=KEY", set_http_rpc_secret,                       \
         "The key of calls by HTTP. Default: derived from the secret, if" NL   \
         "there is one.")                                                      \
  OPTION("http-rpc-public", BOOLEAN, set_http_rpc_public,                      \
         "Serve HTTP RPC without a key where other machines reach it." NL      \
         "Default: false.")                                                    \
  OPTION("http-health-port", "=PORT", set_http_health_port,                    \
         "Serve health and metrics on this port, of all addresses.")           \
  OPTION("http-health-path", "=PATH", set_http_health_path,                    \
         "Default: /health.")                                                  \
  OPTION("http-metrics-path", "=PATH", set_http_metrics_path,                  \
         "Default: /metrics.")
/* clang-format on */

struct option {
  const char *flag;
  const char *value; /* as in the help */
  int (*set)(anycable_config *config, const char *value);
};

#define ROW(flag, value, set, help) {flag, value, set},
static const struct option options[] = {OPTIONS(ROW)};
#undef ROW

enum { COUNT = sizeof(options) / sizeof(options[0]) };

#define ROW(flag, value, set, help) "  --" flag value NL help "\n"
const char *anycable_config_help(void) {
  return OPTIONS(ROW);
}
#undef ROW

/* --- loading -------------------------------------------------------------- */

enum source { ENVIRONMENT, FLAGS };

/* What one source gave, by the option's index; NULL where it gave nothing. */
struct given {
  enum source source;
  const char *values[COUNT];
};

struct name {
  char text[64];
};

/* "--rpc-host", or "ANYCABLE_RPC_HOST". */
static struct name name_of(enum source source, size_t option) {
  struct name name;
  const char *flag = options[option].flag;
  snprintf(name.text, sizeof(name.text), "%s%s",
           source == FLAGS ? "--" : "ANYCABLE_", flag);
  for (char *c = name.text; source == ENVIRONMENT && *c; c++) {
    if (*c == '-')
      *c = '_';
    else if (*c >= 'a' && *c <= 'z')
      *c = (char)(*c - 'a' + 'A');
  }
  return name;
}

static size_t find(int (*set)(anycable_config *config, const char *value)) {
  size_t option = 0;
  while (options[option].set != set)
    option++;
  return option;
}

/* A flag may replace one half of what the environment gave, but either source
 * leaves both or neither. */
static int check_tls(anycable_config *config, enum source source) {
  if (!config->tls_cert == !config->tls_key)
    return ANYCABLE_OK;
  struct name cert = name_of(source, find(set_tls_cert));
  struct name key = name_of(source, find(set_tls_key));
  config->source = config->tls_cert ? cert.text : key.text;
  int rc = ac_config_refuse(config, NULL, "%s is missing; set both or neither",
                            config->tls_cert ? key.text : cert.text);
  config->source = NULL;
  return rc;
}

static int set_one(anycable_config *config, enum source source, size_t option,
                   const char *value) {
  struct name name = name_of(source, option);
  config->source = name.text;
  int rc = *value ? options[option].set(config, value)
                  : ac_config_refuse(config, NULL,
                                     "an empty value is not "
                                     "allowed");
  config->source = NULL;
  return rc;
}

/* All that is good is set, whatever else is wrong. Returns the first error. */
static int set_all(anycable_config *config, const struct given *given) {
  int first = ANYCABLE_OK;
  for (size_t i = 0; i < COUNT; i++) {
    if (!given->values[i])
      continue;
    int rc = set_one(config, given->source, i, given->values[i]);
    first = first ? first : rc;
  }
  int rc = check_tls(config, given->source);
  return first ? first : rc;
}

/* The variable that other programs share: what is in it matters only to who
 * uses Redis, so it is not checked here. */
static int load_redis_url(anycable_config *config) {
  const char *url = getenv("REDIS_URL");
  return url && *url
             ? ac_config_set_text(config, &config->shared_redis_url, url)
             : ANYCABLE_OK;
}

int anycable_config_load_env(anycable_config *config) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  struct given given = {.source = ENVIRONMENT};
  for (size_t i = 0; i < COUNT; i++) {
    const char *value = getenv(name_of(ENVIRONMENT, i).text);
    given.values[i] = value && *value ? value : NULL;
  }
  int rc = load_redis_url(config);
  int rest = set_all(config, &given);
  return rc ? rc : rest;
}

/* The option that |argument| is a flag of, or COUNT. |*value| is what stands
 * behind its '=', or NULL. */
static size_t match(const char *argument, const char **value) {
  size_t option = 0;
  size_t len = strcspn(argument, "=");
  *value = argument[len] ? argument + len + 1 : NULL;
  if (len < 2 || memcmp(argument, "--", 2) != 0)
    return COUNT;
  for (; option < COUNT; option++) {
    const char *flag = options[option].flag;
    if (strlen(flag) == len - 2 && memcmp(argument + 2, flag, len - 2) == 0)
      break;
  }
  return option;
}

static int refuse_lack(anycable_config *config, size_t option) {
  struct name name = name_of(FLAGS, option);
  return ac_config_fail(config, ANYCABLE_ERR_INVALID,
                        "%s: a value is missing; use %s%s", name.text,
                        name.text, options[option].value);
}

/* Takes the flag at argv[at], if it is one: how many arguments that were. */
static int take(anycable_config *config, struct given *given, int argc,
                char **argv, int at, int *error) {
  const char *value;
  size_t option = match(argv[at], &value);
  if (option == COUNT)
    return 0;
  bool is_boolean = options[option].value[0] == '[';
  int taken = 1;
  if (!value && is_boolean) {
    value = "true";
  } else if (!value && at + 1 < argc && strncmp(argv[at + 1], "--", 2) != 0) {
    value = argv[at + 1];
    taken = 2;
  }
  if (value)
    given->values[option] = value;
  else
    *error = refuse_lack(config, option);
  return taken;
}

int anycable_config_load_args(anycable_config *config, int *argc, char **argv) {
  if (!config || !argc || !argv)
    return ANYCABLE_ERR_INVALID;
  struct given given = {.source = FLAGS};
  int error = ANYCABLE_OK;
  int kept = 1, at = 1;
  while (at < *argc && strcmp(argv[at], "--") != 0) {
    int taken = take(config, &given, *argc, argv, at, &error);
    if (taken == 0)
      argv[kept++] = argv[at++];
    at += taken;
  }
  at += at < *argc; /* "--" has served */
  while (at < *argc)
    argv[kept++] = argv[at++];
  if (kept < *argc) {
    argv[kept] = NULL;
    *argc = kept;
  }
  int rc = set_all(config, &given);
  return error ? error : rc;
}
