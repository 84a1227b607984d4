/* The settings of the library that commands read. */
#include "settings.h"
#include "command.h"
#include "text.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
  SECRET = SETTING_FLAGS,
  STREAMS_SECRET,
  JWT_SECRET,
  BROADCAST_ADAPTER,
  BROADCAST_KEY,
  REDIS_URL,
  REDIS_SENTINELS,
  REDIS_CHANNEL,
  REDIS_TLS_VERIFY,
  REDIS_TLS_CERT,
  REDIS_TLS_KEY,
  REDIS_TLS_CA,
  NATS_SERVERS,
  NATS_CHANNEL,
  NATS_DONT_RANDOMIZE,
  HTTP_URL
};

const struct flag publishing_flags[] = {
    {BROADCAST_ADAPTER, "broadcast-adapter", "NAME",
     "redis, redisx, http or nats [redis]"},
    {REDIS_URL, "redis-url", "URL",
     "redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss://\n"
     "for TLS, unix:///PATH [redis://localhost:6379]"},
    {REDIS_SENTINELS, "redis-sentinels", "HOSTS",
     "[USER:PASSWORD@]HOST:PORT, separated by commas: who\n"
     "knows where the master is that the URL names"},
    {REDIS_CHANNEL, "redis-channel", "NAME",
     "the channel, or redisx's stream [__anycable__]"},
    {REDIS_TLS_VERIFY, "redis-tls-verify", "[=BOOL]",
     "check the certificate of Redis [true]"},
    {REDIS_TLS_CERT, "redis-tls-client-cert-path", "FILE",
     "a certificate (PEM) to show to Redis"},
    {REDIS_TLS_KEY, "redis-tls-client-key-path", "FILE", "its key"},
    {REDIS_TLS_CA, "redis-tls-ca-cert-path", "FILE",
     "the authorities to trust (PEM) [the system's]"},
    {NATS_SERVERS, "nats-servers", "URLS",
     "nats://USER:PASSWORD@HOST:PORT, tls:// for TLS,\n"
     "separated by commas [nats://localhost:4222]"},
    {NATS_CHANNEL, "nats-channel", "SUBJECT", "[__anycable__]"},
    {NATS_DONT_RANDOMIZE, "nats-dont-randomize-servers", "[=BOOL]",
     "try the servers in their order [false]"},
    {HTTP_URL, "http-broadcast-url", "URL",
     "[http://localhost:8090/_broadcast, or with a key or\n"
     "a secret the same on port 8080]"},
    {BROADCAST_KEY, "broadcast-key", "KEY",
     "the key for http [derived from the secret, if any]"},
    {SECRET, "secret", "SECRET", "the application's secret"},
    {0, NULL, NULL, NULL}};

const struct flag stream_flags[] = {
    {STREAMS_SECRET, "streams-secret", "SECRET",
     "what signs streams [the secret]"},
    {SECRET, "secret", "SECRET", "the application's secret"},
    {0, NULL, NULL, NULL}};

const struct flag jwt_flags[] = {
    {JWT_SECRET, "jwt-secret", "SECRET", "what signs tokens [the secret]"},
    {SECRET, "secret", "SECRET", "the application's secret"},
    {0, NULL, NULL, NULL}};

anycable_config *settings_new(struct args *args) {
  anycable_config *config = text_must(anycable_config_new());

  if (anycable_config_load_env(config) == ANYCABLE_OK)
    return config;
  args_fail(args, "%s", anycable_config_error(config));
  anycable_config_free(config);
  return NULL;
}

static const char *flag_name(const struct args *args, int id) {
  const struct flag *flag = args->command->more_flags;

  while (flag->id != id)
    flag++;
  return flag->name;
}

/* As a command line of one word, which the library reads as it would read it
 * in any program. */
bool settings_set_flag(anycable_config *config, struct args *args, int id,
                       const char *value) {
  const char *name = flag_name(args, id);
  size_t size = strlen(name) + (value ? strlen(value) : 0) + sizeof "--=";
  char *word = text_must(malloc(size));
  char *argv[] = {word, word, NULL};
  int argc = 2, error;

  snprintf(word, size, "--%s%s%s", name, value ? "=" : "", value ? value : "");
  error = anycable_config_load_args(config, &argc, argv);
  OPENSSL_cleanse(word, size);
  free(word);
  return error == ANYCABLE_OK ||
         args_fail(args, "%s", anycable_config_error(config));
}
