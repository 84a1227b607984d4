/* Publishes messages as fast as one thread can, and says how fast that was, as
 * one line of JSON: publish ADAPTER COUNT SIZE each|all
 *
 * Settings come from the environment. With |each| every call is timed, which
 * costs a little itself; with |all| the whole is. Limits are as by default, but
 * that it waits where the queue is full. */
#include <anycable.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_utime.tv_sec * 1e6 + (double)usage.ru_utime.tv_usec +
         (double)usage.ru_stime.tv_sec * 1e6 + (double)usage.ru_stime.tv_usec;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* A JSON object of |size| bytes. */
static char *message(size_t size) {
  static const char head[] = "{\"text\":\"";
  char *text = malloc(size + 1);
  if (!text || size < sizeof(head) + 2)
    exit(2);
  memset(text, 'x', size);
  memcpy(text, head, sizeof(head) - 1);
  memcpy(text + size - 2, "\"}", 3);
  return text;
}

static anycable_broadcaster *start(const char *adapter) {
  anycable_broadcaster *broadcaster = NULL;
  anycable_config *config = anycable_config_new();
  anycable_config_load_env(config);
  anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, 60000);
  if (anycable_broadcaster_new(&broadcaster, adapter, config) != ANYCABLE_OK) {
    fprintf(stderr, "publish: %s\n", anycable_config_error(config));
    exit(1);
  }
  anycable_config_free(config);
  return broadcaster;
}

int main(int argc, char **argv) {
  if (argc != 5)
    return 2;
  size_t count = strtoul(argv[2], NULL, 10), size = strtoul(argv[3], NULL, 10);
  bool each = strcmp(argv[4], "each") == 0;
  double *times = each ? malloc(count * sizeof(*times)) : NULL;
  anycable_str text = {message(size), size};
  anycable_broadcaster *broadcaster = start(argv[1]);
  /* The first one connects. */
  anycable_broadcaster_publish(broadcaster, ANYCABLE_STR("s"), text, NULL);
  if (anycable_broadcaster_flush(broadcaster, 10000) != ANYCABLE_OK)
    return 1;
  double began = now(), used = cpu();
  for (size_t i = 0; i < count; i++) {
    double from = each ? now() : 0;
    if (anycable_broadcaster_publish(broadcaster, ANYCABLE_STR("s"), text,
                                     NULL) != ANYCABLE_OK)
      return 1;
    if (each)
      times[i] = now() - from;
  }
  if (anycable_broadcaster_flush(broadcaster, 60000) != ANYCABLE_OK)
    return 1;
  double took = now() - began;
  used = cpu() - used;
  anycable_broadcast_counts counts = {.size = sizeof(counts)};
  anycable_broadcaster_counts(broadcaster, &counts);
  if (each)
    qsort(times, count, sizeof(*times), compare);
  printf("{\"published\":%llu,\"rate\":%.0f,\"cpu\":%.3f,\"p50\":%.3f,"
         "\"p99\":%.3f}\n",
         (unsigned long long)counts.published - 1, (double)count / took * 1e6,
         used / (double)count, each ? times[count / 2] : 0,
         each ? times[count * 99 / 100] : 0);
  anycable_broadcaster_free(broadcaster);
  free(times);
  free((char *)(uintptr_t)text.ptr);
  return counts.published == count + 1 ? 0 : 1;
}
