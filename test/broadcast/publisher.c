/* Publishes numbered messages, and tells what became of each.
 *
 *   publisher [--count N] [--rate N] [--size BYTES] [--stream NAME]
 *             [--threads N] [--string] [--batch N] [--fates FILE]
 *             [--full refuse|wait|drop] [--wait MS] [--flush MS]
 *             [--limit NAME=VALUE]...
 *
 * The adapter and where it publishes to come from the environment. Message 17
 * has "#17;" in it. With several threads, each has a stream of its own, NAME.0
 * and so on, on which its numbers rise.
 *
 * Standard output has one JSON object a line: samples of the counts, then
 * "published" when all calls were made, "flushed", and "end" when the
 * broadcaster is gone. A count of 0 is no bound; the end of standard input
 * ends publishing at any time.
 *
 * FILE gets a line for each message: its number, its fate, how many received
 * it, when that was known (in microseconds of the monotonic clock), and why. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>
#include "common.h"

enum { MAX_THREADS = 64, SAMPLE_US = 1000, PRINTED = 20 };

static const char *const fate_names[] = {[ANYCABLE_FATE_PUBLISHED] =
                                             "published",
                                         [ANYCABLE_FATE_FAILED] = "failed",
                                         [ANYCABLE_FATE_DROPPED] = "dropped",
                                         [ANYCABLE_FATE_UNKNOWN] = "unknown"};

static struct {
  long count, rate, size, threads, batch, flush_ms;
  bool string;
  const char *stream;
  FILE *fates;
} options = {.count = 1000, .threads = 1, .stream = "load", .flush_ms = 10000};

static anycable_broadcaster *broadcaster;
static atomic_bool stopping; /* no more messages */
static atomic_bool sampled;  /* no more samples */
static atomic_long taken, refused, errors, longest_us;
static atomic_long fates[4]; /* as callbacks were told */
static atomic_long wrong_tags;

/* --- fates ---------------------------------------------------------------- */

/* Callbacks and threads that were refused write lines; stdio locks each. */
static void write_fate(long number, const char *fate, int64_t receivers,
                       const char *reason) {
  if (options.fates)
    fprintf(options.fates, "%ld %s %" PRId64 " %" PRId64 " %s\n", number, fate,
            receivers, now_us(), reason);
}

/* The number behind the next "#" at |*at|; -1 if there is none. */
static long next_number(anycable_str payload, size_t *at) {
  while (*at < payload.len)
    if (payload.ptr[(*at)++] == '#')
      return atol(payload.ptr + *at); /* ends at the ";" behind it */
  return -1;
}

/* One message, or all of a batch, which have no tags. */
static void on_fate(const anycable_publication *p, void *ctx) {
  (void)ctx;
  size_t at = 0;
  long number;
  fates[p->fate]++;
  for (long n = 0; (number = next_number(p->payload, &at)) >= 0; n++) {
    if (p->tag && (n > 0 || number != (long)(intptr_t)p->tag - 1))
      wrong_tags++;
    write_fate(number, fate_names[p->fate], p->receivers, p->reason);
  }
}

/* --- publishing ----------------------------------------------------------- */

struct worker {
  pthread_t thread;
  long index;
  char stream[256];
  char *text;
};

static void raise_to(atomic_long *most, long value) {
  long seen = *most;
  while (value > seen && !atomic_compare_exchange_weak(most, &seen, value))
    ;
}

static anycable_str message(struct worker *w, long number) {
  size_t size = (size_t)options.size + 64;
  int len = snprintf(w->text, size,
                     options.string ? "#%ld;" : "{\"n\":\"#%ld;\"", number);
  /* What fills it up must be ASCII, and no number sign. */
  if (options.size > 0) {
    len += snprintf(w->text + len, size - (size_t)len,
                    options.string ? " " : ",\"fill\":\"");
    for (long end = options.size - 2; len < end; len++)
      w->text[len] = (char)('a' + (number + len) % 26);
    len +=
        snprintf(w->text + len, size - (size_t)len, options.string ? "" : "\"");
  }
  len += snprintf(w->text + len, size - (size_t)len, options.string ? "" : "}");
  return (anycable_str){w->text, (size_t)len};
}

/* Counts a call's result: for a batch that of its end. */
static void account(int error, long first, long step, long n) {
  if (!error) {
    taken++;
    return;
  }
  if (error == ANYCABLE_ERR_LIMIT)
    refused++;
  else
    errors++;
  for (long i = 0; i < n; i++)
    write_fate(first + i * step, "refused", -1, anycable_strerror(error));
}

static int publish_one(struct worker *w, long number) {
  anycable_publish_options how = {.size = sizeof how,
                                  .tag = (void *)(intptr_t)(number + 1)};
  anycable_str stream = anycable_str_of(w->stream);
  anycable_str text = message(w, number);
  int64_t began = now_us();
  int error =
      options.string
          ? anycable_broadcaster_publish_string(broadcaster, stream, text, &how)
          : anycable_broadcaster_publish(broadcaster, stream, text, &how);
  raise_to(&longest_us, (long)(now_us() - began));
  return error;
}

/* |n| messages, the first of which is |first|; what does not fit into a batch
 * is refused by itself. */
static void publish_batch(struct worker *w, long first, long step, long n) {
  long in = 0;
  anycable_broadcaster_begin_batch(broadcaster);
  for (; in < n; in++)
    if (publish_one(w, first + in * step))
      break;
  account(anycable_broadcaster_end_batch(broadcaster), first, step, in);
  if (in < n)
    account(ANYCABLE_ERR_LIMIT, first + in * step, step, n - in);
}

static void sleep_until(int64_t us) {
  struct timespec t = {us / 1000000, us % 1000000 * 1000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
    ;
}

static void *work(void *ctx) {
  struct worker *w = ctx;
  long step = options.threads, n = options.batch ? options.batch : 1;
  int64_t began = now_us();
  for (long i = w->index; !stopping; i += step * n) {
    if (options.count && i >= options.count)
      break;
    if (options.rate)
      sleep_until(began + (int64_t)i * 1000000 / options.rate);
    if (options.batch)
      publish_batch(w, i, step, n);
    else
      account(publish_one(w, i), i, step, 1);
  }
  return NULL;
}

static bool start_worker(struct worker *w, long index) {
  w->index = index;
  snprintf(w->stream, sizeof w->stream, options.threads > 1 ? "%s.%ld" : "%s",
           options.stream, index);
  w->text = malloc((size_t)options.size + 64);
  return w->text && !pthread_create(&w->thread, NULL, work, w);
}

static void publish_all(void) {
  static struct worker workers[MAX_THREADS];
  for (long i = 0; i < options.threads; i++)
    if (!start_worker(&workers[i], i))
      abort();
  for (long i = 0; i < options.threads; i++) {
    pthread_join(workers[i].thread, NULL);
    free(workers[i].text);
  }
}

/* --- what is printed ------------------------------------------------------ */

/* A line with the counts as they are. Lines of two threads come in the order of
 * what they tell. */
static void print_state(const char *event, bool only_if_wrong) {
  flockfile(stdout);
  anycable_broadcast_counts c = read_counts(broadcaster);
  bool right =
      c.taken == c.queued + c.published + c.failed + c.dropped + c.unknown;
  if (!right || !only_if_wrong) {
    printf("{\"event\":\"%s\",\"us\":%" PRId64 ",", event, now_us());
    print_counts(&c);
    printf(",\"longest_us\":%ld}\n", (long)longest_us);
    fflush(stdout);
  }
  funlockfile(stdout);
}

/* Looks often, but prints not all that is right. */
static void *sample(void *ctx) {
  (void)ctx;
  for (long i = 0; !sampled; i++) {
    print_state("sample", i % PRINTED != 0);
    sleep_until(now_us() + SAMPLE_US);
  }
  return NULL;
}

/* What there is no counting of any more: by the callbacks, and by the calls. */
static void print_end(long flush_error, int64_t free_us) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"event\":\"end\",\"taken\":%ld,\"refused\":%ld,\"errors\":%ld,"
         "\"published\":%ld,\"failed\":%ld,\"dropped\":%ld,\"unknown\":%ld,"
         "\"wrong_tags\":%ld,\"longest_us\":%ld,\"flush\":%ld,"
         "\"free_us\":%" PRId64 ",\"peak_kib\":%ld}\n",
         (long)taken, (long)refused, (long)errors,
         (long)fates[ANYCABLE_FATE_PUBLISHED],
         (long)fates[ANYCABLE_FATE_FAILED], (long)fates[ANYCABLE_FATE_DROPPED],
         (long)fates[ANYCABLE_FATE_UNKNOWN], (long)wrong_tags, (long)longest_us,
         flush_error, free_us, usage.ru_maxrss);
}

/* --- the program ---------------------------------------------------------- */

static void *watch_input(void *ctx) {
  (void)ctx;
  char bytes[64];
  while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
    ;
  stopping = true;
  return NULL;
}

static int full_mode(const char *name) {
  if (!strcmp(name, "refuse"))
    return ANYCABLE_FULL_REFUSE;
  if (!strcmp(name, "wait"))
    return ANYCABLE_FULL_WAIT;
  return !strcmp(name, "drop") ? ANYCABLE_FULL_DROP : -1;
}

static bool read_options(int argc, char **argv, anycable_config *config) {
  static const struct option flags[] = {
      {"count", 1, 0, 'c'},  {"rate", 1, 0, 'r'},    {"size", 1, 0, 's'},
      {"stream", 1, 0, 'n'}, {"threads", 1, 0, 't'}, {"string", 0, 0, 'x'},
      {"batch", 1, 0, 'b'},  {"fates", 1, 0, 'o'},   {"full", 1, 0, 'f'},
      {"wait", 1, 0, 'w'},   {"flush", 1, 0, 'u'},   {"limit", 1, 0, 'l'},
      {NULL, 0, NULL, 0}};
  int flag, full = ANYCABLE_FULL_REFUSE, error = 0;
  long wait_ms = 1000;
  while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
    switch (flag) {
    case 'c':
      options.count = atol(optarg);
      break;
    case 'r':
      options.rate = atol(optarg);
      break;
    case 's':
      options.size = atol(optarg);
      break;
    case 'n':
      options.stream = optarg;
      break;
    case 't':
      options.threads = atol(optarg);
      break;
    case 'x':
      options.string = true;
      break;
    case 'b':
      options.batch = atol(optarg);
      break;
    case 'o':
      options.fates = fopen(optarg, "w");
      break;
    case 'f':
      full = full_mode(optarg);
      break;
    case 'w':
      wait_ms = atol(optarg);
      break;
    case 'u':
      options.flush_ms = atol(optarg);
      break;
    case 'l':
      error |= set_limit(config, optarg);
      break;
    default:
      return false;
    }
  }
  error |= anycable_config_set_when_full(config, full, wait_ms);
  return !error && optind == argc && options.threads >= 1 &&
         options.threads <= MAX_THREADS;
}

static void run(void) {
  pthread_t sampler, watcher;
  if (pthread_create(&sampler, NULL, sample, NULL) ||
      pthread_create(&watcher, NULL, watch_input, NULL))
    abort();
  pthread_detach(watcher);
  publish_all();
  print_state("published", false);
  int flush_error = anycable_broadcaster_flush(broadcaster, options.flush_ms);
  print_state("flushed", false);
  sampled = true;
  pthread_join(sampler, NULL);
  int64_t began = now_us();
  anycable_broadcaster_free(broadcaster);
  print_end(flush_error, now_us() - began);
}

int main(int argc, char **argv) {
  anycable_config *config = anycable_config_new();
  if (!config || !read_options(argc, argv, config)) {
    fprintf(stderr, "bad arguments\n");
    anycable_config_free(config);
    return 2;
  }
  broadcaster = open_broadcaster(config);
  anycable_config_free(config);
  if (!broadcaster)
    return 1;
  anycable_broadcaster_on_fate(broadcaster, on_fate, NULL);
  run();
  return options.fates && fclose(options.fates) ? 1 : 0;
}
