/* A broadcaster's odd moments: what a callback may do and when, the end while
 * much is queued, flushing while messages are dropped, forks. */
#include "broadcast_fixture.h"

#include <anycable/memory.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLUSH = 20000 };

/* Room for |count| messages, and little time at the end. */
static anycable_broadcaster *made(struct script *script, int64_t count,
                                  int when_full, int64_t flush_ms) {
  anycable_config *config = script_config(script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_COUNT, count);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, flush_ms);
  anycable_config_set_when_full(config, when_full, FLUSH);
  return broadcaster_from(config);
}

/* --- callbacks that publish ----------------------------------------------- */

struct again {
  anycable_broadcaster *broadcaster;
  int fate; /* of which it publishes */
  unsigned n;
  int error;
};

static void publish_again(const anycable_publication *publication, void *ctx) {
  struct again *again = ctx;
  if (publication->fate == again->fate && again->n++ < 100)
    again->error = publish_number(again->broadcaster, 7);
}

/* It is refused, or it would be told of itself, again and again. */
static void test_publish_when_told_of_a_drop(void **state) {
  (void)state;
  struct script script;
  struct again again = {.fate = ANYCABLE_FATE_DROPPED};
  script_init(&script);
  script.closed = true;
  anycable_broadcaster *broadcaster = again.broadcaster =
      made(&script, 1, ANYCABLE_FULL_DROP, FLUSH);
  anycable_broadcaster_on_fate(broadcaster, publish_again, &again);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(publish_number(broadcaster, i), ANYCABLE_OK);
  assert_int_equal(again.n, 2);
  assert_int_equal(again.error, ANYCABLE_ERR_LIMIT);
  assert_int_equal(counts_of(broadcaster).dropped, 2);
  assert_int_equal(counts_of(broadcaster).refused, 2);
  SCRIPT_SET(&script, closed, false);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, 1);
  script_deinit(&script);
}

/* Nor on the broadcaster's thread, where the message that is told still has its
 * place in the queue. */
static void test_publish_when_full(void **state) {
  (void)state;
  struct script script;
  struct again again = {.fate = ANYCABLE_FATE_PUBLISHED};
  script_init(&script);
  anycable_broadcaster *broadcaster = again.broadcaster =
      made(&script, 1, ANYCABLE_FULL_DROP, FLUSH);
  anycable_broadcaster_on_fate(broadcaster, publish_again, &again);
  publish_number(broadcaster, 0);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  assert_int_equal(again.n, 1);
  assert_int_equal(again.error, ANYCABLE_ERR_LIMIT);
  assert_int_equal(counts_of(broadcaster).dropped, 0);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* --- callbacks at the end ------------------------------------------------- */

struct told {
  anycable_broadcaster *broadcaster;
  unsigned n;
  unsigned taken; /* by publishing in the callback */
  int errors[2];
  int flushed;
  bool sums;
};

static void on_dropped(const anycable_publication *publication, void *ctx) {
  struct told *told = ctx;
  anycable_broadcast_counts counts = {.size = sizeof(counts)};
  assert_int_equal(publication->fate, ANYCABLE_FATE_DROPPED);
  told->errors[told->n++ % 2] = publish_number(told->broadcaster, 7);
  told->flushed = anycable_broadcaster_flush(told->broadcaster, 50);
  anycable_broadcaster_counts(told->broadcaster, &counts);
  told->sums = told->sums && counts.taken == counts.queued + counts.published +
                                                 counts.failed +
                                                 counts.dropped +
                                                 counts.unknown;
}

/* Nothing is taken any more, so that nothing is left without a fate; nor does
 * it wait. */
static void test_callback_at_the_end(void **state) {
  (void)state;
  static const int64_t rooms[] = {2, 100};
  for (size_t i = 0; i < 2; i++) {
    struct script script;
    struct told told = {.sums = true};
    script_init(&script);
    script.closed = true;
    anycable_broadcaster *broadcaster = told.broadcaster =
        made(&script, rooms[i], ANYCABLE_FULL_WAIT, 0);
    anycable_broadcaster_on_fate(broadcaster, on_dropped, &told);
    publish_number(broadcaster, 0);
    publish_number(broadcaster, 1);
    uint64_t began = now_ms();
    anycable_broadcaster_free(broadcaster);
    assert_true(now_ms() - began < 5000);
    assert_int_equal(told.n, 2);
    assert_int_equal(told.errors[0], ANYCABLE_ERR_STATE);
    assert_int_equal(told.errors[1], ANYCABLE_ERR_STATE);
    assert_int_equal(told.flushed, ANYCABLE_ERR_STATE);
    assert_true(told.sums);
    script_deinit(&script);
  }
}

struct slow {
  pthread_mutex_t mutex; /* all below */
  pthread_cond_t changed;
  bool inside;
  bool go_on;
  bool done;
  unsigned told;
};

static void slowly(const anycable_publication *publication, void *ctx) {
  struct slow *slow = ctx;
  struct timespec until;
  (void)publication;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 2; /* longer than an adapter that hangs is waited for */
  pthread_mutex_lock(&slow->mutex);
  slow->inside = true;
  pthread_cond_broadcast(&slow->changed);
  while (!slow->go_on &&
         pthread_cond_timedwait(&slow->changed, &slow->mutex, &until) == 0)
    ;
  slow->go_on = slow->done = true; /* for the next one */
  slow->told++;
  pthread_mutex_unlock(&slow->mutex);
}

/* It is not left behind as an adapter is: its context is the user's. The rest
 * is told as well. */
static void test_free_waits_for_a_callback(void **state) {
  (void)state;
  struct script script;
  struct slow slow = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER};
  script_init(&script);
  anycable_broadcaster *broadcaster =
      made(&script, 10, ANYCABLE_FULL_REFUSE, 0);
  anycable_broadcaster_on_fate(broadcaster, slowly, &slow);
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&slow, slow.inside);
  publish_number(broadcaster, 1);
  anycable_broadcaster_free(broadcaster);
  assert_true(slow.done);
  assert_int_equal(slow.told, 2);
  assert_int_equal(script.destroyed, 1);
  script_deinit(&script);
}

/* --- an adapter that is slow, or idle ------------------------------------- */

struct slow_bus {
  unsigned sent;
  unsigned calls;
  int per_call; /* messages, -1 for all; 0 for none, which is OK as well */
  int64_t ms;   /* for each */
  int fate;
};

static int slow_bus_create(void **publisher, const anycable_config *config,
                           void *ctx, char *reason, size_t reason_size) {
  (void)config, (void)reason, (void)reason_size;
  *publisher = ctx;
  return ANYCABLE_OK;
}

static int slow_bus_publish(void *publisher, anycable_outbox *outbox) {
  struct slow_bus *bus = publisher;
  anycable_str payload;
  __atomic_fetch_add(&bus->calls, 1, __ATOMIC_RELAXED);
  for (int n = bus->per_call; n != 0 && anycable_outbox_next(outbox, &payload);
       n--) {
    usleep((useconds_t)(bus->ms * 1000)); /* waits without heed to anything */
    bus->sent++;
    anycable_outbox_settle(outbox, bus->fate, -1, "no");
  }
  return ANYCABLE_OK;
}

static anycable_broadcaster *by_slow_bus(struct slow_bus *bus) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "slow",
                                           .create = slow_bus_create,
                                           .publish = slow_bus_publish};
  anycable_config *config = anycable_config_new();
  anycable_config_add_adapter(config, &adapter, bus);
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "slow");
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  return broadcaster_from(config);
}

/* An adapter as in adapter.h, that sends one after the other: it gets nothing
 * more once the broadcaster is to end, and so is not left behind. */
static void test_nothing_comes_again(void **state) {
  (void)state;
  struct slow_bus bus = {.per_call = -1, .ms = 20};
  anycable_broadcaster *broadcaster = by_slow_bus(&bus);
  for (unsigned i = 0; i < 200; i++)
    publish_number(broadcaster, i);
  usleep(50000);
  uint64_t began = now_ms();
  anycable_broadcaster_free(broadcaster);
  assert_true(now_ms() - began < 900);
  assert_true(bus.sent < 100);
}

/* It is asked again after a while, not all the time. */
static void test_adapter_that_takes_nothing(void **state) {
  (void)state;
  char error[64];
  struct slow_bus bus = {.per_call = 0};
  anycable_broadcaster *broadcaster = by_slow_bus(&bus);
  publish_number(broadcaster, 0);
  usleep(150000);
  assert_in_range(__atomic_load_n(&bus.calls, __ATOMIC_RELAXED), 1, 5);
  anycable_broadcaster_error(broadcaster, error, sizeof(error));
  assert_string_equal(error, "the adapter has settled nothing");
  assert_true(counts_of(broadcaster).breaks > 0);
  anycable_broadcaster_free(broadcaster);
}

/* What was settled is known before the next one is sent. */
static void test_fate_is_known_at_once(void **state) {
  (void)state;
  struct slow_bus bus = {.per_call = -1, .ms = 300};
  anycable_broadcaster *broadcaster = by_slow_bus(&bus);
  for (unsigned i = 0; i < 4; i++)
    publish_number(broadcaster, i);
  uint64_t until = now_ms() + 900; /* all of them take longer */
  while (counts_of(broadcaster).published == 0 && now_ms() < until)
    usleep(1000);
  assert_in_range(counts_of(broadcaster).published, 1, 3);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, -1), ANYCABLE_OK);
  publish_number(broadcaster, 5);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, INT64_MAX),
                   ANYCABLE_OK);
  assert_int_equal(counts_of(broadcaster).published, 5);
  anycable_broadcaster_free(broadcaster);
}

/* --- flushing ------------------------------------------------------------- */

/* Messages that are dropped meanwhile do not stand in for those that wait. */
static void *drop_some(void *arg) {
  usleep(20000);
  for (unsigned i = 0; i < 10; i++)
    publish_number(arg, 100 + i);
  return NULL;
}

static void test_flush_while_dropping(void **state) {
  (void)state;
  struct script script;
  pthread_t thread;
  script_init(&script);
  script.closed = true;
  anycable_broadcaster *broadcaster = made(&script, 3, ANYCABLE_FULL_DROP, 0);
  for (unsigned i = 0; i < 3; i++)
    publish_number(broadcaster, i);
  pthread_create(&thread, NULL, drop_some, broadcaster);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, 100),
                   ANYCABLE_ERR_TIMEOUT);
  pthread_join(thread, NULL);
  assert_int_equal(counts_of(broadcaster).queued, 3);
  assert_int_equal(counts_of(broadcaster).dropped, 10);
  SCRIPT_SET(&script, closed, false);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* --- fork ----------------------------------------------------------------- */

static int in_child(anycable_broadcaster *broadcaster) {
  anycable_broadcast_counts counts = {.size = sizeof(counts)};
  char error[8] = "x";
  bool ok = anycable_broadcaster_counts(broadcaster, &counts) ==
                ANYCABLE_ERR_FORKED &&
            anycable_broadcaster_on_fate(broadcaster, NULL, NULL) ==
                ANYCABLE_ERR_FORKED &&
            anycable_broadcaster_error(broadcaster, error, sizeof(error)) == 0;
  return ok && !error[0] ? 0 : 1;
}

static void *publish_on(void *arg) {
  for (unsigned i = 0; publish_number(arg, i) == ANYCABLE_OK; i++)
    ;
  return NULL;
}

/* Whoever held a lock when the process forked is not there to give it back. */
static void test_fork_while_publishing(void **state) {
  (void)state;
  struct script script;
  pthread_t thread;
  script_init(&script);
  script.closed = true;
  anycable_broadcaster *broadcaster =
      made(&script, 300000, ANYCABLE_FULL_REFUSE, 0);
  pthread_create(&thread, NULL, publish_on, broadcaster);
  for (int i = 0; i < 50; i++) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
      alarm(5);
      _exit(in_child(broadcaster));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
  }
  pthread_join(thread, NULL);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* It does not sleep through the time that is left, as after five failures it
 * would for 0.8 s and more. */
static void test_free_tries_once_more(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  script.fails = 1000;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 500);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&script, script.calls >= 5);
  SCRIPT_SET(&script, fails, 0);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, 1);
  script_deinit(&script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_free_tries_once_more),
      cmocka_unit_test(test_publish_when_told_of_a_drop),
      cmocka_unit_test(test_publish_when_full),
      cmocka_unit_test(test_callback_at_the_end),
      cmocka_unit_test(test_free_waits_for_a_callback),
      cmocka_unit_test(test_nothing_comes_again),
      cmocka_unit_test(test_adapter_that_takes_nothing),
      cmocka_unit_test(test_fate_is_known_at_once),
      cmocka_unit_test(test_flush_while_dropping),
      cmocka_unit_test(test_fork_while_publishing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
