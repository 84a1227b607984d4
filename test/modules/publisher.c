/* A program that publishes, for tests of the modules: reads commands, a line
 * each, and prints what happens, a line each.
 *
 *   publisher ADAPTER [--linked] [--FLAG=VALUE...]
 *
 * With --linked it registers the adapters of the modules that it is linked
 * with; without, the library is to load them. */
#include <anycable.h>
#include <anycable/curl.h>
#include <anycable/nats.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines of several threads, whole. */
static void say(const char *format, ...) ANYCABLE_PRINTF(1, 2);

static void say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  flockfile(stdout);
  vprintf(format, args);
  putchar('\n');
  fflush(stdout);
  funlockfile(stdout);
  va_end(args);
}

static void on_log(int level, const char *message, void *ctx) {
  (void)ctx;
  say("log %s %s", anycable_log_level_name(level), message);
}

static bool quiet; /* nothing of single messages */

static void on_fate(const anycable_publication *publication, void *ctx) {
  static const char *const names[] = {"published", "failed", "dropped",
                                      "unknown"};
  (void)ctx;
  if (!quiet)
    say("fate %s %s", names[publication->fate], publication->reason);
}

static void say_counts(anycable_broadcaster *broadcaster) {
  anycable_broadcast_counts counts = {.size = sizeof(counts)};
  anycable_broadcaster_counts(broadcaster, &counts);
  say("counts taken=%llu queued=%llu published=%llu failed=%llu dropped=%llu "
      "unknown=%llu breaks=%llu",
      (unsigned long long)counts.taken, (unsigned long long)counts.queued,
      (unsigned long long)counts.published, (unsigned long long)counts.failed,
      (unsigned long long)counts.dropped, (unsigned long long)counts.unknown,
      (unsigned long long)counts.breaks);
}

static void say_error(anycable_broadcaster *broadcaster) {
  char text[512] = "";
  anycable_broadcaster_error(broadcaster, text, sizeof(text));
  say("error %s", text);
}

/* Publishes |count| numbered texts, each filled up to |size|. */
static void publish_many(anycable_broadcaster *broadcaster, int count,
                         int size) {
  char *text = malloc((size_t)size + 32);
  int taken = 0;
  for (int i = 0; text && i < count; i++) {
    int n = snprintf(text, 32, "%d ", i);
    if (n < size)
      memset(text + n, 'x', (size_t)(size - n));
    anycable_str message = {text, (size_t)(n < size ? size : n)};
    taken +=
        anycable_broadcaster_publish_string(broadcaster, ANYCABLE_STR("news"),
                                            message, NULL) == ANYCABLE_OK;
  }
  free(text);
  say("taken %d", taken);
}

static const char *disposition(int sig) {
  struct sigaction action;
  sigaction(sig, NULL, &action);
  return action.sa_handler == SIG_DFL   ? "default"
         : action.sa_handler == SIG_IGN ? "ignored"
                                        : "handled";
}

/* "URL KEY STREAM": who is there? KEY is "-" for none. */
static void ask_api(const char *arguments) {
  char url[128], key[128], stream[64], *users = NULL;
  anycable_api *api;
  if (sscanf(arguments, "%127s %127s %63s", url, key, stream) != 3)
    return;
  int rc = anycable_api_new(&api, url, strcmp(key, "-") == 0 ? NULL : key);
  if (rc) {
    say("api %d", rc);
    return;
  }
  anycable_api_set_timeout(api, 1000);
  rc = anycable_api_users(api, anycable_str_of(stream), &users);
  say("users %d %s", rc, rc ? anycable_api_error(api) : users);
  anycable_free(users);
  rc = anycable_api_publish(api, anycable_str_of(stream),
                            ANYCABLE_STR("{\"a\":\"\\n\"}"));
  say("publish %d %s", rc, anycable_api_error(api));
  anycable_api_free(api);
}

static void obey(anycable_broadcaster *broadcaster, const char *command) {
  int a, b;
  if (sscanf(command, "many %d %d", &a, &b) == 2)
    publish_many(broadcaster, a, b);
  else if (sscanf(command, "flush %d", &a) == 1)
    say("flushed %d", anycable_broadcaster_flush(broadcaster, a));
  else if (sscanf(command, "seed %d", &a) == 1)
    srand((unsigned)a);
  else if (strcmp(command, "rand") == 0)
    say("rand %d", rand());
  else if (strcmp(command, "sigpipe") == 0)
    say("sigpipe %s", disposition(SIGPIPE));
  else if (strncmp(command, "api ", 4) == 0)
    ask_api(command + 4);
  else if (strcmp(command, "counts") == 0)
    say_counts(broadcaster);
  else if (strcmp(command, "error") == 0)
    say_error(broadcaster);
  else if (strcmp(command, "quiet") == 0)
    quiet = true;
  else
    say("what?");
}

/* What is left of the arguments are no flags of the library's. */
static void register_linked(anycable_config *config) {
  anycable_config_add_adapter(config, anycable_nats_adapter(), NULL);
  anycable_config_add_adapter(config, anycable_curl_adapter(), NULL);
}

int main(int argc, char **argv) {
  char line[256];
  anycable_broadcaster *broadcaster;
  anycable_config *config = anycable_config_new();
  anycable_config_load_args(config, &argc, argv);
  anycable_config_set_log(config, on_log, NULL);
  anycable_config_set_log_level(config, ANYCABLE_LOG_DEBUG);
  if (argc > 2 && strcmp(argv[2], "--linked") == 0)
    register_linked(config);
  if (getenv("BROADCAST_TIME"))
    anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_TIME,
                              atoi(getenv("BROADCAST_TIME")));
  int rc =
      anycable_broadcaster_new(&broadcaster, argc > 1 ? argv[1] : NULL, config);
  say("new %d %s", rc, rc ? anycable_config_error(config) : "");
  anycable_config_free(config);
  if (rc)
    return 1;
  anycable_broadcaster_on_fate(broadcaster, on_fate, NULL);
  while (fgets(line, sizeof(line), stdin)) {
    line[strcspn(line, "\n")] = '\0';
    obey(broadcaster, line);
  }
  anycable_broadcaster_free(broadcaster);
  say("end");
  return 0;
}
