/* The thread of a broadcaster: has the adapter publish while there are
 * messages, and waits a while when it cannot. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "broadcast/broadcaster.h"

enum { FIRST_DELAY = 100, LAST_DELAY = 5000 }; /* ms */

/* How long an adapter may take to return when it is told to. */
#define PATIENCE AC_SECOND

/* True if there are messages, false if this is the end. */
static bool wait_for_work(anycable_broadcaster *broadcaster) {
  pthread_mutex_lock(&broadcaster->mutex);
  while (broadcaster->queue.count == 0 && !broadcaster->stopping) {
    broadcaster->idle = true;
    pthread_cond_wait(&broadcaster->work, &broadcaster->mutex);
    broadcaster->idle = false;
  }
  bool go_on = !broadcaster->stopping;
  pthread_mutex_unlock(&broadcaster->mutex);
  return go_on;
}

int64_t ac_sender_delay(unsigned breaks, uint32_t random) {
  int64_t most = breaks > 6 ? LAST_DELAY : (int64_t)FIRST_DELAY << (breaks - 1);
  int64_t chance = (most / 2) * (int64_t)(random >> 16) / 65536;
  return breaks == 1 ? most + chance / 4 : most - chance;
}

/* Has the adapter publish once. True if it can be asked again at once: one that
 * settles nothing would be asked for ever. */
static bool publish(anycable_broadcaster *broadcaster) {
  struct anycable_outbox *outbox = &broadcaster->outbox;
  outbox->any = outbox->progress = false;
  int error = broadcaster->adapter.publish(broadcaster->publisher, outbox);
  if (!error && !outbox->any && !atomic_load(&broadcaster->stopping))
    error = anycable_outbox_fail(outbox, ANYCABLE_ERR_STATE,
                                 "the adapter has settled nothing");
  ac_outbox_put_back(outbox);
  ac_outbox_commit(outbox);
  return !error;
}

/* Logs what did not arrive, or perhaps not, once a second at most. */
static void tell_losses(struct anycable_outbox *outbox) {
  uint64_t now = ac_clock_now();
  if (outbox->lost_said && now - outbox->lost_said < AC_SECOND)
    return;
  anycable_outbox_log(outbox, ANYCABLE_LOG_WARN,
                      "%llu messages failed, or are not known to have arrived%s"
                      "%s",
                      (unsigned long long)outbox->lost,
                      outbox->reason[0] ? ": " : "", outbox->reason);
  outbox->lost = 0;
  outbox->lost_said = now;
}

/* The other side cannot be reached: says so, once in a row. */
static void broke(anycable_broadcaster *broadcaster, unsigned breaks) {
  struct anycable_outbox *outbox = &broadcaster->outbox;
  pthread_mutex_lock(&broadcaster->mutex);
  broadcaster->counts.breaks++;
  size_t queued = broadcaster->queue.count;
  pthread_mutex_unlock(&broadcaster->mutex);
  anycable_outbox_log(outbox,
                      breaks == 1 ? ANYCABLE_LOG_WARN : ANYCABLE_LOG_DEBUG,
                      "%s; %zu messages wait", outbox->reason, queued);
}

/* Waits until it is worth another attempt: at once when the broadcaster is to
 * be freed, and then often, as there may be somebody again. */
static void back_off(anycable_broadcaster *broadcaster, unsigned breaks) {
  broadcaster->random = broadcaster->random * 1664525 + 1013904223;
  pthread_mutex_lock(&broadcaster->mutex);
  bool hurried = broadcaster->hurried;
  int64_t ms =
      hurried ? FIRST_DELAY : ac_sender_delay(breaks, broadcaster->random);
  uint64_t until = ac_clock_now() + (uint64_t)ms * AC_MS;
  const struct timespec deadline = {(time_t)(until / AC_SECOND),
                                    (long)(until % AC_SECOND)};
  while (!broadcaster->stopping && broadcaster->hurried == hurried &&
         pthread_cond_timedwait(&broadcaster->work, &broadcaster->mutex,
                                &deadline) != ETIMEDOUT)
    ;
  pthread_mutex_unlock(&broadcaster->mutex);
}

static void *run(void *arg) {
  anycable_broadcaster *broadcaster = arg;
  unsigned breaks = 0; /* in a row */
  while (wait_for_work(broadcaster)) {
    bool good = publish(broadcaster);
    if (broadcaster->outbox.lost > 0)
      tell_losses(&broadcaster->outbox);
    if (breaks > 0 && broadcaster->outbox.progress)
      anycable_outbox_log(&broadcaster->outbox, ANYCABLE_LOG_INFO,
                          "publishing goes on");
    if (good || broadcaster->outbox.progress)
      breaks = 0;
    if (good)
      continue;
    broke(broadcaster, ++breaks);
    back_off(broadcaster, breaks);
  }
  pthread_mutex_lock(&broadcaster->mutex);
  bool abandoned = broadcaster->abandoned;
  broadcaster->ended = true;
  ac_broadcaster_changed(broadcaster);
  pthread_mutex_unlock(&broadcaster->mutex);
  if (abandoned)
    ac_broadcaster_destroy(broadcaster);
  return NULL;
}

int ac_sender_start(anycable_broadcaster *broadcaster) {
  int error = ac_thread_start(&broadcaster->thread, run, broadcaster);
  if (error)
    return ANYCABLE_ERR_IO;
  broadcaster->started = true;
  return ANYCABLE_OK;
}

/* Waits until the thread has ended, or its adapter hangs. User code that runs
 * is waited for, and the adapter has all of its time after it. Under the lock.
 */
static void await_end(anycable_broadcaster *broadcaster) {
  uint64_t deadline = ac_clock_now() + PATIENCE;
  while (!broadcaster->ended) {
    if (ac_broadcaster_wait(broadcaster, deadline))
      continue;
    if (broadcaster->telling == 0)
      return;
    while (broadcaster->telling > 0)
      ac_broadcaster_wait(broadcaster, UINT64_MAX);
    deadline = ac_clock_now() + PATIENCE;
  }
}

bool ac_sender_stop(anycable_broadcaster *broadcaster) {
  const uint64_t one = 1;
  broadcaster->stopping = true;
  ssize_t n = write(broadcaster->stop_fd, &one, sizeof(one));
  (void)n; /* it cannot be full */
  pthread_cond_signal(&broadcaster->work);
  if (!ac_broadcaster_inside(broadcaster))
    await_end(broadcaster);
  if (broadcaster->ended)
    return true;
  broadcaster->silent = true;
  broadcaster->abandoned = true;
  pthread_detach(broadcaster->thread);
  return false;
}
