/* A broadcaster: queue, fates, counts, its end. */
#include "broadcast_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

enum { FLUSH = 20000 };

/* --- publishing ----------------------------------------------------------- */

static void test_publish(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  assert_int_equal(script.created, 1);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, 0), ANYCABLE_OK);
  for (unsigned i = 0; i < 1000; i++)
    assert_int_equal(publish_number(broadcaster, i), ANYCABLE_OK);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  anycable_broadcast_counts counts = counts_of(broadcaster);
  assert_int_equal(counts.taken, 1000);
  assert_int_equal(counts.published, 1000);
  assert_int_equal(counts.receivers, 2000);
  assert_int_equal(counts.queued_bytes, 0);
  assert_int_equal(counts.breaks, 0);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, 1000);
  for (unsigned i = 0; i < 1000; i++)
    assert_number(script.texts[i], i);
  assert_int_equal(script.destroyed, 1);
  script_deinit(&script);
}

static void test_what_is_not_taken(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_MESSAGE, 100);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_JSON_DEPTH, 2);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  anycable_str s = ANYCABLE_STR("s");
  assert_int_equal(
      anycable_broadcaster_publish(broadcaster, s, ANYCABLE_STR("nope"), NULL),
      ANYCABLE_ERR_PROTO);
  assert_int_equal(anycable_broadcaster_publish(broadcaster, s,
                                                ANYCABLE_STR("[[[1]]]"), NULL),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(
      anycable_broadcaster_publish(NULL, s, ANYCABLE_STR("1"), NULL),
      ANYCABLE_ERR_INVALID);
  assert_int_equal(
      anycable_broadcaster_disconnect(broadcaster, ANYCABLE_STR(""), true),
      ANYCABLE_ERR_INVALID);
  assert_int_equal(
      anycable_broadcaster_disconnect(broadcaster, ANYCABLE_STR("\xff"), true),
      ANYCABLE_ERR_ENCODING);
  char text[101];
  memset(text, 'x', sizeof(text));
  const size_t head = strlen("{\"stream\":\"s\",\"data\":\"\\\"\\\"\"}");
  assert_int_equal(anycable_broadcaster_publish_string(
                       broadcaster, s, (anycable_str){text, 100 - head}, NULL),
                   ANYCABLE_OK);
  assert_int_equal(anycable_broadcaster_publish_string(
                       broadcaster, s, (anycable_str){text, 101 - head}, NULL),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(counts_of(broadcaster).taken, 1);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void test_constructor(void **state) {
  (void)state;
  anycable_broadcaster *broadcaster;
  assert_int_equal(anycable_broadcaster_new(NULL, NULL, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_broadcaster_new(&broadcaster, NULL, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_null(broadcaster);
  anycable_config *config = anycable_config_new();
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "smoke", config),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(strstr(anycable_config_error(config), "\"smoke\""));
  anycable_config_free(config);
  config = anycable_config_new();
  anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER,
                      "memory, redis");
  assert_int_equal(anycable_broadcaster_new(&broadcaster, NULL, config),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(strstr(anycable_config_error(config), "several"));
  anycable_config_free(config);
  config = anycable_config_new();
  anycable_config_add_adapter(config, &script_adapter, NULL);
  assert_int_equal(anycable_broadcaster_new(&broadcaster, "script", config),
                   ANYCABLE_ERR_INVALID);
  assert_string_equal(anycable_config_error(config), "script: there is none");
  assert_null(broadcaster);
  anycable_config_free(config);
  anycable_broadcaster_free(NULL);
  assert_null(anycable_broadcaster_ref(NULL));
}

/* --- no room -------------------------------------------------------------- */

/* Room for three messages, and an adapter that takes none. */
static anycable_broadcaster *small(struct script *script, int when_full,
                                   int64_t wait_ms) {
  script_init(script);
  script->closed = true;
  anycable_config *config = script_config(script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_COUNT, 3);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  assert_int_equal(anycable_config_set_when_full(config, when_full, wait_ms),
                   ANYCABLE_OK);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(publish_number(broadcaster, i), ANYCABLE_OK);
  return broadcaster;
}

static void test_full_refuse(void **state) {
  (void)state;
  struct script script;
  anycable_broadcaster *broadcaster = small(&script, ANYCABLE_FULL_REFUSE, 0);
  assert_int_equal(publish_number(broadcaster, 3), ANYCABLE_ERR_LIMIT);
  assert_int_equal(publish_number(broadcaster, 4), ANYCABLE_ERR_LIMIT);
  anycable_broadcast_counts counts = counts_of(broadcaster);
  assert_int_equal(counts.taken, 3);
  assert_int_equal(counts.queued, 3);
  assert_int_equal(counts.refused, 2);
  SCRIPT_SET(&script, closed, false);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  assert_int_equal(publish_number(broadcaster, 5), ANYCABLE_OK);
  anycable_broadcaster_flush(broadcaster, FLUSH);
  assert_int_equal(counts_of(broadcaster).published, 4);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void test_full_bytes(void **state) {
  (void)state;
  struct script script;
  char text[1500];
  memset(text, 'x', sizeof(text));
  script_init(&script);
  script.closed = true;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_BYTES, 4096);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  int errors[3];
  for (size_t i = 0; i < 3; i++)
    errors[i] = anycable_broadcaster_publish_string(
        broadcaster, ANYCABLE_STR("s"), (anycable_str){text, sizeof(text)},
        NULL);
  assert_int_equal(errors[0], ANYCABLE_OK);
  assert_int_equal(errors[1], ANYCABLE_OK);
  assert_int_equal(errors[2], ANYCABLE_ERR_LIMIT);
  assert_in_range(counts_of(broadcaster).queued_bytes, 3000, 4096);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

struct dropped {
  unsigned n;
  char payload[SCRIPT_TEXT];
  char reason[64];
  void *tag;
};

static void on_dropped(const anycable_publication *publication, void *ctx) {
  struct dropped *dropped = ctx;
  if (publication->fate != ANYCABLE_FATE_DROPPED)
    return;
  dropped->n++;
  memcpy(dropped->payload, publication->payload.ptr, publication->payload.len);
  dropped->payload[publication->payload.len] = '\0';
  snprintf(dropped->reason, sizeof(dropped->reason), "%s", publication->reason);
  dropped->tag = publication->tag;
  assert_int_equal(publication->receivers, -1);
}

static void test_full_drop(void **state) {
  (void)state;
  struct script script;
  struct dropped dropped = {0};
  script_init(&script);
  script.closed = true;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_COUNT, 1);
  anycable_config_set_when_full(config, ANYCABLE_FULL_DROP, 0);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  anycable_broadcaster_on_fate(broadcaster, on_dropped, &dropped);
  assert_int_equal(publish_number(broadcaster, 0), ANYCABLE_OK);
  anycable_publish_options options = {.size = sizeof(options), .tag = &script};
  assert_int_equal(anycable_broadcaster_publish(broadcaster, ANYCABLE_STR("s"),
                                                ANYCABLE_STR("1"), &options),
                   ANYCABLE_OK);
  assert_int_equal(dropped.n, 1);
  assert_number(dropped.payload, 1);
  assert_string_equal(dropped.reason, "the queue is full");
  assert_ptr_equal(dropped.tag, &script);
  anycable_broadcast_counts counts = counts_of(broadcaster);
  assert_int_equal(counts.taken, 2);
  assert_int_equal(counts.dropped, 1);
  assert_int_equal(counts.refused, 0);
  SCRIPT_SET(&script, closed, false);
  anycable_broadcaster_flush(broadcaster, FLUSH);
  assert_int_equal(counts_of(broadcaster).published, 1);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void test_full_wait(void **state) {
  (void)state;
  struct script script;
  anycable_broadcaster *broadcaster = small(&script, ANYCABLE_FULL_WAIT, 50);
  uint64_t began = now_ms();
  assert_int_equal(publish_number(broadcaster, 3), ANYCABLE_ERR_LIMIT);
  assert_true(now_ms() - began >= 49);
  assert_int_equal(counts_of(broadcaster).refused, 1);
  SCRIPT_SET(&script, closed, false);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void *open_gate(void *arg) {
  struct script *script = arg;
  SCRIPT_WAIT(script, script->waiting);
  SCRIPT_SET(script, closed, false);
  return NULL;
}

static void test_wait_for_room(void **state) {
  (void)state;
  struct script script;
  pthread_t thread;
  anycable_broadcaster *broadcaster = small(&script, ANYCABLE_FULL_WAIT, FLUSH);
  pthread_create(&thread, NULL, open_gate, &script);
  for (unsigned i = 3; i < 1000; i++)
    assert_int_equal(publish_number(broadcaster, i), ANYCABLE_OK);
  pthread_join(thread, NULL);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  assert_int_equal(counts_of(broadcaster).published, 1000);
  for (unsigned i = 0; i < 1000; i++)
    assert_number(script.texts[i], i);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* --- what the other side does --------------------------------------------- */

static void test_put_back(void **state) {
  (void)state;
  struct script script;
  char error[64];
  script_init(&script);
  script.closed = true;
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  assert_int_equal(anycable_broadcaster_error(broadcaster, error, 64), 0);
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&script, script.waiting);
  for (unsigned i = 1; i < 8; i++)
    publish_number(broadcaster, i);
  pthread_mutex_lock(&script.mutex);
  script.closed = false;
  script.fails = 0;
  pthread_mutex_unlock(&script.mutex);
  anycable_broadcaster_flush(broadcaster, FLUSH);
  /* Takes five, knows nothing of two of them, and breaks; twice. */
  pthread_mutex_lock(&script.mutex);
  script.fails = 2;
  script.takes = 5;
  script.settles = 2;
  pthread_mutex_unlock(&script.mutex);
  anycable_broadcaster_begin_batch(broadcaster);
  anycable_broadcaster_end_batch(broadcaster);
  for (unsigned i = 8; i < 20; i++)
    publish_number(broadcaster, i);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  anycable_broadcast_counts counts = counts_of(broadcaster);
  assert_int_equal(counts.breaks, 2);
  assert_in_range(counts.unknown, 2, 4); /* the first may have found just one */
  assert_int_equal(counts.published, 20 - counts.unknown);
  assert_int_equal(anycable_broadcaster_error(broadcaster, error, 64), 0);
  for (unsigned i = 8; i < script.kept; i++)
    assert_number(script.texts[i], i + (unsigned)counts.unknown);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void test_reason(void **state) {
  (void)state;
  struct script script;
  char error[64];
  script_init(&script);
  script.fails = 1000;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&script, script.calls >= 2);
  const char *expected = "down, says the script";
  assert_int_equal(anycable_broadcaster_error(broadcaster, error, 64),
                   strlen(expected));
  assert_string_equal(error, expected);
  assert_int_equal(anycable_broadcaster_error(broadcaster, error, 5),
                   strlen(expected));
  assert_string_equal(error, "down");
  assert_int_equal(anycable_broadcaster_error(broadcaster, NULL, 0),
                   strlen(expected));
  assert_int_equal(anycable_broadcaster_flush(broadcaster, 1),
                   ANYCABLE_ERR_TIMEOUT);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.destroyed, 1);
  script_deinit(&script);
}

/* Never in the caller's way, and never all the time: after 100 ms at first. */
static void test_backoff(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  script.fails = 3;
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  uint64_t began = now_ms();
  publish_number(broadcaster, 0);
  assert_true(now_ms() - began < 90);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  /* 100 and more, 100 to 200, 200 to 400. */
  assert_true(now_ms() - began >= 399);
  assert_int_equal(counts_of(broadcaster).breaks, 3);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void test_adapter_that_settles_nothing(void **state) {
  (void)state;
  struct script script;
  char error[64];
  script_init(&script);
  script.settles_nothing = true;
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&script, script.calls >= 2);
  anycable_broadcaster_error(broadcaster, error, sizeof(error));
  assert_string_equal(error, "the adapter has settled nothing");
  SCRIPT_SET(&script, settles_nothing, false);
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  assert_true(script.calls < 20);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* --- fates ---------------------------------------------------------------- */

struct told {
  anycable_broadcaster *broadcaster;
  unsigned n;
  int fates[8];
  int64_t receivers[8];
  char reasons[8][64];
  void *tags[8];
  bool publishes;
  bool frees;
  int flushed;
};

static void on_fate(const anycable_publication *publication, void *ctx) {
  struct told *told = ctx;
  unsigned i = told->n++ % 8;
  assert_int_equal(publication->size, sizeof(*publication));
  told->fates[i] = publication->fate;
  told->receivers[i] = publication->receivers;
  snprintf(told->reasons[i], 64, "%s", publication->reason);
  told->tags[i] = publication->tag;
  if (told->n > 1)
    return;
  if (told->publishes)
    publish_number(told->broadcaster, 1);
  told->flushed = anycable_broadcaster_flush(told->broadcaster, 0);
  if (told->frees)
    anycable_broadcaster_free(told->broadcaster);
}

static void test_fates_are_told(void **state) {
  (void)state;
  static const int fates[] = {ANYCABLE_FATE_PUBLISHED, ANYCABLE_FATE_FAILED,
                              ANYCABLE_FATE_UNKNOWN, ANYCABLE_FATE_DROPPED};
  struct script script;
  struct told told = {0};
  script_init(&script);
  anycable_broadcaster *broadcaster = told.broadcaster =
      broadcaster_from(script_config(&script));
  assert_int_equal(anycable_broadcaster_on_fate(broadcaster, on_fate, &told),
                   ANYCABLE_OK);
  for (size_t i = 0; i < 4; i++) {
    anycable_publish_options options = {.size = sizeof(options),
                                        .tag = &script.texts[i]};
    pthread_mutex_lock(&script.mutex);
    script.fate = fates[i];
    script.reason = i == 3 ? NULL : "because";
    pthread_mutex_unlock(&script.mutex);
    anycable_broadcaster_publish(broadcaster, ANYCABLE_STR("s"),
                                 ANYCABLE_STR("1"), &options);
    assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH),
                     ANYCABLE_OK);
    assert_int_equal(told.n, i + 1);
    assert_int_equal(told.fates[i], fates[i]);
    assert_int_equal(told.receivers[i], i == 0 ? 2 : -1);
    assert_string_equal(told.reasons[i], i == 1 || i == 2 ? "because" : "");
    assert_ptr_equal(told.tags[i], &script.texts[i]);
  }
  assert_int_equal(told.flushed, ANYCABLE_ERR_STATE);
  anycable_broadcast_counts counts = counts_of(broadcaster);
  assert_int_equal(counts.failed, 1);
  assert_int_equal(counts.unknown, 1);
  assert_int_equal(counts.dropped, 1);
  assert_int_equal(counts.receivers, 2);
  assert_int_equal(anycable_broadcaster_on_fate(broadcaster, on_fate, NULL),
                   ANYCABLE_ERR_STATE);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

static void test_publish_when_told(void **state) {
  (void)state;
  struct script script;
  struct told told = {.publishes = true};
  script_init(&script);
  anycable_broadcaster *broadcaster = told.broadcaster =
      broadcaster_from(script_config(&script));
  anycable_broadcaster_on_fate(broadcaster, on_fate, &told);
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&script, script.kept == 2);
  assert_number(script.texts[1], 1);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* No callback comes after it, although messages wait. */
static void test_free_when_told(void **state) {
  (void)state;
  struct script script;
  struct told told = {.frees = true};
  script_init(&script);
  script.closed = true;
  anycable_broadcaster *broadcaster = told.broadcaster =
      broadcaster_from(script_config(&script));
  anycable_broadcaster_on_fate(broadcaster, on_fate, &told);
  for (unsigned i = 0; i < 5; i++)
    publish_number(broadcaster, i);
  SCRIPT_SET(&script, closed, false);
  SCRIPT_WAIT(&script, script.destroyed == 1);
  assert_int_equal(told.n, 1);
  script_deinit(&script);
}

static void test_counts_grow(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  publish_number(broadcaster, 0);
  anycable_broadcaster_flush(broadcaster, FLUSH);
  struct {
    anycable_broadcast_counts counts;
    uint64_t later;
  } newer = {.counts = {.size = sizeof(newer)}, .later = 7};
  assert_int_equal(anycable_broadcaster_counts(broadcaster, &newer.counts),
                   ANYCABLE_OK);
  assert_int_equal(newer.later, 0);
  assert_int_equal(newer.counts.size, sizeof(newer));
  assert_int_equal(newer.counts.published, 1);
  anycable_broadcast_counts older = {
      .size = offsetof(anycable_broadcast_counts, queued), .queued = 99};
  assert_int_equal(anycable_broadcaster_counts(broadcaster, &older),
                   ANYCABLE_OK);
  assert_int_equal(older.taken, 1);
  assert_int_equal(older.queued, 99);
  older.size = 0;
  assert_int_equal(anycable_broadcaster_counts(broadcaster, &older),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_broadcaster_counts(NULL, &older),
                   ANYCABLE_ERR_INVALID);
  anycable_broadcaster_free(broadcaster);
  script_deinit(&script);
}

/* --- the end -------------------------------------------------------------- */

static void test_free_flushes(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  script.fails = 1; /* there must be time for a second attempt */
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  for (unsigned i = 0; i < 100; i++)
    publish_number(broadcaster, i);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, 100);
  script_deinit(&script);
}

static void test_free_drops_the_rest(void **state) {
  (void)state;
  struct script script;
  struct dropped dropped = {0};
  script_init(&script);
  script.fails = 1000;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 50);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  anycable_broadcaster_on_fate(broadcaster, on_dropped, &dropped);
  for (unsigned i = 0; i < 10; i++)
    publish_number(broadcaster, i);
  uint64_t began = now_ms();
  anycable_broadcaster_free(broadcaster);
  assert_true(now_ms() - began >= 49);
  assert_int_equal(dropped.n, 10);
  assert_string_equal(dropped.reason, "there was no time left to send it");
  assert_number(dropped.payload, 9);
  assert_int_equal(script.destroyed, 1);
  script_deinit(&script);
}

/* Its thread is left behind, and frees it when it gets to. */
static void test_free_with_an_adapter_that_hangs(void **state) {
  (void)state;
  struct script script;
  struct dropped dropped = {0};
  script_init(&script);
  script.closed = true;
  script.hangs = true;
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_FLUSH_TIME, 0);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  anycable_broadcaster_on_fate(broadcaster, on_dropped, &dropped);
  publish_number(broadcaster, 0);
  SCRIPT_WAIT(&script, script.waiting);
  uint64_t began = now_ms();
  anycable_broadcaster_free(broadcaster);
  assert_true(now_ms() - began < 10000);
  assert_int_equal(script.destroyed, 0);
  SCRIPT_SET(&script, closed, false);
  SCRIPT_WAIT(&script, script.destroyed == 1);
  assert_int_equal(dropped.n, 0);
  script_deinit(&script);
}

static void test_ref(void **state) {
  (void)state;
  struct script script;
  script_init(&script);
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  assert_ptr_equal(anycable_broadcaster_ref(broadcaster), broadcaster);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.destroyed, 0);
  assert_int_equal(publish_number(broadcaster, 0), ANYCABLE_OK);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.destroyed, 1);
  assert_int_equal(script.kept, 1);
  script_deinit(&script);
}

static int in_child(anycable_broadcaster *broadcaster) {
  bool ok =
      publish_number(broadcaster, 1) == ANYCABLE_ERR_FORKED &&
      anycable_broadcaster_flush(broadcaster, -1) == ANYCABLE_ERR_FORKED &&
      anycable_broadcaster_begin_batch(broadcaster) == ANYCABLE_ERR_FORKED &&
      anycable_broadcaster_end_batch(broadcaster) == ANYCABLE_ERR_FORKED &&
      anycable_broadcaster_disconnect(broadcaster, ANYCABLE_STR("{}"), false) ==
          ANYCABLE_ERR_FORKED;
  anycable_broadcaster_free(broadcaster);
  return ok ? 0 : 1;
}

static void test_fork(void **state) {
  (void)state;
  struct script script;
  int status = -1;
  script_init(&script);
  anycable_broadcaster *broadcaster = broadcaster_from(script_config(&script));
  publish_number(broadcaster, 0);
  pid_t child = fork();
  if (child == 0)
    _exit(in_child(broadcaster));
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, 1);
  script_deinit(&script);
}

/* --- threads -------------------------------------------------------------- */

enum { THREADS = 8, EACH = 5000 };

struct publisher {
  anycable_broadcaster *broadcaster;
  pthread_t thread;
  unsigned number;
};

static void *publish_many(void *arg) {
  struct publisher *publisher = arg;
  for (unsigned i = 0; i < EACH; i++) {
    char text[32];
    int len = snprintf(text, sizeof(text), "[%u,%u]", publisher->number, i);
    if (anycable_broadcaster_publish(publisher->broadcaster, ANYCABLE_STR("s"),
                                     (anycable_str){text, (size_t)len},
                                     NULL) != ANYCABLE_OK)
      return publisher;
  }
  return NULL;
}

/* Each thread's messages in their order, and sums that hold at any moment. */
static void test_many_threads(void **state) {
  (void)state;
  struct script script;
  struct publisher publishers[THREADS];
  unsigned next[THREADS] = {0};
  script_init(&script);
  anycable_config *config = script_config(&script);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_BROADCAST_BYTES, 16384);
  anycable_config_set_when_full(config, ANYCABLE_FULL_WAIT, FLUSH);
  anycable_broadcaster *broadcaster = broadcaster_from(config);
  for (unsigned i = 0; i < THREADS; i++) {
    publishers[i] = (struct publisher){.broadcaster = broadcaster, .number = i};
    pthread_create(&publishers[i].thread, NULL, publish_many, &publishers[i]);
  }
  while (counts_of(broadcaster).taken < (uint64_t)THREADS * EACH)
    ;
  for (unsigned i = 0; i < THREADS; i++) {
    void *failed = NULL;
    pthread_join(publishers[i].thread, &failed);
    assert_null(failed);
  }
  assert_int_equal(anycable_broadcaster_flush(broadcaster, FLUSH), ANYCABLE_OK);
  anycable_broadcaster_free(broadcaster);
  assert_int_equal(script.kept, THREADS * EACH);
  for (size_t i = 0; i < script.kept; i++) {
    unsigned thread = THREADS, number = EACH;
    assert_int_equal(sscanf(script.texts[i],
                            "{\"stream\":\"s\",\"data\":\"[%u,%u]\"}", &thread,
                            &number),
                     2);
    assert_in_range(thread, 0, THREADS - 1);
    assert_int_equal(number, next[thread]++);
  }
  script_deinit(&script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_publish),
      cmocka_unit_test(test_what_is_not_taken),
      cmocka_unit_test(test_constructor),
      cmocka_unit_test(test_full_refuse),
      cmocka_unit_test(test_full_bytes),
      cmocka_unit_test(test_full_drop),
      cmocka_unit_test(test_full_wait),
      cmocka_unit_test(test_wait_for_room),
      cmocka_unit_test(test_put_back),
      cmocka_unit_test(test_reason),
      cmocka_unit_test(test_backoff),
      cmocka_unit_test(test_adapter_that_settles_nothing),
      cmocka_unit_test(test_fates_are_told),
      cmocka_unit_test(test_publish_when_told),
      cmocka_unit_test(test_free_when_told),
      cmocka_unit_test(test_counts_grow),
      cmocka_unit_test(test_free_flushes),
      cmocka_unit_test(test_free_drops_the_rest),
      cmocka_unit_test(test_free_with_an_adapter_that_hangs),
      cmocka_unit_test(test_ref),
      cmocka_unit_test(test_fork),
      cmocka_unit_test(test_many_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
