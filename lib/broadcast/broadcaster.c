/* A broadcaster's life, and what is asked of it meanwhile. */
#include "broadcast/broadcaster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

/* --- life ----------------------------------------------------------------- */

static void init_locks(anycable_broadcaster *broadcaster) {
  pthread_condattr_t monotonic;
  pthread_mutex_init(&broadcaster->mutex, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&broadcaster->work, &monotonic);
  pthread_cond_init(&broadcaster->change, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

static void release(anycable_broadcaster *broadcaster) {
  if (broadcaster->stop_fd >= 0)
    close(broadcaster->stop_fd);
  ac_fork_page_free(broadcaster->fork_page);
  ac_queue_deinit(&broadcaster->queue);
  pthread_cond_destroy(&broadcaster->change);
  pthread_cond_destroy(&broadcaster->work);
  pthread_mutex_destroy(&broadcaster->mutex);
  free(broadcaster);
}

anycable_broadcaster *
ac_broadcaster_new(const anycable_adapter *adapter, void *publisher,
                   const struct ac_broadcaster_config *config,
                   const struct ac_log *log) {
  anycable_broadcaster *broadcaster = calloc(1, sizeof(*broadcaster));
  if (!broadcaster)
    return NULL;
  atomic_init(&broadcaster->users, 1);
  broadcaster->config = *config;
  broadcaster->log = *log;
  broadcaster->adapter = *adapter;
  broadcaster->outbox.broadcaster = broadcaster;
  broadcaster->random = (uint32_t)ac_clock_now() | 1;
  ac_queue_init(&broadcaster->queue, config->queue_bytes, config->queue_count);
  ac_list_init(&broadcaster->batches);
  ac_list_init(&broadcaster->droppers);
  init_locks(broadcaster);
  broadcaster->fork_page = ac_fork_page_new();
  broadcaster->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (!broadcaster->fork_page || broadcaster->stop_fd < 0) {
    int error = errno;
    release(broadcaster);
    errno = error;
    return NULL;
  }
  broadcaster->publisher = publisher;
  return broadcaster;
}

anycable_broadcaster *
anycable_broadcaster_ref(anycable_broadcaster *broadcaster) {
  if (broadcaster)
    atomic_fetch_add(&broadcaster->users, 1);
  return broadcaster;
}

/* The fate of the oldest message, which nobody sends any more. */
static void drop_one(anycable_broadcaster *broadcaster, bool doubted) {
  struct ac_queue *queue = &broadcaster->queue;
  struct ac_queue_item item;
  size_t at = queue->head;
  size_t bytes = ac_queue_read(queue, &at, &item);
  if (doubted)
    ac_broadcaster_tell(broadcaster, ANYCABLE_FATE_UNKNOWN, -1,
                        "there was no time left to send it again", &item);
  else
    ac_broadcaster_tell(broadcaster, ANYCABLE_FATE_DROPPED, -1,
                        "there was no time left to send it", &item);
  pthread_mutex_lock(&broadcaster->mutex);
  ac_queue_remove(queue, at, bytes, 1);
  broadcaster->counts.unknown += doubted;
  broadcaster->counts.dropped += !doubted;
  pthread_mutex_unlock(&broadcaster->mutex);
}

static void drop_rest(anycable_broadcaster *broadcaster) {
  for (size_t n = 0; broadcaster->queue.count > 0; n++)
    drop_one(broadcaster, n < broadcaster->outbox.doubted);
}

void ac_broadcaster_destroy(anycable_broadcaster *broadcaster) {
  size_t left = broadcaster->queue.count;
  drop_rest(broadcaster);
  if (left > 0)
    anycable_outbox_log(
        &broadcaster->outbox, ANYCABLE_LOG_WARN, "%zu messages were left%s%s",
        left, broadcaster->reason[0] ? ": " : "", broadcaster->reason);
  if (broadcaster->adapter.destroy)
    broadcaster->adapter.destroy(broadcaster->publisher);
  ac_batch_free_all(broadcaster);
  release(broadcaster);
}

/* Sends what is queued, for a bounded time. Under the lock. */
static void drain(anycable_broadcaster *broadcaster) {
  uint64_t deadline = ac_clock_now() + broadcaster->config.flush;
  broadcaster->hurried = true;
  pthread_cond_signal(&broadcaster->work);
  while (broadcaster->queue.count > 0 && !ac_broadcaster_inside(broadcaster) &&
         ac_broadcaster_wait(broadcaster, deadline))
    ;
}

void anycable_broadcaster_free(anycable_broadcaster *broadcaster) {
  if (!broadcaster || atomic_fetch_sub(&broadcaster->users, 1) != 1)
    return;
  /* In a child, connections are the parent's, and there is no thread. */
  if (ac_forked(broadcaster->fork_page))
    return;
  pthread_mutex_lock(&broadcaster->mutex);
  bool started = broadcaster->started;
  bool ended = true;
  if (started) {
    drain(broadcaster);
    ended = ac_sender_stop(broadcaster);
  }
  pthread_mutex_unlock(&broadcaster->mutex);
  if (!ended)
    return; /* the thread frees it */
  if (started)
    pthread_join(broadcaster->thread, NULL);
  ac_broadcaster_destroy(broadcaster);
}

/* --- waiting -------------------------------------------------------------- */

bool ac_broadcaster_inside(const anycable_broadcaster *broadcaster) {
  return broadcaster->started &&
         pthread_equal(broadcaster->thread, pthread_self());
}

void ac_broadcaster_changed(anycable_broadcaster *broadcaster) {
  if (broadcaster->watchers > 0)
    pthread_cond_broadcast(&broadcaster->change);
}

bool ac_broadcaster_wait(anycable_broadcaster *broadcaster, uint64_t deadline) {
  const struct timespec until = {(time_t)(deadline / AC_SECOND),
                                 (long)(deadline % AC_SECOND)};
  int error;
  broadcaster->watchers++;
  if (deadline == UINT64_MAX)
    error = pthread_cond_wait(&broadcaster->change, &broadcaster->mutex);
  else
    error = pthread_cond_timedwait(&broadcaster->change, &broadcaster->mutex,
                                   &until);
  broadcaster->watchers--;
  return error != ETIMEDOUT;
}

/* How many messages have left the queue, in the order in which they came. Those
 * that were dropped as there was no room never were in it. */
static uint64_t gone(const anycable_broadcaster *broadcaster) {
  return broadcaster->entered - broadcaster->queue.count;
}

int anycable_broadcaster_flush(anycable_broadcaster *broadcaster,
                               int64_t timeout_ms) {
  if (!broadcaster)
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  uint64_t deadline =
      timeout_ms < 0 || timeout_ms > INT64_MAX / (int64_t)AC_MS / 2
          ? UINT64_MAX
          : ac_clock_now() + (uint64_t)timeout_ms * AC_MS;
  int error = ANYCABLE_OK;
  pthread_mutex_lock(&broadcaster->mutex);
  uint64_t target = broadcaster->entered;
  if (ac_broadcaster_inside(broadcaster) || broadcaster->stopping)
    error = ANYCABLE_ERR_STATE;
  while (!error && gone(broadcaster) < target) {
    if (!ac_broadcaster_wait(broadcaster, deadline) &&
        gone(broadcaster) < target)
      error = ANYCABLE_ERR_TIMEOUT;
  }
  pthread_mutex_unlock(&broadcaster->mutex);
  return error;
}

/* --- telling -------------------------------------------------------------- */

bool ac_broadcaster_enter(anycable_broadcaster *broadcaster) {
  pthread_mutex_lock(&broadcaster->mutex);
  bool enter = !broadcaster->silent;
  broadcaster->telling += enter;
  pthread_mutex_unlock(&broadcaster->mutex);
  return enter;
}

void ac_broadcaster_leave(anycable_broadcaster *broadcaster) {
  pthread_mutex_lock(&broadcaster->mutex);
  broadcaster->telling--;
  ac_broadcaster_changed(broadcaster);
  pthread_mutex_unlock(&broadcaster->mutex);
}

void ac_broadcaster_tell(anycable_broadcaster *broadcaster, int fate,
                         int64_t receivers, const char *reason,
                         const struct ac_queue_item *item) {
  if (!broadcaster->on_fate || !ac_broadcaster_enter(broadcaster))
    return;
  const anycable_publication publication = {
      .size = sizeof(publication),
      .fate = fate,
      .receivers = fate == ANYCABLE_FATE_PUBLISHED ? receivers : -1,
      .reason = reason,
      .payload = item->payload,
      .tag = item->tag,
  };
  broadcaster->on_fate(&publication, broadcaster->on_fate_ctx);
  ac_broadcaster_leave(broadcaster);
}

int anycable_broadcaster_on_fate(
    anycable_broadcaster *broadcaster,
    void (*fn)(const anycable_publication *publication, void *ctx), void *ctx) {
  if (!broadcaster)
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  pthread_mutex_lock(&broadcaster->mutex);
  bool late = broadcaster->counts.taken > 0;
  if (!late) {
    broadcaster->on_fate = fn;
    broadcaster->on_fate_ctx = ctx;
  }
  pthread_mutex_unlock(&broadcaster->mutex);
  return late ? ANYCABLE_ERR_STATE : ANYCABLE_OK;
}

int anycable_broadcaster_counts(anycable_broadcaster *broadcaster,
                                anycable_broadcast_counts *counts) {
  if (!broadcaster || !counts || counts->size < sizeof(counts->size))
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  pthread_mutex_lock(&broadcaster->mutex);
  anycable_broadcast_counts now = broadcaster->counts;
  now.queued = broadcaster->queue.count;
  now.queued_bytes = broadcaster->queue.used;
  pthread_mutex_unlock(&broadcaster->mutex);
  size_t size = counts->size;
  if (size > sizeof(now)) { /* what we do not know is zero */
    memset((char *)counts + sizeof(now), 0, size - sizeof(now));
    size = sizeof(now);
  }
  now.size = counts->size;
  memcpy(counts, &now, size);
  return ANYCABLE_OK;
}

size_t anycable_broadcaster_error(anycable_broadcaster *broadcaster, char *out,
                                  size_t size) {
  if (out && size > 0)
    out[0] = '\0';
  if (!broadcaster || ac_forked(broadcaster->fork_page))
    return 0;
  pthread_mutex_lock(&broadcaster->mutex);
  size_t len = strlen(broadcaster->reason);
  if (out && size > 0)
    snprintf(out, size, "%s", broadcaster->reason);
  pthread_mutex_unlock(&broadcaster->mutex);
  return len;
}
