/* Publishing as a command does it: everything, and then it ends. It is given up
 * when nothing has moved for the timeout, however long all of it takes. */
#include "publisher.h"
#include "command.h"
#include "wait.h"

#include <inttypes.h>
#include <string.h>

enum {
  DEFAULT_TIMEOUT_MS = 10000,
  STEP_MS = 200 /* how often progress is looked at while we wait */
};

/* On the broadcaster's thread. */
static void count(const anycable_publication *publication, void *ctx) {
  struct publisher *publisher = ctx;

  publisher->fates[publication->fate]++;
  if (publication->fate != ANYCABLE_FATE_PUBLISHED) {
    if (!publisher->reason[0])
      snprintf(publisher->reason, ERROR_SIZE, "%s", publication->reason);
  } else if (publication->receivers >= 0) {
    publisher->receivers += (uint64_t)publication->receivers;
    publisher->receivers_known = true;
  }
}

bool publisher_init(struct publisher *publisher, struct args *args) {
  *publisher = (struct publisher){.timeout_ms = DEFAULT_TIMEOUT_MS};
  publisher->config = settings_new(args);
  return publisher->config != NULL;
}

void publisher_deinit(struct publisher *publisher) {
  anycable_broadcaster_free(publisher->broadcaster);
  anycable_config_free(publisher->config);
}

/* Where only this command waits, and not the library when it is freed. */
static void configure(anycable_config *config) {
  anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, STEP_MS);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
}

bool publisher_open(struct publisher *publisher, struct args *args) {
  configure(publisher->config);
  if (anycable_broadcaster_new(&publisher->broadcaster, NULL,
                               publisher->config) != ANYCABLE_OK)
    return args_fail(args, "%s", anycable_config_error(publisher->config));
  anycable_broadcaster_on_fate(publisher->broadcaster, count, publisher);
  progress_begin(&publisher->progress);
  return true;
}

static anycable_broadcast_counts get_counts(struct publisher *publisher) {
  anycable_broadcast_counts counts = {.size = sizeof counts};

  anycable_broadcaster_counts(publisher->broadcaster, &counts);
  return counts;
}

static void show_progress(struct publisher *publisher) {
  anycable_broadcast_counts counts;

  if (!progress_due(&publisher->progress))
    return;
  counts = get_counts(publisher);
  progress_show(&publisher->progress, &counts);
}

static void begin_waiting(struct publisher *publisher) {
  publisher->settled_at = clock_now();
}

/* After each step of waiting: does it make sense to go on? */
static bool still_moves(struct publisher *publisher) {
  anycable_broadcast_counts counts = get_counts(publisher);
  uint64_t settled = counts.taken - counts.queued;

  if (settled != publisher->settled) {
    publisher->settled = settled;
    publisher->settled_at = clock_now();
  }
  publisher->stuck =
      clock_now() - publisher->settled_at >= publisher->timeout_ms;
  show_progress(publisher);
  return !publisher->stuck;
}

static int publish_once(struct publisher *publisher,
                        const struct publication *publication) {
  return publication->is_string
             ? anycable_broadcaster_publish_string(
                   publisher->broadcaster, publication->stream,
                   publication->data, &publication->options)
             : anycable_broadcaster_publish(
                   publisher->broadcaster, publication->stream,
                   publication->data, &publication->options);
}

/* ANYCABLE_ERR_LIMIT has other reasons, too: what is too large stays so. */
static bool was_full(struct publisher *publisher) {
  uint64_t before = publisher->refused;

  publisher->refused = get_counts(publisher).refused;
  return publisher->refused != before;
}

int publisher_publish(struct publisher *publisher,
                      const struct publication *publication) {
  int error = publish_once(publisher, publication);

  begin_waiting(publisher);
  while (error == ANYCABLE_ERR_LIMIT && was_full(publisher)) {
    if (!still_moves(publisher))
      return ANYCABLE_ERR_TIMEOUT;
    error = publish_once(publisher, publication);
  }
  show_progress(publisher);
  return error;
}

static void wait_for_fates(struct publisher *publisher) {
  int64_t step =
      publisher->timeout_ms < STEP_MS ? publisher->timeout_ms : STEP_MS;

  begin_waiting(publisher);
  while (!publisher->stuck &&
         anycable_broadcaster_flush(publisher->broadcaster, step) ==
             ANYCABLE_ERR_TIMEOUT)
    still_moves(publisher);
  progress_end(&publisher->progress);
}

static void print_published(const struct publisher *publisher, uint64_t batch) {
  uint64_t published = publisher->fates[ANYCABLE_FATE_PUBLISHED];

  if (batch && published)
    printf("published %" PRIu64 " as one", batch);
  else
    printf("published %" PRIu64, published);
  if (publisher->receivers_known)
    printf(" (%" PRIu64 " receiver%s)", publisher->receivers,
           publisher->receivers == 1 ? "" : "s");
  putchar('\n');
}

/* "1 failed, 2 unknown: the reason". */
static void print_losses(const struct publisher *publisher,
                         const struct args *args) {
  static const char *const names[] = {[ANYCABLE_FATE_FAILED] = "failed",
                                      [ANYCABLE_FATE_DROPPED] = "dropped",
                                      [ANYCABLE_FATE_UNKNOWN] = "unknown"};
  const char *separator = "";

  fprintf(stderr, "anycable %s: ", args->command->name);
  for (int fate = ANYCABLE_FATE_FAILED; fate <= ANYCABLE_FATE_UNKNOWN; fate++)
    if (publisher->fates[fate]) {
      fprintf(stderr, "%s%" PRIu64 " %s", separator, publisher->fates[fate],
              names[fate]);
      separator = ", ";
    }
  fputs(publisher->reason[0] ? ": " : "", stderr);
  text_print_safe(stderr, publisher->reason);
  fputc('\n', stderr);
}

/* What the other side said last is lost with the broadcaster, and says more
 * than why messages were dropped. */
static void close_broadcaster(struct publisher *publisher) {
  char reason[ERROR_SIZE] = "";

  if (publisher->stuck)
    anycable_broadcaster_error(publisher->broadcaster, reason, sizeof reason);
  anycable_broadcaster_free(publisher->broadcaster);
  publisher->broadcaster = NULL;
  if (reason[0])
    memcpy(publisher->reason, reason, sizeof reason);
}

int publisher_finish(struct publisher *publisher, const struct args *args,
                     uint64_t batch) {
  uint64_t lost = 0;

  wait_for_fates(publisher);
  close_broadcaster(publisher);
  for (int fate = ANYCABLE_FATE_FAILED; fate <= ANYCABLE_FATE_UNKNOWN; fate++)
    lost += publisher->fates[fate];
  print_published(publisher, batch);
  if (lost)
    print_losses(publisher, args);
  if (publisher->stuck)
    return EXIT_NO_ANSWER;
  return lost ? EXIT_REFUSED : EXIT_DONE;
}
