/* What adapters are promised: the outbox, seen from inside of publish; and how
 * they are called again. */
#include "broadcast_fixture.h"

#include <unistd.h>

#include "broadcast/broadcaster.h"

enum { FLUSH = 20000 };

/* An adapter of one step; a test says what that is. */
struct bus {
  int (*publish)(anycable_outbox *outbox, struct bus *bus);
  anycable_broadcaster *broadcaster;
  pthread_mutex_t mutex; /* all below */
  pthread_cond_t changed;
  unsigned calls;
  bool inside;
  bool go_on;
  int64_t seen;
};

static int bus_create(void **publisher, const anycable_config *config,
                      void *ctx, char *reason, size_t reason_size) {
  (void)config, (void)reason, (void)reason_size;
  *publisher = ctx;
  return ANYCABLE_OK;
}

static int bus_publish(void *publisher, anycable_outbox *outbox) {
  struct bus *bus = publisher;
  SCRIPT_SET(bus, calls, bus->calls + 1);
  return bus->publish(outbox, bus);
}

static void start(struct bus *bus, anycable_config *config,
                  int (*publish)(anycable_outbox *outbox, struct bus *bus)) {
  static const anycable_adapter adapter = {.size = sizeof(adapter),
                                           .name = "bus",
                                           .create = bus_create,
                                           .publish = bus_publish};
  memset(bus, 0, sizeof(*bus));
  pthread_mutex_init(&bus->mutex, NULL);
  pthread_cond_init(&bus->changed, NULL);
  bus->publish = publish;
  anycable_config_add_adapter(config, &adapter, bus);
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "bus");
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  bus->broadcaster = broadcaster_from(config);
}

static void stop(struct bus *bus) {
  anycable_broadcaster_free(bus->broadcaster);
  pthread_cond_destroy(&bus->changed);
  pthread_mutex_destroy(&bus->mutex);
}

static int publish_all(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  (void)bus;
  while (anycable_outbox_next(outbox, &payload))
    anycable_outbox_settle(outbox, ANYCABLE_FATE_PUBLISHED, -1, NULL);
  return ANYCABLE_OK;
}

static void settle(anycable_outbox *outbox, size_t n) {
  for (size_t i = 0; i < n; i++)
    anycable_outbox_settle(outbox, ANYCABLE_FATE_PUBLISHED, -1, NULL);
}

/* --- log lines ------------------------------------------------------------ */

struct lines {
  pthread_mutex_t mutex;
  char text[1024];
};

static void keep_line(int level, const char *line, void *ctx) {
  struct lines *lines = ctx;
  pthread_mutex_lock(&lines->mutex);
  size_t len = strlen(lines->text);
  snprintf(lines->text + len, sizeof(lines->text) - len, "%d %s\n", level,
           line);
  pthread_mutex_unlock(&lines->mutex);
}

/* --- settling ------------------------------------------------------------- */

static int settle_wrongly(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  bool ok =
      anycable_outbox_unsettled(outbox) == 0 &&
      anycable_outbox_settle(outbox, 0, -1, NULL) == ANYCABLE_ERR_STATE &&
      anycable_outbox_next(outbox, &payload) &&
      anycable_outbox_unsettled(outbox) == 1 &&
      anycable_outbox_settle(outbox, -1, -1, NULL) == ANYCABLE_ERR_INVALID &&
      anycable_outbox_settle(outbox, 4, -1, NULL) == ANYCABLE_ERR_INVALID &&
      anycable_outbox_settle(outbox, 0, -1, NULL) == ANYCABLE_OK &&
      anycable_outbox_settle(outbox, 0, -1, NULL) == ANYCABLE_ERR_STATE;
  SCRIPT_SET(bus, seen, ok);
  return publish_all(outbox, bus);
}

static void test_settle_wrongly(void **state) {
  (void)state;
  struct bus bus;
  start(&bus, anycable_config_new(), settle_wrongly);
  publish_number(bus.broadcaster, 0);
  assert_int_equal(anycable_broadcaster_flush(bus.broadcaster, FLUSH),
                   ANYCABLE_OK);
  assert_int_equal(bus.seen, 1);
  assert_int_equal(counts_of(bus.broadcaster).published, 1);
  stop(&bus);
}

/* Takes 100, and waits after 70 of the answers. */
static int pipeline(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  size_t taken = 0;
  SCRIPT_WAIT(bus, bus->go_on);
  SCRIPT_SET(bus, go_on, false);
  while (taken < 100 && anycable_outbox_next(outbox, &payload))
    taken++;
  assert_int_equal(anycable_outbox_unsettled(outbox), taken);
  settle(outbox, 70);
  SCRIPT_SET(bus, inside, true);
  SCRIPT_WAIT(bus, bus->go_on);
  settle(outbox, taken - 70);
  bus->publish = publish_all;
  return ANYCABLE_OK;
}

/* Others hear of a lot before the rest has its answers. */
static void test_pipeline(void **state) {
  (void)state;
  struct bus bus;
  start(&bus, anycable_config_new(), pipeline);
  for (unsigned i = 0; i < 100; i++)
    publish_number(bus.broadcaster, i);
  SCRIPT_SET(&bus, go_on, true);
  SCRIPT_WAIT(&bus, bus.inside);
  assert_in_range(counts_of(bus.broadcaster).published, 64, 70);
  SCRIPT_SET(&bus, go_on, true);
  assert_int_equal(anycable_broadcaster_flush(bus.broadcaster, FLUSH),
                   ANYCABLE_OK);
  assert_int_equal(counts_of(bus.broadcaster).published, 100);
  stop(&bus);
}

static void on_fate(const anycable_publication *publication, void *ctx) {
  struct bus *bus = ctx;
  (void)publication;
  /* All that were told before are counted. */
  int64_t published = (int64_t)counts_of(bus->broadcaster).published;
  if (published != bus->seen++)
    bus->seen = -1000;
}

static int take_then_settle(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  size_t taken = 0;
  (void)bus;
  while (anycable_outbox_next(outbox, &payload))
    taken++;
  settle(outbox, taken);
  return ANYCABLE_OK;
}

static void test_counts_in_callback(void **state) {
  (void)state;
  struct bus bus;
  start(&bus, anycable_config_new(), take_then_settle);
  anycable_broadcaster_on_fate(bus.broadcaster, on_fate, &bus);
  for (unsigned i = 0; i < 100; i++)
    publish_number(bus.broadcaster, i);
  assert_int_equal(anycable_broadcaster_flush(bus.broadcaster, FLUSH),
                   ANYCABLE_OK);
  assert_int_equal(bus.seen, 100);
  stop(&bus);
}

/* --- a callback, and no room ---------------------------------------------- */

static void publish_two(const anycable_publication *publication, void *ctx) {
  struct bus *bus = ctx;
  (void)publication;
  if (bus->seen++ > 0)
    return;
  SCRIPT_WAIT(bus, bus->go_on);
  assert_int_equal(publish_number(bus->broadcaster, 9), ANYCABLE_ERR_LIMIT);
}

/* It is the callback's thread that would make room: it does not wait. */
static void test_callback_does_not_wait(void **state) {
  (void)state;
  struct bus bus;
  anycable_config *config = anycable_config_new();
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_COUNT, 1);
  anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, 4 * FLUSH);
  start(&bus, config, publish_all);
  anycable_broadcaster_on_fate(bus.broadcaster, publish_two, &bus);
  publish_number(bus.broadcaster, 0);
  uint64_t began = now_ms();
  SCRIPT_SET(&bus, go_on, true);
  assert_int_equal(anycable_broadcaster_flush(bus.broadcaster, FLUSH),
                   ANYCABLE_OK);
  assert_true(now_ms() - began < FLUSH / 2);
  stop(&bus);
}

/* Nor is waited for room that there can never be. */
static void test_larger_than_the_queue(void **state) {
  (void)state;
  struct bus bus;
  char text[5000];
  memset(text, 'x', sizeof(text));
  anycable_config *config = anycable_config_new();
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_BYTES, 4096);
  anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, FLUSH);
  start(&bus, config, publish_all);
  uint64_t began = now_ms();
  assert_int_equal(anycable_broadcaster_publish_string(
                       bus.broadcaster, ANYCABLE_STR("s"),
                       (anycable_str){text, sizeof(text)}, NULL),
                   ANYCABLE_ERR_LIMIT);
  assert_true(now_ms() - began < FLUSH / 2);
  stop(&bus);
}

/* --- an end while the adapter hangs --------------------------------------- */

static int settle_and_hang(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  if (anycable_outbox_next(outbox, &payload))
    settle(outbox, 1);
  SCRIPT_WAIT(bus, bus->go_on);
  SCRIPT_SET(bus, inside, false);
  return ANYCABLE_OK;
}

static void sleep_inside(const anycable_publication *publication, void *ctx) {
  struct bus *bus = ctx;
  (void)publication;
  SCRIPT_SET(bus, inside, true);
  usleep(1300000); /* longer than the adapter is waited for */
  SCRIPT_SET(bus, seen, bus->seen + 1);
}

/* The callback is waited for, and then the adapter is left behind. */
static void test_callback_and_hang(void **state) {
  (void)state;
  struct bus bus;
  start(&bus, anycable_config_new(), settle_and_hang);
  anycable_broadcaster_on_fate(bus.broadcaster, sleep_inside, &bus);
  publish_number(bus.broadcaster, 0);
  SCRIPT_WAIT(&bus, bus.inside);
  publish_number(bus.broadcaster, 1);
  anycable_broadcaster_free(bus.broadcaster);
  assert_int_equal(bus.seen, 1);
  SCRIPT_SET(&bus, go_on, true);
  SCRIPT_WAIT(&bus, !bus.inside);
  usleep(50000);
  assert_int_equal(bus.seen, 1);
}

/* --- waiting -------------------------------------------------------------- */

static int pauses(anycable_outbox *outbox, struct bus *bus) {
  SCRIPT_SET(bus, inside, true);
  bool go_on = anycable_outbox_pause(outbox, 5000);
  bool still = anycable_outbox_pause(outbox, 0);
  SCRIPT_SET(bus, seen, go_on || still ? 1 : 2);
  return ANYCABLE_OK;
}

static void test_pause_ends(void **state) {
  (void)state;
  struct bus bus;
  struct lines lines = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  anycable_config *config = anycable_config_new();
  anycable_config_set_log(config, keep_line, &lines);
  start(&bus, config, pauses);
  publish_number(bus.broadcaster, 0);
  SCRIPT_WAIT(&bus, bus.inside);
  uint64_t began = now_ms();
  anycable_broadcaster_free(bus.broadcaster);
  assert_true(now_ms() - began < 900); /* it was not left behind */
  assert_int_equal(bus.seen, 2);
  assert_null(strstr(lines.text, "settled nothing")); /* it was told to end */
  assert_non_null(strstr(lines.text, "1 messages were left"));
}

static int settle_first(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  if (bus->calls == 1 && anycable_outbox_next(outbox, &payload))
    settle(outbox, 1);
  return ANYCABLE_OK;
}

static void test_settles_one_then_nothing(void **state) {
  (void)state;
  struct bus bus;
  start(&bus, anycable_config_new(), settle_first);
  publish_number(bus.broadcaster, 0);
  publish_number(bus.broadcaster, 1);
  usleep(50000);
  pthread_mutex_lock(&bus.mutex);
  unsigned calls = bus.calls;
  pthread_mutex_unlock(&bus.mutex);
  assert_in_range(calls, 2, 3);
  stop(&bus);
}

static int is_down(anycable_outbox *outbox, struct bus *bus) {
  (void)bus;
  return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE, "down");
}

static int fails_thrice(anycable_outbox *outbox, struct bus *bus) {
  return bus->calls % 4 ? is_down(outbox, bus) : publish_all(outbox, bus);
}

/* After a success it begins with 100 ms again, and grows again. */
static void test_backoff_begins_anew(void **state) {
  (void)state;
  struct bus bus;
  start(&bus, anycable_config_new(), fails_thrice);
  for (unsigned i = 0; i < 2; i++) {
    uint64_t began = now_ms();
    publish_number(bus.broadcaster, i);
    assert_int_equal(anycable_broadcaster_flush(bus.broadcaster, FLUSH),
                     ANYCABLE_OK);
    /* 100 to 113, 100 to 200, 200 to 400 */
    assert_in_range(now_ms() - began, 399, 1200);
  }
  assert_int_equal(counts_of(bus.broadcaster).breaks, 6);
  stop(&bus);
}

static void test_delays(void **state) {
  (void)state;
  static const int64_t most[] = {0, 112, 200, 400, 800, 1600, 3200, 5000, 5000};
  for (unsigned breaks = 1; breaks < 9; breaks++) {
    int64_t least = breaks == 1 ? 100 : most[breaks] / 2;
    int64_t one = ac_sender_delay(breaks, 0);
    int64_t other = ac_sender_delay(breaks, UINT32_MAX);
    assert_in_range(one, least, most[breaks]);
    assert_in_range(other, least, most[breaks]);
    assert_true(llabs(one - other) >= least / 10);
  }
  assert_in_range(ac_sender_delay(UINT32_MAX, 1u << 31), 2500, 5000);
}

/* --- the log -------------------------------------------------------------- */

static int refuses(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  if (bus->calls == 1)
    return is_down(outbox, bus);
  while (anycable_outbox_next(outbox, &payload))
    anycable_outbox_settle(outbox, ANYCABLE_FATE_FAILED, -1, "no such bus");
  return ANYCABLE_OK;
}

static void test_log(void **state) {
  (void)state;
  struct bus bus;
  struct lines lines = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  anycable_config *config = anycable_config_new();
  anycable_config_set_log(config, keep_line, &lines);
  start(&bus, config, refuses);
  publish_number(bus.broadcaster, 0);
  anycable_broadcaster_flush(bus.broadcaster, FLUSH);
  usleep(1100000); /* losses are logged once a second at most */
  for (unsigned i = 0; i < 2; i++) {
    publish_number(bus.broadcaster, i);
    anycable_broadcaster_flush(bus.broadcaster, FLUSH);
  }
  stop(&bus);
  char expected[512];
  snprintf(expected, sizeof(expected),
           "%d broadcast: bus: down; 1 messages wait\n"
           "%d broadcast: bus: 1 messages failed, or are not known to have "
           "arrived: no such bus\n"
           "%d broadcast: bus: 1 messages failed, or are not known to have "
           "arrived: no such bus\n",
           ANYCABLE_LOG_WARN, ANYCABLE_LOG_WARN, ANYCABLE_LOG_WARN);
  assert_string_equal(lines.text, expected);
}

/* Takes three, of which two may have arrived; then it is down. */
static int doubts_two(anycable_outbox *outbox, struct bus *bus) {
  anycable_str payload;
  SCRIPT_WAIT(bus, bus->go_on);
  for (int i = 0; i < 3; i++)
    anycable_outbox_next(outbox, &payload);
  anycable_outbox_doubt(outbox, 2);
  anycable_outbox_doubt(outbox, 1); /* the second still may */
  SCRIPT_SET(bus, publish, is_down);
  return is_down(outbox, bus);
}

static unsigned fates[ANYCABLE_FATE_UNKNOWN + 1];

static void count_fate(const anycable_publication *publication, void *ctx) {
  (void)ctx;
  fates[publication->fate]++;
}

static void test_doubt(void **state) {
  (void)state;
  struct bus bus;
  memset(fates, 0, sizeof(fates));
  start(&bus, anycable_config_new(), doubts_two);
  anycable_broadcaster_on_fate(bus.broadcaster, count_fate, NULL);
  for (unsigned i = 0; i < 4; i++)
    publish_number(bus.broadcaster, i);
  SCRIPT_SET(&bus, go_on, true);
  SCRIPT_WAIT(&bus, bus.publish == is_down);
  stop(&bus);
  assert_int_equal(fates[ANYCABLE_FATE_UNKNOWN], 2);
  assert_int_equal(fates[ANYCABLE_FATE_DROPPED], 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_settle_wrongly),
      cmocka_unit_test(test_pipeline),
      cmocka_unit_test(test_counts_in_callback),
      cmocka_unit_test(test_callback_does_not_wait),
      cmocka_unit_test(test_larger_than_the_queue),
      cmocka_unit_test(test_callback_and_hang),
      cmocka_unit_test(test_pause_ends),
      cmocka_unit_test(test_settles_one_then_nothing),
      cmocka_unit_test(test_backoff_begins_anew),
      cmocka_unit_test(test_delays),
      cmocka_unit_test(test_log),
      cmocka_unit_test(test_doubt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
