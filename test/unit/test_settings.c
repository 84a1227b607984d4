/* Settings that are texts: defaults, what is derived, what is refused, and
 * every one of them by its variable and by its flag. */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <anycable/memory.h>

#include "config_fixture.h"

static const struct {
  int setting;
  const char *option; /* of the environment and the command line */
  const char *standard;
  const char *good;
} settings[] = {
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, "broadcast-adapter", "redis",
     "nats, my_bus-2"},
    {ANYCABLE_SETTING_BROADCAST_KEY, "broadcast-key", "none", "k"},
    {ANYCABLE_SETTING_STREAMS_SECRET, "streams-secret", "none", "s"},
    {ANYCABLE_SETTING_JWT_SECRET, "jwt-secret", "none", "j"},
    {ANYCABLE_SETTING_JWT_TTL, "jwt-ttl", "3600", "0"},
    {ANYCABLE_SETTING_REDIS_URL, "redis-url", "redis://localhost:6379",
     "redis://u:p@h:1/2"},
    {ANYCABLE_SETTING_REDIS_SENTINELS, "redis-sentinels", "none", "a:1,b:2"},
    {ANYCABLE_SETTING_REDIS_CHANNEL, "redis-channel", "__anycable__", "c"},
    {ANYCABLE_SETTING_REDIS_TLS_VERIFY, "redis-tls-verify", "true", "false"},
    {ANYCABLE_SETTING_REDIS_TLS_CLIENT_CERT_PATH, "redis-tls-client-cert-path",
     "none", "c.pem"},
    {ANYCABLE_SETTING_REDIS_TLS_CLIENT_KEY_PATH, "redis-tls-client-key-path",
     "none", "k.pem"},
    {ANYCABLE_SETTING_REDIS_TLS_CA_CERT_PATH, "redis-tls-ca-cert-path", "none",
     "a.pem"},
    {ANYCABLE_SETTING_NATS_SERVERS, "nats-servers", "nats://localhost:4222",
     "nats://a,nats://b"},
    {ANYCABLE_SETTING_NATS_CHANNEL, "nats-channel", "__anycable__", "a.b"},
    {ANYCABLE_SETTING_NATS_DONT_RANDOMIZE_SERVERS,
     "nats-dont-randomize-servers", "false", "true"},
    {ANYCABLE_SETTING_HTTP_BROADCAST_URL, "http-broadcast-url",
     "http://localhost:8090/_broadcast", "https://h/x"},
    {ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH, "http-rpc-mount-path", "none",
     "/_anycable"},
    {ANYCABLE_SETTING_HTTP_HOST, "http-host", "none", "127.0.0.1:8081"},
    {ANYCABLE_SETTING_HTTP_RPC_SECRET, "http-rpc-secret", "none", "k"},
    {ANYCABLE_SETTING_HTTP_RPC_PUBLIC, "http-rpc-public", "false", "true"},
    {ANYCABLE_SETTING_HTTP_HEALTH_PORT, "http-health-port", "none", "54321"},
    {ANYCABLE_SETTING_HTTP_HEALTH_PATH, "http-health-path", "/health",
     "/up.json"},
    {ANYCABLE_SETTING_HTTP_METRICS_PATH, "http-metrics-path", "/metrics",
     "/a/b_c-d~"},
    {ANYCABLE_SETTING_LOG_FORMAT, "log-format", "text", "json"},
    {ANYCABLE_SETTING_RPC_REFLECTION, "rpc-reflection", "false", "true"},
};

enum { COUNT = sizeof(settings) / sizeof(settings[0]) };

/* All of them are as they were, but for the one at |changed|. */
static void assert_settings(const anycable_config *config, size_t changed) {
  for (size_t i = 0; i < COUNT; i++) {
    /* A key makes another URL. */
    bool moved = settings[i].setting == ANYCABLE_SETTING_HTTP_BROADCAST_URL &&
                 settings[changed].setting == ANYCABLE_SETTING_BROADCAST_KEY;
    if (!moved)
      assert_string_equal(or_none(anycable_config_get(config, (int)i)),
                          i == changed ? settings[i].good
                                       : settings[i].standard);
  }
}

static void test_defaults(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(COUNT, ANYCABLE_SETTING_END);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(settings[i].setting, i);
    assert_string_equal(or_none(anycable_config_get(config, (int)i)),
                        settings[i].standard);
  }
  anycable_config_free(config);
}

static void test_set_and_unset(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT; i++) {
    anycable_config *config = new_config();
    char value[64];
    snprintf(value, sizeof(value), "%s", settings[i].good);
    assert_int_equal(anycable_config_set(config, (int)i, value), ANYCABLE_OK);
    memset(value, 'x', sizeof(value)); /* it was copied */
    assert_settings(config, i);
    assert_int_equal(anycable_config_set(config, (int)i, NULL), ANYCABLE_OK);
    assert_string_equal(or_none(anycable_config_get(config, (int)i)),
                        settings[i].standard);
    assert_string_equal(anycable_config_error(config), "");
    anycable_config_free(config);
  }
}

static void test_copied(void **state) {
  (void)state;
  anycable_config *config = new_config();
  anycable_adapter adapter = *anycable_memory_adapter();
  adapter.name = "added";
  for (size_t i = 0; i < COUNT; i++)
    anycable_config_set(config, (int)i, settings[i].good);
  anycable_config_add_adapter(config, &adapter, &adapter);
  anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, 7);
  anycable_config *copy = ac_config_copy(config);
  assert_non_null(copy);
  for (size_t i = 0; i < COUNT; i++)
    assert_ptr_not_equal(copy->settings[i], config->settings[i]);
  anycable_config_free(config);
  for (size_t i = 0; i < COUNT; i++)
    assert_string_equal(anycable_config_get(copy, (int)i), settings[i].good);
  assert_ptr_equal(ac_config_adapter(copy, "added")->ctx, &adapter);
  assert_int_equal(copy->when_full, ANYCABLE_FULL_WAIT);
  assert_int_equal(copy->full_wait_ms, 7);
  anycable_config_free(copy);
}

/* "ANYCABLE_REDIS_URL" for "redis-url". */
static void variable_of(const char *option, char *out) {
  strcpy(out, "ANYCABLE_");
  for (out += strlen(out); *option; option++)
    *out++ = *option == '-' ? '_' : (char)(*option - 'a' + 'A');
  *out = '\0';
}

static void test_by_variable(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT; i++) {
    anycable_config *config = new_config();
    char name[64];
    variable_of(settings[i].option, name);
    setenv(name, settings[i].good, 1);
    assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
    unsetenv(name);
    assert_settings(config, i);
    anycable_config_free(config);
  }
}

static void test_by_flag(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT; i++) {
    anycable_config *config = new_config();
    char flag[128];
    snprintf(flag, sizeof(flag), "--%s=%s", settings[i].option,
             settings[i].good);
    char *argv[] = {(char *)"program", flag, NULL};
    int argc = 2;
    assert_int_equal(anycable_config_load_args(config, &argc, argv),
                     ANYCABLE_OK);
    assert_int_equal(argc, 1);
    assert_settings(config, i);
    assert_non_null(strstr(anycable_config_help(), settings[i].option));
    anycable_config_free(config);
  }
}

/* A flag of what is on or off takes no word that follows. */
static void test_bare_flags(void **state) {
  (void)state;
  anycable_config *config = new_config();
  char *argv[] = {(char *)"program", (char *)"--nats-dont-randomize-servers",
                  (char *)"x", NULL};
  int argc = 3;
  assert_int_equal(anycable_config_load_args(config, &argc, argv), ANYCABLE_OK);
  assert_int_equal(argc, 2);
  assert_string_equal(
      anycable_config_get(config, ANYCABLE_SETTING_NATS_DONT_RANDOMIZE_SERVERS),
      "true");
  anycable_config_free(config);
}

static void test_redis_url(void **state) {
  (void)state;
  anycable_config *config = new_config();
  setenv("REDIS_URL", "redis://shared", 1);
  anycable_config_load_env(config);
  assert_string_equal(anycable_config_get(config, ANYCABLE_SETTING_REDIS_URL),
                      "redis://shared");
  setenv("ANYCABLE_REDIS_URL", "redis://own", 1);
  anycable_config_load_env(config);
  assert_string_equal(anycable_config_get(config, ANYCABLE_SETTING_REDIS_URL),
                      "redis://own");
  unsetenv("ANYCABLE_REDIS_URL");
  setenv("REDIS_URL", "", 1);
  anycable_config_load_env(config);
  assert_string_equal(anycable_config_get(config, ANYCABLE_SETTING_REDIS_URL),
                      "redis://own");
  unsetenv("REDIS_URL");
  anycable_config_free(config);
}

/* What others have in their variable concerns only who uses Redis. */
static void test_redis_url_of_others(void **state) {
  (void)state;
  anycable_config *config = new_config();
  anycable_broadcaster *broadcaster;
  setenv("REDIS_URL", "sentinel://a;sentinel://b", 1);
  assert_int_equal(anycable_config_load_env(config), ANYCABLE_OK);
  unsetenv("REDIS_URL");
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "memory", config),
                   ANYCABLE_OK);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(anycable_broadcaster_new(&broadcaster, NULL, config),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(strstr(anycable_config_error(config), "redis_url: "));
  anycable_config_free(config);
}

/* --- what is derived ------------------------------------------------------ */

static void assert_setting(const anycable_config *config, int setting,
                           const char *value) {
  assert_string_equal(or_none(anycable_config_get(config, setting)), value);
}

/* Made with: printf broadcast-cable | openssl dgst -sha256 -hmac s3cret */
#define DERIVED                                                                \
  "b12500da392cd5dc51962f1b1c0ebf8919e34f0025bf418332ae1b9d13c5bcc7"

static void test_secret(void **state) {
  (void)state;
  anycable_config *config = new_config();
  anycable_config_set_secret(config, "s3cret");
  assert_setting(config, ANYCABLE_SETTING_BROADCAST_KEY, DERIVED);
  assert_setting(config, ANYCABLE_SETTING_STREAMS_SECRET, "s3cret");
  assert_setting(config, ANYCABLE_SETTING_JWT_SECRET, "s3cret");
  assert_setting(config, ANYCABLE_SETTING_HTTP_BROADCAST_URL,
                 "http://localhost:8080/_broadcast");
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_KEY, "own");
  anycable_config_set(config, ANYCABLE_SETTING_JWT_SECRET, "jwt");
  assert_setting(config, ANYCABLE_SETTING_BROADCAST_KEY, "own");
  assert_setting(config, ANYCABLE_SETTING_JWT_SECRET, "jwt");
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_KEY, NULL);
  assert_setting(config, ANYCABLE_SETTING_BROADCAST_KEY, DERIVED);
  anycable_config_set_secret(config, NULL);
  assert_setting(config, ANYCABLE_SETTING_BROADCAST_KEY, "none");
  assert_setting(config, ANYCABLE_SETTING_STREAMS_SECRET, "none");
  assert_setting(config, ANYCABLE_SETTING_HTTP_BROADCAST_URL,
                 "http://localhost:8090/_broadcast");
  anycable_config_free(config);
}

static void test_key_without_secret(void **state) {
  (void)state;
  anycable_config *config = new_config();
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_KEY, "own");
  assert_setting(config, ANYCABLE_SETTING_HTTP_BROADCAST_URL,
                 "http://localhost:8080/_broadcast");
  anycable_config_free(config);
}

/* --- what is refused ------------------------------------------------------ */

static const struct {
  int setting;
  const char *value;
  const char *error;
} bad[] = {
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, ",",
     "broadcast_adapter: \",\" is not allowed; use names separated by commas"},
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, "redis,,http",
     "broadcast_adapter: \"redis,,http\" is not allowed; use names separated "
     "by commas"},
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, "redis,",
     "broadcast_adapter: \"redis,\" is not allowed; use names separated by "
     "commas"},
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, "redis http",
     "broadcast_adapter: \"redis http\" is not allowed; use names separated by "
     "commas"},
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, "redis, http ,redis",
     "broadcast_adapter: \"redis, http ,redis\" is not allowed; use each name "
     "once"},
    {ANYCABLE_SETTING_BROADCAST_ADAPTER, "../x",
     "broadcast_adapter: \"../x\" is not allowed; use names separated by "
     "commas"},
    {ANYCABLE_SETTING_BROADCAST_KEY, "",
     "broadcast_key: an empty text is not allowed; use NULL for the default"},
    {ANYCABLE_SETTING_JWT_TTL, "1h",
     "jwt_ttl: \"1h\" is not allowed; use seconds, 0 to 999999999"},
    {ANYCABLE_SETTING_JWT_TTL, "-1",
     "jwt_ttl: \"-1\" is not allowed; use seconds, 0 to 999999999"},
    {ANYCABLE_SETTING_JWT_TTL, "1000000000",
     "jwt_ttl: \"1000000000\" is not allowed; use seconds, 0 to 999999999"},
    {ANYCABLE_SETTING_REDIS_CHANNEL, "a b",
     "redis_channel: \"a b\" is not allowed; use a name without spaces and "
     "control characters"},
    {ANYCABLE_SETTING_NATS_CHANNEL, "a\r\nPUB b",
     "nats_channel: \"a\r\nPUB b\" is not allowed; use a name without spaces "
     "and control characters"},
    {ANYCABLE_SETTING_REDIS_TLS_VERIFY, "maybe",
     "redis_tls_verify: \"maybe\" is not allowed; use true or false, 1 or 0, "
     "yes or no, on or off"},
    {ANYCABLE_SETTING_HTTP_BROADCAST_URL, "localhost:8090",
     "http_broadcast_url: is no URL; use http://host:port/path or https://"},
    {ANYCABLE_SETTING_HTTP_BROADCAST_URL, "ftp://h/",
     "http_broadcast_url: is no URL; use http://host:port/path or https://"},
    {ANYCABLE_SETTING_HTTP_BROADCAST_URL, "http://",
     "http_broadcast_url: is no URL; use http://host:port/path or https://"},
    {ANYCABLE_SETTING_HTTP_BROADCAST_URL, "http:///x",
     "http_broadcast_url: is no URL; use http://host:port/path or https://"},
    {ANYCABLE_SETTING_HTTP_BROADCAST_URL, "http://h/\r\nX: y",
     "http_broadcast_url: is no URL; use http://host:port/path or https://"},
    {ANYCABLE_SETTING_END, "x",
     "setting: 25 is not known; use an ANYCABLE_SETTING_ of the library that "
     "the program runs with"},
    {-1, "x",
     "setting: -1 is not known; use an ANYCABLE_SETTING_ of the library that "
     "the program runs with"},
};

static void test_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    anycable_config *config = new_config();
    assert_int_equal(anycable_config_set(config, bad[i].setting, bad[i].value),
                     ANYCABLE_ERR_INVALID);
    assert_string_equal(anycable_config_error(config), bad[i].error);
    anycable_config_free(config);
  }
  assert_null(anycable_config_get(NULL, 0));
  anycable_config *config = new_config();
  assert_null(anycable_config_get(config, -1));
  assert_null(anycable_config_get(config, ANYCABLE_SETTING_END));
  anycable_config_free(config);
}

static void test_when_full(void **state) {
  (void)state;
  anycable_config *config = new_config();
  assert_int_equal(config->when_full, ANYCABLE_FULL_REFUSE);
  assert_int_equal(anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, 5),
                   ANYCABLE_OK);
  assert_int_equal(config->full_wait_ms, 5);
  assert_int_equal(anycable_config_set_when_full(config, 3, 0),
                   ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config),
                      "when_full: 3 is not allowed; use an anycable_when_full");
  assert_int_equal(
      anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, -1),
      ANYCABLE_ERR_INVALID);
  assert_int_equal(config->when_full, ANYCABLE_FULL_WAIT);
  anycable_config_free(config);
}

/* --- adapters ------------------------------------------------------------- */

static void assert_adapter_refused(const anycable_adapter *adapter,
                                   const char *error) {
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_add_adapter(config, adapter, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config), error);
  anycable_config_free(config);
}

static void test_adapters(void **state) {
  (void)state;
  const anycable_adapter *memory = anycable_memory_adapter();
  anycable_config *config = new_config();
  assert_int_equal(anycable_config_add_adapter(NULL, memory, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_config_add_adapter(config, memory, NULL),
                   ANYCABLE_OK);
  assert_int_equal(anycable_config_add_adapter(config, memory, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config),
                      "adapter: there is one of that name already");
  anycable_config_free(config);
#define SIZE "adapter: .size must be sizeof(anycable_adapter)"
#define REQUIRED "adapter: name, create and publish are required"
  assert_adapter_refused(NULL, SIZE);
  anycable_adapter adapter = *memory;
  adapter.size = 0;
  assert_adapter_refused(&adapter, SIZE);
  adapter.size = offsetof(anycable_adapter, publish);
  assert_adapter_refused(&adapter, REQUIRED);
  adapter = *memory;
  adapter.name = NULL;
  assert_adapter_refused(&adapter, REQUIRED);
  adapter.name = "";
  assert_adapter_refused(&adapter, REQUIRED);
  adapter = *memory;
  adapter.name = "my bus";
#define LETTERS "adapter: a name has letters, digits, _ and - alone, 63 at most"
  assert_adapter_refused(&adapter, LETTERS);
  adapter.name = "a234567890123456789012345678901234567890123456789012345678901"
                 "234";
  assert_adapter_refused(&adapter, LETTERS);
  adapter = *memory;
  adapter.create = NULL;
  assert_adapter_refused(&adapter, REQUIRED);
  struct {
    anycable_adapter adapter;
    void *later;
  } newer = {.adapter = *memory, .later = &newer};
  newer.adapter.size = sizeof(newer);
  assert_adapter_refused(&newer.adapter,
                         "adapter: the table is of a newer library");
}

static int clear_environment(void **state) {
  extern char **environ;
  static char *nothing[] = {NULL};
  (void)state;
  environ = nothing;
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_set_and_unset),
      cmocka_unit_test(test_copied),
      cmocka_unit_test(test_by_variable),
      cmocka_unit_test(test_by_flag),
      cmocka_unit_test(test_bare_flags),
      cmocka_unit_test(test_redis_url),
      cmocka_unit_test(test_redis_url_of_others),
      cmocka_unit_test(test_secret),
      cmocka_unit_test(test_key_without_secret),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_when_full),
      cmocka_unit_test(test_adapters),
  };
  return cmocka_run_group_tests(tests, clear_environment, NULL);
}
