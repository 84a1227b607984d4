/* The outbox: the queue as an adapter sees it. Messages are taken and settled
 * in their order; others learn of what was settled by the lot, under one lock,
 * so that the counts sum at any moment. The broadcaster's thread. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "broadcast/broadcaster.h"

/* How many messages may be settled without anybody knowing. */
enum { COMMIT = 64 };

static void commit_locked(struct anycable_outbox *outbox) {
  anycable_broadcaster *broadcaster = outbox->broadcaster;
  anycable_broadcast_counts *counts = &broadcaster->counts;
  counts->published += outbox->fates[ANYCABLE_FATE_PUBLISHED];
  counts->failed += outbox->fates[ANYCABLE_FATE_FAILED];
  counts->dropped += outbox->fates[ANYCABLE_FATE_DROPPED];
  counts->unknown += outbox->fates[ANYCABLE_FATE_UNKNOWN];
  counts->receivers += outbox->receivers;
  memset(outbox->fates, 0, sizeof(outbox->fates));
  outbox->receivers = 0;
  if (strcmp(broadcaster->reason, outbox->reason) != 0)
    memcpy(broadcaster->reason, outbox->reason, sizeof(outbox->reason));
  if (outbox->settled == 0)
    return;
  if (ac_queue_remove(&broadcaster->queue, outbox->settle,
                      outbox->settled_bytes, outbox->settled))
    outbox->take = outbox->settle = 0;
  outbox->settled = outbox->settled_bytes = 0;
  ac_broadcaster_changed(broadcaster);
}

void ac_outbox_commit(struct anycable_outbox *outbox) {
  pthread_mutex_lock(&outbox->broadcaster->mutex);
  commit_locked(outbox);
  pthread_mutex_unlock(&outbox->broadcaster->mutex);
}

void ac_outbox_put_back(struct anycable_outbox *outbox) {
  outbox->take = outbox->settle;
  outbox->unsettled = outbox->ready = 0;
}

/* --- messages ------------------------------------------------------------- */

static void look_for_more(struct anycable_outbox *outbox) {
  anycable_broadcaster *broadcaster = outbox->broadcaster;
  pthread_mutex_lock(&broadcaster->mutex);
  commit_locked(outbox);
  outbox->ready = broadcaster->queue.count - outbox->unsettled;
  pthread_mutex_unlock(&broadcaster->mutex);
}

bool anycable_outbox_next(anycable_outbox *outbox, anycable_str *payload) {
  struct ac_queue_item item;
  /* Where one after the other is sent, the last one's fate is to be known
   * before the next one takes its time. */
  bool one_by_one = outbox->settled > 0 && outbox->unsettled == 0;
  if (outbox->ready == 0 || one_by_one)
    look_for_more(outbox);
  if (outbox->ready == 0 || atomic_load(&outbox->broadcaster->stopping))
    return false;
  ac_queue_read(&outbox->broadcaster->queue, &outbox->take, &item);
  outbox->ready--;
  outbox->unsettled++;
  *payload = item.payload;
  return true;
}

void anycable_outbox_doubt(anycable_outbox *outbox, size_t count) {
  if (count > outbox->unsettled)
    count = outbox->unsettled;
  if (count > outbox->doubted)
    outbox->doubted = count;
}

size_t anycable_outbox_unsettled(const anycable_outbox *outbox) {
  return outbox->unsettled;
}

/* It may have been cut inside a character. */
static void cut_reason(struct anycable_outbox *outbox) {
  ac_utf8_scrub(outbox->reason, strlen(outbox->reason));
}

static void keep_reason(struct anycable_outbox *outbox, int fate,
                        const char *reason) {
  if (fate == ANYCABLE_FATE_PUBLISHED) {
    outbox->progress = true;
    outbox->reason[0] = '\0';
  } else {
    snprintf(outbox->reason, sizeof(outbox->reason), "%s", reason);
    cut_reason(outbox);
    outbox->lost++;
  }
}

int anycable_outbox_settle(anycable_outbox *outbox, int fate, int64_t receivers,
                           const char *reason) {
  anycable_broadcaster *broadcaster = outbox->broadcaster;
  struct ac_queue_item item;
  if (fate < ANYCABLE_FATE_PUBLISHED || fate > ANYCABLE_FATE_UNKNOWN)
    return ANYCABLE_ERR_INVALID;
  if (outbox->unsettled == 0)
    return ANYCABLE_ERR_STATE;
  if (!reason || fate == ANYCABLE_FATE_PUBLISHED)
    reason = "";
  outbox->settled_bytes +=
      ac_queue_read(&broadcaster->queue, &outbox->settle, &item);
  outbox->settled++;
  outbox->unsettled--;
  outbox->doubted -= outbox->doubted > 0;
  outbox->fates[fate]++;
  outbox->any = true;
  if (fate == ANYCABLE_FATE_PUBLISHED && receivers > 0)
    outbox->receivers += (uint64_t)receivers;
  keep_reason(outbox, fate, reason);
  if (broadcaster->on_fate)
    ac_broadcaster_tell(broadcaster, fate, receivers, reason, &item);
  if (broadcaster->on_fate || outbox->settled >= COMMIT)
    ac_outbox_commit(outbox);
  return ANYCABLE_OK;
}

/* --- reasons, waiting, log ------------------------------------------------ */

int anycable_outbox_fail(anycable_outbox *outbox, int error, const char *format,
                         ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(outbox->reason, sizeof(outbox->reason), format, args);
  va_end(args);
  cut_reason(outbox);
  ac_outbox_commit(outbox); /* publish may go on, and take its time */
  return error;
}

int anycable_outbox_fd(const anycable_outbox *outbox) {
  return outbox->broadcaster->stop_fd;
}

bool anycable_outbox_pause(anycable_outbox *outbox, int64_t ms) {
  struct pollfd stop = {outbox->broadcaster->stop_fd, POLLIN, 0};
  uint64_t now = ac_clock_now();
  uint64_t end = now + (ms > 0 ? (uint64_t)ms * AC_MS : 0);
  while (now < end) {
    uint64_t left = (end - now + AC_MS - 1) / AC_MS;
    if (poll(&stop, 1, left > INT32_MAX ? INT32_MAX : (int)left) > 0)
      return false;
    now = ac_clock_now();
  }
  return poll(&stop, 1, 0) <= 0;
}

void anycable_outbox_log(anycable_outbox *outbox, int level, const char *format,
                         ...) {
  anycable_broadcaster *broadcaster = outbox->broadcaster;
  char prefix[80];
  va_list args;
  if (!ac_log_wants(&broadcaster->log, level) ||
      !ac_broadcaster_enter(broadcaster))
    return;
  snprintf(prefix, sizeof(prefix),
           "broadcast: %.60s: ", broadcaster->adapter.name);
  va_start(args, format);
  ac_log_vwrite(&broadcaster->log, level, prefix, format, args);
  va_end(args);
  ac_broadcaster_leave(broadcaster);
}
