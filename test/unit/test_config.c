/* A config: defaults, bounds, errors in words, copies. */
#include "server/config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <anycable/memory.h>

#include "config_fixture.h"

/* The library's copies of texts fail on demand: in so many calls. */
static int copies_left = -1;

#define SEEN __attribute__((visibility("default")))
SEEN char *strdup(const char *text);
char *strdup(const char *text) {
  if (copies_left == 0)
    return NULL;
  if (copies_left > 0)
    copies_left--;
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

/* What |setter| says to the values that follow, on a config of its own. */
#define assert_refused(text, setter, ...)                                      \
  do {                                                                         \
    anycable_config *fresh = new_config();                                     \
    assert_int_equal(setter(fresh, __VA_ARGS__), ANYCABLE_ERR_INVALID);        \
    assert_string_equal(anycable_config_error(fresh), text);                   \
    anycable_config_free(fresh);                                               \
  } while (0)

/* --- limits --------------------------------------------------------------- */

static const struct {
  int limit;
  int64_t standard;
} defaults[] = {
    {ANYCABLE_LIMIT_MESSAGE, 4 << 20},
    {ANYCABLE_LIMIT_REPLY, 4 << 20},
    {ANYCABLE_LIMIT_CALL_MEMORY, 32 << 20},
    {ANYCABLE_LIMIT_MEMORY, 256 << 20},
    {ANYCABLE_LIMIT_HEADERS, 16 << 10},
    {ANYCABLE_LIMIT_HEADER_COUNT, 100},
    {ANYCABLE_LIMIT_CONNECTIONS, 1024},
    {ANYCABLE_LIMIT_STREAMS, 1000},
    {ANYCABLE_LIMIT_DEFERRED, 10000},
    {ANYCABLE_LIMIT_ELEMENTS, 65536},
    {ANYCABLE_LIMIT_UNKNOWN_FIELDS, 1024},
    {ANYCABLE_LIMIT_SINGULAR_REPEATS, 16},
    {ANYCABLE_LIMIT_JSON_DEPTH, 64},
    {ANYCABLE_LIMIT_CALL_TIME, 30000},
    {ANYCABLE_LIMIT_HANDSHAKE_TIME, 10000},
    {ANYCABLE_LIMIT_REQUEST_TIME, 30000},
    {ANYCABLE_LIMIT_SEND_TIME, 20000},
    {ANYCABLE_LIMIT_IDLE_TIME, 300000},
    {ANYCABLE_LIMIT_AGE_GRACE, 30000},
    {ANYCABLE_LIMIT_KEEPALIVE_TIME, 60000},
    {ANYCABLE_LIMIT_KEEPALIVE_TIMEOUT, 20000},
    {ANYCABLE_LIMIT_PING_INTERVAL, 5000},
    {ANYCABLE_LIMIT_PING_STRIKES, 100},
    {ANYCABLE_LIMIT_PINGS_RATE, 100},
    {ANYCABLE_LIMIT_SETTINGS_RATE, 10},
    {ANYCABLE_LIMIT_RESETS, 10000},
    {ANYCABLE_LIMIT_RESETS_RATE, 1000},
    {ANYCABLE_LIMIT_GLITCHES, 200},
    {ANYCABLE_LIMIT_GLITCHES_RATE, 20},
    {ANYCABLE_LIMIT_EMPTY_FRAMES, 10},
    {ANYCABLE_LIMIT_BROADCAST_BYTES, 8 << 20},
    {ANYCABLE_LIMIT_BROADCAST_COUNT, 65536},
    {ANYCABLE_LIMIT_BROADCAST_MESSAGE, 1 << 20},
    {ANYCABLE_LIMIT_BROADCAST_TIME, 1000},
    {ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME, 2000},
    {ANYCABLE_LIMIT_FLUSH_TIME, 2000},
    {ANYCABLE_LIMIT_REDIS_STREAM, 100000},
};

static void test_limit_defaults(void **state) {
  (void)state;
  anycable_config *config = new_config();
  size_t n = sizeof(defaults) / sizeof(defaults[0]);
  assert_int_equal(n, ANYCABLE_LIMIT_END);
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(defaults[i].limit, i);
    assert_int_equal(anycable_config_limit(config, (int)i),
                     defaults[i].standard);
  }
  anycable_config_free(config);
}

/* What a refused value is told about what is allowed. */
static void bounds(int limit, int64_t bad, long long *min, long long *max) {
  anycable_config *config = new_config();
  char name[64];
  long long value;
  assert_int_equal(anycable_config_set_limit(config, limit, bad),
                   ANYCABLE_ERR_INVALID);
  int n = sscanf(anycable_config_error(config),
                 "%63[^:]: %lld is not allowed; use %lld to %lld", name, &value,
                 min, max);
  assert_int_equal(n, 4);
  assert_int_equal(value, bad);
  assert_memory_equal(name, "ANYCABLE_LIMIT_", 15);
  /* The value stays what it was. */
  assert_int_equal(anycable_config_limit(config, limit),
                   defaults[limit].standard);
  anycable_config_free(config);
}

static void test_limit_bounds(void **state) {
  (void)state;
  for (int limit = 0; limit < ANYCABLE_LIMIT_END; limit++) {
    long long min, max, min2, max2;
    bounds(limit, -1, &min, &max);
    bounds(limit, INT64_MIN, &min2, &max2);
    assert_true(min == min2 && max == max2);
    bool none = limit == ANYCABLE_LIMIT_IDLE_TIME ||
                limit == ANYCABLE_LIMIT_KEEPALIVE_TIME ||
                limit == ANYCABLE_LIMIT_FLUSH_TIME;
    assert_int_equal(min == 0, none);
    assert_true(min < defaults[limit].standard);
    assert_true(max > defaults[limit].standard);
    bounds(limit, min - 1, &min2, &max2);
    if (max < INT64_MAX)
      bounds(limit, max + 1, &min2, &max2);
    anycable_config *config = new_config();
    assert_int_equal(anycable_config_set_limit(config, limit, min), 0);
    assert_int_equal(anycable_config_limit(config, limit), min);
    assert_int_equal(anycable_config_set_limit(config, limit, max), 0);
    assert_int_equal(anycable_config_limit(config, limit), max);
    assert_string_equal(anycable_config_error(config), "");
    anycable_config_free(config);
  }
}

static void test_unknown_limits(void **state) {
  (void)state;
  static const int unknown[] = {-1, ANYCABLE_LIMIT_END, INT_MAX, INT_MIN};
  for (size_t i = 0; i < 4; i++) {
    anycable_config *config = new_config();
    char text[64];
    assert_int_equal(anycable_config_limit(config, unknown[i]), -1);
    assert_int_equal(anycable_config_set_limit(config, unknown[i], 1),
                     ANYCABLE_ERR_INVALID);
    snprintf(text, sizeof(text), "limit: %d is not known; ", unknown[i]);
    assert_memory_equal(anycable_config_error(config), text, strlen(text));
    anycable_config_free(config);
  }
  assert_int_equal(anycable_config_limit(NULL, 0), -1);
}

/* --- setters -------------------------------------------------------------- */

static void test_defaults(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_null(config->rpc_host);
  assert_int_equal(config->n_fds, 0);
  assert_null(config->tls_cert);
  assert_null(config->tls_key);
  assert_null(config->tls_client_ca);
  assert_int_equal(config->workers, 30);
  assert_int_equal(config->queue, 1024);
  assert_int_equal(config->max_connection_age, 300);
  assert_true(config->version_check);
  assert_null(config->log.fn);
  assert_int_equal(config->log.level, ANYCABLE_LOG_INFO);
  assert_false(config->debug);
  assert_false(config->log_grpc);
  assert_null(config->log_file);
  assert_null(config->secret);
  assert_string_equal(anycable_config_error(config), "");
  assert_null(ac_config_conflict(config));
  anycable_config_free(config);
  anycable_config_free(NULL);
}

static void test_numbers(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_set_workers(config, 0), 0);
  assert_int_equal(config->workers, 0);
  assert_int_equal(anycable_config_set_workers(config, 1024), 0);
  assert_int_equal(config->workers, 1024);
  assert_int_equal(anycable_config_set_queue(config, 1), 0);
  assert_int_equal(config->queue, 1);
  assert_int_equal(anycable_config_set_queue(config, 1000000), 0);
  assert_int_equal(config->queue, 1000000);
  assert_int_equal(anycable_config_set_max_connection_age(config, 0), 0);
  assert_int_equal(config->max_connection_age, 0);
  assert_int_equal(anycable_config_set_max_connection_age(config, INT_MAX), 0);
  assert_int_equal(config->max_connection_age, INT_MAX);
  assert_int_equal(anycable_config_set_version_check(config, false), 0);
  assert_false(config->version_check);
  for (int level = ANYCABLE_LOG_FATAL; level <= ANYCABLE_LOG_DEBUG; level++) {
    config->debug = true;
    assert_int_equal(anycable_config_set_log_level(config, level), 0);
    assert_int_equal(config->log.level, level);
    assert_false(config->debug);
  }
  anycable_config_free(config);

  assert_refused("workers: -3 is not allowed; use 0 to 1024",
                 anycable_config_set_workers, -3);
  assert_refused("workers: 1025 is not allowed; use 0 to 1024",
                 anycable_config_set_workers, 1025);
  assert_refused("queue: 0 is not allowed; use 1 to 1000000",
                 anycable_config_set_queue, 0);
  assert_refused("queue: 1000001 is not allowed; use 1 to 1000000",
                 anycable_config_set_queue, 1000001);
  assert_refused("max_connection_age: -1 is not allowed; use 0 to 2147483647",
                 anycable_config_set_max_connection_age, -1);
  assert_refused("log_level: -1 is not allowed; use 0 to 4",
                 anycable_config_set_log_level, -1);
  assert_refused("log_level: 5 is not allowed; use 0 to 4",
                 anycable_config_set_log_level, 5);
}

static void log_nothing(int level, const char *message, void *ctx) {
  (void)level;
  (void)message;
  (void)ctx;
}

static void test_log(void **state) {
  (void)state;
  anycable_config *config = new_config();
  int ctx;
  assert_int_equal(anycable_config_set_log(config, log_nothing, &ctx), 0);
  assert_true(config->log.fn == log_nothing);
  assert_ptr_equal(config->log.ctx, &ctx);
  assert_int_equal(anycable_config_set_log(config, NULL, NULL), 0);
  assert_null(config->log.fn);
  anycable_config_free(config);
}

static void test_secret(void **state) {
  (void)state;
  anycable_config *config = new_config();
  char secret[] = "s3cret";
  assert_int_equal(anycable_config_set_secret(config, secret), 0);
  secret[0] = 'x';
  assert_string_equal(config->secret, "s3cret");
  assert_int_equal(anycable_config_set_secret(config, NULL), 0);
  assert_null(config->secret);
  anycable_config_free(config);
  assert_refused("secret: an empty text is not allowed; use NULL for none",
                 anycable_config_set_secret, "");
}

/* --- addresses ------------------------------------------------------------ */

static void test_good_addresses(void **state) {
  (void)state;
  static const struct {
    const char *given;
    const char *kept;
  } cases[] = {
      {"127.0.0.1:50051", "127.0.0.1:50051"},
      {"localhost:0", "localhost:0"},
      {"[::1]:65535", "[::1]:65535"},
      {":50051", ":50051"},
      {"unix:/run/app.sock", "unix:/run/app.sock"},
      {"unix:///run/app.sock", "unix:///run/app.sock"},
      {"a:1,b:2", "a:1,b:2"},
      {" a:1 ,\t[::1]:2 ", "a:1,[::1]:2"},
  };
  anycable_config *config = new_config();
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_int_equal(anycable_config_set_rpc_host(config, cases[i].given), 0);
    assert_string_equal(config->rpc_host, cases[i].kept);
  }
  assert_string_equal(anycable_config_error(config), "");
  anycable_config_free(config);
}

#define FORMS "use host:port, [ipv6]:port, :port or unix:/path"

static void test_bad_addresses(void **state) {
  (void)state;
  static const struct {
    const char *given;
    const char *error;
  } cases[] = {
      {"", "\"\" has no port; " FORMS},
      {",", "\"\" has no port; " FORMS},
      {"a:1,", "\"\" has no port; " FORMS},
      {"a:1, ,b:2", "\"\" has no port; " FORMS},
      {"localhost", "\"localhost\" has no port; " FORMS},
      {"a:1,b", "\"b\" has no port; " FORMS},
      {"[::1]", "\"[::1]\" has no port; " FORMS},
      {"::1:1", "\"::1:1\" is not an address, as IPv6 needs brackets; " FORMS},
      {"[]:1", "\"[]:1\" is not an address; " FORMS},
      {"a:", "\"a:\" has no port from 0 to 65535; " FORMS},
      {"a:x", "\"a:x\" has no port from 0 to 65535; " FORMS},
      {"a:-1", "\"a:-1\" has no port from 0 to 65535; " FORMS},
      {"a:65536", "\"a:65536\" has no port from 0 to 65535; " FORMS},
      {"a:000001", "\"a:000001\" has no port from 0 to 65535; " FORMS},
      {"unix:", "\"unix:\" is not a path from the root; use unix:/path"},
      {"unix:a", "\"unix:a\" is not a path from the root; use unix:/path"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    anycable_config *config = new_config();
    char text[256];
    assert_int_equal(anycable_config_set_rpc_host(config, "before:1"), 0);
    assert_int_equal(anycable_config_set_rpc_host(config, cases[i].given),
                     ANYCABLE_ERR_INVALID);
    snprintf(text, sizeof(text), "rpc_host: %s", cases[i].error);
    assert_string_equal(anycable_config_error(config), text);
    assert_string_equal(config->rpc_host, "before:1");
    anycable_config_free(config);
  }
  assert_refused("rpc_host: NULL is not allowed", anycable_config_set_rpc_host,
                 NULL);
}

static void test_long_addresses(void **state) {
  (void)state;
  static char path[200] = "unix:/";
  static char host[600];
  memset(host, 'h', sizeof(host) - 1);
  memcpy(host + sizeof(host) - 3, ":1", 2);
  anycable_config *config = new_config();
  /* 107 bytes fit into a socket's address, after "unix:". */
  path[5 + 107] = '\0';
  memset(path + 6, 'x', 106);
  assert_int_equal(anycable_config_set_rpc_host(config, path), 0);
  path[5 + 107] = 'x';
  assert_int_equal(anycable_config_set_rpc_host(config, path),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(
      strstr(anycable_config_error(config), "is a path longer than 107 bytes"));
  anycable_config_free(config);
  config = new_config();
  assert_int_equal(anycable_config_set_rpc_host(config, host),
                   ANYCABLE_ERR_INVALID);
  assert_memory_equal(anycable_config_error(config), "rpc_host: \"hhh", 14);
  assert_true(strlen(anycable_config_error(config)) < sizeof(config->text));
  anycable_config_free(config);
}

static void test_listen_fds(void **state) {
  (void)state;
  anycable_config *config = new_config();
  for (int fd = 0; fd < 5; fd++)
    assert_int_equal(anycable_config_add_listen_fd(config, fd), 0);
  assert_int_equal(config->n_fds, 5);
  anycable_config *copy = ac_config_copy(config);
  assert_int_equal(anycable_config_add_listen_fd(config, 5), 0);
  anycable_config_free(config);
  assert_int_equal(copy->n_fds, 5);
  for (int fd = 0; fd < 5; fd++)
    assert_int_equal(copy->fds[fd], fd);
  anycable_config_free(copy);
  assert_refused("listen_fd: -1 is not allowed; use a socket that listens",
                 anycable_config_add_listen_fd, -1);
}

/* --- TLS ------------------------------------------------------------------ */

static void test_tls(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_set_rpc_tls(config, "c.pem", "k.pem"), 0);
  assert_string_equal(config->tls_cert, "c.pem");
  assert_string_equal(config->tls_key, "k.pem");
  assert_int_equal(anycable_config_set_rpc_tls(config, "c2.pem", "k2.pem"), 0);
  assert_string_equal(config->tls_cert, "c2.pem");
  assert_string_equal(config->tls_key, "k2.pem");
  assert_int_equal(anycable_config_set_rpc_tls_client_ca(config, "ca"), 0);
  assert_string_equal(config->tls_client_ca, "ca");
  assert_null(ac_config_conflict(config));
  assert_int_equal(anycable_config_set_rpc_tls(config, NULL, NULL), 0);
  assert_null(config->tls_cert);
  assert_null(config->tls_key);
  assert_non_null(strstr(ac_config_conflict(config), "rpc_tls_client_ca"));
  assert_int_equal(anycable_config_set_rpc_tls_client_ca(config, NULL), 0);
  assert_null(config->tls_client_ca);
  assert_null(ac_config_conflict(config));
  anycable_config_free(config);
}

static void test_half_of_tls(void **state) {
  (void)state;
  assert_refused("rpc_tls: rpc_tls_cert is set and rpc_tls_key is not; set "
                 "both or neither",
                 anycable_config_set_rpc_tls, "c", NULL);
  assert_refused("rpc_tls: rpc_tls_key is set and rpc_tls_cert is not; set "
                 "both or neither",
                 anycable_config_set_rpc_tls, NULL, "k");
#define EMPTY                                                                  \
  ": an empty text is not allowed; use the path of a PEM file, or PEM text"
  assert_refused("rpc_tls_cert" EMPTY, anycable_config_set_rpc_tls, "", "k");
  assert_refused("rpc_tls_key" EMPTY, anycable_config_set_rpc_tls, "c", "");
  assert_refused("rpc_tls_client_ca" EMPTY,
                 anycable_config_set_rpc_tls_client_ca, "");
}

/* --- errors and copies ---------------------------------------------------- */

static void test_first_error_stays(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_set_workers(config, 2000),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_config_set_queue(config, 0), ANYCABLE_ERR_INVALID);
  assert_int_equal(ac_config_fail(config, ANYCABLE_ERR_IO, "late"),
                   ANYCABLE_ERR_IO);
  /* A good value is taken all the same. */
  assert_int_equal(anycable_config_set_workers(config, 2), ANYCABLE_OK);
  assert_int_equal(config->workers, 2);
  assert_int_equal(config->error, ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config),
                      "workers: 2000 is not allowed; use 0 to 1024");
  anycable_config *copy = ac_config_copy(config);
  assert_int_equal(copy->error, ANYCABLE_ERR_INVALID);
  assert_string_equal(copy->text, config->text);
  anycable_config_free(copy);
  anycable_config_free(config);
}

static void test_errors_name_their_source(void **state) {
  (void)state;
  anycable_config *config = new_config();
  config->source = "--rpc-host";
  assert_int_equal(anycable_config_set_rpc_host(config, "a"),
                   ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config),
                      "--rpc-host: \"a\" has no port; " FORMS);
  anycable_config_free(config);
}

static void test_null(void **state) {
  (void)state;
  assert_string_equal(anycable_config_error(NULL), "out of memory");
  assert_int_equal(anycable_config_set_rpc_host(NULL, "a:1"), -2);
  assert_int_equal(anycable_config_add_listen_fd(NULL, 1), -2);
  assert_int_equal(anycable_config_set_rpc_tls(NULL, "c", "k"), -2);
  assert_int_equal(anycable_config_set_rpc_tls_client_ca(NULL, "c"), -2);
  assert_int_equal(anycable_config_set_workers(NULL, 1), -2);
  assert_int_equal(anycable_config_set_queue(NULL, 1), -2);
  assert_int_equal(anycable_config_set_max_connection_age(NULL, 1), -2);
  assert_int_equal(anycable_config_set_version_check(NULL, true), -2);
  assert_int_equal(anycable_config_set_log(NULL, log_nothing, NULL), -2);
  assert_int_equal(anycable_config_set_log_level(NULL, 1), -2);
  assert_int_equal(anycable_config_set_secret(NULL, "s"), -2);
  assert_int_equal(anycable_config_set_limit(NULL, 0, 1), -2);
  assert_int_equal(anycable_config_set(NULL, 0, "redis"), -2);
  assert_int_equal(anycable_config_set_when_full(NULL, 0, 0), -2);
}

static anycable_config *full_config(void) {
  anycable_config *config = new_config();
  anycable_config_set_rpc_host(config, "a:1");
  anycable_config_set_rpc_tls(config, "c", "k");
  anycable_config_set_rpc_tls_client_ca(config, "ca");
  anycable_config_set_secret(config, "s");
  ac_config_set_text(config, &config->log_file, "f");
  anycable_config_set(config, ANYCABLE_SETTING_REDIS_CHANNEL, "rc");
  anycable_config_add_adapter(config, anycable_memory_adapter(), config);
  anycable_config_add_listen_fd(config, 3);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_STREAMS, 7);
  anycable_config_set_log(config, log_nothing, config);
  anycable_config_set_log_level(config, ANYCABLE_LOG_WARN);
  assert_string_equal(anycable_config_error(config), "");
  return config;
}

static void test_copy(void **state) {
  (void)state;
  anycable_config *config = full_config();
  config->source = "x";
  anycable_config *copy = ac_config_copy(config);
  assert_non_null(copy);
  assert_ptr_equal(copy->log.ctx, config);
  /* Nothing is shared: the copy outlives the changes and the original. */
  anycable_config_set_rpc_host(config, "b:2");
  anycable_config_set_secret(config, NULL);
  anycable_config_set(config, ANYCABLE_SETTING_REDIS_CHANNEL, NULL);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_STREAMS, 8);
  anycable_config_free(config);
  assert_string_equal(copy->rpc_host, "a:1");
  assert_string_equal(copy->tls_cert, "c");
  assert_string_equal(copy->tls_key, "k");
  assert_string_equal(copy->tls_client_ca, "ca");
  assert_string_equal(copy->secret, "s");
  assert_string_equal(copy->log_file, "f");
  assert_int_equal(strlen(copy->broadcast_key), 64);
  assert_string_equal(copy->settings[ANYCABLE_SETTING_REDIS_CHANNEL], "rc");
  assert_string_equal(copy->adapters[0].table.name, "memory");
  assert_ptr_equal(copy->adapters[0].ctx, config);
  assert_int_equal(copy->fds[0], 3);
  assert_int_equal(copy->limits[ANYCABLE_LIMIT_STREAMS], 7);
  assert_true(copy->log.fn == log_nothing);
  assert_int_equal(copy->log.level, ANYCABLE_LOG_WARN);
  assert_false(copy->log_grpc);
  assert_null(copy->source);
  anycable_config_free(copy);
}

static void test_copy_applies_debug(void **state) {
  (void)state;
  anycable_config *config = full_config();
  config->debug = true;
  anycable_config *copy = ac_config_copy(config);
  assert_int_equal(copy->log.level, ANYCABLE_LOG_DEBUG);
  assert_true(copy->log_grpc);
  assert_int_equal(config->log.level, ANYCABLE_LOG_WARN);
  anycable_config_free(copy);
  anycable_config_free(config);
}

static void test_copy_of_defaults(void **state) {
  (void)state;
  anycable_config *config = new_config();
  anycable_config *copy = ac_config_copy(config);
  assert_memory_equal(copy->limits, config->limits, sizeof(copy->limits));
  assert_null(copy->rpc_host);
  assert_null(copy->fds);
  anycable_config_free(copy);
  anycable_config_free(config);
}

static void test_no_memory(void **state) {
  (void)state;
  anycable_config *config = full_config();
  for (copies_left = 0; copies_left < 9;) {
    int at = copies_left;
    assert_null(ac_config_copy(config));
    copies_left = at + 1;
  }
  anycable_config *copy = ac_config_copy(config);
  assert_non_null(copy);
  anycable_config_free(copy);

  copies_left = 0;
  assert_int_equal(anycable_config_set_rpc_tls(config, "x", "y"),
                   ANYCABLE_ERR_NOMEM);
  copies_left = 1; /* the certificate, but not the key */
  assert_int_equal(anycable_config_set_rpc_tls(config, "x", "y"),
                   ANYCABLE_ERR_NOMEM);
  assert_string_equal(config->tls_cert, "c");
  assert_string_equal(config->tls_key, "k");
  assert_int_equal(anycable_config_set_rpc_tls_client_ca(config, "x"),
                   ANYCABLE_ERR_NOMEM);
  assert_string_equal(config->tls_client_ca, "ca");
  assert_int_equal(anycable_config_set_secret(config, "x"), ANYCABLE_ERR_NOMEM);
  assert_string_equal(config->secret, "s");
  assert_string_equal(anycable_config_error(config), "out of memory");
  assert_int_equal(config->error, ANYCABLE_ERR_NOMEM);
  copies_left = -1;
  anycable_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_limit_defaults),
      cmocka_unit_test(test_limit_bounds),
      cmocka_unit_test(test_unknown_limits),
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_log),
      cmocka_unit_test(test_secret),
      cmocka_unit_test(test_good_addresses),
      cmocka_unit_test(test_bad_addresses),
      cmocka_unit_test(test_long_addresses),
      cmocka_unit_test(test_listen_fds),
      cmocka_unit_test(test_tls),
      cmocka_unit_test(test_half_of_tls),
      cmocka_unit_test(test_first_error_stays),
      cmocka_unit_test(test_errors_name_their_source),
      cmocka_unit_test(test_null),
      cmocka_unit_test(test_copy),
      cmocka_unit_test(test_copy_applies_debug),
      cmocka_unit_test(test_copy_of_defaults),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
