/* A user's program that publishes: sets up a broadcaster with each adapter that
 * is named, and prints what is wrong. With LINKED it is linked with modules,
 * and registers their adapters. */
#include <anycable.h>
#ifdef LINKED
#include <anycable/curl.h>
#include <anycable/nats.h>
#endif
#include <stdio.h>

static void register_modules(anycable_config *config) {
#ifdef LINKED
  anycable_config_add_adapter(config, anycable_curl_adapter(), NULL);
  anycable_config_add_adapter(config, anycable_nats_adapter(), NULL);
#else
  (void)config;
#endif
}

static int try_adapter(const char *name) {
  anycable_broadcaster *broadcaster;
  anycable_config *config = anycable_config_new();
  register_modules(config);
  int rc = anycable_broadcaster_new(&broadcaster, name, config);
  if (rc != ANYCABLE_OK)
    printf("%d %s\n", rc, anycable_config_error(config));
  anycable_broadcaster_free(broadcaster);
  anycable_config_free(config);
  return rc != ANYCABLE_OK;
}

int main(int argc, char **argv) {
  int failed = 0;
  for (int i = 1; i < argc; i++)
    failed |= try_adapter(argv[i]);
  return failed;
}
