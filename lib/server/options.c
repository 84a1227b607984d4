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
  static const char *const words[][2] = {{"false", "true"}, {"0", "1"},
                                         {"no", "yes"},     {"off", "on"},
                                         {"f", "t"},        {"n", "y"}};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    for (int on = 0; on < 2; on++) {
      if (same_word(value, words[i][on])) {
        *out = on;
        return ANYCABLE_OK;
      }
    }
  }
  return refuse(config, value, "true or false, 1 or 0, yes or no, on or off");
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

static int set_log_grpc(anycable_config *config, const char *value) {
  return read_bool(config, value, &config->log_grpc);
}

static int set_debug(anycable_config *config, const char *value) {
  return read_bool(config, value, &config->debug);
}

/* --- the table ------------------------------------------------------------ */

#define NUMERAL(number) NUMERAL_OF(number)
#define NUMERAL_OF(number) #number

/* Each option: its flag, of which ANYCABLE_FLAG is the variable; how the help
 * shows its value, or BOOLEAN; what sets it; the help. They are set in this
 * order: debug comes behind the log level, which it overrides. */
#define BOOLEAN "[=false]"
#define NL "\n        "
/* clang-format off */
#define OPTIONS(OPTION)                                                        \
  OPTION("rpc-host", "=ADDRESS", anycable_config_set_rpc_host,                 \
         "Listen on host:port, [ipv6]:port, :port (every address of the" NL    \
         "machine) or unix:/path; on several if separated by commas." NL       \
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
  OPTION("version-check-enabled", BOOLEAN, set_version_check,                  \
         "Refuse calls of another version of AnyCable's protocol." NL          \
         "Default: true.")                                                     \
  OPTION("log-level", "=LEVEL", set_log_level,                                 \
         "Log this and what is graver: debug, info, warn, error, fatal." NL    \
         "Default: info.")                                                     \
  OPTION("log-file", "=FILE", set_log_file,                                    \
         "Log to this file, opened again on SIGHUP. Default: standard error.") \
  OPTION("log-grpc", BOOLEAN, set_log_grpc,                                    \
         "Log connections too, not only at level debug. Default: false.")      \
  OPTION("debug", BOOLEAN, set_debug,                                          \
         "Log at level debug, and connections. Default: false.")               \
  OPTION("secret", "=SECRET", anycable_config_set_secret,                      \
         "The application's secret, from which keys are derived. Flags can" NL \
         "be seen by other users of the machine: set ANYCABLE_SECRET instead.")
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

int anycable_config_load_env(anycable_config *config) {
  if (!config)
    return ANYCABLE_ERR_INVALID;
  struct given given = {.source = ENVIRONMENT};
  for (size_t i = 0; i < COUNT; i++) {
    const char *value = getenv(name_of(ENVIRONMENT, i).text);
    given.values[i] = value && *value ? value : NULL;
  }
  return set_all(config, &given);
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
  bool is_boolean = strcmp(options[option].value, BOOLEAN) == 0;
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
