/* Options: every one by its variable and by its flag, what is refused, and in
 * which words. */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_fixture.h"

/* All that options set, a line each. */
struct picture {
  char text[1024];
};

static struct picture picture_of(const anycable_config *c) {
  struct picture picture;
  snprintf(picture.text, sizeof(picture.text),
           "host %s\ncert %s\nkey %s\nca %s\nworkers %d\nqueue %d\nage %d\n"
           "version %d\nlevel %s\nfile %s\ngrpc %d\ndebug %d\nsecret %s\n",
           or_none(c->rpc_host), or_none(c->tls_cert), or_none(c->tls_key),
           or_none(c->tls_client_ca), c->workers, c->queue,
           c->max_connection_age, c->version_check,
           anycable_log_level_name(c->log.level), or_none(c->log_file),
           c->log_grpc, c->debug, or_none(c->secret));
  return picture;
}

/* |config| holds the defaults, but for the lines of |changed|. */
static void assert_changed(const anycable_config *config, const char *changed) {
  anycable_config *fresh = new_config();
  struct picture expected = picture_of(fresh);
  while (*changed) {
    size_t name = strcspn(changed, " ") + 1;
    size_t len = strcspn(changed, "\n");
    char *at = expected.text;
    while (strncmp(at, changed, name) != 0)
      at = strchr(at, '\n') + 1;
    char *rest = strdup(strchr(at, '\n'));
    sprintf(at, "%.*s%s", (int)len, changed, rest);
    free(rest);
    changed += len + (changed[len] == '\n');
  }
  assert_string_equal(picture_of(config).text, expected.text);
  anycable_config_free(fresh);
}

/* --- arguments and variables ---------------------------------------------- */

struct args {
  int argc;
  char *argv[16];
};

/* The program's name and then |words|, each behind a space. */
static struct args split(char *words) {
  struct args args = {.argc = 1, .argv = {(char *)"program"}};
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
    args.argv[args.argc++] = word;
  return args;
}

/* Loads |words|; what is left over must be |left|. */
static int load(anycable_config *config, const char *words, const char *left) {
  char given[512], rest[512] = "";
  snprintf(given, sizeof(given), "%s", words);
  struct args args = split(given);
  int rc = anycable_config_load_args(config, &args.argc, args.argv);
  assert_string_equal(args.argv[0], "program");
  for (int i = 1; i < args.argc; i++) {
    strcat(rest, " ");
    strcat(rest, args.argv[i]);
  }
  assert_null(args.argv[args.argc]);
  assert_string_equal(rest[0] ? rest + 1 : rest, left);
  return rc;
}

extern char **environ;

static int clear_environment(void **state) {
  (void)state;
  static char *nothing[] = {NULL};
  environ = nothing;
  return 0;
}

/* --- good values --------------------------------------------------------- */

static const struct {
  const char *variable;
  const char *flag;
  const char *value;
  const char *changed;
} good[] = {
    {"RPC_HOST", "rpc-host", "0.0.0.0:1,[::1]:2", "host 0.0.0.0:1,[::1]:2"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "0", "workers 0"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "1024", "workers 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "007", "workers 7"},
    {"RPC_MAX_WAITING_REQUESTS", "rpc-max-waiting-requests", "1", "queue 1"},
    {"RPC_MAX_WAITING_REQUESTS", "rpc-max-waiting-requests", "1000000",
     "queue 1000000"},
    {"RPC_MAX_CONNECTION_AGE", "rpc-max-connection-age", "0", "age 0"},
    {"RPC_MAX_CONNECTION_AGE", "rpc-max-connection-age", "2147483647",
     "age 2147483647"},
    {"RPC_POLL_PERIOD", "rpc-poll-period", "1", ""},
    {"RPC_POLL_PERIOD", "rpc-poll-period", ".5", ""},
    {"RPC_POOL_KEEP_ALIVE", "rpc-pool-keep-alive", "0.25", ""},
    {"RPC_POOL_KEEP_ALIVE", "rpc-pool-keep-alive", "3.", ""},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "false", "version 0"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "OFF", "version 0"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "0", "version 0"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "no", "version 0"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "n", "version 0"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "f", "version 0"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "true", ""},
    {"LOG_LEVEL", "log-level", "debug", "level debug"},
    {"LOG_LEVEL", "log-level", "info", ""},
    {"LOG_LEVEL", "log-level", "WARN", "level warn"},
    {"LOG_LEVEL", "log-level", "error", "level error"},
    {"LOG_LEVEL", "log-level", "fatal", "level fatal"},
    {"LOG_FILE", "log-file", "/var/log/x", "file /var/log/x"},
    {"LOG_GRPC", "log-grpc", "true", "grpc 1"},
    {"LOG_GRPC", "log-grpc", "1", "grpc 1"},
    {"LOG_GRPC", "log-grpc", "Yes", "grpc 1"},
    {"LOG_GRPC", "log-grpc", "on", "grpc 1"},
    {"LOG_GRPC", "log-grpc", "t", "grpc 1"},
    {"LOG_GRPC", "log-grpc", "y", "grpc 1"},
    {"DEBUG", "debug", "1", "debug 1"},
    {"DEBUG", "debug", "false", ""},
    {"SECRET", "secret", "s3cret=", "secret s3cret="},
    {"RPC_TLS_CLIENT_CA", "rpc-tls-client-ca", "ca.pem", "ca ca.pem"},
};

static void test_every_variable(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    anycable_config *config = new_config();
    char name[64];
    snprintf(name, sizeof(name), "ANYCABLE_%s", good[i].variable);
    setenv(name, good[i].value, 1);
    assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
    unsetenv(name);
    assert_changed(config, good[i].changed);
    assert_null(config->source);
    anycable_config_free(config);
  }
}

static void test_every_flag(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    char words[128];
    anycable_config *config = new_config();
    snprintf(words, sizeof(words), "--%s=%s", good[i].flag, good[i].value);
    assert_int_equal(load(config, words, ""), ANYCABLE_OK);
    assert_changed(config, good[i].changed);
    anycable_config_free(config);
    /* A boolean takes no word that follows. */
    const char *flag = good[i].flag;
    if (strcmp(flag, "debug") == 0 || strcmp(flag, "log-grpc") == 0 ||
        strcmp(flag, "version-check-enabled") == 0)
      continue;
    config = new_config();
    snprintf(words, sizeof(words), "--%s %s", flag, good[i].value);
    assert_int_equal(load(config, words, ""), ANYCABLE_OK);
    assert_changed(config, good[i].changed);
    assert_null(config->source);
    anycable_config_free(config);
  }
}

static void test_bare_booleans(void **state) {
  (void)state;
  anycable_config *config = new_config();
  config->version_check = false;
  assert_int_equal(
      load(config, "--debug --log-grpc --version-check-enabled", ""), 0);
  assert_changed(config, "debug 1\ngrpc 1");
  anycable_config_free(config);
  config = new_config();
  assert_int_equal(load(config, "--debug false", "false"), 0);
  assert_changed(config, "debug 1");
  anycable_config_free(config);
}

static void test_empty_environment(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
  setenv("ANYCABLE_RPC_HOST", "", 1);
  setenv("ANYCABLE_SECRET", "", 1);
  setenv("ANYCABLE_RPC_TLS_CERT", "", 1);
  setenv("ANYCABLE_RPC_POOL_SIZE", "", 1);
  setenv("RPC_POOL_SIZE", "1", 1);
  setenv("ANYCABLE_RPC_HOSTS", "x", 1); /* not ours */
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
  assert_changed(config, "");
  anycable_config_free(config);
  clear_environment(NULL);
}

static void test_null(void **state) {
  (void)state;
  anycable_config *config = new_config();
  struct args args = {.argc = 1, .argv = {(char *)"program"}};
  assert_int_equal(anycable_config_load_env(NULL), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_config_load_args(NULL, &args.argc, args.argv),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_config_load_args(config, NULL, args.argv),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_config_load_args(config, &args.argc, NULL),
                   ANYCABLE_ERR_INVALID);
  args.argc = 0; /* as a careless exec() leaves it */
  args.argv[0] = NULL;
  assert_int_equal(anycable_config_load_args(config, &args.argc, args.argv),
                   ANYCABLE_OK);
  assert_int_equal(args.argc, 0);
  anycable_config_free(config);
}

/* --- bad values ---------------------------------------------------------- */

#define N(text) "\"" text "\" is not allowed; use "
#define BOOLEANS "true or false, 1 or 0, yes or no, on or off"
#define FORMS "use host:port, [ipv6]:port, :port or unix:/path"

static const struct {
  const char *variable;
  const char *flag;
  const char *value;
  const char *error;
} bad[] = {
    {"RPC_HOST", "rpc-host", "localhost", "\"localhost\" has no port; " FORMS},
    {"RPC_POOL_SIZE", "rpc-pool-size", "-1", N("-1") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "1025", N("1025") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "4x", N("4x") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "0x4", N("0x4") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "+4", N("+4") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "\t4", N("\t4") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "4\n", N("4\n") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "-", N("-") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "4.0", N("4.0") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "18446744073709551617",
     N("18446744073709551617") "0 to 1024"},
    {"RPC_POOL_SIZE", "rpc-pool-size", "4294967297",
     N("4294967297") "0 to 1024"},
    {"RPC_MAX_WAITING_REQUESTS", "rpc-max-waiting-requests", "0",
     N("0") "1 to 1000000"},
    {"RPC_MAX_WAITING_REQUESTS", "rpc-max-waiting-requests", "1000001",
     N("1000001") "1 to 1000000"},
    {"RPC_MAX_CONNECTION_AGE", "rpc-max-connection-age", "-1",
     N("-1") "0 to 2147483647"},
    {"RPC_MAX_CONNECTION_AGE", "rpc-max-connection-age", "2147483648",
     N("2147483648") "0 to 2147483647"},
    {"RPC_MAX_CONNECTION_AGE", "rpc-max-connection-age", "5m",
     N("5m") "0 to 2147483647"},
    {"RPC_POLL_PERIOD", "rpc-poll-period", "soon",
     N("soon") "seconds such as 0.25"},
    {"RPC_POLL_PERIOD", "rpc-poll-period", "1,5",
     N("1,5") "seconds such as 0.25"},
    {"RPC_POOL_KEEP_ALIVE", "rpc-pool-keep-alive", ".",
     N(".") "seconds such as 0.25"},
    {"RPC_POOL_KEEP_ALIVE", "rpc-pool-keep-alive", "-1",
     N("-1") "seconds such as 0.25"},
    {"RPC_POOL_KEEP_ALIVE", "rpc-pool-keep-alive", "1.2.3",
     N("1.2.3") "seconds such as 0.25"},
    {"VERSION_CHECK_ENABLED", "version-check-enabled", "maybe",
     N("maybe") BOOLEANS},
    {"LOG_LEVEL", "log-level", "loud",
     N("loud") "debug, info, warn, error or fatal"},
    {"LOG_LEVEL", "log-level", "infos",
     N("infos") "debug, info, warn, error or fatal"},
    {"LOG_LEVEL", "log-level", "unknown",
     N("unknown") "debug, info, warn, error or fatal"},
    {"LOG_GRPC", "log-grpc", "2", N("2") BOOLEANS},
    {"DEBUG", "debug", "truee", N("truee") BOOLEANS},
};

static void test_bad_variables(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    anycable_config *config = new_config();
    char name[64], text[256];
    snprintf(name, sizeof(name), "ANYCABLE_%s", bad[i].variable);
    snprintf(text, sizeof(text), "%s: %s", name, bad[i].error);
    setenv(name, bad[i].value, 1);
    assert_int_equal(anycable_config_load_env(config), ANYCABLE_ERR_INVALID);
    unsetenv(name);
    assert_string_equal(anycable_config_error(config), text);
    assert_changed(config, "");
    assert_null(config->source);
    anycable_config_free(config);
  }
}

static void test_bad_flags(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    anycable_config *config = new_config();
    char words[128], text[256];
    snprintf(words, sizeof(words), "--%s=%s", bad[i].flag, bad[i].value);
    snprintf(text, sizeof(text), "--%s: %s", bad[i].flag, bad[i].error);
    assert_int_equal(load(config, words, ""), ANYCABLE_ERR_INVALID);
    assert_string_equal(anycable_config_error(config), text);
    assert_changed(config, "");
    assert_null(config->source);
    anycable_config_free(config);
  }
}

static void test_missing_values(void **state) {
  (void)state;
  static const struct {
    const char *words;
    const char *left;
    const char *error;
  } cases[] = {
      {"--rpc-host", "",
       "--rpc-host: a value is missing; use "
       "--rpc-host=ADDRESS"},
      {"--rpc-host --debug", "",
       "--rpc-host: a value is missing; use --rpc-host=ADDRESS"},
      {"--secret -- more", "more",
       "--secret: a value is missing; use --secret=SECRET"},
      {"--log-file=", "", "--log-file: an empty value is not allowed"},
      {"--rpc-host=", "", "--rpc-host: an empty value is not allowed"},
      {"--secret=", "", "--secret: an empty value is not allowed"},
      {"--debug=", "", "--debug: an empty value is not allowed"},
      {"--rpc-tls-cert= --rpc-tls-key=k", "",
       "--rpc-tls-cert: an empty value is not allowed"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    anycable_config *config = new_config();
    assert_int_equal(load(config, cases[i].words, cases[i].left),
                     ANYCABLE_ERR_INVALID);
    assert_string_equal(anycable_config_error(config), cases[i].error);
    anycable_config_free(config);
  }
}

static void test_long_values_are_cut(void **state) {
  (void)state;
  anycable_config *config = new_config();
  static char value[2000];
  memset(value, '9', sizeof(value) - 1);
  setenv("ANYCABLE_RPC_POOL_SIZE", value, 1);
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_ERR_INVALID);
  clear_environment(NULL);
  const char *text = anycable_config_error(config);
  assert_true(strlen(text) < 200);
  assert_non_null(strstr(text, "9\" is not allowed; use 0 to 1024"));
  anycable_config_free(config);
}

/* --- TLS ----------------------------------------------------------------- */

static void test_tls_needs_both(void **state) {
  (void)state;
  anycable_config *config = new_config();
  setenv("ANYCABLE_RPC_TLS_CERT", "c.pem", 1);
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_ERR_INVALID);
  assert_string_equal(
      anycable_config_error(config),
      "ANYCABLE_RPC_TLS_CERT: ANYCABLE_RPC_TLS_KEY is missing; set both or "
      "neither");
  anycable_config_free(config);
  clear_environment(NULL);

  config = new_config();
  assert_int_equal(load(config, "--rpc-tls-key=k", ""), ANYCABLE_ERR_INVALID);
  assert_string_equal(
      anycable_config_error(config),
      "--rpc-tls-key: --rpc-tls-cert is missing; set both or neither");
  assert_null(config->source);
  anycable_config_free(config);
}

static void test_a_flag_replaces_one_half(void **state) {
  (void)state;
  anycable_config *config = new_config();
  setenv("ANYCABLE_RPC_TLS_CERT", "c.pem", 1);
  setenv("ANYCABLE_RPC_TLS_KEY", "k.pem", 1);
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
  clear_environment(NULL);
  assert_int_equal(load(config, "--rpc-tls-cert new.pem", ""), ANYCABLE_OK);
  assert_changed(config, "cert new.pem\nkey k.pem");
  anycable_config_free(config);
}

static void test_secrets_stay_secret(void **state) {
  (void)state;
  static const char *const cases[] = {
      "--secret=HIDDEN --rpc-pool-size=x",
      "--rpc-tls-key=HIDDEN",
      "--secret=HIDDEN --secret",
      "--rpc-tls-key=HIDDEN --rpc-tls-cert=",
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    anycable_config *config = new_config();
    assert_int_equal(load(config, cases[i], ""), ANYCABLE_ERR_INVALID);
    assert_true(*anycable_config_error(config));
    assert_null(strstr(anycable_config_error(config), "HIDDEN"));
    anycable_config_free(config);
  }
}

/* --- arguments that are not ours ----------------------------------------- */

static void test_what_is_left_over(void **state) {
  (void)state;
  static const struct {
    const char *words;
    const char *left;
    const char *changed;
  } cases[] = {
      {"", "", ""},
      {"a b c", "a b c", ""},
      {"a --rpc-host h:1 b --debug c", "a b c", "host h:1\ndebug 1"},
      {"--unknown --debug -x --unknown=1", "--unknown -x --unknown=1",
       "debug 1"},
      {"--rpc-hos x --rpc-hostt=x -rpc-host x --RPC-HOST=x",
       "--rpc-hos x --rpc-hostt=x -rpc-host x --RPC-HOST=x", ""},
      {"--rpc_host=x - -debug debug --=x", "--rpc_host=x - -debug debug --=x",
       ""},
      {"--debug -- --rpc-host=h:1 -- x", "--rpc-host=h:1 -- x", "debug 1"},
      {"--", "", ""},
      {"-- --", "--", ""},
      {"--help -h --version", "--help -h --version", ""},
      {"--rpc-pool-size -- --debug", "--debug", NULL},
      {"--log-file -", "", "file -"},
      {"--log-file -x", "", "file -x"},
      {"--log-file=--x", "", "file --x"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    anycable_config *config = new_config();
    assert_int_equal(load(config, cases[i].words, cases[i].left),
                     cases[i].changed ? ANYCABLE_OK : ANYCABLE_ERR_INVALID);
    if (cases[i].changed)
      assert_changed(config, cases[i].changed);
    anycable_config_free(config);
  }
}

/* --- which one counts ---------------------------------------------------- */

static void test_the_last_flag_counts(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(
      load(config, "--rpc-host=bad --rpc-host a:1 --rpc-host=b:2", ""), 0);
  assert_changed(config, "host b:2");
  anycable_config_free(config);
}

static void test_flags_override_the_environment(void **state) {
  (void)state;
  setenv("ANYCABLE_RPC_POOL_SIZE", "3", 1);
  setenv("ANYCABLE_DEBUG", "1", 1);
  setenv("ANYCABLE_LOG_LEVEL", "warn", 1);
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
  assert_changed(config, "workers 3\ndebug 1\nlevel warn");
  assert_int_equal(load(config, "--rpc-pool-size=4 --debug=false", ""), 0);
  assert_changed(config, "workers 4\nlevel warn");
  anycable_config_free(config);

  config = new_config();
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
  assert_int_equal(load(config, "--log-level=error", ""), 0);
  assert_changed(config, "workers 3\nlevel error");
  anycable_config_free(config);
  clear_environment(NULL);
}

/* Within one source debug wins, wherever it stands. */
static void test_debug_is_over_the_level(void **state) {
  (void)state;
  static const char *const cases[] = {"--debug --log-level=warn",
                                      "--log-level=warn --debug"};
  for (size_t i = 0; i < 2; i++) {
    anycable_config *config = new_config();
    assert_int_equal(load(config, cases[i], ""), ANYCABLE_OK);
    assert_changed(config, "debug 1\nlevel warn");
    anycable_config_free(config);
  }
}

static void test_all_that_is_good_is_set(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(load(config,
                        "--secret=s --rpc-pool-size=x --log-level=y "
                        "--rpc-host=h:1 a",
                        "a"),
                   ANYCABLE_ERR_INVALID);
  assert_changed(config, "secret s\nhost h:1");
  assert_memory_equal(anycable_config_error(config), "--rpc-pool-size: ", 17);
  /* The error of the load is told, also where an earlier one is kept. */
  assert_int_equal(load(config, "--log-grpc", ""), ANYCABLE_OK);
  assert_int_equal(load(config, "--log-grpc=x", ""), ANYCABLE_ERR_INVALID);
  assert_memory_equal(anycable_config_error(config), "--rpc-pool-size: ", 17);
  anycable_config_free(config);
}

/* --- help ---------------------------------------------------------------- */

static void test_help(void **state) {
  (void)state;
  const char *help = anycable_config_help();
  assert_string_equal(help + strlen(help) - 1, "\n");
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    char flag[64];
    snprintf(flag, sizeof(flag), "  --%s", good[i].flag);
    const char *at = strstr(help, flag);
    assert_non_null(at);
    assert_true(at[strlen(flag)] == '=' || at[strlen(flag)] == '[');
  }
  size_t flags = 0;
  for (const char *line = help; *line; line = strchr(line, '\n') + 1) {
    assert_in_range(strcspn(line, "\n"), 1, 79);
    flags += strncmp(line, "  --", 4) == 0;
  }
  assert_int_equal(flags, 17 + ANYCABLE_SETTING_END);
  assert_non_null(strstr(help, "127.0.0.1:50051"));
  assert_non_null(strstr(help, "Default: 1024 (the Ruby SDK's is 20)"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_variable),
      cmocka_unit_test(test_every_flag),
      cmocka_unit_test(test_bare_booleans),
      cmocka_unit_test(test_empty_environment),
      cmocka_unit_test(test_null),
      cmocka_unit_test(test_bad_variables),
      cmocka_unit_test(test_bad_flags),
      cmocka_unit_test(test_missing_values),
      cmocka_unit_test(test_long_values_are_cut),
      cmocka_unit_test(test_tls_needs_both),
      cmocka_unit_test(test_a_flag_replaces_one_half),
      cmocka_unit_test(test_secrets_stay_secret),
      cmocka_unit_test(test_what_is_left_over),
      cmocka_unit_test(test_the_last_flag_counts),
      cmocka_unit_test(test_flags_override_the_environment),
      cmocka_unit_test(test_debug_is_over_the_level),
      cmocka_unit_test(test_all_that_is_good_is_set),
      cmocka_unit_test(test_help),
  };
  return cmocka_run_group_tests(tests, clear_environment, NULL);
}
