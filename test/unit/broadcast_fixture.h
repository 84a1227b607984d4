/* A broadcaster whose adapter does what a test says: it publishes by a script,
 * and keeps what it was given. A fake, as no real server can be made to answer
 * so, at just that moment. */
#ifndef BROADCAST_FIXTURE_H
#define BROADCAST_FIXTURE_H

#include <anycable.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SCRIPT_KEEPS = 1 << 17, SCRIPT_TEXT = 128 };

struct script {
  pthread_mutex_t mutex; /* all below */
  pthread_cond_t changed;
  bool closed;  /* publish waits at the gate */
  bool hangs;   /* and does not heed the descriptor either */
  bool waiting; /* it does just now */
  unsigned
      fails; /* so many calls fail, having taken |takes|, settled |settles| */
  size_t takes;
  size_t settles;
  bool settles_nothing; /* returns OK all the same */
  int fate;
  const char *reason;
  unsigned calls;
  unsigned created;
  unsigned destroyed;
  size_t kept; /* what was settled as PUBLISHED, cut at SCRIPT_TEXT */
  char (*texts)[SCRIPT_TEXT];
};

static inline void script_init(struct script *script) {
  memset(script, 0, sizeof(*script));
  pthread_mutex_init(&script->mutex, NULL);
  pthread_cond_init(&script->changed, NULL);
  script->texts = calloc(SCRIPT_KEEPS, SCRIPT_TEXT);
  assert_non_null(script->texts);
}

static inline void script_deinit(struct script *script) {
  free(script->texts);
  pthread_cond_destroy(&script->changed);
  pthread_mutex_destroy(&script->mutex);
}

#define SCRIPT_SET(script, field, value)                                       \
  do {                                                                         \
    pthread_mutex_lock(&(script)->mutex);                                      \
    (script)->field = (value);                                                 \
    pthread_cond_broadcast(&(script)->changed);                                \
    pthread_mutex_unlock(&(script)->mutex);                                    \
  } while (0)

/* Waits until |condition|, read under the lock, is true. */
#define SCRIPT_WAIT(script, condition)                                         \
  do {                                                                         \
    pthread_mutex_lock(&(script)->mutex);                                      \
    while (!(condition))                                                       \
      pthread_cond_wait(&(script)->changed, &(script)->mutex);                 \
    pthread_mutex_unlock(&(script)->mutex);                                    \
  } while (0)

static int script_create(void **publisher, const anycable_config *config,
                         void *ctx, char *reason, size_t reason_size) {
  struct script *script = ctx;
  (void)config;
  if (!script) {
    snprintf(reason, reason_size, "script: there is none");
    return ANYCABLE_ERR_INVALID;
  }
  script->created++;
  *publisher = script;
  return ANYCABLE_OK;
}

static void script_destroy(void *publisher) {
  struct script *script = publisher;
  SCRIPT_SET(script, destroyed, script->destroyed + 1);
}

/* False if it is to return at once. Under the lock. */
static bool script_gate(struct script *script, anycable_outbox *outbox) {
  bool go_on = true;
  script->waiting = script->closed;
  pthread_cond_broadcast(&script->changed);
  while (script->closed && go_on) {
    pthread_mutex_unlock(&script->mutex);
    go_on = anycable_outbox_pause(outbox, 1) || script->hangs;
    pthread_mutex_lock(&script->mutex);
  }
  script->waiting = false;
  return go_on;
}

static int script_fail(struct script *script, anycable_outbox *outbox) {
  anycable_str payload;
  script->fails--;
  for (size_t i = 0; i < script->takes; i++)
    anycable_outbox_next(outbox, &payload);
  for (size_t i = 0; i < script->settles; i++)
    anycable_outbox_settle(outbox, ANYCABLE_FATE_UNKNOWN, -1, "cut off");
  return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE, "down, %s",
                              "says the script");
}

static void script_keep(struct script *script, anycable_str payload) {
  size_t len = payload.len < SCRIPT_TEXT ? payload.len : SCRIPT_TEXT - 1;
  if (script->kept < SCRIPT_KEEPS)
    memcpy(script->texts[script->kept++], payload.ptr, len);
}

static int script_publish(void *publisher, anycable_outbox *outbox) {
  struct script *script = publisher;
  anycable_str payload;
  int rc = ANYCABLE_OK;
  pthread_mutex_lock(&script->mutex);
  script->calls++;
  if (script->fails > 0)
    rc = script_fail(script, outbox);
  else if (script->settles_nothing)
    anycable_outbox_next(outbox, &payload);
  else
    while (script_gate(script, outbox) &&
           anycable_outbox_next(outbox, &payload)) {
      if (script->fate == ANYCABLE_FATE_PUBLISHED)
        script_keep(script, payload);
      int fate = script->fate;
      const char *reason = script->reason;
      pthread_mutex_unlock(&script->mutex);
      anycable_outbox_settle(outbox, fate, 2, reason);
      pthread_mutex_lock(&script->mutex);
    }
  pthread_cond_broadcast(&script->changed);
  pthread_mutex_unlock(&script->mutex);
  return rc;
}

static const anycable_adapter script_adapter = {.size = sizeof(script_adapter),
                                                .name = "script",
                                                .create = script_create,
                                                .publish = script_publish,
                                                .destroy = script_destroy};

static inline anycable_config *script_config(struct script *script) {
  anycable_config *config = anycable_config_new();
  assert_non_null(config);
  assert_int_equal(anycable_config_add_adapter(config, &script_adapter, script),
                   ANYCABLE_OK);
  assert_int_equal(
      anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "script"),
      ANYCABLE_OK);
  return config;
}

/* Frees |config|. */
static inline anycable_broadcaster *broadcaster_from(anycable_config *config) {
  anycable_broadcaster *broadcaster;
  int error = anycable_broadcaster_new(&broadcaster, NULL, config);
  assert_string_equal(anycable_config_error(config), "");
  assert_int_equal(error, ANYCABLE_OK);
  anycable_config_free(config);
  return broadcaster;
}

static inline anycable_broadcast_counts
counts_of(anycable_broadcaster *broadcaster) {
  anycable_broadcast_counts counts = {.size = sizeof(counts)};
  assert_int_equal(anycable_broadcaster_counts(broadcaster, &counts),
                   ANYCABLE_OK);
  assert_int_equal(counts.taken, counts.queued + counts.published +
                                     counts.failed + counts.dropped +
                                     counts.unknown);
  return counts;
}

static inline uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Publishes |number| as JSON to the stream "s". */
static inline int publish_number(anycable_broadcaster *broadcaster,
                                 unsigned number) {
  char text[16];
  int len = snprintf(text, sizeof(text), "%u", number);
  return anycable_broadcaster_publish(broadcaster, ANYCABLE_STR("s"),
                                      (anycable_str){text, (size_t)len}, NULL);
}

static inline void assert_number(const char *text, unsigned number) {
  char expected[64];
  snprintf(expected, sizeof(expected), "{\"stream\":\"s\",\"data\":\"%u\"}",
           number);
  assert_string_equal(text, expected);
}

#endif
